"""The words on VNPay's pages, in Vietnamese (``vn``) and English (``en``)."""

from __future__ import annotations

from typing import Final

TEXTS: Final = {
    "vn": {
        "lang": "vi",
        "title": "Thanh toán đơn hàng",
        "merchant": "Đơn vị chấp nhận thanh toán",
        "order": "Nội dung",
        "reference": "Mã đơn hàng",
        "amount": "Số tiền",
        "expires": "Hết hạn lúc",
        "method": "Phương thức thanh toán",
        "NCB": "Thẻ nội địa (Ngân hàng NCB)",
        "INTCARD": "Thẻ quốc tế (Visa)",
        "VNPAYQR": "Quét mã VNPAYQR",
        "bank": "Ngân hàng",
        "pay": "Thanh toán",
        "other": "Thử kết quả khác",
        "fail": "Không đủ số dư (51)",
        "cancel": "Hủy giao dịch (24)",
        "expire": "Để hết hạn (11)",
        "finished": "Giao dịch này đã kết thúc.",
    },
    "en": {
        "lang": "en",
        "title": "Pay for your order",
        "merchant": "Merchant",
        "order": "Description",
        "reference": "Order reference",
        "amount": "Amount",
        "expires": "Expires at",
        "method": "Payment method",
        "NCB": "Domestic card (NCB bank)",
        "INTCARD": "International card (Visa)",
        "VNPAYQR": "Scan VNPAYQR",
        "bank": "Bank",
        "pay": "Pay",
        "other": "Try another outcome",
        "fail": "Insufficient funds (51)",
        "cancel": "Cancel (24)",
        "expire": "Let it expire (11)",
        "finished": "This payment is finished.",
    },
}

ERRORS: Final = {
    "vn": {
        "01": "Mã giao dịch đã tồn tại trong ngày.",
        "03": "Dữ liệu gửi sang không đúng định dạng.",
        "15": "Giao dịch đã quá thời gian chờ thanh toán.",
        "70": "Sai chữ ký.",
        "71": "Website chưa được phê duyệt.",
        "72": "Không tìm thấy website.",
        "99": "Lỗi khác.",
    },
    "en": {
        "01": "This reference was already used today.",
        "03": "The data does not have the right format.",
        "15": "The time to pay has passed.",
        "70": "Wrong signature.",
        "71": "The website is not approved.",
        "72": "The website was not found.",
        "99": "Another error.",
    },
}
#: What a developer can do about it.
HINTS: Final = {
    "01": "Use a new vnp_TxnRef for each attempt.",
    "03": "Check the required parameters: digits only in vnp_Amount, and a whole number of đồng "
    "times 100; dates with 14 digits; no parameter twice; no vnp_SecureHashType.",
    "15": "Dates are Vietnamese time (UTC+7), whatever the time zone of the server.",
    "70": "Sign the sorted, form-encoded query with HMAC-SHA512: a space is a plus sign, hex is "
    "in upper case, and the hash parameters are left out.",
    "71": "The terminal is configured as not approved.",
    "72": "vnp_TmnCode is not the terminal of this sandbox.",
    "99": "Nothing more is known about it.",
}
