"""Eight processes that do what they are told at the same moment.

Run as a module this is one of them: it reads jobs as lines of JSON, opens the service, says so,
waits for the word, and writes what came of it. The processes are started once, for Python takes
longer to start than all they do.
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import attrs

from paykit import Delivery, Money, PaykitError, VietQR
from paykit.http import HttpRequest
from paykit.service import PaymentService

from ..shop import Clock, vnpay
from .schedules.bank import BankConfig, Cashier, Desk, Forgetful, Page

SIZE = 8
_BANKS = (Page, Cashier, Forgetful)
TRANSFERS = {"bank": "VCB", "account_number": "0071001234567"}


class Crew:
    """The processes, as their parent has them."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", __name__]
        self._members = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
            for _ in range(SIZE)
        ]

    def do(self, jobs: Sequence[dict]) -> list[Any]:
        """Let each do its job, all at once; what came of it."""
        self._tell([json.dumps(job) for job in jobs])
        assert self._hear() == ["ready"] * SIZE
        self._tell(["go"] * SIZE)
        return self._hear()

    def _tell(self, lines: Sequence[str]) -> None:
        for member, line in zip(self._members, lines, strict=True):
            member.stdin.write(f"{line}\n")
            member.stdin.flush()

    def _hear(self) -> list[Any]:
        said = [member.stdout.readline() for member in self._members]
        assert all(said), "one of the crew has died"
        return [json.loads(line) for line in said]

    def close(self) -> None:
        for member in self._members:
            member.stdin.close()
        for member in self._members:
            member.wait(timeout=30)
            member.stdout.close()


class Town:
    """The books of three providers behind a small HTTP server, which takes its time."""

    def __init__(self, books: dict[str, Any], *, seconds: float = 0.02) -> None:
        desks = {name: Desk(book) for name, book in books.items()}
        wait = threading.Event().wait

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                provider = self.path.split("/")[1]
                said = desks[provider].serve(HttpRequest("POST", self.path, {}, body))
                wait(seconds)
                self.send_response(200)
                self.send_header("Content-Length", str(len(said.response.body)))
                self.end_headers()
                self.wfile.write(said.response.body)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def providers(url: str) -> list:
    """The accounts of a shop in that town."""
    banks = [kind(BankConfig(url=f"{url}/{kind.name}")) for kind in _BANKS]
    return [*banks, vnpay(), VietQR.from_dict(TRANSFERS, clock=Clock())]


def as_json(provider: str, name: str, delivery: Delivery) -> dict:
    """A delivery on its way to another process."""
    return {
        "provider": provider,
        "name": name,
        "method": delivery.method,
        "headers": list(delivery.headers),
        "query": base64.b64encode(delivery.query).decode(),
        "body": base64.b64encode(delivery.body).decode(),
    }


# In the child.


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        with PaymentService(providers(job["town"]), database=job["database"]) as service:
            _say("ready")
            sys.stdin.readline()
            _say(getattr(_Jobs(service), job["act"])(**job["with"]))


def _say(value: Any) -> None:
    sys.stdout.write(f"{json.dumps(value)}\n")
    sys.stdout.flush()


@attrs.frozen
class _Jobs:
    service: PaymentService

    def hear(self, deliveries: list, transfers: list, ask: list, turn: int) -> dict:
        """Take all that is told, in an order of one's own, and ask in between."""
        things = [
            *(("deliver", one) for one in deliveries),
            *(("list", transfers[place:]) for place in range(len(transfers))),
            *(("ask", payment_id) for payment_id in ask),
        ]
        random.Random(turn).shuffle(things)
        events, accepted = 0, []
        for what, value in things:
            if what == "ask":
                events += self.service.refresh(value)
            elif what == "list":
                events += self._list(value)
            else:
                receipt = self.service.receive(_delivery(value), provider=value["provider"])
                assert receipt.reply.status == 200, receipt
                events += receipt.published
                accepted += [value["name"]] if receipt.outcome == "accepted" else []
        return {"events": events, "accepted": accepted}

    def _list(self, transfers: list) -> int:
        vietqr = self.service.providers["vietqr"]
        told = [
            vietqr.received(
                transfer_id=name,
                amount=amount,
                memo=memo,
                occurred_at=Clock()(),
                account_number=TRANSFERS["account_number"],
            )
            for name, amount, memo in transfers
        ]
        return self.service.record_transfers(told, provider="vietqr")

    def refund(self, payment_id: str, amount: int | None, key: str | None) -> list:
        """Click until there is an answer; what came of each click."""
        money = None if amount is None else Money(amount, "VND")
        said = []
        for _ in count():
            try:
                done = self.service.refund(payment_id, money, idempotency_key=key)
            except PaykitError as error:
                said.append(type(error).__name__)
                if said[-1] == "RequestInProgress":
                    continue
            else:
                said.append("sent" if done.refund else "done before")
            return said
        raise AssertionError


def _delivery(value: dict) -> Delivery:
    return Delivery(
        value["method"],
        "/",
        base64.b64decode(value["query"]),
        [tuple(pair) for pair in value["headers"]],
        base64.b64decode(value["body"]),
    )


if __name__ == "__main__":
    main()
