"""Where the demo runs, and how shop and sandbox are told about each other."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs

from ..provider import Clock, IdFactory, Provider, random_id, utc_now
from ..providers.momo import MoMo, MoMoConfig
from ..providers.vnpay import VNPay, VNPayConfig
from ..sandbox import config as sandbox

SHOP_NAME: Final = "Tiệm Nhỏ"


@attrs.frozen(kw_only=True)
class DemoSettings:
    """Both addresses as the browser sees them, and the file that keeps payments and orders."""

    database: Path
    shop_url: str = "http://127.0.0.1:8000"
    sandbox_url: str = "http://127.0.0.1:8100"
    clock: Clock = utc_now
    new_id: IdFactory = random_id

    @property
    def sandbox_config(self) -> sandbox.SandboxConfig:
        """The sandbox for this shop. VNPay's IPN address is stored at VNPay, so it is set here."""
        merchant = sandbox.PUBLISHED_MOMO_MERCHANTS[0]
        return sandbox.SandboxConfig(
            public_url=self.sandbox_url,
            clock=self.clock,
            vnpay=sandbox.VNPayConfig(
                merchant_name=SHOP_NAME, ipn_url=f"{self.shop_url}/pay/webhooks/vnpay"
            ),
            momo=sandbox.MoMoConfig(merchants=(attrs.evolve(merchant, name=SHOP_NAME),)),
        )

    def providers(self) -> tuple[Provider, ...]:
        """The shop's accounts at the sandbox."""
        config = self.sandbox_config
        merchant = config.momo.merchants[0]
        return (
            VNPay(
                VNPayConfig.from_dict(
                    {
                        "tmn_code": config.vnpay.tmn_code,
                        "hash_secret": config.vnpay.hash_secret,
                        "pay_url": f"{self.sandbox_url}/vnpay/paymentv2/vpcpay.html",
                        "api_url": f"{self.sandbox_url}/vnpay/merchant_webapi/api/transaction",
                    }
                ),
                clock=self.clock,
                new_id=self.new_id,
            ),
            MoMo(
                MoMoConfig.from_dict(
                    {
                        "partner_code": merchant.partner_code,
                        "access_key": merchant.access_key,
                        "secret_key": merchant.secret_key,
                        "base_url": f"{self.sandbox_url}/momo",
                        "notify_url": f"{self.shop_url}/pay/webhooks/momo",
                    }
                ),
                clock=self.clock,
                new_id=self.new_id,
            ),
        )
