"""The pages say of asking and repeating what the providers declare."""

from datetime import timedelta

import attrs
import pytest

from paykit import registry
from paykit.info import FOR_EVER, Asking
from paykit.provider import Capability, ProviderInfo, RefundNotices

from .support.markdown import DOCS, code, section, table

PAGE = DOCS / "providers" / "asking.md"
PROVIDERS = {name: registry.load(name) for name in registry.names()}
MOVES = (
    Capability.CREATE_PAYMENT,
    Capability.CAPTURE,
    Capability.VOID,
    Capability.COMPLETE,
    Capability.REAUTHORIZE,
    Capability.REFUND,
)
_UNITS = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
)


def words(span):
    """``timedelta(minutes=15)`` as "15 minutes"."""
    if span == FOR_EVER:
        return "for ever"
    for size, unit in _UNITS:
        count, rest = divmod(span, size)
        if count and not rest:
            return f"{count} {unit}" + ("" if count == 1 else "s")
    raise AssertionError(span)


def can_be_asked(provider):
    return Capability.FETCH_PAYMENT in provider.capabilities


def repeats(provider):
    """Each operation that may act twice, and for how long it may be repeated."""
    for operation in MOVES:
        charges = operation is not Capability.CREATE_PAYMENT or (
            Capability.CREATE_TOKEN in provider.capabilities
        )
        if operation in provider.capabilities and charges:
            span = provider.info.repeatable_for.get(operation)
            yield operation, "never" if span is None else words(span)


def facts(provider):
    info, asking = provider.info, provider.info.asking
    if can_be_asked(provider):
        yield "first asked after", words(asking.first_after)
        yield "asked again after", f"{words(asking.again_after)}, at most {words(asking.at_most)}"
        yield "questions a minute", str(asking.per_minute)
    else:
        yield "asked", "never"
    yield "counts as expired after", words(asking.grace)
    if can_be_asked(provider):
        yield "a person looks after", words(asking.gives_up_after)
    for operation, how_long in repeats(provider):
        always = how_long in {"never", "for ever"}
        yield f"`{operation}` may be repeated", how_long if always else f"for {how_long}"
    if Capability.REFUND in provider.capabilities:
        yield "webhooks tell of refunds", f"`{info.refund_notices}`"


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_page_of_a_provider(name):
    provider = PROVIDERS[name]
    page = DOCS / "providers" / f"{name}.md"
    rows = table(page, "fact", "here", "why")
    assert [tuple(row[:2]) for row in rows] == list(facts(provider))
    assert all(why for *_, why in rows)
    assert f"`{provider.__name__}.info`" in section(page, "Asking and repeating")


def linked(name):
    return f"[{PROVIDERS[name].info.title}]({name}.md)"


def test_when_they_are_asked():
    rows = table(
        PAGE,
        "provider",
        "first asked after",
        "asked again after",
        "at most",
        "questions a minute",
        "counts as expired after",
        "a person looks after",
    )
    expected = {}
    for name, provider in PROVIDERS.items():
        asking = provider.info.asking
        asked = ["never", "", "", "", words(asking.grace), ""]
        if can_be_asked(provider):
            spans = (asking.first_after, asking.again_after, asking.at_most)
            rest = [words(asking.grace), words(asking.gives_up_after)]
            asked = [*map(words, spans), str(asking.per_minute), *rest]
        expected[linked(name)] = asked
    assert {name: cells for name, *cells in rows} == expected


def test_what_may_be_repeated():
    rows = table(PAGE, "provider", *(f"`{operation}`" for operation in MOVES))
    expected = {}
    for name, provider in PROVIDERS.items():
        known = dict(repeats(provider))
        if known:
            expected[linked(name)] = [known.get(operation, "") for operation in MOVES]
    assert {name: cells for name, *cells in rows} == expected


def test_who_tells_of_refunds():
    rows = table(PAGE, "provider", "webhooks tell of refunds", "counted once by")
    shown = {name: (told, by) for name, told, by in rows}
    refunding = {
        linked(name): provider.info
        for name, provider in PROVIDERS.items()
        if Capability.REFUND in provider.capabilities
    }
    assert {name: code(told)[0] for name, (told, _) in shown.items()} == {
        name: info.refund_notices.value for name, info in refunding.items()
    }
    counted = {
        RefundNotices.NONE: "your reference",
        RefundNotices.TOTAL: "the total, `refunded`",
        RefundNotices.EACH: "`movement.id` and `Refund.provider_id`",
    }
    assert all(
        by.startswith(counted[refunding[name].refund_notices]) for name, (_, by) in shown.items()
    )
    last_only = [info.title for info in refunding.values() if info.tells_last_refund_only]
    assert last_only == ["VNPay"]
    assert "VNPay's `fetch_refund` tells of the latest refund" in PAGE.read_text()


def test_what_a_new_provider_gets():
    rows = table(DOCS / "add-a-provider.md", "field", "if you leave it out")
    fields = [code(name)[0] for name, _ in rows]
    assert set(fields) <= {field.name for field in attrs.fields(ProviderInfo)}
    usual = Asking()
    assert words(usual.first_after) == "15 minutes"  # "a quarter of an hour"
    assert words(usual.grace) == "3 days"
