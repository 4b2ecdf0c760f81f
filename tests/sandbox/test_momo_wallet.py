"""MoMo's payment codes and linked wallets."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from . import momo_client as momo

USER = "user@example.com"
CHARGE = {"amount": 20_000, "orderInfo": "Coffee", "extraData": ""}


def link(world, **changes: object) -> dict:
    """Link a wallet; returns the IPN."""
    fields = {"requestType": "linkWallet", "amount": 0, "partnerClientId": USER, **changes}
    momo.paid(world, **fields)
    return momo.ipns(world)[-1]


def bind(world, ipn: dict, **fields: object) -> dict:
    sent = {"partnerClientId": USER, "callbackToken": ipn["callbackToken"], **fields}
    return momo.call(world, "tokenization/bind", requestId="bind-1", **sent)


def token_of(world) -> str:
    """Link and bind; returns the wallet token encrypted as a merchant sends it."""
    answer = bind(world, link(world))
    decryptor = Cipher(algorithms.AES(momo.SECRET.encode()), modes.CBC(bytes(16))).decryptor()
    padded = decryptor.update(base64.b64decode(answer["aesToken"])) + decryptor.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    content = json.loads(unpadder.update(padded) + unpadder.finalize())
    return momo.encrypt(world, json.dumps(content))


def charge(world, token: str, *, status: int = 200, number: int = 1, **changes: object) -> dict:
    fields = {
        **CHARGE,
        "requestId": f"charge-{number}",
        "orderId": f"charge-{number}",
        "partnerClientId": USER,
        "token": token,
        **changes,
    }
    return momo.call(world, "tokenization/pay", status=status, **fields)


def test_linking_reports_a_callback_token_to_the_server_only(world):
    answer = momo.create(world, requestType="linkWallet", amount=0, partnerClientId=USER)
    assert answer["partnerClientId"] == USER
    page = world.client.get(answer["payUrl"].removeprefix("http://127.0.0.1:8100")).text
    assert "Link your MoMo wallet" in page
    returned = momo.click(world, answer)
    assert returned["resultCode"] == "9000"
    assert "callbackToken" not in returned
    [ipn] = momo.ipns(world)
    names = f"{momo.RESULT} callbackToken partnerClientId".split()
    assert ipn["signature"] == momo.sign(" ".join(sorted(names)), ipn)
    assert (ipn["partnerClientId"], ipn["payType"]) == (USER, "webApp")


def test_a_link_that_is_declined_has_no_callback_token(world):
    fields = {"requestType": "linkWallet", "amount": 0, "partnerClientId": USER}
    momo.paid(world, "decline", **fields)
    [ipn] = momo.ipns(world)
    assert "callbackToken" not in ipn
    assert ipn["signature"] == momo.sign(momo.RESULT, ipn)


def test_linking_and_paying_at_once_takes_the_money(world):
    ipn = link(world, requestType="subscription", amount=15_000)
    assert (ipn["resultCode"], ipn["amount"]) == (0, 15_000)


def test_linking_needs_a_client_id_that_is_signed(world):
    body = {**momo.ORDER, "requestType": "linkWallet", "amount": 0, "signature": "0" * 64}
    [missing] = momo.post(world, "create", body, status=400)["subErrors"]
    assert missing["field"] == "partnerClientId"
    unsigned = {**momo.signed("create", body), "partnerClientId": USER}
    [forged] = momo.post(world, "create", unsigned, status=400)["subErrors"]
    assert forged["field"] == "signature"


def test_a_link_has_more_time_than_a_payment(world):
    answer = momo.create(world, requestType="linkWallet", amount=0, partnerClientId=USER)
    world.clock.forward(minutes=14)
    assert momo.click(world, answer)["resultCode"] == "9000"


def test_a_wallet_is_linked_charged_and_unlinked(world):
    token = token_of(world)
    assert momo.call(world, "query", requestId="q-1")["resultCode"] == 0
    answer = charge(world, token, ipnUrl="https://shop.example/ipn/momo")
    world.settle()
    assert (answer["resultCode"], answer["amount"], answer["orderId"]) == (0, 20_000, "charge-1")
    ipn = momo.ipns(world)[-1]
    assert (ipn["orderId"], ipn["transId"], ipn["payType"]) == (
        "charge-1",
        answer["transId"],
        "app",
    )
    assert ipn["signature"] == momo.sign(momo.RESULT, ipn)
    gone = momo.call(
        world, "tokenization/delete", requestId="del-1", partnerClientId=USER, token=token
    )
    assert gone["resultCode"] == 0
    assert charge(world, token, number=2)["resultCode"] == 2001


def test_a_token_can_hold_money_and_its_charge_has_no_page(world):
    answer = charge(world, token_of(world), autoCapture=False, requestType="linkWallet")
    assert answer["resultCode"] == 9000
    assert len(momo.ipns(world)) == 1
    charged = next(one for one in world.payments() if one["reference"] == "charge-1")
    assert (charged["page"], charged["status"][:4]) == (None, "9000")
    # The page token of a charge is known to nobody; still, it opens nothing.
    pages = [world.client.get(f"/momo/v2/gateway/pay?t=id{n}").status_code for n in range(1, 6)]
    assert pages.count(200) == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"partnerClientId": "other@example.com"}, 200, 2001),
        ({"amount": 999}, 400, 22),
        ({"orderId": "ord-1"}, 400, 41),
        ({"token": "not base64!"}, 400, 20),
        ({"token": base64.b64encode(b"0" * 256).decode()}, 400, 20),
    ],
)
def test_a_charge_that_is_refused(world, changes, status, code):
    token = token_of(world)
    answer = charge(world, changes.pop("token", token), status=status, **changes)
    assert answer["resultCode"] == code


@pytest.mark.parametrize("content", ["plain", "{}", '{"value":5}', "[]"])
def test_an_encrypted_text_that_is_no_token_is_bad_format(world, content):
    answer = charge(world, momo.encrypt(world, content), status=400)
    assert [one["field"] for one in answer["subErrors"]] == ["token"]


def test_a_token_belongs_to_one_merchant(world):
    value = momo.encrypt(world, json.dumps({"value": "unknown"}))
    assert charge(world, value)["resultCode"] == 2001


def test_a_missed_callback_token_can_be_asked_for_until_it_is_used(world):
    ipn = link(world)
    ask = {"partnerClientId": USER}
    answer = momo.call(world, "tokenization/cbQuery", requestId="cb-1", **ask)
    assert answer["callbackToken"] == ipn["callbackToken"]
    bind(world, ipn)
    used = momo.call(world, "tokenization/cbQuery", requestId="cb-2", **ask)
    assert used["resultCode"] == 2001


def test_a_callback_token_works_once_and_for_its_order_only(world):
    ipn = link(world)
    wrong = {"partnerClientId": USER, "callbackToken": "wrong"}
    answer = momo.call(world, "tokenization/bind", requestId="b-1", **wrong)
    assert answer["resultCode"] == 2001
    right = {"partnerClientId": USER, "callbackToken": ipn["callbackToken"]}
    codes = [
        momo.call(world, "tokenization/bind", requestId=f"b-{n}", **right)["resultCode"]
        for n in (2, 3)
    ]
    assert codes == [0, 2001]
    other = {**right, "partnerClientId": "other@example.com"}
    answer = momo.call(world, "tokenization/bind", status=400, requestId="b-4", **other)
    assert answer["resultCode"] == 42


@pytest.mark.parametrize(
    ("code", "result"), [("MM123456789012345", 0), ("MM123456789011001", 1001)]
)
def test_a_payment_code_is_charged_at_once(world, code, result):
    fields = {**CHARGE, "paymentCode": momo.encrypt(world, code)}
    answer = momo.call(world, "pos", requestId="pos-1", orderId="pos-1", **fields)
    assert (answer["resultCode"], answer["transId"]) == (result, 4_000_000_001)
    assert momo.call(world, "query", orderId="pos-1")["resultCode"] == result


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"paymentCode": "MM123"}, 20),
        ({"amount": 5_000_001}, 22),
    ],
)
def test_a_payment_code_that_is_refused(world, changes, code):
    fields = {**CHARGE, "paymentCode": momo.encrypt(world, "MM123"), **changes}
    answer = momo.call(world, "pos", status=400, requestId="pos-1", orderId="pos-1", **fields)
    assert answer["resultCode"] == code
