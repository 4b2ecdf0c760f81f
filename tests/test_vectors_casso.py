"""Every signed example of Casso: those that verify must verify, the others must be refused."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from paykit import (
    Casso,
    CassoConfig,
    Delivery,
    MalformedDelivery,
    SignatureError,
    StaleDelivery,
    TransferReceived,
)
from paykit.flow import run
from paykit.providers.casso.canonical import spellings

VECTORS = json.loads((Path(__file__).parent / "vectors" / "casso.json").read_text("utf-8"))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def by_kind(kind, *, verifies):
    chosen = [v for v in VECTORS if v["kind"] == kind and v["verifies"] is verifies]
    assert chosen
    return pytest.mark.parametrize("vector", chosen, ids=[v["id"] for v in chosen])


def refuse_network(request):
    raise AssertionError(request)


def casso(at, account="123456789", **proof):
    return Casso(CassoConfig(bank="MB", account_number=account, **proof), clock=lambda: at)


def sent_at(vector):
    milliseconds = int(re.match(r"t=(\d+),", vector["expected"])[1])
    return EPOCH + timedelta(milliseconds=milliseconds)


def delivery_of(vector):
    return Delivery(
        "POST", headers={"X-Casso-Signature": vector["expected"]}, body=vector["input"].encode()
    )


def test_every_kind_is_tested():
    assert {(v["kind"], v["verifies"]) for v in VECTORS} == {
        ("webhook_v2", True),
        ("webhook_v2", False),
        ("webhook_v2_wrong_scheme", False),
        ("webhook_v1", True),
    }


@by_kind("webhook_v2", verifies=True)
def test_signed_notice(vector):
    at, body = sent_at(vector), json.loads(vector["input"])
    text = vector["signed_string"].partition(".")[2]
    assert next(spellings(vector["input"].encode())).decode() == text
    provider = casso(at, security_key=vector["key"])
    verified = run(provider.verify(delivery_of(vector)), refuse_network)
    assert verified.fields == body
    if body["data"]["id"] == 0:
        assert provider.parse(verified) == ()
    elif "accountNumber" not in body["data"]:
        with pytest.raises(MalformedDelivery):
            provider.parse(verified)
    else:
        (event,) = provider.parse(verified)
        assert isinstance(event, TransferReceived)
        assert (event.provider_id, event.amount.minor, event.memo) == (
            str(body["data"]["id"]),
            body["data"]["amount"],
            body["data"]["description"],
        )
    for other, wrong in [
        (casso(at, security_key=f"{vector['key']}x"), SignatureError),
        (casso(at + timedelta(days=2), security_key=vector["key"]), StaleDelivery),
        (casso(at, webhook_version="v1", secure_token=vector["key"]), SignatureError),
    ]:
        with pytest.raises(wrong):
            run(other.verify(delivery_of(vector)), refuse_network)


@by_kind("webhook_v2", verifies=False)
def test_changed_notice(vector):
    provider = casso(sent_at(vector), account="88888888", security_key=vector["key"])
    with pytest.raises(SignatureError):
        run(provider.verify(delivery_of(vector)), refuse_network)


@by_kind("webhook_v2_wrong_scheme", verifies=False)
def test_scheme_of_a_public_guide(vector):
    import hmac

    key, body = "a-key-for-this-test", vector["input"].encode()
    digest = hmac.new(key.encode(), body, "sha256").hexdigest()
    delivery = Delivery("POST", headers={"X-Casso-Signature": f"sha256={digest}"}, body=body)
    with pytest.raises(SignatureError):
        run(casso(EPOCH, security_key=key).verify(delivery), refuse_network)


@by_kind("webhook_v1", verifies=True)
def test_notice_with_a_token(vector):
    name, _, token = vector["expected"].partition(": ")
    provider = casso(EPOCH, webhook_version="v1", secure_token=vector["key"])
    delivery = Delivery("POST", headers={name: token}, body=vector["input"].encode())
    (event,) = provider.parse(run(provider.verify(delivery), refuse_network))
    (row,) = json.loads(vector["input"])["data"]
    assert isinstance(event, TransferReceived)
    assert (event.provider_id, event.amount.minor, event.bank_reference) == (
        str(row["id"]),
        row["amount"],
        row["tid"],
    )
    for other in (
        casso(EPOCH, webhook_version="v1", secure_token=f"{vector['key']}x"),
        casso(EPOCH, security_key=vector["key"]),
    ):
        with pytest.raises(SignatureError):
            run(other.verify(delivery), refuse_network)
