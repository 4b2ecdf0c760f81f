"""The endpoints as a Flask blueprint.

::

    app.register_blueprint(paykit_blueprint(service, return_to="/thanks"), url_prefix="/pay")
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter

from .driving import BlockingDriver
from .endpoints import Endpoints, Mountable, Problem
from .options import MountOptions
from .receiver import METHODS, PATHS
from .wsgi import answer_environ


class _Anything(BaseConverter):
    """A part of a path that may hold everything; Flask's own may not begin with a slash."""

    regex = ".*?"
    part_isolating = False


class _Answer(Response):
    """An answer as it is: Flask would call an empty one a page of HTML."""

    default_mimetype = None


def paykit_blueprint(
    service: Mountable,
    *,
    return_to: str,
    options: MountOptions | None = None,
    name: str = "paykit",
) -> Blueprint:
    """All endpoints over a blocking service; see :class:`~paykit.webhooks.wsgi.PaykitWsgi`.

    The body is read by paykit itself, so nothing may read it before: no ``before_request`` that
    looks at ``request.form``. A ``CSRFProtect`` of Flask-WTF leaves the blueprint alone. Addresses
    come from ``url_for("paykit.return", account="vnpay")``.
    """
    driver = BlockingDriver(Endpoints(service, return_to=return_to, options=options, blocking=True))
    blueprint = Blueprint(name, __name__)
    blueprint.record(lambda state: state.app.url_map.converters.update(paykit=_Anything))
    for endpoint, path in PATHS.items():
        blueprint.add_url_rule(
            path.replace("{", "<paykit:").replace("}", ">"),
            endpoint.value,
            _view(driver, path),
            methods=METHODS,
            merge_slashes=False,  # by a redirect, which providers do not follow
        )
    blueprint.record(_exempt)
    return blueprint


def _view(driver: BlockingDriver, path: str) -> Callable[..., Response]:
    def view(**names: str) -> Response:
        below = path.format_map(names)
        read = _read_before if "stream" in vars(request) else None
        status, headers, body = answer_environ(driver, request.environ, path=below, read=read)
        return _Answer(body, status, headers)

    return view


def _read_before(limit: int, _: float) -> bytes | Problem:
    """What something else has read, if Flask has kept it."""
    body = request.get_data()
    if len(body) > limit:
        return Problem.TOO_LARGE
    return body if body or not request.content_length else Problem.TAKEN


def _exempt(state: BlueprintSetupState) -> None:
    """Tell Flask-WTF, where it is there, that providers have no token of its forms."""

    def exempt() -> None:
        csrf = state.app.extensions.get("csrf")
        if csrf is not None:
            csrf.exempt(state.blueprint)

    exempt()
    # It may be set up later; its check is then made after this.
    state.app.before_request(exempt)
