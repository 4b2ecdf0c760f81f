"""Configuration: complete when it is built, or refused by name; secrets never show."""

import copy
import pickle
from datetime import timedelta

import pytest

from paykit import ConfigurationError, MoMo, MoMoConfig, VNPay, VNPayConfig
from paykit.signing import SigningKey

MOMO = {"partner_code": "MOMO", "access_key": "ACCESS", "secret_key": "TOP-SECRET"}
VNPAY = {"tmn_code": "SHOP0001", "hash_secret": "TOP-SECRET"}


def test_three_ways_to_the_same():
    by_name = MoMoConfig(**MOMO)
    assert MoMoConfig.from_dict(MOMO) == by_name
    environ = {f"PAYKIT_MOMO_{name.upper()}": value for name, value in MOMO.items()}
    assert MoMoConfig.from_env(environ=environ) == by_name
    assert MoMo.from_env(environ=environ).config == MoMo.from_dict(MOMO).config == by_name


def test_two_accounts_side_by_side():
    environ = {
        "PAYKIT_VNPAY_TMN_CODE": "SHOP0001",
        "PAYKIT_VNPAY_HASH_SECRET": "ONE",
        "PAYKIT_VNPAY_CARD_SHOP_TMN_CODE": "SHOP0002",
        "PAYKIT_VNPAY_CARD_SHOP_HASH_SECRET": "TWO",
        "PAYKIT_VNPAY_CARD_SHOP_PREVIOUS_HASH_SECRETS": "OLD-1, OLD-2",
        "PAYKIT_VNPAY_CARD_SHOP_SESSION_LIFETIME": "PT30M",
        "PAYKIT_VNPAY_CARD_SHOP_PAY_URL": "",
    }
    first = VNPay.from_env(environ=environ)
    second = VNPay.from_env("card-shop", environ=environ)
    assert (first.key, second.key) == ("vnpay", "vnpay-card-shop")
    assert (first.config.tmn_code, second.config.tmn_code) == ("SHOP0001", "SHOP0002")
    assert [s.get_secret_value() for s in second.config.previous_hash_secrets] == ["OLD-1", "OLD-2"]
    assert second.config.session_lifetime == timedelta(minutes=30)
    assert second.config.pay_url is None


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, ["PAYKIT_MOMO_PARTNER_CODE", "PAYKIT_MOMO_ACCESS_KEY", "PAYKIT_MOMO_SECRET_KEY"]),
        (
            {
                "PAYKIT_MOMO_PARTNER_CODE": "M",
                "PAYKIT_MOMO_ACCESS_KEY": "A",
                "PAYKIT_MOMO_SECRET_KEY": " ",
            },
            ["PAYKIT_MOMO_SECRET_KEY (it is empty)"],
        ),
    ],
)
def test_what_is_missing_is_named(environ, named):
    with pytest.raises(ConfigurationError) as caught:
        MoMoConfig.from_env(environ=environ)
    assert all(name in str(caught.value) for name in named)


@pytest.mark.parametrize("secret", ["", " ", "\n", None, "TOP-SECRET\n", " TOP-SECRET", b"", 5])
def test_a_bad_secret_is_refused_at_once(secret):
    for make in (
        lambda: MoMoConfig(**{**MOMO, "secret_key": secret}),
        lambda: VNPayConfig(**{**VNPAY, "hash_secret": secret}),
        lambda: VNPayConfig(**VNPAY, previous_hash_secrets=(secret,)),
    ):
        with pytest.raises(ConfigurationError) as caught:
            make()
        assert "TOP-SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {**VNPAY, "hash_sekret": "TOP-SECRET"},
        {"tmn_code": "X"},
        {**VNPAY, "tmn_code": ""},
        {**VNPAY, "tmn_code": " X "},
        {**VNPAY, "environment": "prod"},
        {**VNPAY, "environment": "production"},
        {**VNPAY, "session_lifetime": 0},
        {**VNPAY, "api_url": "http://sandbox.vnpayment.vn/x"},
        {**VNPAY, "api_url": "ftp://127.0.0.1/x"},
        {**VNPAY, "api_url": "https://user:pw@vnpayment.vn/"},
        {**VNPAY, "api_url": "https:///x"},
        {**VNPAY, "pay_url": "https://x/?a=1"},
    ],
)
def test_what_is_wrong_is_refused(settings):
    with pytest.raises(ConfigurationError) as caught:
        VNPay.from_dict(settings)
    assert "TOP-SECRET" not in str(caught.value)
    assert str(caught.value).startswith("vnpay: ")


def test_a_partner_code_cannot_hold_the_join_characters():
    with pytest.raises(ConfigurationError):
        MoMoConfig(**{**MOMO, "partner_code": "A&amount=1"})


def test_loopback_may_be_plain_http():
    config = VNPayConfig(**VNPAY, api_url="http://127.0.0.1:8100/vnpay/")
    assert config.api_url == "http://127.0.0.1:8100/vnpay"


def test_production_addresses():
    config = VNPayConfig(**VNPAY, environment="production", api_url="https://merchant.vnpay.vn/x")
    assert VNPay(config).payment_url({"vnp_TxnRef": "1"}).startswith("https://pay.vnpay.vn/vpcpay")
    assert MoMo(MoMoConfig(**MOMO, environment="production")).base == "https://payment.momo.vn"


def test_the_configuration_of_another_provider_is_refused():
    with pytest.raises(ConfigurationError):
        VNPay(MoMoConfig(**MOMO))


@pytest.mark.parametrize(
    "thing", [MoMoConfig(**MOMO), MoMo.from_dict(MOMO), VNPay.from_dict(VNPAY)]
)
def test_secrets_never_show(thing):
    shown = [repr(thing), str(thing), repr(vars(thing)), f"{thing}"]
    if isinstance(thing, MoMoConfig):
        shown += [thing.model_dump_json(), repr(thing.model_dump())]
    assert not any("TOP-SECRET" in text for text in shown)
    with pytest.raises(ConfigurationError):
        pickle.dumps(thing)


def test_a_configuration_can_be_copied():
    config = MoMoConfig(**MOMO)
    assert copy.deepcopy(config) == config


def test_a_configuration_does_not_change():
    with pytest.raises(Exception, match="frozen"):
        MoMoConfig(**MOMO).partner_code = "X"


def test_a_signing_key_hides_itself():
    key = SigningKey("TOP-SECRET", "sha256")
    assert repr(key) == "SigningKey(sha256)"
    with pytest.raises(ConfigurationError):
        pickle.dumps(key)
    with pytest.raises(ConfigurationError):
        SigningKey(" ", "sha256")
