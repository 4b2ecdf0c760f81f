"""A shop's server with the status of one payment, as the mounts serve it, and with what can go wrong."""

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs

import paykit.webhooks

SCRIPT = Path(paykit.webhooks.__file__).with_name("paykit-status.js")
STATUS = "/pay/payments/pay_5f2b7c1e9a3d4f60/status"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Waiting</title>
<link rel="icon" href="data:,">
<script type="module">
  import { watchStatus } from "/pay/paykit-status.js";
  window.watchStatus = watchStatus;
</script>"""


@attrs.frozen
class Trouble:
    """What one request gets instead of the truth. Without a status: the end of the connection."""

    status: int | None = None
    headers: dict[str, str] = attrs.field(factory=dict)
    body: str = '{"error": "trouble"}'
    #: No answer before ``StatusServer.release`` is set.
    late: bool = False


@attrs.frozen
class Asked:
    """One request for the status."""

    stream: bool
    tag: str | None  #: ``If-None-Match``, or ``Last-Event-ID``
    answer: int | None


def payment(status="requires_action", *, final=False, poll=0.05):
    """The JSON of the endpoint, which asks to be polled quickly."""
    return {
        "payment_id": "pay_5f2b7c1e9a3d4f60",
        "status": status,
        "final": final,
        "amount": {"minor": 150_000, "currency": "VND", "text": "150.000 ₫"},
        "next_action": None if final else {"type": "show_qr", "payload": "000201"},
        "next_poll_seconds": None if final else poll,
    }


class StatusServer:
    """Answers from ``say`` on; what is in ``troubles`` goes first, one for each request."""

    def __init__(self, port=0):
        self.asked = []
        self.troubles = deque()
        self.page = PAGE
        #: Whether streams are held. If not, they are refused as too many.
        self.streams = True
        #: Whether streams carry events. If not, a proxy on the way keeps all that is sent.
        self.events = True
        self.open_streams = 0
        self.release = threading.Event()
        self._end = 0
        self._version = 0
        self._changed = threading.Condition()
        self.say(payment())
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._server.daemon_threads = False
        self._server.shop = self
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02])
        self._thread.start()

    def say(self, state):
        """From now on this is the state."""
        with self._changed:
            self._version += 1
            self._body = json.dumps(state, ensure_ascii=False)
            self._final = state["final"]
            self._changed.notify_all()

    def end_streams(self):
        with self._changed:
            self._end += 1
            self._changed.notify_all()

    def stop(self):
        self.end_streams()
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def until(self, reached, seconds=20):
        """Wait until something is so."""
        with self._changed:
            assert self._changed.wait_for(reached, seconds), self.asked

    @property
    def polls(self):
        return [one for one in self.asked if not one.stream]

    def note(self, asked):
        with self._changed:
            self.asked.append(asked)
            self._changed.notify_all()

    def present(self):
        """The tag, the JSON, whether it is final."""
        with self._changed:
            return str(self._version), self._body, self._final

    def tell(self, write):
        """Write each state to a stream, until it is final, ended, or nobody reads."""
        with self._changed:
            self.open_streams += 1
            end = self._end
            self._changed.notify_all()
        told = None
        try:
            write("retry: 100\n\n" if self.events else "")
            while end == self._end:
                tag, body, final = self.present()
                news = f"id: {tag}\nevent: status\ndata: {body}\n\n" if tag != told else ":\n\n"
                write(news if self.events else "")
                told = tag
                if final:
                    return
                with self._changed:
                    if end == self._end and told == str(self._version):
                        self._changed.wait(0.05)
        finally:
            with self._changed:
                self.open_streams -= 1
                self._changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    timeout = 1  # a browser opens connections that it may never use
    protocol_version = "HTTP/1.1"  # a tag of an older version is not kept by browsers

    def do_GET(self):
        shop = self.server.shop
        if self.path == STATUS:
            self._status(shop)
        elif self.path == "/pay/paykit-status.js":
            self._answer(200, SCRIPT.read_bytes(), kind="text/javascript; charset=utf-8")
        else:
            self._answer(200, shop.page.encode(), kind="text/html; charset=utf-8")

    def _status(self, shop):
        stream = self.headers["Accept"] == "text/event-stream"
        tag, body, final = shop.present()
        sent = self.headers["Last-Event-ID" if stream else "If-None-Match"]
        trouble = shop.troubles.popleft() if shop.troubles else None
        if trouble:
            shop.note(Asked(stream, sent, trouble.status))
            self._trouble(trouble)
        elif not stream:
            same = sent == f'"{tag}"'
            shop.note(Asked(stream, sent, 304 if same else 200))
            headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache", "Vary": "Accept"}
            self._answer(304 if same else 200, b"" if same else body.encode(), **headers)
        elif not shop.streams or (final and sent == tag):
            shop.note(Asked(stream, sent, 204 if shop.streams else 503))
            self._answer(204 if shop.streams else 503)
        else:
            shop.note(Asked(stream, sent, 200))
            self._stream(shop)

    def _trouble(self, trouble):
        if trouble.late:
            self.server.shop.release.wait()
        if trouble.status is None:
            self.close_connection = True
            return
        self._answer(trouble.status, trouble.body.encode(), **trouble.headers)

    def _stream(self, shop):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            shop.tell(lambda text: self.wfile.write(text.encode()))
        except ConnectionError:
            self.close_connection = True

    def _answer(self, status, body=b"", *, kind="application/json", **headers):
        self.send_response(status)
        # One connection for each request: none is left when the server stops.
        sent = {"Content-Type": kind, "Connection": "close", **headers}
        if status not in {204, 304}:
            sent["Content-Length"] = str(len(body))
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True  # a page that has not waited for it

    def log_message(self, *_):
        pass
