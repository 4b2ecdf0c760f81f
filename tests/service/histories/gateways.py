"""The three card gateways of the sandbox, each without a network, beside the adapter for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count

import attrs
from starlette.applications import Starlette
from starlette.routing import Mount

from paykit.http import Delivery, HttpRequest, HttpResponse
from paykit.models import CaptureMode
from paykit.providers.adyen import Adyen
from paykit.providers.adyen import AdyenConfig as AdyenAccount
from paykit.providers.checkoutcom import CheckoutCom
from paykit.providers.checkoutcom import CheckoutComConfig as CheckoutComAccount
from paykit.providers.stripe import Stripe
from paykit.providers.stripe import StripeConfig as StripeAccount
from paykit.sandbox import AdyenConfig, CheckoutComConfig, SandboxConfig, StripeConfig
from paykit.sandbox.adyen.simulator import AdyenSimulator
from paykit.sandbox.checkoutcom.simulator import CheckoutComSimulator
from paykit.sandbox.deliveries import Deliveries
from paykit.sandbox.faults import Faults
from paykit.sandbox.pages import Pages
from paykit.sandbox.stripe.simulator import StripeSimulator
from paykit.sandbox.stripe.state import Intent

from ..shop import Clock

ROOT = "http://127.0.0.1:8100"
FIVE = timedelta(minutes=5)


async def _nobody(_request):
    raise AssertionError("no notice is sent but by hand")


@attrs.frozen(kw_only=True)
class Habits:
    """What a gateway or an account of it may do in one way or another."""

    automatic: bool = False  #: of Adyen's account: an authorisation is a payment
    several: bool = False  #: captures of one payment
    slow: bool = False  #: what is accepted takes five minutes
    odd: bool = False  #: the less common of two ways to tell something
    batch: int = 1


class Gateway:
    """A simulator with its books, and the provider that a shop has for it."""

    name: str
    #: Whether the gateway can be asked how a payment stands.
    answers = True
    #: What its answer does not tell: a notice with this in it has to come again.
    untold: bytes | None = None
    #: What is told weeks after the rest, and so not before it.
    last: bytes | None = None

    def __init__(self, habits: Habits, clock: Clock) -> None:
        self.habits, self.clock = habits, clock
        ids = count(1)
        config = SandboxConfig(
            public_url=ROOT, clock=clock, new_id=lambda: f"id{next(ids)}", **self.account(habits)
        )
        self.faults = Faults()
        self.deliveries = Deliveries(_nobody, clock=clock, faults=self.faults, keep=config.keep)
        self.simulator = self.simulate(
            config, deliveries=self.deliveries, faults=self.faults, pages=Pages(config)
        )
        self.app = Starlette(routes=[Mount(f"/{self.name}", routes=self.simulator.routes())])
        self.provider = self.connect(config, habits)
        self.loop = asyncio.new_event_loop()

    def close(self) -> None:
        self.loop.close()

    # What differs between the gateways.

    simulate: type

    def account(self, habits: Habits) -> dict:
        raise NotImplementedError

    def connect(self, config: SandboxConfig, habits: Habits):
        raise NotImplementedError

    def all_payments(self):
        raise NotImplementedError

    def reference_of(self, payment) -> str:
        return payment.reference

    def extra(self) -> dict:
        return {}

    def capture_mode(self, wanted: CaptureMode) -> CaptureMode:
        return wanted

    def typed(self, number: str) -> dict:
        return {"number": number, "expiry": "12/34", "cvc": "123"}

    # What is done with each of them alike.

    def payments(self, reference: str) -> list:
        """The attempts under one of our references, as the gateway's books have them."""
        return [one for one in self.all_payments() if self.reference_of(one) == reference]

    def token(self, number: str) -> str:
        """What the gateway's card field makes of a card."""
        body = self.post_json(f"/{self.name}/card-field", self.typed(number))
        return body["token"]

    def catch_up(self) -> None:
        """What is due by now happens."""
        self.simulator.summaries()

    def notices(self) -> list:
        """All notices so far, the oldest first."""
        return list(self.deliveries)[::-1]

    def delivery(self, notice) -> Delivery:
        """A notice as the shop gets it now: some are signed anew each time."""
        if notice.renew:
            notice.request = notice.renew()
        request = notice.request
        return Delivery(request.method, "/", b"", request.headers, request.body)

    def post_json(self, path: str, value: dict) -> dict:
        body = HttpRequest.post_json(ROOT + path, value)
        return self.send(body).json()

    def submit(self, url: str, **form: str) -> str | None:
        """Send a form of a page; returns where the browser goes, if anywhere."""
        response = self.send(HttpRequest.post_form(url, tuple(form.items())))
        assert response.status < 500, response
        return response.header("location")

    def send(self, request: HttpRequest) -> HttpResponse:
        """One call over ASGI, in this thread."""
        path, _, query = request.url.removeprefix(ROOT).partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in request.headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8100),
        }
        answer: list[dict] = []

        async def receive() -> dict:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: dict) -> None:
            answer.append(message)

        self.loop.run_until_complete(self.app(scope, receive, send))
        start = answer[0]
        body = b"".join(one.get("body", b"") for one in answer[1:])
        headers = tuple((k.decode(), v.decode()) for k, v in start["headers"])
        return HttpResponse(start["status"], headers, body)


class StripeGateway(Gateway):
    name = "stripe"
    simulate = StripeSimulator

    def account(self, habits):
        wait = {"refund_processing": FIVE} if habits.slow else {}
        return {"stripe": StripeConfig(releases_as_refunds=habits.odd, **wait)}

    def connect(self, config, habits):
        account = config.stripe
        return Stripe(
            StripeAccount.from_dict(
                {
                    "secret_key": account.secret_key,
                    "webhook_secret": account.webhook_secrets[0],
                    "base_url": f"{ROOT}/stripe",
                }
            ),
            clock=self.clock,
        )

    def all_payments(self):
        return self.simulator._books.all(Intent)

    def reference_of(self, payment):
        return payment.fields.get("metadata", {}).get("reference", "")

    def extra(self):
        if not self.habits.several:
            return {}
        return {"payment_method_options": {"card": {"request_multicapture": "if_available"}}}


class AdyenGateway(Gateway):
    name = "adyen"
    simulate = AdyenSimulator
    answers = False
    last = b'"EXPIRE"'

    def account(self, habits):
        wait = {"processing": FIVE} if habits.slow else {}
        return {
            "adyen": AdyenConfig(
                multiple_captures=habits.several,
                batch=habits.batch,
                new_reference_after_action=habits.odd,
                automatic_capture_notices=habits.odd,
                **wait,
            )
        }

    def connect(self, config, habits):
        account = config.adyen
        return Adyen(
            AdyenAccount.from_dict(
                {
                    "merchant_account": account.merchant_account,
                    "api_key": account.api_key,
                    "hmac_key": account.hmac_key,
                    "capture_mode": "automatic" if habits.automatic else "manual",
                    "multiple_captures": account.multiple_captures,
                    "base_url": f"{ROOT}/adyen/v72",
                }
            ),
            clock=self.clock,
        )

    def all_payments(self):
        return self.simulator._books.payments()

    def capture_mode(self, wanted):
        return self.provider.config.capture_mode

    def typed(self, number):
        return {**super().typed(number), "name": ""}


class CheckoutComGateway(Gateway):
    name = "checkoutcom"
    simulate = CheckoutComSimulator
    untold = b'"dispute_'

    def account(self, habits):
        wait = {"processing": FIVE} if habits.slow else {}
        return {"checkoutcom": CheckoutComConfig(**wait)}

    def connect(self, config, habits):
        account = config.checkoutcom
        return CheckoutCom(
            CheckoutComAccount.from_dict(
                {
                    "secret_key": account.secret_key,
                    "signature_key": account.signature_key,
                    "webhook_authorization": account.webhook_authorization,
                    "processing_channel_id": account.processing_channel_id,
                    "billing_country": "VN",
                    "base_url": f"{ROOT}/checkoutcom",
                }
            ),
            clock=self.clock,
        )

    def all_payments(self):
        return iter(self.simulator._books)

    def reference_of(self, payment):
        return payment.number
