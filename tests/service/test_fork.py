"""A service that was opened before a fork says so, instead of waiting for threads that are not there."""

import subprocess
import sys

FORKED = r"""
import os, signal, sys
from paykit import ConfigurationError
from paykit.service import PaymentService
from tests.service.shop import notice, request, vnpay

service = PaymentService([vnpay()], database=sys.argv[1])
session = service.create(request(), provider="vnpay")
child = os.fork()
if not child:
    signal.alarm(20)
    receipt = service.receive(notice(), provider="vnpay")
    print(receipt.outcome, type(receipt.error).__name__)
    try:
        service.status(session.payment_id)
    except ConfigurationError as error:
        print(error)
    service.close()
    sys.stdout.flush()
    os._exit(0)
print("child:", os.waitpid(child, 0)[1])
print(service.receive(notice(), provider="vnpay").outcome)
service.close()
"""


def test_a_forked_service_refuses_and_leaves_its_parent_alone(database):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED, database],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "try_again ConfigurationError",
        "this service was opened before its process was forked: open one in each process",
        "child: 0",
        "accepted",
    ], done.stderr
