"""What must be true in the end, whatever happened in between."""

import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import create_engine, make_url, text


@dataclass(frozen=True)
class Row:
    """An event of the outbox."""

    id: str
    key: str
    sequence: int
    payload: str
    attempts: int
    published: bool
    dead: bool


class Books:
    """A look into the tables, and a hand on leases that the dead have left."""

    def __init__(self, database):
        url = make_url(database)
        if url.drivername == "postgresql+asyncpg":
            url = url.set(drivername="postgresql+psycopg")
        self._engine = create_engine(url, pool_pre_ping=True)  # its server may have been killed

    def close(self):
        self._engine.dispose()

    def query(self, statement, **values):
        with self._engine.begin() as connection:
            return connection.execute(text(statement), values).all()

    def execute(self, statement, **values):
        with self._engine.begin() as connection:
            connection.execute(text(statement), values)

    def lapse(self):
        """Take back what was claimed by processes that are dead; nobody alive may have any."""
        self.execute("UPDATE paykit_commands SET lease_until = NULL WHERE lease_until IS NOT NULL")
        for table in ("paykit_commands", "paykit_payments"):
            self.execute(
                f"UPDATE {table} SET check_at = '2000-01-01 00:00:00.000000'"
                " WHERE check_at IS NOT NULL"
            )

    def outbox(self):
        found = self.query(
            "SELECT id, aggregateid, sequence, payload, attempts, published_at, dead_at"
            " FROM paykit_outbox ORDER BY aggregateid, sequence"
        )
        return [
            Row(one[0], one[1], one[2], one[3], one[4], one[5] is not None, one[6] is not None)
            for one in found
        ]

    def waiting(self):
        ((count,),) = self.query("SELECT count(*) FROM paykit_outbox WHERE published_at IS NULL")
        return count

    def inbox(self):
        """The accounts and ids of the facts that are on record."""
        return set(self.query("SELECT provider, event_id FROM paykit_inbox"))


def say(text):
    """Tell what was measured; pytest shows it with ``-rP``, and of a test that failed."""
    sys.stdout.write(f"{text}\n")


def wait_until(is_so, seconds=30):
    """Wait until ``is_so()``; it must be so after that time."""
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)


def check_publishing(rows, entries, *, once=False):
    """The broker has every event, in order per payment, and repeats only under the same id.

    Returns how many repeats there were; ``once`` allows none.
    """
    assert [row for row in rows if not row.published or row.dead] == []
    assert [row for row in rows if row.attempts] == []
    known = {row.id: row for row in rows}
    assert len(known) == len(rows)
    lanes = {}
    first = defaultdict(list)
    seen = Counter()
    for entry in entries:
        row = known[entry.id]
        assert (entry.key, entry.sequence) == (row.key, row.sequence)
        assert entry.payload.decode() == row.payload
        assert lanes.setdefault(entry.key, entry.lane) == entry.lane
        if not seen[entry.id]:
            first[entry.key].append(entry.sequence)
        seen[entry.id] += 1
    assert known.keys() - seen.keys() == set()
    for key, sequences in first.items():
        assert sequences == list(range(1, len(sequences) + 1)), key
    repeats = len(entries) - len(known)
    assert not (once and repeats)
    return repeats


def check_acknowledged(books, load):
    """Whatever was acknowledged is on record."""
    told = {(one.account, one.event_id) for one in load.acknowledged}
    assert told - books.inbox() == set()
    return len(told)
