"""What the case folder of SePay's gateway leaves open: its own operation, settings, one effect."""

import json
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from paykit import (
    AuthenticationFailed,
    ConfigurationError,
    HttpResponse,
    InvalidRequest,
    Money,
    NotFound,
    OutcomeUnknown,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    ProviderError,
    SePayGateway,
    providers,
)
from paykit.flow import run
from paykit.service import PaymentService
from paykit.testing import deliveries
from paykit.testing.conformance.base import Wire

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SETTINGS = {
    "merchant_id": "SP-TEST-PAYKIT",
    "secret_key": "spsk_test_paykit_0001",
    "ipn_secret": "ipn-secret-paykit-0001",
}
PRICE = Money(150_000, "VND")
REF = PaymentRef(reference="ORDER-1", amount=PRICE)


def gateway(**settings):
    return SePayGateway.from_dict({**SETTINGS, **settings}, clock=lambda: NOW)


def refuse_network(request):
    raise AssertionError(request)


def test_the_file_is_small():
    file = Path(providers.__path__[0]) / "sepaypg.py"
    assert len(file.read_text("utf-8").splitlines()) < 170


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("value", ["", " ", None])
def test_a_setting_that_is_missing(name, value):
    with pytest.raises(ConfigurationError, match=name):
        gateway(**{name: value})
    with pytest.raises(ConfigurationError, match=name):
        SePayGateway.from_dict({key: value for key, value in SETTINGS.items() if key != name})


@pytest.mark.parametrize(
    ("settings", "api", "page"),
    [
        ({}, "https://pgapi-sandbox.sepay.vn", "https://pay-sandbox.sepay.vn"),
        ({"environment": "production"}, "https://pgapi.sepay.vn", "https://pay.sepay.vn"),
        ({"base_url": "http://127.0.0.1:8100/sepaypg"},) + ("http://127.0.0.1:8100/sepaypg",) * 2,
    ],
)
def test_where_the_gateway_is(settings, api, page):
    provider = gateway(**settings)
    session = run(
        provider.create_payment(PaymentRequest(reference="ORDER-1", amount=PRICE)), refuse_network
    )
    assert session.next.url == f"{page}/v1/checkout/init"
    assert next(provider.fetch_payment(REF)).url == f"{api}/v1/order/detail/ORDER-1"


def cancel(response, ref=REF):
    wire = Wire([response])
    try:
        return run(gateway().cancel(ref), wire.send), wire.sent
    except ProviderError as error:
        return error, wire.sent


def test_cancel_an_order_that_nobody_paid():
    payment, (request,) = cancel(HttpResponse(200, body='{"message":"Đã hủy"}'.encode()))
    assert (payment.status, payment.reference, payment.amount, payment.refunded) == (
        PaymentStatus.CANCELED,
        "ORDER-1",
        PRICE,
        None,
    )
    assert (request.method, request.url, request.moves_money) == (
        "POST",
        "https://pgapi-sandbox.sepay.vn/v1/order/cancel",
        True,
    )
    assert json.loads(request.body) == {"order_invoice_number": "ORDER-1"}
    assert request.header("Authorization").startswith("Basic ")


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, ProviderError), (401, AuthenticationFailed), (404, NotFound), (422, ProviderError)],
)
def test_cancel_is_refused(status, error):
    refused, _ = cancel(HttpResponse(status, body=b'{"message":"no"}'))
    assert (type(refused), refused.code, refused.message) == (error, str(status), "no")


@pytest.mark.parametrize(
    "response",
    [
        HttpResponse(500, body=b'{"message":"fault"}'),
        HttpResponse(200, body=b"{}"),
        HttpResponse(200, body=b'{"message":null}'),
        HttpResponse(302, body=b'{"message":"elsewhere"}'),
        HttpResponse(200, body=b"<html>"),
    ],
)
def test_cancel_that_may_have_happened(response):
    with pytest.raises(OutcomeUnknown):
        cancel(response)


def test_cancel_names_an_order():
    with pytest.raises(InvalidRequest):
        cancel(HttpResponse(200), PaymentRef(reference="../../order"))


def test_two_kinds_of_news_about_one_payment(tmp_path):
    provider = gateway()

    def notice(**fields):
        return deliveries.paid(
            provider,
            reference="ORDER-1",
            amount=PRICE,
            at=NOW,
            provider_id="SEPAY-1",
            fields=fields,
        )

    with PaymentService(
        [provider], database=f"sqlite:///{tmp_path}/p.db", clock=lambda: NOW
    ) as service:
        session = service.create(
            PaymentRequest(reference="ORDER-1", amount=PRICE), provider="sepaypg"
        )
        paid, void = notice(), notice(notification_type="TRANSACTION_VOID")
        later = attrs.evolve(paid, body=paid.body.replace(b'"timestamp":1', b'"timestamp":2'))
        assert later != paid
        states = []
        for delivery in (paid, later, void, paid, void):
            assert service.receive(delivery, provider="sepaypg").reply.status == 200
            states.append(service.status(session.payment_id).status.value)
        assert states == ["succeeded", "succeeded", "refunded", "refunded", "refunded"]
        record = service.status(session.payment_id)
        assert (record.captured, record.refunded, record.sequence) == (PRICE, PRICE, 2)
