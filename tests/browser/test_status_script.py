"""The helper for pages that wait, in a real browser, against a server that plays the endpoint."""

import contextlib
import re
import subprocess
import time
from itertools import pairwise

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from paykit.demo.server import listen
from paykit.service import PaymentService
from paykit.webhooks.asgi import PaykitApp

from ..service.shop import notice, request, vnpay
from ..support.apps import serving
from ..support.markdown import DOCS, blocks
from .conftest import ARGUMENTS, BROWSERS, find_browser
from .status_server import PAGE, SCRIPT, STATUS, StatusServer, Trouble, payment

pytestmark = pytest.mark.browser

SUCCEEDED = payment("succeeded", final=True)
#: Seconds that a busy machine may be late.
SLACK = 1.5
#: Begins to watch. What the page is told is in `told`, and the refusals are in `refused`.
WATCH = """
(options) => {
  Object.assign(window, { told: [], refused: [] });
  window.stop = watchStatus(options.url, (payment) => {
    told.push(payment);
    if (options.stopAt === payment.status) stop();
    if (options.throwAt === payment.status) throw new Error(`no idea of ${payment.status}`);
  }, { sse: options.sse, onError: (answer) => refused.push(answer.status) });
}
"""
TIMES = """
() => performance.getEntriesByType("resource")
  .filter(({ name, initiatorType }) => name.endsWith("/status") && initiatorType === "fetch")
  .map(({ startTime }) => startTime / 1000)
"""


@pytest.fixture
def server():
    server = StatusServer()
    yield server
    server.stop()


class Waiting:
    """A page whose visitor waits for a payment."""

    def __init__(self, page, server):
        self.page, self.server, self.errors = page, server, []
        # Playwright takes no method of a list.
        page.on("pageerror", lambda error: self.errors.append(error.message))
        page.goto(server.url)
        page.wait_for_function("() => !!window.watchStatus")

    def watch(self, url=STATUS, **options):
        self.page.evaluate(WATCH, {"url": url, "sse": True, **options})

    def told(self, number):
        """All that the page was told, when it was told so much."""
        self.page.wait_for_function("(number) => told.length >= number", arg=number)
        return self.page.evaluate("told")

    def times(self, number):
        """When the page asked, in seconds, as soon as so many requests are answered."""
        self.page.wait_for_function(f"(number) => ({TIMES})().length >= number", arg=number)
        return self.page.evaluate(TIMES)

    def refused(self):
        self.page.wait_for_function("refused.length")
        return self.page.evaluate("refused")

    def listens(self):
        """Whether something listens to whether the page is hidden."""
        session = self.page.context.new_cdp_session(self.page)
        found = session.send("Runtime.evaluate", {"expression": "document"})["result"]
        heard = session.send("DOMDebugger.getEventListeners", {"objectId": found["objectId"]})
        session.detach()
        return [one["type"] for one in heard["listeners"]] == ["visibilitychange"]

    def is_over(self):
        """Nobody listens any more, no stream is held, and nothing is asked."""
        until = time.monotonic() + 10
        while self.listens() and time.monotonic() < until:
            self.page.wait_for_timeout(50)
        self.server.until(lambda: self.server.open_streams == 0)
        self.page.wait_for_timeout(300)  # what was under way is over by then
        asked = len(self.server.asked)
        self.page.wait_for_timeout(500)
        return not self.listens() and len(self.server.asked) == asked


@pytest.fixture
def waiting(chromium, server):
    context = chromium.new_context()
    context.set_default_timeout(20_000)
    waiting = Waiting(context.new_page(), server)
    yield waiting
    context.close()
    assert waiting.errors == []


def between(times):
    return [after - before for before, after in pairwise(times)]


# Polling.


def test_polls_until_it_is_final(waiting, server):
    waiting.watch(sse=False)
    server.until(lambda: len(server.polls) >= 4)
    assert waiting.told(1) == [payment()]
    server.say(payment("pending"))
    assert waiting.told(2) == [payment(), payment("pending")]
    server.say(SUCCEEDED)
    assert waiting.told(3) == [payment(), payment("pending"), SUCCEEDED]
    assert waiting.is_over()
    # The browser itself sends the tag along, and an unchanged status costs no body.
    assert [(one.tag, one.answer) for one in server.polls[:3]] == [
        (None, 200),
        ('"1"', 304),
        ('"1"', 304),
    ]
    assert (server.polls[-1].tag, server.polls[-1].answer) == ('"2"', 200)
    assert not any(one.stream for one in server.asked)


@pytest.mark.parametrize("seconds", [0.3, 1])
def test_the_server_says_when_to_come_again(waiting, server, seconds):
    server.say(payment(poll=seconds))
    waiting.watch(sse=False)
    pauses = between(waiting.times(4))
    assert all(seconds <= pause < seconds + SLACK for pause in pauses), pauses


def test_five_seconds_are_the_usual_pause(waiting, server):
    server.say({**payment(), "next_poll_seconds": None})
    waiting.watch(sse=False)
    (pause,) = between(waiting.times(2))
    assert 5 <= pause < 5 + SLACK


def test_trouble_makes_it_ask_less_and_less(waiting, server):
    server.say(payment(poll=0.3))
    waiting.watch(sse=False)
    waiting.told(1)
    troubles = [
        Trouble(503),
        Trouble(429, {"Retry-After": "tomorrow"}),
        Trouble(),
        Trouble(200, body="<title>Please log in</title>"),
    ]
    server.troubles.extend(troubles)
    pauses = between(waiting.times(len(server.polls) + len(troubles) + 4))
    asked = [one.answer for one in server.polls]
    first = asked.index(503)
    assert asked[first : first + 6] == [503, 429, None, 200, 200, 304]
    for tries, pause in enumerate(pauses[first : first + 4]):
        assert 0.3 * 2**tries <= pause < 0.6 * 2**tries + SLACK, pauses
    assert 0.3 <= pauses[first + 4] < 4.8, pauses  # all is well again
    assert waiting.page.evaluate("told") == [payment(poll=0.3)]


def test_the_first_answer_may_be_late_in_coming(waiting, server):
    server.troubles.extend([Trouble(502)])
    waiting.watch(sse=False)
    assert waiting.told(1) == [payment()]
    assert 5 <= between(waiting.times(2))[0] < 10 + SLACK


@pytest.mark.parametrize("status", [429, 503])
def test_it_comes_again_when_it_is_told_to(waiting, server, status):
    server.say(payment(poll=0.3))
    waiting.watch(sse=False)
    waiting.told(1)
    server.troubles.append(Trouble(status, {"Retry-After": "2"}))
    assert 2 <= max(between(waiting.times(5))) < 2 + SLACK


@pytest.mark.parametrize("seconds", ["2592000", "1e9", "Infinity", "-3600"])
def test_it_does_not_come_at_once_when_it_is_told_a_time_beyond_all_clocks(
    waiting, server, seconds
):
    server.troubles.append(Trouble(503, {"Retry-After": seconds}))
    waiting.watch(sse=False)
    server.until(lambda: len(server.polls) == 1)
    waiting.page.wait_for_timeout(700)
    assert len(server.polls) == 1


def test_whoever_is_told_of_a_refusal_may_read_why(waiting, server):
    server.troubles.append(Trouble(404, body='{"error":"there is no such payment"}'))
    waiting.page.evaluate("""
        (url) => watchStatus(url, () => {}, {
            sse: false,
            onError: async (answer) => { window.why = (await answer.json()).error; },
        })
    """, STATUS)  # fmt: skip
    waiting.page.wait_for_function("window.why")
    assert waiting.page.evaluate("why") == "there is no such payment"


@pytest.mark.parametrize("status", [403, 404, 410])
@pytest.mark.parametrize("sse", [False, True])
def test_a_refusal_is_the_end(waiting, server, status, sse):
    # A stream that is refused is asked for without one, and then the answer is seen.
    server.troubles.extend([Trouble(status)] * (2 if sse else 1))
    waiting.watch(sse=sse)
    assert waiting.refused() == [status]
    assert waiting.is_over()
    assert [one.stream for one in server.asked] == ([True, False] if sse else [False])
    assert waiting.page.evaluate("[told, refused]") == [[], [status]]


def test_a_refusal_may_interest_nobody(waiting, server):
    server.troubles.append(Trouble(404))
    waiting.page.evaluate(f"() => {{ watchStatus('{STATUS}', () => {{}}, {{ sse: false }}) }}")
    server.until(lambda: len(server.polls) == 1)
    assert waiting.is_over()


def test_a_request_that_hangs_is_given_up(waiting, server):
    server.say(payment(poll=1))
    waiting.watch(sse=False)
    waiting.told(1)
    server.troubles.append(Trouble(late=True))
    server.say(SUCCEEDED)
    assert waiting.told(2) == [payment(poll=1), SUCCEEDED]
    assert len(server.polls) == 3


# Streams.


def test_listens_to_a_stream(waiting, server):
    server.say(payment(poll=5))
    waiting.watch()
    waiting.told(1)
    server.say(payment("pending", poll=5))
    waiting.told(2)
    server.say(SUCCEEDED)
    assert waiting.told(3) == [payment(poll=5), payment("pending", poll=5), SUCCEEDED]
    assert waiting.is_over()
    assert [one.stream for one in server.asked] == [True]


def test_a_stream_that_ends_is_asked_for_again(waiting, server):
    server.say(payment(poll=1))
    waiting.watch()
    waiting.told(1)
    ended = time.monotonic()
    server.end_streams()
    server.until(lambda: len(server.asked) == 2)
    assert 5 <= time.monotonic() - ended < 10 + SLACK  # not all pages at the same moment
    server.until(lambda: server.open_streams == 1)
    server.say(SUCCEEDED)
    assert waiting.told(2) == [payment(poll=1), SUCCEEDED]
    assert waiting.is_over()
    assert [one.stream for one in server.asked] == [True, True]


def test_a_stream_that_does_not_come_again_is_given_up(waiting, server):
    waiting.watch()
    # The first stream is waited for longer: until then nobody has said how quick it is here.
    server.until(lambda: len(server.asked) == 2 and server.open_streams == 1)
    server.streams = False
    server.end_streams()
    server.until(lambda: len(server.polls) >= 3)
    server.say(SUCCEEDED)
    assert waiting.told(2) == [payment(), SUCCEEDED]
    assert [one.answer for one in server.asked if one.stream].count(503) == 1


def test_a_stream_that_says_nothing_for_long_is_opened_anew(waiting, server):
    """It may be dead without an error, and nothing is lost if it is not."""
    waiting.watch()
    server.until(lambda: len(server.asked) >= 3)
    assert {one.stream for one in server.asked} == {True}
    assert server.open_streams <= 2  # one, and another that is not over here yet
    server.say(SUCCEEDED)
    assert waiting.told(2) == [payment(), SUCCEEDED]
    assert waiting.is_over()


REFUSALS = {
    "too many": Trouble(503),
    "no streams here": Trouble(200),
    "the connection ends": Trouble(),
    "no word": Trouble(200, {"Content-Type": "text/event-stream"}, body=": hello\n\n"),
    "final and known": Trouble(204),
}


@pytest.mark.parametrize("trouble", REFUSALS.values(), ids=REFUSALS)
def test_without_a_stream_it_polls(waiting, server, trouble):
    server.troubles.append(trouble)
    began = time.monotonic()
    waiting.watch()
    server.until(lambda: len(server.polls) >= 3)
    assert time.monotonic() - began < 5
    server.say(SUCCEEDED)
    assert waiting.told(2) == [payment(), SUCCEEDED]
    assert [one.stream for one in server.asked[:3]] == [True, False, False]
    assert sum(one.stream for one in server.asked) == 1


def test_a_stream_that_is_held_back_on_the_way_is_given_up(waiting, server):
    server.events = False
    waiting.watch()
    server.until(lambda: len(server.polls) >= 3)
    assert waiting.told(1) == [payment()]


def test_a_browser_without_streams_polls(waiting, server):
    waiting.page.evaluate("delete window.EventSource")
    waiting.watch()
    server.until(lambda: len(server.polls) >= 3)
    assert waiting.told(1) == [payment()]


@pytest.mark.parametrize("sse", [False, True])
def test_a_server_may_restart(waiting, server, sse):
    waiting.watch(sse=sse)
    server.until(lambda: len(server.asked) >= 2)
    waiting.told(1)
    server.stop()
    waiting.page.wait_for_timeout(300)
    again = StatusServer(server.port)
    try:
        again.say(SUCCEEDED)
        assert waiting.told(2) == [payment(), SUCCEEDED]
    finally:
        again.stop()


# The page.


@pytest.mark.parametrize("sse", [False, True])
def test_a_page_may_stop(waiting, server, sse):
    waiting.watch(sse=sse)
    waiting.told(1)
    assert waiting.listens()
    waiting.page.evaluate("stop()")
    server.say(payment("pending"))
    assert waiting.is_over()
    waiting.page.evaluate("stop()")  # twice is as good as once
    assert waiting.told(1) == [payment()]


@pytest.mark.parametrize("sse", [False, True])
def test_a_page_may_stop_when_it_is_told(waiting, server, sse):
    waiting.watch(sse=sse, stopAt="pending")
    waiting.told(1)
    server.say(payment("pending"))
    waiting.told(2)
    server.say(SUCCEEDED)
    assert waiting.is_over()
    assert waiting.told(2) == [payment(), payment("pending")]


def test_an_answer_after_the_stop_is_dropped(waiting, server):
    server.troubles.append(Trouble(404, late=True))
    waiting.watch(sse=False)
    server.until(lambda: len(server.polls) == 1)
    waiting.page.evaluate("stop()")
    server.release.set()
    assert waiting.is_over()
    assert waiting.page.evaluate("[told, refused]") == [[], []]


@pytest.mark.parametrize("sse", [False, True])
def test_a_mistake_of_the_page_is_reported_and_ends_nothing(waiting, server, sse):
    waiting.watch(sse=sse, throwAt="pending")
    waiting.told(1)
    server.say(payment("pending"))
    waiting.told(2)
    server.say(SUCCEEDED)
    assert waiting.told(3) == [payment(), payment("pending"), SUCCEEDED]
    assert waiting.errors == ["no idea of pending"]
    waiting.errors.clear()


# Hidden tabs.


@pytest.fixture(scope="module")
def tabs(chromium, tmp_path_factory):
    """A whole browser of its own, whose tabs are hidden when another one is in front."""
    profile = tmp_path_factory.mktemp("profile")
    process = subprocess.Popen(
        [
            find_browser(BROWSERS), *ARGUMENTS, "--headless", "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
        ],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        said = (re.search("listening on (ws://.*)", line) for line in process.stderr)
        address = next(filter(None, said))[1]
        # With its defaults Playwright keeps every tab visible.
        browser = chromium.browser_type.connect_over_cdp(address, no_defaults=True)
        yield browser.contexts[0]
        browser.close()
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


class Tab(Waiting):
    """A page with another one beside it."""

    def __init__(self, tabs, server):
        super().__init__(tabs.new_page(), server)
        self.other = tabs.new_page()
        self.show()

    def hide(self):
        self.other.bring_to_front()
        self.page.wait_for_function("document.hidden", polling=20)

    def show(self):
        self.page.bring_to_front()
        self.page.wait_for_function("!document.hidden")


@pytest.fixture
def tab(tabs, server):
    tab = Tab(tabs, server)
    yield tab
    tab.page.close()
    tab.other.close()
    assert tab.errors == []


@pytest.mark.parametrize("sse", [False, True])
def test_a_hidden_tab_asks_nothing(tab, server, sse):
    tab.watch(sse=sse)
    tab.told(1)
    tab.hide()
    server.until(lambda: server.open_streams == 0)
    server.say(payment("pending"))
    asked = len(server.asked)
    tab.page.wait_for_timeout(500)
    assert len(server.asked) == asked
    assert tab.page.evaluate("told") == [payment()]
    tab.show()
    assert tab.told(2) == [payment(), payment("pending")]
    server.say(SUCCEEDED)
    assert tab.told(3) == [payment(), payment("pending"), SUCCEEDED]
    assert {one.stream for one in server.asked} == {sse}


@pytest.mark.parametrize("sse", [False, True])
def test_a_tab_that_begins_hidden_asks_when_it_is_shown(tab, server, sse):
    tab.hide()
    tab.watch(sse=sse)
    tab.page.wait_for_timeout(300)
    assert server.asked == []
    tab.show()
    assert tab.told(1) == [payment()]
    assert {one.stream for one in server.asked} == {sse}


def test_a_tab_that_is_shown_again_does_not_wait_for_its_turn(tab, server):
    server.troubles.append(Trouble(503, {"Retry-After": "3600"}))
    tab.watch(sse=False)
    server.until(lambda: len(server.polls) == 1)
    tab.hide()
    tab.show()
    assert tab.told(1) == [payment()]


def test_a_stream_that_had_no_time_to_speak_is_not_given_up(tab, server):
    server.troubles.append(Trouble(late=True))
    tab.watch()
    server.until(lambda: len(server.asked) == 1)
    tab.hide()
    server.release.set()
    tab.show()
    assert tab.told(1) == [payment()]
    assert [one.stream for one in server.asked[:2]] == [True, True]


def test_an_answer_that_comes_when_the_tab_is_hidden_is_dropped(tab, server):
    server.troubles.append(Trouble(404, late=True))
    tab.watch(sse=False)
    server.until(lambda: len(server.polls) == 1)
    tab.hide()
    server.release.set()
    tab.page.wait_for_timeout(300)
    assert tab.page.evaluate("[told, refused]") == [[], []]
    tab.show()
    assert tab.told(1) == [payment()]


def test_a_page_from_the_browsers_history_goes_on(tab, server):
    tab.watch()
    tab.told(1)
    tab.page.goto(f"{server.url}/another")
    server.until(lambda: server.open_streams == 0)
    server.say(SUCCEEDED)
    tab.page.go_back(wait_until="commit")
    assert tab.told(2) == [payment(), SUCCEEDED]


# The real endpoint.


@contextlib.contextmanager
def shop(database):
    """A shop with the endpoints of a real service below ``/pay``; gives its URL and a payment's id."""
    with PaymentService([vnpay()], database=database) as service:
        payment_id = service.create(request(), provider="vnpay").payment_id
        pay = PaykitApp(service, return_to="/")
        page = Route("/", lambda _request: HTMLResponse(PAGE))
        app = Starlette(routes=[page, Mount("/pay", pay)])
        listener = listen("127.0.0.1", 0)
        with serving(app, listener):
            yield listener.url, payment_id


@pytest.mark.parametrize("sse", [False, True])
def test_a_payment_is_watched_at_a_real_shop(chromium, tmp_path, sse):
    with shop(f"sqlite:///{tmp_path}/payments.db") as (url, payment_id):
        page = chromium.new_page()
        page.goto(url)
        page.wait_for_function("() => !!window.watchStatus")
        path = f"/pay/payments/{payment_id}/status"
        page.evaluate(WATCH, {"url": path, "sse": sse})
        page.wait_for_function("told.length === 1")
        query = notice().query.decode()
        assert httpx.get(f"{url}/pay/webhooks/vnpay?{query}").json()["RspCode"] == "00"
        page.wait_for_function("told.length === 2")
        told = page.evaluate("told")
        page.close()
        assert [one["status"] for one in told] == ["requires_action", "succeeded"]
        assert told[1] == httpx.get(url + path).json()
        # The type that the script names has all fields, and no others.
        named = re.search(r"@typedef \{\{(.*?)\}\} Payment", SCRIPT.read_text(), re.DOTALL)[1]
        fields = re.findall(r"(\w+)(\?)?:", re.sub(r"\{.*?\}", "", named))
        assert {name for name, optional in fields if not optional} == told[0].keys()


# The example of the documentation.


def test_the_page_of_the_documentation(waiting, server):
    (example,) = [block.code for block in blocks(DOCS / "status.md") if block.language == "html"]
    server.page = example
    waiting.page.goto(server.url)
    waiting.page.get_by_text("Please pay 150.000 ₫.").wait_for()
    server.say(SUCCEEDED)
    waiting.page.get_by_text("Thank you! We have received 150.000 ₫.").wait_for()
    assert waiting.is_over()
