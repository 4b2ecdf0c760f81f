"""Links of vietqr.io, in the documented form."""

from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import InvalidRequest, Money
from paykit.vietqr import ASK_PAYER, VietQRPayload, banks, links

from .test_payload import memos

PAYLOAD = VietQRPayload.of(
    "VCB", "113366668888", amount=Money(790_000, "VND"), purpose="Thanh toan DH123"
)
BARE = VietQRPayload.of("VCB", "113366668888")


def test_quick_link():
    assert links.quick_link(PAYLOAD) == (
        "https://img.vietqr.io/image/970436-113366668888-compact2.png"
        "?amount=790000&addInfo=Thanh%20toan%20DH123"
    )
    assert links.quick_link(
        PAYLOAD, template="qr_only", image="svg", account_name="Nguyễn Văn A"
    ) == (
        "https://img.vietqr.io/image/970436-113366668888-qr_only.svg"
        "?amount=790000&addInfo=Thanh%20toan%20DH123&accountName=NGUYEN%20VAN%20A"
    )
    assert links.quick_link(BARE) == "https://img.vietqr.io/image/970436-113366668888-compact2.png"


def test_app_link():
    assert links.app_link(
        PAYLOAD,
        app="ocb",
        account_name="Nguyễn Văn A",
        return_url="https://www.vietqr.io/deeplink",
    ) == (
        "https://dl.vietqr.io/pay?app=ocb&am=790000&tn=Thanh%20toan%20DH123&bn=NGUYEN%20VAN%20A"
        "&ba=113366668888@vcb&url=https://www.vietqr.io/deeplink"
    )
    assert links.app_link(BARE, app="mb") == "https://dl.vietqr.io/pay?app=mb&ba=113366668888@vcb"


@pytest.mark.parametrize(
    ("number", "code"),
    [("970415", "icb"), ("970422", "mb"), ("970403", "stb"), ("546034", "cake"),
     ("963369", "liobank"), ("971005", "vtlmoney")],
)  # fmt: skip
def test_the_payees_bank(number, code):
    assert f"&ba=1@{code}" in links.app_link(VietQRPayload.of(number, "1"), app="mb")
    assert "&ba=1@xyz" in links.app_link(VietQRPayload.of(number, "1"), app="mb", bank_code="XYZ")


def test_every_bank_has_a_code_for_links():
    for bank in banks.every():
        if bank.bin:
            links.app_link(VietQRPayload.of(bank, "1"), app="mb")


@pytest.mark.parametrize(
    ("link", "payload", "options", "field"),
    [
        (links.app_link, VietQRPayload(bank_bin="970499", account="1"), {"app": "mb"}, "bank_code"),
        (links.app_link, PAYLOAD, {"app": "mb", "bank_code": "a&b"}, "bank_code"),
        (links.app_link, PAYLOAD, {"app": ""}, "app"),
        (links.app_link, PAYLOAD, {"app": "mb&am=1"}, "app"),
        (links.app_link, PAYLOAD, {"app": "mb\n"}, "app"),
        *(
            (links.app_link, PAYLOAD, {"app": "mb", "return_url": url}, "return_url")
            for url in ("", "/paid", "shop.example/paid", "javascript:alert(1)", "https://", "https://[",
                        "https://shop.example/a b", "https://shop.example/á", "https://shop.example/\n")
        ),
        (links.app_link, PAYLOAD, {"app": "mb", "account_name": "An"}, "account_name"),
        (links.quick_link, PAYLOAD, {"account_name": "x" * 51}, "account_name"),
        (links.quick_link, PAYLOAD, {"account_name": "越南越南越南"}, "account_name"),
        (links.quick_link, PAYLOAD, {"template": "../x"}, "template"),
        (links.quick_link, PAYLOAD, {"template": "a-b"}, "template"),
        (links.quick_link, PAYLOAD, {"template": ""}, "template"),
        (links.quick_link, PAYLOAD, {"image": "gif"}, "image"),
    ],
)  # fmt: skip
def test_what_is_refused(link, payload, options, field):
    with pytest.raises(InvalidRequest) as caught:
        link(payload, **options)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (VietQRPayload.of("970403", "9704031101234567", card=True), "service"),
        (VietQRPayload.of("VCB", "1", purpose=ASK_PAYER), "purpose"),
        (attrs.evolve(BARE, amount=Money(500_000_000, "VND")), "amount"),
        (attrs.evolve(BARE, purpose="DH-1"), "purpose"),
    ],
)
def test_payloads_that_no_link_can_carry(payload, field):
    for link, options in ((links.quick_link, {}), (links.app_link, {"app": "mb"})):
        with pytest.raises(InvalidRequest) as caught:
            link(payload, **options)
        assert caught.value.field == field


addresses = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="[]\\"), max_size=40
).map(lambda rest: f"https://shop.example/{rest}")


@given(st.integers(1, 499_999_999), memos, addresses)
def test_a_decoder_gets_back_what_went_in(amount, purpose, url):
    payload = VietQRPayload.of("VCB", "1017595600", amount=Money(amount, "VND"), purpose=purpose)
    link = links.app_link(payload, app="mb", account_name="SHOP HOA", return_url=url)
    assert parse_qs(urlsplit(link).query, strict_parsing=True) == {
        "app": ["mb"], "am": [str(amount)], "tn": [purpose], "bn": ["SHOP HOA"],
        "ba": ["1017595600@vcb"], "url": [url],
    }  # fmt: skip
    assert not urlsplit(link).fragment
    image = links.quick_link(payload, account_name="SHOP HOA")
    assert parse_qs(urlsplit(image).query, strict_parsing=True) == {
        "amount": [str(amount)], "addInfo": [purpose], "accountName": ["SHOP HOA"],
    }  # fmt: skip
