"""Telling other processes over Redis which payments have changed (publish and subscribe)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from ..errors import ConfigurationError
from .effects import log

_PAUSE: Final = 1.0
#: Seconds between two looks at a connection on which nothing comes.
_ASK_SECONDS: Final = 5.0
_CONNECT_SECONDS: Final = 5.0
CHANNEL: Final = "paykit-status"


class RedisChanges:
    """A :class:`~paykit.service.ChangeBus` over Redis: ``RedisChanges("redis://localhost:6379")``.

    For databases other than PostgreSQL, where each process shall hear at once of what another one
    has committed. Give one to every service that uses the database. Redis keeps nothing, and may
    lose a message: what it loses is seen a little later. Raises
    :class:`~paykit.errors.ConfigurationError` without the extra ``redis``, and for a URL that is
    not Redis's. See https://redis.io/docs/latest/develop/pubsub/
    """

    def __init__(self, url: str, *, channel: str = CHANNEL) -> None:
        try:
            import redis
        except ImportError:
            raise ConfigurationError(
                "RedisChanges needs pip install 'paykit-adapters[redis]'"
            ) from None
        try:
            self._client = redis.Redis.from_url(
                url,
                socket_connect_timeout=_CONNECT_SECONDS,
                socket_timeout=_CONNECT_SECONDS,
                health_check_interval=_ASK_SECONDS,
            )
        except ValueError:
            raise ConfigurationError("this is no URL such as redis://localhost:6379") from None
        self._channel = channel
        self._is_heard = False
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_heard(self) -> bool:
        """Whether what others tell is being heard now."""
        return self._is_heard

    def publish(self, text: str) -> None:
        """Tell all others; raises whatever the client raises."""
        self._client.publish(self._channel, text)

    def listen(self, hear: Callable[[str | None], None]) -> None:
        """Call ``hear`` with each text, in a thread of its own; ``None``: some may be lost."""
        self._thread = threading.Thread(
            target=self._work, args=(hear,), name="paykit-redis", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        self._client.close()

    def _work(self, hear: Callable[[str | None], None]) -> None:
        is_told = False
        while not self._closed.is_set():
            try:
                self._hear(hear)
                is_told = False
            except Exception as error:  # noqa: BLE001 - whatever the client raises: connect again
                if not is_told:  # once for each time that it is lost
                    log.warning("not listening to Redis: %s", type(error).__name__)
                is_told = True
                self._closed.wait(_PAUSE)
            finally:
                self._is_heard = False

    def _hear(self, hear: Callable[[str | None], None]) -> None:
        client: Any = self._client  # its types leave out how to subscribe
        with client.pubsub() as subscription:
            subscription.subscribe(self._channel)
            while not self._closed.is_set():
                message: Any = subscription.get_message(timeout=_PAUSE)
                if message is None:
                    subscription.check_health()
                elif message["type"] == "subscribe":
                    self._is_heard = True
                    hear(None)
                elif message["type"] == "message":
                    hear(message["data"].decode(errors="replace"))
