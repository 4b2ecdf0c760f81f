"""ZaloPay's codes, as far as the simulator gives them.

https://docs.zalopay.vn/docs/developer-tools/knowledge-base/status-codes
"""

from __future__ import annotations

from typing import Final

SUCCESS: Final = 1
FAILED: Final = 2
PROCESSING: Final = 3

# What stands in sub_return_code.
REFUND_FAILED: Final = 0
REFUND_PROCESSING: Final = 2
REFUND_TOO_LATE: Final = -13
REFUND_AMOUNT: Final = -14
DUPLICATE_REFUND: Final = -23
REFUND_ID_FORMAT: Final = -24
REFUND_ID_DATE: Final = -25
REFUND_ID_APP: Final = -26
LEFT: Final = -49
EXPIRED: Final = -54
BALANCE: Final = -63
DUPLICATE_ORDER: Final = -68
BAD_ORDER_ID: Final = -92
NOT_FOUND: Final = -101
BANK_ERROR: Final = -217
#: "The user cancelled". What a cancel by the merchant becomes is not published; this is nearest.
CANCELLED: Final = -329
ILLEGAL_DATA: Final = -401
ILLEGAL_APP_OR_MAC: Final = -402
#: "Illegal status", positive in ZaloPay's own specification.
ILLEGAL_STATUS: Final = 406
LINK_APP_ID: Final = -6101
LINK_OS_TYPE: Final = -6102
LINK_MAC: Final = -6103
LINK_BANK_CODES: Final = -6105
LINK_ORDER_TOKEN: Final = -6106

#: Errors of the call, which some documents show as return_code itself.
OF_THE_CALL: Final = frozenset({ILLEGAL_DATA, ILLEGAL_APP_OR_MAC})
#: What an unpaid order may still recover from, until it expires.
RECOVERABLE: Final = frozenset({PROCESSING, LEFT, BALANCE})

UNPAID: Final = "Giao dịch chưa được thực hiện"
RETURN_MESSAGES: Final = {
    SUCCESS: "Giao dịch thành công",
    FAILED: "Giao dịch thất bại",
    PROCESSING: "Giao dịch đang xử lý",
}
SUB_MESSAGES: Final = {
    SUCCESS: "Giao dịch thành công",
    PROCESSING: "Giao dịch đang xử lý",
    REFUND_FAILED: "REFUND_FAILED",
    REFUND_PROCESSING: "REFUND_PROCESSING",
    REFUND_TOO_LATE: "ORDER_REFUND_EXPIRED",
    REFUND_AMOUNT: "REFUND_AMOUNT_INVALID",
    DUPLICATE_REFUND: "DUPLICATE_M_REFUND_ID",
    REFUND_ID_FORMAT: "M_REFUND_ID_INVALID",
    REFUND_ID_DATE: "M_REFUND_ID_DATE_INVALID",
    REFUND_ID_APP: "M_REFUND_ID_APP_ID_INVALID",
    LEFT: "TRANS_INFO_NOT_FOUND",
    EXPIRED: "TIME_INVALID",
    BALANCE: "ZPW_BALANCE_NOT_ENOUGH",
    DUPLICATE_ORDER: "DUPLICATE_APPS_TRANS_ID",
    BAD_ORDER_ID: "APPTRANSID_INVALID",
    NOT_FOUND: "NOT_FOUND",
    BANK_ERROR: "BANK_ERROR",
    CANCELLED: "ORDER_CANCELLED",
    ILLEGAL_DATA: "ILLEGAL_DATA_REQUEST",
    ILLEGAL_APP_OR_MAC: "ILLEGAL_APP/SIGNATURE_REQUEST",
    ILLEGAL_STATUS: "ILLEGAL_STATUS",
    LINK_APP_ID: "APP_ID_INVALID",
    LINK_OS_TYPE: "OS_TYPE_INVALID",
    LINK_MAC: "MAC_INVALID",
    LINK_BANK_CODES: "BANK_CODES_INVALID",
    LINK_ORDER_TOKEN: "ORDER_TOKEN_INVALID",
}
