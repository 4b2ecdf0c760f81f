"""The gateway itself: an HTTP server that keeps books, and tells of everything by a webhook."""

import contextlib
import json
import random
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .gateway import SECRET
from .load import Delivery


class GatewayServer(ThreadingHTTPServer):
    """Under ``/gateway`` a repeated key is answered and not acted upon; under ``/forgetful`` it is.

    ``notify`` gets the webhook of each effect. An answer takes up to ``slowness`` seconds after the
    effect, so that whoever asked may be dead by then.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, notify, *, seed, slowness=0.01):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        #: What each payment had done to it: ``(kind of gateway, reference)``, effect, how often.
        self.effects = {}
        #: Every call: when, kind of gateway, method, path, fields.
        self.calls = []
        self._notify = notify
        self._chance = random.Random(seed)
        self._slowness = slowness
        self._payments_by_name = {}
        self._refunds_by_name = {}
        self._answers = {}
        self._lock = threading.Lock()
        self._ids = 0

    def handle_error(self, request, client_address):
        """A client that was killed is what this is for."""

    def answer(self, kind, method, path, fields):
        """The status and the answer to a call."""
        with self._lock:
            self.calls.append((time.time(), kind, method, path, fields))
            if method == "GET":
                what, _, name = path.partition("/")
                refunds = what == "refunds"
                found = self._refunds_by_name if refunds else self._payments_by_name
                known = found.get((kind, name))
                return (404, {}) if known is None else (200, dict(known))
            slot = (kind, fields["key"])
            if kind == "gateway" and slot in self._answers:
                return 200, self._answers[slot]
            answer = dict(getattr(self, f"_{path}")(kind, fields))
            self._answers[slot] = answer
        time.sleep(self._chance.uniform(0, self._slowness))
        return 200, answer

    def _new_id(self, kind):
        self._ids += 1
        return f"{kind}_{self._ids}"

    def _act(self, kind, reference, effect):
        self.effects.setdefault((kind, reference), Counter())[effect] += 1

    def _payments(self, kind, fields):
        reference = fields["reference"]
        payment = {
            "id": self._new_id("pay"),
            "reference": reference,
            "status": "authorized",
            "captured": 0,
            "refunded": 0,
        }
        self._payments_by_name[kind, reference] = payment
        self._act(kind, reference, "hold")
        self._tell(kind, payment, fields["amount"])
        return payment

    def _captures(self, kind, fields):
        payment = self._payments_by_name[kind, fields["payment"]]
        payment["captured"] += fields["amount"]
        payment["status"] = "succeeded"
        self._act(kind, fields["payment"], "capture")
        self._tell(kind, payment, fields["amount"])
        return payment

    def _refunds(self, kind, fields):
        payment = self._payments_by_name[kind, fields["payment"]]
        payment["refunded"] += fields["amount"]
        payment["status"] = "partially_refunded"
        refund = {"id": self._new_id("ref"), **fields}
        self._refunds_by_name[kind, fields["reference"]] = refund
        self._act(kind, fields["payment"], "refund")
        self._tell(kind, payment, fields["amount"], refund=refund["id"])
        return refund

    def _tell(self, kind, payment, amount, refund=None):
        told = {**payment, "event": self._new_id("evt"), "amount": amount, "refund": refund}
        body = json.dumps(told).encode()
        self._notify(
            Delivery(
                kind, payment["reference"], told["event"], headers={"secret": SECRET}, body=body
            )
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _handle(self):
        length = int(self.headers.get("Content-Length", 0))
        fields = json.loads(self.rfile.read(length)) if length else {}
        _, kind, path = self.path.split("/", 2)
        status, answer = self.server.answer(kind, self.command, path, fields)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_POST = _handle  # noqa: N815 - http.server looks for these names

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def gateway_server(notify, *, seed):
    """A gateway until the end of the block."""
    with GatewayServer(notify, seed=seed) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
