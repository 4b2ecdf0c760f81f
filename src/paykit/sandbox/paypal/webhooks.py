"""Webhooks v1, as far as a merchant needs it who checks what it received.

https://developer.paypal.com/docs/api/webhooks/v1/
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from ...http import parse_json_object
from . import signing
from .issues import refusal
from .notices import Notices, certificate_url

if TYPE_CHECKING:
    from .config import PayPalConfig
    from .orders import Body

_DECODER: Final = json.JSONDecoder()
_BLANKS: Final = re.compile(r"[ \t\n\r]*")


@attrs.frozen(kw_only=True)
class Webhooks:
    """Answers questions about events; ``base`` is where the pretended PayPal is reached."""

    config: PayPalConfig
    base: str
    notices: Notices

    def verify(self, body: Body, raw: bytes) -> dict[str, str]:
        """Tell whether an event is genuine.

        PayPal looks at the very characters of ``webhook_event``: an event that was read and
        written again by the merchant is not what was signed.
        """
        try:
            event = raw_member(raw.decode(), "webhook_event").encode()
        except RecursionError:
            event = b""
        return {"verification_status": "SUCCESS" if self._genuine(body, event) else "FAILURE"}

    def event(self, event_id: str) -> dict[str, Any]:
        """An event that was sent."""
        body = self.notices.event(event_id)
        if body is None:
            raise refusal("INVALID_RESOURCE_ID")
        return parse_json_object(body)

    def resend(self, event_id: str, now: datetime) -> dict[str, Any]:
        """Send an event once more."""
        event = self.event(event_id)
        self.notices.resend(event_id, now)
        return event

    def _genuine(self, body: Body, event: bytes) -> bool:
        certificate_id = body["cert_url"].rpartition("/")[2]
        certificate = self.config.authority.certificate(certificate_id)
        if certificate is None or body["cert_url"] != certificate_url(self.base, certificate_id):
            return False
        # The id of the webhook is signed, too: one for another webhook does not match.
        text = signing.signed_text(
            body["transmission_id"], body["transmission_time"], body["webhook_id"], event
        )
        good_algorithm = body["auth_algo"] == signing.ALGORITHM
        return good_algorithm and signing.matches(text, body["transmission_sig"], certificate)


def raw_member(text: str, name: str) -> str:
    """The characters of one member's value in a JSON object that is known to be valid."""
    at = _behind_blanks(text, 0) + 1
    while True:
        key, at = _DECODER.raw_decode(text, _behind_blanks(text, at))
        start = _behind_blanks(text, _behind_blanks(text, at) + 1)
        _, end = _DECODER.raw_decode(text, start)
        if key == name:
            return text[start:end]
        at = _behind_blanks(text, end) + 1


def _behind_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at
