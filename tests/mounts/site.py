"""A shop behind one framework on a real server; each case has an order of its own."""

import contextlib
import sqlite3
from itertools import count

from paykit import Customer, Money, PaymentRequest
from paykit.service import PaymentService
from paykit.webhooks import MountOptions, OrderTokens, Sources
from tests.service.shop import START, Clock
from tests.webhooks.shops import Provider

from .callers import CALLERS, PRICE, VNPAY
from .wire import exchange

#: As a shop writes it, and as a browser gets it.
RETURN_TO = "https://shop.example/cảm-ơn?lang=vi"
SENT_TO = "https://shop.example/c%E1%BA%A3m-%C6%A1n?lang=vi"
LIMIT = 64 * 1024
TOKENS = OrderTokens("an-order-token-key", clock=lambda: START)
#: Where MoMo may call from, and the proxies of the shop.
MOMOS = ("203.0.113.0/24", "2001:db8:5::/48")
PROXIES = ("127.0.0.0/8", "10.0.0.0/8", "2001:db8:ffff::/48")

_usual = {"max_body": LIMIT, "order_tokens": TOKENS, "most_held": 8, "ping_seconds": 0.2}
OPTIONS = {
    "usual": MountOptions(**_usual),
    "bare": MountOptions(max_body=LIMIT, health=False),
    "hasty": MountOptions(body_seconds=0.3),
    "crowded": MountOptions(**{**_usual, "most_held": 1}),
    "short": MountOptions(**{**_usual, "stream_seconds": 0.3}),
    "loopback": MountOptions(sources=Sources({"*": ["127.0.0.1/32"]})),
    "strangers": MountOptions(sources=Sources({"momo": MOMOS})),
    "proxied": MountOptions(sources=Sources({"momo": MOMOS}, trusted_proxies=PROXIES)),
    "forwarded": MountOptions(
        sources=Sources({"momo": MOMOS}, trusted_proxies=PROXIES, forwarded_by="forwarded")
    ),
}


class Site:
    """One shop; a server for each of the options is started when it is first asked."""

    def __init__(self, mount, folder, *, name="", single_process=True):
        self.name = name
        self.clock, self.numbers = Clock(), count(1)
        self.outside = Provider()
        self._mount, self._urls = mount, {}
        self._stack = contextlib.ExitStack()
        self.path = f"{folder}/payments.db"
        self.service = self._stack.enter_context(
            PaymentService(
                [caller.provider(self.clock) for caller in CALLERS.values()],
                database=f"sqlite:///{self.path}",
                transport=self.outside,
                clock=self.clock,
                single_process=single_process,
            )
        )
        self.file = self._stack.enter_context(contextlib.closing(sqlite3.connect(self.path)))

    def close(self):
        self._stack.close()

    def url(self, options="usual"):
        if options not in self._urls:
            mounted = self._mount(self.service, return_to=RETURN_TO, options=OPTIONS[options])
            self._urls[options] = self._stack.enter_context(mounted)
        return self._urls[options]

    def ask(self, sent, *, options="usual"):
        return exchange(self.url(options), sent)

    def order(self):
        return Order(self, next(self.numbers))

    def rows(self):
        """How many rows there are in the inbox and the outbox."""
        return tuple(
            self.file.execute(f"SELECT count(*) FROM paykit_{table}").fetchone()[0]
            for table in ("inbox", "outbox")
        )


class Order:
    """One order, and its payments once they were created."""

    def __init__(self, site, number):
        self.site, self.number = site, number
        self.payment_id = None

    @property
    def order_id(self):
        return f"order {self.number}/é"

    def create(self, key="vnpay", amount=PRICE):
        """Create a payment at an account."""
        caller = CALLERS[key]
        request = PaymentRequest(
            reference=caller.reference(self.number),
            amount=Money(amount, "VND"),
            order_id=self.order_id,
            return_url="https://shop.example/back",
            customer=Customer(ip="203.0.113.9"),
        )
        self.payment_id = self.site.service.create(request, provider=key).payment_id
        return self

    def ask(self, sent):
        return self.site.ask(sent)

    def tell(self, **changes):
        """VNPay tells of the payment."""
        assert self.ask(VNPAY.call(self.number, **changes)).status == 200
        return self

    def token(self):
        return TOKENS.make(self.order_id)
