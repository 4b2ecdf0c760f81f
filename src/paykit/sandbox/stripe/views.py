"""Stripe's objects as JSON, and what ``expand`` puts in the place of ids."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ...money import Money
from ..cards.numbers import Card
from ..cards.state import Dispute, Refund
from . import amounts
from .errors import Refusal
from .state import Charge, Customer, Intent, Json, Method, Session, Setup

if TYPE_CHECKING:
    from .books import Books

_DEEPEST: Final = 4
#: What may stand in the place of ids, by kind of object.
_EXPANDABLE: Final = {
    "payment_intent": {
        "latest_charge": "charge",
        "payment_method": "payment_method",
        "customer": "customer",
    },
    "setup_intent": {"payment_method": "payment_method", "customer": "customer"},
    "charge": {
        "payment_intent": "payment_intent",
        "customer": "customer",
        "refunds": "list",
    },
    "refund": {
        "charge": "charge",
        "payment_intent": "payment_intent",
        "payment_method": "payment_method",
        "customer": "customer",
    },
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "payment_method": {"customer": "customer"},
    "checkout.session": {
        "payment_intent": "payment_intent",
        "setup_intent": "setup_intent",
        "customer": "customer",
    },
}
_NO_ADDRESS: Final = dict.fromkeys("city country line1 line2 postal_code state".split())
_NETWORKS: Final = {"amex": "amex", "unionpay": "unionpay"}
_REFUND_STATES: Final = {
    "pending": "pending",
    "done": "succeeded",
    "refused": "failed",
    "undone": "failed",
}
_DISPUTE_STATES: Final = {"open": "needs_response", "won": "won", "lost": "lost"}


def seconds(moment: datetime | None) -> int | None:
    """A moment as Stripe writes it."""
    return None if moment is None else int(moment.timestamp())


class Views:
    """Shows objects. ``base`` is where the pretended Stripe is reached."""

    def __init__(self, books: Books, base: str) -> None:
        self._books = books
        self.base = base

    def show(self, thing: Any) -> Json:
        """An object of any kind."""
        if isinstance(thing, dict):
            return thing
        views: dict[type, Callable[[Any], Json]] = {
            Intent: self.intent,
            Setup: self.setup,
            Method: self.method,
            Customer: self.customer,
            Session: self.session,
            Refund: self.refund,
            Dispute: self.dispute,
        }
        return views[type(thing)](thing)

    @staticmethod
    def check_expand(kind: str, paths: list[str]) -> None:
        """Refuse what cannot be expanded in an object of a kind, before anything is done."""
        for at, path in enumerate(paths):
            parts, found = path.split("."), kind
            for part in parts:
                found = _EXPANDABLE.get(found, {}).get(part, "")
            if not found or len(parts) > _DEEPEST:
                raise Refusal(
                    f"This property cannot be expanded ({path[:100]}).",
                    param=f"expand[{at}]",
                    early=True,
                )

    def expand(self, shown: Json, paths: list[str]) -> Json:
        """The object with whole objects in the place of the ids at ``paths``."""
        for path in paths:
            place = shown
            for name in path.split("."):
                if name == "refunds":
                    place[name] = self._refunds(place["id"])
                if isinstance(place[name], str):
                    place[name] = self._by_id(place[name])
                place = place[name]
                if place is None:
                    break
        return shown

    def _by_id(self, thing_id: str) -> Json | None:
        kinds: dict[str, type] = {
            "pi": Intent,
            "seti": Setup,
            "pm": Method,
            "cus": Customer,
            "cs": Session,
        }
        kind = kinds.get(thing_id.partition("_")[0])
        if kind:
            found = self._books.find(kind, thing_id)
            return self.show(found) if found else None
        charge = self._books.charge(thing_id)
        return self.charge(*charge) if charge else None

    def _refunds(self, charge_id: str) -> Json:
        found = self._books.charge(charge_id)
        intent = found[0] if found and found[1].error is None else None
        refunds = intent.all_refunds if intent else []
        return {
            "object": "list",
            "data": [self.refund(one) for one in reversed(refunds)],
            "has_more": False,
            "url": f"/v1/charges/{charge_id}/refunds",
        }

    def customer(self, customer: Customer) -> Json:
        """A customer."""
        fields = customer.fields
        return {
            "id": customer.id,
            "object": "customer",
            "address": fields.get("address"),
            "balance": 0,
            "created": seconds(customer.created_at),
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "discount": None,
            "description": fields.get("description"),
            "email": fields.get("email"),
            "invoice_prefix": customer.id[-8:].upper(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "livemode": False,
            "metadata": fields.get("metadata", {}),
            "name": fields.get("name"),
            "next_invoice_sequence": 1,
            "phone": fields.get("phone"),
            "preferred_locales": fields.get("preferred_locales", []),
            "shipping": fields.get("shipping"),
            "tax_exempt": "none",
            "test_clock": None,
        }

    def method(self, method: Method) -> Json:
        """A payment method."""
        card, fields = method.card, method.fields
        billing = {
            "address": _NO_ADDRESS,
            "email": None,
            "name": card.holder or None,
            "phone": None,
            "tax_id": None,
            **(fields.get("billing_details") or {}),
        }
        return {
            "id": method.id,
            "object": "payment_method",
            "allow_redisplay": fields.get("allow_redisplay", "unspecified"),
            "billing_details": {
                **billing,
                "address": {**_NO_ADDRESS, **(billing["address"] or {})},
            },
            "card": {
                **_card(card),
                "display_brand": _display(card),
                "generated_from": None,
                "networks": {"available": [card.brand], "preferred": None},
                "three_d_secure_usage": {"supported": True},
            },
            "created": seconds(method.created_at),
            "customer": method.customer or None,
            "customer_account": None,
            "livemode": False,
            "metadata": fields.get("metadata", {}),
            "type": "card",
        }

    def intent(self, intent: Intent) -> Json:
        """A payment intent."""
        fields, status = intent.fields, intent.status
        done = status in {"succeeded", "requires_capture", "requires_action"} or intent.held
        method = intent.method if done or status == "requires_confirmation" else None
        charge = intent.charge
        return {
            "id": intent.id,
            "object": "payment_intent",
            "allowed_payment_method_types": fields.get("allowed_payment_method_types"),
            "amount": amounts.value(intent.amount),
            "amount_capturable": amounts.value(intent.capturable),
            "amount_details": {"tip": {}},
            "amount_received": amounts.value(intent.captured),
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": fields.get("automatic_payment_methods"),
            "canceled_at": seconds(intent.canceled_at),
            "cancellation_reason": intent.cancellation_reason,
            "capture_method": intent.capture_method,
            "client_secret": intent.client_secret,
            "confirmation_method": fields.get("confirmation_method", "automatic"),
            "created": seconds(intent.created_at),
            "currency": intent.amount.currency.lower(),
            "customer": intent.customer or None,
            "customer_account": None,
            "description": fields.get("description"),
            "excluded_payment_method_types": fields.get("excluded_payment_method_types"),
            "last_payment_error": intent.last_error,
            "latest_charge": charge.id if charge else None,
            "livemode": False,
            "managed_payments": None,
            "metadata": fields.get("metadata", {}),
            "next_action": self._next(intent),
            "on_behalf_of": None,
            "payment_method": method.id if method else None,
            "payment_method_configuration_details": None,
            "payment_method_options": {"card": _options(fields)},
            "payment_method_types": ["card"],
            "processing": None,
            "receipt_email": fields.get("receipt_email"),
            "review": None,
            "setup_future_usage": fields.get("setup_future_usage"),
            "shipping": fields.get("shipping"),
            "source": None,
            "statement_descriptor": fields.get("statement_descriptor"),
            "statement_descriptor_suffix": fields.get("statement_descriptor_suffix"),
            "status": status,
            "transfer_data": None,
            "transfer_group": None,
        }

    def setup(self, setup: Setup) -> Json:
        """A setup intent."""
        fields, status = setup.fields, setup.status
        method = setup.method if status != "requires_payment_method" else None
        return {
            "id": setup.id,
            "object": "setup_intent",
            "application": None,
            "automatic_payment_methods": fields.get("automatic_payment_methods"),
            "cancellation_reason": setup.cancellation_reason,
            "client_secret": setup.client_secret,
            "created": seconds(setup.created_at),
            "customer": setup.customer or None,
            "customer_account": None,
            "description": fields.get("description"),
            "excluded_payment_method_types": fields.get("excluded_payment_method_types"),
            "flow_directions": None,
            "last_setup_error": setup.last_error,
            "latest_attempt": None,
            "livemode": False,
            "mandate": None,
            "metadata": fields.get("metadata", {}),
            "next_action": self._next(setup),
            "on_behalf_of": None,
            "payment_method": method.id if method else None,
            "payment_method_configuration_details": None,
            "payment_method_options": {
                "card": {
                    "mandate_options": None,
                    "network": None,
                    "request_three_d_secure": _card_fields(fields).get(
                        "request_three_d_secure", "automatic"
                    ),
                }
            },
            "payment_method_types": ["card"],
            "single_use_mandate": None,
            "status": status,
            "usage": fields.get("usage", "off_session"),
        }

    @staticmethod
    def _next(thing: Intent | Setup) -> Json | None:
        if thing.status != "requires_action":
            return None
        if thing.by_script:
            return {
                "type": "use_stripe_sdk",
                "use_stripe_sdk": {
                    "type": "three_d_secure_redirect",
                    "stripe_js": thing.challenge,
                    "source": "",
                },
            }
        return {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": thing.return_url, "url": thing.challenge},
        }

    def charge(self, intent: Intent, charge: Charge) -> Json:
        """A charge: one attempt at a payment."""
        good = charge.error is None
        card, fields = charge.method.card, intent.fields
        code = charge.error["code"] if charge.error else None
        decline = charge.error.get("decline_code") if charge.error else None
        captured = good and bool(intent.captures)
        billing = self.method(charge.method)["billing_details"]
        held = intent.held or intent.amount
        given = sum(one.amount.minor for one in intent.all_refunds if one.counts)
        refunded = Money(given, intent.amount.currency)
        if good and intent.canceled_at and not captured:
            refunded = held  # what was released shows like a refund
        received = intent.captured if good else intent.zero
        nothing = 0 if not good else amounts.value(refunded)
        return {
            "id": charge.id,
            "object": "charge",
            "amount": amounts.value(held),
            "amount_captured": amounts.value(received),
            "amount_refunded": nothing,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": charge.id.replace("ch_", "txn_") if captured else None,
            "billing_details": billing,
            "calculated_statement_descriptor": "PAYKIT DEMO SHOP",
            "captured": captured,
            "created": seconds(charge.created_at),
            "currency": intent.amount.currency.lower(),
            "customer": intent.customer or None,
            "description": fields.get("description"),
            "disputed": good and bool(intent.disputes),
            "failure_balance_transaction": None,
            "failure_code": code,
            "failure_message": charge.error["message"] if charge.error else None,
            "fraud_details": {},
            "livemode": False,
            "metadata": fields.get("metadata", {}),
            "on_behalf_of": None,
            "outcome": {
                "advice_code": None,
                "network_advice_code": None,
                "network_decline_code": None,
                "network_status": "approved_by_network" if good else "declined_by_network",
                "reason": decline,
                "risk_level": "normal",
                "seller_message": "Payment complete." if good else "The bank did not approve it.",
                "type": "authorized" if good else "issuer_declined",
            },
            "paid": good,
            "payment_intent": intent.id,
            "payment_method": charge.method.id,
            "payment_method_details": {
                "card": {
                    **_card(card),
                    "amount_authorized": amounts.value(held) if good else None,
                    "authorization_code": charge.id[-6:].upper() if good else None,
                    "capture_before": seconds(intent.hold_ends)
                    if good and intent.capturable
                    else None,
                    "extended_authorization": {"status": "disabled"},
                    "incremental_authorization": {"status": "unavailable"},
                    "installments": None,
                    "mandate": None,
                    "multicapture": {
                        "status": "available" if multicapture(fields) else "unavailable"
                    },
                    "network": card.brand,
                    "network_token": {"used": False},
                    "network_transaction_id": None,
                    "overcapture": {
                        "maximum_amount_capturable": amounts.value(held),
                        "status": "unavailable",
                    },
                    "three_d_secure": _three_d_secure() if charge.authenticated else None,
                },
                "type": "card",
            },
            "radar_options": {},
            "receipt_email": fields.get("receipt_email"),
            "receipt_number": None,
            "receipt_url": None,
            "refunded": good and refunded.minor > 0 and refunded >= (received or held),
            "review": None,
            "shipping": fields.get("shipping"),
            "source": None,
            "source_transfer": None,
            "statement_descriptor": fields.get("statement_descriptor"),
            "statement_descriptor_suffix": fields.get("statement_descriptor_suffix"),
            "status": "succeeded" if good else "failed",
            "transfer_data": None,
            "transfer_group": None,
        }

    def refund(self, refund: Refund) -> Json:
        """A refund."""
        intent = refund.payment
        assert isinstance(intent, Intent)  # noqa: S101 - there are no others
        status = _REFUND_STATES[refund.state]
        charge = intent.charge
        shown: Json = {
            "id": refund.id,
            "object": "refund",
            "amount": amounts.value(refund.amount),
            "balance_transaction": refund.id.replace("re_", "txn_"),
            "charge": charge.id if charge else None,
            "created": seconds(refund.created_at),
            "currency": refund.amount.currency.lower(),
            "customer": intent.customer or None,
            "customer_account": None,
            "destination_details": {"card": {"type": "refund"}, "type": "card"},
            "metadata": refund.data.get("metadata", {}),
            "payment_intent": intent.id,
            "payment_method": intent.method.id if intent.method else None,
            "reason": refund.data.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": status,
            "transfer_reversal": None,
        }
        if status == "pending":
            shown["pending_reason"] = "processing"
        if status == "failed":
            shown["failure_reason"] = "expired_or_canceled_card"
            shown["failure_balance_transaction"] = refund.id.replace("re_", "txn_f")
        return shown

    def dispute(self, dispute: Dispute) -> Json:
        """A dispute."""
        intent = dispute.payment
        assert isinstance(intent, Intent)  # noqa: S101 - there are no others
        charge = intent.charge
        assert charge is not None  # noqa: S101 - what was paid was charged
        closed = dispute.state != "open"
        return {
            "id": dispute.id,
            "object": "dispute",
            "amount": amounts.value(dispute.amount),
            "balance_transactions": [],
            "charge": charge.id,
            "created": seconds(dispute.created_at),
            "currency": dispute.amount.currency.lower(),
            "enhanced_eligibility_types": [],
            "evidence": dict.fromkeys(_EVIDENCE) | {"enhanced_evidence": {}},
            "evidence_details": {
                "due_by": None if closed else int(dispute.created_at.timestamp()) + 9 * 86_400,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "network_reason_code": "10.4",
            "payment_intent": intent.id,
            "payment_method_details": {
                "card": {
                    "brand": charge.method.card.brand,
                    "case_type": "chargeback",
                    "network": charge.method.card.brand,
                    "network_reason_code": "10.4",
                },
                "type": "card",
            },
            "reason": "fraudulent",
            "status": _DISPUTE_STATES[dispute.state],
        }

    def session(self, session: Session) -> Json:
        """A Checkout Session."""
        fields = session.fields
        intent, setup = session.intent, session.setup
        payment = fields["mode"] == "payment"
        paid = bool(intent and intent.status == "succeeded")
        return {
            "id": session.id,
            "object": "checkout.session",
            "adaptive_pricing": None,
            "after_expiration": None,
            "allow_promotion_codes": None,
            "amount_subtotal": amounts.value(session.amount) if payment else None,
            "amount_total": amounts.value(session.amount) if payment else None,
            "automatic_tax": {
                "enabled": False,
                "liability": None,
                "provider": None,
                "status": None,
            },
            "billing_address_collection": None,
            "cancel_url": fields.get("cancel_url"),
            "client_reference_id": fields.get("client_reference_id"),
            "client_secret": None,
            "collected_information": None,
            "consent": None,
            "consent_collection": None,
            "created": seconds(session.created_at),
            "currency": session.amount.currency.lower(),
            "currency_conversion": None,
            "custom_fields": [],
            "custom_text": {
                "after_submit": None,
                "shipping_address": None,
                "submit": None,
                "terms_of_service_acceptance": None,
            },
            "customer": fields.get("customer"),
            "customer_account": None,
            "customer_creation": fields.get("customer_creation", "if_required"),
            "customer_details": None,
            "customer_email": fields.get("customer_email"),
            "discounts": [],
            "expires_at": seconds(session.expires_at),
            "invoice": None,
            "invoice_creation": None,
            "livemode": False,
            "locale": fields.get("locale"),
            "integration_identifier": None,
            "managed_payments": None,
            "metadata": fields.get("metadata", {}),
            "mode": fields["mode"],
            "origin_context": None,
            "payment_intent": intent.id if intent else None,
            "payment_link": None,
            "payment_method_collection": "always",
            "payment_method_configuration_details": None,
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "payment_status": "no_payment_required"
            if not payment
            else "paid"
            if paid
            else "unpaid",
            "permissions": None,
            "phone_number_collection": {"enabled": False},
            "recovered_from": None,
            "saved_payment_method_options": None,
            "setup_intent": setup.id if setup else None,
            "shipping_address_collection": None,
            "shipping_cost": None,
            "shipping_options": [],
            "status": session.status,
            "submit_type": fields.get("submit_type"),
            "subscription": None,
            "success_url": fields["success_url"],
            "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
            "ui_mode": "hosted_page",
            "url": f"{self.base}/c/pay/{session.id}" if session.status == "open" else None,
            "wallet_options": None,
        }


def multicapture(fields: Json) -> bool:
    """Whether a payment may be captured in parts."""
    return _card_fields(fields).get("request_multicapture") == "if_available"


def _card_fields(fields: Json) -> Json:
    card = (fields.get("payment_method_options") or {}).get("card")
    return card or {}


def _options(fields: Json) -> Json:
    card = _card_fields(fields)
    return {
        "installments": None,
        "mandate_options": None,
        "network": None,
        "request_three_d_secure": card.get("request_three_d_secure", "automatic"),
        **{name: card[name] for name in ("request_multicapture", "capture_method") if name in card},
    }


def _card(card: Card) -> Json:
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "fail" if card.does.declines == "incorrect_cvc" else "pass",
        },
        "country": "US",
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "fingerprint": card.fingerprint,
        "funding": "credit",
        "last4": card.last4,
        "regulated_status": "unregulated",
        "wallet": None,
    }


def _display(card: Card) -> str:
    return {"amex": "american_express", "unionpay": "union_pay"}.get(card.brand, card.brand)


def _three_d_secure() -> Json:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }


_EVIDENCE: Final = """access_activity_log billing_address cancellation_policy
    cancellation_policy_disclosure cancellation_rebuttal customer_communication
    customer_email_address customer_name customer_purchase_ip customer_signature
    duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id
    product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation
    service_date service_documentation shipping_address shipping_carrier shipping_date
    shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text""".split()
