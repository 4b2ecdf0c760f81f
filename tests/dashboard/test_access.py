"""Who is let in, what may be asked, and what no answer allows a browser to do."""

import asyncio
import subprocess
import sys
import threading
from functools import partial

import httpx
import pytest

from paykit import ConfigurationError
from paykit.dashboard import Dashboard

from .conftest import Site, everybody
from .reading import Page

PATHS = ["", "payment?id=pay_0001", "inbox", "unmatched", "orphans", "outbox", "dead", "reconcile"]


@pytest.fixture
def guarded(full):
    """The same site behind an ``authorize`` that is given."""

    def behind(authorize):
        app = Dashboard(full.shop.service, authorize=authorize, clock=full.clock)
        return Site(full.shop, app, clock=full.clock, database=full.database)

    return behind


async def nobody(_scope):
    return False


async def every_body(_scope):
    return True


def fails(_scope):
    raise RuntimeError("the session store is down")


async def fails_later(_scope):
    raise RuntimeError("the session store is down")


class Guard:
    """An object to call, whose call has to be awaited."""

    async def __call__(self, _scope):
        return True


# Who.


def test_there_is_no_dashboard_without_authorize(full):
    with pytest.raises(TypeError, match="authorize"):
        Dashboard(full.shop.service)
    for nothing in (None, True, "staff"):
        with pytest.raises(ConfigurationError, match="authorize must be a function"):
            Dashboard(full.shop.service, authorize=nothing)


@pytest.mark.parametrize(
    "authorize",
    [everybody, every_body, Guard(), partial(every_body)],
    ids=["plain", "async", "object", "partial"],
)
def test_true_lets_in(guarded, authorize):
    assert guarded(authorize).ask().status_code == 200


@pytest.mark.parametrize(
    "authorize",
    [
        nobody,
        fails,
        fails_later,
        lambda _scope: None,
        lambda _scope: 1,
        lambda _scope: "yes",
        lambda _scope: {"user": "ann"},
        lambda: True,
    ],
    ids=["no", "fails", "fails later", "nothing", "1", "a text", "a user", "takes no scope"],
)
def test_all_else_is_a_refusal_that_shows_nothing(guarded, authorize):
    site = guarded(authorize)
    for path in (*PATHS, "nope"):
        answered = site.ask(path)
        assert (answered.status_code, answered.text) == (403, "This is not for you.\n")
        assert answered.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_failure_is_in_the_log(guarded, caplog):
    guarded(fails).ask()
    (line,) = (line for line in caplog.records if line.name == "paykit.dashboard")
    assert line.getMessage() == "authorize failed, which lets nobody in"
    assert "the session store is down" in caplog.text


def test_who_asks_is_in_the_scope(guarded):
    def has_cookie(scope):
        return dict(scope["headers"]).get(b"cookie") == b"session=ann"

    site = guarded(has_cookie)
    assert site.ask().status_code == 403
    assert site.ask(headers={"cookie": "session=bob"}).status_code == 403
    assert site.ask(headers={"cookie": "session=ann"}).status_code == 200


def test_a_plain_function_does_not_hold_up_the_loop(guarded):
    """Two requests wait in it at once, in threads of their own."""
    both = threading.Barrier(2, timeout=5)

    def meet(_scope):
        both.wait()
        return True

    app = guarded(meet).app

    async def twice():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await asyncio.gather(client.get("/nope"), client.get("/nope"))

    assert [answered.status_code for answered in asyncio.run(twice())] == [404, 404]


# What.


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"])
@pytest.mark.parametrize("path", ["", "payment?id=pay_0001", "nope"])
def test_nothing_but_reading(full, method, path):
    answered = full.ask(path, method)
    assert (answered.status_code, answered.headers["allow"]) == (405, "GET, HEAD")


def test_a_stranger_does_not_learn_what_may_be_asked(guarded):
    answered = guarded(nobody).ask("", "POST")
    assert (answered.status_code, "allow" in answered.headers) == (403, False)


@pytest.mark.parametrize("path", PATHS)
def test_head_has_the_same_head(full, path):
    first, second = full.ask(path), full.ask(path, "HEAD")
    assert (first.status_code, first.headers) == (second.status_code, second.headers)


def test_a_websocket_is_refused(full):
    async def connect():
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "websocket.connect"}

        await full.app({"type": "websocket", "path": "/", "headers": []}, receive, send)
        return sent

    assert asyncio.run(connect()) == [{"type": "websocket.close", "code": 1000, "reason": ""}]


# What a browser may do with it.


@pytest.mark.parametrize(
    ("path", "method"), [*((path, "GET") for path in PATHS), ("nope", "GET"), ("", "POST")]
)
@pytest.mark.parametrize("let_in", [True, False])
def test_every_answer_is_kept_to_itself(guarded, path, method, let_in):
    answered = guarded(lambda _scope: let_in).ask(path, method)
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in answered.headers["content-security-policy"].split(";")
    )
    assert policy.pop("style-src").startswith("'sha256-")
    assert policy == {
        "default-src": "'none'",
        "img-src": "data:",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    wanted = {
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "x-robots-tag": "noindex",
    }
    assert {name: answered.headers.get(name) for name in wanted} == wanted
    assert "set-cookie" not in answered.headers


@pytest.mark.parametrize("path", [*PATHS, "nope"])
def test_a_page_needs_nothing_else_and_runs_nothing(full, path):
    tags = [
        (tag, given)
        for tag, given in Page(full.ask(path).text).tags
        if tag not in {"a", "form", "option"}
    ]
    assert {tag for tag, _ in tags}.isdisjoint({"script", "img", "iframe", "object", "base"})
    assert [given["href"][:5] for tag, given in tags if tag == "link"] == ["data:"]
    assert not [given for _, given in tags if "style" in given]
    assert not [name for _, given in tags for name in given if name.startswith("on")]


# What has to be there.


@pytest.mark.parametrize("missing", ["starlette", "jinja2"])
def test_what_is_missing_is_named(missing):
    code = f"import sys; sys.modules[{missing!r}] = None; import paykit.dashboard"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1] == (
        "paykit.errors.ConfigurationError: the dashboard needs its extra: "
        "pip install 'paykit-adapters[dashboard]'"
    )


def test_any_other_fault_is_no_missing_extra():
    code = "import sys; sys.modules['paykit.dashboard.words'] = None; import paykit.dashboard"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1].startswith("ModuleNotFoundError: import of paykit")
