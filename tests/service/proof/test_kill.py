"""kill -9 of intake, relay, payment worker and sweeper at random moments, on every database.

``PAYKIT_KILLS`` says how many, over all databases. Nothing that was acknowledged is lost; what is on
the broker twice is there under one id; the events of a payment are in order; and money moves once.
"""

import json
import os
import random
import secrets
import time
from collections import Counter, defaultdict

import pytest

from .live import roles
from .live.gateway import PART, PRICE, order
from .live.shop import shop
from .live.truth import check_acknowledged, check_publishing, say

KILLS = int(os.environ.get("PAYKIT_KILLS", "200"))
#: Each database with a broker.
PLACES = [
    ("sqlite", "kafka"),
    ("postgres-psycopg", "kafka"),
    ("postgres-asyncpg", "redis"),
    ("mariadb", "rabbitmq"),
]
#: How many processes of each kind there are.
STAFF = {roles.intake: 1, roles.relay: 2, roles.worker: 2, roles.sweeper: 1}
#: Who is started first; the others have done their work before these are ready.
ORDER = ((roles.relay, roles.intake), (roles.worker, roles.sweeper))
MONEY = {"worker", "sweeper"}
#: New orders in each round, and twice as many payments by redirect.
NEW = 4
#: What a gateway does for an order, and the event that tells of it.
EFFECTS = ("hold", "capture", "refund")
STATUSES = dict(zip(EFFECTS, ("authorized", "succeeded", "partially_refunded"), strict=True))


class Attack:
    """Rounds of: all are at work, some are killed."""

    def __init__(self, shop, *, kills, chance):
        self.shop, self.kills, self.chance = shop, kills, chance
        self.killed = Counter()
        self.orders = 0

    def run(self):
        while self.killed.total() < self.kills:
            self.orders += NEW
            self.shop.sell(2 * NEW)
            self.start()
            time.sleep(self.chance.uniform(0.005, 0.15))
            here = self.shop.children
            self.kill(self.chance.sample(here, self.chance.randint(len(here) // 2, len(here))))
        self.start()
        self.kill(list(self.shop.children))

    def start(self):
        have = Counter(child.name for child in self.shop.children)
        for group in ORDER:
            for role in group:
                for _ in range(STAFF[role] - have[role.__name__]):
                    self.shop.start(role, **self.more(role))
            for child in self.shop.children:
                child.wait_until_ready()

    def more(self, role):
        if role is not roles.worker:
            return {}
        recent = range(max(0, self.orders - 4 * NEW), self.orders)
        return {"orders": recent, "seed": self.chance.random()}

    def kill(self, victims):
        self.killed.update(child.name for child in victims)
        self.shop.kill(victims)
        if not MONEY & {child.name for child in self.shop.children}:
            self.shop.books.lapse()


def finish(shop, orders):
    """What happens once nothing dies any more: every delivery, order and event comes to its end."""
    shop.start(roles.intake)
    shop.start(roles.relay)
    for _ in range(2):
        for number in range(orders):
            roles.take(shop.service, number)
        shop.books.lapse()
        shop.service.reconcile(limit=10_000)
    assert shop.load.wait_until_done(30) == 0
    assert shop.wait_until_published(30) == 0


@pytest.mark.parametrize(("kind", "broker"), PLACES)
def test_kill_9_at_random(kind, broker):
    seed = secrets.randbelow(2**32)
    began = time.monotonic()
    say(f"seed {seed}")
    with shop(kind, broker, seed=seed) as here:
        kills = -(-KILLS // len(PLACES))
        attack = Attack(here, kills=kills, chance=random.Random(seed))
        attack.run()
        fought = time.monotonic() - began
        finish(here, attack.orders)
        rows, entries = here.books.outbox(), here.topic.read()
        repeats = check_publishing(rows, entries)
        acknowledged = check_acknowledged(here.books, here.load)
        unfinished = check_money(here, attack.orders)
        check_events(here, rows)
        assert attack.killed.total() >= kills
        assert set(attack.killed) == {role.__name__ for role in STAFF}
        say(
            f"{kind}, {broker}: {attack.killed.total()} kills ({dict(attack.killed)}) in"
            f" {fought:.1f} of {time.monotonic() - began:.1f} s; {acknowledged} facts in"
            f" {len(here.load.acknowledged)} acknowledged of {len(here.load.answers)} deliveries;"
            f" {len(rows)} events, {repeats} repeats; {unfinished} of {attack.orders} orders are left to"
            " a person"
        )


def check_events(here, rows):
    """Each change of a payment is one event, and they tell what the provider has in its books."""
    said = defaultdict(list)
    for row in rows:
        fact = json.loads(row.payload)
        said[fact["provider"], fact["reference"]].append(fact["status"])
    expected = {
        ("vnpay", f"REDIRECT-{number}"): ["canceled", "succeeded"]
        for number in range(1, here.payments + 1)
    }
    for name, effects in here.gateway.effects.items():
        expected[name] = [STATUSES[effect] for effect in EFFECTS if effects[effect]]
    assert said == expected


def check_money(here, orders):
    """Each order was held, captured and refunded once; where calls cannot be repeated, at most."""
    effects = here.gateway.effects
    everything = dict.fromkeys(EFFECTS, 1)
    records = {
        (one.provider, one.reference): (one.captured, one.refunded)
        for one in here.books.query(
            "SELECT provider, reference, captured, refunded FROM paykit_payments"
        )
    }
    open_commands = {
        (one.provider, one.reference)
        for one in here.books.query(
            "SELECT provider, p.reference FROM paykit_payments p JOIN paykit_commands c"
            " ON c.payment_id = p.payment_id WHERE c.state = 'reserved' AND c.sent_at IS NOT NULL"
        )
    }
    unfinished = 0
    for number in range(orders):
        name = (order(number).provider, f"ORDER-{number}")
        done = effects.get(name, Counter())
        captured, refunded = PRICE.minor * done["capture"], PART.minor * done["refund"]
        assert records[name] == (captured, refunded)
        if done == everything:
            continue
        # Nobody can tell whether it arrived, so it is not sent again: a person has to look.
        assert name[0] == "forgetful"
        assert set(done.values()) <= {1}
        assert name in open_commands or not done
        unfinished += 1
    return unfinished
