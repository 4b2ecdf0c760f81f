"""What may stand in a request's fields. Whatever is not named is refused, as Stripe does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

import attrs

from ..edge import is_return_url
from .amounts import SUPPORTED
from .errors import Refusal

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_MOST_TEXT: Final = 5000
_MOST_KEYS: Final = 50
_MOST_KEY: Final = 40
_MOST_VALUE: Final = 500


class Rule(Protocol):
    """What may stand in one field; ``param`` is its name as Stripe writes it."""

    def read(self, value: Any, param: str) -> Any:
        """The value as it is meant; raises :class:`Refusal`."""


def refuse(message: str, param: str, code: str = "") -> Refusal:
    """A field is wrong: nothing was tried."""
    return Refusal(message, code=code, param=param, early=True)


def _text(value: Any, param: str) -> str:
    if not isinstance(value, str):
        raise refuse(f"Invalid string: {param}", param)
    if not value:
        raise refuse(
            f"You passed an empty string for '{param}'. We assume empty values are an attempt to "
            f"unset a field; however '{param}' cannot be unset. You should remove '{param}' from "
            "your request or supply a non-empty value.",
            param,
            "parameter_invalid_empty",
        )
    return value


@attrs.frozen
class Text:
    """Text of limited length."""

    most: int = _MOST_TEXT

    def read(self, value: Any, param: str) -> str:
        """The text."""
        text = _text(value, param)
        if len(text) > self.most or "\0" in text:
            raise refuse(f"Invalid string: must be at most {self.most} characters", param)
        return text


@attrs.frozen
class Blank:
    """A field that an empty text unsets."""

    of: Rule

    def read(self, value: Any, param: str) -> Any:
        """The value, or ``None``."""
        return None if value == "" else self.of.read(value, param)


@attrs.frozen
class Whole:
    """A whole number."""

    least: int = 0
    most: int = 10**15

    def read(self, value: Any, param: str) -> int:
        """The number."""
        text = _text(value, param)
        if not _WHOLE.fullmatch(text):
            raise refuse(f"Invalid integer: {text[:40]}", param, "parameter_invalid_integer")
        number = int(text)
        if number < self.least:
            raise refuse(
                f"This value must be greater than or equal to {self.least}.",
                param,
                "parameter_invalid_integer",
            )
        if number > self.most:
            raise refuse(
                f"This value must be less than or equal to {self.most}.",
                param,
                "parameter_invalid_integer",
            )
        return number


@attrs.frozen
class Flag:
    """True or false, in letters."""

    def read(self, value: Any, param: str) -> bool:
        """The truth."""
        text = _text(value, param)
        if text not in {"true", "false"}:
            raise refuse(f"Invalid boolean: {text[:40]}", param)
        return text == "true"


@attrs.frozen
class OneOf:
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, value: Any, param: str) -> str:
        """The word."""
        text = _text(value, param)
        if text not in self.words:
            *start, last = self.words
            choice = f"{', '.join(start)} or {last}" if start else last
            raise refuse(f"Invalid {param}: must be one of {choice}", param)
        return text


@attrs.frozen
class OffSession:
    """A truth, or why the payer is away."""

    def read(self, value: Any, param: str) -> bool:
        """Whether the payer is away."""
        return value in {"one_off", "recurring"} or Flag().read(value, param)


@attrs.frozen
class Currency:
    """A currency, in lower case afterwards."""

    def read(self, value: Any, param: str) -> str:
        """The currency."""
        code = _text(value, param).lower()
        if code not in SUPPORTED:
            raise refuse(f"Invalid currency: {code[:10]}.", param)
        return code


@attrs.frozen
class Address:
    """An absolute address for the payer's browser."""

    def read(self, value: Any, param: str) -> str:
        """The address."""
        text = _text(value, param)
        # Stripe fills {CHECKOUT_SESSION_ID} in.
        if not is_return_url(text.replace("{", "").replace("}", "")):
            raise refuse("Not a valid URL", param, "url_invalid")
        return text


@attrs.frozen
class Metadata:
    """Texts of the merchant's own, by name. An empty one is left out, or with ``unsets`` kept.

    That is for changes: there it takes away what was there.
    """

    unsets: bool = False

    def read(self, value: Any, param: str) -> dict[str, str]:
        """The texts."""
        if value == "":
            return {}
        if not isinstance(value, dict):
            raise refuse("Invalid object", param)
        if len(value) > _MOST_KEYS:
            raise refuse(f"Metadata can have at most {_MOST_KEYS} keys.", param)
        for name, text in value.items():
            if not isinstance(text, str):
                raise refuse("Invalid string: metadata is flat", f"{param}[{name}]")
            if len(name) > _MOST_KEY or len(text) > _MOST_VALUE:
                raise refuse(
                    f"Metadata keys have at most {_MOST_KEY} characters, values {_MOST_VALUE}.",
                    f"{param}[{name[:_MOST_KEY]}]",
                )
        return {name: text for name, text in value.items() if text or self.unsets}


@attrs.frozen
class Many:
    """A list."""

    of: Rule
    most: int = 100

    def read(self, value: Any, param: str) -> list[Any]:
        """The items."""
        if not isinstance(value, list):
            raise refuse("Invalid array", param)
        if len(value) > self.most:
            raise refuse(f"This array has at most {self.most} items.", param)
        return [self.of.read(one, f"{param}[{at}]") for at, one in enumerate(value)]


@attrs.frozen
class Elsewhere:
    """A field that Stripe has, and the sandbox has no use for: better refused than ignored."""

    def read(self, value: Any, param: str) -> Any:  # noqa: ARG002 - whatever stands there
        """It is always refused."""
        raise refuse(f"paykit's sandbox does not simulate {param}.", param)


@attrs.frozen
class Record:
    """An object with these members and no others."""

    members: Mapping[str, Rule]
    required: tuple[str, ...] = ()

    def read(self, value: Any, param: str) -> dict[str, Any]:
        """The members as they are meant."""
        if not isinstance(value, dict):
            raise refuse("Invalid object", param)
        names = {name: f"{param}[{name}]" if param else name for name in (*value, *self.members)}
        for name in value:
            if name not in self.members:
                shown = names[name][:100]
                raise refuse(f"Received unknown parameter: {shown}", shown, "parameter_unknown")
        for name in self.required:
            if name not in value:
                raise refuse(
                    f"Missing required param: {names[name]}.", names[name], "parameter_missing"
                )
        return {name: self.members[name].read(one, names[name]) for name, one in value.items()}


def elsewhere(names: str) -> dict[str, Rule]:
    """Fields that are refused, by their names in one text."""
    return dict.fromkeys(names.split(), Elsewhere())
