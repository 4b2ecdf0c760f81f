"""Side by side with the npm package `sepay-pg-node`, SePay's own SDK for its payment gateway.

It makes the form; SePay keeps the other side to itself, so there is no second direction. Its known
errors, which we do not follow: values are not checked for what separates them, so that two forms that
say different things share one signature; null is signed as an empty value but sent as null, where the
PHP SDK leaves it out; `order_id` is signed, where the PHP SDK does not; the last client that is made
decides where all of them send the payer.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paykit import (
    Customer,
    FormPost,
    InvalidRequest,
    Money,
    PaymentRequest,
    SePayGateway,
    SePayGatewayConfig,
)
from paykit.flow import run
from paykit.providers.sepaypg import SIGNED
from paykit.signing import SigningKey, joined

from .npm import ask, install

SECRET = "spsk_test_paykit_0001"
CONFIG = {"env": "sandbox", "merchant_id": "SP-TEST-PAYKIT", "secret_key": SECRET}
OURS = SePayGateway(
    SePayGatewayConfig(merchant_id="SP-TEST-PAYKIT", secret_key=SECRET, ipn_secret="ipn-secret")
)
ODD_TEXTS = [
    "d",
    "Thanh toán đơn hàng số 5",
    "ok 😀",
    "100% + 1 & 2 = 3",
    "a, b, c",
    '"<x>" \\',
    "=,=",
]


@pytest.fixture(scope="session")
def peer():
    install("sepay-pg-node")

    def form(fields, config=CONFIG, **more):
        made = ask("sepay.cjs", {"config": config, "fields": fields, **more})
        return made["url"], [tuple(pair) for pair in made["form"]]

    return form


def refuse_network(request):
    raise AssertionError(request)


def our_form(**changes):
    request = PaymentRequest(
        **{"reference": "INV-0001", "amount": Money(100_000, "VND"), **changes}
    )
    form = run(OURS.create_payment(request), refuse_network).next
    assert isinstance(form, FormPost)
    return form


@pytest.mark.parametrize("text", ODD_TEXTS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"method": "BANK_TRANSFER", "customer": Customer(id="C1")},
        {
            "method": "CARD",
            "return_url": "https://shop.example/s?a=1,2",
            "extra": {"cancel_url": "https://shop.example/c", "custom_data": "x,currency=USD"},
        },
    ],
)
def test_the_same_form(peer, text, changes):
    ours = our_form(description=text, **changes)
    assert peer(ours.fields[:-1]) == (ours.url, list(ours.fields))


@settings(max_examples=8, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(str.isprintable))
def test_any_line_is_signed_alike(peer, text):
    ours = our_form(description=text)
    assert peer(ours.fields[:-1])[1][-1] == ours.fields[-1]


def test_whatever_its_order_is(peer):
    """The peer puts its own fields last; the order of the form is the order of the signature."""
    fields = [
        ("payment_method", ""),
        ("custom_data", "x"),
        ("order_invoice_number", "INV_5"),
        ("order_amount", "5000"),
        ("currency", "VND"),
        ("order_description", ""),
    ]
    _, (*form, (name, signature)) = peer(fields)
    assert form == [*fields, ("merchant", "SP-TEST-PAYKIT"), ("operation", "PURCHASE")]
    text = joined(form, SIGNED, by=",")
    assert (name, signature) == ("signature", SigningKey(SECRET, "sha256").base64(text))


# Its errors.


def test_two_forms_of_the_peer_share_a_signature(peer):
    honest = [("order_description", "x"), ("customer_id", "C2"), ("order_amount", "1")]
    crafted = [("order_description", "x,customer_id=C2"), ("order_amount", "1")]
    assert peer(honest)[1][-1] == peer(crafted)[1][-1]
    with pytest.raises(InvalidRequest):
        our_form(description="x,customer_id=C2")


def test_what_the_peer_does_with_null_and_order_id(peer):
    with_null = [("order_description", "x"), ("customer_id", None)]
    _, form = peer(with_null)
    assert ("customer_id", None) in form
    assert form[-1] == peer([("order_description", "x"), ("customer_id", "")])[1][-1]
    _, form = peer([("order_description", "x"), ("order_id", "1")])
    unsigned = joined(form[:-1], SIGNED, by=",")
    assert form[-1][1] != SigningKey(SECRET, "sha256").base64(unsigned)
    assert ("customer_id", "") not in our_form().fields


def test_one_client_of_the_peer_moves_all_others(peer):
    url, _ = peer([("order_amount", "1")], later={**CONFIG, "env": "production"})
    assert url == "https://pay.sepay.vn/v1/checkout/init"
    assert our_form().url == "https://pay-sandbox.sepay.vn/v1/checkout/init"
