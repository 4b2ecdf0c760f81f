"""Vietnamese text without its marks, for systems that take plain letters only."""

from __future__ import annotations

import unicodedata
from typing import Final

#: Letters with a stroke have no decomposition in Unicode. The Icelandic eth looks the same as the
#: Vietnamese letter and is typed for it.
_STROKES: Final = str.maketrans("đĐðÐ", "dDdD")


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
