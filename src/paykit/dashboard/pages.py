"""Rendering: escaped templates, a stylesheet inside each page, headers that allow no more."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from . import words

_HERE: Final = Path(__file__).parent
#: It is in every page, so a page needs nothing else, wherever it is mounted.
_STYLE: Final = (_HERE / "style.css").read_text("utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}


class Pages:
    """The dashboard's templates."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            style=Markup(_STYLE),  # noqa: S704 - a file of ours
            query=query,
            state_of=words.state_of,
        )
        self._environment.filters.update(
            clock_time=words.clock_time,
            day=words.day,
            distance=words.distance,
            masked=words.masked,
            memo=words.memo,
            name=words.name,
            times=words.times,
            told_by=words.told_by,
            tone=words.tone,
            words=words.words,
        )

    def render(
        self, template: str, values: Mapping[str, Any], *, now: datetime, status: int = 200
    ) -> Response:
        """A page as it is ``now``."""
        html = self._environment.get_template(template).render(values, now=now)
        return HTMLResponse(html, status_code=status, headers=HEADERS)


def plain(text: str, *, status: int, more: dict[str, str] | None = None) -> Response:
    """An answer for whoever is not let in, which shows nothing."""
    return PlainTextResponse(f"{text}\n", status_code=status, headers={**HEADERS, **(more or {})})


def query(**values: str | None) -> str:
    """The part of an address behind its path, of what is given."""
    given = {name: value for name, value in values.items() if value}
    return f"?{urlencode(given)}" if given else ""
