"""The way into Stripe's API: who asks, is it well formed, is it new? Then the operation."""

from __future__ import annotations

import base64
import binascii
import copy
import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from ..cards.keys import KeyConflictError, Keys
from . import forms, params
from .endpoints import Endpoint
from .errors import UNAUTHORIZED, Refusal
from .fields import Record
from .ids import Ids
from .notices import Notices
from .state import Json
from .views import Views

if TYPE_CHECKING:
    from .config import StripeConfig

_LONGEST_KEY: Final = 255
_KEPT: Final = timedelta(hours=24)
_VERSION: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}(\.[a-z]+)?", re.ASCII)


@attrs.frozen(kw_only=True)
class Call:
    """One request, its headers in lower case; ``body`` is ``None`` if it was too large."""

    headers: Mapping[str, str]
    path: str
    query: bytes = b""
    body: bytes | None = b""
    id: str = ""

    def header(self, name: str) -> str:
        """A header, or an empty text."""
        return self.headers.get(name, "")


@attrs.frozen(kw_only=True)
class Answer:
    """What Stripe answers."""

    status: int
    body: Json
    headers: Mapping[str, str]


@attrs.frozen
class _Kept:
    """The first answer to a request with a key."""

    path: str
    status: int
    body: Json
    request_id: str


class Gateway:
    """Stripe's API without its transport. ``catch_up`` does what time has brought."""

    def __init__(
        self,
        config: StripeConfig,
        *,
        ids: Ids,
        views: Views,
        notices: Notices,
        catch_up: Callable[[datetime], None],
        keep: int,
    ) -> None:
        self._config = config
        self._ids = ids
        self._views = views
        self._notices = notices
        self._catch_up = catch_up
        self._keys: Keys[_Kept] = Keys(lifetime=_KEPT, keep=keep * 10)

    def answer(self, endpoint: Endpoint, call: Call, now: datetime) -> Answer:
        """The answer to one operation."""
        request_id = self._ids.make("req", 14)
        headers = {"Request-Id": request_id, "Stripe-Version": self._config.api_version}
        self._catch_up(now)
        try:
            headers["Stripe-Version"] = self._version(call)
            self._check_key(call.header("authorization"))
            status, body, more = self._once(endpoint, call, request_id, now)
            headers |= more
        except Refusal as refused:
            status, body = refused.status, error_body(refused, request_id)
        self._catch_up(now)
        return Answer(status=status, body=body, headers=headers)

    def _version(self, call: Call) -> str:
        version = call.header("stripe-version") or self._config.api_version
        if not _VERSION.fullmatch(version):
            raise Refusal(f"Invalid Stripe API version: {version[:40]}", early=True)
        return version

    def _check_key(self, authorization: str) -> None:
        scheme, _, value = authorization.partition(" ")
        key = value.strip()
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(key, validate=True).decode().partition(":")[0]
            except (binascii.Error, ValueError):
                key = ""
        elif scheme.lower() != "bearer":
            key = ""
        if not key:
            raise Refusal(
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
                "YOUR_SECRET_KEY').",
                status=UNAUTHORIZED,
                early=True,
            )
        if key == self._config.publishable_key:
            raise Refusal(
                "This API call cannot be made with a publishable API key. Please use a secret API "
                "key. You can find a list of your API keys at "
                "https://dashboard.stripe.com/account/apikeys.",
                status=UNAUTHORIZED,
                code="secret_key_required",
                early=True,
            )
        if not hmac.compare_digest(key.encode(), self._config.secret_key.encode()):
            raise Refusal(
                f"Invalid API Key provided: {key[:7]}{'*' * 8}", status=UNAUTHORIZED, early=True
            )

    def _once(
        self, endpoint: Endpoint, call: Call, request_id: str, now: datetime
    ) -> tuple[int, Json, dict[str, str]]:
        """Perform an operation, unless its key was used for the same."""
        tree = self._read(endpoint, call)
        key = call.header("idempotency-key") if endpoint.method == "POST" else ""
        if len(key) > _LONGEST_KEY:
            raise Refusal(
                f"Idempotency keys must be at most {_LONGEST_KEY} characters long.", early=True
            )
        request = json.dumps(tree, sort_keys=True).encode()
        if key:
            kept = self._kept(key, request, call.path, now)
            if kept:
                marks = {
                    "Idempotency-Key": key,
                    "Idempotent-Replayed": "true",
                    "Original-Request": kept.request_id,
                }
                return kept.status, copy.deepcopy(kept.body), marks
        try:
            with self._notices.caused_by(request_id, key):
                status, body = 200, self._perform(endpoint, call, tree, now)
        except Refusal as refused:
            if refused.early:
                raise
            status, body = refused.status, error_body(refused, request_id)
        if not key:
            return status, body, {}
        done = _Kept(call.path, status, copy.deepcopy(body), request_id)
        self._keys.store(key, request, done, now)
        return status, body, {"Idempotency-Key": key, "Original-Request": request_id}

    def _kept(self, key: str, request: bytes, path: str, now: datetime) -> _Kept | None:
        try:
            kept = self._keys.find(key, request, now)
        except KeyConflictError:
            raise Refusal(
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{key}' if you meant to execute a "
                "different request.",
                kind="idempotency_error",
                early=True,
            ) from None
        if kept and kept.path != path:
            raise Refusal(
                "Keys for idempotent requests can only be used for the same endpoint they were "
                f"first used for ('{path}' vs '{kept.path}'). Try using a key other than '{key}' "
                "if you meant to execute a different request.",
                kind="idempotency_error",
                early=True,
            )
        return kept

    def _read(self, endpoint: Endpoint, call: Call) -> Json:
        raw = call.query if endpoint.method == "GET" else call.body
        if raw is None:
            raise Refusal("Request payload size exceeded.", status=413, early=True)
        kind = call.header("content-type").partition(";")[0].strip().lower()
        if endpoint.method == "POST" and raw and kind != "application/x-www-form-urlencoded":
            raise Refusal(
                "Invalid request (check that your POST content type is "
                "application/x-www-form-urlencoded).",
                early=True,
            )
        try:
            return forms.decode(raw)
        except forms.FormError as error:
            raise Refusal(str(error), early=True) from None

    def _perform(self, endpoint: Endpoint, call: Call, tree: Json, now: datetime) -> Json:
        takes = endpoint.takes
        version = call.header("stripe-version")
        older = version and version < params.ALLOWED_TYPES_SINCE
        if older and "allowed_payment_method_types" in takes.members:
            takes = Record({**takes.members, **params.LEGACY}, takes.required)
        asked = takes.read(tree, "")
        asked = {name: value for name, value in asked.items() if value is not None}
        paths = asked.pop("expand", [])
        self._views.check_expand(endpoint.shows, paths)
        shown = self._views.show(endpoint.run(call.id, asked, now))
        return self._views.expand(shown, paths)


def error_body(refused: Refusal, request_id: str) -> Json:
    """An error as Stripe answers it."""
    log = f"https://dashboard.stripe.com/test/logs/{request_id}"
    return {"error": {**refused.error, "request_log_url": log}}
