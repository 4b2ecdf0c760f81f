"""Stripe's forms: nested with brackets (``card[exp_month]``, ``expand[]``, ``items[0][price]``)."""

from __future__ import annotations

import itertools
import re
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

Tree: TypeAlias = "dict[str, Any]"

_NAME: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART: Final = re.compile(r"\[([^\[\]]*)\]")
_INDEX: Final = re.compile(r"[0-9]{1,3}", re.ASCII)
_MOST_FIELDS: Final = 1000
_DEEPEST: Final = 8


class FormError(ValueError):
    """The form cannot be read; the message says why."""


def decode(raw: bytes) -> Tree:
    """The fields as texts, objects and lists; raises :class:`FormError`."""
    try:
        pairs = parse_qsl(
            raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except UnicodeDecodeError:
        raise FormError("Invalid UTF-8 in the request.") from None
    except ValueError:
        raise FormError("Too many parameters.") from None
    tree: Tree = {}
    for name, text in pairs:
        found = _NAME.fullmatch(name)
        if found is None:
            raise FormError("A parameter's name cannot be read.")
        _put(tree, [found[1], *_PART.findall(found[2])], text)
    return {name: _lists(value) for name, value in tree.items()}


def _put(tree: Tree, path: list[str], text: str) -> None:
    if len(path) > _DEEPEST:
        raise FormError("A parameter is nested too deeply.")
    for part, following in itertools.pairwise(path):
        key = part or str(len(tree))
        # ``a[][b]=1&a[][c]=2`` is one item until a name comes again.
        if not part and tree:
            last = str(len(tree) - 1)
            held = tree.get(last)
            key = last if isinstance(held, dict) and following and following not in held else key
        held = tree.setdefault(key, {})
        if not isinstance(held, dict):
            raise FormError("A parameter is both a value and an object.")
        tree = held
    key = path[-1] or str(len(tree))
    if key in tree:
        raise FormError("A parameter occurs twice.")
    tree[key] = text


def _lists(value: Any) -> Any:
    """Objects whose names are 0, 1, 2 … are lists."""
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(one) for name, one in value.items()}
    if inner and all(_INDEX.fullmatch(name) for name in inner):
        ordered = sorted(inner, key=int)
        if [int(name) for name in ordered] == list(range(len(inner))):
            return [inner[name] for name in ordered]
    return inner
