"""A publisher from one URL, for settings that are one line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from ..errors import ConfigurationError
from .publisher import Publisher

_Options = dict[str, Any]


def publisher_from_url(url: str, *, source: str = "", secrets: Sequence[str] = ()) -> Publisher:
    """The publisher that a URL describes.

    ::

        kafka://host:9092,host2:9092/TOPIC?source=//shop.example/payments
        amqp://user:password@host/VHOST?exchange=NAME&source=//shop.example/payments
        nats://host:4222/SUBJECT?stream=NAME&source=//shop.example/payments
        redis://host:6379/DATABASE?stream=NAME&source=//shop.example/payments
        https://host/path#source=//shop.example/payments

    ``amqps``, ``rediss`` and ``tls`` (NATS) mean TLS. Other parameters are named as the arguments
    of the publisher's class. For Kafka, those with a stop in their name are librdkafka's, such as
    ``security.protocol=SASL_SSL``, and a user and a password are those of SASL. For RabbitMQ and
    Redis, those that are not known are the connection's own. An HTTP target has its parameters
    after ``#``, which is not sent, and its ``secrets`` are never part of the URL.

    ``source`` is for a URL without one. Raises :class:`~paykit.errors.ConfigurationError`.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigurationError("this is not a URL") from None
    maker = _MAKERS.get(parts.scheme)
    if maker is None:
        names = ", ".join(f"{name}://" for name in _MAKERS)
        raise ConfigurationError(f"the URL of a broker begins with one of {names}")
    web = parts.scheme in ("http", "https")
    if secrets and not web:
        raise ConfigurationError("only an HTTP target is signed; others have no secrets")
    given = dict(parse_qsl(parts.fragment if web else parts.query, keep_blank_values=True))
    options: _Options = {"source": source, **given}
    for name, read in _READ.items():
        if name in options:
            options[name] = read(name, options[name])
    if web:
        options["secrets"] = secrets
    return maker(parts, options)


def _kafka(parts: SplitResult, options: _Options) -> Publisher:
    from .kafka import KafkaPublisher

    login, _, brokers = parts.netloc.rpartition("@")
    settings = {name: options.pop(name) for name in list(options) if "." in name}
    if login:
        user, _, password = login.partition(":")
        settings |= {"sasl.username": unquote(user), "sasl.password": unquote(password)}
    ours = _take(options, "mode", all_of=True)
    return KafkaPublisher(brokers, topic=_path(parts), settings=settings, **ours)


def _rabbit(parts: SplitResult, options: _Options) -> Publisher:
    from .faststream.rabbit import RabbitPublisher

    ours = _take(options, "exchange", "routing_key", "queue", "declare", "mode")
    if "exchange" not in ours:
        raise ConfigurationError("amqp: name the exchange: ?exchange=…")
    return RabbitPublisher(_with_query(parts, options), **ours)


def _nats(parts: SplitResult, options: _Options) -> Publisher:
    from .faststream.nats import NatsPublisher

    ours = {"stream": "", **_take(options, "stream", "mode", all_of=True)}
    server = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    return NatsPublisher(server, subject=_path(parts), **ours)


def _redis(parts: SplitResult, options: _Options) -> Publisher:
    from .faststream.redis import RedisPublisher

    ours = {"stream": "", **_take(options, "stream", "maxlen")}
    return RedisPublisher(_with_query(parts, options), **ours)


def _http(parts: SplitResult, options: _Options) -> Publisher:
    from .http import HttpPublisher

    ours = _take(options, "secrets", "mode", "at_once", "allow_http", all_of=True)
    return HttpPublisher(urlunsplit(parts._replace(fragment="")), **ours)


_MAKERS: Final[dict[str, Callable[[SplitResult, _Options], Publisher]]] = {
    "kafka": _kafka,
    "amqp": _rabbit,
    "amqps": _rabbit,
    "nats": _nats,
    "tls": _nats,
    "redis": _redis,
    "rediss": _redis,
    "http": _http,
    "https": _http,
}


def _take(options: _Options, *names: str, all_of: bool = False) -> _Options:
    """What is ours among ``options``; where that must be all of them, anything else is refused."""
    taken = {name: options.pop(name) for name in ("source", "timeout", *names) if name in options}
    if all_of and options:
        raise ConfigurationError(f"unknown in the URL of a broker: {', '.join(sorted(options))}")
    return taken


def _path(parts: SplitResult) -> str:
    return unquote(parts.path.strip("/"))


def _with_query(parts: SplitResult, options: _Options) -> str:
    return urlunsplit(parts._replace(query=urlencode(options)))


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < math.inf:
        raise ConfigurationError(f"{name} must be a number greater than 0")
    return number


def _count(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ConfigurationError(f"{name} must be a whole number from 1 on")
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise ConfigurationError(f"{name} must be true or false")
    return text == "true"


#: The parameters that are no texts.
_READ: Final[dict[str, Callable[[str, str], Any]]] = {
    "timeout": _number,
    "maxlen": _count,
    "at_once": _count,
    "declare": _flag,
    "allow_http": _flag,
}
