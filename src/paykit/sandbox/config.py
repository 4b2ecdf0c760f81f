"""What the sandbox pretends: its merchants, their keys, its clock, its patience.

Every default is published by a provider or made up here; none of them opens anything real.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeAlias
from urllib.parse import urlsplit

import attrs
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from ..errors import ConfigurationError
from .adyen.config import AdyenConfig
from .bank.config import BankConfig
from .casso.config import CassoConfig
from .checkoutcom.config import CheckoutComConfig
from .payos.config import PayOSConfig
from .paypal.config import PayPalConfig
from .sepay.config import SePayConfig
from .sepaypg.config import SePayGatewayConfig
from .stripe.config import StripeConfig
from .zalopay.config import PUBLISHED_ZALOPAY_MERCHANTS, ZaloPayConfig

Clock: TypeAlias = Callable[[], datetime]
IdFactory: TypeAlias = Callable[[], str]

_AES_KEY_BYTES = 32


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _without_slash(url: str) -> str:
    return url.rstrip("/")


def _random_id() -> str:
    return secrets.token_hex(16)


@functools.cache
def _process_rsa_key() -> str:
    """One throw-away key for the whole process: making it takes a noticeable moment."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@functools.lru_cache(maxsize=8)
def _load_rsa_key(pem: str) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (TypeError, ValueError):
        raise ConfigurationError("rsa_private_key_pem is not a readable private key") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigurationError("rsa_private_key_pem is not an RSA key")
    return key


@attrs.frozen(kw_only=True)
class VNPayConfig:
    """VNPay's side of one terminal. The IPN address is stored at VNPay, so it is set here.

    An unsettled IPN is sent up to ``ipn_retries`` times more, ``ipn_interval`` apart. A page
    without ``vnp_ExpireDate`` lives for ``page_lifetime``. While ``refund_processing`` has not
    passed, a refund shows as being processed (status 05).
    """

    tmn_code: str = "PAYKIT01"
    hash_secret: str = attrs.field(default="PAYKITSANDBOXSECRET0123456789ABC", repr=False)
    merchant_name: str = "Paykit Demo Shop"
    ipn_url: str = "http://127.0.0.1:8000/webhooks/vnpay"
    approved: bool = True  #: a terminal that is not approved meets error 71
    refunds_enabled: bool = True  #: a new terminal may not refund and gets code 99
    refund_processing: timedelta = timedelta(0)
    page_lifetime: timedelta = timedelta(minutes=15)
    ipn_retries: int = 10
    ipn_interval: timedelta = timedelta(minutes=5)
    #: VNPay does not publish how long it waits for the answer to an IPN.
    ipn_timeout: timedelta = timedelta(seconds=30)


@attrs.frozen(kw_only=True)
class MoMoMerchant:
    """One MoMo partner. A disabled one is refused with 11."""

    partner_code: str
    access_key: str = attrs.field(repr=False)
    secret_key: str = attrs.field(repr=False)
    name: str = "Paykit Demo Shop"
    enabled: bool = True

    def __attrs_post_init__(self) -> None:
        # The secret is also the AES-256 key of wallet tokens.
        if len(self.secret_key.encode()) != _AES_KEY_BYTES:
            raise ConfigurationError(f"a MoMo secret key has {_AES_KEY_BYTES} bytes")


#: The merchants that MoMo publishes for its own test gateway.
PUBLISHED_MOMO_MERCHANTS = (
    MoMoMerchant(
        partner_code="MOMO",
        access_key="F8BBA842ECF85",
        secret_key="K951B6PE1waDMi640xX08PD3vg6EkVlz",  # noqa: S106 - published by MoMo
    ),
    MoMoMerchant(
        partner_code="MOMOBKUN20180529",
        access_key="klm05TvNBzhg7h7j",
        secret_key="at67qH6mk8w5Y1nAyMoYKMWACiEi2bsa",  # noqa: S106
    ),
    MoMoMerchant(
        partner_code="MOMOLRJZ20181206",
        access_key="mTCKt9W3eU1m39TW",
        secret_key="SetA5RDnLHvt51AULf51DyauxUo3kDU6",  # noqa: S106
    ),
)


@attrs.frozen(kw_only=True)
class MoMoConfig:
    """MoMo's side: its merchants, and what it leaves unpublished.

    MoMo expects HTTP 204 within 15 s but publishes no retry schedule; ``ipn_retry_after`` is an
    assumption, one entry per further attempt. An integrator reports that a user's cancel sends no
    IPN; ``ipn_on_cancel=False`` does likewise.
    """

    merchants: tuple[MoMoMerchant, ...] = PUBLISHED_MOMO_MERCHANTS
    ipn_on_cancel: bool = True
    ipn_retry_after: tuple[timedelta, ...] = (
        timedelta(seconds=5),
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
    )
    ipn_timeout: timedelta = timedelta(seconds=15)
    session_lifetime: timedelta = timedelta(minutes=10)
    link_lifetime: timedelta = timedelta(minutes=15)
    #: Decrypts payment codes and wallet tokens; by default made once per process.
    rsa_private_key_pem: str = attrs.field(factory=_process_rsa_key, repr=False)
    rsa_private_key: rsa.RSAPrivateKey = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "rsa_private_key", _load_rsa_key(self.rsa_private_key_pem))

    @property
    def rsa_public_key_pem(self) -> str:
        """The public key that a merchant configures to encrypt payment codes and tokens."""
        public = self.rsa_private_key.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def merchant(self, partner_code: str) -> MoMoMerchant | None:
        """The merchant with this partner code."""
        return next((one for one in self.merchants if one.partner_code == partner_code), None)


@attrs.frozen(kw_only=True)
class SandboxConfig:
    """Everything the sandbox needs to know. ``public_url`` is where browsers reach it.

    ``keep`` bounds the payments per provider and the deliveries that are remembered: the oldest
    are forgotten first.
    """

    public_url: str = attrs.field(default="http://127.0.0.1:8100", converter=_without_slash)
    clock: Clock = _utc_now
    new_id: IdFactory = _random_id
    vnpay: VNPayConfig = attrs.field(factory=VNPayConfig)
    momo: MoMoConfig = attrs.field(factory=MoMoConfig)
    bank: BankConfig = attrs.field(factory=BankConfig)
    payos: PayOSConfig = attrs.field(factory=PayOSConfig)
    sepay: SePayConfig = attrs.field(factory=SePayConfig)
    sepaypg: SePayGatewayConfig = attrs.field(factory=SePayGatewayConfig)
    casso: CassoConfig = attrs.field(factory=CassoConfig)
    zalopay: ZaloPayConfig = attrs.field(factory=ZaloPayConfig)
    paypal: PayPalConfig = attrs.field(factory=PayPalConfig)
    stripe: StripeConfig = attrs.field(factory=StripeConfig)
    adyen: AdyenConfig = attrs.field(factory=AdyenConfig)
    checkoutcom: CheckoutComConfig = attrs.field(factory=CheckoutComConfig)
    max_body: int = 256 * 1024
    keep: int = 2000

    @classmethod
    def for_shop(cls, webhooks_url: str, **settings: Any) -> Self:
        """A sandbox whose stored notice addresses are ``webhooks_url`` and the provider's name.

        That is how paykit's own mounts lay them out: ``https://shop.example/pay/webhooks``. MoMo
        takes the address from each request.
        """
        base = webhooks_url.rstrip("/")
        addresses: dict[str, Any] = {
            "vnpay": VNPayConfig(ipn_url=f"{base}/vnpay"),
            "zalopay": ZaloPayConfig(
                merchants=tuple(
                    attrs.evolve(app, callback_url=f"{base}/zalopay")
                    for app in PUBLISHED_ZALOPAY_MERCHANTS
                )
            ),
            "paypal": PayPalConfig(webhook_url=f"{base}/paypal"),
            "stripe": StripeConfig(webhook_url=f"{base}/stripe"),
            "adyen": AdyenConfig(webhook_url=f"{base}/adyen"),
            "checkoutcom": CheckoutComConfig(webhook_url=f"{base}/checkoutcom"),
            "payos": PayOSConfig(webhook_url=f"{base}/payos"),
            "sepaypg": SePayGatewayConfig(ipn_url=f"{base}/sepaypg"),
            "sepay": SePayConfig(webhook_url=f"{base}/sepay"),
            "casso": CassoConfig(webhook_url=f"{base}/casso"),
        }
        return cls(**{**addresses, **settings})

    @property
    def root(self) -> str:
        """The path under which the sandbox is reached, without a slash at its end."""
        return urlsplit(self.public_url).path
