"""How Checkout.com says no: a status, and for the 422 the codes of what is wrong.

https://www.checkout.com/docs/developer-resources/codes/api-response-codes
"""

from __future__ import annotations

from typing import Any, Final

INVALID: Final = 422
_UNAUTHORIZED: Final = 401
_NOT_ALLOWED: Final = 403
_NOT_FOUND: Final = 404


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """A request is refused; only a 422 says why."""

    def __init__(self, status: int, *codes: str, kind: str = "request_invalid") -> None:
        self.status = status
        self.codes = codes
        self.kind = kind
        super().__init__(status, *codes)

    def body(self, request_id: str) -> dict[str, Any] | None:
        """The JSON of the answer, if it has any."""
        if not self.codes:
            return None
        return {
            "request_id": request_id,
            "error_type": self.kind,
            "error_codes": list(self.codes),
        }


def invalid(*codes: str) -> Refusal:
    """Something is wrong with the fields of the request."""
    return Refusal(INVALID, *codes)


def unprocessable(*codes: str) -> Refusal:
    """The fields are well formed, and what they ask for cannot be done."""
    return Refusal(INVALID, *codes, kind="processing_error")


def unauthorized() -> Refusal:
    """The key is missing, wrong, or the wrong one of the two."""
    return Refusal(_UNAUTHORIZED)


def not_allowed() -> Refusal:
    """The payment is not in a state for it."""
    return Refusal(_NOT_ALLOWED)


def not_found() -> Refusal:
    """There is no such thing."""
    return Refusal(_NOT_FOUND)
