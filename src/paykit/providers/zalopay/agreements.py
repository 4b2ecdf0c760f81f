"""ZaloPay's agreements: a payer links the wallet once and is charged without a page afterwards.

Source: https://beta-docs.zalopay.vn/docs/specs/tokenization and ZaloPay's own SDK and samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from ...errors import (
    Declined,
    InvalidRequest,
    MalformedResponse,
    ProviderUnavailable,
)
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import (
    Nothing,
    PaymentRequest,
    PaymentSession,
    PaymentStatus,
    PaymentToken,
    Redirect,
    TokenRequest,
)
from ...money import Money
from ...vietnam import to_milliseconds
from .answers import Agreement, AgreementAnswer, Answer, BalanceAnswer, Bound, OwnerAnswer, Paid
from .codes import (
    AGREEMENT_STATUSES,
    REFUSALS,
    REFUSED,
    UNTIL_EXPIRY,
    payment_status,
)
from .orders import Orders
from .wire import (
    AGREEMENT_QUERY_FIELDS,
    BALANCE_FIELDS,
    BIND_FIELDS,
    LOOK_BACK,
    MAX_IDENTIFIER,
    MAX_JSON,
    OWNER_FIELDS,
    PAY_FIELDS,
    UNBIND_FIELDS,
    check_text,
    check_url,
    is_web_page,
    json_text,
    plain_mapping,
    reference_of,
    to_dong,
    to_order_id,
    to_transaction_id,
)

S = PaymentStatus
_FINAL = frozenset({S.FAILED, S.CANCELED, S.EXPIRED})


@attrs.frozen(kw_only=True)
class PayableChannel:
    """One way to pay of a linked payer; ``channel`` is ZaloPay's number, e.g. 38 for the wallet."""

    channel: int
    payable: bool
    bank_code: str | None = None


@attrs.frozen(kw_only=True)
class TokenBalance:
    """Whether a linked payer could pay an amount now, and the discount that would be given."""

    channels: tuple[PayableChannel, ...]
    discount: Money

    @property
    def payable(self) -> bool:
        """Whether there is a way to pay at all."""
        return any(channel.payable for channel in self.channels)


class Agreements(Orders):
    """Linked wallets."""

    def _bind(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Ask for a link: the payer confirms it on a page or in the app."""
        if request.amount:
            raise InvalidRequest("a link takes no money: ask for 0 VND", field="amount")
        if request.token is not None:
            raise InvalidRequest("is linked already", field="token")
        now, extra = self.clock(), dict(request.extra)
        max_amount = extra.pop("max_amount", 0)
        deep_link = extra.pop("redirect_deep_link", None)
        binding_data = plain_mapping(extra.pop("binding_data", {}), "binding_data")
        if extra:
            raise InvalidRequest(f"{min(extra)!r:.60} cannot be set here", field="extra")
        if type(max_amount) is not int or max_amount < 0:
            raise InvalidRequest("whole đồng", field="max_amount")
        body: dict[str, Any] = {
            "app_id": self.config.app_id,
            "app_trans_id": to_order_id(request.reference, now),
            "req_date": to_milliseconds(now),
            "identifier": _identifier(request.customer.id, "customer.id"),
            "max_amount": max_amount,
            "binding_type": "WALLET",
            "binding_data": json_text(binding_data, "binding_data"),
        }
        for name, url, field in (
            ("redirect_url", request.return_url, "return_url"),
            ("redirect_deep_link", deep_link, "redirect_deep_link"),
            ("callback_url", request.notify_url or self.config.notify_url, "notify_url"),
        ):
            if url:
                body[name] = check_url(url, field)

        def read(raw: JsonObject, response: HttpResponse) -> PaymentSession:
            answer = Bound.read(raw, provider=self.name)
            if not answer.is_done:
                raise self._refusal(answer, raw, response)
            page = answer.binding_qr_link or answer.binding_url or answer.short_link
            if page is None or not is_web_page(page, self.base):
                raise MalformedResponse("no https page to confirm on", provider=self.name)
            return PaymentSession(
                provider=self.name,
                reference=request.reference,
                status=S.REQUIRES_ACTION,
                next=Redirect(page, answer.deep_link or None),
                amount=request.amount,
                created_at=now,
                raw=raw,
            )

        return self._call("/v2/agreement/bind", BIND_FIELDS, body, read, replay_safe=True)

    def create_token(self, request: TokenRequest) -> Flow[PaymentToken]:
        """The token of a link that the payer has confirmed.

        ``grant`` is what :class:`~paykit.events.TokenGranted` brought. Without it the day of the
        link is not known: today is asked for first, then each of the seven days before it. Raises
        ``ProviderUnavailable`` while the payer has not confirmed, ``Declined`` if he refused.
        """
        if request.grant is None:
            now = self.clock()
            days = [now - timedelta(days=back) for back in range(LOOK_BACK + 1)]
            ids = [to_order_id(request.reference, day) for day in days]
        elif reference_of(request.grant) == request.reference:
            ids = [request.grant]
        else:
            raise InvalidRequest("is of another link", field="grant")
        customer_id = _identifier(request.customer_id, "customer_id")

        def ask(order_id: str) -> Flow[PaymentToken]:
            body = {
                "app_id": self.config.app_id,
                "app_trans_id": order_id,
                "req_date": self._now(),
            }

            def read(raw: JsonObject, response: HttpResponse) -> PaymentToken:
                answer = AgreementAnswer.read(raw, provider=self.name)
                if not answer.is_done:
                    raise self._refusal(answer, _without_token(raw), response)
                link = answer.data
                if link is None or (link.app_id, link.app_trans_id, link.merchant_user_id) != (
                    self.config.app_id,
                    order_id,
                    customer_id,
                ):
                    raise MalformedResponse("the answer is about another link", provider=self.name)
                return self._token(link, request, raw, response)

            return self._call("/v2/agreement/query", AGREEMENT_QUERY_FIELDS, body, read)

        return self._first_known(ids, ask)

    def _token(
        self, link: Agreement, request: TokenRequest, raw: JsonObject, response: HttpResponse
    ) -> PaymentToken:
        status, reason = AGREEMENT_STATUSES.get(link.status, (S.UNKNOWN, None))
        if status is not S.SUCCEEDED:
            raise self.answered_no(
                Declined if reason else ProviderUnavailable,
                f"the link has status {link.status}",
                code=str(link.status),
                response=response,
                raw=_without_token(raw),
                reason=reason or "refused",
            )
        if not link.pay_token or not link.binding_id:
            raise MalformedResponse("confirmed, but without a token", provider=self.name)
        return PaymentToken(
            provider=self.name,
            value=link.pay_token,
            customer_id=request.customer_id,
            reference=request.reference,
            label=link.masked_user_phone,
            provider_id=link.binding_id,
        )

    def delete_token(self, token: PaymentToken) -> Flow[None]:
        """Undo the link: the token can no longer be charged. Needs ``token.provider_id``."""
        self._check_token(token)
        if not token.provider_id:
            raise InvalidRequest("ZaloPay wants its binding_id", field="token.provider_id")
        body = {
            "app_id": self.config.app_id,
            "identifier": _identifier(token.customer_id, "token.customer_id"),
            "binding_id": check_text(token.provider_id, "token.provider_id", MAX_IDENTIFIER),
            "req_date": self._now(),
        }

        def read(raw: JsonObject, response: HttpResponse) -> None:
            answer = Answer.read(raw, provider=self.name)
            if not answer.is_done:
                raise self._refusal(answer, raw, response)

        return self._call("/v2/agreement/unbind", UNBIND_FIELDS, body, read)

    def token_balance(self, token: PaymentToken, amount: Money) -> Flow[TokenBalance]:
        """Whether the linked payer could pay ``amount`` now; a charge may still be refused."""
        body = {
            "app_id": self.config.app_id,
            **self._means(token),
            "amount": to_dong(amount),
            "req_date": self._now(),
        }

        def read(raw: JsonObject, response: HttpResponse) -> TokenBalance:
            self._expect(Answer.read(raw, provider=self.name), raw, response)
            answer = BalanceAnswer.read(raw, provider=self.name)
            return TokenBalance(
                channels=tuple(
                    PayableChannel(
                        channel=item.channel, payable=item.payable, bank_code=item.bank_code
                    )
                    for item in answer.data
                ),
                discount=Money(answer.discount_amount or 0, "VND"),
            )

        return self._call("/v2/agreement/balance", BALANCE_FIELDS, body, read)

    def token_owner(self, token: PaymentToken) -> Flow[str]:
        """The masked phone number of the linked payer, e.g. ``****1234``."""
        self._check_token(token)
        body = {
            "app_id": self.config.app_id,
            "access_token": check_text(token.value, "token", MAX_JSON),
            "req_date": self._now(),
        }

        def read(raw: JsonObject, response: HttpResponse) -> str:
            self._expect(Answer.read(raw, provider=self.name), raw, response)
            return OwnerAnswer.read(raw, provider=self.name).phone

        return self._call("/v2/agreement/query_user", OWNER_FIELDS, body, read)

    def _charge(self, request: PaymentRequest, token: PaymentToken) -> Flow[PaymentSession]:
        """Make an order, and take it from the linked wallet."""
        now = self.clock()
        means = self._means(token)
        body = {**self._order(request, now), "product_code": "AGREEMENT"}
        made = yield from self._make(body)
        if made is None:
            return (yield from self._made_before(request, body, now))
        order, _ = made
        if not order.zp_trans_token:
            raise MalformedResponse("no zp_trans_token", provider=self.name)
        pay = {
            "app_id": self.config.app_id,
            **means,
            "zp_trans_token": order.zp_trans_token,
            "req_date": to_milliseconds(now),
        }

        def read(raw: JsonObject, response: HttpResponse) -> PaymentSession:
            answer = Paid.read(raw, provider=self.name)
            status = self._charged(answer, raw, response)
            wanted = (
                {body["app_trans_id"]} if status is S.SUCCEEDED else {body["app_trans_id"], None}
            )
            if answer.app_trans_id not in wanted:
                raise MalformedResponse("the answer is about another order", provider=self.name)
            number = to_transaction_id(answer.zp_trans_id)
            if status is S.SUCCEEDED and number is None:
                raise MalformedResponse("paid, but zp_trans_id is missing", provider=self.name)
            return PaymentSession(
                provider=self.name,
                reference=request.reference,
                status=status,
                next=Nothing(),
                amount=request.amount,
                created_at=now,
                provider_id=number,
                expires_at=now + timedelta(seconds=body["expire_duration_seconds"]),
                raw=raw,
            )

        return (yield from self._call("/v2/agreement/pay", PAY_FIELDS, pay, read, moves_money=True))

    def _charged(self, answer: Paid, raw: JsonObject, response: HttpResponse) -> PaymentStatus:
        """The state after a charge; refusals raise, and what is not known is not a refusal."""
        outcome, code = answer.result
        status, reason = payment_status(outcome, code)
        if outcome != REFUSED or code is None:
            return status
        kind = REFUSALS.get(code)
        if kind is not None and not kind.repeatable:
            raise self._refusal(answer, raw, response)
        # Nobody sits at a page who could come back; but who lacks money is refused.
        if status not in _FINAL or (code in UNTIL_EXPIRY and status is S.CANCELED):
            return S.UNKNOWN
        raise self.answered_no(
            Declined,
            answer.words,
            code=answer.code,
            response=response,
            raw=raw,
            reason=reason or "refused",
        )

    def _means(self, token: PaymentToken) -> dict[str, str]:
        self._check_token(token)
        return {
            "identifier": _identifier(token.customer_id, "token.customer_id"),
            "pay_token": check_text(token.value, "token", MAX_JSON),
        }

    def _check_token(self, token: PaymentToken) -> None:
        if token.provider != self.name or not token.value:
            raise InvalidRequest("is not a ZaloPay token", field="token")

    def _expect(self, answer: Answer, raw: JsonObject, response: HttpResponse) -> None:
        if not answer.is_done:
            raise self._refusal(answer, raw, response)


def _identifier(customer_id: str | None, field: str) -> str:
    if not customer_id:
        raise InvalidRequest("ZaloPay knows a link by the payer's id", field=field)
    return check_text(customer_id, field, MAX_IDENTIFIER)


def _without_token(raw: Mapping[str, Any]) -> JsonObject:
    """An answer to show in an error: the token is a secret."""
    return {name: value for name, value in raw.items() if name != "data"}
