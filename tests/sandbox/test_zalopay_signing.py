"""Our own signing code against what ZaloPay's sandbox, its documents and its SDK signed."""

from __future__ import annotations

import json

import pytest

from paykit.sandbox.zalopay import qr, signing
from paykit.sandbox.zalopay.config import PUBLISHED_ZALOPAY_MERCHANTS

FIRST, SECOND = PUBLISHED_ZALOPAY_MERCHANTS
#: The keys of a public unit test, whose macs were computed apart from the code it tests.
TEST_KEY = "test-key1-khong-phai-khoa-that"

#: Redirects that ZaloPay's sandbox signed.
REDIRECTS = [
    (
        FIRST,
        {
            "appid": "2553",
            "apptransid": "240621_11",
            "pmcid": "0",
            "bankcode": "",
            "amount": "13980000",
            "discountamount": "0",
            "status": "-49",
        },
        "63f4b8f943d4f8aebcc60da77295a8887d2ccb56e549662c61bd444c8dff3293",
    ),
    (
        FIRST,
        {
            "appid": "2553",
            "apptransid": "241223_CGV241223211404",
            "pmcid": "0",
            "bankcode": "",
            "amount": "1120000",
            "discountamount": "0",
            "status": "-49",
        },
        "4e75ab1f51a0a46e49564b2d1ed4a9738ad518cf15b37d22bb92829c9dafc682",
    ),
    (
        FIRST,
        {
            "appid": "2553",
            "apptransid": "241126_58473",
            "pmcid": "36",
            "bankcode": "CC",
            "amount": "10000",
            "discountamount": "0",
            "status": "1",
        },
        "bf5e9ec1b57fe9d938013512eb0c4cd907212b5ddbd2f27dba8a5b7459c9031f",
    ),
    (
        FIRST,
        {
            "appid": "2553",
            "apptransid": "250726_1753536251",
            "pmcid": "36",
            "bankcode": "CC",
            "amount": "476130",
            "discountamount": "0",
            "status": "1",
        },
        "85909f1274235ab64121a5a33a86606f7d8b6f05c9985636021e2dc2f95beb29",
    ),
    (
        SECOND,
        {
            "appid": "2554",
            "apptransid": "240115_4933404831340",
            "pmcid": "38",
            "bankcode": "",
            "amount": "100000",
            "discountamount": "0",
            "status": "1",
        },
        "c0e0349e4335743ec7b52c7dbf2da18a2e3e57d1efecf6efba30e91b813ebc50",
    ),
]

#: ``data`` of callbacks: from the documentation, from the sandbox, and two made alike.
CALLBACKS = [
    (
        FIRST,
        r'{"app_id":2553,"app_trans_id":"200904_2553_1598435687208","app_time":1599189392817,"app_user":"demo","amount":10000,"embed_data":"{\"merchantinfo\":\"embeddata123\",\"promotioninfo\":\"\"}","item":"[{\"itemid\":\"knb\",\"itemname\":\"kim nguyen bao\",\"itemprice\":198400,\"itemquantity\":1}]","zp_trans_id":200904000000389,"server_time":1599189413498,"channel":38,"merchant_user_id":"7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB--8Eytqc","user_fee_amount":0,"discount_amount":0}',
        "d8d33baf449b31d7f9b94fa50d7c942c08cd4d83f28fa185557da21acb104f67",
    ),
    (
        FIRST,
        r'{"app_id":2553,"app_trans_id":"260317_1_762062","app_time":1773749931296,"app_user":"user_1","amount":100000,"embed_data":"{\"redirecturl\":\"https://fafwebv1.vercel.app/wallet/deposit/result\"}","item":"[{\"itemid\":\"FAF_CRED\",\"itemname\":\"Nạp 100 CRED vào ví FAF\",\"itemprice\":100000,\"itemquantity\":1}]","zp_trans_id":260317000002595,"server_time":1773749951879,"channel":39,"merchant_user_id":"DXp3vtfyygtb2_XdP8yFeA","zp_user_id":"DXp3vtfyygtb2_XdP8yFeA","user_fee_amount":0,"discount_amount":0}',
        "d7c84b0bf048144a4b27b731f5a4ee1b3edd23a6d7662a388a78fa1f805adacb",
    ),
    (
        SECOND,
        r'{"app_id":2554,"app_trans_id":"240115_pk_0001","app_time":1705285800000,"app_user":"user/1","amount":20000,"embed_data":"{}","item":"[]","zp_trans_id":240115000001111,"server_time":1705285860000,"channel":36,"merchant_user_id":"u","user_fee_amount":0,"discount_amount":5000}',
        "e93b2b7774c49737493e9d17d662b7020a091353d96b8e73e0291ede77adb13a",
    ),
    (
        SECOND,
        r'{"app_id":2554,"app_trans_id":"230407_13221300383","binding_id":"230407qQe7vGnqp0agyforLAy0D2b1x3","pay_token":"NJLHNTRLZDETZGQYZI0ZNTBKLTGWZJKTMTKXYJHLMWI5NTFI","server_time":1680849004,"merchant_user_id":"84903863801","status":1,"msg_type":1,"zp_user_id":"Bs8KJXf2GKyfVv_fnxG7IwG5VbQ8H_qGsOUW2UJAJSM","masked_user_phone":"****3801"}',
        "0556715969d6d887a8a5b7146ee133ca05b2fdd6a1ba128c08284639b935b414",
    ),
]

REQUESTS = [
    (
        signing.CREATE,
        TEST_KEY,
        {
            "app_id": 2553,
            "app_trans_id": "261010_PM-8f3a2c1d",
            "app_user": "smartbus",
            "amount": 175000,
            "app_time": 1791621120000,
            "embed_data": "{}",
            "item": "[]",
            "description": "Thanh toan ve xe SmartBus",
        },
        "d015da7c85efdc75f8b0bdefcf3b9d71971f3b1ebbab4cd20343708fdaebda41",
    ),
    (
        signing.CREATE,
        SECOND.key1,
        {
            "app_id": 2554,
            "app_trans_id": "230407_13221300383",
            "app_user": "user123",
            "app_time": 1680848533635,
            "amount": 50000,
            "description": "order",
            "item": "item",
            "embed_data": "{}",
        },
        "6d2c87577af20b4786d89729d64dc7820c5c462afd91e4c5b49353f83376ac81",
    ),
    (
        signing.CREATE,
        FIRST.key1,
        {
            "app_id": 2553,
            "app_trans_id": "240115_pk0006",
            "app_user": "user123",
            "app_time": 1705285800000,
            "amount": 99000,
            "embed_data": '{"preferred_payment_method":["vietqr"]}',
            "item": "[]",
            "description": "VietQR",
            "bank_code": "",
        },
        "1c9529c6bced193e1e78028b596025f3b8c379c9e22b2102007dd14f534a5e05",
    ),
    (
        signing.QUERY,
        TEST_KEY,
        {"app_id": 2553, "app_trans_id": "261010_PM-8f3a2c1d"},
        "63b28190497c6c5165d2edb8faeb15193252e9704dcf807f1c92ad0515a5f575",
    ),
    (
        signing.QUERY,
        FIRST.key1,
        {"app_id": 2553, "app_trans_id": "240115_pk0001"},
        "5a78abd4904169a43e647497e47ebc9b038653b7e8d119f8509d0d9ccd006c3a",
    ),
    (
        signing.REFUND,
        SECOND.key1,
        {
            "app_id": 2554,
            "m_refund_id": "230407_2554_13221300383",
            "zp_trans_id": "1680848533635",
            "amount": 50000,
            "timestamp": 1680848533635,
            "description": "refund",
        },
        "34b4a56853d365aa20694b2f8413c4c8205b7e5e53b94ff99b3de183128bab0e",
    ),
    (
        signing.QUERY_REFUND,
        SECOND.key1,
        {"app_id": 2554, "m_refund_id": "230407_2554_13221300383", "timestamp": 1680848533635},
        "3c48fefef8a0a63347f632e1efa09a9b8842eab07c409eb9a3539fb4fea85c65",
    ),
    (
        signing.BANK_LINKS,
        FIRST.key1,
        {
            "app_id": 2553,
            "bank_codes": "BIDV,VTB",
            "os_type": "ios",
            "order_token": "AC5TYXNLtPgMkO-IBA2_VoBA",
        },
        "d1e07e2b6d0e77dcc50dbeb1d3a8df0085215ec52aad8cf86009426c983d0b35",
    ),
    (
        signing.BIND,
        SECOND.key1,
        {
            "app_id": 2554,
            "app_trans_id": "240115_pkbind",
            "binding_data": "{}",
            "binding_type": "WALLET",
            "identifier": "ZLP User",
            "max_amount": 500000,
            "req_date": 1705285800000,
        },
        "f06cb20027e742735ecc8fe7ffd06562c9aa685bb389cf36a652874a12f954d4",
    ),
    (
        signing.UNBIND,
        SECOND.key1,
        {
            "app_id": 2554,
            "identifier": "84903863801",
            "binding_id": "230407qQe7vGnqp0agyforLAy0D2b1x3",
            "req_date": 1680848533635,
        },
        "00cd16e4939316138161b490ddc5fdad4a801efab55ae92cca649118a80d3e33",
    ),
    (
        signing.QUERY_BINDING,
        SECOND.key1,
        {"app_id": 2554, "app_trans_id": "230407_13221300383", "req_date": 1680848533635},
        "566e844c9e91df86788198c5b79686ee31450f8306c75ad24d2f1b87d56477d6",
    ),
    (
        signing.QUERY_USER,
        SECOND.key1,
        {
            "app_id": 2554,
            "access_token": "ZJVKY2M3OTYTNZUZYY0ZZWYZLWJMNJITZJRHZMUXOWM5YMUX",
            "req_date": 1680848533635,
        },
        "a2d7ab08855cc1b7cb03e02a82fa19825c1f504fa5fda6d9008945273ca9ae4d",
    ),
]


@pytest.mark.parametrize(("merchant", "fields", "checksum"), REDIRECTS)
def test_redirects_are_signed_as_the_sandbox_signs(merchant, fields, checksum):
    assert signing.mac(signing.joined(signing.REDIRECT, fields), merchant.key2) == checksum


@pytest.mark.parametrize("name", signing.REDIRECT)
def test_each_field_of_a_redirect_counts(name):
    merchant, fields, checksum = REDIRECTS[2]
    altered = {**fields, name: "7"}
    assert signing.mac(signing.joined(signing.REDIRECT, altered), merchant.key2) != checksum


def test_key1_signs_no_redirect():
    merchant, fields, checksum = REDIRECTS[2]
    assert signing.mac(signing.joined(signing.REDIRECT, fields), merchant.key1) != checksum


@pytest.mark.parametrize(("merchant", "data", "mac"), CALLBACKS)
def test_callbacks_are_signed_as_they_are_written(merchant, data, mac):
    assert signing.mac(data, merchant.key2) == mac


def test_a_callback_that_was_written_anew_has_another_mac():
    merchant, data, mac = CALLBACKS[1]
    anew = json.dumps(json.loads(data), separators=(",", ":"))
    assert json.loads(anew) == json.loads(data)
    assert signing.mac(anew, merchant.key2) != mac


@pytest.mark.parametrize(("names", "key", "fields", "mac"), REQUESTS)
def test_each_operation_signs_its_own_fields(names, key, fields, mac):
    assert signing.matches(names, {**fields, "mac": mac}, key)
    for name in set(names) - {signing.KEY}:
        assert not signing.matches(names, {**fields, name: "7", "mac": mac}, key)


@pytest.mark.parametrize("wrong", ["", "ă", "0" * 64, REQUESTS[0][3].upper(), REQUESTS[0][3][:-1]])
def test_another_mac_does_not_match(wrong):
    names, key, fields, _ = REQUESTS[0]
    assert not signing.matches(names, {**fields, "mac": wrong}, key)


def test_a_sample_whose_key_nobody_published_matches_no_published_key():
    fields = {
        "app_id": 123015,
        "app_time": 1703664998490,
        "app_trans_id": "231227_123015_1703664997117",
        "app_user": "demo",
        "amount": 10000,
        "embed_data": '{"preferred_payment_method": ["vietqr"]}',
        "item": "[]",
        "mac": "0336b57f74209f3b944c88b8fc8c878ae518d20b7e88763fb2ff9e14e6c3cac5",
    }
    keys = [key for one in PUBLISHED_ZALOPAY_MERCHANTS for key in (one.key1, one.key2)]
    assert [key for key in keys if signing.matches(signing.CREATE, fields, key)] == []


def test_version_1_signs_the_same_values_under_other_names():
    text = "553|200904_000234|user123|10000|1599202366026|{}|[]"
    names = "app_id app_trans_id app_user amount app_time embed_data item".split()
    fields = dict(zip(names, text.split("|"), strict=True))
    assert signing.joined(signing.CREATE, fields) == text
    assert (
        signing.mac(text, "9phuAOYhan4urywHTh0ndEXiV3pKHr5Q")
        == "7e95836a9feace32458f23416feea423172ef0a098f27a668a1e10788b5a6838"
    )


def test_a_fee_stands_before_the_description():
    fields = {
        "app_id": 2554,
        "zp_trans_id": "230407000006575",
        "amount": 50000,
        "refund_fee_amount": 500,
        "description": "refund",
        "timestamp": 1680848533635,
    }
    joined = signing.joined(signing.REFUND_WITH_FEE, fields)
    assert joined == "2554|230407000006575|50000|500|refund|1680848533635"


def test_the_key_takes_part_in_a_query_and_is_never_shown():
    fields = {"app_id": 2553, "app_trans_id": "240115_1", "{key1}": "x"}
    assert signing.joined(signing.QUERY, fields) == "2553|240115_1|{key1}"
    assert signing.joined(signing.QUERY, fields, "secret") == "2553|240115_1|secret"


def test_the_checksum_of_a_code_is_that_of_the_documentation():
    sample = (
        "00020101021226520010vn.zalopay02030010106270005031739164586280133691"
        "38620010A00000072701320006970454011899ZP23237O000015410208QRIBFTTA"
        "5204739953037045405690005802VN622108173916458628013369163043895"
    )
    assert qr.checksum(sample[:-4]) == sample[-4:]
    assert qr.checksum("123456789") == "29B1"
