"""Senders that are slow, go away, or send more than they should; the others do not suffer."""

import logging
import select
import socket

import pytest

from .callers import MOMO, VNPAY, dump
from .case import refused, reply
from .frameworks import ASYNC
from .wire import HUNG_UP, Connection, Sent

PROMISED = 1_000


def beginning(site, options):
    """A call whose body never comes whole."""
    sent = Sent("POST", "/webhooks/momo", b"{", (("content-length", str(PROMISED)),))
    return sent.wire(site.url(options))


def leave_out_djangos_own_reading(site):
    if site.name == "django-asgi":
        pytest.skip("Django waits for the whole body before it asks anybody")


def test_a_slow_sender_is_sent_away_and_nobody_else(site):
    leave_out_djangos_own_reading(site)
    with Connection(site.url("hasty")) as slow:
        slow.send(beginning(site, "hasty"))
        order = site.order()
        answer = site.ask(VNPAY.call(order.number), options="hasty")
        reply(VNPAY.unknown).check(answer)
        refused(408, "the body took too long").check(slow.answer())


def test_a_byte_now_and_then_does_not_help(site):
    leave_out_djangos_own_reading(site)
    url = site.url("hasty")
    with Connection(url) as slow:
        slow.send(beginning(site, "hasty"))
        for _ in range(PROMISED - 2):
            if select.select([slow.socket], [], [], 0.02)[0]:
                break
            slow.send(b" ")
        refused(408, "the body took too long").check(slow.answer())


def test_a_sender_that_goes_away_leaves_nothing(site, caplog):
    order, rows = site.order(), site.rows()
    whole = MOMO.call(order.number).wire(site.url())
    for left_out in (1, 20, 200):
        with Connection(site.url()) as connection:
            connection.send(whole[:-left_out])
    reply(VNPAY.unproven).check(site.ask(Sent("GET", "/webhooks/vnpay")))
    assert site.rows() == rows
    assert errors(caplog) == []


def test_chunks_that_break_in_the_middle_are_no_body(site, caplog):
    order, rows = site.order(), site.rows()
    whole = MOMO.say(dump(MOMO.fields(order.number)), chunked=True).wire(site.url())
    with Connection(site.url()) as connection:
        connection.send(whole[:-20])
        select.select([connection.socket], [], [], 0.05)
        connection.send(b"\r\nzz\r\n\r\n")
        connection.socket.shutdown(socket.SHUT_WR)
        assert connection.answer().status in {400, HUNG_UP}
    assert site.rows() == rows
    assert errors(caplog) == []


def errors(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


SMUGGLED = b"GET {prefix}/webhooks/vnpay?vnp_Amount=1 HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "status"),
    [
        (b"POST {prefix}/webhooks/momo HTTP/1.1\r\nhost: {host}\r\ncontent-encoding: gzip", 415),
        (b"POST {prefix}/webhooks/nobody HTTP/1.1\r\nhost: {host}", 404),
        (b"PUT {prefix}/webhooks/momo HTTP/1.1\r\nhost: {host}", 405),
        (b"POST {prefix}/webhooks/momo HTTP/1.1\r\nhost: {host}", 400),
    ],
    ids=["encoded", "nobody's", "by PUT", "read"],
)
def test_a_body_is_never_the_next_request(site, first, status):
    """What was not read of a refused call is not taken for a call that follows it."""
    order = site.order()
    hidden = Sent("", "", raw=SMUGGLED).wire(site.url())
    head = first + b"\r\ncontent-length: %d\r\n\r\n" % len(hidden)
    good = VNPAY.call(order.number).wire(site.url())
    sent = Sent("", "", raw=head).wire(site.url()) + hidden + good
    answers = []
    with Connection(site.url()) as connection:
        connection.send(sent)
        while len(answers) < 4:
            answer = connection.answer()
            if answer.status == HUNG_UP:
                break
            answers.append(answer)
    assert answers[0].status == status
    # Then the connection is closed, or the good call is answered, and nothing else is.
    for answer in answers[1:]:
        reply(VNPAY.unknown).check(answer)
    assert len(answers) <= 2


@pytest.mark.parametrize("site", ASYNC, indirect=True, scope="session")
def test_many_calls_on_one_connection(site):
    """As a proxy sends them; Werkzeug's server closes after each call."""
    with Connection(site.url()) as connection:
        for _ in range(5):
            order = site.order()
            sent = VNPAY.call(order.number).having(("connection", "keep-alive"))
            connection.send(sent.wire(site.url()))
            reply(VNPAY.unknown).check(connection.answer())
