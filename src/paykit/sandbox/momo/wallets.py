"""MoMo's wallet tokens: exchange a callback token, charge the token, delete it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import attrs

from ..config import MoMoMerchant
from . import codes, signing
from .operations import Body, Operations, Refusal, bad_field, check_amount, reply
from .state import Payment, WalletToken

_LIMITS: Final = (1000, 50_000_000)


@attrs.frozen
class Wallets:
    """Operations on linked wallets, for requests that are well formed and signed."""

    operations: Operations

    def bind(self, body: Body, merchant: MoMoMerchant, now: datetime) -> dict[str, Any]:
        """Exchange the callback token of a link, once, for the encrypted wallet token."""
        payment = self._link(body)
        if body["callbackToken"] != payment.callback_token:
            raise Refusal(codes.TOKEN_INVALID)
        token = WalletToken(
            value=self.operations.config.new_id(),
            partner_code=merchant.partner_code,
            partner_client_id=body["partnerClientId"],
        )
        self.operations.books.add_token(token)
        payment.callback_token = None
        payment.result_code = codes.SUCCESS
        # The payer as a merchant may show him: a masked phone number, made up.
        content = {"value": token.value, "userAlias": "84******789", "profileId": "sandbox"}
        return {
            **reply(body, codes.SUCCESS, now),
            "partnerClientId": token.partner_client_id,
            "aesToken": signing.encrypt_token(content, merchant),
        }

    def callback_query(self, body: Body, _merchant: MoMoMerchant, now: datetime) -> dict[str, Any]:
        """Tell the callback token again, for a merchant who missed the IPN."""
        payment = self._link(body)
        if payment.callback_token is None:
            raise Refusal(codes.TOKEN_INVALID)
        return {
            **reply(body, codes.SUCCESS, now),
            "partnerClientId": body["partnerClientId"],
            "callbackToken": payment.callback_token,
        }

    def pay(self, body: Body, merchant: MoMoMerchant, now: datetime) -> dict[str, Any]:
        """Charge a linked wallet."""
        self._token(body)
        check_amount(int(body["amount"]), _LIMITS)
        self.operations.check_new_order(body)
        return self.operations.charge(body, merchant, now, pay_type="app")

    def delete(self, body: Body, _merchant: MoMoMerchant, now: datetime) -> dict[str, Any]:
        """Unlink a wallet: its token is worth nothing afterwards."""
        token = self._token(body)
        self.operations.books.delete_token(token.value)
        return {**reply(body, codes.SUCCESS, now), "partnerClientId": token.partner_client_id}

    def _link(self, body: Body) -> Payment:
        payment = self.operations.books.payment(body["partnerCode"], body["orderId"])
        if payment is None or payment.fields.get("partnerClientId") != body["partnerClientId"]:
            raise Refusal(codes.NOT_FOUND)
        return payment

    def _token(self, body: Body) -> WalletToken:
        key = self.operations.config.momo.rsa_private_key
        value = signing.decrypt_token(body["token"], key)
        if value is None:
            raise bad_field("token", "is not encrypted with the public key")
        token = self.operations.books.token(value)
        owner = (body["partnerCode"], body["partnerClientId"])
        if token is None or (token.partner_code, token.partner_client_id) != owner:
            raise Refusal(codes.TOKEN_INVALID)
        return token
