"""One record per payment, and one effect from webhook, return and API answer.

Needs the extra ``paykit-adapters[service]``. :class:`PaymentService` is for blocking code,
:class:`AsyncPaymentService` for async code; both have the same methods and the same behaviour.
"""

from .commands import Commanded
from .facade import AsyncPaymentService, PaymentService
from .operations import Receipt, ReturnInfo
from .state import PaymentRecord

__all__ = [
    "AsyncPaymentService",
    "Commanded",
    "PaymentRecord",
    "PaymentService",
    "Receipt",
    "ReturnInfo",
]
