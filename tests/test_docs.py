"""The documentation runs, its links lead somewhere, and its walk is the way that a payment takes.

Every ``python`` block of ``docs/`` and of the README is executed, the blocks of a page one after the
other in one namespace. ``print(...)  # text`` must print that text. Addresses of the documentation's
sandbox and shop (ports 8100 and 8000) are those of real servers on free ports here. Two comments are
for this file only: ``<!-- run: … -->`` is a line that is executed as well, such as the payer's click,
and ``<!-- not run: reason -->`` leaves out the block that follows.
"""

import asyncio
import contextlib
import importlib
import inspect
import logging
import re
import sys
import threading
import time
from datetime import timedelta

import httpx
import pytest
import yaml

from paykit import AsyncClient, Client, FormPost
from paykit.demo.server import listen
from paykit.sandbox import SandboxConfig, VNPayConfig, create_app
from paykit.service import AsyncPaymentService, PaymentService
from paykit.webhooks.fastapi import paykit_router

from .service.shop import notice, request, vnpay
from .support.apps import serving
from .support.markdown import DOCS, PAGES, ROOT, anchors, blocks, code, links, section, table

README = ROOT / "README.md"
REPOSITORY = "https://github.com/paykit/paykit-adapters/blob/main/"
#: What a page may take from the environment.
ENVIRONMENT = {
    "PAYKIT_VNPAY_TMN_CODE": "SHOP0001",
    "PAYKIT_VNPAY_HASH_SECRET": "NOT-A-REAL-SECRET",
}


def name(path):
    return str(path.relative_to(ROOT))


# Running the blocks.


class World:
    """The sandbox on a free port, and a free port for the shop that a page may start."""

    def __init__(self, stack):
        self.shop = listen("127.0.0.1", 0)
        stack.callback(self.shop.socket.close)
        at = listen("127.0.0.1", 0)
        self.sandbox = at.url
        self.config = SandboxConfig(
            public_url=at.url,
            vnpay=VNPayConfig(
                ipn_url=f"{self.shop.url}/pay/webhooks/vnpay", ipn_interval=timedelta(seconds=0.1)
            ),
        )
        stack.enter_context(serving(create_app(self.config), at))

    def click(self, session, outcome="pay"):
        """Pay on the page of a session; returns where the browser goes next."""
        step = session.next
        if isinstance(step, FormPost):
            page = httpx.post(step.url, data=dict(step.fields), follow_redirects=True)
        else:
            page = httpx.get(step.url, follow_redirects=True)
        name, token = re.search(r'name="((?:binding_)?token)" value="([^"]+)"', page.text).groups()
        action = re.search(r'action="([^"]+)"', page.text)[1]
        form = {name: token, "outcome": outcome}
        return httpx.post(page.url.join(action), data=form).headers["location"]

    def run(self, path):
        """Execute a page; returns its namespace."""
        namespace = {
            "__name__": path.stem,
            "click": self.click,
            "public_key": self.config.momo.rsa_public_key_pem,
        }
        for block in blocks(path):
            if block.language == "python" and not block.skipped:
                source = block.code.replace("http://127.0.0.1:8100", self.sandbox)
                source = source.replace("http://127.0.0.1:8000", self.shop.url)
                lines = "\n" * (block.line - 1)
                exec(compile(lines + source, str(path), "exec"), namespace)
        return namespace


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A world of its own for each page, so that references do not clash."""
    monkeypatch.chdir(tmp_path)
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    root = logging.getLogger()
    before, level = [*root.handlers], root.level
    with contextlib.ExitStack() as stack:
        yield World(stack)
    # Litestar gives it a handler that goes on writing to this test's own standard error.
    root.handlers[:] = before
    root.setLevel(level)


def close(namespace):
    """Close the services and clients that a page leaves open for its readers."""
    for value in namespace.values():
        if isinstance(value, PaymentService | Client):
            value.close()
        elif isinstance(value, AsyncPaymentService | AsyncClient):
            asyncio.run(value.close())


def promised_output(path):
    """What the comments behind the ``print`` calls of a page promise."""
    run = [block for block in blocks(path) if block.language == "python" and not block.skipped]
    code_of_page = "\n".join(block.code for block in run)
    return re.findall(r"^ *print\(.*\)  # (.*)$", code_of_page, re.MULTILINE)


RUNNABLE = [
    path for path in [README, *PAGES] if any(block.language == "python" for block in blocks(path))
]


@pytest.mark.parametrize("path", RUNNABLE, ids=name)
def test_every_block_runs(path, world, capsys):
    namespace = world.run(path)
    close(namespace)
    promised = promised_output(path)
    if promised:
        assert capsys.readouterr().out.split("\n")[:-1] == promised


def test_few_blocks_are_left_out():
    """Beside those that show a part of a file of examples/, which is held equal and is run."""
    skipped = [block for path in [README, *PAGES] for block in blocks(path) if block.skipped]
    assert len([block for block in skipped if not block.skipped.startswith("a part of ")]) <= 3


def test_the_quickstart_takes_a_payment(world, capsys):
    """The shop of the quickstart on a real server, the sandbox on another, and a payer."""
    namespace = world.run(DOCS / "quickstart.md")
    capsys.readouterr()
    with (
        serving(namespace["app"], world.shop),
        httpx.Client(base_url=world.shop.url) as browser,
    ):
        sent = browser.get("/buy/ORDER-1")
        assert (sent.status_code, sent.headers["location"].partition("?")[0]) == (
            303,
            f"{world.sandbox}/vnpay/paymentv2/vpcpay.html",
        )
        session = type("Session", (), {"next": type("Next", (), {"url": sent.headers["location"]})})
        back = browser.get(world.click(session))
        assert back.status_code == 303
        payment_id = httpx.URL(back.headers["location"]).params["payment_id"]
        deadline = time.monotonic() + 5
        said = ""
        while "ORDER-1" not in said and time.monotonic() < deadline:
            time.sleep(0.02)
            said += capsys.readouterr().out
        assert said == "ORDER-1 is succeeded: 150000 VND\n"
        status = browser.get(f"/pay/payments/{payment_id}/status").json()
        assert (status["status"], status["final"]) == ("succeeded", True)
        thanks = browser.get("/thanks", params={"state": "paid", "payment_id": payment_id})
        assert thanks.json() == {"order": "ORDER-1", "state": "paid"}


def test_the_shop_of_the_readme_sends_the_payer_to_the_provider(world):
    """And names the address of the mount to come back to."""
    namespace = world.run(README)
    with serving(namespace["app"], world.shop):
        sent = httpx.post(f"{world.shop.url}/orders/ORDER-1/pay", params={"attempt": 1})
        assert sent.status_code == 303
        back = httpx.URL(sent.headers["location"]).params["vnp_ReturnUrl"]
        assert back == f"{world.shop.url}/pay/returns/vnpay"
        assert httpx.get(back).headers["location"] == "/thanks?state=unverified"


# Links and navigation.


@pytest.mark.parametrize("path", [README, *PAGES], ids=name)
def test_links_lead_somewhere(path):
    for link in links(path):
        if link.startswith(REPOSITORY):
            assert (ROOT / link.removeprefix(REPOSITORY)).exists(), link
        elif not link.startswith(("https://", "http://")):
            target, _, fragment = link.partition("#")
            page = (path.parent / target).resolve() if target else path
            assert page.is_file(), link
            # The anchors of a reference page come from the code; mkdocs checks those.
            if fragment and page.parent.name != "reference":
                assert fragment in anchors(page), link


def pages_of(entries):
    for entry in entries:
        (value,) = entry.values()
        if isinstance(value, str):
            yield value
        else:
            yield from pages_of(value)


class _Loader(yaml.SafeLoader):
    """Reads mkdocs.yml without importing what it names."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def test_the_navigation_shows_every_page_once():
    settings = yaml.load((ROOT / "mkdocs.yml").read_text(), Loader=_Loader)
    shown = list(pages_of(settings["nav"]))
    assert sorted(shown) == sorted(str(path.relative_to(DOCS)) for path in PAGES)


def test_only_ordinary_plugins():
    settings = yaml.load((ROOT / "mkdocs.yml").read_text(), Loader=_Loader)
    plugins = [item if isinstance(item, str) else next(iter(item)) for item in settings["plugins"]]
    assert plugins == ["search", "mkdocstrings"]
    assert "custom_dir" not in settings["theme"]


# The promises, and the walk.


def test_every_promise_names_a_test_that_exists():
    rows = table(DOCS / "index.md", "promise", "held by")
    assert len(rows) > 10
    for _, held_by in rows:
        path, *tests = code(held_by)
        assert tests
        for test in tests:
            if test.endswith(".py"):
                path = test
            else:
                assert f"\ndef {test}(" in (ROOT / path).read_text(), test


def resolve(dotted):
    """The object with this dotted name."""
    module, _, rest = dotted, "", ""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        module, rest = ".".join(parts[:length]), parts[length:]
        with contextlib.suppress(ModuleNotFoundError):
            found = importlib.import_module(module)
            for part in rest:
                found = getattr(found, part)
            return found
    raise AssertionError(dotted)


def walk():
    """The dotted names of the walk through one payment, in their order."""
    text = section(DOCS / "design.md", "One payment, function by function")
    return re.findall(r"`(paykit(?:\.\w+)+)`", text)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_dotted_name_exists(path):
    others = {"paykit.db"}  # a file
    if (
        path == DOCS / "observability.md"
    ):  # names of spans, metrics and attributes: a test holds them
        for start in (("span",), ("metric", "kind")):
            others |= {name for row in table(path, *start) for cell in row for name in code(cell)}
    for dotted in re.findall(r"`(paykit(?:\.\w+)+)(?:\(\))?`", path.read_text()):
        if dotted not in others:
            resolve(dotted)


def test_the_walk_is_the_way_that_a_payment_takes(tmp_path):
    """Follow a real payment through all threads, and find the named functions in that order."""
    # Classes are values on the way. Some functions are named beside it: what was done before, what
    # MoMo does, and what happens to a handler that fails.
    aside = {
        "paykit.webhooks.fastapi.paykit_router",
        "paykit.service.outbox.postpone",
        "paykit.provider.Provider.ask",
        "paykit.transport.AsyncHttpxTransport.send",
    }
    named = [
        dotted for dotted in walk() if inspect.isroutine(resolve(dotted)) and dotted not in aside
    ]
    assert len(named) > 25
    called = []

    def note(frame, event, _argument):
        if event == "call":
            module = frame.f_globals.get("__name__", "")
            if module.startswith("paykit"):
                called.append(f"{module}.{frame.f_code.co_qualname}")

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        asyncio.run(one_payment(f"sqlite:///{tmp_path}/p.db"))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    position = 0
    for dotted in named:
        assert dotted in called[position:], f"{dotted} is not called after what stands before it"
        position = called.index(dotted, position) + 1


async def one_payment(database):
    from fastapi import FastAPI

    seen = []
    async with AsyncPaymentService([vnpay()], database=database) as service:
        app = FastAPI()
        app.include_router(paykit_router(service, return_to="/thanks"))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            session = await service.create(request(), provider="vnpay")
            query = notice().query.decode()
            acknowledged = await client.get(f"/webhooks/vnpay?{query}")
            assert acknowledged.json()["RspCode"] == "00"
            service._handlers.append(seen.append)
            assert await service.relay() == 1
            await client.get(f"/returns/vnpay?{query}")
            await client.get(f"/payments/{session.payment_id}/status")
    assert [event.status for event in seen] == ["succeeded"]
