"""ZaloPay OpenAPI v2: signed JSON makes an order, a POST callback says that it was paid.

Source: https://docs.zalopay.vn/docs/specs/order-create and its neighbours. Amounts are whole đồng,
times are Unix milliseconds, and ids begin with the day in Vietnam. ``key1`` signs what is sent,
``key2`` proves what comes. A payment that fails, is given up or expires is told by nobody.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ...errors import MalformedDelivery
from ...events import Event, PaymentProcessed, TokenGranted
from ...flow import Flow, done
from ...http import Delivery, JsonObject, Reply
from ...info import FOR_EVER, Asking, Capability
from ...models import PaymentRequest, PaymentSession, PaymentStatus
from ...money import Money
from ...provider import Outcome, ProviderInfo
from ...signing import Verified, seal_hmac_hex
from ...vietnam import from_milliseconds
from ...wire import Environment
from .agreements import Agreements, PayableChannel, TokenBalance
from .answers import Agreement, OrderNotice
from .banks import Bank, BankLink, Banks
from .codes import (
    AGREEMENT_STATUSES,
    PAYMENT_CODES,
    PREFERRED,
    REFUND_CODES,
    REPLIES,
    UNTIL_EXPIRY,
    return_status,
)
from .notices import (
    AGREEMENT,
    CALLBACK_EXPECTED,
    RETURN_EXPECTED,
    callback_text,
    code,
    number,
    read_callback,
    read_return,
)
from .refunds import Refunds
from .wire import (
    AGREEMENT_QUERY_FIELDS,
    BALANCE_FIELDS,
    BANK_FIELDS,
    BANK_LINK_FIELDS,
    BIND_FIELDS,
    CANCEL_FIELDS,
    CREATE_FIELDS,
    OWNER_FIELDS,
    PAY_FIELDS,
    QUERY_FIELDS,
    REFUND_FEE_FIELDS,
    REFUND_FIELDS,
    REFUND_QUERY_FIELDS,
    RETURN_FIELDS,
    UNBIND_FIELDS,
    ZaloPayConfig,
    reference_of,
    to_transaction_id,
)

__all__ = [
    "AGREEMENT_QUERY_FIELDS",
    "AGREEMENT_STATUSES",
    "BALANCE_FIELDS",
    "BANK_FIELDS",
    "BANK_LINK_FIELDS",
    "BIND_FIELDS",
    "CANCEL_FIELDS",
    "CREATE_FIELDS",
    "OWNER_FIELDS",
    "PAYMENT_CODES",
    "PAY_FIELDS",
    "PREFERRED",
    "QUERY_FIELDS",
    "REFUND_CODES",
    "REFUND_FEE_FIELDS",
    "REFUND_FIELDS",
    "REFUND_QUERY_FIELDS",
    "RETURN_FIELDS",
    "UNBIND_FIELDS",
    "UNTIL_EXPIRY",
    "Bank",
    "BankLink",
    "PayableChannel",
    "TokenBalance",
    "ZaloPay",
    "ZaloPayConfig",
]

S = PaymentStatus


class ZaloPay(Agreements, Refunds, Banks):
    """ZaloPay wallet, cards, bank accounts and VietQR by redirect; refunds; linked wallets."""

    name = "zalopay"
    info = ProviderInfo(
        title="ZaloPay",
        homepage="https://zalopay.vn",
        docs=(
            "https://docs.zalopay.vn/docs/specs/order-create",
            "https://docs.zalopay.vn/docs/specs/callback-api",
            "https://beta-docs.zalopay.vn/docs/specs/tokenization",
        ),
        currencies=frozenset({"VND"}),
        countries=frozenset({"VN"}),
        hosts={
            Environment.SANDBOX: "https://sb-openapi.zalopay.vn",
            Environment.PRODUCTION: "https://openapi.zalopay.vn",
        },
        # A callback comes only after money was collected.
        silent_on=frozenset({S.FAILED, S.CANCELED, S.EXPIRED}),
        # So it wants to be asked until there is an end. An order may live for thirty days.
        asking=Asking(
            first_after=timedelta(minutes=3),
            again_after=timedelta(minutes=3),
            at_most=timedelta(hours=1),
            grace=timedelta(days=1),
            gives_up_after=timedelta(days=31),
        ),
        # A whole m_refund_id (see refund_reference) is taken once, and only on its day. An order's
        # id has the day of the call in it: the same charge on another day is another order.
        repeatable_for={Capability.REFUND: FOR_EVER},
    )
    Config = ZaloPayConfig

    def create_payment(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Make an order, charge ``request.token``, or ask for a link with ``save_token``.

        ``method`` is one or several of :data:`PREFERRED`, joined by commas, or a ``bank_code``
        such as ``zalopayapp``, ``CC`` or a bank of :meth:`banks`; without it the payer chooses.
        ``extra`` takes ZaloPay's unsigned optional fields, ``embed_data`` (a mapping) and ``item``
        (a list, instead of ``items``). An order that exists already is asked about and never made
        twice: if it was paid the session says so, else
        :class:`~paykit.errors.DuplicateReference` is raised. A link takes 0 VND, needs
        ``customer.id``, and its ``extra`` takes ``max_amount``, ``binding_data`` and
        ``redirect_deep_link``. https://docs.zalopay.vn/docs/specs/order-create
        """
        self.check_request(request, free=request.save_token)
        if request.save_token:
            return self._bind(request)
        if request.token is not None:
            return self._charge(request, request.token)
        return self._create(request)

    # Callbacks and returns.

    def verify(self, delivery: Delivery) -> Flow[Verified]:
        """Prove a callback: HMAC-SHA256 under key2 over the text of ``data`` as it came."""
        body = delivery.json()
        data, mac = callback_text(body)
        fields: JsonObject = {}
        verified = seal_hmac_hex(
            delivery,
            keys=self._key2s,
            messages=[data.encode()],
            given=mac,
            fields=fields,
            expected=CALLBACK_EXPECTED,
        )
        kind, content = read_callback(data, body.get("type"))
        if type(content.get("app_id")) is not int or content["app_id"] != self.config.app_id:
            raise MalformedDelivery("app_id is another app's", provider=self.name)
        fields["agreement" if kind == AGREEMENT else "order"] = content
        return done(verified)

    def verify_return(self, delivery: Delivery) -> Flow[Verified]:
        """Prove a browser return: HMAC-SHA256 under key2 over seven values joined by ``|``."""
        fields, text, given = read_return(delivery)
        content: JsonObject = {}
        verified = seal_hmac_hex(
            delivery,
            keys=self._key2s,
            messages=[text],
            given=given,
            fields=content,
            expected=RETURN_EXPECTED,
        )
        if fields["appid"] != str(self.config.app_id):
            raise MalformedDelivery("appid is another app's", provider=self.name)
        content["return"] = fields
        return done(verified)

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """What a callback or a return says.

        A callback about an order has no code: that it comes means that the payment succeeded. One
        about a link brings a payment of 0 VND, and :class:`~paykit.events.TokenGranted` when the
        payer has confirmed it. A return tells no time.
        """
        if "order" in verified.fields:
            return (self._paid(verified, verified.fields["order"]),)
        if "agreement" in verified.fields:
            return self._linked(verified, verified.fields["agreement"])
        fields = verified.fields["return"]
        claimed = code(fields)
        status, reason = return_status(claimed)
        return (
            PaymentProcessed(
                event_id=verified.fingerprint,
                provider=self.name,
                account=self.account,
                reference=self._reference(fields["apptransid"]),
                status=status,
                amount=Money(number(fields, "amount"), "VND"),
                occurred_at=self.clock(),
                code=str(claimed),
                reason=reason,
            ),
        )

    def reply(self, outcome: Outcome) -> Reply:
        """Always HTTP 200; ZaloPay reads ``return_code``."""
        return_code, message = REPLIES[outcome]
        return Reply.json({"return_code": return_code, "return_message": message})

    def _paid(self, verified: Verified, content: JsonObject) -> PaymentProcessed:
        notice = OrderNotice.read(content, provider=self.name, error=MalformedDelivery)
        provider_id = to_transaction_id(notice.zp_trans_id)
        if provider_id is None:
            raise MalformedDelivery("zp_trans_id is not an id", provider=self.name)
        try:
            occurred_at = from_milliseconds(notice.server_time)
        except ValueError:
            raise MalformedDelivery("server_time is out of range", provider=self.name) from None
        return PaymentProcessed(
            event_id=verified.fingerprint,
            provider=self.name,
            account=self.account,
            reference=self._reference(notice.app_trans_id),
            provider_id=provider_id,
            status=S.SUCCEEDED,
            amount=Money(notice.amount, "VND"),
            occurred_at=occurred_at,
        )

    def _linked(self, verified: Verified, content: JsonObject) -> tuple[Event, ...]:
        link = Agreement.read(content, provider=self.name, error=MalformedDelivery)
        reference = self._reference(link.app_trans_id)
        status, reason = AGREEMENT_STATUSES.get(link.status, (S.UNKNOWN, None))
        if link.server_time is None:
            raise MalformedDelivery("server_time is missing", provider=self.name)
        occurred_at = datetime.fromtimestamp(link.server_time, UTC)
        payment = PaymentProcessed(
            event_id=verified.fingerprint,
            provider=self.name,
            account=self.account,
            reference=reference,
            provider_id=link.binding_id or None,
            status=status,
            amount=Money(0, "VND"),
            occurred_at=occurred_at,
            code=str(link.status),
            reason=reason,
        )
        if status is not S.SUCCEEDED:
            return (payment,)
        if not link.merchant_user_id:
            raise MalformedDelivery("merchant_user_id is missing", provider=self.name)
        granted = TokenGranted(
            event_id=f"{verified.fingerprint}-token",
            provider=self.name,
            account=self.account,
            reference=reference,
            customer_id=link.merchant_user_id,
            # Not the token: create_token asks for it, so that no event carries it.
            grant=link.app_trans_id,
            occurred_at=occurred_at,
        )
        return (payment, granted)

    def _reference(self, order_id: str) -> str:
        reference = reference_of(order_id)
        if reference is None:
            raise MalformedDelivery("app_trans_id is not one of ours", provider=self.name)
        return reference
