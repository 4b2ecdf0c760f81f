"""Rendering the shop's pages: escaped templates, and headers that allow nothing foreign."""

from __future__ import annotations

from datetime import timedelta, timezone
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from .settings import SHOP_NAME, DemoSettings

_HERE: Final = Path(__file__).parent
STATIC: Final = _HERE / "static"
_VIETNAM: Final = timezone(timedelta(hours=7))


class Pages:
    """The shop's templates."""

    def __init__(self, settings: DemoSettings) -> None:
        # A form's redirect counts as its target, hence the provider's address.
        policy = (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
            f"connect-src 'self'; form-action 'self' {settings.sandbox_url}; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        # Where cards are taken, the gateway's script and frame come from its own address.
        gateway = settings.sandbox_url
        with_cards = policy.replace(
            "script-src 'self';", f"script-src 'self' {gateway}; frame-src {gateway};"
        )
        self._policies = {"checkout.html": with_cards, "order.html": with_cards}
        self._headers = {
            "Content-Security-Policy": policy,
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            shop=SHOP_NAME, sandbox_url=settings.sandbox_url, vietnam=_VIETNAM
        )

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page."""
        html = self._environment.get_template(template).render(values)
        headers = self._headers
        if template in self._policies:
            headers = headers | {"Content-Security-Policy": self._policies[template]}
        return HTMLResponse(html, status_code=status, headers=headers)

    def message(self, title: str, text: str, *, status: int) -> Response:
        """A page that only says something."""
        return self.render("message.html", title=title, text=text, status=status)
