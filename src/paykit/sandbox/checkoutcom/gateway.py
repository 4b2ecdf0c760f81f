"""The way into the API: who asks, is it new, is it well formed? Then the operation."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import attrs

from ...http import parse_json_object
from ..cards.keys import Keys
from . import fields
from .issues import Refusal, invalid, unauthorized

if TYPE_CHECKING:
    from .config import CheckoutComConfig
    from .ids import Ids
    from .views import Json

_CONFLICT: Final = 409
_KEY_LENGTH: Final = 255
_KEY_LIFETIME: Final = timedelta(hours=24)

Method: TypeAlias = Literal["GET", "POST", "DELETE"]


@attrs.frozen(kw_only=True)
class Asked:
    """A request that may be answered: whose object it is about, and what it says."""

    id: str
    body: dict[str, Any]
    query: Mapping[str, str]
    now: datetime


@attrs.frozen(kw_only=True)
class Endpoint:
    """One operation; ``run`` gives the status and the JSON.

    ``public`` ones are for browsers; ``once`` ones know idempotency keys.
    """

    method: Method
    path: str
    run: Callable[[Asked], tuple[int, Json | list[Json] | None]]
    rules: fields.Rules = fields.NOTHING
    public: bool = False
    once: bool = False


@attrs.frozen(kw_only=True)
class Call:
    """One request, its headers in lower case; ``body`` is ``None`` if it was too large."""

    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes | None = b""
    id: str = ""

    def header(self, name: str) -> str:
        """A header, or an empty text."""
        return self.headers.get(name, "")

    def with_body(self, body: bytes | None) -> Call:
        """The same call, when its body has arrived."""
        return attrs.evolve(self, body=body)


@attrs.frozen(kw_only=True)
class Answer:
    """The HTTP status, the JSON unless there is none, and what support would ask for."""

    status: int
    body: Json | list[Json] | None
    request_id: str


class Gateway:
    """Checkout.com's API without its transport. ``catch_up`` does what is due meanwhile."""

    def __init__(
        self,
        config: CheckoutComConfig,
        *,
        ids: Ids,
        catch_up: Callable[[datetime], None],
        keep: int,
    ) -> None:
        self._config = config
        self._ids = ids
        self._catch_up = catch_up
        self._keys: Keys[Answer] = Keys(lifetime=_KEY_LIFETIME, keep=keep * 10)
        self._underway: set[str] = set()

    def enter(self, endpoint: Endpoint, call: Call) -> str | None:
        """Take a request's idempotency key, if it has one; ``None`` while another holds it."""
        key = _key(endpoint, call)
        if key in self._underway:
            return None
        if key:
            self._underway.add(key)
        return key

    def leave(self, key: str) -> None:
        """The request has been answered."""
        self._underway.discard(key)

    def busy(self) -> Answer:
        """The answer while a request with the same key is under way."""
        return Answer(status=_CONFLICT, body=None, request_id=self._ids.request())

    def answer(self, endpoint: Endpoint, call: Call, now: datetime) -> Answer:
        """The answer to one call."""
        request_id = self._ids.request()
        self._catch_up(now)
        try:
            self._check_key(endpoint, call)
            made = self._once(endpoint, call, now, request_id)
        except Refusal as refused:
            made = Answer(
                status=refused.status, body=refused.body(request_id), request_id=request_id
            )
        self._catch_up(now)
        return made

    def _check_key(self, endpoint: Endpoint, call: Call) -> None:
        config = self._config
        wanted = config.public_key if endpoint.public else config.secret_key
        given = call.header("authorization")
        if not hmac.compare_digest(given.encode(), f"Bearer {wanted}".encode()):
            raise unauthorized()

    def _once(self, endpoint: Endpoint, call: Call, now: datetime, request_id: str) -> Answer:
        """Run an operation, unless its key has brought a good answer within a day.

        What the repetition asks for is not looked at. A refusal is not kept: the same key may be
        used again.
        """
        key = _key(endpoint, call)
        if len(key) > _KEY_LENGTH + len(call.path):
            raise invalid("cko_idempotency_key_invalid")
        known = self._keys.find(key, b"", now) if key else None
        if known:
            return attrs.evolve(known, request_id=request_id)
        status, body = endpoint.run(self._read(endpoint, call, now))
        made = Answer(status=status, body=body, request_id=request_id)
        if key:
            self._keys.store(key, b"", made, now)
        return made

    @staticmethod
    def _read(endpoint: Endpoint, call: Call, now: datetime) -> Asked:
        body: dict[str, Any] = {}
        if endpoint.method == "POST" and call.body != b"":
            try:
                body = parse_json_object(call.body or b"")
            except ValueError:
                raise invalid("request_body_malformed") from None
        wrong = fields.problems(body, endpoint.rules)
        if wrong:
            raise invalid(*wrong)
        return Asked(id=call.id, body=body, query=call.query, now=now)


def _key(endpoint: Endpoint, call: Call) -> str:
    """What a repetition is known by: keys belong to one address."""
    given = call.header("cko-idempotency-key") if endpoint.once else ""
    return f"{call.path} {given}" if given else ""
