"""What may stand in one field of a merchant's request, said once for all simulators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

import attrs

from .edge import is_return_url, is_web_url

_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_MAX_WHOLE: Final = 10**18


class Rule(Protocol):
    """What may stand in one field."""

    @property
    def required(self) -> bool:
        """Whether the field must be there."""

    def problem(self, value: object) -> str:
        """What is wrong with a value that is there, or an empty text."""


@attrs.frozen
class Text:
    """Text of limited length; empty only where ``blank`` allows it."""

    limit: int
    pattern: re.Pattern[str] | None = None
    required: bool = True
    blank: bool = False

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        if not isinstance(value, str):
            return "must be a string"
        if not value:
            return "" if self.blank else "must not be empty"
        if len(value) > self.limit:
            return f"must have at most {self.limit} characters"
        if self.pattern and not self.pattern.fullmatch(value):
            return "has characters that are not allowed"
        return ""


@attrs.frozen
class Whole:
    """A whole number; digits in a string are as good as a JSON number."""

    required: bool = True

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        good = (type(value) is int and 0 <= value < _MAX_WHOLE) or (
            isinstance(value, str) and _WHOLE.fullmatch(value)
        )
        return "" if good else "must be a whole number"


@attrs.frozen
class Address:
    """An absolute address: one to call (``web``), or one to send the payer to."""

    web: bool
    required: bool = True
    blank: bool = False

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        if value == "" and self.blank:
            return ""
        good = isinstance(value, str) and (is_web_url if self.web else is_return_url)(value)
        return "" if good else "must be an absolute URL"


@attrs.frozen
class OneOf:
    """One of a few words."""

    words: tuple[str, ...]
    required: bool = True

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        return "" if value in self.words else f"must be one of {', '.join(self.words)}"


@attrs.frozen
class Kind:
    """An optional field of a JSON type whose content the simulator does not use."""

    of: type
    required: bool = False

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        return "" if type(value) is self.of else f"must be a {self.of.__name__}"


def problems(fields: Mapping[str, Any], rules: Mapping[str, Rule]) -> dict[str, str]:
    """What is wrong with each field that is missing or wrong. Unknown fields are ignored."""
    found = {}
    for name, rule in rules.items():
        value = fields.get(name)
        missing = "is required" if rule.required else ""
        problem = missing if value is None else rule.problem(value)
        if problem:
            found[name] = problem
    return found
