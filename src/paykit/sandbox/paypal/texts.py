"""The words on PayPal's pages, in English and Vietnamese."""

from __future__ import annotations

from typing import Final

TEXTS: Final = {
    "en": {
        "lang": "en",
        "title": "Pay with PayPal",
        "merchant": "Merchant",
        "order": "Description",
        "reference": "Order reference",
        "amount": "Amount",
        "expires": "Expires at",
        "signed_in": "Signed in as John Doe, a payer who does not exist.",
        "method": "Pay with",
        "balance": "PayPal balance",
        "echeck": "Bank account by eCheck: pending until it clears (ECHECK)",
        "review": "PayPal balance, held for a review: pending (PENDING_REVIEW)",
        "declined": "Visa that the bank declines: choose again afterwards (INSTRUMENT_DECLINED)",
        "failing": "PayPal balance, but the money cannot be taken (DECLINED)",
        "hold": "The money is only held until the merchant captures it.",
        "retry": "Your card was declined. Choose another way to pay.",
        "pay": "Pay",
        "continue": "Agree and continue",
        "cancel": "Cancel and return to",
        "approved": "You have agreed to this payment. The merchant takes the money now.",
        "canceled": "You have canceled. The merchant gave no address to return to.",
        "finished": "This payment is finished.",
        "back": "Return to",
    },
    "vi": {
        "lang": "vi",
        "title": "Thanh toán bằng PayPal",
        "merchant": "Người bán",
        "order": "Nội dung",
        "reference": "Mã đơn hàng",
        "amount": "Số tiền",
        "expires": "Hết hạn lúc",
        "signed_in": "Đăng nhập với tên John Doe, một người mua không có thật.",
        "method": "Thanh toán bằng",
        "balance": "Số dư PayPal",
        "echeck": "Tài khoản ngân hàng qua eCheck: chờ đến khi tiền về (ECHECK)",
        "review": "Số dư PayPal, bị giữ lại để xem xét: đang chờ (PENDING_REVIEW)",
        "declined": "Thẻ Visa bị ngân hàng từ chối: sau đó chọn lại (INSTRUMENT_DECLINED)",
        "failing": "Số dư PayPal, nhưng không lấy được tiền (DECLINED)",
        "hold": "Tiền chỉ được tạm giữ cho đến khi người bán thu.",
        "retry": "Thẻ của bạn bị từ chối. Hãy chọn cách thanh toán khác.",
        "pay": "Thanh toán",
        "continue": "Đồng ý và tiếp tục",
        "cancel": "Hủy và quay lại",
        "approved": "Bạn đã đồng ý thanh toán. Người bán đang thu tiền.",
        "canceled": "Bạn đã hủy. Người bán không cho biết địa chỉ để quay lại.",
        "finished": "Giao dịch này đã kết thúc.",
        "back": "Quay lại",
    },
}

#: What a developer can make happen at PayPal: the name in addresses, the word on the button.
ACTIONS: Final = {
    "complete": "The money arrives",
    "deny": "The money never arrives",
    "dispute": "The payer complains",
    "favour-buyer": "Decide for the payer",
    "favour-seller": "Decide for the merchant",
    "accept": "The review is passed",
    "reject": "The review is failed",
    "expire": "Let it expire",
}
