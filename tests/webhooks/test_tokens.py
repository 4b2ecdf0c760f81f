"""Tokens of orders: for one order, for a time, by our key."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import ConfigurationError, InvalidRequest
from paykit.webhooks import OrderTokens
from tests.service.shop import Clock

KEY, OTHER = "an-order-token-key", "another-order-token-key"
ORDERS = st.text(min_size=1, max_size=80)


@given(order=ORDERS, other=ORDERS)
def test_a_token_is_for_one_order(order, other):
    tokens = OrderTokens(KEY, clock=Clock())
    assert tokens.allow(order, tokens.make(order))
    assert tokens.allow(other, tokens.make(order)) == (order == other)


@given(order=ORDERS, token=st.text(max_size=90))
def test_what_is_invented_is_none(order, token):
    assert not OrderTokens(KEY, clock=Clock()).allow(order, token)


@given(place=st.integers(0, 72), digit=st.sampled_from("0123456789abcdef.x"))
def test_every_character_counts(place, digit):
    tokens = OrderTokens(KEY, clock=Clock())
    token = tokens.make("order 1")
    changed = token[:place] + digit + token[place + 1 :]
    assert tokens.allow("order 1", changed) == (changed == token)


def test_it_ends():
    clock = Clock()
    tokens = OrderTokens(KEY, valid_for=timedelta(hours=1), clock=clock)
    token = tokens.make("order 1")
    clock.pass_(minutes=59)
    assert tokens.allow("order 1", token)
    clock.pass_(minutes=1)
    assert not tokens.allow("order 1", token)
    # A later end is another token.
    end, _, proof = token.partition(".")
    assert not tokens.allow("order 1", f"{int(end, 16) + 3600:08x}.{proof}")


def test_a_key_is_replaced():
    clock = Clock()
    before, between, after = (
        OrderTokens(*keys, clock=clock) for keys in ([KEY], [OTHER, KEY], [OTHER])
    )
    old, new = before.make("order 1"), between.make("order 1")
    told = [
        [tokens.allow("order 1", one) for one in (old, new)] for tokens in (before, between, after)
    ]
    assert told == [[True, False], [True, True], [False, True]]


@pytest.mark.parametrize(
    ("keys", "settings"),
    [((), {}), (("short",), {}), ((KEY, ""), {}), ((KEY,), {"valid_for": timedelta(0)})],
)
def test_settings_are_checked_at_once(keys, settings):
    with pytest.raises(ConfigurationError):
        OrderTokens(*keys, **settings)


def test_no_order_has_no_token():
    with pytest.raises(InvalidRequest):
        OrderTokens(KEY).make("")


def test_no_key_shows():
    assert KEY not in repr(OrderTokens(KEY))
