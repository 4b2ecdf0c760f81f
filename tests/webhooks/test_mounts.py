"""The endpoints over plain ASGI and FastAPI: one table, the same answers."""

import asyncio
import json

import httpx
import pytest

from paykit import ConfigurationError, Delivery
from paykit.providers.momo import NOTICE_FIELDS
from paykit.service import AsyncPaymentService, PaymentService
from paykit.webhooks.asgi import PaykitApp
from tests.service.shop import momo, notice, request, vnpay

from .mounts import LIMIT, MOUNTS, fastapi, plain


class Site:
    """A shop with a mount, called over HTTP."""

    def __init__(self, service, mount):
        self.service = service
        self.app = mount(service)

    def __call__(self, method, path, **options):
        async def call():
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                return await client.request(method, path, **options)

        return asyncio.run(call())


@pytest.fixture(params=MOUNTS, ids=lambda mount: mount.__name__)
def site(request, tmp_path):
    with PaymentService([vnpay(), momo()], database=f"sqlite:///{tmp_path}/p.db") as service:
        yield Site(service, request.param)


def ipn(**changes):
    return "/webhooks/vnpay?" + notice(**changes).query.decode()


def momo_body(**changes):
    body = {
        "partnerCode": "MOMOSHOP", "orderId": "ORDER-1", "requestId": "ORDER-1",
        "amount": 150_000, "orderInfo": "Thanh toán", "orderType": "momo_wallet",
        "transId": 4088878701, "resultCode": 0, "message": "Thành công.", "payType": "qr",
        "responseTime": 1_767_000_000_000, "extraData": "", **changes,
    }  # fmt: skip
    body["signature"] = momo().signature(NOTICE_FIELDS, body)
    return body


def encoded(body):
    return json.dumps(body, ensure_ascii=False).encode()


def test_vnpay_pays(site):
    session = site.service.create(request(), provider="vnpay")
    first = site("GET", ipn())
    assert (first.status_code, first.headers["content-type"], first.json()) == (
        200,
        "application/json",
        {"RspCode": "00", "Message": "Confirm Success"},
    )
    assert site("GET", ipn()).json()["RspCode"] == "02"
    status = site("GET", f"/payments/{session.payment_id}/status")
    assert status.json() == {
        "payment_id": session.payment_id,
        "status": "succeeded",
        "final": True,
        "amount": {"minor": 150_000, "currency": "VND", "text": "150.000\N{NO-BREAK SPACE}₫"},
        "next_action": None,
        "next_poll_seconds": None,
    }


MOMO = "/webhooks/momo"
GOOD = encoded(momo_body())

#: name: (method, path, options, status, body or None)
TABLE = {
    # MoMo answers by status only.
    "momo unknown order is kept": ("POST", MOMO, {"content": GOOD}, 204, b""),
    "momo wrong content type": (
        "POST", MOMO, {"content": GOOD, "headers": {"content-type": "text/plain"}}, 204, b""
    ),
    "momo no content type": ("POST", MOMO, {"content": GOOD}, 204, b""),
    "momo empty": ("POST", MOMO, {"content": b""}, 400, b""),
    "momo not utf-8": ("POST", MOMO, {"content": b"\xff{"}, 400, b""),
    "momo utf-16": ("POST", MOMO, {"content": GOOD.decode().encode("utf-16")}, 400, b""),
    "momo byte order mark": ("POST", MOMO, {"content": b"\xef\xbb\xbf" + GOOD}, 400, b""),
    "momo list": ("POST", MOMO, {"content": b"[]"}, 400, b""),
    "momo null": ("POST", MOMO, {"content": b"null"}, 400, b""),
    "momo text": ("POST", MOMO, {"content": b"hello"}, 400, b""),
    "momo nested": ("POST", MOMO, {"content": b"[" * 30_000}, 400, b""),
    "momo duplicate key": (
        "POST", MOMO, {"content": GOOD[:-1] + b',"amount":1}'}, 400, b""
    ),
    "momo NaN": ("POST", MOMO, {"content": GOOD[:-1] + b',"x":NaN}'}, 400, b""),
    "momo huge number": ("POST", MOMO, {"content": GOOD[:-1] + b',"x":1e999}'}, 400, b""),
    "momo many digits": (
        "POST", MOMO, {"content": GOOD[:-1] + b',"x":' + b"9" * 5_000 + b"}"}, 400, b""
    ),
    "momo NUL": ("POST", MOMO, {"content": encoded(momo_body(orderInfo="a\0b"))}, 400, b""),
    "momo surrogate": (
        "POST", MOMO, {"content": GOOD[:-1] + b',"x":"\\ud800"}'}, 400, b""
    ),
    "momo amount as text": (
        "POST", MOMO, {"content": encoded(momo_body(amount="150000"))}, 400, b""
    ),
    "momo amount as boolean": (
        "POST", MOMO, {"content": encoded(momo_body(amount=True))}, 400, b""
    ),
    "momo amount as fraction": (
        "POST", MOMO, {"content": encoded(momo_body(amount=150000.0))}, 400, b""
    ),
    "momo order id as number": (
        "POST", MOMO, {"content": encoded(momo_body(orderId=1))}, 400, b""
    ),
    "momo crafted order id": (
        "POST", MOMO, {"content": encoded(momo_body(orderId="a&orderId=b"))}, 400, b""
    ),
    "momo form": ("POST", MOMO, {"data": {"orderId": "ORDER-1"}}, 400, b""),
    "momo other partner": (
        "POST", MOMO, {"content": encoded(momo_body(partnerCode="OTHER"))}, 400, b""
    ),
    "momo no signature": (
        "POST", MOMO, {"content": encoded({**momo_body(), "signature": None})}, 401, b""
    ),
    "momo empty signature": (
        "POST", MOMO, {"content": encoded({**momo_body(), "signature": ""})}, 401, b""
    ),
    "momo short signature": (
        "POST", MOMO, {"content": encoded({**momo_body(), "signature": "ab" * 31})}, 401, b""
    ),
    "momo odd alphabet": (
        "POST", MOMO, {"content": encoded({**momo_body(), "signature": "é" * 64})}, 401, b""
    ),
    "momo upper case": (
        "POST", MOMO,
        {"content": encoded({**momo_body(), "signature": momo_body()["signature"].upper()})},
        401, b"",
    ),
    "momo changed": (
        "POST", MOMO, {"content": encoded({**momo_body(), "amount": 1})}, 401, b""
    ),
    "momo by GET": ("GET", MOMO, {}, 405, None),
    "momo by PUT": ("PUT", MOMO, {"content": GOOD}, 405, None),
    "momo by OPTIONS": ("OPTIONS", MOMO, {}, 405, None),
    "momo too large": ("POST", MOMO, {"content": b"x" * (LIMIT + 1)}, 413, None),
    "momo compressed": (
        "POST", MOMO, {"content": GOOD, "headers": {"content-encoding": "gzip"}}, 415, None
    ),
    # VNPay always wants 200 and a code.
    "vnpay unknown order": ("GET", ipn(reference="NOBODY"), {}, 200, "01"),
    "vnpay nothing": ("GET", "/webhooks/vnpay", {}, 200, "97"),
    "vnpay no hash": ("GET", "/webhooks/vnpay?vnp_Amount=1", {}, 200, "97"),
    "vnpay changed": ("GET", ipn().replace("15000000", "25000000"), {}, 200, "97"),
    "vnpay hash cut": ("GET", ipn()[:-1], {}, 200, "97"),
    "vnpay hash longer": ("GET", ipn() + "00", {}, 200, "97"),
    "vnpay hash not hex": ("GET", ipn()[:-1] + "g", {}, 200, "97"),
    "vnpay hash not ascii": ("GET", ipn()[:-1] + "%C3%A9", {}, 200, "97"),
    "vnpay parameter twice": ("GET", ipn() + "&vnp_Amount=1", {}, 200, "99"),
    "vnpay parameter twice, escaped": ("GET", ipn() + "&%76np_Amount=1", {}, 200, "99"),
    "vnpay hash twice": ("GET", ipn() + "&vnp_SecureHash=00", {}, 200, "99"),
    "vnpay not utf-8": ("GET", ipn() + "&vnp_X=%ff", {}, 200, "99"),
    "vnpay broken escape": ("GET", ipn() + "&vnp_X=%zz", {}, 200, "99"),
    "vnpay many parameters": ("GET", ipn() + "&a=1" * 300, {}, 200, "99"),
    "vnpay weaker digest named": ("GET", ipn(reference="X") + "&vnp_SecureHashType=MD5", {}, 200, "01"),
    "vnpay foreign parameter": ("GET", ipn(reference="X") + "&utm_source=x", {}, 200, "01"),
    "vnpay amount with a fraction": ("GET", ipn(vnp_Amount="15000050"), {}, 200, "99"),
    "vnpay amount as text": ("GET", ipn(vnp_Amount="1e7"), {}, 200, "99"),
    "vnpay amount in other digits": ("GET", ipn(vnp_Amount="١٥٠"), {}, 200, "99"),
    "vnpay no reference": ("GET", ipn(reference=""), {}, 200, "99"),
    "vnpay reference from hell": ("GET", ipn(reference="<script>../%00"), {}, 200, "99"),
    "vnpay long reference": ("GET", ipn(reference="x" * 101), {}, 200, "99"),
    "vnpay no date in February": ("GET", ipn(vnp_PayDate="20260230101010"), {}, 200, "99"),
    "vnpay other terminal": ("GET", ipn(vnp_TmnCode="SHOP0002"), {}, 200, "99"),
    "vnpay by POST": ("POST", ipn(), {"content": b""}, 405, None),
    "vnpay by HEAD": ("HEAD", ipn(), {}, 405, None),
    # The endpoints themselves.
    "unknown account": ("POST", "/webhooks/paypal", {"content": b"{}"}, 404, None),
    "account from hell": ("POST", "/webhooks/..%2f..%2fetc", {"content": b"{}"}, 404, None),
    "unknown return": ("GET", "/returns/paypal", {}, 404, None),
    "return by POST": ("POST", "/returns/vnpay", {"content": b""}, 405, None),
    "unknown payment": ("GET", "/payments/pay_guess/status", {}, 404, None),
    "nowhere": ("GET", "/", {}, 404, None),
    "half a path": ("GET", "/payments/pay_1", {}, 404, None),
    "webhook with a tail": ("GET", "/webhooks/vnpay/status", {}, 404, None),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_bad_input(site, case):
    method, path, options, status, body = case
    answer = site(method, path, **options)
    assert answer.status_code == status, answer.text
    if isinstance(body, bytes):
        assert answer.content == body
    elif isinstance(body, str):
        assert answer.json()["RspCode"] == body
    assert site.service.outbox() == []  # whatever it was, it is no event


def test_405_names_the_method(site):
    assert site("POST", "/webhooks/vnpay").headers["allow"] == "GET"
    assert site("GET", "/webhooks/momo").headers["allow"] == "POST"


def test_wrong_amount_is_answered_04(site):
    site.service.create(request(), provider="vnpay")
    assert site("GET", ipn(amount=150_001)).json()["RspCode"] == "04"


def test_status_is_cheap_to_poll(site):
    session = site.service.create(request(), provider="vnpay")
    path = f"/payments/{session.payment_id}/status"
    first = site("GET", path)
    assert first.json()["status"] == "requires_action"
    assert first.json()["next_poll_seconds"] == 5
    assert first.headers["cache-control"] == "private, no-cache"
    tag = first.headers["etag"]
    same = site("GET", path, headers={"if-none-match": f'"x", {tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    site("GET", ipn())
    assert site("GET", path, headers={"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("before", "state"),
    [
        (None, "pending"),
        ({}, "paid"),
        ({"code": "24", "number": "0"}, "canceled"),
        ({"code": "51"}, "failed"),
        ({"code": "11"}, "failed"),
        ({"amount": 1_000}, "pending"),
        ({"code": "07", "status": "07"}, "pending"),
    ],
)
def test_the_return_shows_our_record(site, before, state):
    session = site.service.create(request(), provider="vnpay")
    if before is not None:
        site("GET", ipn(**before))
    answer = site("GET", ipn().replace("webhooks", "returns"))
    assert answer.status_code == 303
    assert answer.headers["location"] == (
        f"https://shop.example/thanks?lang=vi&state={state}&payment_id={session.payment_id}"
    )
    # The genuine return of a success did not settle anything.
    assert site("GET", f"/payments/{session.payment_id}/status").json()["status"] != (
        "succeeded" if before != {} else ""
    )


@pytest.mark.parametrize(
    "query", ["", "?next=//evil.example", "?return_to=javascript:alert(1)", "?vnp_TxnRef=ORDER-1"]
)
def test_a_forged_return_goes_to_the_shop_and_tells_nothing(site, query):
    site.service.create(request(), provider="vnpay")
    answer = site("GET", f"/returns/vnpay{query}")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "https://shop.example/thanks?lang=vi&state=unverified",
    )


def test_the_async_service_behaves_the_same(tmp_path):
    async def scenario():
        async with AsyncPaymentService(
            [vnpay(), momo()], database=f"sqlite:///{tmp_path}/p.db"
        ) as service:
            session = await service.create(request(), provider="vnpay")
            transport = httpx.ASGITransport(app=plain(service))
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                first = await client.get(ipn())
                status = await client.get(f"/payments/{session.payment_id}/status")
                return first.json()["RspCode"], status.json()["status"]

    assert asyncio.run(scenario()) == ("00", "succeeded")


class Broken(type(vnpay())):
    """A provider with a bug: the worst that a delivery can meet."""

    def verify(self, delivery):
        raise KeyError("secret detail")


def test_a_bug_of_ours_makes_the_provider_come_again(tmp_path, caplog):
    provider = Broken(vnpay().config)
    with PaymentService([provider], database=f"sqlite:///{tmp_path}/p.db") as service:
        answer = Site(service, plain)("GET", ipn())
    assert (answer.status_code, answer.json()["RspCode"]) == (200, "99")
    assert "failed inside" in caplog.text


def test_a_bug_of_ours_sends_the_payer_to_the_shop(tmp_path, caplog):
    class BrokenReturn(type(vnpay())):
        def verify_return(self, delivery):
            raise KeyError("secret detail")

    provider = BrokenReturn(vnpay().config)
    with PaymentService([provider], database=f"sqlite:///{tmp_path}/p.db") as service:
        answer = Site(service, plain)("GET", ipn().replace("/webhooks/", "/returns/"))
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "https://shop.example/thanks?lang=vi&state=unverified",
    )
    assert "a browser return for vnpay failed inside" in caplog.text


async def drive(app, messages, *, path="/webhooks/momo", method="POST", headers=()):
    """Call an ASGI app with these messages; returns the status that it sent, if any."""
    sent, waiting = [], list(messages)

    async def receive():
        if not waiting:
            await asyncio.sleep(60)
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "headers": list(headers),
        "query_string": b"", "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"] if sent else None


def chunk(body, *, more):
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([chunk(b"x" * LIMIT, more=True), chunk(b"x", more=True)], 413),
        ([chunk(b"{", more=True)], 408),
        ([chunk(b"{", more=True), {"type": "http.disconnect"}], None),
        ([chunk(GOOD[:10], more=True), chunk(GOOD[10:], more=False)], 204),
    ],
    ids=["endless", "slow", "gone", "in two parts"],
)
def test_bodies_in_chunks(tmp_path, messages, status):
    with PaymentService([momo()], database=f"sqlite:///{tmp_path}/p.db") as service:
        app = plain(service, body_seconds=0.1)
        assert asyncio.run(drive(app, messages)) == status


@pytest.mark.parametrize("length", ["99999999", "9" * 40])
def test_a_large_body_is_refused_before_it_is_read(tmp_path, length):
    with PaymentService([momo()], database=f"sqlite:///{tmp_path}/p.db") as service:
        headers = [(b"Content-Length", length.encode())]
        assert asyncio.run(drive(plain(service), [], headers=headers)) == 413


def test_the_client_may_go_away_under_fastapi_too(tmp_path):
    with PaymentService([momo()], database=f"sqlite:///{tmp_path}/p.db") as service:
        messages = [{"type": "http.disconnect"}]
        assert asyncio.run(drive(fastapi(service), messages)) in {None, 499}


def test_lifespan_and_other_scopes(tmp_path):
    with PaymentService([momo()], database=f"sqlite:///{tmp_path}/p.db") as service:
        app = plain(service)
        sent = []

        async def scenario():
            waiting = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

            async def receive():
                return waiting.pop(0)

            async def send(message):
                sent.append(message["type"])

            await app({"type": "lifespan"}, receive, send)
            with pytest.raises(ConfigurationError):
                await app({"type": "websocket"}, receive, send)

        asyncio.run(scenario())
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize(
    "settings",
    [
        {"return_to": "javascript:alert(1)"},
        {"return_to": "//evil.example"},
        {"return_to": "shop"},
        {"return_to": "/thanks#x"},
        {"return_to": "/a\\b"},
        {"return_to": "/thanks", "max_body": 0},
        {"return_to": "/thanks", "body_seconds": 0},
    ],
)
def test_settings_are_checked_at_once(settings):
    with pytest.raises(ConfigurationError):
        PaykitApp(None, **settings)


def test_a_delivery_keeps_the_exact_bytes():
    delivery = Delivery.get("/x?a=%C3%A1+b")
    assert (delivery.query, delivery.query_fields()) == (b"a=%C3%A1+b", {"a": "á b"})
