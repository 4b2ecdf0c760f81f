"""ZaloPay's list of banks, the links into banks' apps, and the code that they scan."""

from __future__ import annotations

import binascii
import json
from itertools import chain

import pytest

from . import zalopay_client as zalo

BANKS = "api/getlistmerchantbanks"
LINKS = "zps/api/v2/get_bank_deep_link"


def banks(world, **changes: object) -> dict:
    fields = {"appid": zalo.APP, "reqtime": zalo.NOW, **changes}
    return zalo.post_form(world, BANKS, zalo.signed(BANKS, fields))


def links(world, **changes: object) -> dict:
    fields = {"os_type": "ios", "bank_codes": "", "order_token": "", **changes}
    return zalo.call(world, LINKS, **{k: v for k, v in fields.items() if v is not None})


def test_the_banks_by_channel_in_the_names_of_version_1(world):
    answer = banks(world)
    assert (answer["returncode"], answer["returnmessage"]) == (1, "")
    assert {
        channel: [one["bankcode"] for one in found] for channel, found in answer["banks"].items()
    } == {
        "36": ["CC"],
        "37": ["BIDV", "VTB"],
        "38": ["zalopayapp"],
        "39": ["SBIS", "BIDV", "MSB", "VIB", "VTB"],
        "41": ["CCDB"],
    }
    assert answer["banks"]["39"][0] == {
        "bankcode": "SBIS",
        "name": "SBI",
        "displayorder": 5,
        "pmcid": 39,
        "minamount": 10_000,
        "maxamount": 50_000_000,
    }


def test_an_order_may_ask_for_every_bank_of_the_list(world):
    for number, found in enumerate(chain(*banks(world)["banks"].values())):
        order = zalo.create(
            world,
            app_trans_id=f"250102_{number}",
            bank_code=found["bankcode"],
            amount=found["minamount"],
        )
        assert zalo.codes(order) == (1, 1)
        assert 'name="method"' in zalo.page(world, order)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"appid": 1}, "ILLEGAL_APP/SIGNATURE_REQUEST: there is no such app"),
        ({"appid": "x"}, "ILLEGAL_DATA_REQUEST: appid must be a whole number"),
        ({"reqtime": 5}, "ILLEGAL_DATA_REQUEST: reqtime is not now, in Unix milliseconds"),
    ],
)
def test_a_list_that_is_refused(world, changes, message):
    assert banks(world, **changes) == {"returncode": 2, "returnmessage": message}


def test_a_list_with_a_wrong_mac_in_both_shapes(make_world):
    fields = {"appid": zalo.APP, "reqtime": zalo.NOW, "mac": "x"}
    message = f"ILLEGAL_APP/SIGNATURE_REQUEST: mac is not that of 2553|{zalo.NOW}"
    for flat in (False, True):
        world = make_world(zalopay={"flat_errors": flat})
        answer = zalo.post_form(world, BANKS, fields)
        assert answer == {"returncode": 2, "returnmessage": message}


def test_links_open_the_banks_apps_with_the_order_where_they_take_it(world):
    order = zalo.create(world)
    answer = links(world, order_token=order["order_token"])
    assert zalo.codes(answer) == (1, 1)
    assert [(one["bank_code"], one["is_auto_fill"]) for one in answer["data"]] == [
        ("BIDV", True),
        ("MSB", True),
        ("VIB", False),
        ("VTB", False),
    ]
    assert answer["data"][0] == {
        "bank_code": "BIDV",
        "short_name": "BIDV",
        "full_name": "Ngân hàng TMCP Đầu tư và Phát triển Việt Nam",
        "logo_url": "http://127.0.0.1:8100/static/bank.svg",
        "deep_link": f"bidv.smartbanking.partner://payment?qr={order['qr_code']}",
        "is_auto_fill": True,
    }
    assert answer["data"][2]["deep_link"] == "myvib2://"
    logo = world.client.get("/static/bank.svg")
    assert (logo.status_code, logo.headers["content-type"]) == (200, "image/svg+xml")


def test_links_without_an_order_and_for_some_banks(world):
    answer = links(world, bank_codes="VTB,BIDV", os_type="android", order_token=None)
    assert [one["deep_link"] for one in answer["data"]] == [
        "bidv.smartbanking.partner://payment",
        "vietinbankmobile://",
    ]
    assert zalo.codes(links(world, bank_codes=None)) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"app_id": 1}, -6101),
        ({"app_id": "2553"}, -6101),
        ({"os_type": "windows"}, -6102),
        ({"os_type": None}, -6102),
        ({"bank_codes": "BIDV, VTB"}, -6105),
        ({"bank_codes": "NOBANK"}, -6105),
        ({"bank_codes": ["BIDV"]}, -6105),
        ({"order_token": "nothing"}, -6106),
        ({"order_token": 5}, -6106),
    ],
)
def test_links_that_are_refused_have_codes_of_their_own(world, changes, code):
    assert zalo.codes(links(world, **changes)) == (2, code)


def test_links_with_a_wrong_mac(world):
    body = {"app_id": zalo.APP, "os_type": "ios", "mac": "x"}
    answer = zalo.post(world, LINKS, body)
    assert (zalo.codes(answer), answer["sub_return_message"]) == (
        (2, -6103),
        "MAC_INVALID: mac is not that of 2553||ios|",
    )


def test_links_are_for_orders_that_can_be_paid(world):
    order = zalo.create(world)
    second = {"app_id": 2554, "os_type": "ios", "order_token": order["order_token"]}
    key = "sdngKKJmqEMzvh5QQcdD2A9XBSKUNaYn"
    answer = zalo.post(world, LINKS, zalo.signed(LINKS, second, key=key))
    assert zalo.codes(answer) == (2, -6106)
    zalo.click(world, order)
    assert zalo.codes(links(world, order_token=order["order_token"])) == (2, -6106)


def parts(text: str) -> dict[str, str]:
    found = {}
    while text:
        name, length = text[:2], int(text[2:4])
        found[name] = text[4 : 4 + length]
        assert len(found[name]) == length
        text = text[4 + length :]
    return found


@pytest.mark.parametrize("amount", [1, 50_000, 2**63 - 1])
def test_the_code_is_made_as_emvco_says(world, amount):
    text = zalo.create(world, amount=amount)["qr_code"]
    fields = parts(text)
    assert text.startswith("000201")
    assert list(fields)[-1] == "63"
    assert fields["63"] == f"{binascii.crc_hqx(text[:-4].encode(), 0xFFFF):04X}"
    assert (fields["00"], fields["01"], fields["53"], fields["58"]) == ("01", "12", "704", "VN")
    assert fields["54"] == str(amount)
    assert parts(fields["26"])["00"] == "vn.zalopay"
    transfer = parts(fields["38"])
    assert (transfer["00"], transfer["02"]) == ("A000000727", "QRIBFTTA")
    assert parts(transfer["01"])["00"] == "970454"
    assert parts(fields["62"])["08"] == parts(fields["26"])["03"]


def test_each_order_has_a_code_of_its_own(world):
    texts = {zalo.create(world, app_trans_id=f"250102_{number}")["qr_code"] for number in range(3)}
    assert len(texts) == 3
    accounts = {parts(parts(parts(text)["38"])["01"])["01"] for text in texts}
    assert len(accounts) == 3
    assert json.dumps(sorted(accounts)).isascii()
