"""Real servers on loopback, each in a thread of its own until the end of a ``with`` block."""

import asyncio
import contextlib
import socket
import threading

import uvicorn
from aiohttp import web
from hypercorn.asyncio import serve as serve_hypercorn
from hypercorn.config import Config as HypercornConfig
from waitress import create_server
from werkzeug.serving import WSGIRequestHandler, make_server


def listening():
    """A socket at which nobody answers yet."""
    return socket.create_server(("127.0.0.1", 0), backlog=128)


def _url(listener):
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def _in_thread(run, stop):
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join()


@contextlib.contextmanager
def uvicorn_server(app, **settings):
    """ASGI. It believes no proxy: whom to believe is what these tests are about."""
    settings = {"proxy_headers": False, **settings}
    config = uvicorn.Config(app, log_level="critical", ws="none", lifespan="on", **settings)
    server = uvicorn.Server(config)
    listener = listening()

    def stop():
        server.should_exit = True

    with listener, _in_thread(lambda: server.run(sockets=[listener]), stop):
        yield _url(listener)


@contextlib.contextmanager
def _looping(serve):
    """Run ``serve(stopped)`` in a loop until the end."""
    loop, stopped = asyncio.new_event_loop(), asyncio.Event()

    def run():
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve(stopped))

    with _in_thread(run, lambda: loop.call_soon_threadsafe(stopped.set)):
        yield


@contextlib.contextmanager
def hypercorn_server(app):
    """ASGI by another hand."""
    with listening() as listener:
        config = HypercornConfig()
        config.bind = [f"fd://{listener.fileno()}"]
        config.errorlog = None
        with _looping(lambda stopped: serve_hypercorn(app, config, shutdown_trigger=stopped.wait)):
            yield _url(listener)
        listener.detach()  # Hypercorn has closed it


@contextlib.contextmanager
def aiohttp_server(make_app):
    """aiohttp's own; the application is made in its loop."""

    async def serve(stopped):
        runner = web.AppRunner(make_app(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        await stopped.wait()
        await runner.cleanup()

    with listening() as listener, _looping(serve):
        yield _url(listener)


class _Quiet(WSGIRequestHandler):
    def log(self, *_args):
        pass


@contextlib.contextmanager
def werkzeug_server(app):
    """WSGI, a thread for each connection."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    with _in_thread(lambda: server.serve_forever(poll_interval=0.02), server.shutdown):
        yield f"http://127.0.0.1:{server.server_port}"
    server.server_close()


@contextlib.contextmanager
def waitress_server(app):
    """WSGI, behind a loop that reads whole requests before."""
    listener = listening()
    server = create_server(app, sockets=[listener], threads=8, clear_untrusted_proxy_headers=False)
    with _in_thread(server.run, lambda: server.trigger.pull_trigger(server.close)):
        yield _url(listener)
