"""Rendering pages: escaped templates, one stylesheet, headers that keep them to themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from .config import SandboxConfig
from .times import VIETNAM

_HERE = Path(__file__).parent
STATIC: Final = _HERE / "static"

# No script at all, no foreign sources. Forms are not restricted: they redirect to merchants.
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Pages:
    """The sandbox's templates."""

    def __init__(self, config: SandboxConfig) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(root=config.root, vietnam=VIETNAM)

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page. ``root`` and ``vietnam`` are known to every template."""
        html = self._environment.get_template(template).render(values)
        return HTMLResponse(html, status_code=status, headers=_HEADERS)

    def not_found(self) -> Response:
        """The page for a payment that the sandbox does not know, perhaps since a restart."""
        return self.render("not_found.html", status=404)
