"""QR codes of payloads as SVG, PNG and text, drawn by segno.

It needs the extra ``paykit-adapters[qr]``. The error correction is M, and the quiet zone is the
four modules that ISO/IEC 18004 asks for.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from ..errors import ConfigurationError, InvalidRequest
from .payload import VietQRPayload

if TYPE_CHECKING:
    import segno

_QUIET_ZONE: Final = 4


def svg(payload: VietQRPayload | str, *, scale: int = 4) -> str:
    """An SVG element, to be put into a page or saved as a file; one module is ``scale`` pixels.

    The background is white, so that the code can be read on dark pages. Raises
    :class:`~paykit.errors.InvalidRequest`, and :class:`~paykit.errors.ConfigurationError` without
    segno.
    """
    out = io.BytesIO()
    _draw(payload).save(
        out,
        kind="svg",
        scale=_scale(scale),
        border=_QUIET_ZONE,
        light="#fff",
        xmldecl=False,
        nl=False,
    )
    return out.getvalue().decode()


def png(payload: VietQRPayload | str, *, scale: int = 8) -> bytes:
    """A PNG image, black on white; one module is ``scale`` pixels. Raises as :func:`svg` does."""
    out = io.BytesIO()
    _draw(payload).save(out, kind="png", scale=_scale(scale), border=_QUIET_ZONE)
    return out.getvalue()


def terminal(payload: VietQRPayload | str) -> str:
    """Lines of block characters, for light text on a dark ground. Raises as :func:`svg` does."""
    rows = [list(row) for row in _draw(payload).matrix_iter(border=_QUIET_ZONE)]
    # Codes have an odd number of rows, and a line shows two: the last is half ground.
    rows.append([1] * len(rows[0]))
    blocks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    return "\n".join(
        "".join(blocks[bool(upper), bool(lower)] for upper, lower in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    )


def _draw(payload: VietQRPayload | str) -> segno.QRCode:
    try:
        import segno
    except ModuleNotFoundError as error:
        raise ConfigurationError("segno is missing: pip install 'paykit-adapters[qr]'") from error
    text = payload.to_text() if isinstance(payload, VietQRPayload) else payload
    if not isinstance(text, str) or not text:
        raise InvalidRequest("must be a payload or its text", field="payload")
    try:
        # boost_error would choose a higher level where there is room, and the level is part of
        # what others compare.
        return segno.make_qr(text, error="m", boost_error=False)
    except ValueError as error:
        raise InvalidRequest("does not fit into a QR code", field="payload") from error


def _scale(scale: int) -> int:
    if type(scale) is not int or not 1 <= scale <= 100:  # noqa: PLR2004
        raise InvalidRequest("is from 1 to 100 pixels", field="scale")
    return scale
