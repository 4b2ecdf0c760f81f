"""Side by side with the npm package `@payos/node`, in both directions.

Its known errors, which we do not follow: an object within ``data`` is signed as ``[object Object]``, so
whatever it holds may be changed; a text in a list is signed as an object of its letters, and a number
there as ``{}``; null there stops it; ``12.0`` is signed as ``12``, because its JSON reader made it so;
signatures are not compared in constant time.
"""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paykit import (
    Delivery,
    HttpResponse,
    Money,
    PaymentRef,
    PaymentRequest,
    PayOS,
    PayOSConfig,
    SignatureError,
    WebhookError,
)
from paykit.events import TransferReceived
from paykit.flow import run
from paykit.testing import deliveries

from .npm import ask, install

KEY = "1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OURS = PayOS(PayOSConfig(client_id="client", api_key="api-key", checksum_key=KEY))
LINK = "0123456789abcdef0123456789abcdef"
MEMOS = ["DH1001", "Thanh toán #1 & 2", 'a"b\\c', "null", "undefined", "ok 😀", "  ", "a=b&c=d"]


@pytest.fixture(scope="session")
def peer():
    """Let the npm package do a list of things."""
    install("@payos/node")
    config = {"clientId": "client", "apiKey": "api-key", "checksumKey": KEY}
    return lambda *asked: ask("payos.cjs", {"config": config, "asked": asked})


def refuse_network(request):
    raise AssertionError(request)


def request(description):
    return PaymentRequest(
        reference="1001",
        amount=Money(200_000, "VND"),
        description=description,
        return_url="https://shop.example/r?a=1&b=x y",
        extra={"cancelUrl": "https://shop.example/c"},
    )


def created(**changes):
    return {
        "bin": "970422", "accountNumber": "0123456789", "accountName": "NGUYEN VAN A",
        "amount": 200_000, "description": "CSPAY DH1001", "orderCode": 1001, "currency": "VND",
        "paymentLinkId": LINK, "status": "PENDING", "qrCode": "000201",
        "checkoutUrl": f"https://pay.payos.vn/web/{LINK}", **changes,
    }  # fmt: skip


def test_the_same_request(peer):
    """Both send the same body with the same signature to the same place."""
    mine = [next(OURS.create_payment(request(memo))) for memo in MEMOS]
    bodies = [json.loads(one.body) for one in mine]
    unsigned = [{k: v for k, v in body.items() if k != "signature"} for body in bodies]
    theirs = peer(*(["create", body, {"code": "20"}] for body in unsigned))
    assert [one["sent"]["body"] for one in theirs] == bodies
    assert {one["sent"]["url"] for one in theirs} == {one.url for one in mine}
    for one in theirs:
        for name in ("x-client-id", "x-api-key"):
            assert one["sent"]["headers"][name] == mine[0].header(name)


def test_questions_and_cancels_go_to_the_same_place(peer):
    ref = PaymentRef(reference="1001")
    answer = {"code": "20"}
    asked = peer(["get", 1001, answer], ["cancel", 1001, answer], ["confirm", "https://x", answer])
    mine = [
        next(OURS.fetch_payment(ref)),
        next(OURS.void(ref, idempotency_key="k")),
        next(OURS.confirm_webhook("https://x")),
    ]
    assert [(one["sent"]["method"], one["sent"]["url"]) for one in asked] == [
        (one.method, one.url) for one in mine
    ]
    assert asked[2]["sent"]["body"] == json.loads(mine[2].body)


def test_we_accept_the_answers_that_the_peer_signs(peer):
    data = [created(description=memo) for memo in MEMOS]
    signatures = [one["value"] for one in peer(*(["sign", item] for item in data))]
    for item, signature in zip(data, signatures, strict=True):
        answer = {"code": "00", "desc": "success", "data": item, "signature": signature}
        raw = HttpResponse(200, body=json.dumps(answer).encode())
        assert run(OURS.create_payment(request("DH1001")), lambda _, raw=raw: raw).raw == answer


def test_the_peer_accepts_our_notices(peer):
    notices = [
        deliveries.paid(
            OURS,
            reference="1001",
            amount=Money(150_000, "VND"),
            at=NOW,
            fields={"description": one},
        )
        for one in MEMOS
    ]
    broken = [deliveries.tampered(OURS, one) for one in notices]
    answers = peer(*(["verify", one.body.decode()] for one in (*notices, *broken)))
    good, bad = answers[: len(notices)], answers[len(notices) :]
    assert [one["value"]["description"] for one in good] == MEMOS
    assert {one["error"] for one in bad} == {"Data not integrity"}


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
FLAT = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
NAMES = st.text(st.sampled_from("abcdefXYZ_"), min_size=1, max_size=6)
LISTS = st.lists(st.dictionaries(NAMES, FLAT, max_size=3), max_size=3)


def notice(data, signature):
    return Delivery.post_json({"code": "00", "data": data, "signature": signature})


def received(delivery):
    return OURS.parse(run(OURS.verify(delivery), refuse_network))


@settings(max_examples=5, deadline=None)
@given(st.lists(st.dictionaries(NAMES, FLAT | LISTS, max_size=6), min_size=40, max_size=40))
def test_any_data_is_signed_alike(peer, many):
    answers = peer(*(["sign", data] for data in many))
    for data, answer in zip(many, answers, strict=True):
        delivery = notice(data, answer["value"])
        assert run(OURS.verify(delivery), refuse_network).delivery is delivery


TRANSFER = {
    "orderCode": 1001, "amount": 150_000, "description": "DH1001", "accountNumber": "0123456789",
    "reference": "FT1", "transactionDateTime": "2026-01-02 10:04:05", "currency": "VND",
    "paymentLinkId": LINK, "code": "00", "desc": "success", "counterAccountName": None,
}  # fmt: skip


@pytest.mark.parametrize(
    "written", ["0.5", "1e-7", "123456.789", "1e+21", "-2.5e-300", "9007199254740991", "-0"]
)
def test_numbers_are_signed_alike(peer, written):
    """As JavaScript writes them, which is how they then stand in the JSON."""
    number = float(written)
    (signed,) = peer(["sign", {**TRANSFER, "ratio": number, "list": [{"x": number}]}])
    text = json.dumps({**TRANSFER, "ratio": "?", "list": [{"x": "?"}]}).replace('"?"', written)
    (event,) = received(Delivery.post_json(f'{{"data":{text},"signature":"{signed["value"]}"}}'))
    assert isinstance(event, TransferReceived)


# Its errors.


def test_what_the_peer_makes_of_an_object_within(peer):
    """It believes a notice in which such an object was changed. We believe none that holds one."""
    data = {**TRANSFER, "meta": {"a": 1}}
    (signed,) = peer(["sign", data])
    changed = {"data": {**data, "meta": {"a": 2}}, "signature": signed["value"]}
    (answer,) = peer(["verify", json.dumps(changed)])
    assert answer["value"]["meta"] == {"a": 2}
    for body in (notice(data, signed["value"]), Delivery.post_json(changed)):
        with pytest.raises(SignatureError):
            received(body)


def test_what_the_peer_makes_of_a_list_of_values(peer):
    signed = peer(
        ["sign", {**TRANSFER, "list": ["ab"]}], ["sign", {**TRANSFER, "list": [{"0": "a", "1": "b"}]}],
        ["sign", {**TRANSFER, "list": [5]}], ["sign", {**TRANSFER, "list": [{}]}],
        ["sign", {**TRANSFER, "list": [None]}],
    )  # fmt: skip
    assert signed[0]["value"] == signed[1]["value"]
    assert signed[2]["value"] == signed[3]["value"]
    assert "Cannot convert undefined or null to object" in signed[4]["error"]
    with pytest.raises(WebhookError):
        received(notice({**TRANSFER, "list": ["ab"]}, signed[0]["value"]))


def test_what_the_peer_makes_of_a_number_with_a_fraction_of_nothing(peer):
    text = json.dumps({**TRANSFER, "rate": 0}).replace('"rate": 0', '"rate": 12.0')
    (signed,) = peer(["sign", {**TRANSFER, "rate": 12}])
    body = f'{{"data": {text}, "signature": "{signed["value"]}"}}'
    (answer,) = peer(["verify", body])
    assert answer["value"]["rate"] == 12
    with pytest.raises(SignatureError):
        received(Delivery.post_json(body))
