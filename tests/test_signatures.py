"""Properties of verification: what we sign verifies, whatever is in it; what is changed does not."""

import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from paykit import (
    Delivery,
    MalformedDelivery,
    MoMo,
    MoMoConfig,
    PaymentProcessed,
    PaymentStatus,
    SignatureError,
    TokenGranted,
    VNPay,
    VNPayConfig,
    WebhookError,
)
from paykit.flow import run
from paykit.providers.momo import LINK_NOTICE_FIELDS, NOTICE_FIELDS, RESULT_CODES
from paykit.providers.vnpay import RESPONSE_CODES, TRANSACTION_STATUSES

SECRET = "SECRET-OF-THE-SHOP"
VNPAY = VNPay(VNPayConfig(tmn_code="SHOP0001", hash_secret=SECRET))
MOMO = MoMo(MoMoConfig(partner_code="SHOP", access_key="ACCESS", secret_key=SECRET))

# Text as an HTTP query or a JSON string can carry it.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
NAMES = st.text(st.sampled_from("ABCXYZabcxyz0189_"), min_size=1, max_size=8).map(
    "vnp_Foo{}".format
)


def refuse_network(request):
    raise AssertionError(request)


def vnpay_events(query):
    return VNPAY.parse(run(VNPAY.verify(Delivery.get(query)), refuse_network))


def vnpay_query(**changes):
    fields = {
        "vnp_TmnCode": "SHOP0001",
        "vnp_TxnRef": "ORDER-1",
        "vnp_Amount": "15000000",
        "vnp_ResponseCode": "00",
        "vnp_TransactionStatus": "00",
        "vnp_TransactionNo": "14422574",
        "vnp_PayDate": "20260301161000",
        "vnp_OrderInfo": "x",
        **changes,
    }
    return VNPAY.payment_url(fields).partition("?")[2]


@given(TEXT, st.dictionaries(NAMES, TEXT, max_size=3))
def test_vnpay_any_text_verifies(text, more):
    (event,) = vnpay_events(vnpay_query(vnp_OrderInfo=text, **more))
    assert (event.status, event.amount.minor) == (PaymentStatus.SUCCEEDED, 150_000)


ENCODERS = {
    "python": quote_plus,
    "php": lambda text: quote_plus(text).replace("~", "%7E"),
    "java": lambda text: quote_plus(text, safe="*").replace("~", "%7E"),
    "javascript": lambda text: quote(text, safe="!'()*~").replace("%20", "+"),
    "percent twenty": lambda text: quote(text, safe=""),
    "lower-case escapes": lambda text: re.sub(
        "%[0-9A-F]{2}", lambda escape: escape[0].lower(), quote_plus(text)
    ),
}


@pytest.mark.parametrize("sent", ENCODERS.values(), ids=ENCODERS)
@given(TEXT)
def test_vnpay_signs_the_bytes_that_it_sends(sent, text):
    """Whatever encoder the sender has: it signs what it sends, and we hash what we got."""
    from paykit.signing import SigningKey

    pairs = sorted(
        {
            "vnp_TmnCode": "SHOP0001", "vnp_TxnRef": "ORDER-1", "vnp_Amount": "100",
            "vnp_ResponseCode": "24", "vnp_TransactionStatus": "02", "vnp_OrderInfo": text,
        }.items()
    )  # fmt: skip
    query = "&".join(f"{name}={sent(value)}" for name, value in pairs)
    digest = SigningKey(SECRET, "sha512").hex(query.encode())
    (event,) = vnpay_events(f"{query}&vnp_SecureHash={digest}")
    assert event.status is PaymentStatus.CANCELED


@pytest.mark.parametrize("sent", ENCODERS.values(), ids=ENCODERS)
@given(TEXT)
def test_vnpay_verifies_after_a_proxy_encoded_it_anew(sent, text):
    signed = Delivery.get(vnpay_query(vnp_OrderInfo=text)).query_fields()
    query = "&".join(f"{name}={sent(value)}" for name, value in reversed(signed.items()))
    (event,) = vnpay_events(query)
    assert event.status is PaymentStatus.SUCCEEDED


@given(st.data())
def test_vnpay_no_byte_can_be_changed(data):
    query = vnpay_query(vnp_OrderInfo="Thanh toán")
    position = data.draw(st.integers(0, len(query) - 1))
    letter = data.draw(st.sampled_from("0123456789abcdefXYZ&=+%-_"))
    assume(query[position].lower() != letter.lower())  # the hash may come in either case
    try:
        (event,) = vnpay_events(query[:position] + letter + query[position + 1 :])
    except WebhookError:
        return
    # Only the name of a parameter's encoding may differ, never what was signed.
    assert event == vnpay_events(query)[0]


@given(st.binary(max_size=300))
def test_vnpay_any_bytes_are_refused_in_the_tree(query):
    with pytest.raises(WebhookError):
        vnpay_events(query)


@pytest.mark.parametrize("code", [f"{n:02d}" for n in range(100)] + ["", "0", "000", "XX"])
@pytest.mark.parametrize("status", ["00", "01", "02", "04", "05", "07", "09", "20", "77"])
def test_vnpay_only_both_zeros_are_success(code, status):
    query = vnpay_query(vnp_ResponseCode=code, vnp_TransactionStatus=status)
    if not code:
        with pytest.raises(MalformedDelivery):
            vnpay_events(query)
        return
    (event,) = vnpay_events(query)
    assert (event.status is PaymentStatus.SUCCEEDED) == (code == "00" == status)
    if code not in RESPONSE_CODES or status not in TRANSACTION_STATUSES:
        assert event.status in {PaymentStatus.UNKNOWN, RESPONSE_CODES.get(code, (None,))[0]}


def test_vnpay_blanks_verify_whether_they_were_signed_or_not():
    from paykit.signing import SigningKey

    fields = Delivery.get(vnpay_query()).query_fields()
    del fields["vnp_SecureHash"]
    fields["vnp_BankTranNo"] = ""
    query = "&".join(f"{name}={quote_plus(value)}" for name, value in sorted(fields.items()))
    digest = SigningKey(SECRET, "sha512").hex(query.encode())
    signed_with_it = vnpay_events(f"{query}&vnp_SecureHash={digest}")
    signed_without = vnpay_events(f"{vnpay_query()}&vnp_BankTranNo=")
    for (event,) in (signed_with_it, signed_without):
        assert (event.status, event.reference) == (PaymentStatus.SUCCEEDED, "ORDER-1")


def momo_body(**changes):
    return {
        "partnerCode": "SHOP", "orderId": "ORDER-1", "requestId": "R-1", "amount": 150_000,
        "orderInfo": "x", "orderType": "momo_wallet", "transId": 4088878701, "resultCode": 0,
        "message": "Thành công.", "payType": "qr", "responseTime": 1_767_000_000_123,
        "extraData": "", **changes,
    }  # fmt: skip


def sign_momo(body, fields=NOTICE_FIELDS):
    return {**body, "signature": MOMO.signature(fields, body)}


def momo_events(body):
    delivery = Delivery.post_json(json.dumps(body, ensure_ascii=False))
    return MOMO.parse(run(MOMO.verify(delivery), refuse_network))


@given(TEXT, TEXT, st.text(st.characters(codec="ascii"), max_size=20))
def test_momo_any_text_verifies_in_both_forms(info, message, extra):
    assume("\0" not in extra)
    body = sign_momo(momo_body(orderInfo=info, message=message, extraData=extra))
    (event,) = momo_events(body)
    query = "&".join(f"{name}={quote_plus(str(value))}" for name, value in body.items())
    returned = MOMO.parse(run(MOMO.verify_return(Delivery.get(query)), refuse_network))
    assert returned == (event,)
    assert (event.status, event.amount.minor, event.provider_id) == (
        PaymentStatus.SUCCEEDED,
        150_000,
        "4088878701",
    )
    assert event.occurred_at.isoformat() == "2025-12-29T09:20:00.123000+00:00"


@given(st.sampled_from(NOTICE_FIELDS), st.integers(0, 10**12), TEXT)
def test_momo_no_signed_field_can_be_changed(name, number, text):
    body = sign_momo(momo_body())
    value = number if isinstance(body[name], int) else text
    assume(value != body[name])
    with pytest.raises(WebhookError):
        momo_events({**body, name: value})


def test_momo_crafted_text_cannot_stand_in_for_its_neighbours():
    """A signed text that swallows the next fields gives the same signed string as another order."""
    genuine = sign_momo(
        momo_body(extraData="x&message=ok&orderId=VICTIM", orderId="ORDER-1", message="m")
    )
    with pytest.raises(MalformedDelivery):
        momo_events(genuine)  # it can be read in two ways, so it is read in none
    forged = {
        **genuine,
        "extraData": "x",
        "message": "ok",
        "orderId": "VICTIM&message=m&orderId=ORDER-1",
    }
    assert MOMO.signature(NOTICE_FIELDS, forged) == genuine["signature"]
    with pytest.raises(MalformedDelivery):
        momo_events(forged)


@pytest.mark.parametrize("code", [*RESULT_CODES, -1, 1, 10, 20, 42, 98, 99, 1081, 5555, 2**40])
def test_momo_codes(code):
    (event,) = momo_events(sign_momo(momo_body(resultCode=code)))
    expected = RESULT_CODES.get(code, (PaymentStatus.UNKNOWN, None))
    assert (event.status, event.reason, event.code) == (*expected, str(code))
    assert (event.status is PaymentStatus.SUCCEEDED) == (code == 0)


def test_momo_time_is_not_an_id():
    (event,) = momo_events(sign_momo(momo_body(resultCode=1006, payType="")))
    assert event.provider_id is None


def test_momo_code_as_text_is_the_same():
    assert momo_events(sign_momo(momo_body(resultCode="0"))) == momo_events(sign_momo(momo_body()))


def test_momo_linking_grants_a_token_only_when_it_is_signed():
    linking = momo_body(amount=0, callbackToken="GRANT", partnerClientId="customer-1")
    payment, granted = momo_events(sign_momo(linking, LINK_NOTICE_FIELDS))
    assert isinstance(payment, PaymentProcessed)
    assert payment.amount.minor == 0
    assert granted == TokenGranted(
        event_id=f"{payment.event_id}-token",
        provider="momo",
        reference="ORDER-1",
        customer_id="customer-1",
        grant="GRANT",
        occurred_at=payment.occurred_at,
    )
    assert "GRANT" not in repr(granted)
    # The same fields next to an ordinary notice are not signed, so they are not believed.
    (only,) = momo_events(sign_momo(linking))
    assert isinstance(only, PaymentProcessed)


def test_old_keys_are_accepted_until_they_are_removed():
    body = sign_momo(momo_body())
    changed = {"partner_code": "SHOP", "access_key": "NEW", "secret_key": "NEW-SECRET"}
    during = MoMo.from_dict(
        {**changed, "previous_secret_keys": [SECRET], "previous_access_keys": ["ACCESS"]}
    )
    delivery = Delivery.post_json(body)
    assert len(during.parse(run(during.verify(delivery), refuse_network))) == 1
    with pytest.raises(SignatureError):
        run(MoMo.from_dict(changed).verify(delivery), refuse_network)
    rotated = VNPay.from_dict(
        {"tmn_code": "SHOP0001", "hash_secret": "NEW", "previous_hash_secrets": [SECRET]}
    )
    assert run(rotated.verify(Delivery.get(vnpay_query())), refuse_network)


def test_a_signature_error_explains_itself_and_keeps_the_secret():
    with pytest.raises(SignatureError) as caught:
        momo_events({**sign_momo(momo_body()), "amount": 1})
    text = str(caught.value)
    assert "HMAC-SHA256" in text
    assert "accessKey" in text
    assert SECRET not in text
    assert MOMO.signature(NOTICE_FIELDS, momo_body(amount=1)) not in text
