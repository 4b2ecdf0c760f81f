"""Every signed example of Stripe: what Stripe's own libraries accept, but for its time, and refuse."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from paykit import Delivery, MalformedDelivery, SignatureError, StaleDelivery, Stripe, StripeConfig
from paykit.flow import run
from paykit.signing import SigningKey

VECTORS = json.loads((Path(__file__).parent / "vectors" / "stripe.json").read_text("utf-8"))
#: Stripe's own libraries take a time in the future, and let the check of it be switched off.
STRICTER = {"stripe-future-timestamp", "stripe-no-tolerance"}
#: Not about payments, or cut short: proven, and then not read.
NOT_READ = {
    "stripe-basic-py": "livemode",
    "stripe-thin-v2-event": "a thin event",
    "stripe-api-version-mismatch": "type",
    "stripe-rolled-key-two-v1": "livemode",
    "stripe-v0-ignored": "livemode",
}


def chosen(test):
    found = [vector for vector in VECTORS if test(vector)]
    assert found
    return pytest.mark.parametrize("vector", found, ids=[vector["id"] for vector in found])


def stripe_for(vector, *, now=None):
    first, *others = vector["keys"]["secrets"]
    config = StripeConfig(
        secret_key="sk_test_key", webhook_secret=first, previous_webhook_secrets=tuple(others)
    )
    moment = datetime.fromtimestamp(vector["input"]["now"] if now is None else now, UTC)
    return Stripe(config, clock=lambda: moment)


def proven(vector, *, now=None):
    given = vector["input"]
    headers = {"Stripe-Signature": given["header"]}
    delivery = Delivery("POST", "/", b"", headers, given["payload"].encode())
    provider = stripe_for(vector, now=now)
    return provider, run(provider.verify(delivery), refuse_network)


def refuse_network(request):
    raise AssertionError(f"{request} was sent")


def accepted(vector):
    return vector["verifies"] and vector["expected"]["accept"]


@chosen(lambda vector: accepted(vector) and vector["id"] not in STRICTER)
def test_it_verifies(vector):
    provider, verified = proven(vector)
    if vector["id"] in NOT_READ:
        with pytest.raises(MalformedDelivery, match=NOT_READ[vector["id"]]):
            provider.parse(verified)
    else:
        assert provider.parse(verified) == ()  # a payment that paykit did not make


@chosen(accepted)
def test_this_is_what_is_signed(vector):
    time = vector["signed_string"].partition(".")[0]
    assert vector["signed_string"] == f"{time}.{vector['input']['payload']}"
    digests = {
        SigningKey(secret, "sha256").hex(vector["signed_string"].encode())
        for secret in vector["keys"]["secrets"]
    }
    given = dict.fromkeys(part.partition("=")[2] for part in vector["input"]["header"].split(","))
    assert digests & given.keys()


@chosen(lambda vector: vector["id"] in STRICTER)
def test_a_time_that_is_far_away_is_refused_both_ways(vector):
    with pytest.raises(StaleDelivery):
        proven(vector)
    # Near its own time it is as good as any other.
    signed_at = int(vector["signed_string"].partition(".")[0])
    proven(vector, now=signed_at)
    for seconds in (-301, 301):
        with pytest.raises(StaleDelivery):
            proven(vector, now=signed_at + seconds)


@chosen(lambda vector: not accepted(vector))
def test_it_is_refused(vector):
    stale = vector["id"] == "stripe-neg-too-old"
    with pytest.raises(StaleDelivery if stale else SignatureError):
        proven(vector)


def test_the_tolerance_is_what_the_vectors_say():
    told = {vector["input"]["tolerance_s"] for vector in VECTORS} - {None}
    assert {timedelta(seconds=seconds) for seconds in told} == {
        StripeConfig(secret_key="sk_test_key", webhook_secret="whsec_x").webhook_tolerance
    }


def test_no_vector_is_left_out():
    assert {vector["kind"] for vector in VECTORS} == {"stripe.webhook"}
    ids = {vector["id"] for vector in VECTORS}
    assert ids >= STRICTER | NOT_READ.keys()
    assert len(ids) == len(VECTORS) == 14
