"""Domain values written as TOML, and back: money is ``"150000 VND"``, nothing is left out twice."""

from __future__ import annotations

import types
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Union, get_args, get_origin

import attrs

from ...errors import ConfigurationError
from ...money import Money


def plain(value: Any) -> Any:
    """``value`` as TOML would have it.

    A frozen value becomes a table with its ``type`` and the fields that differ from their
    defaults. ``raw`` is left out: it is the provider's answer, and is checked against that.
    """
    if isinstance(value, Money):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if attrs.has(type(value)):
        table: dict[str, Any] = {"type": type(value).__name__}
        for field in attrs.fields(type(value)):
            item = getattr(value, field.name)
            if field.name != "raw" and item is not None and item != _default(field):
                table[field.name] = plain(item)
        return table
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def _default(field: attrs.Attribute[Any]) -> Any:
    default: Any = field.default
    # The factories in the domain make empty containers and values, and take no arguments.
    return default.factory() if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type]


def structure(kind: Any, value: Any, *, where: str) -> Any:
    """The domain value of type ``kind`` that the TOML ``value`` describes."""
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        return structure(get_args(kind)[0], value, where=where)
    if origin is tuple:
        return tuple(structure(get_args(kind)[0], item, where=where) for item in value)
    if kind is Money:
        amount, _, currency = value.partition(" ")
        return Money.of(amount, currency)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if isinstance(kind, type) and attrs.has(kind):
        attrs.resolve_types(kind)
        fields = attrs.fields_dict(kind)
        unknown = value.keys() - fields.keys()
        if unknown:
            raise ConfigurationError(f"{where}: {kind.__name__} has no {', '.join(unknown)}")
        return kind(
            **{
                name: structure(fields[name].type, item, where=where)
                for name, item in value.items()
            }
        )
    if kind is datetime and not isinstance(value, datetime):
        raise ConfigurationError(f"{where}: {value!r} is not a time with its zone")
    return value
