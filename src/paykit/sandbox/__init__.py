"""Payment providers that run offline: the same calls, signatures and notices, pages to click.

``create_app(SandboxConfig())`` is an ASGI application with each provider under its own name
(``/vnpay``, ``/momo`` …), a list of what happened at ``/``, and switches for tests under
``/_sandbox``. It checks
and signs with code of its own, so that it and the adapters pin each other. No real money moves.

Its credentials are public and it calls any address that a signed request names: bind it to the
loopback interface or to a private network, never to the internet.
"""

from __future__ import annotations

from .adyen.config import AdyenConfig
from .app import create_app
from .checkoutcom.config import CheckoutComConfig
from .config import MoMoConfig, MoMoMerchant, SandboxConfig, VNPayConfig
from .paypal.config import PayPalConfig
from .stripe.config import StripeConfig
from .zalopay.config import ZaloPayConfig, ZaloPayMerchant

__all__ = [
    "AdyenConfig",
    "CheckoutComConfig",
    "MoMoConfig",
    "MoMoMerchant",
    "PayPalConfig",
    "SandboxConfig",
    "StripeConfig",
    "VNPayConfig",
    "ZaloPayConfig",
    "ZaloPayMerchant",
    "create_app",
]
