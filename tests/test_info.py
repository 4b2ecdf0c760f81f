"""What providers declare of asking and of repeating, and that it can be meant."""

from datetime import timedelta

import attrs
import pytest

from paykit import ConfigurationError, registry
from paykit.info import FOR_EVER, Asking, ProviderInfo
from paykit.provider import Capability

HOUR = timedelta(hours=1)
PROVIDERS = {name: registry.load(name) for name in registry.names()}


@pytest.mark.parametrize(
    "wrong",
    [
        {"again_after": timedelta(0)},
        {"again_after": 2 * HOUR, "at_most": HOUR},
        {"first_after": -HOUR},
        {"per_minute": 0},
        {"grace": -HOUR},
        {"grace": 2 * HOUR, "gives_up_after": HOUR},
        {"first_after": 2 * HOUR, "grace": HOUR, "gives_up_after": HOUR},
    ],
)
def test_what_contradicts_itself_is_refused(wrong):
    with pytest.raises(ConfigurationError):
        Asking(**wrong)


def info(**more):
    usual = {"title": "A", "homepage": "https://a.example", "docs": ()}
    return ProviderInfo(currencies=frozenset({"VND"}), countries=frozenset(), **usual, **more)


def test_a_repeat_has_its_time():
    one = info(repeatable_for={Capability.REFUND: HOUR, Capability.VOID: FOR_EVER})
    last = HOUR - timedelta(microseconds=1)
    assert [one.may_repeat(Capability.REFUND, age) for age in (timedelta(0), last, HOUR)] == [
        True,
        True,
        False,
    ]
    assert one.may_repeat(Capability.VOID, timedelta(days=36_500))
    # Another process's clock may be ahead of ours.
    assert [one.may_repeat(Capability.CAPTURE, age) for age in (timedelta(0), -HOUR)] == [
        False,
        False,
    ]
    assert one.may_repeat(Capability.REFUND, -HOUR)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_webhook_that_never_comes_is_asked_for_sooner(name):
    info = PROVIDERS[name].info
    if Capability.FETCH_PAYMENT not in PROVIDERS[name].capabilities:
        usual = attrs.fields_dict(Asking)
        spared = {"grace", "gives_up_after"}
        assert {field: getattr(info.asking, field) for field in usual if field not in spared} == {
            field: one.default for field, one in usual.items() if field not in spared
        }
    elif "failed" in info.silent_on:
        assert info.asking.first_after < Asking().first_after
