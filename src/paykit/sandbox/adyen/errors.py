"""Adyen's errors: the HTTP status, Adyen's code, the sentence, and the kind of each.

https://docs.adyen.com/development-resources/error-codes/
"""

from __future__ import annotations

from typing import Any, Final

_VALIDATION: Final = "validation"
_SECURITY: Final = "security"

#: By a name of our own: the status, the code, the kind, the sentence.
_ERRORS: Final[dict[str, tuple[int, str, str, str]]] = {
    "unauthorized": (401, "000", _SECURITY, "HTTP Status Response - Unauthorized"),
    "account": (403, "901", _SECURITY, "Invalid Merchant Account"),
    "unreadable": (400, "702", _VALIDATION, "Unexpected input: {}"),
    "structure": (422, "702", _VALIDATION, "{}"),
    "missing": (422, "702", _VALIDATION, "Required field '{}' is not provided."),
    "no amount": (422, "100", _VALIDATION, "No amount specified"),
    "amount": (422, "137", _VALIDATION, "Invalid amount specified"),
    "currency": (422, "138", _VALIDATION, "Currency is not supported"),
    "no reference": (422, "130", _VALIDATION, "Required field 'reference' is not provided."),
    "no return url": (422, "14_030", _VALIDATION, "Return URL is missing."),
    "return url": (422, "14_029", _VALIDATION, "Return URL is invalid."),
    "no method": (422, "14_004", _VALIDATION, "Missing payment method details"),
    "method": (422, "14_006", _VALIDATION, "Required object 'paymentMethod' is not provided."),
    "card": (422, "101", _VALIDATION, "Invalid card number"),
    "encrypted": (422, "174", _VALIDATION, "Unable to decrypt data"),
    "raw card": (403, "010", _SECURITY, "Not allowed"),
    "no shopper": (422, "170", _VALIDATION, "Shopper reference is missing"),
    "no contract": (422, "800", _VALIDATION, "Contract not found"),
    "no detail": (422, "803", _VALIDATION, "PaymentDetail not found"),
    "capture delay": (422, "133", _VALIDATION, "Invalid capture delay"),
    "original": (
        422,
        "167",
        _VALIDATION,
        "Original pspReference required for this operation",
    ),
    "details": (422, "14_018", _VALIDATION, "Invalid payload provided"),
    "session result": (422, "14_002", _VALIDATION, "Invalid sessionResult"),
    "key": (422, "702", _VALIDATION, "Idempotency-Key may have at most 64 characters"),
    "key reused": (
        422,
        "702",
        _VALIDATION,
        "The Idempotency-Key was used for a request with other parameters",
    ),
    "in progress": (422, "704", _VALIDATION, "request already processed or in progress"),
    "expires": (422, "702", _VALIDATION, "expiresAt must be in the future and not too far"),
    "no card": (422, "101", _VALIDATION, "Invalid card number"),
    "expiry": (422, "129", _VALIDATION, "Expiry Date Invalid"),
    "cvc": (422, "103", _VALIDATION, "CVC is not the right length"),
    "not found": (404, "702", _VALIDATION, "The resource was not found"),
    "internal": (500, "903", "internal", "Internal error"),
}


class Refusal(Exception):  # noqa: N818 - it is an answer, nothing that went wrong here
    """Adyen says no. ``about`` goes into the sentence, where it has a place for it."""

    def __init__(self, name: str, about: str = "") -> None:
        self.status, self.code, self.kind, sentence = _ERRORS[name]
        self.message = sentence.format(about)
        super().__init__(name)

    @classmethod
    def by_code(cls, code: str) -> Refusal:
        """The first error with one of Adyen's codes; an internal one, where there is none."""
        found = (name for name, (_, known, _, _) in _ERRORS.items() if known == code)
        return cls(next(found, "internal"))

    @property
    def lasting(self) -> bool:
        """Whether a repetition with the same key is answered with it again."""
        return self.status == 422 and self.code != "704"  # noqa: PLR2004

    def body(self, psp: str) -> dict[str, Any]:
        """The answer; ``psp`` is what Adyen's support would ask for."""
        error: dict[str, Any] = {
            "status": self.status,
            "errorCode": self.code,
            "message": self.message,
            "errorType": self.kind,
        }
        # Where the caller or the text is not understood, nothing has a number yet.
        return error if self.status in {400, 401} else {**error, "pspReference": psp}
