"""What each endpoint does, written once for async and blocking servers.

:meth:`Endpoints.answer` gives an answer at once, or a generator that yields what has to be waited
for (an *effect*), as :meth:`Endpoints.stream` does; the drivers in :mod:`.driving` do the waiting.
Everything that decides is here or in :mod:`.receiver`; a framework's file only translates.
"""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Generator, Mapping
from enum import Enum
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable
from urllib.parse import parse_qsl

import attrs

from ..errors import ConfigurationError, PaykitError
from ..http import Reply
from ..models import Redirect
from ..provider import Outcome, Provider
from ..status import StatusKey, StatusView, Subject, Waited
from .options import MountOptions
from .receiver import (
    GONE,
    PATHS,
    Endpoint,
    Head,
    busy,
    check_return_to,
    error_reply,
    find_route,
    health_reply,
    is_among,
    is_last_event,
    onward_reply,
    refuse_head,
    return_reply,
    script_reply,
    status_reply,
    stream_frame,
    too_large,
    wait_wanted,
    wants_stream,
)

log = logging.getLogger("paykit.webhooks")

_HELD_BY_TASKS: Final = 10_000
_QUERY_FIELDS: Final = 20


@runtime_checkable
class Mountable(Protocol):
    """What can be mounted: a payment service, or an :class:`~.on_event.EventReceiver`."""

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The provider accounts by key."""
        ...

    @property
    def statuses(self) -> Any:
        """How payments stand: a :class:`~paykit.service.StatusFeed`; ``None``: nobody knows."""
        ...


class Problem(Enum):
    """Why a body was not read."""

    TOO_LARGE = "too large"
    TOO_SLOW = "too slow"
    GONE = "gone"  #: the client has closed the connection
    UNREADABLE = "unreadable"
    TAKEN = "taken"  #: something has read it before, and the exact bytes are gone


@attrs.frozen(slots=True)
class ReadBody:
    """Effect: the exact bytes of the body, or a :class:`Problem`."""

    limit: int
    seconds: float


@attrs.define  # as a Head
class Call:
    """Effect: what a method of the mounted service returns."""

    method: str
    args: tuple[Any, ...] = ()
    named: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(slots=True)
class Look:
    """Effect: the :class:`~paykit.status.StatusView` of ``key``, or ``None``."""

    key: StatusKey


@attrs.frozen(slots=True)
class Await:
    """Effect: the state of ``key`` once it is not ``tag``'s; ``None``: it is no more; or Waited."""

    key: StatusKey
    tag: str
    seconds: float


@attrs.frozen(slots=True)
class Emit:
    """Effect: a part of an event stream goes out."""

    data: bytes


@attrs.frozen(slots=True)
class EventStream:
    """A reply that goes on: the headers and then what :meth:`Endpoints.stream` emits."""

    key: StatusKey
    view: StatusView
    is_told: bool  #: the client has this state from an earlier stream


Effect: TypeAlias = ReadBody | Call | Look | Await | Emit
Answer: TypeAlias = Reply | EventStream
#: It yields each :data:`Effect`, and is sent what comes of it. Most polls are answered from memory,
#: and nothing has to be driven.
Answering: TypeAlias = Generator[Any, Any, Answer]


class Endpoints:
    """The endpoints over one service. ``blocking``: each request has a thread of its own.

    ``return_to`` is where browsers go after a return; it gets ``?state=…&payment_id=…``. Raises
    :class:`~paykit.errors.ConfigurationError`.
    """

    def __init__(
        self,
        service: Mountable,
        *,
        return_to: str,
        options: MountOptions | None = None,
        blocking: bool = False,
    ) -> None:
        if not isinstance(service, Mountable):
            raise ConfigurationError(
                f"what is mounted is a payment service or an event receiver, not {service!r:.60}"
            )
        self.service = service
        self.options = options or MountOptions()
        self._return_to = check_return_to(return_to)
        if blocking and is_async(service, "receive"):
            raise ConfigurationError("here requests are blocking: give the blocking service")
        if self.options.sources is not None:
            self.options.sources.check(service.providers)
        most = self.options.most_held
        if most is None:
            most = 0 if blocking else _HELD_BY_TASKS
        #: By their paths: to look one up takes a fifth of what :func:`find_route` takes.
        self._webhooks = {
            PATHS[Endpoint.WEBHOOK].format(account=key): (key, provider)
            for key, provider in service.providers.items()
        }
        self._read = ReadBody(self.options.max_body, self.options.body_seconds)
        self._held = threading.BoundedSemaphore(most) if most else None

    def answer(self, head: Head) -> Answer | Answering:
        """The answer to one request, or what has to be driven to have it."""
        found = self._webhooks.get(head.path)
        if found is not None:
            key, provider = found
            allowed = provider.info.webhook_method
            refusal = refuse_head(head, allowed=allowed, max_body=self.options.max_body)
            return self._webhook(head, key, provider) if refusal is None else refusal
        route = find_route(head.path)
        if route is None:
            return error_reply(404, "there is nothing here")
        endpoint, name = route
        if endpoint is Endpoint.WEBHOOK or (
            endpoint is Endpoint.RETURN and name not in self.service.providers
        ):
            return error_reply(404, "there is no such account")
        refusal = refuse_head(head, max_body=self.options.max_body)
        if refusal is not None:
            return refusal
        if endpoint in _SUBJECTS:
            return self._status(head, StatusKey(_SUBJECTS[endpoint], name))
        match endpoint:
            case Endpoint.RETURN:
                return self._return(head, name)
            case Endpoint.SCRIPT:
                return script_reply(head)
            case _:
                return self._health(endpoint)

    # Providers.

    def _webhook(self, head: Head, account: str, provider: Provider) -> Answering:
        sources = self.options.sources
        if sources is not None and not sources.allow(head, account=account, provider=provider.name):
            log.warning("refused a caller of %s by its address", account)
            return error_reply(403, "this address may not call here")
        body = yield self._read
        if not isinstance(body, bytes):
            return self._unread(body)
        try:
            receipt = yield Call("receive", (head.delivery(body),), {"provider": account})
        except Exception:
            # A fault of ours: nothing is stored, so the provider must come again.
            log.exception("a delivery for %s failed inside", account)
            return provider.reply(Outcome.TRY_AGAIN)
        reply: Reply = receipt.reply
        return reply

    def _unread(self, problem: Problem) -> Reply:
        match problem:
            case Problem.TOO_LARGE:
                return too_large(self.options.max_body)
            case Problem.TOO_SLOW:
                return error_reply(408, "the body took too long")
            case Problem.UNREADABLE:
                return error_reply(400, "the body cannot be read")
            case Problem.TAKEN:
                log.error(
                    "the exact bytes of a body are needed, and something has read it before paykit:"
                    " a form's fields (request.POST) must not be looked at on the way here"
                )
                return error_reply(500, "the exact bytes are needed, and something has read them")
        return GONE

    # Browsers.

    def _return(self, head: Head, account: str) -> Answering:
        body = yield self._read
        if not isinstance(body, bytes):
            return self._unread(body)
        try:
            info = yield Call("receive_return", (head.delivery(body),), {"provider": account})
        except Exception:
            # The payer cannot help it, and the webhook settles the payment all the same.
            log.exception("a browser return for %s failed inside", account)
            return return_reply(self._return_to, verified=False, payment_id=None, status=None)
        if isinstance(info.onward, Redirect):
            return onward_reply(info.onward.url)
        return return_reply(
            self._return_to,
            verified=info.verified,
            payment_id=info.payment_id,
            status=info.status,
            reference=info.reference,
        )

    def _status(self, head: Head, key: StatusKey) -> Answer | Answering:
        statuses = self.service.statuses
        if statuses is None or not self._may_see(head, key):
            return _unknown(key)
        view = statuses.peek(key)
        return self._look(head, key) if view is None else self._tell(head, key, view)

    def _look(self, head: Head, key: StatusKey) -> Answering:
        """Tell a state that has to be read first."""
        try:
            view = yield Look(key)
        except PaykitError as error:
            log.warning("a status cannot be told: %s", error)
            return busy(_NOT_NOW)
        if view is None:
            return _unknown(key)
        told = self._tell(head, key, view)
        return told if isinstance(told, Answer) else (yield from told)

    def _tell(self, head: Head, key: StatusKey, view: StatusView) -> Answer | Answering:
        if wants_stream(head):
            return self._open_stream(head, key, view)
        wait = min(wait_wanted(head), self.options.longest_wait)
        return self._wait(head, key, view, wait) if wait else status_reply(view, head)

    def _may_see(self, head: Head, key: StatusKey) -> bool:
        if key.subject is Subject.PAYMENT:
            return True  # whoever has the id was given it: it has 80 random bits
        tokens = self.options.order_tokens
        return tokens is not None and tokens.allow(key.name, _query_value(head.query, "token"))

    def _wait(self, head: Head, key: StatusKey, view: StatusView, seconds: int) -> Answering:
        """Hold the answer until there is news; what the client does not have is told at once."""
        tags = head.value(b"if-none-match")
        if view.final or tags is None or not is_among(view.tag, tags):
            return status_reply(view, head, waited=seconds)
        if not self._hold():
            return status_reply(view, head)
        try:
            found = yield Await(key, view.tag, seconds)
        finally:
            self._release()
        match found:
            case Waited.GONE:
                return GONE
            case Waited.CLOSED:
                return busy(_NOT_NOW)
            case Waited.NO_CHANGE:
                return status_reply(view, head, waited=seconds)
            case None:
                return _unknown(key)
        return status_reply(found, head, waited=seconds)

    def _open_stream(self, head: Head, key: StatusKey, view: StatusView) -> Answer:
        is_told = is_last_event(view, head)
        if view.final and is_told:
            return Reply(204)  # by this an EventSource does not come again
        return EventStream(key, view, is_told)

    def stream(self, stream: EventStream) -> Generator[Any, Any, Reply | None]:
        """Emit states until there is nothing more to tell.

        The first effect that it yields decides: what it returns before that is the whole reply.
        """
        view = stream.view
        is_held = not view.final and self._hold()
        if not (is_held or view.final):
            return busy("too many are waiting already")
        try:
            yield Emit(_RETRY if stream.is_told else _RETRY + stream_frame(view))
            left = self.options.stream_seconds
            while left > 0 and not view.final:
                pause = min(left, self.options.ping_seconds)
                found = yield Await(stream.key, view.tag, pause)
                if isinstance(found, StatusView):
                    view = found
                    yield Emit(stream_frame(view))
                elif found is Waited.NO_CHANGE:
                    left -= pause
                    yield Emit(_PING)
                else:
                    return None
        finally:
            if is_held:
                self._release()
        return None

    # Not a context manager, which takes more memory for each that waits.

    def _hold(self) -> bool:
        """Take one of the places for those who wait, if one is free."""
        return self._held is not None and self._held.acquire(blocking=False)

    def _release(self) -> None:
        if self._held is not None:
            self._held.release()

    # Operators.

    def _health(self, endpoint: Endpoint) -> Answer | Answering:
        if not self.options.health:
            return error_reply(404, "there is nothing here")
        return health_reply(is_well=True) if endpoint is Endpoint.HEALTH else self._ready()

    def _ready(self) -> Answering:
        try:
            health = yield Call("health")
        except Exception:
            log.exception("the service cannot say how it is")
            return health_reply(is_well=False)
        return health_reply(is_well=health.ready)


_SUBJECTS: Final = {Endpoint.PAYMENT: Subject.PAYMENT, Endpoint.ORDER: Subject.ORDER}
_RETRY: Final = b"retry: 3000\n\n"
_PING: Final = b":\n\n"
_NOT_NOW: Final = "this cannot be told just now"


def _unknown(key: StatusKey) -> Reply:
    return error_reply(404, f"there is no such {key.subject}")


def is_async(service: object, method: str) -> bool:
    """Whether a method of the mounted service has to be awaited."""
    return inspect.iscoroutinefunction(getattr(service, method))


def _query_value(query: bytes, name: str) -> str:
    """A parameter that is there exactly once, else an empty text."""
    try:
        pairs = parse_qsl(query.decode("ascii"), max_num_fields=_QUERY_FIELDS)
    except ValueError:
        return ""
    found = [value for key, value in pairs if key == name]
    return found[0] if len(found) == 1 else ""
