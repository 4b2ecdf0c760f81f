"""A small shop for the tests of the service: two accounts, fixed time, signed notices."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count

from paykit import (
    Customer,
    Delivery,
    MoMo,
    MoMoConfig,
    Money,
    PaymentRequest,
    VNPay,
    VNPayConfig,
)
from paykit.http import HttpResponse
from paykit.service import AsyncPaymentService, PaymentService

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


class Clock:
    """Time that moves only when told."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now

    def pass_(self, **delta):
        self.now += timedelta(**delta)


def vnpay(account="default", tmn_code="SHOP0001"):
    return VNPay(VNPayConfig(account=account, tmn_code=tmn_code, hash_secret="VNPAY-TEST-SECRET"))


def momo(**settings):
    return MoMo(
        MoMoConfig(
            partner_code="MOMOSHOP",
            access_key="ACCESS",
            secret_key="MOMO-TEST-SECRET",
            notify_url="https://shop.example/pay/webhooks/momo",
            **settings,
        )
    )


def request(reference="ORDER-1", amount=150_000, **more):
    return PaymentRequest(
        reference=reference,
        amount=Money(amount, "VND"),
        return_url="https://shop.example/pay/returns/vnpay",
        customer=Customer(ip="203.0.113.9"),
        **more,
    )


def notice(reference="ORDER-1", amount=150_000, code="00", status=None, number="14422574", **more):
    """A VNPay notice, signed."""
    fields = {
        "vnp_TmnCode": "SHOP0001",
        "vnp_TxnRef": reference,
        "vnp_Amount": str(amount * 100),
        "vnp_ResponseCode": code,
        "vnp_TransactionStatus": status or ("00" if code == "00" else "02"),
        "vnp_TransactionNo": number,
        "vnp_PayDate": "20260301161000",
        **more,
    }
    return Delivery.get(vnpay(tmn_code=fields["vnp_TmnCode"]).payment_url(fields))


class Answers:
    """A transport that gives prepared answers, and remembers what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def send(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, HttpResponse) else answer(request)

    def close(self):
        pass


class AsyncAnswers(Answers):
    async def send(self, request):
        return super().send(request)

    async def aclose(self):
        pass


class Blocking:
    """The blocking service."""

    def __init__(self, database, *, answers=(), providers=None, **settings):
        self.transport = Answers(*answers)
        ids = count(1)
        self.service = PaymentService(
            providers or [vnpay(), momo()],
            database=database,
            transport=self.transport,
            new_id=lambda: f"{next(ids):04d}",
            **settings,
        )

    def __getattr__(self, name):
        return getattr(self.service, name)


class Awaiting:
    """The async service on a loop of its own, called as if it were blocking."""

    def __init__(self, database, *, answers=(), providers=None, **settings):
        self.transport = AsyncAnswers(*answers)
        ids = count(1)
        self.loop = asyncio.new_event_loop()

        async def make():
            return AsyncPaymentService(
                providers or [vnpay(), momo()],
                database=database,
                transport=self.transport,
                new_id=lambda: f"{next(ids):04d}",
                **settings,
            )

        try:
            self.service = self.loop.run_until_complete(make())
        except BaseException:
            self.loop.close()
            raise

    def __getattr__(self, name):
        method = getattr(self.service, name)
        return lambda *args, **kwargs: self.loop.run_until_complete(method(*args, **kwargs))

    def close(self):
        if not self.loop.is_closed():
            self.loop.run_until_complete(self.service.close())
            self.loop.close()
