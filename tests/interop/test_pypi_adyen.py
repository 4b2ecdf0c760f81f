"""Side by side with Adyen's own library for Python, `Adyen` on PyPI, in both directions.

Its known errors, which we do not follow. Of a batch it looks at the first item only. A value that is
``None`` is signed as the text ``None``, where Adyen signs nothing. An item without an amount, or without
a signature, raises ``KeyError``. It compares texts, and so takes a key of any length.
"""

import json
from datetime import UTC, datetime

import pytest
from Adyen import Adyen as Library
from Adyen.util import (
    generate_notification_sig,
    generate_payload_sig,
    is_valid_hmac_notification,
    is_valid_hmac_payload,
)
from hypothesis import given
from hypothesis import strategies as st

from paykit import (
    Adyen,
    CaptureMode,
    Delivery,
    Money,
    PaymentRef,
    PaymentRequest,
    PaymentToken,
    RefundRequest,
    SignatureError,
    TokenRequest,
)
from paykit.flow import run
from paykit.http import HttpResponse
from paykit.testing import deliveries

KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PREFIX = "1797a841fbb37ca7-PaykitShop"
SETTINGS = {
    "merchant_account": "PaykitECOM",
    "api_key": "api-key",
    "hmac_key": KEY,
    "capture_mode": "manual",
    "return_url": "https://shop.example/return",
}


def shop(**settings):
    return Adyen.from_dict({**SETTINGS, **settings}, clock=lambda: NOW)


OURS = shop()
REFERENCES = [
    "ORDER-1",
    "a:b",
    ":slashes are fun",
    "//x",
    "a\\b",
    "a\\:b",
    "Đơn hàng 1",
    "😀",
    "a b:",
]


def item(reference="ORDER-1", code="CAPTURE", **changes):
    return {
        "additionalData": {"cardSummary": "1111"},
        "amount": {"currency": "EUR", "value": 1999},
        "eventCode": code,
        "eventDate": "2026-01-02T03:00:00Z",
        "merchantAccountCode": "PaykitECOM",
        "merchantReference": reference,
        "originalReference": "993617895204576J",
        "pspReference": "993617894906488A",
        "reason": "",
        "success": "true",
        **changes,
    }


def received(body, provider=OURS):
    delivery = Delivery.post_json(json.dumps(body))
    return provider.parse(run(provider.verify(delivery), lambda call: pytest.fail(repr(call))))


def wrapped(*items):
    return {"live": "false", "notificationItems": [{"NotificationRequestItem": i} for i in items]}


# Webhooks.


@pytest.mark.parametrize("reference", REFERENCES)
def test_what_the_library_signs_is_ours_to_read(reference):
    one = item(reference)
    one["additionalData"]["hmacSignature"] = generate_notification_sig(one, KEY).decode()
    [event] = received(wrapped(one))
    assert (event.reference, event.amount) == (reference, Money(1999, "EUR"))
    one["merchantReference"] += "x"
    with pytest.raises(SignatureError):
        received(wrapped(one))


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=80),
    st.integers(0, 10**15),
    st.sampled_from(["true", "false"]),
)
def test_what_the_library_signs_is_ours_to_read_whatever_it_is(reference, value, success):
    one = item(reference, amount={"currency": "EUR", "value": value}, success=success)
    one["additionalData"]["hmacSignature"] = generate_notification_sig(one, KEY).decode()
    [event] = received(wrapped(one))
    assert (event.reference, event.amount.minor) == (reference, value)


@pytest.mark.parametrize("reference", REFERENCES)
def test_what_our_factory_signs_the_library_takes(reference):
    for make in (deliveries.paid, deliveries.authorized, deliveries.failed, deliveries.expired):
        call = make(OURS, reference=reference, amount=Money(1999, "EUR"), at=NOW)
        body = call.json()
        assert is_valid_hmac_notification(body, KEY)
        assert not is_valid_hmac_notification(body, KEY[::-1])
        body["notificationItems"][0]["NotificationRequestItem"]["merchantReference"] += "x"
        assert not is_valid_hmac_notification(body, KEY)


def test_a_batch_of_which_the_library_looks_at_the_first():
    good, bad = item(), item()
    good["additionalData"]["hmacSignature"] = generate_notification_sig(good, KEY).decode()
    bad["additionalData"]["hmacSignature"] = "forged"
    assert is_valid_hmac_notification(wrapped(good, bad), KEY)
    with pytest.raises(SignatureError):
        received(wrapped(good, bad))


def test_nothing_is_signed_as_nothing():
    one = item(originalReference=None, code="AUTHORISATION")
    assert b"None" not in generate_notification_sig(one, KEY)
    signature = generate_notification_sig(item(originalReference="", code="AUTHORISATION"), KEY)
    one["additionalData"]["hmacSignature"] = signature.decode()
    [event] = received(wrapped(one))
    assert event.provider_id == "993617894906488A"
    assert not is_valid_hmac_notification(wrapped(one), KEY)  # it signed the word None


def test_a_body_that_is_signed_as_a_whole():
    body = json.dumps({"environment": "test", "type": "merchant.updated", "x": "é:\\"}).encode()
    signature = generate_payload_sig(body, KEY).decode()
    assert is_valid_hmac_payload(signature, KEY, body)

    def verify(raw):
        delivery = Delivery("POST", headers={"HmacSignature": signature}, body=raw)
        return OURS.parse(run(OURS.verify(delivery), lambda call: pytest.fail(repr(call))))

    assert verify(body) == ()
    with pytest.raises(SignatureError):
        verify(body + b" ")


# Requests.


class Http:
    """The library's way out: keeps what it would have sent."""

    user_agent = "x"

    def request(self, method, url, json=None, xapikey=None, headers=None, **_):
        self.sent = (method, url, json, xapikey, headers)
        return "{}", "", 200, {}


def theirs(platform, act):
    http = Http()
    client = Library()
    client.client.xapikey = "api-key"
    client.client.platform = platform
    client.client.live_endpoint_prefix = PREFIX
    client.client.http_client, client.client.http_init = http, True
    client.client.api_checkout_version = "72"
    act(client.checkout)
    return http.sent


PSP = "993617895204576J"
REF = PaymentRef(reference="ORDER-1", provider_id=PSP, amount=Money(1999, "EUR"))
CARD = PaymentToken(provider="adyen", value='{"type":"scheme","encryptedCardNumber":"x-y"}')
TOKEN = PaymentToken(provider="adyen", value="M5N7TQ4TG5PFWR50", customer_id="CUSTOMER-7")
REQUEST = PaymentRequest(reference="ORDER-1", amount=Money(1999, "EUR"), capture=CaptureMode.MANUAL)


def with_card():
    return PaymentRequest(
        reference="ORDER-1", amount=Money(1999, "EUR"), capture=CaptureMode.MANUAL, token=CARD
    )


OWNER = {"shopperReference": "CUSTOMER-7", "merchantAccount": "PaykitECOM"}
CALLS = {
    "payments": (
        lambda shop: shop.create_payment(with_card()),
        lambda api, body, key: api.payments_api.payments(body, idempotency_key=key),
    ),
    "details": (
        lambda shop: shop.submit_details(REF, {"details": {"redirectResult": "x"}}),
        lambda api, body, key: api.payments_api.payments_details(body, idempotency_key=key),
    ),
    "session": (
        lambda shop: shop.create_payment(REQUEST),
        lambda api, body, key: api.payments_api.sessions(body, idempotency_key=key),
    ),
    "capture": (
        lambda shop: shop.capture(REF, idempotency_key="k"),
        lambda api, body, key: api.modifications_api.capture_authorised_payment(
            body, PSP, idempotency_key=key
        ),
    ),
    "cancel": (
        lambda shop: shop.void(REF, idempotency_key="k"),
        lambda api, body, key: api.modifications_api.cancel_authorised_payment_by_psp_reference(
            body, PSP, idempotency_key=key
        ),
    ),
    "cancel by reference": (
        lambda shop: shop.void(PaymentRef(reference="ORDER-1"), idempotency_key="k"),
        lambda api, body, key: api.modifications_api.cancel_authorised_payment(
            body, idempotency_key=key
        ),
    ),
    "refund": (
        lambda shop: shop.refund(RefundRequest(payment=REF, reference="F-1")),
        lambda api, body, key: api.modifications_api.refund_captured_payment(
            body, PSP, idempotency_key=key
        ),
    ),
    "list cards": (
        lambda shop: shop.create_token(TokenRequest(reference="R", customer_id="CUSTOMER-7")),
        lambda api, _body, key: api.recurring_api.get_tokens_for_stored_payment_details(
            idempotency_key=key, query_parameters=OWNER
        ),
    ),
    "forget a card": (
        lambda shop: shop.delete_token(TOKEN),
        lambda api, _body, key: api.recurring_api.delete_token_for_stored_payment_details(
            TOKEN.value, idempotency_key=key, query_parameters=OWNER
        ),
    ),
}


@pytest.mark.parametrize("platform", ["test", "live"])
@pytest.mark.parametrize("name", CALLS)
def test_both_call_the_same(name, platform):
    """The method, the address in both worlds, and the headers of each call."""
    ours, call = CALLS[name]
    live = {"environment": "production", "live_prefix": PREFIX} if platform == "live" else {}
    sent = []

    def peer(request):
        sent.append(request)
        return HttpResponse(422, body=b'{"errorCode":"0"}')

    with pytest.raises(Exception, match="adyen"):
        run(ours(shop(**live)), peer)
    [request] = sent
    body = json.loads(request.body) if request.body else None
    key = request.header("Idempotency-Key")
    method, url, told, api_key, headers = theirs(platform, lambda api: call(api, body, key))
    assert (request.method, request.url) == (method, url)
    assert request.header("X-API-Key") == api_key
    assert headers.get("Idempotency-Key") == key
    assert told == body
