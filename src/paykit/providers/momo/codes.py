"""MoMo's words, in ours: request types, result codes, refusals, replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...errors import (
    AuthenticationFailed,
    DuplicateReference,
    NotFound,
    ProviderError,
    ProviderUnavailable,
)
from ...models import (
    PaymentStatus,
    RefundStatus,
)

S = PaymentStatus

#: What ``requestType`` may be, https://developers.momo.vn/v3/docs/payment/api/collection-link/
METHODS: Final = frozenset(
    {
        "captureWallet",
        "payWithATM",
        "payWithCC",
        "payWithMethod",
        "payWithInstallmentFlik",
        "linkWallet",
        "subscription",
    }
)
LINKING: Final = frozenset({"linkWallet", "subscription"})

#: ``resultCode`` of a payment: our status and the reason in our words, from
#: https://developers.momo.vn/v3/docs/payment/api/result-handling/resultcode/. Codes that describe
#: the call (below 1000, but for 0) are not here: they say nothing about the payment.
RESULT_CODES: Final[Mapping[int, tuple[PaymentStatus, str | None]]] = {
    0: (S.SUCCEEDED, None),
    9000: (S.AUTHORIZED, None),
    1000: (S.PENDING, None),
    7000: (S.PENDING, None),
    7002: (S.PENDING, None),
    8000: (S.PENDING, None),
    1001: (S.FAILED, "insufficient_funds"),
    1002: (S.FAILED, "card_declined"),
    1003: (S.CANCELED, "canceled_by_provider"),
    1004: (S.FAILED, "limit_exceeded"),
    1005: (S.EXPIRED, "expired"),
    1006: (S.CANCELED, "canceled_by_payer"),
    1007: (S.FAILED, "account_blocked"),
    1017: (S.CANCELED, "canceled_by_merchant"),
    1026: (S.FAILED, "promotion_rule"),
    2001: (S.FAILED, "token_invalid"),
    2007: (S.FAILED, "token_invalid"),
    2012: (S.FAILED, "token_invalid"),
    3001: (S.FAILED, "linking_failed"),
    3002: (S.FAILED, "linking_failed"),
    3003: (S.FAILED, "linking_failed"),
    3004: (S.FAILED, "linking_failed"),
    4001: (S.FAILED, "account_blocked"),
    4002: (S.FAILED, "authentication_required"),
    4010: (S.FAILED, "authentication_failed"),
    4011: (S.FAILED, "authentication_failed"),
    4015: (S.FAILED, "authentication_failed"),
    4100: (S.FAILED, "authentication_failed"),
}

#: ``resultCode`` of a refund.
REFUND_CODES: Final[Mapping[int, RefundStatus]] = {
    0: RefundStatus.SUCCEEDED,
    1000: RefundStatus.PENDING,
    7000: RefundStatus.PENDING,
    7002: RefundStatus.PENDING,
    1080: RefundStatus.FAILED,
    1081: RefundStatus.FAILED,
    1088: RefundStatus.FAILED,
}
#: After these the money moved or is held, so the answer has to say how much.
GOOD_NEWS: Final = frozenset({0, 9000})
REFUND_REFUSALS: Final = {1081: "amount_too_large", 1088: "refund_not_supported"}

#: Codes that refuse the call itself. 43 (conflict), 98, 99 and unseen ones are not refusals: after
#: them the state is unknown.
REFUSALS: Final[Mapping[int, type[ProviderError]]] = {
    10: ProviderUnavailable,
    11: AuthenticationFailed,
    12: AuthenticationFailed,
    13: AuthenticationFailed,
    20: ProviderError,
    21: ProviderError,
    22: ProviderError,
    40: DuplicateReference,
    41: DuplicateReference,
    42: NotFound,
    45: ProviderError,
    47: ProviderError,
    2019: ProviderError,
}
