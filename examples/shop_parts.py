"""What the shops on FastAPI, Django, Flask, Litestar and aiohttp share: all but the framework.

The providers are played by paykit's sandbox, in a thread; every payment is forgotten at the end.
"""

import argparse
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlencode

import attrs
import jinja2
import uvicorn

from paykit import (
    Customer,
    MoMo,
    Money,
    PaymentProcessed,
    PaymentRequest,
    PaymentSession,
    PayOS,
    Provider,
    Redirect,
    VNPay,
)
from paykit import PaymentStatus as S
from paykit.sandbox import SandboxConfig, create_app
from paykit.vietqr import qr

PRICE: Final = Money(320_000, "VND")
Way: TypeAlias = Literal["vnpay", "momo", "payos"]
#: The ways to pay, by the provider's key.
WAYS: Final[Mapping[Way, str]] = {
    "vnpay": "Bank card or bank account, at VNPay",
    "momo": "The MoMo wallet",
    "payos": "Any bank app, by a QR code of payOS",
}
#: What the payer is told. With any other status the payment is still open.
SAID: Final = {
    S.SUCCEEDED: ("Paid", "Thank you! Your tea is on its way."),
    S.CANCELED: ("Canceled", "You have paid nothing."),
    S.EXPIRED: ("Too late", "The time to pay has run out. You have paid nothing."),
    S.FAILED: ("Not paid", "The payment did not go through."),
    S.NEEDS_REVIEW: ("One moment", "Your payment does not match the order. We are looking at it."),
}
OPEN: Final = ("Waiting for your payment", "This page changes by itself when the money arrives.")
_PAGES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "shop_pages"), autoescape=True
)
_STATUS: Final = _PAGES.get_template("status.html", globals={"said": SAID, "open": OPEN})
#: Seconds for what is under way when it ends.
_PATIENCE: Final = 3


@attrs.frozen
class Shop:
    """Where a shop runs, and the sandbox that it buys from."""

    listener: socket.socket  #: the shop's port; browsers that come too early wait
    sandbox: SandboxConfig
    database: str
    secret: str = attrs.field(factory=secrets.token_hex, repr=False)

    @property
    def url(self) -> str:
        """The address for browsers and providers."""
        return _url(self.listener)

    def providers(self) -> list[Provider]:
        """The accounts, with the sandbox's own keys. A real shop has ``VNPay.from_env()``."""
        at, keys = self.sandbox.public_url, self.sandbox
        momo = keys.momo.merchants[0]
        return [
            VNPay.from_dict(
                {
                    "tmn_code": keys.vnpay.tmn_code,
                    "hash_secret": keys.vnpay.hash_secret,
                    "pay_url": f"{at}/vnpay/paymentv2/vpcpay.html",
                    "api_url": f"{at}/vnpay/merchant_webapi/api/transaction",
                }
            ),
            MoMo.from_dict(
                {
                    "partner_code": momo.partner_code,
                    "access_key": momo.access_key,
                    "secret_key": momo.secret_key,
                    "base_url": f"{at}/momo",
                    "notify_url": f"{self.url}/pay/webhooks/momo",
                }
            ),
            PayOS.from_dict(
                {
                    "client_id": keys.payos.client_id,
                    "api_key": keys.payos.api_key,
                    "checksum_key": keys.payos.checksum_key,
                    "base_url": f"{at}/payos",
                }
            ),
        ]

    def order(self, provider: str, *, ip: str | None) -> PaymentRequest:
        """A new order for one packet of tea, and the first and only attempt to pay it."""
        number = str(secrets.randbelow(900_000_000) + 100_000_000)
        return PaymentRequest(
            reference=number,  # a second attempt would want another one
            order_id=number,
            amount=PRICE,
            return_url=f"{self.url}/pay/returns/{provider}",
            locale="en",
            customer=Customer(ip=ip),  # which VNPay wants to know
        )

    def payment_page(self, session: PaymentSession, *, order_url: str = "") -> str:
        """How a payment stands, and the code to scan while it is open."""
        code = _code(session)
        return _STATUS.render(
            order_id=session.reference,
            watch=f"/pay/payments/{session.payment_id}/status",
            status=session.status,
            amount=session.amount.format(),
            code=qr.svg(code, scale=5) if code else "",
            bank_app=f"{self.sandbox.public_url}/bank/?{urlencode({'qr': code or ''})}",
            order_url=order_url,
        )


def product_page() -> str:
    """The one thing that is for sale."""
    return _PAGES.get_template("product.html").render(price=PRICE.format(), ways=WAYS)


def order_page(order_id: str, token: str) -> str:
    """How an order stands, for whoever was given its token."""
    watch = f"/pay/orders/{order_id}/status?{urlencode({'token': token})}"
    return _STATUS.render(order_id=order_id, watch=watch)


def onward(session: PaymentSession) -> str:
    """Where the payer goes to pay: to our page with the code to scan, or to the provider's."""
    if isinstance(session.next, Redirect) and not _code(session):
        return session.next.url
    return f"/thanks?payment_id={session.payment_id}"


def ship(event: PaymentProcessed) -> None:
    """Hear of each change, at least once. A real shop ships here, once for each ``event_id``."""
    print(f"{event.order_id} is {event.status}: {event.amount}", flush=True)


@contextmanager
def open_shop() -> Iterator[Shop]:
    """A port for the shop, and the providers on another one, until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8000, help="the shop's port; 0 takes any")
    port = parser.parse_args().port
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        parser.error(f"port {port} cannot be used: {error}")
    with (
        listener,
        socket.create_server(("127.0.0.1", 0)) as providers,
        tempfile.TemporaryDirectory(prefix="paykit-shop-") as folder,
    ):
        shop = Shop(
            listener,
            SandboxConfig.for_shop(f"{_url(listener)}/pay/webhooks", public_url=_url(providers)),
            f"sqlite:///{folder}/payments.db",
        )
        with _playing(shop.sandbox, providers), suppress(KeyboardInterrupt):
            print(f"The shop:      {shop.url}")
            print(f"The providers: {shop.sandbox.public_url}    Ctrl-C ends both.", flush=True)
            yield shop


def serve(app: Any, listener: socket.socket, *, ending: Callable[[], None]) -> None:
    """Run an ASGI application by uvicorn. ``ending`` lets go of the pages that wait for news."""
    _Server(app, ending).run([listener])


class _Server(uvicorn.Server):
    """Before it ends, uvicorn waits for all answers, and a stream for a page goes on and on."""

    def __init__(self, app: Any, ending: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_PATIENCE)
        )
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending()
        await super().shutdown(sockets)


@contextmanager
def _playing(config: SandboxConfig, listener: socket.socket) -> Iterator[None]:
    app = create_app(config)
    app.state.faults.delay_ipn = 1  # so that one sees the payer come back before the notice
    server = _Server(app, ending=lambda: None)
    thread = threading.Thread(target=server.run, args=([listener],), name="sandbox")
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _code(session: PaymentSession) -> str | None:
    """What to scan, while there is something to pay by a bank app."""
    if session.provider != "payos" or session.status is not S.REQUIRES_ACTION:
        return None
    return session.next.qr_payload if isinstance(session.next, Redirect) else None
