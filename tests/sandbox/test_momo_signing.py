"""Our own signing code against what MoMo's gateway and its samples signed."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from paykit.sandbox.config import PUBLISHED_MOMO_MERCHANTS
from paykit.sandbox.momo import signing

MOMO, BKUN, LRJZ = PUBLISHED_MOMO_MERCHANTS

#: Redirects that MoMo's test gateway signed.
GATEWAY_REDIRECTS = [
    (
        BKUN,
        {
            "partnerCode": "MOMOBKUN20180529",
            "orderId": "1661866315",
            "requestId": "1661866315",
            "amount": "1579000",
            "orderInfo": "Thanh toán qua MoMo",
            "orderType": "momo_wallet",
            "transId": "2722713142",
            "resultCode": "0",
            "message": "Successful.",
            "payType": "napas",
            "responseTime": "1661866457628",
            "extraData": "",
            "signature": "3c93f8aa13351cea9e5074749fe9364d0d6d516b81813351758a96edd4ca9d9f",
        },
    ),
    (
        LRJZ,
        {
            "partnerCode": "MOMOLRJZ20181206",
            "orderId": "17e1530d-3387-4edb-95e7-3d7c36fd9b5b",
            "requestId": "394c6fbb-a28c-4e4a-b16a-69db8ce680ed",
            "amount": "235000",
            "orderInfo": "Mua tivi",
            "orderType": "momo_wallet",
            "transId": "1679649685462",
            "resultCode": "1006",
            "message": "Giao dịch bị từ chối bởi người dùng.",
            "payType": "",
            "responseTime": "1679649685558",
            "extraData": "",
            "signature": "7cbe81ab010074511fd07e7632a47a3ab983c9112343cdeed1f3d2eeec5749a7",
        },
    ),
]

SIGNED = [
    (
        signing.CREATE_LINK,
        {
            "partnerCode": "MOMO",
            "requestId": "pk-link-1",
            "amount": 0,
            "orderId": "pk-link-1",
            "orderInfo": "Link wallet",
            "redirectUrl": "https://shop.example/return",
            "ipnUrl": "https://shop.example/ipn/momo",
            "partnerClientId": "user@example.com",
            "requestType": "linkWallet",
            "extraData": "",
        },
        "ae06dab34aaf972f230f7d9b716af3364bc9dde40d1a23f18a53d33020a2a35f",
    ),
    (
        signing.REFUND,
        {
            "partnerCode": "MOMO",
            "requestId": "pk-rf-1",
            "orderId": "pk-rf-1",
            "amount": 10000,
            "transId": 4084757146,
            "description": "",
        },
        "5c4920f2dddf3b7eedc11daf4dd089317d42f178b83dcb98d0dfc5316c039f24",
    ),
    (
        signing.QUERY,
        {"partnerCode": "MOMO", "requestId": "pk-rq-1", "orderId": "pk-rf-1"},
        "9a57ad95883cf132b4fe3dfe1bb1770db6d19afff7e3165ee3ffa5b44ef5b649",
    ),
    (
        signing.CONFIRM,
        {
            "partnerCode": "MOMO",
            "requestId": "pk-cf-1",
            "orderId": "pk-1002",
            "amount": 20000,
            "requestType": "capture",
            "description": "",
        },
        "b0ee16b442c05536ff608542ede91bf52f16fd36552298f7a45dd44fd752975a",
    ),
    (
        signing.BIND,
        {
            "partnerCode": "MOMO",
            "requestId": "pk-tb-1",
            "orderId": "pk-link-1",
            "partnerClientId": "user@example.com",
            "callbackToken": "CBTOKEN123",
        },
        "06433e4f71b62e09b8f4a42536a121c4de9e88535d70e5855554aa68514f4637",
    ),
    (
        signing.CALLBACK_QUERY,
        {
            "partnerCode": "MOMO",
            "requestId": "pk-tc-1",
            "orderId": "pk-link-1",
            "partnerClientId": "user@example.com",
        },
        "ce501c88a2fcf76c5eaed7b6284a016baec89de84b071ce1cf6a9b7ccd5ffb8f",
    ),
    (
        signing.TOKEN_DELETE,
        {
            "partnerCode": "MOMO",
            "requestId": "pk-td-1",
            "orderId": "pk-link-1",
            "partnerClientId": "user@example.com",
            "token": "UlNBLUVOQ1JZUFRFRC1UT0tFTg==",
        },
        "f2d3271231a93f409d5cf7c55085cac3e6c307b43357d892022489e9c6f35475",
    ),
    (
        signing.POS,
        {
            "partnerCode": "MOMO",
            "requestId": "pk-pos-1",
            "orderId": "pk-pos-1",
            "amount": 50000,
            "orderInfo": "pay with MoMo",
            "extraData": "",
            "paymentCode": "T8Qii53fAXyUftPV3m9ysyRhEanUs9Kl==",
        },
        "38547afd9714478c5352b840d957b1a6fe42a2cdea59318acd88d01db1c06a44",
    ),
]


@pytest.mark.parametrize(("merchant", "fields"), GATEWAY_REDIRECTS)
def test_what_momo_signed_matches(merchant, fields):
    assert signing.matches(signing.RESULT, fields, merchant)
    assert signing.matches(signing.RESULT, {**fields, "paymentOption": "momo"}, merchant)


@pytest.mark.parametrize("name", signing.RESULT)
def test_each_signed_field_counts(name):
    merchant, fields = GATEWAY_REDIRECTS[0]
    assert not signing.matches(signing.RESULT, {**fields, name: "1"}, merchant)


def test_another_merchants_key_or_a_broken_signature_does_not_match():
    _, fields = GATEWAY_REDIRECTS[0]
    assert not signing.matches(signing.RESULT, fields, MOMO)
    assert not signing.matches(signing.RESULT, {**fields, "signature": "ă"}, BKUN)


@pytest.mark.parametrize(("names", "fields", "expected"), SIGNED)
def test_each_operation_signs_its_own_fields(names, fields, expected):
    assert signing.sign(names, {**fields, "lang": "vi"}, MOMO) == expected


def test_a_token_is_encrypted_as_documented():
    encrypted = signing.encrypt_token({"value": "abc"}, MOMO)
    key = algorithms.AES(MOMO.secret_key.encode())
    decryptor = Cipher(key, modes.CBC(bytes(16))).decryptor()
    padded = decryptor.update(base64.b64decode(encrypted)) + decryptor.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    assert json.loads(unpadder.update(padded) + unpadder.finalize()) == {"value": "abc"}
