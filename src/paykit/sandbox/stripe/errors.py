"""How Stripe says no, and what it says.

https://docs.stripe.com/api/errors
"""

from __future__ import annotations

from typing import Any, Final

from ..cards.numbers import Decline

_CODES: Final = "https://docs.stripe.com/error-codes/{}"
BAD_REQUEST: Final = 400
UNAUTHORIZED: Final = 401
CARD_ERROR: Final = 402
NOT_FOUND: Final = 404

#: code, decline_code, message, and the parameter that is to blame, by what the issuer means.
DECLINES: Final[dict[Decline, tuple[str, str, str, str]]] = {
    "generic": ("card_declined", "generic_decline", "Your card was declined.", ""),
    "do_not_honor": ("card_declined", "do_not_honor", "Your card was declined.", ""),
    "insufficient_funds": (
        "card_declined",
        "insufficient_funds",
        "Your card has insufficient funds.",
        "",
    ),
    "limit_exceeded": (
        "card_declined",
        "card_velocity_exceeded",
        (
            "Your card was declined for making repeated attempts too frequently or exceeding its "
            "amount limit."
        ),
        "",
    ),
    "expired_card": ("expired_card", "expired_card", "Your card has expired.", "exp_month"),
    "incorrect_cvc": (
        "incorrect_cvc",
        "incorrect_cvc",
        "Your card's security code is incorrect.",
        "cvc",
    ),
    "lost_card": ("card_declined", "lost_card", "Your card was declined.", ""),
    "stolen_card": ("card_declined", "stolen_card", "Your card was declined.", ""),
    "fraud": ("card_declined", "fraudulent", "Your card was declined.", ""),
    "not_supported": (
        "card_declined",
        "card_not_supported",
        "Your card does not support this type of purchase.",
        "",
    ),
    "processing_error": (
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
        "",
    ),
    "issuer_unavailable": (
        "card_declined",
        "issuer_not_available",
        "Your card was declined.",
        "",
    ),
}


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """Stripe says no. ``extra`` are further members of the error, such as the intent.

    One that is ``early`` came before anything was tried: no idempotency key remembers it.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = BAD_REQUEST,
        kind: str = "invalid_request_error",
        code: str = "",
        param: str = "",
        early: bool = False,
        **extra: Any,
    ) -> None:
        self.status = status
        self.early = early
        error: dict[str, Any] = {"message": message, "type": kind}
        if code:
            error |= {"code": code, "doc_url": _CODES.format(code.replace("_", "-"))}
        if param:
            error["param"] = param
        self.error = {**error, **extra}
        super().__init__(message)


def no_such(what: str, thing_id: str, *, param: str, in_path: bool = False) -> Refusal:
    """There is no such object: 404 if the address names it, 400 if a parameter does."""
    return Refusal(
        f"No such {what}: '{thing_id[:100]}'",
        status=NOT_FOUND if in_path else BAD_REQUEST,
        code="resource_missing",
        param=param,
    )


def card_error(decline: Decline, **extra: Any) -> Refusal:
    """The issuer says no."""
    code, decline_code, message, param = DECLINES[decline]
    return Refusal(
        message,
        status=CARD_ERROR,
        kind="card_error",
        code=code,
        param=param,
        decline_code=decline_code,
        **extra,
    )


def authentication_required(**extra: Any) -> Refusal:
    """The issuer wants 3-D Secure, and the payer is not there."""
    return Refusal(
        "Your card was declined. This transaction requires authentication.",
        status=CARD_ERROR,
        kind="card_error",
        code="authentication_required",
        decline_code="authentication_required",
        **extra,
    )


def authentication_failed(kind: str) -> dict[str, Any]:
    """What an intent remembers when the payer did not pass 3-D Secure."""
    code = f"{kind}_authentication_failure"
    return {
        "code": code,
        "doc_url": _CODES.format(code.replace("_", "-")),
        "message": "The provided PaymentMethod has failed authentication. You can provide "
        "payment_method_data or a new PaymentMethod to attempt to fulfill this "
        f"{'PaymentIntent' if kind == 'payment_intent' else 'SetupIntent'} again.",
        "type": "invalid_request_error",
    }
