"""The accounts that the environment configures."""

import pytest

from paykit import ConfigurationError, registry

VIETQR = {"PAYKIT_VIETQR_BANK": "ACB", "PAYKIT_VIETQR_ACCOUNT_NUMBER": "19036666888"}
VNPAY = {"PAYKIT_VNPAY_TMN_CODE": "SHOP0001", "PAYKIT_VNPAY_HASH_SECRET": "TOP-SECRET"}
VNPAY_EU = {
    "PAYKIT_VNPAY_CARD_SHOP_TMN_CODE": "SHOP0002",
    "PAYKIT_VNPAY_CARD_SHOP_HASH_SECRET": "TOP-SECRET",
}


def keys(environ):
    return [provider.key for provider in registry.from_env(environ=environ)]


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, []),
        ({"PAYKIT_DATABASE": "sqlite:///x.db", "PATH": "/bin"}, []),
        ({"PAYKIT_VNPAY_ENVIRONMENT": "sandbox", **VIETQR}, ["vietqr"]),
        ({**VNPAY, **VIETQR}, ["vietqr", "vnpay"]),
        ({**VNPAY, **VIETQR, "PAYKIT_ACCOUNTS": "vnpay"}, ["vnpay"]),
        ({**VNPAY, **VIETQR, "PAYKIT_ACCOUNTS": " "}, ["vietqr", "vnpay"]),
        (
            {**VNPAY, **VNPAY_EU, "PAYKIT_ACCOUNTS": "vnpay-card-shop, vnpay,"},
            ["vnpay", "vnpay-card-shop"],
        ),
    ],
)
def test_accounts_are_found(environ, found):
    assert keys(environ) == found


def test_an_account_is_the_one_that_its_variables_describe():
    environ = {**VNPAY, **VNPAY_EU, "PAYKIT_ACCOUNTS": "vnpay-card-shop"}
    (provider,) = registry.from_env(environ=environ)
    assert (provider.account, provider.config.tmn_code) == ("card-shop", "SHOP0002")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"PAYKIT_VNPAY_TMN_CODE": "SHOP0001"},
            "vnpay: set the environment variable PAYKIT_VNPAY_HASH_SECRET",
        ),
        (
            {**VNPAY, "PAYKIT_ACCOUNTS": "vnpay-eu"},
            (
                "vnpay: set the environment variable PAYKIT_VNPAY_EU_TMN_CODE, "
                "PAYKIT_VNPAY_EU_HASH_SECRET"
            ),
        ),
        (
            {**VNPAY, **VNPAY_EU},
            (
                "PAYKIT_VNPAY_CARD_SHOP_HASH_SECRET is of an account that has a name: name all "
                "accounts in PAYKIT_ACCOUNTS, such as momo,momo-eu"
            ),
        ),
        (
            {"PAYKIT_ACCOUNTS": "vnpayeu"},
            (
                "PAYKIT_ACCOUNTS names the accounts by their keys, such as momo,momo-eu; "
                "'vnpayeu' is none"
            ),
        ),
    ],
)
def test_nothing_is_guessed(environ, said):
    with pytest.raises(ConfigurationError) as caught:
        registry.from_env(environ=environ)
    assert str(caught.value) == said


def test_the_longest_name_is_the_providers(monkeypatch):
    """A package may offer a provider whose name has a hyphen in it."""
    offered = {"momo", "momo-business"}
    monkeypatch.setattr(registry, "names", lambda: tuple(offered))
    monkeypatch.setattr(registry, "load", lambda name: name)
    assert registry._of_key("momo-business") == ("momo-business", "default")
    assert registry._of_key("momo-business-eu") == ("momo-business", "eu")
    assert registry._of_key("momo-eu") == ("momo", "eu")


# A mapping.

SHOP = {"tmn_code": "SHOP0001", "hash_secret": "TOP-SECRET"}


def test_accounts_of_a_mapping():
    found = registry.from_dict({"vnpay": SHOP, "vnpay-card-shop": {**SHOP, "tmn_code": "SHOP0002"}})
    assert [(one.key, one.account, one.config.tmn_code) for one in found] == [
        ("vnpay", "default", "SHOP0001"),
        ("vnpay-card-shop", "card-shop", "SHOP0002"),
    ]


@pytest.mark.parametrize(
    ("accounts", "said"),
    [
        ({"vnpya": SHOP}, "'vnpya' is no account's key, such as momo or momo-eu"),
        ({"vnpay": "SHOP0001"}, "the settings of vnpay are no mapping"),
        ({"vnpay-eu": {**SHOP, "account": "us"}}, "vnpay-eu is configured as vnpay-us"),
        ({"vnpay-default": SHOP}, "vnpay-default is configured as vnpay"),
        ({"vnpay": {"tmn_code": "SHOP0001"}}, "vnpay: hash_secret: Field required"),
    ],
)
def test_a_wrong_mapping_is_refused(accounts, said):
    with pytest.raises(ConfigurationError) as caught:
        registry.from_dict(accounts)
    assert str(caught.value) == said
