"""A whole shop of processes on one database and one broker, under load."""

import contextlib
import random
import socket
import tempfile
import time

from paykit.flow import run
from paykit.service import AsyncPaymentService, PaymentService

from ...shop import notice, request, vnpay
from . import roles
from .brokers import broker
from .gateway_server import gateway_server
from .load import Delivery, Load
from .places import database_in_memory
from .processes import Child
from .truth import Books

#: The face of the service that each kind of database is used by in the processes.
FACES = {
    "sqlite": AsyncPaymentService,
    "postgres-psycopg": PaymentService,
    "postgres-asyncpg": AsyncPaymentService,
    "mariadb": PaymentService,
}
_VNPAY = vnpay()


class Shop:
    """What the processes share. :meth:`start` them; they end with the block of :func:`shop`."""

    def __init__(self, *, face, database, books, topic, load, gateway, listener, folder, seed):
        self.database, self.topic, self.load, self.gateway = database, topic, load, gateway
        self.books = Books(books)
        self.chance = random.Random(seed)
        self.service = PaymentService(roles.providers(gateway.url), database=database)
        self.children = []
        self.payments = 0
        self._face = face
        self._listener = listener
        self._folder = folder

    def start(self, role, **more):
        """Start a process; what it has not got by ``more`` is the shop's."""
        arguments = {"face": self._face, "database": self.database, "gateway": self.gateway.url}
        if role is roles.intake:
            arguments["listener"] = self._listener
        if role is roles.relay:
            arguments["broker"] = self.topic.url
        child = Child(role, self._folder, **{**arguments, **more})
        self.children.append(child)
        return child

    def kill(self, victims):
        """Kill processes at one moment."""
        for child in victims:
            self.children.remove(child)
        Child.kill_all(victims)

    def sell(self, number):
        """Create so many payments by redirect: each is cancelled first, and then paid."""
        for _ in range(number):
            self.payments += 1
            reference = f"REDIRECT-{self.payments}"
            self.service.create(request(reference), provider="vnpay")
            paid = _told(notice(reference, number=f"1{self.payments}"))
            self.load.send(_told(notice(reference, code="24", number="0"), then=paid))

    def wait_until_published(self, seconds):
        """Wait until nothing waits in the outbox; how many events still do, after that time."""
        ends = time.monotonic() + seconds
        while (left := self.books.waiting()) and time.monotonic() < ends:
            time.sleep(0.02)
        return left

    def close(self):
        for child in self.children:
            child.discard()
        self.service.close()
        self.books.close()


def _told(delivery, then=None):
    (fact,) = _VNPAY.parse(run(_VNPAY.verify(delivery), None))
    query = delivery.query.decode()
    return Delivery("vnpay", fact.reference, fact.event_id, method="GET", query=query, then=then)


@contextlib.contextmanager
def shop(kind, broker_kind, *, seed, database=None, books=None, topic=None):
    """A shop on a database and a broker of these kinds, or on those that are given.

    ``books`` is the URL of the same database for a look from outside.
    """
    with contextlib.ExitStack() as stack:
        database = database or stack.enter_context(database_in_memory(kind))
        topic = topic or stack.enter_context(broker(broker_kind))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        # It outlives the processes that accept from it, as the address of a load balancer does.
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        load = Load(listener.getsockname()[1], seed=seed)
        stack.callback(load.close)
        gateway = stack.enter_context(gateway_server(load.send, seed=seed))
        made = Shop(
            face=FACES[kind],
            database=database,
            books=books or database,
            topic=topic,
            load=load,
            gateway=gateway,
            listener=listener,
            folder=folder,
            seed=seed,
        )
        stack.callback(made.close)
        yield made
