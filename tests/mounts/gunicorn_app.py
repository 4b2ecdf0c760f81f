"""The plain WSGI app in a process of its own: one for each of the options, below its name."""

import os

from werkzeug.middleware.dispatcher import DispatcherMiddleware

from paykit.service import PaymentService
from paykit.webhooks.wsgi import PaykitWsgi
from tests.service.shop import Clock
from tests.webhooks.shops import Provider

from .callers import CALLERS
from .site import OPTIONS, RETURN_TO


def make():
    """What ``gunicorn tests.mounts.gunicorn_app:make()`` serves."""
    clock = Clock()
    service = PaymentService(
        [caller.provider(clock) for caller in CALLERS.values()],
        database=f"sqlite:///{os.environ['SHOP_DATABASE']}",
        transport=Provider(),
        clock=clock,
    )
    mounted = {
        f"/{name}": PaykitWsgi(service, return_to=RETURN_TO, options=options)
        for name, options in OPTIONS.items()
    }
    return DispatcherMiddleware(_nothing, mounted)


def _nothing(_environ, start_response):
    start_response("404 Not Found", [])
    return []
