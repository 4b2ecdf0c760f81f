"""The service for async code: behind the frameworks that have an event loop, and no others."""

import asyncio

import pytest

from paykit import ConfigurationError
from paykit.service import AsyncPaymentService
from paykit.webhooks.flask import paykit_blueprint
from paykit.webhooks.wsgi import PaykitWsgi
from tests.service.shop import momo, request, vnpay
from tests.webhooks.shops import AwaitedProvider

from .callers import VNPAY, VNPayCaller
from .case import refused, reply
from .frameworks import ASYNC, FRAMEWORKS
from .site import OPTIONS, RETURN_TO, SENT_TO
from .table_browsers import sent_to
from .wire import Connection, Sent, exchange


class Order(VNPayCaller):
    def reference(self, number):
        return f"ORDER-{number}"


def opened(folder):
    return AsyncPaymentService(
        [vnpay(), momo()],
        database=f"sqlite:///{folder}/p.db",
        transport=AwaitedProvider(),
        single_process=True,
    )


@pytest.mark.parametrize("name", ASYNC)
def test_a_payment_from_its_start_to_its_end(name, tmp_path):
    service = opened(tmp_path)
    try:
        session = asyncio.run(service.create(request(), provider="vnpay"))
        options = OPTIONS["usual"]
        with FRAMEWORKS[name](service, return_to=RETURN_TO, options=options) as url:
            path = f"/payments/{session.payment_id}/status"
            tag = exchange(url, Sent("GET", path)).headers["etag"]
            waiting = (("if-none-match", tag), ("prefer", "wait=20"))
            with Connection(url) as connection:
                connection.send(Sent("GET", path, headers=waiting).wire(url))
                reply(VNPAY.taken).check(exchange(url, Order().call(1)))
                assert b'"status":"succeeded"' in connection.answer().body
            reply(VNPAY.again).check(exchange(url, Order().call(1)))
            reply(VNPAY.unproven).check(exchange(url, Order().forged(1)))
            back = exchange(url, Sent("GET", f"/returns/vnpay?{Order().query(1)}"))
            sent_to(f"{SENT_TO}&state=paid&payment_id={session.payment_id}").check(back)
            refused(404, "there is no such payment").check(
                exchange(url, Sent("GET", "/payments/nobody/status"))
            )
    finally:
        asyncio.run(service.close())


@pytest.mark.parametrize("mount", [PaykitWsgi, paykit_blueprint])
def test_where_requests_are_blocking_it_is_refused_at_once(mount, tmp_path):
    service = opened(tmp_path)
    try:
        with pytest.raises(ConfigurationError, match="give the blocking service"):
            mount(service, return_to=RETURN_TO)
    finally:
        asyncio.run(service.close())
