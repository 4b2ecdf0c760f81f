"""The providers' side of webhooks: over HTTP, until each is acknowledged, and some of them twice."""

import contextlib
import heapq
import http.client
import itertools
import json
import random
import threading
import time
from dataclasses import dataclass, field, replace

#: More than a database is waited for, so that the answer to that is heard.
_SECONDS = 8
_AGAIN_SECONDS = 0.02
_SENDERS = 6


@dataclass(frozen=True)
class Delivery:
    """One webhook; ``then`` comes after it is acknowledged."""

    account: str
    reference: str
    event_id: str
    method: str = "POST"
    query: str = ""
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    then: "Delivery | None" = None


@dataclass(frozen=True)
class Answer:
    """What became of one attempt; ``status`` is ``None`` where there was no answer."""

    began: float
    ended: float
    status: int | None
    acknowledged: bool

    @property
    def is_refusal(self):
        """Whether the provider was told to come again."""
        return self.status is not None and not self.acknowledged


class Load:
    """Senders that go on until :meth:`close`. ``doubling`` is how many of a hundred come twice."""

    def __init__(self, port, *, seed, doubling=20):
        self.acknowledged = []
        self.answers = []
        self._port = port
        self._chance = random.Random(seed)
        self._doubling = doubling
        self._waiting = []
        self._open = 0
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._work) for _ in range(_SENDERS)]
        for thread in self._threads:
            thread.start()

    def send(self, delivery, *, after=0.0):
        """Have ``delivery`` sent, for as long as it is not acknowledged."""
        with self._changed:
            self._open += 1
            self._put(delivery, after)

    def wait_until_done(self, seconds):
        """Wait until all is acknowledged; what is left, if that takes too long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._open, seconds)
            return self._open

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _put(self, delivery, after):
        heapq.heappush(self._waiting, (time.monotonic() + after, next(self._numbers), delivery))
        self._changed.notify()

    def _take(self):
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                if self._waiting and self._waiting[0][0] <= now:
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(self._waiting[0][0] - now if self._waiting else None)
            return None

    def _work(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_SECONDS)
        with contextlib.closing(connection):
            while (delivery := self._take()) is not None:
                answer = _post(connection, delivery)
                with self._changed:
                    self.answers.append(answer)
                    self._after(delivery, answer)

    def _after(self, delivery, answer):
        if not answer.acknowledged:
            self._put(delivery, self._chance.uniform(0.5, 1.5) * _AGAIN_SECONDS)
            return
        self.acknowledged.append(delivery)
        self._open -= 1
        if self._chance.randrange(100) < self._doubling:
            self._open += 1
            self._put(replace(delivery, then=None), self._chance.uniform(0, 0.2))
        if delivery.then is not None:
            self._open += 1
            self._put(delivery.then, 0)
        if not self._open:
            self._changed.notify_all()


def _post(connection, delivery):
    began = time.monotonic()
    target = f"/webhooks/{delivery.account}{'?' * bool(delivery.query)}{delivery.query}"
    try:
        connection.request(delivery.method, target, delivery.body or None, delivery.headers)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return Answer(began, time.monotonic(), None, acknowledged=False)
    taken = _is_acknowledged(delivery.account, answer.status, body)
    return Answer(began, time.monotonic(), answer.status, taken)


def _is_acknowledged(account, status, body):
    """VNPay's protocol tells it in the body, the others by the status."""
    if account == "vnpay" and status == 200:
        return json.loads(body)["RspCode"] in {"00", "02"}
    return 200 <= status < 300
