"""Checkout.com's own Python SDK against the pretended Checkout.com, over real sockets."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import requests
from checkout_sdk.checkout_api import CheckoutApi
from checkout_sdk.checkout_configuration import CheckoutConfiguration
from checkout_sdk.common.common import Address
from checkout_sdk.common.enums import Country, Currency
from checkout_sdk.default_keys_credentials import DefaultKeysSdkCredentials
from checkout_sdk.environment import Environment
from checkout_sdk.exception import CheckoutApiException
from checkout_sdk.instruments.instruments import CreateTokenInstrumentRequest
from checkout_sdk.payments.hosted.hosted_payments import HostedPaymentsSessionRequest
from checkout_sdk.payments.payments import (
    AuthorizationRequest,
    AuthorizationType,
    CaptureRequest,
    CaptureType,
    PaymentRequest,
    PaymentRequestIdSource,
    PaymentRequestTokenSource,
    PaymentsQueryFilter,
    RefundRequest,
    ThreeDsRequest,
    VoidRequest,
)
from checkout_sdk.payments.payments_previous import BillingInformation
from checkout_sdk.tokens.tokens import CardTokenRequest

from paykit.demo.server import listen
from paykit.sandbox import SandboxConfig, create_app
from paykit.sandbox.cards.numbers import COMMON_CARDS

from .test_paypal_sdk import serving

#: The SDK warns of a part of itself that nobody asks for.
pytestmark = pytest.mark.filterwarnings("ignore:Risk endpoints:DeprecationWarning")
GOOD = "4242424242424242"


class Shop:
    """A merchant with Checkout.com's SDK, and the payer."""

    def __init__(self, config: SandboxConfig) -> None:
        account = config.checkoutcom
        base = f"{config.public_url}/checkoutcom/"
        environment = Environment(base, base, base, base, base, base, base, is_sandbox=True)
        # What the SDK's builder makes, which wants a host per account instead of one address.
        keys = DefaultKeysSdkCredentials(account.secret_key, account.public_key)
        self.http = requests.Session()
        self.sdk = CheckoutApi(CheckoutConfiguration(keys, environment, self.http))

    def token(self, number=GOOD):
        card = CardTokenRequest()
        card.number, card.expiry_month, card.expiry_year, card.cvv = number, 12, 2040, "123"
        return self.sdk.tokens.request_card_token(card).token

    def pay(self, number=GOOD, *, source=None, key=None, **fields):
        if source is None:
            source = PaymentRequestTokenSource()
            source.token = self.token(number)
        request = PaymentRequest()
        request.source, request.amount, request.currency = source, 10_000, Currency.USD
        request.reference, request.capture = "ORDER-1", False
        for name, value in fields.items():
            setattr(request, name, value)
        return self.sdk.payments.request_payment(request, key)

    def details(self, payment):
        return self.sdk.payments.get_payment_details(payment.id)


@pytest.fixture
def shop():
    at = listen("127.0.0.1", 0)
    config = SandboxConfig(public_url=at.url)
    with serving(create_app(config), at):
        shop = Shop(config)
        with shop.http:
            yield shop


def part(kind, amount, **fields):
    request = kind()
    request.amount = amount
    for name, value in fields.items():
        setattr(request, name, value)
    return request


def test_money_is_held_taken_in_parts_and_given_back(shop):
    payment = shop.pay(authorization_type=AuthorizationType.ESTIMATED)
    assert (payment.http_metadata.status_code, payment.status, payment.approved) == (
        201,
        "Authorized",
        True,
    )
    sdk = shop.sdk.payments
    more = sdk.increment_payment_authorization(payment.id, part(AuthorizationRequest, 500))
    assert more.balances.total_authorized == 10_500
    capture = part(CaptureRequest, 3000, capture_type=CaptureType.NON_FINAL, reference="SHIP-1")
    taken = sdk.capture_payment(payment.id, capture, "key-1")
    assert (taken.http_metadata.status_code, taken.reference) == (202, "SHIP-1")
    assert sdk.capture_payment(payment.id, capture, "key-1").action_id == taken.action_id
    sdk.void_payment(payment.id, VoidRequest())
    sdk.refund_payment(payment.id, part(RefundRequest, 1000))
    found = shop.details(payment)
    assert (found.status, found.balances.total_captured, found.balances.total_voided) == (
        "Partially Refunded",
        3000,
        7500,
    )
    actions = sdk.get_payment_actions(payment.id).items
    assert [one.type for one in actions] == [
        "Refund",
        "Void",
        "Capture",
        "Authorization",
        "Authorization",
    ]
    with pytest.raises(CheckoutApiException) as refused:
        sdk.capture_payment(payment.id)
    assert refused.value.http_metadata.status_code == 403


def test_what_is_wrong_is_told(shop):
    source = PaymentRequestTokenSource()
    source.token = shop.token()
    with pytest.raises(CheckoutApiException) as refused:
        shop.pay(source=source, amount=1_000_000_000)
    assert refused.value.error_type == "request_invalid"
    assert refused.value.error_details == ["amount_invalid"]
    assert refused.value.request_id
    shop.pay(source=source)
    with pytest.raises(CheckoutApiException) as refused:
        shop.pay(source=source)
    assert refused.value.error_details == ["token_used"]


def test_the_payer_is_asked(shop):
    [number] = [one.number for one in COMMON_CARDS if one.does.check == "always"][:1]
    wish = ThreeDsRequest()
    wish.enabled = True
    urls = {"success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no"}
    payment = shop.pay(number, three_ds=wish, **urls)
    assert (payment.http_metadata.status_code, payment.status) == (202, "Pending")
    page = httpx.post(payment._links.redirect.href, data={"outcome": "approve"})
    [session] = parse_qs(urlsplit(page.headers["location"]).query)["cko-session-id"]
    found = shop.sdk.payments.get_payment_details(session)
    assert (found.id, found.status) == (payment.id, "Authorized")


def test_a_card_is_stored_and_charged(shop):
    request = CreateTokenInstrumentRequest()
    request.token = shop.token()
    card = shop.sdk.instruments.create(request)
    source = PaymentRequestIdSource()
    source.id = card.id
    payment = shop.pay(source=source, merchant_initiated=True)
    assert (payment.status, payment.source.id) == ("Authorized", card.id)
    assert shop.sdk.instruments.get(card.id).last4 == "4242"
    shop.sdk.instruments.delete(card.id)
    with pytest.raises(CheckoutApiException):
        shop.sdk.instruments.get(card.id)
    wanted = PaymentsQueryFilter()
    wanted.reference, wanted.limit, wanted.skip = "ORDER-1", 10, 0
    assert [one.id for one in shop.sdk.payments.get_payments_list(wanted).data] == [payment.id]


def test_a_payment_on_the_hosted_page(shop):
    request = HostedPaymentsSessionRequest()
    request.amount, request.currency, request.reference = 150_000, Currency.VND, "ORDER-1"
    request.billing = BillingInformation()
    request.billing.address = Address()
    request.billing.address.country = Country.VN
    request.success_url = "https://shop.example/ok"
    request.cancel_url = "https://shop.example/cancel"
    request.failure_url = "https://shop.example/no"
    made = shop.sdk.hosted_payments.create_hosted_payments_page_session(request)
    page = made._links.redirect.href
    assert re.search(r"150\.000\s₫", httpx.get(page).text)
    card = {"number": GOOD, "expiry": "12/40", "cvc": "123", "outcome": "pay"}
    assert httpx.post(page, data=card).status_code == 303
    found = shop.sdk.hosted_payments.get_hosted_payments_page_details(made.id)
    assert found.status == "Payment Received"
    assert shop.sdk.payments.get_payment_details(found.payment_id).status == "Captured"
