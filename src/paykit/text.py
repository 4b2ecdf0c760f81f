"""Text for others: what databases and wires can hold, and Vietnamese without its marks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

#: Letters with a stroke have no decomposition in Unicode. The Icelandic eth looks the same as the
#: Vietnamese letter and is typed for it.
_STROKES: Final = str.maketrans("đĐðÐ", "dDdD")


def unstorable(value: object) -> str:
    """Why databases and wires cannot hold a text, or one within a value; ``""`` if they can.

    UTF-8 has no lone surrogates, and PostgreSQL no NUL characters.
    """
    for text in _texts(value):
        if "\x00" in text:
            return "holds a NUL character"
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                return "holds a lone surrogate"
    return ""


def _texts(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)


def without_marks(text: str) -> str:
    """The text with bare letters: ``"Đặng Thị Huệ"`` becomes ``"Dang Thi Hue"``.

    Whatever is no Latin letter with marks stays as it is.
    """
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFD", text.translate(_STROKES))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def to_ascii(text: str) -> str:
    """The text in ASCII: marks are taken off, and what then is still not ASCII is left out."""
    return without_marks(text).encode("ascii", "ignore").decode("ascii")
