"""The words on MoMo's page, in Vietnamese and English."""

from __future__ import annotations

from typing import Final

TEXTS: Final = {
    "vi": {
        "lang": "vi",
        "title": "Thanh toán qua MoMo",
        "link_title": "Liên kết ví MoMo",
        "merchant": "Nhà cung cấp",
        "order": "Thông tin đơn hàng",
        "reference": "Mã đơn hàng",
        "amount": "Số tiền",
        "expires": "Hết hạn lúc",
        "method": "Nguồn tiền",
        "qr": "Ví MoMo",
        "napas": "Thẻ ATM nội địa",
        "credit": "Thẻ Visa/Mastercard",
        "webApp": "Ví MoMo",
        "pay": "Thanh toán",
        "link": "Đồng ý liên kết",
        "hold": "Tiền chỉ được tạm giữ cho đến khi người bán xác nhận.",
        "other": "Thử kết quả khác",
        "decline": "Người dùng từ chối (1006)",
        "fail": "Không đủ số dư (1001)",
        "expire": "Để hết hạn (1005)",
        "finished": "Giao dịch này đã kết thúc.",
    },
    "en": {
        "lang": "en",
        "title": "Pay with MoMo",
        "link_title": "Link your MoMo wallet",
        "merchant": "Merchant",
        "order": "Description",
        "reference": "Order reference",
        "amount": "Amount",
        "expires": "Expires at",
        "method": "Pay from",
        "qr": "MoMo wallet",
        "napas": "Domestic ATM card",
        "credit": "Visa or Mastercard",
        "webApp": "MoMo wallet",
        "pay": "Pay",
        "link": "Agree to link",
        "hold": "The money is only held until the merchant confirms.",
        "other": "Try another outcome",
        "decline": "Decline as the user (1006)",
        "fail": "Insufficient balance (1001)",
        "expire": "Let it expire (1005)",
        "finished": "This payment is finished.",
    },
}
