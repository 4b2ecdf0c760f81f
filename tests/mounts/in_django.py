"""Django's views over the service of a test, below ``/shop/pay``, on WSGI and ASGI servers.

In Django a process has one service, made of the settings. Here each mount has a URLconf of its own
over what the test gives.
"""

import contextlib
import types

from tests.django import configuring

from .servers import uvicorn_server, werkzeug_server

PREFIX = "/shop/pay"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


@contextlib.contextmanager
def django_wsgi(service, *, return_to, options):
    configuring.set_up()
    from django.core.handlers.wsgi import WSGIHandler

    from paykit.django.views import respond

    handler = _handler(WSGIHandler, service, return_to, options, respond)
    with werkzeug_server(handler) as url:
        yield url + PREFIX


@contextlib.contextmanager
def django_asgi(service, *, return_to, options):
    configuring.set_up()
    from django.core.handlers.asgi import ASGIHandler

    from paykit.django.views import respond_async

    handler = _handler(ASGIHandler, service, return_to, options, respond_async)
    with uvicorn_server(_living(handler)) as url:
        yield url + PREFIX


def _handler(kind, service, return_to, options, respond):
    """One of Django's handlers, whose requests all have this URLconf."""
    from django.test import override_settings
    from django.urls import include, path

    from paykit.django.conf import Conf
    from paykit.django.runtime import Runtime
    from paykit.django.urls import patterns

    conf = Conf(providers=(), return_to=return_to, options=options)
    below = (patterns(_view(Runtime(conf, service), respond)), "paykit")
    urls = types.ModuleType("urls")
    urls.urlpatterns = [path("shop/pay/", include(below))]

    class Handler(kind):
        def resolve_request(self, request):
            request.urlconf = urls
            return super().resolve_request(request)

    with override_settings(MIDDLEWARE=MIDDLEWARE):
        return Handler()


def _view(runtime, respond):
    """What ``answer`` and ``answer_async`` do, over another service than that of the settings."""
    from asgiref.sync import iscoroutinefunction

    from paykit.django.views import opened
    from paykit.webhooks.receiver import PATHS

    if iscoroutinefunction(respond):

        async def answer(request, endpoint, **names):
            return await respond(runtime, request, PATHS[endpoint].format_map(names))

    else:

        def answer(request, endpoint, **names):
            return respond(runtime, request, PATHS[endpoint].format_map(names))

    return opened(answer)


def _living(application):
    """Answers the server's lifespan, of which Django knows nothing."""

    async def app(scope, receive, send):
        if scope["type"] != "lifespan":
            await application(scope, receive, send)
            return
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    return app
