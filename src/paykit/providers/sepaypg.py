"""SePay's payment gateway: a signed form takes the payer there, a POST (IPN) brings the news.

Sources: https://developer.sepay.vn/en/cong-thanh-toan; https://github.com/sepayvn/sepay-pg-php.
"""

from __future__ import annotations

from datetime import timedelta
from operator import attrgetter
from typing import ClassVar, Final, Literal

from ..adapter import Adapter
from ..events import Event
from ..flow import Flow, done
from ..http import Delivery, basic_auth
from ..info import FOR_EVER, Asking, Capability
from ..models import FormPost, Payment, PaymentRef, PaymentRequest, PaymentSession, PaymentStatus
from ..money import Money
from ..provider import ProviderInfo, hosts
from ..signing import SigningKey, Verified, joined, seal_header
from ..wire import DongText, Id, Message, ProviderConfig, Secret, Text, Url, VietnamTime, Wire

S = PaymentStatus
#: What the signature of the form covers, in the order of the form.
SIGNED: Final = (
    "merchant env operation payment_method order_amount currency order_invoice_number "
    "order_description customer_id agreement_id agreement_name agreement_type "
    "agreement_payment_frequency agreement_amount_per_payment success_url error_url cancel_url"
).split()
#: order_status, and whether a payment of it all is approved. Anything else is unknown.
STATES: Final = {
    ("CAPTURED", True): S.SUCCEEDED,
    ("CANCELLED", True): S.REFUNDED,  # only a void cancels what is paid
    ("CANCELLED", False): S.CANCELED,
    ("AUTHENTICATION_NOT_NEEDED", False): S.PENDING,
}
_told = attrgetter("transaction_type", "transaction_status", "transaction_amount")


class SePayGatewayConfig(ProviderConfig):
    """One merchant: ``secret_key`` signs forms and calls, ``ipn_secret`` comes with every IPN."""

    provider: ClassVar[str] = "sepaypg"
    merchant_id: Text
    secret_key: Secret
    ipn_secret: Secret
    previous_ipn_secrets: tuple[Secret, ...] = ()
    base_url: Url | None = None


class _Transaction(Wire):
    id: Id
    transaction_type: str
    transaction_status: str
    transaction_amount: DongText
    transaction_currency: Literal["VND"]
    transaction_date: VietnamTime


class _Order(Wire):
    order_id: Id
    order_invoice_number: Id
    order_status: str
    order_amount: DongText
    order_currency: Literal["VND"]
    transactions: list[_Transaction]


class SePayGateway(Adapter):
    """SePay's payment gateway: cards and bank transfers on its page; voids, but no refunds."""

    name = "sepaypg"
    info = ProviderInfo(
        title="SePay gateway",
        homepage="https://sepay.vn",
        docs=("https://developer.sepay.vn/en/cong-thanh-toan/IPN",),
        currencies=frozenset({"VND"}),
        countries=frozenset({"VN"}),
        hosts=hosts(sandbox="https://pgapi-sandbox.sepay.vn", production="https://pgapi.sepay.vn"),
        reference=r"[A-Za-z0-9_-]{1,100}",
        silent_on=frozenset({S.FAILED, S.CANCELED, S.EXPIRED}),
        asking=Asking(
            first_after=timedelta(minutes=5),
            again_after=timedelta(minutes=5),
            grace=timedelta(days=1),
            gives_up_after=timedelta(days=7),
        ),
        # SePay voids once at most.
        repeatable_for={Capability.VOID: FOR_EVER},
    )
    Config = SePayGatewayConfig
    config: SePayGatewayConfig

    def create_payment(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Sign a form for the payer's browser; ``method`` is SePay's ``payment_method``, or any."""
        self.check_request(request)
        fields = {
            "merchant": self.config.merchant_id,
            "operation": "PURCHASE",
            "payment_method": request.method,
            "order_amount": str(request.amount.minor),
            "currency": "VND",
            "order_invoice_number": request.reference,
            "order_description": request.description or f"Thanh toan {request.reference}",
            "customer_id": request.customer.id,
            "success_url": request.return_url,
            "error_url": request.extra.get("error_url", request.return_url),
            "cancel_url": request.extra.get("cancel_url", request.return_url),
        }
        form = self.form(request, fields, SIGNED)
        key = SigningKey(self.config.secret_key.get_secret_value(), "sha256")
        signature = key.base64(joined(form, SIGNED, by=","))
        page = self.base.replace("//pgapi", "//pay") + "/v1/checkout/init"
        return done(self.session(request, FormPost(page, (*form, ("signature", signature)))))

    def verify(self, delivery: Delivery) -> Flow[Verified]:
        """Prove the sender by its secret: nothing signs what an IPN says."""
        secrets = (self.config.ipn_secret, *self.config.previous_ipn_secrets)
        return done(seal_header(delivery, "X-Secret-Key", *secrets))

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """One event; none for a kind of notice that is not documented."""
        kind = verified.text("notification_type")
        if kind not in ("ORDER_PAID", "RENEWAL_ORDER_PAID", "TRANSACTION_VOID"):
            return ()
        one = _Transaction.told(verified.inside("transaction"), provider=self.name)
        order = _Order.told({**verified.inside("order"), "transactions": [one]}, provider=self.name)
        payment = self._payment(order, S.REFUNDED if kind == "TRANSACTION_VOID" else None)
        return (self.as_event(payment, event_id=self.event_id(kind, one.id)),)

    def fetch_payment(self, ref: PaymentRef) -> Flow[Payment]:
        """Ask for the state of an order."""
        call = self.get(f"/v1/order/detail/{self.check_reference(ref.reference)}")
        return self.ask_for(call, _Order, lambda it: self.same(ref, self._payment(it)), at="data")

    def void(self, ref: PaymentRef, *, idempotency_key: str) -> Flow[Payment]:  # noqa: ARG002
        """Undo a card payment before it is settled; SePay does so once at most."""
        return self._end("/v1/order/voidTransaction", ref, S.REFUNDED)

    def cancel(self, ref: PaymentRef) -> Flow[Payment]:
        """Close the order of a bank transfer that did not come."""
        return self._end("/v1/order/cancel", ref, S.CANCELED)

    def _end(self, path: str, ref: PaymentRef, status: PaymentStatus) -> Flow[Payment]:
        after = self.whole_payment(self.check_reference(ref.reference), status, ref.amount)
        call = self.post(path, {"order_invoice_number": ref.reference}, moves_money=True)
        return self.ask_for(call, Message, lambda _: after)

    def _payment(self, order: _Order, status: PaymentStatus | None = None) -> Payment:
        paid = ("PAYMENT", "APPROVED", order.order_amount) in map(_told, order.transactions)
        status = status or STATES.get((order.order_status, paid), S.UNKNOWN)
        amount, reference = Money(order.order_amount, "VND"), order.order_invoice_number
        at = max((one.transaction_date for one in order.transactions), default=None)
        known_as = {"provider_id": order.order_id, "code": order.order_status[:80]}
        return self.whole_payment(reference, status, amount, occurred_at=at, **known_as)

    def headers(self) -> dict[str, str]:
        """Basic authentication."""
        return basic_auth(self.config.merchant_id, self.config.secret_key.get_secret_value())
