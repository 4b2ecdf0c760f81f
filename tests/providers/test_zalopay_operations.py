"""What ZaloPay can beyond the shared operations, and answers that contradict themselves."""

import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest

from paykit import (
    AuthenticationFailed,
    Client,
    InvalidRequest,
    MalformedResponse,
    Money,
    NoAnswer,
    NotFound,
    OutcomeUnknown,
    Payment,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    PaymentToken,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RefundRequest,
    RefundStatus,
    ZaloPay,
    ZaloPayConfig,
)
from paykit.errors import ConfigurationError, PaykitError
from paykit.flow import run
from paykit.http import HttpResponse
from paykit.provider import Capability
from paykit.providers.zalopay import Bank, BankLink, PayableChannel, TokenBalance
from paykit.testing.conformance.damage import fields_of, unreadable_bodies, wrong_values

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY1 = "KEY-FOR-WHAT-GOES-OUT"
SHOP = {"app_id": 2553, "key1": KEY1, "key2": "KEY-FOR-WHAT-COMES-IN"}
ZALOPAY = ZaloPay.from_dict(SHOP, clock=lambda: NOW)
TOKEN = PaymentToken(
    provider="zalopay", value="PAY-TOKEN", customer_id="customer-1", provider_id="BINDING-1"
)
REF = PaymentRef(
    reference="ORDER-1", created_at=NOW, provider_id="260102000000389", amount=Money(150_000, "VND")
)
MS = 1_767_323_045_000


def mac(*values):
    text = "|".join(str(value) for value in values)
    return hmac.new(KEY1.encode(), text.encode(), "sha256").hexdigest()


def talk(flow, answer, *, provider=ZALOPAY):
    """The request of a flow, and its result after ``answer``."""
    asked = []

    def peer(request):
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return HttpResponse(200, body=body)

    result = run(flow, peer)
    (request,) = asked
    return request, result


BANKS = {
    "returncode": 1,
    "returnmessage": "",
    "banks": {
        "36": [
            {"bankcode": "CC", "name": "Visa/Master/JCB", "displayorder": 1, "pmcid": 36,
             "minamount": 10_000, "maxamount": 20_000_000},
        ],
        "39": [
            {"bankcode": "VTB", "name": "VietinBank", "displayorder": 2, "pmcid": 39,
             "minamount": 0, "maxamount": 0},
            {"bankcode": "SBIS", "name": "Ngân hàng SBI", "pmcid": 39},
        ],
        "not a number": [{"bankcode": "X", "name": "X"}],
    },
}  # fmt: skip


def test_banks():
    request, banks = talk(ZALOPAY.banks(), BANKS)
    assert (request.method, request.url) == (
        "POST",
        "https://sbgateway.zalopay.vn/api/getlistmerchantbanks",
    )
    assert request.header("content-type") == "application/x-www-form-urlencoded"
    assert parse_qsl(request.body.decode()) == [
        ("appid", "2553"), ("reqtime", str(MS)), ("mac", mac(2553, MS)),
    ]  # fmt: skip
    assert (request.replay_safe, request.moves_money) == (True, False)
    assert banks == (
        Bank(
            code="CC",
            name="Visa/Master/JCB",
            channel=36,
            smallest=Money(10_000, "VND"),
            largest=Money(20_000_000, "VND"),
            order=1,
        ),
        Bank(code="VTB", name="VietinBank", channel=39, order=2),
        Bank(code="SBIS", name="Ngân hàng SBI", channel=39),
    )
    # each code is one that a request takes
    for bank in banks:
        next(
            ZALOPAY.create_payment(
                PaymentRequest(reference="A", amount=Money(1, "VND"), method=bank.code)
            )
        )


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"environment": "production"}, "https://gateway.zalopay.vn"),
        ({"base_url": "http://127.0.0.1:8100/zalopay"}, "http://127.0.0.1:8100/zalopay"),
        (
            {"base_url": "http://127.0.0.1:8100/a", "gateway_url": "http://127.0.0.1:8100/b"},
            "http://127.0.0.1:8100/b",
        ),
    ],
)
def test_where_the_list_of_banks_is(settings, url):
    provider = ZaloPay.from_dict({**SHOP, **settings}, clock=lambda: NOW)
    request, _ = talk(provider.banks(), BANKS)
    assert request.url == f"{url}/api/getlistmerchantbanks"


def test_no_banks_is_an_answer():
    assert talk(ZALOPAY.banks(), {"returncode": 1, "returnmessage": ""})[1] == ()


LINKS = {
    "return_code": 1, "return_message": "", "sub_return_code": 1, "sub_return_message": "",
    "data": [
        {"bank_code": "BIDV", "short_name": "BIDV", "full_name": "Ngân hàng BIDV",
         "logo_url": "https://img.example/bidv.png", "is_auto_fill": True,
         "deep_link": "https://dl.vietqr.io/pay?app=bidv"},
        {"bank_code": "VTB", "deep_link": "vietinbank://"},
    ],
}  # fmt: skip


def test_links_to_banks():
    flow = ZALOPAY.bank_links("ios", order_token="ORDER_TOKEN", bank_codes=["BIDV", "VTB"])
    request, links = talk(flow, LINKS)
    assert request.url == "https://sb-openapi.zalopay.vn/zps/api/v2/get_bank_deep_link"
    assert json.loads(request.body) == {
        "app_id": 2553,
        "bank_codes": "BIDV,VTB",
        "os_type": "ios",
        "order_token": "ORDER_TOKEN",
        "mac": mac(2553, "BIDV,VTB", "ios", "ORDER_TOKEN"),
    }
    assert links == (
        BankLink(
            code="BIDV",
            url="https://dl.vietqr.io/pay?app=bidv",
            name="BIDV",
            full_name="Ngân hàng BIDV",
            logo_url="https://img.example/bidv.png",
            fills_in=True,
        ),
        BankLink(code="VTB", url="vietinbank://"),
    )


def test_links_to_all_banks_without_an_order():
    request, _ = talk(ZALOPAY.bank_links("android"), LINKS)
    body = json.loads(request.body)
    assert (body["bank_codes"], body["order_token"]) == ("", "")
    assert body["mac"] == mac(2553, "", "android", "")  # the blanks are signed


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"os_type": "windows"}, "os_type"),
        ({"os_type": "ios", "order_token": "a|b"}, "order_token"),
        ({"os_type": "ios", "bank_codes": ["BIDV,VTB"]}, "method"),
    ],
)
def test_links_that_are_not_asked_for(arguments, field):
    with pytest.raises(InvalidRequest) as caught:
        ZALOPAY.bank_links(**arguments)
    assert caught.value.field == field


DONE = {"return_code": 1, "return_message": "Thành công", "sub_return_code": 1}


def test_cancel():
    request, payment = talk(ZALOPAY.cancel_payment(REF), DONE)
    assert request.url == "https://sb-openapi.zalopay.vn/v2/cancel"
    assert json.loads(request.body) == {
        "app_id": 2553,
        "app_trans_id": "260102_ORDER-1",
        "mac": mac(2553, "260102_ORDER-1", KEY1),
    }
    assert payment == Payment(
        provider="zalopay",
        reference="ORDER-1",
        status=PaymentStatus.CANCELED,
        code="1",
        message="Thành công",
        reason="canceled_by_merchant",
        raw=DONE,
    )


def test_cancel_under_way():
    _, payment = talk(ZALOPAY.cancel_payment(REF), {"return_code": 3, "sub_return_code": 2})
    assert (payment.status, payment.reason) == (PaymentStatus.PENDING, None)


def test_cancel_needs_the_day():
    with pytest.raises(InvalidRequest):
        ZALOPAY.cancel_payment(PaymentRef(reference="ORDER-1")).send(None)


BALANCE = {
    **DONE,
    "data": [
        {"channel": 38, "payable": True, "bank_code": "zp_app"},
        {"channel": 39, "payable": False},
    ],
    "discount_amount": 5000,
}


def test_balance():
    request, balance = talk(ZALOPAY.token_balance(TOKEN, Money(50_000, "VND")), BALANCE)
    assert request.url == "https://sb-openapi.zalopay.vn/v2/agreement/balance"
    assert json.loads(request.body) == {
        "app_id": 2553,
        "identifier": "customer-1",
        "pay_token": "PAY-TOKEN",
        "amount": 50_000,
        "req_date": MS,
        # the token before its owner
        "mac": mac(2553, "PAY-TOKEN", "customer-1", 50_000, MS),
    }
    assert balance == TokenBalance(
        channels=(
            PayableChannel(channel=38, payable=True, bank_code="zp_app"),
            PayableChannel(channel=39, payable=False),
        ),
        discount=Money(5000, "VND"),
    )
    assert balance.payable
    assert not TokenBalance(channels=balance.channels[1:], discount=balance.discount).payable


def test_owner():
    request, phone = talk(ZALOPAY.token_owner(TOKEN), {**DONE, "phone": "****2606"})
    assert request.url == "https://sb-openapi.zalopay.vn/v2/agreement/query_user"
    assert json.loads(request.body) == {
        "app_id": 2553,
        "access_token": "PAY-TOKEN",
        "req_date": MS,
        "mac": mac(2553, "PAY-TOKEN", MS),
    }
    assert phone == "****2606"


OWN = {
    "banks": (ZALOPAY.banks, BANKS),
    "bank_links": (lambda: ZALOPAY.bank_links("ios"), LINKS),
    "cancel_payment": (lambda: ZALOPAY.cancel_payment(REF), DONE),
    "token_balance": (lambda: ZALOPAY.token_balance(TOKEN, Money(1, "VND")), BALANCE),
    "token_owner": (lambda: ZALOPAY.token_owner(TOKEN), {**DONE, "phone": "****2606"}),
}


@pytest.mark.parametrize("name", OWN)
def test_they_run_with_a_client(name):
    flow, answer = OWN[name]

    class Transport:
        def send(self, request):
            return HttpResponse(200, body=json.dumps(answer).encode())

    assert Client(ZALOPAY, transport=Transport()).run(flow()) == talk(flow(), answer)[1]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-401, ProviderError),
        (-402, AuthenticationFailed),
        (-429, RateLimited),
        (-500, ProviderUnavailable),
        (-101, NotFound),
        (-9999, ProviderError),
    ],
)
@pytest.mark.parametrize("name", OWN)
def test_refusals_in_both_shapes(name, code, kind):
    flow, _ = OWN[name]
    prefix = "return" if name == "banks" else "return_"
    below = {"return_code": 2, "sub_return_code": code}
    for answer in [{f"{prefix}code": code}, *([below] if name != "banks" else [])]:
        with pytest.raises(ProviderError) as caught:
            talk(flow(), answer)
        assert type(caught.value) is kind
        assert caught.value.code == str(code)


@pytest.mark.parametrize("code", [-6100, -6101, -6102, -6103, -6104, -6105, -6106])
def test_refusals_of_links(code):
    with pytest.raises(ProviderError) as caught:
        talk(ZALOPAY.bank_links("ios"), {"return_code": 2, "sub_return_code": code})
    special = {-6100: ProviderUnavailable, -6103: AuthenticationFailed}
    assert type(caught.value) is special.get(code, ProviderError)


@pytest.mark.parametrize("name", OWN)
def test_broken_answers(name):
    flow, answer = OWN[name]
    raw = json.dumps(answer).encode()
    for _, body in unreadable_bodies(raw):
        with pytest.raises(PaykitError):
            talk(flow(), body)
    whole = HttpResponse(200, body=raw)
    for path in fields_of(whole):
        for _, broken in wrong_values(whole, path):
            try:
                talk(flow(), broken.body)
            except PaykitError as error:
                assert error.sent is not False  # noqa: PT017
    with pytest.raises(NoAnswer):
        talk(flow(), NoAnswer("silence"))


# Refunds with a fee.


def test_a_fee_is_signed_before_the_description():
    request = RefundRequest(payment=REF, reference="R-1", description="Khách đổi ý")
    sent, refund = talk(ZALOPAY.refund(request, fee=Money(2000, "VND")), DONE)
    body = json.loads(sent.body)
    assert body["refund_fee_amount"] == 2000
    assert body["mac"] == mac(2553, "260102000000389", 150_000, 2000, "Khách đổi ý", MS)
    assert sent.moves_money
    assert refund.status is RefundStatus.PENDING


# Answers that contradict themselves.

PAID = {**DONE, "is_processing": False, "amount": 150_000, "zp_trans_id": 260_102_000_000_389}


@pytest.mark.parametrize(
    "change", [{"amount": 0}, {"amount": None}, {"zp_trans_id": 0}, {"zp_trans_id": "x"}], ids=str
)
def test_paid_and_yet_not(change):
    with pytest.raises(MalformedResponse):
        talk(ZALOPAY.fetch_payment(REF), {**PAID, **change})


def test_paid_beyond_time():
    with pytest.raises(MalformedResponse):
        talk(ZALOPAY.fetch_payment(REF), {**PAID, "server_time": 10**15})


def test_paid_and_still_under_way():
    _, payment = talk(ZALOPAY.fetch_payment(REF), {**PAID, "is_processing": True})
    assert (payment.status, payment.captured) == (PaymentStatus.UNKNOWN, None)


def test_paid_whether_or_not_it_says_that_it_is_done():
    for change in ({}, {"is_processing": None}):
        answer = {**PAID, **change}
        if not change:
            del answer["is_processing"]
        assert talk(ZALOPAY.fetch_payment(REF), answer)[1].status is PaymentStatus.SUCCEEDED


def test_made_with_a_code_that_says_otherwise():
    order = PaymentRequest(reference="ORDER-1", amount=Money(150_000, "VND"))
    answer = {"return_code": 1, "sub_return_code": -401, "order_url": "https://zalopay.example/"}
    with pytest.raises(MalformedResponse):
        talk(ZALOPAY.create_payment(order), answer)


def test_a_charge_whose_answer_is_about_another_order():
    order = PaymentRequest(reference="ORDER-2", amount=Money(1, "VND"), token=TOKEN)
    made = {**DONE, "order_url": "https://zalopay.example/", "zp_trans_token": "T"}
    for told, error in (
        ({**DONE, "app_trans_id": "260102_OTHER", "zp_trans_id": 1}, OutcomeUnknown),
        ({**DONE, "zp_trans_id": 1}, OutcomeUnknown),
        ({"return_code": 3, "app_trans_id": "260102_OTHER"}, OutcomeUnknown),
    ):
        answers = [made, told]
        with pytest.raises(error):
            run(
                ZALOPAY.create_payment(order),
                lambda _, answers=answers: HttpResponse(
                    200, body=json.dumps(answers.pop(0)).encode()
                ),
            )


# What it says of itself.


def test_what_nobody_tells():
    assert ZaloPay.info.silent_on == {
        PaymentStatus.FAILED,
        PaymentStatus.CANCELED,
        PaymentStatus.EXPIRED,
    }
    assert frozenset(Capability) - ZaloPay.capabilities == {
        Capability.CAPTURE,
        Capability.VOID,
        Capability.COMPLETE,
        Capability.REAUTHORIZE,
    }


def test_an_error_shows_no_token():
    answer = {**DONE, "data": {"app_id": 2553, "app_trans_id": "260102_L", "status": 4,
                               "merchant_user_id": "c", "pay_token": "SECRET-TOKEN"}}  # fmt: skip
    from paykit import TokenRequest

    request = TokenRequest(reference="L", customer_id="c", grant="260102_L")
    with pytest.raises(ProviderError) as caught:
        talk(ZALOPAY.create_token(request), answer)
    assert "SECRET-TOKEN" not in repr(vars(caught.value))


@pytest.mark.parametrize(
    "change",
    [
        {"app_id": 0}, {"app_id": -1}, {"app_id": 2**31}, {"app_id": "two"}, {"key1": ""},
        {"key2": " "}, {"key2": "x\n"}, {"previous_key2s": [""]}, {"app_user": "a|b"},
        {"app_user": "x" * 51}, {"session_lifetime": timedelta(minutes=4)},
        {"session_lifetime": timedelta(days=31)}, {"base_url": "http://zalopay.example"},
        {"notify_url": "shop"}, {"callback_url": "https://shop.example"},
    ],
    ids=str,
)  # fmt: skip
def test_a_configuration_that_is_refused(change):
    with pytest.raises(ConfigurationError) as caught:
        ZaloPayConfig.from_dict({**SHOP, **change})
    assert KEY1 not in str(caught.value)


def test_a_configuration_from_the_environment():
    environ = {
        "PAYKIT_ZALOPAY_APP_ID": "2553",
        "PAYKIT_ZALOPAY_KEY1": KEY1,
        "PAYKIT_ZALOPAY_KEY2": SHOP["key2"],
        "PAYKIT_ZALOPAY_SESSION_LIFETIME": "PT30M",
    }
    config = ZaloPayConfig.from_env(environ=environ)
    assert config == ZaloPayConfig(**SHOP, session_lifetime=timedelta(minutes=30))
    session_request = PaymentRequest(reference="A", amount=Money(1, "VND"))
    body = json.loads(next(ZaloPay(config).create_payment(session_request)).body)
    assert body["expire_duration_seconds"] == 1800
