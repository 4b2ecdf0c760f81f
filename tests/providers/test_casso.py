"""What the case folders of Casso leave open: its settings, its versions, and its list."""

import json
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from paykit import (
    AuthenticationFailed,
    Casso,
    ConfigurationError,
    HttpResponse,
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    Money,
    PaymentRequest,
    PaymentStatus,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    SignatureError,
    StaleDelivery,
    TransferReceived,
)
from paykit.flow import run
from paykit.service import PaymentService
from paykit.testing import deliveries
from paykit.testing.conformance.base import Wire

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ACCOUNT = "123456789"
TOKEN = "secure-token-paykit-0001"
V1 = {"webhook_version": "v1", "secure_token": TOKEN}
V2 = {"security_key": "security-key"}


def casso(at=NOW, **settings):
    account = {"bank": "MB", "account_number": ACCOUNT}
    return Casso.from_dict({**account, **settings}, clock=lambda: at)


def refuse_network(request):
    raise AssertionError(request)


def receive(provider, delivery):
    return provider.parse(run(provider.verify(delivery), refuse_network))


CODE = casso(**V2).codes.from_number(1001)
PRICE = Money(150_000, "VND")


def notice(provider, **changes):
    return deliveries.paid(
        provider,
        **{"reference": CODE, "amount": PRICE, "at": NOW, "provider_id": "5789", **changes},
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "security_key is missing"),
        ({"security_key": ""}, "security_key: must not be empty"),
        ({"security_key": " "}, "security_key: must not be empty"),
        ({"secure_token": TOKEN}, "security_key is missing"),
        ({**V2, "secure_token": TOKEN}, 'secure_token is for webhook_version "v1" only'),
        (
            {**V2, "previous_secure_tokens": [TOKEN]},
            'secure_token is for webhook_version "v1" only',
        ),
        ({"webhook_version": "v1"}, "secure_token is missing"),
        ({"webhook_version": "v1", **V2}, "secure_token is missing"),
        ({**V1, **V2}, 'security_key is for webhook_version "v2" only'),
        ({**V1, "secure_token": ""}, "secure_token: must not be empty"),
        ({**V1, "secure_token": "123456789"}, "at least 10 characters"),
        ({**V1, "previous_secure_tokens": ["short"]}, "at least 10 characters"),
        ({**V2, "webhook_version": "v3"}, "webhook_version"),
        ({**V2, "tolerance": timedelta(0)}, "tolerance must be more than nothing"),
        ({**V2, "tolerance": timedelta(seconds=-1)}, "tolerance must be more than nothing"),
        ({**V2, "tolerance": timedelta(days=8)}, "7 days at most"),
        ({**V2, "tolerance": None}, "tolerance"),
        ({**V2, "api_key": ""}, "api_key: must not be empty"),
    ],
)
def test_no_proof_means_no_provider(settings, said):
    with pytest.raises(ConfigurationError, match=said):
        casso(**settings)


def test_one_version_never_takes_the_other():
    same = "one-secret-for-both"
    first = casso(webhook_version="v1", secure_token=same)
    second = casso(security_key=same)
    for ours, theirs in [(first, second), (second, first)]:
        assert receive(ours, notice(ours))
        with pytest.raises(SignatureError):
            receive(ours, notice(theirs))
        with pytest.raises(SignatureError):
            receive(ours, deliveries.unsigned(ours, notice(ours)))


@pytest.mark.parametrize(
    ("settings", "age", "fresh"),
    [
        ({}, timedelta(hours=24), True),
        ({}, timedelta(hours=24, seconds=1), False),
        ({"tolerance": timedelta(hours=1)}, timedelta(hours=1), True),
        ({"tolerance": timedelta(hours=1)}, timedelta(hours=1, seconds=1), False),
        ({}, -timedelta(minutes=5), True),
        ({}, -timedelta(minutes=5, seconds=1), False),
        ({"tolerance": timedelta(days=7)}, -timedelta(minutes=10), False),
    ],
)
def test_how_old_and_how_early(settings, age, fresh):
    delivery, later = notice(casso(**V2)), casso(NOW + age, **V2, **settings)
    if fresh:
        assert receive(later, delivery) == receive(casso(**V2), delivery)
    else:
        with pytest.raises(StaleDelivery):
            receive(later, delivery)


# The list.

ROW = {
    "id": 5789,
    "tid": "FT5789",
    "description": f"{CODE} Khanh chuyen tien",
    "amount": 150000,
    "cusum_balance": 1070904,
    "when": "2026-01-02T10:04:05",
    "bankSubAccId": ACCOUNT,
    "virtualAccount": "",
    "accountId": 733,
}
LISTING = casso(**V2, api_key="AK_CS.1")


def answer(*rows, page=1, pages=1, **more):
    data = {"page": page, "pageSize": 100, "nextPage": None, "totalPages": pages, "records": rows}
    body = {"error": 0, "message": "success", "data": data, **more}
    return HttpResponse(200, body=json.dumps(body).encode())


def listed(response, provider=LISTING, **asked):
    wire = Wire([response])
    page = run(provider.list_transactions(**{"since": NOW, **asked}), wire.send)
    (request,) = wire.sent
    return page, request


def test_the_list_asks_as_documented():
    page, request = listed(answer(ROW, page=2, pages=3), page=2, page_size=20)
    assert (request.method, request.replay_safe, request.moves_money) == ("GET", True, False)
    assert request.url == (
        "https://oauth.casso.vn/v2/transactions?fromDate=2026-01-02&page=2&pageSize=20&sort=ASC"
    )
    assert request.header("Authorization") == "Apikey AK_CS.1"
    assert page.next_page == 3
    _, request = listed(answer(), since=datetime(2026, 1, 1, 17, tzinfo=UTC))
    assert "fromDate=2026-01-02&page=1&pageSize=100" in request.url


@pytest.mark.parametrize(
    ("page", "pages", "following"), [(1, 1, None), (1, 2, 2), (2, 2, None), (1, 0, None)]
)
def test_pages(page, pages, following):
    assert listed(answer(page=page, pages=pages), page=page)[0].next_page == following


def test_a_listed_transfer_is_that_of_the_notice():
    (found,) = listed(answer(ROW))[0].transfers
    for settings in (V1, V2):
        (told,) = receive(casso(**settings), notice(casso(**settings)))
        assert isinstance(told, TransferReceived)
        assert attrs.evolve(found, memo=told.memo) == told
    assert found.codes == (CODE,)


@pytest.mark.parametrize(
    ("amounts", "counted"),
    [
        ((150_000, 0), [150_000]),
        ((0, 1, 0, 2), [1, 2]),
        ((-5, 150_000), [150_000]),
        ((-5,), []),
        ((0, -5), None),
        ((0,), None),
        ((0, 0), None),
    ],
)
def test_a_row_of_nothing_does_not_keep_back_the_others(amounts, counted):
    provider = casso(**V1)
    told = notice(provider)
    (row,) = json.loads(told.body)["data"]
    rows = [{**row, "id": number, "amount": one} for number, one in enumerate(amounts, 1)]
    told = attrs.evolve(told, body=json.dumps({"error": 0, "data": rows}).encode())
    if counted is None:
        with pytest.raises(MalformedDelivery):
            receive(provider, told)
    else:
        assert [one.amount.minor for one in receive(provider, told)] == counted


def test_the_list_holds_what_came_in_on_our_account():
    rows = [
        ROW,
        {**ROW, "id": 1, "amount": -193000},
        {**ROW, "id": 2, "bankSubAccId": "8007041027107"},
        {**ROW, "id": 3, "bankSubAccId": "8007041027107", "virtualAccount": "VA1"},
        {**ROW, "id": 4, "description": None, "tid": None, "when": "2026-01-02"},
        {**ROW, "id": 0},
        {
            **{k: v for k, v in ROW.items() if k != "bankSubAccId"},
            "id": 5,
            "bank_sub_acc_id": ACCOUNT,
        },
    ]
    page, _ = listed(answer(*rows), casso(**V2, api_key="k", other_accounts=["VA1"]))
    assert [(one.provider_id, one.account_number, one.memo) for one in page.transfers] == [
        ("5789", ACCOUNT, ROW["description"]),
        ("3", "VA1", ROW["description"]),
        ("4", ACCOUNT, ""),
        ("5", ACCOUNT, ROW["description"]),
    ]
    assert page.transfers[2].occurred_at == datetime(2026, 1, 1, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    "row",
    [
        {"amount": "150000"},
        {"amount": 150000.5},
        {"amount": True},
        {"id": "5789"},
        {"id": -1},
        {"when": "02/01/2026"},
        {"bankSubAccId": None},
        {"bankSubAccId": 123456789},
    ],
)
def test_a_row_that_cannot_be_read_is_an_error(row):
    with pytest.raises(MalformedResponse):
        listed(answer({**ROW, **row}))


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (HttpResponse(401, body=b'{"error":401,"message":"Unauthorized"}'), AuthenticationFailed),
        (HttpResponse(400, body=b'{"error":400,"message":"Bad"}'), ProviderError),
        (answer(error=4001), ProviderError),
        (answer(error=4001, data=None), ProviderError),
        (HttpResponse(429), RateLimited),
        (HttpResponse(500, body=b"<html>"), ProviderUnavailable),
        (HttpResponse(200, body=b"<html>"), MalformedResponse),
        (HttpResponse(200, body=b"{}"), MalformedResponse),
        (answer(data=None), MalformedResponse),
        (answer(data=[]), MalformedResponse),
        (answer(page=2), MalformedResponse),
    ],
)
def test_refusals_of_the_list(response, error):
    with pytest.raises(error) as caught:
        listed(response)
    assert type(caught.value) is error


@pytest.mark.parametrize("asked", [{"page": 0}, {"page_size": 0}, {"page_size": 101}])
def test_pages_that_are_not_there(asked):
    with pytest.raises(InvalidRequest):
        listed(answer(), **asked)


def test_nothing_is_asked_without_a_key_or_a_zone():
    with pytest.raises(InvalidRequest, match="api_key"):
        listed(answer(), casso(**V2))
    with pytest.raises(InvalidRequest, match="time zone"):
        listed(answer(), since=NOW.replace(tzinfo=None))


def test_notice_and_list_are_one_effect(tmp_path):
    provider = LISTING
    with PaymentService(
        [provider], database=f"sqlite:///{tmp_path}/p.db", clock=lambda: NOW
    ) as service:
        session = service.create(PaymentRequest(reference=CODE, amount=PRICE), provider="casso")
        page, _ = listed(answer(ROW), provider)
        for _ in range(2):
            answered = service.receive(notice(provider), provider="casso")
            assert answered.reply == provider.acknowledgement
            assert service.record_transfers(page.transfers, provider="casso") == 0
        record = service.status(session.payment_id)
        assert (record.status, record.received) == (PaymentStatus.SUCCEEDED, PRICE)
