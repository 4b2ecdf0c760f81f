"""Where a value stands in a delivery, and how to change it there and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeAlias
from urllib.parse import quote_plus

import attrs

from ..errors import InvalidRequest
from ..http import Delivery, decode_component, json_text, parse_json_object

_Style: TypeAlias = tuple[tuple[str, str], bool]

#: The ways of writing JSON that :func:`edit_json` keeps: separators, and whether letters outside
#: ASCII are escaped.
_STYLES: Final[tuple[_Style, ...]] = tuple(
    (separators, escaped) for separators in ((",", ":"), (", ", ": ")) for escaped in (False, True)
)


@attrs.frozen
class Field:
    """One named value of a delivery: a header, else a query parameter of a GET, else a JSON key.

    A key inside an object inside the body is written with dots: ``data.amount``. ``query`` is its
    name in a query, where that is another one.
    """

    name: str
    header: bool = False
    query: str | None = None

    def name_in(self, delivery: Delivery) -> str:
        """What it is called in ``delivery``."""
        return self.query if self.query and delivery.method == "GET" else self.name

    def read(self, delivery: Delivery) -> Any:
        """The value, decoded; ``None`` where there is none."""
        if self.header:
            return delivery.header(self.name)
        if delivery.method == "GET":
            wanted = self.name_in(delivery)
            return next(
                (
                    decode_component(value)
                    for name, value in delivery.query_pairs()
                    if decode_component(name) == wanted
                ),
                None,
            )
        home, key = self._home(parse_json_object(delivery.body))
        return home.get(key)

    def replace(self, delivery: Delivery, value: Any) -> Delivery:
        """The delivery with another value here; everything else keeps its bytes."""
        if self.header:
            return attrs.evolve(
                delivery,
                headers=[
                    (name, value if self._is_header(name) else other)
                    for name, other in delivery.headers
                ],
            )
        if delivery.method == "GET":
            pair = f"{quote_plus(self.name_in(delivery))}={quote_plus(value)}"
            return self._rewrite_query(delivery, pair)

        def put(body: dict[str, Any]) -> None:
            home, key = self._home(body)
            home[key] = value

        return attrs.evolve(delivery, body=edit_json(delivery.body, put))

    def remove(self, delivery: Delivery) -> Delivery:
        """The delivery without this value."""
        if self.header:
            return attrs.evolve(
                delivery,
                headers=[pair for pair in delivery.headers if not self._is_header(pair[0])],
            )
        if delivery.method == "GET":
            return self._rewrite_query(delivery, None)

        def drop(body: dict[str, Any]) -> None:
            home, key = self._home(body)
            home.pop(key, None)

        return attrs.evolve(delivery, body=edit_json(delivery.body, drop))

    def alter(self, delivery: Delivery) -> Delivery:
        """The delivery with a different value of the same kind here."""
        value = self.read(delivery)
        if value is None:
            raise InvalidRequest("is not in this delivery", field=self.name)
        return self.replace(delivery, altered(value))

    def _home(self, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """The object that holds the value, and its key there."""
        *path, key = self.name.split(".")
        for name in path:
            inside = body.get(name)
            if not isinstance(inside, dict):
                return {}, key  # nothing is there, and nothing can be put there
            body = inside
        return body, key

    def _is_header(self, name: str) -> bool:
        return name.lower() == self.name.lower()

    def _rewrite_query(self, delivery: Delivery, pair: str | None) -> Delivery:
        parts = []
        for part in delivery.query.split(b"&"):
            if decode_component(part.partition(b"=")[0]) != self.name_in(delivery):
                parts.append(part)
            elif pair is not None:
                parts.append(pair.encode())
        return attrs.evolve(delivery, query=b"&".join(parts))


def altered(value: Any) -> Any:
    """Another value of the same kind: a different number, a text with a different digit."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        for index in range(len(value) - 1, -1, -1):
            if value[index] in "0123456789":
                return f"{value[:index]}{(int(value[index]) + 1) % 10}{value[index + 1 :]}"
        return f"{value}x"
    return None if value else {"x": 1}


def edit_json(body: bytes, edit: Callable[[dict[str, Any]], object]) -> bytes:
    """Change one thing in a JSON body that is otherwise written again as it was."""
    content = parse_json_object(body)
    style = next((style for style in _STYLES if _dump(content, style) == body), _STYLES[0])
    edit(content)
    return _dump(content, style)


def _dump(content: dict[str, Any], style: _Style) -> bytes:
    if style == _STYLES[0]:
        return json_text(content).encode()  # with the digits that a fraction came with
    separators, escaped = style
    return json.dumps(content, separators=separators, ensure_ascii=escaped).encode()
