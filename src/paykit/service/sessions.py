"""What the payer must do, as it is kept with the payment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from ..models import (
    ConfirmInClient,
    FormPost,
    HandleInClient,
    NextAction,
    Nothing,
    PaymentSession,
    Redirect,
    ShowQr,
)
from .state import PaymentRecord

_ACTIONS: Final[Mapping[str, type[Any]]] = {
    kind.__name__: kind
    for kind in (Redirect, FormPost, ShowQr, ConfirmInClient, HandleInClient, Nothing)
}


def dump(session: PaymentSession) -> str:
    """A session as JSON, without what the record has and without the provider's raw answer."""
    return json.dumps(
        {
            "status": session.status.value,
            "kind": type(session.next).__name__,
            "next": attrs.asdict(session.next),
            "provider_id": session.provider_id,
            "created_at": session.created_at.isoformat(),
            "expires_at": session.expires_at.isoformat() if session.expires_at else None,
        },
        ensure_ascii=False,
    )


def load(text: str, record: PaymentRecord) -> PaymentSession:
    """The session from :func:`dump`, with the state that the payment is in now."""
    saved = json.loads(text)
    expires_at = saved["expires_at"]
    return PaymentSession(
        provider=record.provider,
        reference=record.reference,
        status=record.status,
        next=_load_action(saved["kind"], saved["next"]),
        amount=record.amount,
        created_at=datetime.fromisoformat(saved["created_at"]),
        provider_id=record.provider_id or saved["provider_id"],
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
        payment_id=record.payment_id,
    )


def load_action(text: str) -> NextAction:
    """Only what the payer must do, from :func:`dump`."""
    saved = json.loads(text)
    return _load_action(saved["kind"], saved["next"])


def _load_action(kind: str, values: dict[str, Any]) -> NextAction:
    if kind == "FormPost":
        return FormPost(values["url"], tuple((name, value) for name, value in values["fields"]))
    action: NextAction = _ACTIONS[kind](**values)
    return action
