"""A running sandbox with a clock that stands still and a merchant who takes notes."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count

import attrs
import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.applications import Starlette

from paykit.http import HttpRequest, HttpResponse
from paykit.sandbox import (
    AdyenConfig,
    CheckoutComConfig,
    MoMoConfig,
    PayPalConfig,
    SandboxConfig,
    StripeConfig,
    VNPayConfig,
    ZaloPayConfig,
    create_app,
)
from paykit.sandbox.casso.config import CassoConfig
from paykit.sandbox.sepay.config import SePayConfig

#: 10:04:05 in Vietnam.
START = datetime(2025, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


@attrs.define
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@attrs.define
class Merchant:
    """Answers notices: from ``answers`` while there are any, then as a good merchant does."""

    received: list[HttpRequest] = attrs.field(factory=list)
    answers: list[HttpResponse | Exception] = attrs.field(factory=list)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.received.append(request)
        answer = self.answers.pop(0) if self.answers else self.thanks(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @staticmethod
    def thanks(request: HttpRequest) -> HttpResponse:
        if request.method == "GET":
            return HttpResponse(200, (), b'{"RspCode":"00","Message":"Confirm Success"}')
        if request.url.endswith("/zalopay"):
            return HttpResponse(200, (), b'{"return_code":1,"return_message":"success"}')
        if "/ipn" in request.url:
            return HttpResponse(204)
        return HttpResponse(200, (), b'{"success":true}')


@attrs.define
class Client:
    """A blocking client of an ASGI application whose loop runs in a thread of its own."""

    app: Starlette
    portal: BlockingPortal

    def get(self, url: str) -> httpx.Response:
        return self.request("GET", url)

    def post(self, url: str, **content) -> httpx.Response:
        return self.request("POST", url, **content)

    def request(self, method: str, url: str, **content) -> httpx.Response:
        async def perform() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
                return await client.request(method, url, **content)

        return self.portal.call(perform)


@attrs.define
class World:
    client: Client
    clock: Clock
    merchant: Merchant
    config: SandboxConfig

    def settle(self) -> None:
        """Wait until every notice that is under way has ended."""
        self.client.portal.call(self.client.app.state.deliveries.idle)

    def deliveries(self) -> list[dict]:
        return self.client.get("/_sandbox/deliveries").json()["deliveries"]

    def payments(self) -> list[dict]:
        return self.client.get("/_sandbox/payments").json()["payments"]

    def faults(self, **switches: object) -> None:
        assert self.client.post("/_sandbox/faults", json=switches).status_code == 200


@pytest.fixture(scope="session")
def portal():
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def make_world(portal):
    """Start a sandbox with other settings; short waits between attempts unless said otherwise."""
    stack = ExitStack()

    def make(
        *,
        vnpay: dict | None = None,
        momo: dict | None = None,
        sepay: dict | None = None,
        casso: dict | None = None,
        zalopay: dict | None = None,
        paypal: dict | None = None,
        stripe: dict | None = None,
        adyen: dict | None = None,
        checkoutcom: dict | None = None,
        **settings,
    ) -> World:
        clock, merchant, ids = Clock(), Merchant(), count(1)
        soon = timedelta(milliseconds=1)
        config = SandboxConfig(
            clock=clock,
            new_id=lambda: f"id{next(ids)}",
            vnpay=VNPayConfig(**{"ipn_interval": soon, **(vnpay or {})}),
            momo=MoMoConfig(**{"ipn_retry_after": (soon, soon), **(momo or {})}),
            sepay=SePayConfig(**{"retry_after": (), **(sepay or {})}),
            casso=CassoConfig(**{"retry_after": (), **(casso or {})}),
            zalopay=ZaloPayConfig(**{"callback_retry_after": (soon,) * 3, **(zalopay or {})}),
            paypal=PayPalConfig(**{"webhook_retry_after": (soon, soon), **(paypal or {})}),
            stripe=StripeConfig(**{"webhook_retry_after": (soon, soon), **(stripe or {})}),
            adyen=AdyenConfig(**{"webhook_retry_after": (soon, soon), **(adyen or {})}),
            checkoutcom=CheckoutComConfig(
                **{"webhook_retry_after": (soon, soon), **(checkoutcom or {})}
            ),
            **settings,
        )
        app = create_app(config, send=merchant)
        lifespan = app.router.lifespan_context(app)
        stack.enter_context(portal.wrap_async_context_manager(lifespan))
        return World(Client(app, portal), clock, merchant, config)

    with stack:
        yield make


@pytest.fixture
def world(make_world) -> World:
    return make_world()
