"""One small interface over payment providers.

Every public name is loaded on first use, so ``import paykit`` costs next to nothing.
"""

from __future__ import annotations

from .lazy import attach

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .client import AsyncClient as AsyncClient
    from .client import Client as Client
    from .declines import Advice as Advice
    from .declines import DeclineReason as DeclineReason
    from .declines import advice as advice
    from .errors import AuthenticationFailed as AuthenticationFailed
    from .errors import BrokerUnavailable as BrokerUnavailable
    from .errors import ConfigurationError as ConfigurationError
    from .errors import Declined as Declined
    from .errors import DuplicateReference as DuplicateReference
    from .errors import IdempotencyConflict as IdempotencyConflict
    from .errors import InvalidRequest as InvalidRequest
    from .errors import MalformedDelivery as MalformedDelivery
    from .errors import MalformedResponse as MalformedResponse
    from .errors import MessageRefused as MessageRefused
    from .errors import NoAnswer as NoAnswer
    from .errors import NotFound as NotFound
    from .errors import NotPublished as NotPublished
    from .errors import NotSent as NotSent
    from .errors import OutcomeUnknown as OutcomeUnknown
    from .errors import PaykitError as PaykitError
    from .errors import ProviderError as ProviderError
    from .errors import ProviderUnavailable as ProviderUnavailable
    from .errors import PublishError as PublishError
    from .errors import RateLimited as RateLimited
    from .errors import RequestInProgress as RequestInProgress
    from .errors import SignatureError as SignatureError
    from .errors import StaleDelivery as StaleDelivery
    from .errors import StoreUnavailable as StoreUnavailable
    from .errors import TransportError as TransportError
    from .errors import UnsupportedOperation as UnsupportedOperation
    from .errors import WebhookError as WebhookError
    from .events import Event as Event
    from .events import Movement as Movement
    from .events import MovementKind as MovementKind
    from .events import PaymentProcessed as PaymentProcessed
    from .events import TokenGranted as TokenGranted
    from .events import TransferReceived as TransferReceived
    from .http import Delivery as Delivery
    from .http import HttpRequest as HttpRequest
    from .http import HttpResponse as HttpResponse
    from .http import Reply as Reply
    from .models import CaptureMode as CaptureMode
    from .models import ConfirmInClient as ConfirmInClient
    from .models import Customer as Customer
    from .models import Discrepancy as Discrepancy
    from .models import FormPost as FormPost
    from .models import HandleInClient as HandleInClient
    from .models import LineItem as LineItem
    from .models import Nothing as Nothing
    from .models import Payment as Payment
    from .models import PaymentRef as PaymentRef
    from .models import PaymentRequest as PaymentRequest
    from .models import PaymentSession as PaymentSession
    from .models import PaymentStatus as PaymentStatus
    from .models import PaymentToken as PaymentToken
    from .models import Redirect as Redirect
    from .models import Refund as Refund
    from .models import RefundRef as RefundRef
    from .models import RefundRequest as RefundRequest
    from .models import RefundStatus as RefundStatus
    from .models import ShowQr as ShowQr
    from .models import TokenRequest as TokenRequest
    from .money import Money as Money
    from .orders import OrderPlaced as OrderPlaced
    from .provider import Outcome as Outcome
    from .provider import Provider as Provider
    from .providers.adyen import Adyen as Adyen
    from .providers.adyen import AdyenConfig as AdyenConfig
    from .providers.casso import Casso as Casso
    from .providers.casso import CassoConfig as CassoConfig
    from .providers.checkoutcom import CheckoutCom as CheckoutCom
    from .providers.checkoutcom import CheckoutComConfig as CheckoutComConfig
    from .providers.momo import MoMo as MoMo
    from .providers.momo import MoMoConfig as MoMoConfig
    from .providers.payos import PayOS as PayOS
    from .providers.payos import PayOSConfig as PayOSConfig
    from .providers.paypal import PayPal as PayPal
    from .providers.paypal import PayPalConfig as PayPalConfig
    from .providers.sepay import SePay as SePay
    from .providers.sepay import SePayConfig as SePayConfig
    from .providers.sepaypg import SePayGateway as SePayGateway
    from .providers.sepaypg import SePayGatewayConfig as SePayGatewayConfig
    from .providers.stripe import Stripe as Stripe
    from .providers.stripe import StripeConfig as StripeConfig
    from .providers.vietqr import VietQR as VietQR
    from .providers.vietqr import VietQRConfig as VietQRConfig
    from .providers.vnpay import VNPay as VNPay
    from .providers.vnpay import VNPayConfig as VNPayConfig
    from .providers.zalopay import ZaloPay as ZaloPay
    from .providers.zalopay import ZaloPayConfig as ZaloPayConfig

_HOMES = {
    "client": "AsyncClient Client",
    "declines": "Advice DeclineReason advice",
    "errors": "AuthenticationFailed BrokerUnavailable ConfigurationError Declined "
    "DuplicateReference IdempotencyConflict InvalidRequest MalformedDelivery MalformedResponse "
    "MessageRefused NoAnswer NotFound NotPublished NotSent OutcomeUnknown PaykitError "
    "ProviderError ProviderUnavailable PublishError RateLimited RequestInProgress SignatureError "
    "StaleDelivery StoreUnavailable TransportError UnsupportedOperation WebhookError",
    "events": "Event Movement MovementKind PaymentProcessed TokenGranted TransferReceived",
    "http": "Delivery HttpRequest HttpResponse Reply",
    "models": "CaptureMode ConfirmInClient Customer Discrepancy FormPost HandleInClient LineItem "
    "Nothing Payment PaymentRef PaymentRequest PaymentSession PaymentStatus PaymentToken Redirect "
    "Refund RefundRef RefundRequest RefundStatus ShowQr TokenRequest",
    "money": "Money",
    "orders": "OrderPlaced",
    "provider": "Outcome Provider",
    "providers.adyen": "Adyen AdyenConfig",
    "providers.casso": "Casso CassoConfig",
    "providers.checkoutcom": "CheckoutCom CheckoutComConfig",
    "providers.momo": "MoMo MoMoConfig",
    "providers.payos": "PayOS PayOSConfig",
    "providers.paypal": "PayPal PayPalConfig",
    "providers.sepay": "SePay SePayConfig",
    "providers.sepaypg": "SePayGateway SePayGatewayConfig",
    "providers.stripe": "Stripe StripeConfig",
    "providers.vietqr": "VietQR VietQRConfig",
    "providers.vnpay": "VNPay VNPayConfig",
    "providers.zalopay": "ZaloPay ZaloPayConfig",
}
__getattr__, __dir__ = attach(__name__, _HOMES)

__all__ = __dir__()  # noqa: PLE0605 - a test holds it equal to the imports above
