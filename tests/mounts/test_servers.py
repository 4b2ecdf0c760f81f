"""The plain apps on other servers: what a server does to a request may not matter either."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from paykit.webhooks.asgi import PaykitApp
from paykit.webhooks.wsgi import PaykitWsgi

from .frameworks import PREFIX
from .servers import hypercorn_server, listening, waitress_server
from .site import OPTIONS, Site
from .table_bodies import BODIES
from .table_limits import LIMITS
from .table_paths import PATHS
from .table_providers import PROVIDERS
from .table_sources import SOURCES

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def on_hypercorn(service, *, return_to, options):
    app = PaykitApp(service, return_to=return_to, options=options, prefix=PREFIX)
    with hypercorn_server(app) as url:
        yield url + PREFIX


@contextlib.contextmanager
def on_waitress(service, *, return_to, options):
    with waitress_server(PaykitWsgi(service, return_to=return_to, options=options)) as url:
        yield url


@contextlib.contextmanager
def gunicorn_process(database):
    """gunicorn with a thread for each request; gives its URL."""
    with listening() as listener:
        command = [
            sys.executable, "-m", "gunicorn", "--worker-class=gthread", "--threads=4",
            f"--bind=fd://{listener.fileno()}", "--log-level=critical", "--graceful-timeout=1",
            "tests.mounts.gunicorn_app:make()",
        ]  # fmt: skip
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "SHOP_DATABASE": database},
            pass_fds=[listener.fileno()],
        )
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.terminate()
            process.wait(60)


@contextlib.contextmanager
def gunicorn_site(folder):
    """A shop whose process has no endpoints; those of gunicorn's are over the same database."""
    with contextlib.ExitStack() as stack:
        url = []

        @contextlib.contextmanager
        def mount(_service, *, return_to, options):
            assert return_to
            (name,) = [name for name, one in OPTIONS.items() if one is options]
            yield f"{url[0]}/{name}"

        site = Site(mount, folder, name="gunicorn", single_process=False)
        stack.callback(site.close)
        url.append(stack.enter_context(gunicorn_process(site.path)))
        yield site


@contextlib.contextmanager
def site_on(mount, name, folder):
    opened = Site(mount, folder, name=name)
    yield opened
    opened.close()


SITES = {
    "hypercorn": lambda folder: site_on(on_hypercorn, "hypercorn", folder),
    "waitress": lambda folder: site_on(on_waitress, "waitress", folder),
    "gunicorn": gunicorn_site,
}


TABLE = {**PROVIDERS, **BODIES, **LIMITS, **PATHS, **SOURCES}
#: What a server settles by itself before the endpoints see it, in another way than they would.
THEIR_OWN = {
    # It writes every method in capitals.
    "hypercorn": {"a method in small letters"},
    # It reads the whole body before, by the one length or the other, and mends the path.
    "waitress": {
        "announced too large", "announced as gigabytes", "announced in 40 digits",
        "announced too large, and expecting to be asked", "chunks and a length", "slashes before",
    },
    "gunicorn": set(),
}  # fmt: skip


@pytest.fixture(scope="module", params=SITES)
def site(request, tmp_path_factory):
    with SITES[request.param](tmp_path_factory.mktemp("site")) as opened:
        yield opened


@pytest.mark.parametrize("name", TABLE)
def test_it_is_the_same_on_other_servers(site, name):
    if name in THEIR_OWN[site.name]:
        pytest.skip(f"{site.name} settles it by itself")
    TABLE[name].check(site)
