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

# No foreign sources. Forms are not restricted: they redirect to merchants.
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors "
)
#: Only the frames in a shop's page have scripts, to talk to it.
_SCRIPTS: Final = "; script-src 'self'; connect-src 'self'"
_HEADERS: Final = {
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

    def render(
        self,
        template: str,
        *,
        status: int = 200,
        framed_by: str = "",
        scripts: bool = False,
        **values: Any,
    ) -> Response:
        """A page. ``root`` and ``vietnam`` are known to every template.

        ``framed_by`` is the one origin whose pages may hold it in a frame.
        """
        html = self._environment.get_template(template).render(values)
        policy = _POLICY + (framed_by or "'none'") + (_SCRIPTS if scripts else "")
        headers = {"Content-Security-Policy": policy, **_HEADERS}
        return HTMLResponse(html, status_code=status, headers=headers)

    def not_found(self) -> Response:
        """The page for a payment that the sandbox does not know, perhaps since a restart."""
        return self.render("not_found.html", status=404)
