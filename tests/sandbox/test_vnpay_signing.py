"""Our own signing code against signatures made by others."""

from __future__ import annotations

import pytest

from paykit.sandbox.edge import decode_query
from paykit.sandbox.vnpay import signing

KEY = "PAYKITTESTSECRET0123456789ABCDEF"
IPN = (
    "vnp_Amount=1000000&vnp_BankCode=NCB&vnp_BankTranNo=VNP14422574&vnp_CardType=ATM"
    "&vnp_OrderInfo=Thanh+toan+don+hang+ORDER1&vnp_PayDate=20250102030600&vnp_ResponseCode=00"
    "&vnp_TmnCode=PAYKIT01&vnp_TransactionNo=14422574&vnp_TransactionStatus=00&vnp_TxnRef=ORDER1"
)
IPN_HASH = (
    "47ba83e4b656246fe94edc6504df2cc528c509c67933e2c52cc79488e2ba9fd7"
    "ce354f674ba3bbb2ab0f2cae51c0365ef894f6e1d8961b6c2e1299cbd3714031"
)
#: npm vnpay 2.5.0's own fixture.
LIBRARY_RETURN = (
    "vnp_Amount=1000000&vnp_BankCode=NCB&vnp_BankTranNo=VNP14422574&vnp_CardType=ATM"
    "&vnp_OrderInfo=Thanh+toan+don+hang+2024-05-21T02%3A17%3A31.249Z&vnp_PayDate=20240521091806"
    "&vnp_ResponseCode=00&vnp_TmnCode=TEST_TMN_CODE&vnp_TransactionNo=14422574"
    "&vnp_TransactionStatus=00&vnp_TxnRef=1716257871703&vnp_SecureHash="
    "649982421beb422556a1374713c74e58e716ecbd05007c0c0e1f7effdfaf361d"
    "bf146889ca446139afe11b9954c4d5c486e99e3b86fcfab6957f29eb0be72895"
)


def test_a_signed_query_is_what_the_vector_says():
    fields = decode_query(IPN.encode())
    assert signing.signed_query(KEY, fields) == f"{IPN}&vnp_SecureHash={IPN_HASH}"


@pytest.mark.parametrize(
    "query",
    [
        f"{IPN}&vnp_SecureHash={IPN_HASH}",
        f"{IPN}&vnp_SecureHash={IPN_HASH.upper()}",
        f"{IPN}&vnp_SecureHashType=HmacSHA512&vnp_SecureHash={IPN_HASH}",
        f"utm_source=x&{IPN}&vnp_SecureHash={IPN_HASH}&vnp_Empty=",
    ],
)
def test_a_genuine_query_matches(query):
    assert signing.query_matches(KEY, decode_query(query.encode()))


def test_a_signature_of_another_library_matches():
    assert signing.query_matches("test_secret", decode_query(LIBRARY_RETURN.encode()))


@pytest.mark.parametrize(
    "query",
    [
        f"{IPN.replace('1000000', '2000000')}&vnp_SecureHash={IPN_HASH}",
        f"{IPN}&vnp_SecureHash={IPN_HASH[:-1]}0",
        f"{IPN}&vnp_SecureHash={IPN_HASH[:64]}",
        f"{IPN}&vnp_SecureHash=",
        f"{IPN}&vnp_SecureHash=%C4%83",
        f"{IPN}&vnp_New=1&vnp_SecureHash={IPN_HASH}",
        IPN,
    ],
)
def test_a_forged_query_does_not_match(query):
    assert not signing.query_matches(KEY, decode_query(query.encode()))


@pytest.mark.parametrize(
    "encoded",
    [
        "A%2A%7E%21%27%28%29",  # PHP
        "A%2A~%21%27%28%29",  # Python
        "A*%7E%21%27%28%29",  # Java
        "A*%7E!%27()",  # .NET
        "A*~!'()",  # JavaScript
    ],
)
def test_each_language_may_sign_as_its_encoder_encodes(encoded):
    query = f"vnp_OrderInfo={encoded}"
    fields = {"vnp_OrderInfo": "A*~!'()", "vnp_SecureHash": signing.hmac_sha512(KEY, query)}
    assert signing.query_matches(KEY, fields)


@pytest.mark.parametrize("encoded", ["a%20b%3A", "a b:", "a+b%3a", "a+b:"])
def test_no_other_encoding_is_accepted(encoded):
    signature = signing.hmac_sha512(KEY, f"vnp_OrderInfo={encoded}")
    fields = {"vnp_OrderInfo": "a b:", "vnp_SecureHash": signature}
    assert not signing.query_matches(KEY, fields)


def test_querydr_requests_are_joined_with_pipes():
    fields = {
        "vnp_RequestId": "REQ0001",
        "vnp_Version": "2.1.0",
        "vnp_Command": "querydr",
        "vnp_TmnCode": "PAYKIT01",
        "vnp_TxnRef": "ORDER1",
        "vnp_TransactionDate": "20250102030405",
        "vnp_CreateDate": "20250102040000",
        "vnp_IpAddr": "127.0.0.1",
        "vnp_OrderInfo": "Truy vấn GD",
    }
    assert signing.joined_hash(KEY, signing.QUERYDR_REQUEST, fields) == (
        "040d478b8608af2e79caace52728dc3636b094570bd1ff03719b4e148a1df574"
        "88849a5726dd19ce75c142d7fccad15f02e065bd99aadb9340afefb845ec1a75"
    )


def test_refund_requests_are_joined_with_pipes():
    fields = {
        "vnp_RequestId": "REF0001",
        "vnp_Version": "2.1.0",
        "vnp_Command": "refund",
        "vnp_TmnCode": "PAYKIT01",
        "vnp_TransactionType": "02",
        "vnp_TxnRef": "ORDER1",
        "vnp_Amount": "1000000",
        "vnp_TransactionNo": "14422574",
        "vnp_TransactionDate": "20250102030405",
        "vnp_CreateBy": "admin",
        "vnp_CreateDate": "20250102050000",
        "vnp_IpAddr": "127.0.0.1",
        "vnp_OrderInfo": "Hoan tien GD ORDER1",
    }
    assert signing.joined_hash(KEY, signing.REFUND_REQUEST, fields) == (
        "77a875c8eef0930a8bf680b48d78dce1c9c431c0ecb0b6fc7689f3fb6b289979"
        "d1d7f06be4dca4542868c935f07792bb4fe3694c6db09765d3c5adfcf4feb7fc"
    )


def test_answers_are_joined_with_a_missing_field_as_empty_text():
    fields = {
        "vnp_ResponseId": "5f2c1a0e9b8d4c7fa1b2c3d4e5f60718",
        "vnp_Command": "querydr",
        "vnp_ResponseCode": "91",
        "vnp_Message": "Request_Not_Found",
        "vnp_TmnCode": "PAYKIT01",
        "vnp_TxnRef": "ORDER1",
        "vnp_OrderInfo": "Thanh toan don hang ORDER1",
    }
    assert signing.joined_hash(KEY, signing.QUERYDR_RESPONSE, fields) == (
        "3957ab129d6610e56d6c8bdb7f194738f5b5f1d411f8044366ab2240b3c83ce4"
        "f51e2b776ca034c3e8a9a27ee43703b989beb8ab4567cda65dcc6bfb1cb88b5e"
    )
    refund = {
        **fields,
        "vnp_Command": "refund",
        "vnp_ResponseCode": "00",
        "vnp_Message": "Refund success",
        "vnp_Amount": "400000",
        "vnp_BankCode": "NCB",
        "vnp_PayDate": "20250102030600",
        "vnp_TransactionNo": "14422574",
        "vnp_TransactionType": "03",
        "vnp_TransactionStatus": "00",
    }
    assert signing.joined_hash(KEY, signing.REFUND_RESPONSE, refund) == (
        "32fc51c2e16b971e77181b37ce0c34b80bc64c15ac0daad6c1e3894bc852a975"
        "d96e891139a3966ac202e6d890a5465d74b79e77ad825f4e7ee27b4f14792009"
    )
