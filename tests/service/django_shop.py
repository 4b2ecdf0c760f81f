"""A shop on Django, in a process of its own: ``python -m tests.service.django_shop URL USE_TZ``.

Django's settings are made once in a process. Prints what happened, for test_joined_django.py.
"""

import contextlib
import sys
import threading
from zoneinfo import ZoneInfo

from ..support.django_settings import django_database

ZONE = "Asia/Ho_Chi_Minh"


def configure(url, *, use_tz):
    from django.conf import settings

    settings.configure(DATABASES={"default": django_database(url)}, USE_TZ=use_tz, TIME_ZONE=ZONE)
    import django

    django.setup()


class ChangedMindError(Exception):
    pass


class Shop:
    """Runs one scenario after the other; each says what it finds."""

    def __init__(self, url):
        from django.db import connection, transaction

        from paykit.service import PaymentService

        from .shop import Clock, vnpay

        self.connection, self.atomic = connection, transaction.atomic
        self.service = PaymentService([vnpay()], database=url, clock=Clock())

    @property
    def joined(self):
        return self.service.joined(self.connection)

    def place(self, name):
        with self.connection.cursor() as cursor:
            cursor.execute("INSERT INTO shop_orders (id) VALUES (%s)", [name])

    def placed(self):
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT id FROM shop_orders ORDER BY id")
            return [name for (name,) in cursor.fetchall()]

    def create(self, name):
        from .shop import request

        return self.service.create(request(name), provider="vnpay").payment_id

    def receive(self, name):
        from .shop import notice

        return self.joined.receive(notice(name, number=name), provider="vnpay").outcome.value

    def state(self, payment_id):
        from .shop import START

        record = self.service.status(payment_id)
        events = len(self.service.outbox(payment_id=payment_id))
        return record.status.value, events, record.created_at == START

    def outside(self):
        """There is nothing to join."""
        from paykit import ConfigurationError

        payment_id = self.create("ALONE")
        for call in lambda: self.joined.status(payment_id), lambda: self.receive("ALONE"):
            try:
                call()
            except ConfigurationError as error:
                yield str(error)

    def both(self):
        from .shop import START

        payment_id = self.create("BOTH")
        with self.atomic():
            self.place("BOTH")
            yield self.receive("BOTH")
            record = self.joined.status(payment_id)
            yield record.status.value, record.created_at == START, record.created_at.tzname()
        yield self.state(payment_id), self.placed()

    def neither(self):
        payment_id = self.create("NEITHER")
        with contextlib.suppress(ChangedMindError), self.atomic():
            self.receive("NEITHER")
            self.place("NEITHER")
            raise ChangedMindError
        yield self.state(payment_id), self.placed()

    def inner(self):
        payment_id = self.create("INNER")
        with self.atomic():
            self.place("OUTER")
            with contextlib.suppress(ChangedMindError), self.atomic():
                self.place("INNER")
                self.receive("INNER")
                raise ChangedMindError
        yield self.state(payment_id), self.placed()

    def refused(self):
        from paykit import InvalidRequest

        from .shop import request

        payment_id = self.create("REFUSED")
        with self.atomic():
            self.receive("REFUSED")
            try:
                self.joined.reserve(request("REFUSED", amount=1), provider="vnpay")
            except InvalidRequest as error:
                yield error.field
            self.place("REFUSED")
        yield self.state(payment_id), self.placed()

    def broken(self):
        """What Django has as broken is not used."""
        from django.db.transaction import TransactionManagementError

        payment_id = self.create("BROKEN")
        with self.atomic():
            self.connection.set_rollback(True)
            try:
                self.receive("BROKEN")
            except TransactionManagementError as error:
                yield type(error).__name__
        yield self.state(payment_id)

    def again(self):
        """On another connection, as with each request; and in another thread, with its own."""
        self.connection.close()
        payments = [self.create("LATER"), self.create("THREAD")]
        with self.atomic():
            self.receive("LATER")

        def work():
            with self.atomic():
                self.receive("THREAD")
            self.connection.close()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        yield [self.state(payment_id) for payment_id in payments]

    def untouched(self):
        """Django reads times as before, and nothing was left on its connection."""
        from django.conf import settings

        from .shop import START

        if self.connection.vendor != "postgresql":
            return
        with self.atomic():
            self.receive("BOTH")
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT created_at FROM paykit_payments LIMIT 1")
            (moment,) = cursor.fetchone()
        local = START.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)
        yield moment == (START if settings.USE_TZ else local)
        yield len(self.connection.connection._notice_handlers)


def main(url, use_tz):
    configure(url, use_tz=use_tz == "yes")
    shop = Shop(url)
    for name in "outside both neither inner refused broken again untouched".split():
        for said in getattr(shop, name)():
            sys.stdout.write(f"{name}: {said}\n")
    shop.connection.close()
    shop.service.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
