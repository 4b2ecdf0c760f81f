"""A handler of the shop's own instead of a service: the provider is answered when it has done."""

import asyncio
import contextlib
import select
import threading

import pytest

from paykit import Outcome
from paykit.webhooks import AsyncEventReceiver, EventReceiver, MountOptions
from tests.service.shop import START
from tests.webhooks.senders import SENDERS
from tests.webhooks.shops import AwaitedProvider, Provider

from .callers import CALLERS, MOMO, VNPAY, VNPayCaller
from .case import JSON, Want, refused, reply
from .frameworks import ASYNC, FRAMEWORKS
from .wire import PATIENCE, Connection, Sent, exchange

RETURN_TO = "/thanks"
CASSO = next(one for one in SENDERS if one.key == "casso")


class Shop:
    """What the handler does is told by the first letters of the reference."""

    def __init__(self):
        self.references, self.entered, self.release = [], threading.Event(), threading.Event()

    def handle(self, event):
        reference = getattr(event, "reference", None) or "none"
        self.references.append(reference)
        word = reference.rstrip("0123456789")
        if word == "SLOW":
            self.entered.set()
            assert self.release.wait(PATIENCE)
        if word == "RAISES":
            raise KeyError("secret detail of the shop")
        return {"MISMATCH": Outcome.MISMATCH, "UNKNOWN": Outcome.UNKNOWN_REFERENCE,
                "DUPLICATE": Outcome.DUPLICATE, "AGAIN": Outcome.TRY_AGAIN}.get(word)  # fmt: skip

    async def handle_later(self, event):
        await asyncio.sleep(0)
        return await asyncio.to_thread(self.handle, event)

    def __call__(self, event):
        """An async handler that does not look like one."""
        return self.handle_later(event)


def providers():
    return [caller.provider(lambda: START) for caller in CALLERS.values()]


@contextlib.contextmanager
def blocking(shop):
    with EventReceiver(providers(), on_event=shop.handle, transport=Provider()) as receiver:
        yield receiver


@contextlib.contextmanager
def awaited(handler):
    receiver = AsyncEventReceiver(providers(), on_event=handler, transport=AwaitedProvider())
    yield receiver
    asyncio.run(receiver.close())


KINDS = {
    "blocking": blocking,
    "async": lambda shop: awaited(shop.handle_later),
    "async, in a thread": lambda shop: awaited(shop.handle),
    "async, an object": awaited,
}


MOUNTED = [
    *[(name, "blocking") for name in FRAMEWORKS],
    *[(name, "async") for name in ASYNC],
    ("asgi", "async, in a thread"),
    ("asgi", "async, an object"),
]


@pytest.fixture(scope="module", params=MOUNTED, ids=lambda param: f"{param[0]}-{param[1]}")
def at(request):
    """The shop, and where it is."""
    framework, kind = request.param
    shop = Shop()
    with (
        KINDS[kind](shop) as receiver,
        FRAMEWORKS[framework](receiver, return_to=RETURN_TO, options=MountOptions()) as url,
    ):
        yield shop, url


class Named(VNPayCaller):
    """VNPay about an order whose reference is a word for the handler."""

    def __init__(self, word):
        self.word = word

    def reference(self, number):
        return f"{self.word}{number}"


@pytest.mark.parametrize(
    ("word", "wants"),
    [
        ("PAID", VNPAY.taken),
        ("RAISES", VNPAY.come_again),
        ("AGAIN", VNPAY.come_again),
        ("MISMATCH", VNPAY.mismatch),
        ("UNKNOWN", VNPAY.unknown),
        ("DUPLICATE", VNPAY.again),
    ],
)
def test_the_provider_is_told_what_the_handler_says(at, word, wants):
    shop, url = at
    caller = Named(word)
    shop.references.clear()
    for _ in range(2):  # nothing is kept here: it is called again
        reply(wants).check(exchange(url, caller.call(1)))
    assert shop.references == [f"{word}1"] * 2


def test_a_fault_of_the_handler_shows_nothing(at):
    _, url = at
    answer = exchange(url, MOMO.call(1, orderId="RAISES1", requestId="RAISES1"))
    reply(MOMO.come_again).check(answer)


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_every_provider_is_acknowledged(at, caller):
    shop, url = at
    shop.references.clear()
    reply(caller.taken).check(exchange(url, caller.call(7)))
    assert len(shop.references) == 1
    reply(caller.unproven).check(exchange(url, caller.call(7, secret="not-the-secret")))
    reply(caller.unreadable).check(exchange(url, caller.garbage(7)))
    assert len(shop.references) == 1


def test_what_is_no_event_does_not_reach_the_handler(at):
    shop, url = at
    shop.references.clear()
    call = CALLERS["casso"].as_sent(CASSO.notice(1, {"amount": -1}))
    reply(CASSO.taken).check(exchange(url, call))
    assert shop.references == []


def test_the_provider_waits_for_the_handler(at):
    shop, url = at
    shop.entered.clear()
    shop.release.clear()
    with Connection(url) as connection:
        connection.send(Named("SLOW").call(1).wire(url))
        assert shop.entered.wait(PATIENCE)
        assert select.select([connection.socket], [], [], 0.05)[0] == []
        shop.release.set()
        reply(VNPAY.taken).check(connection.answer())


@pytest.mark.parametrize(("code", "state"), [("00", "paid"), ("24", "canceled"), ("51", "failed")])
def test_a_return_tells_what_the_provider_signed(at, code, state):
    shop, url = at
    shop.references.clear()
    signed = VNPAY.query(3, code=code)
    for query, location in (
        (signed, f"{RETURN_TO}?state={state}&reference=V3"),
        (f"{signed}0", f"{RETURN_TO}?state=unverified"),
    ):
        wants = Want(303, b"", None, {"location": location, "cache-control": "no-store"})
        wants.check(exchange(url, Sent("GET", f"/returns/vnpay?{query}")))
    assert shop.references == []


def test_nobody_knows_how_a_payment_stands(at):
    _, url = at
    for subject in ("payment", "order"):
        answer = exchange(url, Sent("GET", f"/{subject}s/1/status"))
        refused(404, f"there is no such {subject}").check(answer)


def test_it_is_ready(at):
    _, url = at
    ok = Want(200, b'{"status":"ok"}', JSON, {"cache-control": "no-store"})
    for path in ("/health", "/ready"):
        ok.check(exchange(url, Sent("GET", path)))
