"""Reads the case folder of a provider. ``docs/add-a-provider.md`` describes the files."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs

from ...errors import ConfigurationError
from ...http import Delivery, HttpRequest, HttpResponse, Reply
from ...money import Money
from ...provider import Capability, Outcome
from ..factory import State

Table: TypeAlias = Mapping[str, Any]

_HOLE: Final = re.compile(r"\{\{(\w+)\}\}")
_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")
_JSON: Final = {"content-type": "application/json"}


@attrs.frozen(kw_only=True)
class Exchange:
    """One request that is expected, to the letter but for its holes, and the answer to it.

    A hole is written ``{{name}}`` and matches the regular expression ``volatile[name]``: values
    that are random by nature, such as RSA padding.
    """

    method: str
    url: str
    headers: Table = attrs.field(repr=False)  # they hold keys
    body: str
    volatile: Mapping[str, str]
    moves_money: bool
    replay_safe: bool
    answer: HttpResponse

    def difference(self, request: HttpRequest) -> str | None:
        """How ``request`` differs from what is expected, or ``None``."""
        for name, wanted in self.headers.items():
            if request.header(name) != wanted:
                return f"header {name}: {request.header(name)!r} is not {wanted!r}"
        for name, given, pattern in (
            ("method", request.method, re.escape(self.method)),
            ("url", request.url, self._pattern(self.url)),
            ("body", request.body.decode(), self._pattern(self.body)),
        ):
            if not re.fullmatch(pattern, given):
                return f"{name}:\n  {given}\nis not\n  {getattr(self, name)}"
        for name in ("moves_money", "replay_safe"):
            if getattr(request, name) is not getattr(self, name):
                return f"{name} is {getattr(request, name)}"
        return None

    def _pattern(self, text: str) -> str:
        parts = _HOLE.split(text)
        return "".join(
            f"(?:{self.volatile[part]})" if index % 2 else re.escape(part)
            for index, part in enumerate(parts)
        )


@attrs.frozen(kw_only=True)
class Case:
    """One command, what goes over the wire, and what comes of it: a result or an error."""

    id: str
    file: str
    command: Capability
    arguments: Table
    exchanges: tuple[Exchange, ...]
    result: Table | None
    error: Table | None
    optional: tuple[str, ...]
    session: Exchange | None = None

    def is_session(self, request: HttpRequest) -> bool:
        """Whether ``request`` asks for an access token."""
        opening = self.session
        return opening is not None and (request.method, request.url) == (
            opening.method,
            opening.url,
        )

    @property
    def only_asks(self) -> bool:
        """Whether nothing goes out but questions (and the request for a token)."""
        return all(
            exchange.method == "GET" or exchange is self.session for exchange in self.exchanges
        )


@attrs.frozen(kw_only=True)
class Call:
    """One recorded call from the provider or a browser, and what comes of it."""

    id: str
    returned: bool
    delivery: Delivery
    events: tuple[Table, ...]
    error: Table | None
    config: Table
    unsigned: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Row:
    """One notice that the delivery factory signs, and the events that it means."""

    id: str
    returned: bool
    state: str
    reference: str
    amount: Money
    at: datetime
    fields: Table
    events: tuple[Table, ...]


class Proof(StrEnum):
    """What proves a call of the provider or of a browser."""

    SIGNATURE = "signature"  #: a signature over what it says
    SECRET = "secret"  # noqa: S105 - a secret that it brings along; nothing covers what it says
    ASKED = "asked"  #: nothing: the provider is asked, and only its answer counts


@attrs.frozen(kw_only=True)
class Answers:
    """What the answers to one command must echo, and what they may lack or misspell.

    ``bodiless`` are the HTTP statuses of refusals that the provider sends without a body.
    """

    echoes: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    optional: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    bodiless: tuple[int, ...] = attrs.field(default=(), converter=tuple)


@attrs.frozen(kw_only=True)
class Session:
    """The request for an access token, which comes before all others of each case."""

    exchange: Exchange
    optional: tuple[str, ...] = attrs.field(default=(), converter=tuple)


@attrs.frozen(kw_only=True)
class CaseFolder:
    """Everything in the folder."""

    path: Path
    now: datetime
    ids: tuple[str, ...]
    config: Table
    rotation: Mapping[str, str]
    any_case: bool
    unsigned: tuple[str, ...]
    tolerance: timedelta | None
    ahead: timedelta | None
    references: tuple[str, str]
    has_codes: Mapping[bool, bool]
    good: Mapping[bool, State]
    covers: Mapping[bool, Proof]
    session: Session | None
    answers: Mapping[str, Answers]
    replies: Mapping[Outcome, Reply]
    cases: tuple[Case, ...]
    calls: tuple[Call, ...]
    rows: tuple[Row, ...]

    def is_signed(self, name: str, call: Call) -> bool:
        """Whether the signature of the call covers its field ``name``."""
        return not any(fnmatchcase(name, pattern) for pattern in (*self.unsigned, *call.unsigned))

    @classmethod
    def read(cls, path: Path) -> CaseFolder:
        """The folder at ``path``; raises :class:`ConfigurationError` where it is not clear."""
        if not (path / "config.toml").is_file():
            raise ConfigurationError(f"{path} has no config.toml")
        return _read(path)


@cache
def _read(path: Path) -> CaseFolder:
    settings = _toml(path / "config.toml")
    webhook, returned = settings.get("webhook", {}), settings.get("return", {})
    session = _session(settings)
    return CaseFolder(
        path=path,
        now=settings["now"],
        ids=tuple(settings.get("ids", ())),
        config=settings["config"],
        rotation=settings.get("rotation", {}),
        any_case=webhook.get("any_case", False),
        unsigned=tuple(webhook.get("unsigned", ())),
        tolerance=timedelta(seconds=webhook["tolerance"]) if "tolerance" in webhook else None,
        ahead=timedelta(seconds=webhook["ahead"]) if "ahead" in webhook else None,
        references=tuple(webhook.get("references", ("CONFORM-1", "CONFORM-2"))),
        has_codes={
            False: webhook.get("codes", True),
            True: returned.get("codes", webhook.get("codes", True)),
        },
        good={False: webhook.get("good", "paid"), True: returned.get("good", "paid")},
        covers={
            False: Proof(webhook.get("proof", "signature")),
            True: Proof(returned.get("proof", "signature")),
        },
        session=session,
        answers={name: Answers(**item) for name, item in settings.get("answers", {}).items()},
        replies={
            Outcome(name): Reply(
                item["status"],
                item.get("body", "").encode(),
                item.get("content_type"),
                item.get("headers", {}),
            )
            for name, item in settings.get("replies", {}).items()
        },
        cases=tuple(_cases(path, session)),
        calls=tuple(_calls(path)),
        rows=tuple(_rows(path)),
    )


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _session(settings: Table) -> Session | None:
    opening = settings.get("session")
    if opening is None:
        return None
    return Session(exchange=_exchange(opening), optional=opening.get("optional", ()))


def _cases(folder: Path, session: Session | None) -> Iterator[Case]:
    for path in sorted(folder.glob("*.case.toml")):
        name = path.name.removesuffix(".case.toml")
        whole = _toml(path)
        rows = whole.pop("row", [{}])
        for row in rows:
            table = _fill(whole, row.get("values", {}))
            result, error = table.get("result"), table.get("error")
            if "error" in row:
                result, error = None, {**(error or {}), **row["error"]}
            elif "result" in row:
                result, error = {**(result or {}), **row["result"]}, None
            if (result is None) is (error is None):
                raise ConfigurationError(f"{path}: a case has either a result or an error")
            exchanges = tuple(_exchange(item) for item in table.get("exchange", ()))
            if session is not None and exchanges and table.get("session", True):
                exchanges = (session.exchange, *exchanges)
            yield Case(
                id=f"{name}-{row['name']}" if row else name,
                file=name,
                command=Capability(table["command"]),
                arguments=_merged(table.get("arguments", {}), row.get("arguments", {})),
                exchanges=exchanges,
                session=session.exchange if session else None,
                result=result,
                error=error,
                optional=tuple(table.get("optional", ())),
            )


def _exchange(item: Table) -> Exchange:
    request, response = item["request"], item["response"]
    return Exchange(
        method=request["method"],
        url=request["url"],
        headers=request.get("headers", {}),
        body=request.get("body", ""),
        volatile=request.get("volatile", {}),
        moves_money=request.get("moves_money", False),
        replay_safe=request.get("replay_safe", False),
        answer=HttpResponse(
            int(response.get("status", 200)),
            response.get("headers", _JSON),
            response.get("body", "").encode(),
        ),
    )


def _calls(folder: Path) -> Iterator[Call]:
    for path in sorted(folder.glob("*.http")):
        expected = _toml(path.with_suffix(".http.toml"))
        yield Call(
            id=path.stem,
            returned=expected.get("returned", False),
            delivery=read_call(path.read_bytes(), where=str(path)),
            events=tuple(expected.get("event", ())),
            error=expected.get("error"),
            config=expected.get("config", {}),
            unsigned=tuple(expected.get("unsigned", ())),
        )


def read_call(raw: bytes, *, where: str) -> Delivery:
    """A raw HTTP request: its line, headers, a blank line, and the exact bytes of the body."""
    end = _END_OF_HEAD.search(raw)
    if end is None:
        raise ConfigurationError(f"{where} has no blank line after the headers")
    head, body = raw[: end.start()], raw[end.end() :]
    first, *lines = head.decode("ascii").splitlines()
    try:
        method, target, _version = first.split(" ")
    except ValueError:
        raise ConfigurationError(f"{where} does not begin with a request line") from None
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    target_path, _, query = target.partition("?")
    return Delivery(method, target_path, query.encode(), headers, body)


def _rows(folder: Path) -> Iterator[Row]:
    for path in sorted(folder.glob("*.notices.toml")):
        name = path.name.removesuffix(".notices.toml")
        table = _toml(path)
        amount, _, currency = table["amount"].partition(" ")
        for row, returned in itertools.product(table["row"], (False, True)):
            kind = "return" if returned else "webhook"
            if kind in table.get("via", ["webhook"]):
                events = row.get("events") or [row.get("event", {})]
                yield Row(
                    id=f"{name}-{row['name']}-{kind}",
                    returned=returned,
                    state=table["state"],
                    reference=table["reference"],
                    amount=Money.of(amount, currency),
                    at=table["at"],
                    fields={**table.get("fields", {}), **row.get("fields", {})},
                    events=tuple({**table.get("event", {}), **event} for event in events),
                )


def _fill(value: Any, values: Table) -> Any:
    """``value`` with each ``{{name}}`` that a row gives a value for."""
    if isinstance(value, str):
        return _HOLE.sub(lambda hole: str(values.get(hole[1], hole[0])), value)
    if isinstance(value, Mapping):
        return {name: _fill(item, values) for name, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, values) for item in value]
    return value


def _merged(base: Table, over: Table) -> dict[str, Any]:
    """``base`` with ``over`` laid upon it, table by table."""
    merged = dict(base)
    for name, item in over.items():
        old = merged.get(name)
        both = isinstance(old, Mapping) and isinstance(item, Mapping)
        merged[name] = _merged(old, item) if both else item  # type: ignore[arg-type]
    return merged
