"""Every signed example: those that verify must verify, the others must be refused."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from paykit import (
    Delivery,
    InvalidRequest,
    MalformedDelivery,
    MoMo,
    MoMoConfig,
    Money,
    PaymentProcessed,
    SignatureError,
    VNPay,
    VNPayConfig,
    WebhookError,
)
from paykit.flow import run
from paykit.providers import momo, vnpay
from paykit.signing import SigningKey, decrypt_aes_cbc
from paykit.text import to_ascii
from paykit.vietqr import OtherNetwork, VietQRPayload, parse, tlv

HERE = Path(__file__).parent
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def load(name):
    return json.loads((HERE / "vectors" / f"{name}.json").read_text("utf-8"))


VNPAY = load("vnpay")
MOMO = load("momo")
VIETQR = load("vietqr")


def by_kind(vectors, *kinds, verifies):
    chosen = [v for v in vectors if v["kind"] in kinds and v["verifies"] is verifies]
    assert chosen, kinds
    return pytest.mark.parametrize("vector", chosen, ids=[v["id"] for v in chosen])


def refuse_network(request):
    raise AssertionError(f"{request} was sent")


def vnpay_for(vector, *, tmn_code="PAYKIT01"):
    return VNPay(
        VNPayConfig(tmn_code=tmn_code, hash_secret=vector["key"] or "NOT-PUBLISHED"),
        clock=lambda: NOW,
    )


def tmn_code_of(vector):
    return Delivery.get(vector["input"]).query_fields().get("vnp_TmnCode", "X")


STATES = {
    "succeeded": "succeeded",
    "failed": "unknown",  # see vectors/SOURCES.md
    "cancelled": "canceled",
    "expired": "expired",
    "unknown (hold for review)": "unknown",
}


@by_kind(VNPAY, "return_or_ipn_query", "ipn_query", verifies=True)
def test_vnpay_callback_verifies(vector):
    provider = vnpay_for(vector, tmn_code=tmn_code_of(vector))
    for verify in (provider.verify, provider.verify_return):
        verified = run(verify(Delivery.get(vector["input"])), refuse_network)
        (event,) = provider.parse(verified)
        assert isinstance(event, PaymentProcessed)
        assert event.status == STATES[vector.get("expected_state", "succeeded")]
        assert str(event.amount) == "10000 VND"


@by_kind(
    VNPAY,
    "return_or_ipn_query_tampered",
    "return_url_legacy",
    "token_create_url_legacy",
    verifies=False,
)
def test_vnpay_callback_is_refused(vector):
    provider = vnpay_for(vector, tmn_code=tmn_code_of(vector))
    with pytest.raises(SignatureError):
        run(provider.verify(Delivery.get(vector["input"])), refuse_network)


@by_kind(VNPAY, "return_url_legacy_md5", verifies=True)
def test_vnpay_md5_is_never_accepted(vector):
    provider = vnpay_for(vector, tmn_code="2QXUI4J4")
    fields = json.loads(vector["input"])
    for declared in ({}, {"vnp_SecureHashType": "MD5"}):
        signed = {**fields, **declared}
        query = "&".join(f"{name}={value}" for name, value in signed.items())
        delivery = Delivery.get(f"?{query}&vnp_SecureHash={vector['expected']}")
        with pytest.raises(SignatureError):
            run(provider.verify(delivery), refuse_network)


def test_vnpay_legacy_query_answer_is_refused():
    (vector,) = [v for v in VNPAY if v["kind"] == "querydr_response_legacy_md5"]
    with pytest.raises(SignatureError):
        run(vnpay_for(vector).verify(Delivery.get(vector["input"])), refuse_network)


@by_kind(VNPAY, "hmac_sha512_query", "hmac_sha512_primitive", verifies=True)
def test_vnpay_digest(vector):
    key = SigningKey(vector["key"], "sha512")
    assert key.hex(vector["input"].encode()) == vector["expected"]


@by_kind(VNPAY, "pay_url", verifies=True)
def test_vnpay_payment_url(vector):
    fields = {name: str(value) for name, value in json.loads(vector["input"]).items()}
    fields |= {
        "vnp_Amount": fields["vnp_Amount"] + "00",
        "vnp_Command": "pay",
        "vnp_CurrCode": "VND",
        "vnp_TmnCode": "PAYKIT01",
        "vnp_Version": "2.1.0",
    }
    assert vnpay.canonical_query(fields) == vector["signed_string"]
    assert vnpay_for(vector).payment_url(fields) == vector["url"]


@by_kind(VNPAY, "pay_url", verifies=False)
def test_vnpay_payment_url_of_an_unpublished_key_is_refused(vector):
    fields = Delivery.get(vector["input"]).query_fields()
    assert vnpay.canonical_query(fields) == vector["signed_string"]
    key = SigningKey("RAOEXHYVSDDIIENYWSLDIIZTANXUXZFJ", "sha512")
    assert key.hex(vector["signed_string"].encode()) != vector["expected"]


@by_kind(VNPAY, "querydr_request", "refund_request", verifies=True)
def test_vnpay_request_signature(vector):
    fields = {name: str(value) for name, value in json.loads(vector["input"]).items()}
    order = vnpay.REFUND_FIELDS if fields["vnp_Command"] == "refund" else vnpay.QUERY_FIELDS
    signed = vnpay.pipe_text(fields, order)
    assert signed.decode() == vector["signed_string"]
    assert SigningKey(vector["key"], "sha512").hex(signed) == vector["expected"]


@by_kind(VNPAY, "refund_request", verifies=False)
def test_vnpay_peer_refund_without_number_does_not_match_its_own_body(vector):
    fields = {name: str(value) for name, value in json.loads(vector["input"]).items()}
    signed = vnpay.pipe_text(fields, vnpay.REFUND_FIELDS)
    assert SigningKey(vector["key"], "sha512").hex(signed) != fields["vnp_SecureHash"]


@by_kind(VNPAY, "querydr_response", "refund_response", verifies=True)
def test_vnpay_answer_signature(vector):
    fields = json.loads(vector["input"])
    order = (
        vnpay.QUERY_RESPONSE_FIELDS
        if fields["vnp_Command"] == "querydr"
        else vnpay.REFUND_RESPONSE_FIELDS
    )
    signed = vnpay.pipe_text(fields, order)
    assert signed.decode() == vector["signed_string"]
    assert SigningKey(vector["key"], "sha512").matches(signed, fields["vnp_SecureHash"])


def momo_for(vector):
    key = vector["key"]
    return MoMo(
        MoMoConfig(
            partner_code=key["partnerCode"],
            access_key=key["accessKey"] or "NOT-PUBLISHED",
            secret_key=key["secretKey"] or "NOT-PUBLISHED",
        ),
        clock=lambda: NOW,
    )


@by_kind(MOMO, "redirect_v2", verifies=True)
def test_momo_return_verifies(vector):
    provider = momo_for(vector)
    verified = run(provider.verify_return(Delivery.get(vector["input"])), refuse_network)
    (event,) = provider.parse(verified)
    assert isinstance(event, PaymentProcessed)
    fields = Delivery.get(vector["input"]).query_fields()
    assert (event.reference, event.amount.minor, event.code) == (
        fields["orderId"],
        int(fields["amount"]),
        fields["resultCode"],
    )


@by_kind(MOMO, "ipn_v2", verifies=True)
def test_momo_notice_verifies(vector):
    provider = momo_for(vector)
    verified = run(provider.verify(Delivery.post_json(vector["input"])), refuse_network)
    assert all(isinstance(event, PaymentProcessed) for event in provider.parse(verified))


def signed_by(vector):
    key = SigningKey(vector["key"]["secretKey"], "sha256")
    return key.hex(vector["signed_string"].encode())


@by_kind(MOMO, "ipn_v2_negative", "redirect_v2_negative", verifies=False)
def test_momo_negative(vector):
    """Either the body was changed after signing, or the signed text is a well-known mistake."""
    provider = momo_for(vector)
    returned = vector["kind"].startswith("redirect")
    delivery = (Delivery.get if returned else Delivery.post_json)(vector["input"])
    verify = provider.verify_return if returned else provider.verify
    if "altered" in vector["why"]:
        with pytest.raises(SignatureError):
            run(verify(delivery), refuse_network)
        return
    # A signature over the mistaken text is refused.
    genuine = json.loads(vector["input"])["signature"] if not returned else None
    wrong = signed_by(vector)
    if returned:
        genuine = delivery.query_fields()["signature"]
    assert wrong != genuine
    forged = vector["input"].replace(genuine, wrong)
    with pytest.raises(SignatureError):
        run(verify((Delivery.get if returned else Delivery.post_json)(forged)), refuse_network)


@by_kind(MOMO, "ipn_v2", verifies=False)
def test_momo_notice_of_an_unpublished_key_is_refused(vector):
    with pytest.raises(SignatureError):
        run(momo_for(vector).verify(Delivery.post_json(vector["input"])), refuse_network)


MOMO_FIELDS = {
    "create_v2": momo.CREATE_FIELDS,
    "create_link_v2": momo.LINK_FIELDS,
    "query_v2": momo.QUERY_FIELDS,
    "refund_v2": momo.REFUND_FIELDS,
    "refund_query_v2": momo.QUERY_FIELDS,
    "confirm_v2": momo.CONFIRM_FIELDS,
    "token_bind_v2": momo.BIND_FIELDS,
    "token_cbquery_v2": momo.TOKEN_QUERY_FIELDS,
    "token_delete_v2": momo.TOKEN_DELETE_FIELDS,
    "token_pay_v2": momo.TOKEN_PAY_FIELDS,
    "pos_v2": momo.POS_FIELDS,
}
MOMO_REQUESTS = [v for v in MOMO if v["kind"] in MOMO_FIELDS]


@pytest.mark.parametrize("vector", MOMO_REQUESTS, ids=[v["id"] for v in MOMO_REQUESTS])
def test_momo_request_signature(vector):
    body = json.loads(vector["input"])
    signature = momo_for(vector).signature(MOMO_FIELDS[vector["kind"]], body)
    assert (signature == body["signature"]) is vector["verifies"]


@by_kind(MOMO, "token_aes256cbc", verifies=True)
def test_momo_sealed_token(vector):
    import base64

    opened = decrypt_aes_cbc(vector["key"]["aesKey"].encode(), base64.b64decode(vector["input"]))
    assert opened.decode() == vector["expected"]


@by_kind(MOMO, "legacy_v1_notify", "legacy_static_qr_notify", verifies=True)
def test_momo_old_notices_are_recognised_and_refused(vector):
    provider = momo_for(vector)
    if vector["input"].startswith("{"):
        delivery, verify = Delivery.post_json(vector["input"]), provider.verify
    else:
        delivery, verify = Delivery.get(vector["input"]), provider.verify_return
    with pytest.raises(WebhookError) as caught:
        run(verify(delivery), refuse_network)
    assert isinstance(caught.value, MalformedDelivery)


# VietQR.

CODES = ("static", "dynamic", "emv_other_network")
TEMPLATES = {"26", "38", "38.01", "62"}


def tree(fields):
    """The fields as the vectors write them: templates as objects."""
    return {
        field.id: tree(tlv.parts(field)) if field.path in TEMPLATES else field.value
        for field in fields
    }


@by_kind(VIETQR, *CODES, verifies=True)
def test_vietqr_fields(vector):
    fields = {**tree(tlv.read(vector["input"])), "63": vector["input"][-4:]}
    assert fields == vector["decoded"]
    assert tlv.checksum(vector["signed_string"]) == vector["expected"]


@by_kind(VIETQR, "static", "dynamic", verifies=True)
def test_vietqr_code_is_read(vector):
    decoded, payload = vector["decoded"], parse(vector["input"])
    account, more = decoded["38"]["01"], decoded.get("62", {})
    assert (payload.bank_bin, payload.account) == (account["00"], account["01"])
    assert payload.service == decoded["38"].get("02")
    assert payload.initiation == decoded["01"]
    assert (payload.amount and str(payload.amount.minor)) == decoded.get("54")
    assert (payload.merchant_category, payload.purpose) == (decoded.get("52"), more.get("08"))
    assert (payload.bill_number, payload.terminal_label) == (more.get("01"), more.get("07"))
    assert payload.consumer_data_request == more.get("09")


#: Codes that we read and would not write, and what of them.
NOT_WRITTEN = {
    **dict.fromkeys(
        [f"vietqr-pub-{number}" for number in (27, 28, 31, 34, 44)],
        "service",  # it stands within 38.01, where nobody looks for it
    ),
    "vietqr-peer-max13": "amount",  # above NAPAS's limit
}


@by_kind(VIETQR, "static", "dynamic", verifies=True)
def test_vietqr_code_is_written_as_it_was(vector):
    payload = parse(vector["input"])
    if vector["id"] in NOT_WRITTEN:
        with pytest.raises(InvalidRequest) as caught:
            payload.to_text()
        assert caught.value.field == NOT_WRITTEN[vector["id"]]
    else:
        assert payload.to_text() == vector["input"]
        assert parse(payload.to_text()) == payload


@pytest.mark.parametrize(
    "vector", [v for v in VIETQR if "build_input" in v], ids=lambda vector: vector["id"]
)
def test_vietqr_code_is_built(vector):
    asked = vector["build_input"]
    amount = asked.get("amount")

    def build():
        return VietQRPayload.of(
            asked["bankBin"],
            asked["bankNumber"],
            amount=Money(int(amount), "VND") if amount else None,
            purpose=asked.get("purpose"),
        ).to_text()

    if vector["id"] in NOT_WRITTEN:
        with pytest.raises(InvalidRequest) as caught:
            build()
        assert caught.value.field == NOT_WRITTEN[vector["id"]]
    else:
        assert build() == vector["input"]


@by_kind(VIETQR, "emv_other_network", verifies=True)
def test_vietqr_another_network_is_told_apart(vector):
    with pytest.raises(OtherNetwork) as caught:
        parse(vector["input"])
    guid = vector["decoded"]["26"]["00"]
    assert (caught.value.network, caught.value.guid, caught.value.field) == (
        "VNPAY-QR",
        guid,
        "26",
    )


#: Where the damage is found. A wrong length is seen where the next field should begin.
WRONG_AT = {
    "vietqr-napas-static-account-as-printed": ("38.01", 61),
    "vietqr-pub-24": (None, 82),
    "vietqr-pub-26": ("45", 74),
    "vietqr-pub-35": (None, 75),
    "vietqr-pub-40": (None, 142),
    "vietqr-pub-43": (None, 112),
}


@by_kind(VIETQR, *CODES, verifies=False)
def test_vietqr_broken_code_is_refused(vector):
    with pytest.raises(InvalidRequest) as caught:
        parse(vector["input"])
    assert not isinstance(caught.value, OtherNetwork)
    crc = ("63", len(vector["input"]) - 7)
    field, at = WRONG_AT.get(vector["id"], crc)
    assert caught.value.field == field
    assert f"at character {at}: " in str(caught.value)
    if (field, at) == crc:
        assert vector["expected"] in str(caught.value)


@by_kind(VIETQR, "crc16", verifies=True)
def test_vietqr_checksum(vector):
    assert tlv.checksum(vector["input"]) == vector["expected"]


@by_kind(VIETQR, "ascii_fold", verifies=True)
def test_vietqr_folding(vector):
    assert to_ascii(vector["input"]) == vector["expected"]


def test_no_vector_is_left_out():
    used = {
        "vnpay": {
            "return_or_ipn_query", "ipn_query", "return_or_ipn_query_tampered",
            "return_url_legacy", "token_create_url_legacy", "return_url_legacy_md5",
            "querydr_response_legacy_md5", "hmac_sha512_query", "hmac_sha512_primitive",
            "pay_url", "querydr_request", "refund_request", "querydr_response",
            "refund_response",
        },
        "momo": {
            *MOMO_FIELDS, "redirect_v2", "ipn_v2", "ipn_v2_negative", "redirect_v2_negative",
            "token_aes256cbc", "legacy_v1_notify", "legacy_static_qr_notify",
            "sample_create_response", "sample_error_response", "sample_refund_response",
            "sample_query_response",
        },
    }  # fmt: skip
    assert {v["kind"] for v in VNPAY} - used["vnpay"] == set()
    assert {v["kind"] for v in MOMO} - used["momo"] == set()
    assert {v["kind"] for v in VIETQR} == {*CODES, "crc16", "ascii_fold"}
