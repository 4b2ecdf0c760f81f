"""Where the demo runs, and how shop and sandbox are told about each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from .. import registry
from ..provider import Clock, IdFactory, Provider, random_id, utc_now
from ..sandbox import config as sandbox
from ..sandbox.bank.config import OWN_ACCOUNT
from .attempts import CODES

SHOP_NAME: Final = "Tiệm Nhỏ"


@attrs.frozen(kw_only=True)
class DemoSettings:
    """Both addresses as the browser sees them, and the file that keeps payments and orders."""

    database: Path
    shop_url: str = "http://127.0.0.1:8000"
    sandbox_url: str = "http://127.0.0.1:8100"
    clock: Clock = utc_now
    new_id: IdFactory = random_id

    def webhook_url(self, provider: str) -> str:
        """Where the notices of a provider go."""
        return f"{self.shop_url}/pay/webhooks/{provider}"

    @property
    def statement_url(self) -> str:
        """The statement of the account that only the shop itself watches."""
        return f"{self.sandbox_url}/bank/accounts/{OWN_ACCOUNT.number}/transactions"

    @property
    def sandbox_config(self) -> sandbox.SandboxConfig:
        """The sandbox for this shop."""
        config = sandbox.SandboxConfig.for_shop(
            f"{self.shop_url}/pay/webhooks", public_url=self.sandbox_url, clock=self.clock
        )
        merchant = attrs.evolve(sandbox.PUBLISHED_MOMO_MERCHANTS[0], name=SHOP_NAME)
        return attrs.evolve(
            config,
            vnpay=attrs.evolve(config.vnpay, merchant_name=SHOP_NAME),
            momo=sandbox.MoMoConfig(merchants=(merchant,)),
            paypal=attrs.evolve(config.paypal, merchant_name=SHOP_NAME),
            stripe=attrs.evolve(config.stripe, merchant_name=SHOP_NAME),
            adyen=attrs.evolve(config.adyen, merchant_name=SHOP_NAME, capture="manual"),
            checkoutcom=attrs.evolve(config.checkoutcom, merchant_name=SHOP_NAME),
        )

    def providers(self) -> tuple[Provider, ...]:
        """The shop's accounts at the sandbox, in the order of the checkout page."""
        return tuple(
            registry.load(name).from_dict(
                keys(self, self.sandbox_config), clock=self.clock, new_id=self.new_id
            )
            for name, keys in _KEYS.items()
        )


_Keys = Callable[[DemoSettings, sandbox.SandboxConfig], Mapping[str, Any]]


def _vnpay(settings: DemoSettings, config: sandbox.SandboxConfig) -> Mapping[str, Any]:
    base = f"{settings.sandbox_url}/vnpay"
    return {
        "tmn_code": config.vnpay.tmn_code,
        "hash_secret": config.vnpay.hash_secret,
        "pay_url": f"{base}/paymentv2/vpcpay.html",
        "api_url": f"{base}/merchant_webapi/api/transaction",
    }


def _momo(settings: DemoSettings, config: sandbox.SandboxConfig) -> Mapping[str, Any]:
    merchant = config.momo.merchants[0]
    return {
        "partner_code": merchant.partner_code,
        "access_key": merchant.access_key,
        "secret_key": merchant.secret_key,
        "base_url": f"{settings.sandbox_url}/momo",
        "notify_url": settings.webhook_url("momo"),
    }


def _zalopay(settings: DemoSettings, config: sandbox.SandboxConfig) -> Mapping[str, Any]:
    merchant = config.zalopay.merchants[0]
    return {
        "app_id": merchant.app_id,
        "key1": merchant.key1,
        "key2": merchant.key2,
        "base_url": f"{settings.sandbox_url}/zalopay",
        "notify_url": settings.webhook_url("zalopay"),
    }


def _paypal(settings: DemoSettings, config: sandbox.SandboxConfig) -> Mapping[str, Any]:
    return {
        "client_id": config.paypal.client_id,
        "client_secret": config.paypal.client_secret,
        "webhook_ids": (config.paypal.webhook_id,),
        "webhook_roots": config.paypal.root_certificate_pem,
        "base_url": f"{settings.sandbox_url}/paypal",
    }


def _payos(settings: DemoSettings, config: sandbox.SandboxConfig) -> Mapping[str, Any]:
    return {
        "client_id": config.payos.client_id,
        "api_key": config.payos.api_key,
        "checksum_key": config.payos.checksum_key,
        "base_url": f"{settings.sandbox_url}/payos",
    }


def _sepaypg(settings: DemoSettings, config: sandbox.SandboxConfig) -> Mapping[str, Any]:
    return {
        "merchant_id": config.sepaypg.merchant_id,
        "secret_key": config.sepaypg.secret_key,
        "ipn_secret": config.sepaypg.ipn_secret,
        "base_url": f"{settings.sandbox_url}/sepaypg",
    }


def _sepay(_settings: DemoSettings, config: sandbox.SandboxConfig) -> Mapping[str, Any]:
    return {**_account(config.sepay.account), "webhook_secret": config.sepay.webhook_secret}


def _casso(_settings: DemoSettings, config: sandbox.SandboxConfig) -> Mapping[str, Any]:
    return {**_account(config.casso.account), "security_key": config.casso.webhook_key}


def _vietqr(_settings: DemoSettings, _config: sandbox.SandboxConfig) -> Mapping[str, Any]:
    return _account(OWN_ACCOUNT)


def _stripe(settings: DemoSettings, config: sandbox.SandboxConfig) -> Mapping[str, Any]:
    return {
        "secret_key": config.stripe.secret_key,
        "webhook_secret": config.stripe.webhook_secrets[0],
        "base_url": f"{settings.sandbox_url}/stripe",
    }


def _adyen(settings: DemoSettings, config: sandbox.SandboxConfig) -> Mapping[str, Any]:
    return {
        "merchant_account": config.adyen.merchant_account,
        "api_key": config.adyen.api_key,
        "hmac_key": config.adyen.hmac_key,
        "capture_mode": "manual",
        "base_url": f"{settings.sandbox_url}/adyen/v72",
    }


def _checkoutcom(settings: DemoSettings, config: sandbox.SandboxConfig) -> Mapping[str, Any]:
    return {
        "secret_key": config.checkoutcom.secret_key,
        "signature_key": config.checkoutcom.signature_key,
        "webhook_authorization": config.checkoutcom.webhook_authorization,
        "processing_channel_id": config.checkoutcom.processing_channel_id,
        "base_url": f"{settings.sandbox_url}/checkoutcom",
    }


def _account(account: Any) -> dict[str, Any]:
    """The bank account, and the form of the codes in the memos."""
    return {
        "bank": account.bin,
        "account_number": account.number,
        "code_prefix": CODES.prefix,
        "code_length": CODES.length,
    }


#: Each provider's configuration, from what its simulator knows.
_KEYS: Final[Mapping[str, _Keys]] = {
    "vnpay": _vnpay,
    "momo": _momo,
    "zalopay": _zalopay,
    "paypal": _paypal,
    "payos": _payos,
    "sepaypg": _sepaypg,
    "sepay": _sepay,
    "casso": _casso,
    "vietqr": _vietqr,
    "stripe": _stripe,
    "adyen": _adyen,
    "checkoutcom": _checkoutcom,
}
