"""A signed notice by each mount, against apps that do the same work by hand.

One server process on one processor, the load on the other. Nothing is stored. A mount on uvicorn is
compared with a bare ASGI app, alone and mounted in the same framework, and every mount with an
endpoint by hand in the same framework: what lies between these is the framework's own. WSGI's are called without a server, for those that
belong to Python's packages close the connection after an answer without a body.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from io import BytesIO
from itertools import cycle
from typing import Any

from .measure import Row, compare, no_garbage_collection, repeat
from .mounts_app import APPS
from .notices import signed
from .serving import Server, on_uvicorn, server

CONNECTIONS = 32
BARE = "bare ASGI"
WITH_BARE = " with bare ASGI"
BY_HAND = " by hand"
_LIMIT = 1.3
_NOTICES = 1000


def measure(name: str, notices: Iterable[bytes], cpu: int | None, *, seconds: float) -> float:
    """Seconds of processor time per notice: of the server, or of the app where there is none."""
    if APPS[name].on is None:
        return call(name, notices, seconds=seconds)

    def load(running: Server, seconds: float) -> float:
        return running.load(cycle(notices), status=204, connections=CONNECTIONS, seconds=seconds)

    with server("mounts_app", cpu, name) as running:
        load(running, seconds / 4)
        return load(running, seconds)


def call(name: str, notices: Iterable[bytes], *, seconds: float) -> float:
    """Call a WSGI app for a while."""
    app, environs = APPS[name].make(), [environ(notice) for notice in notices]

    def answer(one: Mapping[str, Any]) -> None:
        said: list[tuple[Any, ...]] = []
        fresh = {**one, "wsgi.input": BytesIO(one["body"])}
        body = app(fresh, lambda *given: said.append(given))
        assert (b"".join(body), said[0][0][:3]) == (b"", "204")

    several = cycle(environs)
    repeated = repeat(lambda: answer(next(several)), seconds=seconds)
    with no_garbage_collection():
        return repeated()


def environ(notice: bytes) -> dict[str, Any]:
    """The request as WSGI has it; its body is under ``body``."""
    head, _, body = notice.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    found = {"wsgi.url_scheme": "https", "SERVER_NAME": "shop.example", "SERVER_PORT": "443"}
    for line in lines:
        name, _, value = line.partition(": ")
        found["HTTP_" + name.upper().replace("-", "_")] = value
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        found[name] = found.pop("HTTP_" + name)
    return {
        **found,
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "body": body,
    }


def rows(*, cpu: int | None, rounds: int, seconds: float) -> list[Row]:
    notices = [signed(number) for number in range(1, _NOTICES + 1)]
    times: dict[str, list[float]] = {f"mount: {name}": [] for name in APPS}
    for _ in range(rounds):
        for name in random.sample(list(APPS), len(APPS)):
            times[f"mount: {name}"].append(measure(name, notices, cpu, seconds=seconds))
    mounts = [name for name in APPS if name != BARE and not name.endswith((BY_HAND, WITH_BARE))]
    found = [
        compare(times, f"mount: {name}", f"mount: {BARE}", limit=_LIMIT)
        for name in mounts
        if APPS[name].on is on_uvicorn
    ]
    for floor, limit in ((WITH_BARE, _LIMIT), (BY_HAND, None)):
        found += [
            compare(times, f"mount: {name}", f"mount: {name}{floor}", limit=limit)
            for name in mounts
            if name + floor in APPS
        ]
    return found
