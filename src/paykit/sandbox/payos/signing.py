"""How payOS signs, with code of the simulator's own.

https://payos.vn/docs/tich-hop-webhook/kiem-tra-du-lieu-voi-signature/
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

_CREATE: Final = ("amount", "cancelUrl", "description", "orderCode", "returnUrl")
_NOTHING: Final = frozenset({"null", "undefined"})


def sign_create(key: str, body: Mapping[str, Any]) -> str:
    """The signature of a request for a payment: five fields in a fixed order."""
    return _sign(key, "&".join(f"{name}={body.get(name, '')}" for name in _CREATE))


def sign_data(key: str, data: Mapping[str, Any]) -> str:
    """The signature of ``data`` in an answer or a webhook: all its keys, sorted."""
    return _sign(key, "&".join(f"{name}={_text(data[name])}" for name in sorted(data)))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        items = [dict(sorted(one.items())) if isinstance(one, dict) else one for one in value]
        return json.dumps(items, ensure_ascii=False, separators=(",", ":"))
    text = str(value)
    return "" if text in _NOTHING else text


def _sign(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), "sha256").hexdigest()
