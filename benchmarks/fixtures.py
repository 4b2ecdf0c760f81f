"""Made-up notices and answers in the providers' true shape and size, signed with made-up keys."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from urllib.parse import urlencode

from paykit import (
    Customer,
    Delivery,
    MoMo,
    MoMoConfig,
    Money,
    PaymentRequest,
    VNPay,
    VNPayConfig,
)

NOW = datetime(2026, 1, 1, 5, 0, tzinfo=UTC)
REFERENCE = "order-20260101-000123"

MOMO_SECRET = b"benchmark-momo-secret-0123456789"
MOMO_ACCESS = "benchmarkAccess"
_NOTICE = {
    "partnerCode": "MOMOBENCH",
    "orderId": REFERENCE,
    "requestId": REFERENCE,
    "amount": 1_579_000,
    "orderInfo": "Thanh toán đơn hàng 123",
    "orderType": "momo_wallet",
    "transId": 4_088_878_653,
    "resultCode": 0,
    "message": "Thành công.",
    "payType": "qr",
    "responseTime": 1_767_243_600_000,
    "extraData": "",
}
#: Every name is in the signed text, in the order of the alphabet, behind the access key.
MOMO_SIGNED = (
    f"accessKey={MOMO_ACCESS}&" + "&".join(f"{name}={_NOTICE[name]}" for name in sorted(_NOTICE))
).encode()
MOMO_SIGNATURE = hmac.new(MOMO_SECRET, MOMO_SIGNED, hashlib.sha256).hexdigest()

VNPAY_SECRET = b"BENCHMARKVNPAYSECRET0123456789AB"
_CALLBACK = {
    "vnp_Amount": "157900000",
    "vnp_BankCode": "NCB",
    "vnp_BankTranNo": "VNP14226112",
    "vnp_CardType": "ATM",
    "vnp_OrderInfo": "Thanh toan don hang 123",
    "vnp_PayDate": "20260101120000",
    "vnp_ResponseCode": "00",
    "vnp_TmnCode": "BENCH001",
    "vnp_TransactionNo": "14226112",
    "vnp_TransactionStatus": "00",
    "vnp_TxnRef": REFERENCE,
}
VNPAY_SIGNED = urlencode(sorted(_CALLBACK.items())).encode()
VNPAY_SIGNATURE = hmac.new(VNPAY_SECRET, VNPAY_SIGNED, hashlib.sha512).hexdigest()


def flip(signature: str) -> str:
    """The same signature with its last digit changed."""
    return signature[:-1] + ("0" if signature[-1] != "0" else "1")


def momo_body(signature: str = MOMO_SIGNATURE) -> bytes:
    return json.dumps({**_NOTICE, "signature": signature}, ensure_ascii=False).encode()


def momo_delivery(signature: str = MOMO_SIGNATURE) -> Delivery:
    return Delivery.post_json(momo_body(signature), path="/webhooks/momo")


def vnpay_query(signature: str = VNPAY_SIGNATURE) -> bytes:
    return VNPAY_SIGNED + b"&vnp_SecureHash=" + signature.encode()


def vnpay_delivery(signature: str = VNPAY_SIGNATURE) -> Delivery:
    return Delivery.get(vnpay_query(signature), path="/webhooks/vnpay")


def momo(base_url: str | None = None) -> MoMo:
    config = MoMoConfig(
        partner_code="MOMOBENCH",
        access_key=MOMO_ACCESS,
        secret_key=MOMO_SECRET.decode(),
        base_url=base_url,
        notify_url="https://shop.example/webhooks/momo",
    )
    return MoMo(config, clock=lambda: NOW)


def vnpay() -> VNPay:
    config = VNPayConfig(tmn_code="BENCH001", hash_secret=VNPAY_SECRET.decode())
    return VNPay(config, clock=lambda: NOW)


REQUEST = PaymentRequest(
    reference=REFERENCE,
    amount=Money(1_579_000, "VND"),
    description="Thanh toán đơn hàng 123",
    return_url="https://shop.example/returns/momo",
    customer=Customer(name="Nguyễn Văn A", email="buyer@shop.example"),
)

#: MoMo's answer to REQUEST.
CREATED = json.dumps(
    {
        "partnerCode": "MOMOBENCH",
        "orderId": REFERENCE,
        "requestId": REFERENCE,
        "amount": 1_579_000,
        "responseTime": 1_767_243_600_000,
        "message": "Thành công.",
        "resultCode": 0,
        "payUrl": "https://test-payment.momo.vn/v2/gateway/pay?t=" + "TU9NT0JFTkNIfG9yZGVy" * 5,
        "deeplink": "momo://app?action=payWithApp&isScanQR=false&sid=" + "TU9NT0JFTkNIfG9y" * 6,
        "qrCodeUrl": "momo://app?action=payWithApp&isScanQR=true&sid=" + "TU9NT0JFTkNIfG9y" * 6,
    },
    ensure_ascii=False,
    separators=(",", ":"),
).encode()
