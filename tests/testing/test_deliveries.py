"""Deliveries for merchants' tests: signed like the provider's, and broken where asked."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from paykit import (
    ConfigurationError,
    InvalidRequest,
    MoMo,
    MoMoConfig,
    Money,
    PaymentProcessed,
    SignatureError,
    TokenGranted,
    UnsupportedOperation,
    VNPay,
    VNPayConfig,
)
from paykit.flow import run
from paykit.testing import deliveries
from paykit.testing.factory import factory_for
from tests.support.services import missing
from tests.testing.sabotage import Acme

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PRICE = Money(150_000, "VND")
VNPAY = VNPay(
    VNPayConfig(tmn_code="PAYKIT01", hash_secret="PAYKITTESTSECRET0123456789ABCDEF"),
    clock=lambda: AT,
)
MOMO = MoMo(
    MoMoConfig(
        partner_code="MOMO",
        access_key="F8BBA842ECF85",
        secret_key="K951B6PE1waDMi640xX08PD3vg6EkVlz",
    ),
    clock=lambda: AT,
)
PROVIDERS = pytest.mark.parametrize("provider", [VNPAY, MOMO], ids=["vnpay", "momo"])


def no_network(request):
    raise AssertionError(f"{request} was sent")


def received(provider, delivery):
    return provider.parse(run(provider.verify(delivery), no_network))


def returned(provider, delivery):
    return provider.parse(run(provider.verify_return(delivery), no_network))


def expected(provider, delivery, status, *, code, reason=None, provider_id=None, amount=PRICE):
    (event_id,) = {event.event_id for event in received(provider, delivery)}
    return (
        PaymentProcessed(
            event_id=event_id,
            provider=provider.name,
            reference="ORDER-1",
            status=status,
            amount=amount,
            occurred_at=AT,
            provider_id=provider_id,
            code=code,
            reason=reason,
        ),
    )


STATES = [
    (VNPAY, "paid", {"status": "succeeded", "code": "00", "provider_id": "77"}),
    (VNPAY, "pending", {"status": "pending", "code": "00", "provider_id": "4088878653"}),
    (VNPAY, "failed", {"status": "failed", "code": "51", "reason": "insufficient_funds", "provider_id": "4088878653"}),
    (VNPAY, "canceled", {"status": "canceled", "code": "24", "reason": "canceled_by_payer"}),
    (VNPAY, "expired", {"status": "expired", "code": "11", "reason": "expired"}),
    (VNPAY, "unknown", {"status": "unknown", "code": "55", "provider_id": "4088878653"}),
    (MOMO, "paid", {"status": "succeeded", "code": "0", "provider_id": "77"}),
    (MOMO, "authorized", {"status": "authorized", "code": "9000", "provider_id": "77"}),
    (MOMO, "pending", {"status": "pending", "code": "7000", "provider_id": "4088878653"}),
    (MOMO, "failed", {"status": "failed", "code": "1001", "reason": "insufficient_funds", "provider_id": "4088878653"}),
    (MOMO, "canceled", {"status": "canceled", "code": "1006", "reason": "canceled_by_payer"}),
    (MOMO, "expired", {"status": "expired", "code": "1005", "reason": "expired"}),
    (MOMO, "unknown", {"status": "unknown", "code": "87654", "provider_id": "4088878653"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "state", "told"), STATES, ids=[f"{p.name}-{state}" for p, state, _ in STATES]
)
def test_each_state(provider, state, told):
    number = {"provider_id": "77"} if told.get("provider_id") == "77" else {}
    make = getattr(deliveries, state)
    delivery = make(provider, reference="ORDER-1", amount=PRICE, at=AT, **number)
    assert received(provider, delivery) == expected(provider, delivery, **told)
    whole = {"reference": "ORDER-1", "amount": PRICE, "at": AT, **number}
    assert deliveries.webhook(provider, state, **whole) == delivery
    back = deliveries.returned(provider, state, **whole)
    assert returned(provider, back) == received(provider, delivery)


def test_the_forms_on_the_wire():
    ipn = deliveries.paid(VNPAY, reference="ORDER-1", amount=PRICE, at=AT)
    assert (ipn.method, ipn.body) == ("GET", b"")
    assert ipn.query.startswith(
        b"vnp_Amount=15000000&vnp_BankCode=NCB&vnp_BankTranNo=VNP4088878653&vnp_CardType=ATM"
        b"&vnp_OrderInfo=Thanh+toan+ORDER-1&vnp_PayDate=20260102100405&vnp_ResponseCode=00"
        b"&vnp_TmnCode=PAYKIT01&vnp_TransactionNo=4088878653&vnp_TransactionStatus=00"
        b"&vnp_TxnRef=ORDER-1&vnp_SecureHash="
    )
    notice = deliveries.paid(MOMO, reference="ORDER-1", amount=PRICE, at=AT)
    assert (notice.method, notice.query) == ("POST", b"")
    assert notice.header("content-type") == "application/json"
    body = notice.json()
    assert len(body.pop("signature")) == 64
    assert body == {
        "partnerCode": "MOMO",
        "orderId": "ORDER-1",
        "requestId": "ORDER-1",
        "amount": 150_000,
        "orderInfo": "Thanh toán ORDER-1",
        "orderType": "momo_wallet",
        "transId": 4088878653,
        "resultCode": 0,
        "message": "Thành công.",
        "payType": "qr",
        "responseTime": 1767323045000,
        "extraData": "",
    }


def test_signatures_are_those_of_openssl():
    """A third opinion: neither paykit's own code nor Python's hmac."""
    notice = deliveries.paid(MOMO, reference="ORDER-1", amount=PRICE, at=AT).json()
    signature = notice.pop("signature")
    text = "&".join(
        f"{name}={value}"
        for name, value in sorted({**notice, "accessKey": "F8BBA842ECF85"}.items())
    )
    assert openssl("sha256", "K951B6PE1waDMi640xX08PD3vg6EkVlz", text) == signature
    query = deliveries.paid(VNPAY, reference="ORDER-1", amount=PRICE, at=AT).query.decode()
    text, _, signature = query.partition("&vnp_SecureHash=")
    assert openssl("sha512", "PAYKITTESTSECRET0123456789ABCDEF", text) == signature


def openssl(algorithm, key, text):
    try:
        run = subprocess.run(
            ["openssl", "dgst", f"-{algorithm}", "-hmac", key],
            input=text.encode(),
            capture_output=True,
            check=True,
        )
    except FileNotFoundError:
        missing("openssl is not installed")
    return run.stdout.decode().strip().rpartition(" ")[2]


@PROVIDERS
def test_a_duplicate_is_the_same_call(provider):
    delivery = deliveries.paid(provider, reference="ORDER-1", amount=PRICE, at=AT)
    again = deliveries.duplicate(delivery)
    assert again == delivery
    assert received(provider, again) == received(provider, delivery)


@PROVIDERS
def test_broken_deliveries_are_refused(provider):
    delivery = deliveries.paid(provider, reference="ORDER-1", amount=PRICE, at=AT)
    for broken in (
        deliveries.tampered(provider, delivery),
        deliveries.unsigned(provider, delivery),
        deliveries.tampered(provider, deliveries.returned(provider, reference="ORDER-1", amount=PRICE, at=AT)),
    ):  # fmt: skip
        assert broken != delivery
        verify = provider.verify_return if broken.method == "GET" else provider.verify
        with pytest.raises(SignatureError):
            run(verify(broken), no_network)


@PROVIDERS
@pytest.mark.parametrize("by", [-1, 1, 1_000_000])
def test_a_wrong_amount_is_authentic(provider, by):
    delivery = deliveries.wrong_amount(provider, reference="ORDER-1", amount=PRICE, at=AT, by=by)
    (event,) = received(provider, delivery)
    assert (event.status, event.amount) == ("succeeded", Money(150_000 + by, "VND"))


@PROVIDERS
def test_the_configured_secret_signs(provider):
    other = {
        "vnpay": lambda: VNPay(VNPayConfig(tmn_code="PAYKIT01", hash_secret="another")),
        "momo": lambda: MoMo(MoMoConfig(partner_code="MOMO", access_key="F8BBA842ECF85", secret_key="another")),
    }[provider.name]()  # fmt: skip
    delivery = deliveries.paid(other, reference="ORDER-1", amount=PRICE, at=AT)
    with pytest.raises(SignatureError):
        received(provider, delivery)


def test_the_providers_own_fields_win():
    delivery = deliveries.paid(
        VNPAY,
        reference="ORDER-1",
        amount=PRICE,
        at=AT,
        fields={"vnp_BankCode": "VCB", "vnp_Foo": "b"},
    )
    assert delivery.query_fields()["vnp_BankCode"] == "VCB"
    assert received(VNPAY, delivery)[0].status == "succeeded"
    linked = deliveries.paid(
        MOMO,
        reference="LINK-1",
        amount=PRICE,
        at=AT,
        fields={"callbackToken": "g1", "partnerClientId": "c1", "paymentOption": "momo"},
    )
    payment, granted = received(MOMO, linked)
    assert granted == TokenGranted(
        event_id=f"{payment.event_id}-token",
        provider="momo",
        reference="LINK-1",
        customer_id="c1",
        grant="g1",
        occurred_at=AT,
    )


@PROVIDERS
def test_times_are_moments(provider):
    local = AT.astimezone(timezone(timedelta(hours=-3)))
    delivery = deliveries.paid(provider, reference="ORDER-1", amount=PRICE, at=local)
    assert delivery == deliveries.paid(provider, reference="ORDER-1", amount=PRICE, at=AT)
    with pytest.raises(InvalidRequest, match="time zone"):
        deliveries.paid(provider, reference="ORDER-1", amount=PRICE, at=AT.replace(tzinfo=None))


def test_what_a_provider_cannot_tell():
    with pytest.raises(
        UnsupportedOperation, match="vnpay does not support a notice of 'authorized'"
    ):
        deliveries.authorized(VNPAY, reference="ORDER-1", amount=PRICE, at=AT)


class Foreign(Acme):
    name = "foreign"


class NotVNPay(Acme):
    name = "vnpay"


class NotMoMo(Acme):
    name = "momo"


ACME_KEYS = {"api_key": "a", "webhook_key": "w"}


def test_a_factory_of_another_package(monkeypatch, tmp_path):
    with pytest.raises(ConfigurationError, match="entry point group"):
        factory_for(Foreign.from_dict(ACME_KEYS))
    installed = tmp_path / "foreign_paykit-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: foreign-paykit\nVersion: 1.0\n"
    )
    (installed / "entry_points.txt").write_text(
        "[paykit.testing.deliveries]\nforeign = tests.testing.sabotage:AcmeDeliveries\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    provider = Foreign.from_dict(ACME_KEYS)
    euros = Money(1999, "EUR")
    delivery = deliveries.paid(provider, reference="A-1", amount=euros, at=AT)
    assert received(provider, delivery)[0].amount == euros
    with pytest.raises(SignatureError):
        received(provider, deliveries.tampered(provider, delivery))
    with pytest.raises(UnsupportedOperation, match="browser returns"):
        deliveries.returned(provider, reference="A-1", amount=euros, at=AT)


@pytest.mark.parametrize("kind", [NotVNPay, NotMoMo])
def test_a_factory_wants_its_own_provider(kind):
    with pytest.raises(ConfigurationError, match="is not"):
        deliveries.paid(kind.from_dict(ACME_KEYS), reference="A-1", amount=PRICE, at=AT)


def test_the_fixture(paykit_delivery):
    assert paykit_delivery is deliveries


def imported_by(code):
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.split())


def test_the_plugin_is_cheap_and_deliveries_need_no_pytest():
    plugin = imported_by("import paykit.testing.pytest_plugin")
    assert not {"pydantic", "attrs", "httpx", "cryptography", "paykit.provider"} & plugin
    kit = imported_by(
        "import paykit.testing.deliveries, paykit.testing.factories.momo, paykit.testing.factories.vnpay"
    )
    assert not {"pytest", "_pytest", "httpx"} & kit
