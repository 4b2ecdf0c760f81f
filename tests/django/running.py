"""The project in processes of its own: ``manage.py``, gunicorn, uvicorn."""

import contextlib
import json
import subprocess
import sys
import time

from ..demo.running import environment
from ..mounts.servers import listening
from ..mounts.wire import HUNG_UP, Sent, exchange
from ..support.markdown import ROOT

PATIENCE = 60
MANAGE = ("-m", "tests.django.project.manage")


def surroundings(url, **more):
    """The environment of a process of the project, on one database."""
    return environment(
        PROJECT_DATABASES=json.dumps({"default": url}),
        DJANGO_SETTINGS_MODULE="tests.django.project.settings",
        **more,
    )


def manage(url, *arguments, **more):
    """Run ``manage.py``, to whom a warning is an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", *MANAGE, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=ROOT,
        env=surroundings(url, **more),
        check=False,
    )


@contextlib.contextmanager
def serving(command, url, **more):
    """A server on loopback in a process of its own; ``{fd}`` in the command is its socket's."""
    with listening() as listener:
        process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "default",
                "-m",
                *(part.format(fd=listener.fileno()) for part in command),
            ],
            cwd=ROOT,
            env=surroundings(url, **more),
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
        at = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            while exchange(at, Sent("GET", "/shop/pay/health")).status in {HUNG_UP, 502}:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.05)
            yield at
        finally:
            process.terminate()
            _, said = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in said, said


GUNICORN = (
    "gunicorn", "--preload", "--workers=2", "--worker-class=gthread", "--threads=4",
    "--bind=fd://{fd}", "--log-level=critical", "--graceful-timeout=1",
    "tests.django.project.wsgi:application",
)  # fmt: skip
UVICORN = (
    "uvicorn", "--fd={fd}", "--log-level=critical", "--timeout-graceful-shutdown=1",
    "tests.django.project.asgi:application",
)  # fmt: skip
SERVERS = {"gunicorn": GUNICORN, "uvicorn": UVICORN}
