"""kill -9 around a SePay notice: between commit and reply, and while a person assigns a transfer."""

import asyncio
import signal
import subprocess
import sys

import httpx
import pytest

from paykit import InvalidRequest
from paykit.service import AsyncPaymentService
from paykit.webhooks.asgi import PaykitApp

from .shop import Clock

CHILD = r"""
import asyncio, os, signal, sys
from paykit.service import AsyncPaymentService, recording, unclaimed
from paykit.webhooks.asgi import PaykitApp
from tests.service import test_crash_transfers as shop

database, memo, point = sys.argv[1:]

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    service = shop.open_service(database)
    session = await service.create(shop.request(), provider="sepay")
    os.write(1, session.payment_id.encode() + b"\n")
    call = shop.notice(memo)
    body = [{"type": "http.request", "body": call.body, "more_body": False}]

    async def receive():
        return body.pop()

    async def send(message):
        if point == "before the reply":
            die()
        if message["type"] == "http.response.body" and point == "after the reply":
            os.write(1, message["body"])
            die()

    if point == "before the commit":
        record = recording.record
        def record_then_die(*args, **kwargs):
            record(*args, **kwargs)
            die()
        recording.record = record_then_die
    await PaykitApp(service, return_to="/thanks")(shop.scope(call), receive, send)
    if point == "before the assignment's commit":
        assign = unclaimed.assign
        def assign_then_die(*args, **kwargs):
            assign(*args, **kwargs)
            die()
        unclaimed.assign = assign_then_die
    (lost,) = await service.unmatched()
    await service.assign(lost, payment_id=session.payment_id)
    die()

asyncio.run(main())
"""


def sender():
    # Only for children and tests: the module imports this one.
    from tests.webhooks.senders import SENDERS

    return next(one for one in SENDERS if one.key == "sepay")


def request():
    from paykit import Money, PaymentRequest

    return PaymentRequest(reference=sender().reference(1), amount=Money(150_000, "VND"))


def notice(memo):
    return sender().notice(1, {"content": memo.replace("@", sender().reference(1))})


def scope(call):
    return {
        "type": "http", "method": "POST", "path": "/webhooks/sepay", "root_path": "",
        "query_string": b"", "headers": [(n.lower(), v) for n, v in call.raw_headers()],
    }  # fmt: skip


def open_service(database, clock=None):
    clock = clock or Clock()
    return AsyncPaymentService([sender().provider(clock)], database=database, clock=clock)


def run_child(database, memo, point):
    """The payment's id, and what was answered before the end."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, database, memo, point],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    payment_id, _, answered = child.stdout.decode().partition("\n")
    return payment_id, answered


def restarted(database, scenario):
    """What ``scenario`` finds after a restart: it gets the service and a way to post the notice."""

    async def run():
        clock, events = Clock(), []
        clock.pass_(minutes=4)  # beyond the claims of a dead relay, and still fresh for SePay
        async with open_service(database, clock) as service:
            service._handlers.append(events.append)
            transport = httpx.ASGITransport(app=PaykitApp(service, return_to="/thanks"))
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:

                async def post(memo):
                    call = notice(memo)
                    answer = await client.post(
                        "/webhooks/sepay", content=call.body, headers=call.raw_headers()
                    )
                    return answer.status_code, answer.content

                await scenario(service, post)
            while await service.relay():
                pass
        return [(str(event.status), event.captured.minor, event.sequence) for event in events]

    return asyncio.run(run())


PAID = [("succeeded", 150_000, 1)]
TAKEN = (200, b'{"success":true}')


@pytest.mark.parametrize("point", ["before the commit", "before the reply", "after the reply"])
def test_a_notice_counts_once(database, point):
    payment_id, answered = run_child(database, "@", point)
    assert answered == (TAKEN[1].decode() if point == "after the reply" else "")

    async def scenario(service, post):
        stored = point != "before the commit"
        status = (await service.status(payment_id)).status
        assert status == ("succeeded" if stored else "requires_action")
        assert [await post("@") for _ in range(2)] == [TAKEN] * 2
        record = await service.status(payment_id)
        assert (record.status, record.received.minor) == ("succeeded", 150_000)
        assert await service.unmatched() == []

    assert restarted(database, scenario) == PAID
    assert restarted(database, scenario_of_nothing_new) == []


async def scenario_of_nothing_new(service, post):
    assert await post("@") == TAKEN


def test_what_was_acknowledged_is_published_without_another_notice(database):
    run_child(database, "@", "before the reply")

    async def scenario(service, post):
        pass

    assert restarted(database, scenario) == PAID


@pytest.mark.parametrize(
    "point", ["before the commit", "before the reply", "before the assignment's commit"]
)
def test_what_names_no_payment_waits_through_the_crash(database, point):
    payment_id, _ = run_child(database, "quen ghi ma", point)

    async def scenario(service, post):
        assert len(await service.unmatched()) == (0 if point == "before the commit" else 1)
        assert [await post("quen ghi ma") for _ in range(2)] == [TAKEN] * 2
        (lost,) = await service.unmatched()
        assert await service.assign(lost, payment_id=payment_id) == 1
        assert await post("quen ghi ma") == TAKEN
        with pytest.raises(InvalidRequest):
            await service.assign(lost, payment_id=payment_id)
        assert (await service.status(payment_id)).received.minor == 150_000

    assert restarted(database, scenario) == PAID


def test_what_was_assigned_stays_assigned(database):
    payment_id, _ = run_child(database, "quen ghi ma", "after the assignment's commit")

    async def scenario(service, post):
        assert await service.unmatched() == []
        assert await post("quen ghi ma") == TAKEN
        assert await service.unmatched() == []
        record = await service.status(payment_id)
        assert (record.status, record.received.minor) == ("succeeded", 150_000)

    assert restarted(database, scenario) == PAID
