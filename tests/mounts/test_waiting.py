"""Held requests and event streams, on real connections."""

import time

import pytest

from paykit.status import StatusKey, Subject

from .case import refused
from .frameworks import ASYNC
from .table_browsers import order_path, payment_path, state_of, tag_of, unchanged
from .wire import PATIENCE, Connection, Sent

STREAM = ("accept", "text/event-stream")


def frames(response):
    """The parts of a stream, as lists of lines; signs of life are left out."""
    lines = []
    while line := response.readline():
        if line != b"\n":
            lines.append(line.rstrip(b"\n"))
        elif lines != [b":"]:
            yield lines
            lines = []
        else:
            lines = []


def status_of(lines):
    """The id and the data of a message."""
    names = [line.partition(b": ")[0] for line in lines]
    assert names == [b"id", b"event", b"data"]
    assert lines[1] == b"event: status"
    return lines[0][4:].decode(), lines[2][6:]


def held(site, order, *, options="usual", seconds=20):
    """A request that waits for a change of this payment."""
    connection = Connection(site.url(options))
    waiting = (("if-none-match", tag_of(order)), ("prefer", f"wait={seconds}"))
    connection.send(Sent("GET", payment_path(order), headers=waiting).wire(site.url(options)))
    return connection


def test_who_waits_hears_of_a_change(site):
    order = site.order().create()
    with held(site, order) as connection:
        order.tell()
        answer = connection.answer()
    assert (answer.status, answer.body) == (200, state_of(order))
    assert answer.headers["preference-applied"] == "wait=20"
    assert answer.headers["etag"] == tag_of(order)


@pytest.mark.parametrize("path", [payment_path, order_path], ids=["payment", "order"])
def test_a_stream_tells_how_it_stands_and_what_changes(site, path):
    order = site.order().create()
    first = site.ask(Sent("GET", path(order)))
    with Connection(site.url()) as connection:
        connection.send(Sent("GET", path(order), headers=(STREAM,)).wire(site.url()))
        with connection.begun() as response:
            assert response.status == 200
            assert response.getheader("content-type") == "text/event-stream; charset=utf-8"
            assert response.getheader("cache-control") == "no-store, no-transform"
            assert response.getheader("x-accel-buffering") == "no"
            assert response.getheader("content-length") is None
            told = frames(response)
            assert next(told) == [b"retry: 3000"]
            assert status_of(next(told)) == (first.headers["etag"].strip('"'), first.body)
            order.tell()
            last = site.ask(Sent("GET", path(order)))
            assert status_of(next(told)) == (last.headers["etag"].strip('"'), last.body)
            assert list(told) == []  # it is final: the stream ends


def test_a_stream_that_is_taken_up_again_tells_only_news(site):
    order = site.order().create()
    known = ("last-event-id", tag_of(order).strip('"'))
    sent = Sent("GET", payment_path(order), headers=(STREAM, known))
    with Connection(site.url()) as connection:
        connection.send(sent.wire(site.url()))
        with connection.begun() as response:
            told = frames(response)
            assert next(told) == [b"retry: 3000"]
            order.tell()
            assert status_of(next(told))[1] == state_of(order)
    known = ("last-event-id", tag_of(order).strip('"'))
    answer = site.ask(Sent("GET", payment_path(order), headers=(STREAM, known)))
    assert (answer.status, answer.headers, answer.body) == (204, {}, b"")


def test_a_stream_ends_after_its_time(site):
    order = site.order().create()
    url = site.url("short")
    with Connection(url) as connection:
        connection.send(Sent("GET", payment_path(order), headers=(STREAM,)).wire(url))
        with connection.begun() as response:
            assert len(list(frames(response))) == 2


def has_room(site, order):
    """Whether somebody may wait at the crowded place."""
    url = site.url("crowded")
    with Connection(url) as connection:
        connection.send(Sent("GET", payment_path(order), headers=(STREAM,)).wire(url))
        with connection.begun() as response:
            return response.status == 200


def until(is_so):
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_only_so_many_wait(site):
    order = site.order().create()
    url = site.url("crowded")
    sent = Sent("GET", payment_path(order), headers=(STREAM,))
    with Connection(url) as connection:
        connection.send(sent.wire(url))
        with connection.begun() as response:
            assert next(frames(response)) == [b"retry: 3000"]
            refused(503, "too many are waiting already", retry_after="5").check(
                site.ask(sent, options="crowded")
            )
            waiting = (("if-none-match", tag_of(order)), ("prefer", "wait=20"))
            at_once = site.ask(Sent("GET", payment_path(order), headers=waiting), options="crowded")
            unchanged(order).check(at_once)
            # What is final is told to everybody: nobody waits for it.
            paid = site.order().create().tell()
            final = Sent("GET", payment_path(paid), headers=(STREAM,))
            assert state_of(paid) in site.ask(final, options="crowded").body
    until(lambda: has_room(site, order))


@pytest.mark.parametrize("site", ASYNC, indirect=True, scope="session")
def test_who_goes_away_waits_no_longer(site):
    """On an event loop; a blocking server looks only when it writes."""
    order = site.order().create()
    key = StatusKey(Subject.PAYMENT, order.payment_id)
    watched = site.service.statuses._watches
    with held(site, order, seconds=30):
        until(lambda: key in watched)
    until(lambda: key not in watched)
