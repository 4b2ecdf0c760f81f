"""A shop with every account of every provider on one async service, called over HTTP.

Each call is watched: nobody calls out, no log shows a secret or a payer, and the rows that it added
are counted in the SQLite file itself.
"""

import asyncio
import json
import logging
import sqlite3
from urllib.parse import parse_qsl

import attrs
import httpx

from paykit import HttpResponse, Money, PaymentRequest
from paykit.service import AsyncPaymentService
from paykit.service.effects import log as service_log
from paykit.service.schema import metadata
from tests.service.shop import Clock

from .senders import EVERYBODY, PAYER, SECRETS

PRICE = 150_000
#: What a delivery leaves behind: rows in the inbox, and events in the outbox.
ROWS = {"one": (1, 1), "review": (1, 1), "orphan": (1, 0), "kept beside": (1, 0)}
SHORTEST = 12
REFUSALS = ("unproven", "stale", "unreadable")


@attrs.frozen
class Answer:
    status: int
    body: bytes
    content_type: str | None

    @property
    def reply(self):
        return self.status, self.body, self.content_type


class Provider:
    """The far side of the few calls that make a payment."""

    def __init__(self):
        self.asked = 0

    def send(self, request):
        self.asked += 1
        if "adyen" in request.url:
            return self.adyen(request)
        if request.method == "GET":  # what became of it? Nothing yet.
            number = int(request.url.rpartition("/")[2])
            data = {
                "id": f"link{number}", "orderCode": number, "amount": 150_000, "amountPaid": 0,
                "status": "PENDING",
            }  # fmt: skip
            return self.answer({"code": "00", "desc": "success", "data": data})
        if "stripe" in request.url:
            return self.answer(self.page(dict(parse_qsl(request.body.decode()))))
        asked = json.loads(request.body)
        if "checkout.com" in request.url:
            page = {
                "id": f"hpp_{self.asked:012}", "reference": asked["reference"],
                "_links": {"redirect": {"href": "https://pay.sandbox.checkout.com/page/x"}},
            }  # fmt: skip
            return HttpResponse(201, body=json.dumps(page).encode())
        if "momo" in request.url:
            return self.answer({
                **{name: asked[name] for name in ("partnerCode", "orderId", "requestId", "amount")},
                "resultCode": 0, "message": "Successful.", "responseTime": 1,
                "payUrl": "https://momo.example/p",
            })  # fmt: skip
        if "zalopay" in request.url:
            answer = {"return_code": 1, "sub_return_code": 1, "order_url": "https://z.example/p"}
        else:
            data = {
                "orderCode": asked["orderCode"], "amount": asked["amount"], "currency": "VND",
                "paymentLinkId": f"link{asked['orderCode']}", "status": "PENDING",
                "checkoutUrl": "https://pay.example/x", "qrCode": "00",
            }  # fmt: skip
            answer = {"code": "00", "desc": "success", "data": data}
        return self.answer(answer)

    def adyen(self, request):
        asked = json.loads(request.body)
        if request.url.endswith("/payments/details"):
            reference, _, result = asked["details"]["redirectResult"].partition("|")
            if result not in {"Authorised", "Pending"}:
                told = {"status": 422, "errorCode": "101", "message": "Invalid payload"}
                return HttpResponse(422, body=json.dumps(told).encode())
            return self.answer({
                "pspReference": "PSPOFARETURN", "resultCode": result,
                "merchantReference": reference, "amount": {"currency": "VND", "value": PRICE},
            })  # fmt: skip
        return self.answer({
            "id": "CS1", "reference": asked["reference"], "amount": asked["amount"],
            "expiresAt": "2026-03-01T10:00:00Z", "url": "https://test.adyen.link/CS1",
        })  # fmt: skip

    @staticmethod
    def page(asked):
        """A payment page of Stripe's."""
        return {
            "id": f"cs_{asked['client_reference_id'].replace('-', '_')}",
            "object": "checkout.session", "mode": asked["mode"], "status": "open",
            "payment_status": "unpaid", "url": "https://checkout.stripe.example/p",
            "amount_total": int(asked["line_items[0][price_data][unit_amount]"]),
            "currency": asked["line_items[0][price_data][currency]"],
            "metadata": {"reference": asked["metadata[reference]"]},
        }  # fmt: skip

    @staticmethod
    def answer(content):
        return HttpResponse(200, body=json.dumps(content).encode())

    def close(self):
        pass


class AwaitedProvider(Provider):
    async def send(self, request):
        return super().send(request)

    async def aclose(self):
        pass


class Log(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


class Shop:
    def __init__(self, mount, folder, senders=EVERYBODY, **settings):
        self.clock, self.outside = Clock(), AwaitedProvider()
        self.numbers = iter(range(1, 100_000))
        self.runner = asyncio.Runner()
        self.parsed = 0
        providers = [sender.provider(self.clock, **settings) for sender in senders]
        for provider in providers:
            provider.parse = self._counted(provider.parse)
        self.path = f"{folder}/payments.db"
        self.service = self.runner.run(self._open(providers))
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=mount(self.service)), base_url="http://shop"
        )
        self.file = sqlite3.connect(self.path)

    async def _open(self, providers):
        return AsyncPaymentService(
            providers,
            database=f"sqlite:///{self.path}",
            transport=self.outside,
            clock=self.clock,
            single_process=True,
        )

    def _counted(self, parse):
        def counted(verified):
            self.parsed += 1
            return parse(verified)

        return counted

    def close(self):
        self._check_lengths()
        self.runner.run(self.client.aclose())
        self.runner.run(self.service.close())
        self.runner.close()
        self.file.close()

    def _check_lengths(self):
        """What was stored fits where it stands: SQLite does not mind, other databases do."""
        for table in metadata.tables.values():
            for column in table.columns:
                length = getattr(column.type, "length", None)
                if length is not None:
                    query = f"SELECT max(length({column.name})) FROM {table.name}"
                    longest = self.file.execute(query).fetchone()[0] or 0
                    assert longest <= length, (table.name, column.name, longest)

    # The shop's own side.

    def provider(self, sender):
        return self.service.providers[sender.key]

    def number(self):
        return next(self.numbers)

    def create(self, sender, number, amount=PRICE, **more):
        request = PaymentRequest(
            reference=sender.reference(number),
            amount=Money(amount, "VND"),
            return_url="https://shop.example/back",
            **more,
        )
        session = self.runner.run(self.service.create(request, provider=sender.key))
        return session.payment_id

    def state(self, payment_id):
        record = self.runner.run(self.service.status(payment_id))
        return str(record.status), record.discrepancy and str(record.discrepancy)

    def rows(self):
        return tuple(
            self.file.execute(f"SELECT count(*) FROM paykit_{table}").fetchone()[0]
            for table in ("inbox", "outbox", "payments")
        )

    def last_event(self):
        query = "SELECT payload FROM paykit_outbox ORDER BY rowid DESC LIMIT 1"
        return json.loads(self.file.execute(query).fetchone()[0])

    # What comes in.

    def request(self, method, key, call, *, to="webhooks/{}"):
        return self.runner.run(self._request(method, key, call, to))

    async def _request(self, method, key, call, to="webhooks/{}"):
        response = await self.client.request(
            method, f"/{to.format(key)}", content=call.body, headers=call.raw_headers()
        )
        return Answer(
            response.status_code, response.content, response.headers.get("content-type")
        ), response.headers

    def post(self, sender, call, *, key=None):
        """POST the call; returns what is answered and how many rows that made."""
        seen = Log()
        version, rows, asked = self._version(), self.rows(), self.outside.asked
        self.parsed = 0
        service_log.addHandler(seen)
        web_log = logging.getLogger("paykit.webhooks")
        web_log.addHandler(seen)
        try:
            answer, headers = self.request("POST", key or sender.key, call)
        finally:
            service_log.removeHandler(seen)
            web_log.removeHandler(seen)
        self._check_quiet(seen, answer, headers, call)
        assert self.outside.asked == asked
        made = tuple(after - before for after, before in zip(self.rows(), rows, strict=True))
        assert made[2] == 0  # no delivery invents a payment
        return answer, made[:2], self._version() != version

    def _version(self):
        # Changes as soon as another connection has committed a change.
        return self.file.execute("PRAGMA data_version").fetchone()[0]

    @staticmethod
    def _check_quiet(seen, answer, headers, call):
        """No secret, no payer, no trace of ours, nothing that could fake a line."""
        lines = [record.getMessage() for record in seen.records]
        assert not [record for record in seen.records if record.levelno >= logging.ERROR], lines
        assert all(line.isprintable() and len(line) < 600 for line in lines), lines
        shown = "\n".join([*lines, answer.body.decode(), *headers.values()])
        # What a forger tries may be as short as a word of ours.
        brought = [value for _, value in call.headers[1:] if len(value) >= SHORTEST]
        assert not [hidden for hidden in (*SECRETS, PAYER, *brought) if hidden in shown]

    def expect(self, sender, call, outcome, *, key=None):
        """The outcome in the table of the provider: its bytes, its rows, and nothing before proof.

        One of "one", "review", "orphan", "again taken", "still kept" (told again, and for a person
        as before), "kept beside" (told again in another way), "noop", "unproven", "stale",
        "unreadable".
        """
        answer, made, changed = self.post(sender, call, key=key)
        at = sender if key is None else next(one for one in EVERYBODY if one.key == key)
        expected = {
            "again taken": at.again_taken,
            "unproven": at.unproven,
            "stale": at.unproven,
            "unreadable": at.unreadable,
        }.get(outcome, at.taken)
        assert (answer.reply, made) == (expected, ROWS.get(outcome, (0, 0))), outcome
        if outcome in REFUSALS or outcome == "noop":
            assert not changed  # nothing at all was written
        if outcome in {"unproven", "stale"}:
            assert not self.parsed
