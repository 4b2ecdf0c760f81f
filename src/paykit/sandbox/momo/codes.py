"""MoMo's result codes, as far as the simulator gives them, in Vietnamese and English.

https://developers.momo.vn/v3/docs/payment/api/result-handling/resultcode
"""

from __future__ import annotations

from typing import Final

SUCCESS: Final = 0
ACCESS_DENIED: Final = 11
NOT_AUTHENTICATED: Final = 13
BAD_FORMAT: Final = 20
AMOUNT: Final = 22
DUPLICATE_REQUEST: Final = 40
DUPLICATE_ORDER: Final = 41
NOT_FOUND: Final = 42
CONFLICT: Final = 43
WAITING: Final = 1000
INSUFFICIENT: Final = 1001
CANCELLED_BY_MERCHANT: Final = 1003
EXPIRED: Final = 1005
DECLINED_BY_USER: Final = 1006
REFUND_FAILED: Final = 1080
REFUND_REFUSED: Final = 1081
REFUND_UNSUPPORTED: Final = 1088
TOKEN_INVALID: Final = 2001
AUTHORIZED: Final = 9000

#: Results that never change: the same request again gets the same answer.
FINAL: Final = frozenset(
    {
        SUCCESS,
        INSUFFICIENT,
        CANCELLED_BY_MERCHANT,
        EXPIRED,
        DECLINED_BY_USER,
        REFUND_FAILED,
        REFUND_REFUSED,
        REFUND_UNSUPPORTED,
        TOKEN_INVALID,
    }
)

_MESSAGES: Final = {
    SUCCESS: ("Thành công.", "Successful."),
    ACCESS_DENIED: ("Truy cập bị từ chối.", "Access denied."),
    NOT_AUTHENTICATED: ("Xác thực doanh nghiệp thất bại.", "Merchant authentication failed."),
    BAD_FORMAT: ("Yêu cầu sai định dạng.", "Bad format request."),
    AMOUNT: ("Số tiền giao dịch không hợp lệ.", "The transaction amount is out of range."),
    DUPLICATE_REQUEST: ("RequestId bị trùng.", "Duplicated requestId."),
    DUPLICATE_ORDER: ("OrderId bị trùng.", "Duplicated orderId."),
    NOT_FOUND: ("OrderId không hợp lệ hoặc không tìm thấy.", "OrderId is invalid or not found."),
    CONFLICT: ("Xung đột với một giao dịch khác.", "It conflicts with another transaction."),
    WAITING: (
        "Giao dịch đã được khởi tạo, chờ người dùng xác nhận thanh toán.",
        "Transaction is initiated, waiting for user confirmation.",
    ),
    INSUFFICIENT: ("Tài khoản không đủ tiền.", "Insufficient balance."),
    CANCELLED_BY_MERCHANT: ("Giao dịch đã bị hủy.", "Transaction is cancelled."),
    EXPIRED: ("URL hoặc QR code đã hết hạn.", "The url or QR code expired."),
    DECLINED_BY_USER: (
        "Giao dịch bị từ chối bởi người dùng.",
        "Transaction denied by user.",
    ),
    REFUND_FAILED: ("Hoàn tiền thất bại khi xử lý.", "Refund failed during processing."),
    REFUND_REFUSED: (
        "Hoàn tiền bị từ chối: đã hoàn hoặc vượt số tiền còn lại.",
        "Refund refused: already refunded or above the remainder.",
    ),
    REFUND_UNSUPPORTED: ("Giao dịch không hỗ trợ hoàn tiền.", "Refund is not supported."),
    TOKEN_INVALID: ("Token không hợp lệ hoặc đã bị xóa.", "The token is invalid or deleted."),
    AUTHORIZED: (
        "Giao dịch đã được xác nhận thành công.",
        "Transaction is authorized successfully.",
    ),
}


def message(code: int, lang: object) -> str:
    """What a code says in ``vi`` or ``en``; Vietnamese unless English is asked for."""
    vietnamese, english = _MESSAGES[code]
    return english if lang == "en" else vietnamese
