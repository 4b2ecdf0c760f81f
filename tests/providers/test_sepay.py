"""What the case folder of SePay leaves open: its settings, changes of its proof, and its list."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest

from paykit import (
    AuthenticationFailed,
    ConfigurationError,
    Delivery,
    HttpResponse,
    InvalidRequest,
    MalformedResponse,
    Money,
    NotFound,
    PaymentRequest,
    PaymentStatus,
    ProviderUnavailable,
    RateLimited,
    SePay,
    SignatureError,
    TransferReceived,
)
from paykit.flow import run
from paykit.service import PaymentService
from paykit.testing import deliveries
from paykit.testing.conformance.base import Wire

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ACCOUNT = "0123499999"
SETTINGS = {"bank": "VCB", "account_number": ACCOUNT}


def sepay(**settings):
    return SePay.from_dict({**SETTINGS, **settings}, clock=lambda: NOW)


def refuse_network(request):
    raise AssertionError(request)


def receive(provider, delivery):
    return provider.parse(run(provider.verify(delivery), refuse_network))


CODE = sepay(api_key="k").codes.from_number(1001)
PRICE = Money(150_000, "VND")


def notice(provider, **changes):
    return deliveries.paid(
        provider,
        **{"reference": CODE, "amount": PRICE, "at": NOW, "provider_id": "92704", **changes},
    )


# Settings.


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "give either webhook_secret or api_key"),
        ({"api_key": "k", "webhook_secret": "s"}, "give either webhook_secret or api_key"),
        ({"api_key": ""}, "api_key: must not be empty"),
        ({"api_key": "  "}, "api_key: must not be empty"),
        ({"api_key": None}, "give either webhook_secret or api_key"),
        ({"webhook_secret": ""}, "webhook_secret: must not be empty"),
        ({"webhook_secret": "s\n"}, "webhook_secret: has blanks"),
        ({"webhook_secret": "s", "previous_api_keys": [""]}, "must not be empty"),
        ({"previous_api_keys": ["k"]}, "give either webhook_secret or api_key"),
        ({"webhook_secret": "s", "api_token": ""}, "api_token: must not be empty"),
        ({"webhook_secret": "s", "tolerance": 0}, "tolerance"),
    ],
)
def test_no_proof_means_no_provider(settings, said):
    with pytest.raises(ConfigurationError, match=said):
        sepay(**settings)


def test_an_empty_variable_is_no_proof():
    environ = {
        "PAYKIT_SEPAY_BANK": "VCB",
        "PAYKIT_SEPAY_ACCOUNT_NUMBER": ACCOUNT,
        "PAYKIT_SEPAY_API_KEY": "",
    }
    with pytest.raises(ConfigurationError, match="give either"):
        SePay.from_env(environ=environ)
    environ["PAYKIT_SEPAY_API_KEY"] = "k"
    assert receive(SePay.from_env(environ=environ), notice(sepay(api_key="k")))


# Changing from one kind of proof to the other.

OLD_KEY, NEW_SECRET = {"api_key": "old-key"}, {"webhook_secret": "new-secret"}


def test_from_an_api_key_to_a_secret():
    by_key, by_secret = notice(sepay(**OLD_KEY)), notice(sepay(**NEW_SECRET))
    between = sepay(**NEW_SECRET, previous_api_keys=["old-key"])
    assert receive(between, by_key) == receive(between, by_secret)
    for provider, delivery in [
        (sepay(**NEW_SECRET), by_key),
        (sepay(**OLD_KEY), by_secret),
        (between, notice(sepay(api_key="another-key"))),
        (between, notice(sepay(webhook_secret="another-secret"))),
    ]:
        with pytest.raises(SignatureError):
            receive(provider, delivery)


def test_a_wrong_signature_is_not_made_up_for_by_a_key():
    between = sepay(**NEW_SECRET, previous_api_keys=["old-key"])
    delivery = notice(sepay(webhook_secret="another-secret"))
    both = attrs.evolve(delivery, headers=(*delivery.headers, ("Authorization", "Apikey old-key")))
    with pytest.raises(SignatureError):
        receive(between, both)


def test_from_a_secret_to_an_api_key():
    between = sepay(api_key="new-key", previous_webhook_secrets=["old-secret"])
    delivery = notice(sepay(webhook_secret="old-secret"))
    assert receive(between, delivery) == receive(between, notice(sepay(api_key="new-key")))


def test_unsigned_deliveries_for_tests():
    for settings in (OLD_KEY, NEW_SECRET):
        provider = sepay(**settings)
        with pytest.raises(SignatureError):
            receive(provider, deliveries.unsigned(provider, notice(provider)))


# The list.

ROW = {
    "id": "92704",
    "bank_brand_name": "Vietcombank",
    "account_number": ACCOUNT,
    "transaction_date": "2026-01-02 10:04:05",
    "amount_out": "0.00",
    "amount_in": "150000.00",
    "accumulated": "1200541768.00",
    "transaction_content": f"MBVCB.3278907687.{CODE}.CT tu 0123456789 NGUYEN VAN A",
    "reference_number": "FT92704",
    "code": None,
    "sub_account": "VCB0011ABC004",
    "bank_account_id": "19",
}
LISTING = sepay(api_key="k", api_token="token-1")


def answer(*rows, status=200, **more):
    body = {"status": 200, "error": None, "messages": {"success": True}, "transactions": rows}
    return HttpResponse(status, body=json.dumps({**body, **more}).encode())


def listed(response, provider=LISTING, **times):
    wire = Wire([response])
    page = run(provider.list_transactions(**{"since": NOW - timedelta(days=1), **times}), wire.send)
    (request,) = wire.sent
    return page, request


def test_the_list_asks_as_documented():
    page, request = listed(answer(ROW), until=NOW)
    assert (request.method, request.replay_safe, request.moves_money) == ("GET", True, False)
    assert request.url == (
        "https://my.dev.sepay.vn/userapi/transactions/list"
        "?transaction_date_min=2026-01-01%2010%3A04%3A05&transaction_date_max=2026-01-02%2010%3A04%3A05"
    )
    assert request.header("Authorization") == "Bearer token-1"
    assert page.next_page is None
    production = sepay(api_key="k", api_token="t", environment="production")
    _, request = listed(answer(), production, since=datetime(2026, 1, 1, tzinfo=timezone.max))
    assert request.url.startswith("https://my.sepay.vn/userapi/transactions/list?")
    assert "transaction_date_min=2025-12-31%2007%3A01%3A00" in request.url


def test_a_listed_transfer_is_that_of_the_notice():
    (told,) = receive(sepay(api_key="k"), notice(sepay(api_key="k")))
    (found,) = listed(answer(ROW))[0].transfers
    assert isinstance(told, TransferReceived)
    assert attrs.evolve(found, memo=told.memo) == told
    assert found.codes == (CODE,)


def test_the_list_holds_what_came_in_on_our_account():
    out = {**ROW, "id": "92705", "amount_in": "0.00", "amount_out": "150000.00"}
    foreign = {**ROW, "id": "92706", "account_number": "0071000999999"}
    virtual = {**foreign, "id": "92707", "sub_account": "VA1"}
    bare = {
        **ROW,
        "id": "92708",
        "transaction_content": None,
        "sub_account": None,
        "reference_number": None,
    }
    provider = sepay(api_key="k", api_token="t", other_accounts=["VA1"])
    page, _ = listed(answer(ROW, out, foreign, virtual, bare), provider)
    assert [(one.provider_id, one.account_number, one.memo) for one in page.transfers] == [
        ("92704", ACCOUNT, ROW["transaction_content"]),
        ("92707", "VA1", ROW["transaction_content"]),
        ("92708", ACCOUNT, ""),
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"amount_in": "150000.50"},
        {"amount_in": "1.5e5"},
        {"amount_in": 150000},
        {"amount_in": "-150000.00"},
        {"amount_in": "150000.00", "amount_out": "1.00"},
        {"amount_in": "0.00"},
        {"id": 92704},
        {"id": "092704"},
        {"id": "-1"},
        {"transaction_date": "02/01/2026"},
        {"account_number": None},
    ],
)
def test_a_row_that_cannot_be_read_is_an_error(row):
    with pytest.raises(MalformedResponse):
        listed(answer({**ROW, **row}))


def test_a_list_that_may_be_cut_is_an_error():
    rows = [{**ROW, "id": str(number)} for number in range(1, 5001)]
    assert len(listed(answer(*rows[:-1]))[0].transfers) == 4999
    with pytest.raises(MalformedResponse, match="shorter time"):
        listed(answer(*rows))


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (HttpResponse(200), AuthenticationFailed),  # version 1 has no other word for it
        (HttpResponse(200, body=b"\n"), AuthenticationFailed),
        (HttpResponse(401, body=b'{"message":"Unauthorized"}'), AuthenticationFailed),
        (HttpResponse(404, body=b"{}"), NotFound),
        (HttpResponse(500, body=b"<html>"), ProviderUnavailable),
        (HttpResponse(500, body=b"{}"), ProviderUnavailable),
        (HttpResponse(200, body=b"<html>"), MalformedResponse),
        (HttpResponse(200, body=b"{}"), MalformedResponse),
        (HttpResponse(302, body=b"{}"), MalformedResponse),
        (answer(transactions=None), MalformedResponse),
    ],
)
def test_refusals_of_the_list(response, error):
    with pytest.raises(error):
        listed(response)


@pytest.mark.parametrize(
    ("headers", "pause"),
    [({"x-sepay-userapi-retry-after": "2"}, 2.0), ({}, None)],
)
def test_too_many_calls(headers, pause):
    with pytest.raises(RateLimited) as caught:
        listed(HttpResponse(429, headers))
    assert caught.value.retry_after == pause


def test_nothing_is_asked_without_a_token_or_a_zone():
    with pytest.raises(InvalidRequest, match="api_token"):
        listed(answer(), sepay(api_key="k"))
    for times in ({"since": NOW.replace(tzinfo=None)}, {"until": NOW.replace(tzinfo=None)}):
        with pytest.raises(InvalidRequest, match="time zone"):
            listed(answer(), **times)


# One effect.


def test_notice_and_list_are_one_effect(tmp_path):
    provider = sepay(webhook_secret="secret", api_token="token-1")
    with PaymentService(
        [provider], database=f"sqlite:///{tmp_path}/p.db", clock=lambda: NOW
    ) as service:
        request = PaymentRequest(reference=CODE, amount=PRICE)
        session = service.create(request, provider="sepay")
        page, _ = listed(answer(ROW), provider)
        assert service.record_transfers(page.transfers, provider="sepay") == 1
        for _ in range(2):
            assert (
                service.receive(notice(provider), provider="sepay").reply
                == provider.acknowledgement
            )
        assert service.record_transfers(page.transfers, provider="sepay") == 0
        record = service.status(session.payment_id)
        assert (record.status, record.received) == (PaymentStatus.SUCCEEDED, PRICE)


@pytest.mark.parametrize(
    "fields",
    [{"transferType": "out"}, {"transferType": "credit"}, {"content": "no code"}],
)
def test_what_is_no_payment_is_acknowledged(tmp_path, fields):
    provider = sepay(webhook_secret="secret")
    with PaymentService(
        [provider], database=f"sqlite:///{tmp_path}/p.db", clock=lambda: NOW
    ) as service:
        session = service.create(PaymentRequest(reference=CODE, amount=PRICE), provider="sepay")
        answered = service.receive(notice(provider, fields=fields), provider="sepay")
        assert answered.reply == provider.acknowledgement
        assert service.status(session.payment_id).status is PaymentStatus.REQUIRES_ACTION


def test_the_signature_covers_the_exact_bytes():
    body = (
        b'{ "id":1,  "transactionDate":"2026-01-02 10:04:05","accountNumber":"0123499999",'
        b'"transferType":"in","transferAmount":1,"content":"Bi\\u1ebfn \xc4\x91\xe1\xbb\x99ng"}\r\n'
    )
    seconds = str(int(NOW.timestamp()))
    digest = hmac.new(b"secret", f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-SePay-Timestamp": seconds, "X-SePay-Signature": f"sha256={digest}"}
    (event,) = receive(sepay(webhook_secret="secret"), Delivery("POST", headers=headers, body=body))
    assert event.memo == "Biến động"
    again = json.dumps(json.loads(body)).encode()
    with pytest.raises(SignatureError, match="serialised again"):
        receive(sepay(webhook_secret="secret"), Delivery("POST", headers=headers, body=again))
