"""kill -9 at every point between a delivery and its event: nothing is lost, nothing doubled."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from paykit import InvalidRequest, Outcome
from paykit.service import PaymentService

from .shop import notice, request, vnpay
from .test_transfers import create, transfer, vietqr

CHILD = r"""
import os, signal, sys, time
from paykit.service import PaymentService, outbox, recording
from tests.service.shop import notice, request, vnpay

database, point = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

service = PaymentService([vnpay()], database=database)
service.create(request(), provider="vnpay")

if point == "after verify":
    record = recording.record
    recording.record = lambda *args, **kwargs: die()
elif point == "before commit":
    record = recording.record
    def record_then_die(*args, **kwargs):
        record(*args, **kwargs)
        die()
    recording.record = record_then_die
elif point == "in the handler":
    service.subscribe(lambda event: die())
elif point == "after the handler":
    outbox.settle = lambda *args, **kwargs: die()
    def handler(event):
        os.write(1, f"handled {event.event_id}\n".encode())  # in one piece, beside the main thread
    service.subscribe(handler)
receipt = service.receive(notice(), provider="vnpay")
os.write(1, f"acknowledged {receipt.outcome}\n".encode())
if point == "after commit":
    die()
time.sleep(30)
"""


def run_child(code, *arguments):
    child = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    return child.stdout


def reopen(database):
    """What a restart finds: the outcome of the redelivery, and the events that come out."""
    # A dead relay's claim ends after its lease: look from beyond it.
    from paykit.provider import utc_now

    from .shop import Clock

    clock = Clock()
    clock.now = utc_now()
    clock.pass_(minutes=5)
    events = []
    with PaymentService([vnpay()], database=database, clock=clock) as service:
        service._handlers.append(events.append)
        outcome = service.receive(notice(), provider="vnpay").outcome
        while service.relay():
            pass
    return outcome, events


@pytest.mark.parametrize("point", ["after verify", "before commit"])
def test_before_the_commit_the_redelivery_is_new(database, point):
    assert run_child(CHILD, database, point) == ""
    outcome, events = reopen(database)
    assert outcome is Outcome.ACCEPTED
    assert [event.status for event in events] == ["succeeded"]


@pytest.mark.parametrize("point", ["after commit", "in the handler"])
def test_after_the_commit_the_event_is_published_without_redelivery(database, point):
    run_child(CHILD, database, point)
    outcome, events = reopen(database)
    assert outcome is Outcome.DUPLICATE
    assert [event.status for event in events] == ["succeeded"]


def test_an_event_that_was_handled_but_not_marked_comes_again_with_its_id(database):
    handled = run_child(CHILD, database, "after the handler").split()
    outcome, events = reopen(database)
    assert outcome is Outcome.DUPLICATE
    assert [event.event_id for event in events] == [handled[handled.index("handled") + 1]]


TRANSFERS = r"""
import os, signal, sys
from paykit.service import PaymentService, recording, unclaimed
from tests.service.test_transfers import CODE, create, transfer, vietqr

database, act, point = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

service = PaymentService([vietqr()], database=database)
session = create(service)
if act == "assign":
    service.record_transfers([transfer(memo="")], provider="vietqr")
if point == "before commit":
    home, name = (unclaimed, "assign") if act == "assign" else (recording, "record")
    body = getattr(home, name)
    def body_then_die(*args, **kwargs):
        body(*args, **kwargs)
        die()
    setattr(home, name, body_then_die)
if act == "assign":
    service.assign(transfer(memo=""), payment_id=session.payment_id)
else:
    service.record_transfers([transfer(100_000), transfer(50_000, number=2)], provider="vietqr")
die()
"""


@pytest.mark.parametrize("act", ["assign", "record_transfers"])
@pytest.mark.parametrize("point", ["before commit", "after commit"])
def test_transfers_survive_a_kill_and_count_once(database, act, point):
    run_child(TRANSFERS, database, act, point)
    lost, events = transfer(memo=""), []
    with PaymentService([vietqr()], database=database) as service:
        session = create(service)
        if act == "assign":
            assert service.unmatched() == ([lost] if point == "before commit" else [])
            if point == "before commit":
                service.assign(lost, payment_id=session.payment_id)
            else:
                with pytest.raises(InvalidRequest):
                    service.assign(lost, payment_id=session.payment_id)
        else:
            again = [transfer(100_000), transfer(50_000, number=2)]
            told = service.record_transfers(again, provider="vietqr")
            assert told == (2 if point == "before commit" else 0)
        record = service.status(session.payment_id)
        assert (record.status, record.received.minor) == ("succeeded", 150_000)
        service._handlers.append(events.append)
        while service.relay():
            pass
    assert [event.status for event in events][-1] == "succeeded"
    assert sum(event.amount.minor for event in events) == 150_000


BUSY = """
import sys
from paykit.service import PaymentService
from tests.service.shop import notice, request, vnpay

service = PaymentService([vnpay()], database=sys.argv[1])
service.subscribe(lambda event: None)
start = int(sys.argv[2])
for number in range(start, start + 10_000):
    reference = f"ORDER-{number}"
    service.create(request(reference), provider="vnpay")
    service.receive(notice(reference, number=str(number)), provider="vnpay")
    print(reference, flush=True)  # only after the acknowledgement
"""


def test_random_kills_lose_nothing_that_was_acknowledged(database):
    chance = random.Random(20260301)
    acknowledged = []
    for turn in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", BUSY, database, str(turn * 10_000)],
            stdout=subprocess.PIPE,
            text=True,
        )
        first = child.stdout.readline()
        time.sleep(chance.uniform(0.02, 0.2))
        os.kill(child.pid, signal.SIGKILL)
        acknowledged += [first, *child.stdout]
        child.stdout.close()
        child.wait()
    complete = [line.strip() for line in acknowledged if line.endswith("\n")]
    assert len(complete) >= 5
    with PaymentService([vnpay()], database=database) as service:
        for reference in complete:
            number = reference.removeprefix("ORDER-")
            again = service.receive(notice(reference, number=number), provider="vnpay")
            assert again.outcome is Outcome.DUPLICATE
            session = service.create(request(reference), provider="vnpay")
            assert service.status(session.payment_id).status == "succeeded"
