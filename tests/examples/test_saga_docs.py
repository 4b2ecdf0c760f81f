"""docs/saga.md shows what is in examples/saga."""

import re

import pytest

pytest.importorskip("faststream")

from examples.saga.__main__ import PARTIES
from examples.saga.customers import CUSTOMERS
from examples.saga.messages import ShopEvent
from examples.saga.settings import Settings

from ..support.markdown import DOCS, ROOT, blocks, code, table

PAGE = DOCS / "saga.md"
README = ROOT / "examples" / "saga" / "README.md"


def test_the_page_shows_what_is_in_the_files():
    parts = [(block.skipped, block.code) for block in blocks(PAGE) if block.skipped]
    assert len(parts) == 4
    for said, part in parts:
        assert part in (ROOT / said.removeprefix("a part of ")).read_text(), said


def test_every_event_is_in_the_table():
    rows = table(PAGE, "event", "topic", "says that")
    topics = {code(event)[0]: code(topic)[0] for event, topic, *_ in rows}
    assert set(topics) == {kind.__name__ for kind in ShopEvent.__subclasses__()} | {
        "PaymentProcessed"
    }
    assert set(topics.values()) == {party.writes for party in PARTIES} | {"checkouts"}
    assert {topic for party in PARTIES for topic in party.reads} <= set(topics.values())


def test_the_customers_are_those_of_the_demonstration():
    lines = re.findall(r"^b727da-\d  (.+)$", PAGE.read_text(), re.MULTILINE)
    assert [re.split(r"\s\s+", line)[:3] for line in lines] == [
        [one.about, one.order, one.payment] for one in CUSTOMERS
    ]


def test_the_variables_of_the_environment():
    rows = table(README, "variable", "default")
    defaults = Settings().to_environment()
    assert {code(name)[0] for name, *_ in rows} == set(defaults)
    for name, default, _ in rows:
        assert not code(default) or code(default)[0] == defaults[code(name)[0]]


def test_how_long_the_consumer_in_javascript_is():
    path = ROOT / "examples" / "saga" / "node" / "consumer.js"
    assert f"has {len(path.read_text().splitlines())} lines" in PAGE.read_text()
