"""The small core: flows, clients, registry, models, events, errors."""

import inspect
import json
import time
from datetime import UTC, datetime
from importlib.metadata import EntryPoint

import attrs
import jsonschema
import pytest

import paykit
from paykit import (
    AsyncClient,
    Client,
    ConfigurationError,
    Customer,
    Delivery,
    Discrepancy,
    HttpRequest,
    HttpResponse,
    InvalidRequest,
    LineItem,
    MalformedResponse,
    MoMo,
    Money,
    OutcomeUnknown,
    PaymentProcessed,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    PaymentToken,
    Provider,
    ProviderUnavailable,
    RateLimited,
    RefundRef,
    RefundRequest,
    TokenRequest,
    UnsupportedOperation,
    VNPay,
    WebhookError,
    errors,
    registry,
)
from paykit.events import EVENT_TYPE, Source, json_schema
from paykit.flow import arun, done, run
from paykit.provider import Capability, Outcome, time_ordered_id
from paykit.signing import Verified
from paykit.wire import ProviderConfig

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ASK = HttpRequest.get("https://provider.example/")


def drive(flow, *answers):
    """Run a flow with prepared answers, blocking and async: both must do the same."""
    results = []
    for kind in ("run", "arun"):
        waiting = list(answers)

        def perform(_request, waiting=waiting):
            answer = waiting.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        async def aperform(request, perform=perform):
            return perform(request)

        try:
            if kind == "run":
                results.append(run(flow(), perform))
            else:
                import asyncio

                results.append(asyncio.run(arun(flow(), aperform)))
        except Exception as error:  # noqa: BLE001
            results.append(type(error))
    assert results[0] == results[1]
    return results[0]


def test_flows():
    def two_steps():
        first = yield ASK
        second = yield ASK
        return first.status, second.status

    assert drive(two_steps, HttpResponse(1), HttpResponse(2)) == (1, 2)
    assert drive(lambda: done("x")) == "x"


def test_a_failure_is_thrown_into_the_flow():
    def recovers():
        try:
            yield ASK
        except OutcomeUnknown:
            answer = yield ASK
            return answer.status

    assert drive(recovers, OutcomeUnknown("?"), HttpResponse(3)) == 3
    assert drive(recovers, ValueError("x")) is ValueError


class Bare(Provider):
    name = "bare"
    info = VNPay.info
    Config = ProviderConfig

    def ask_flow(self, **flags):
        return self.ask(HttpRequest("POST", "https://x", **flags), lambda body, _: body)


BARE = Bare(ProviderConfig())


@pytest.mark.parametrize(
    ("answer", "flags", "result"),
    [
        (HttpResponse(200, (), b'{"a":1}'), {}, {"a": 1}),
        (HttpResponse(400, (), b'{"a":1}'), {}, {"a": 1}),
        (HttpResponse(429), {}, RateLimited),
        (HttpResponse(200, (), b"<html>"), {}, MalformedResponse),
        (HttpResponse(502, (), b"<html>"), {}, ProviderUnavailable),
        (HttpResponse(502, (), b"<html>"), {"moves_money": True}, OutcomeUnknown),
        (HttpResponse(200, (), b""), {"moves_money": True}, OutcomeUnknown),
    ],
)
def test_ask(answer, flags, result):
    assert drive(lambda: BARE.ask_flow(**flags), answer) == result


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("soon", None), ("-1", None), ("", None)]
)
def test_retry_after(header, seconds):
    flow = BARE.ask_flow()
    next(flow)
    with pytest.raises(RateLimited) as caught:
        flow.send(HttpResponse(429, (("Retry-After", header),)))
    assert caught.value.retry_after == seconds


def test_retry_after_a_date_is_counted_from_the_answers_own_clock():
    flow = BARE.ask_flow()
    next(flow)
    headers = (
        ("Date", "Fri, 02 Jan 2026 03:04:05 GMT"),
        ("Retry-After", "Fri, 02 Jan 2026 03:04:35 GMT"),
    )
    with pytest.raises(RateLimited) as caught:
        flow.send(HttpResponse(429, headers))
    assert caught.value.retry_after == 30.0


def test_capability_is_the_method_that_is_defined():
    assert BARE.capabilities == frozenset()
    assert VNPay.capabilities == {
        Capability.CREATE_PAYMENT, Capability.FETCH_PAYMENT, Capability.REFUND,
        Capability.FETCH_REFUND, Capability.VERIFY, Capability.VERIFY_RETURN,
    }  # fmt: skip
    assert MoMo.capabilities == set(Capability) - {"complete", "reauthorize"}


def test_what_is_not_defined_is_refused_by_name():
    ref = PaymentRef(reference="x")
    calls = [
        lambda: BARE.create_payment(None),
        lambda: BARE.fetch_payment(ref),
        lambda: BARE.capture(ref, idempotency_key="k"),
        lambda: BARE.void(ref, idempotency_key="k"),
        lambda: BARE.refund(None),
        lambda: BARE.fetch_refund(None),
        lambda: BARE.create_token(None),
        lambda: BARE.delete_token(None),
        lambda: BARE.verify(Delivery.get("")),
        lambda: BARE.verify_return(Delivery.get("")),
        lambda: BARE.parse(None),
        lambda: BARE.reply(Outcome.ACCEPTED),
    ]
    for call in calls:
        with pytest.raises(UnsupportedOperation, match="bare does not support"):
            call()
    assert "PAY" in str(UnsupportedOperation("vnpay", "void", "PAY has none"))


def test_both_clients_have_the_same_names_and_parameters():
    def shape(kind):
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in vars(kind).items()
            if not name.startswith("_")
        }

    assert shape(Client) == shape(AsyncClient)
    operations = {item.value for item in Capability} - {"verify", "verify_return"}
    assert operations | {"receive", "receive_return", "run", "close"} == set(shape(Client))
    for name in operations:
        own = list(inspect.signature(getattr(Provider, name)).parameters)
        assert shape(Client)[name] == own


def test_only_the_seals_make_a_proof():
    with pytest.raises(TypeError):
        Verified(object(), Delivery.get(""), {}, "x")


def test_registry():
    assert {"momo", "vnpay"} <= set(registry.names())
    assert (registry.load("momo"), registry.load("vnpay")) == (MoMo, VNPay)
    with pytest.raises(ConfigurationError, match="no provider 'acme'"):
        registry.load("acme")


def test_registry_of_others(monkeypatch):
    offers = {
        "bare": EntryPoint("bare", f"{__name__}:Bare", registry.GROUP),
        "odd": EntryPoint("odd", f"{__name__}:NOW", registry.GROUP),
        "momo": EntryPoint("momo", f"{__name__}:Bare", registry.GROUP),
    }
    monkeypatch.setattr(registry, "entry_points", lambda group: tuple(offers.values()))
    assert registry.load("bare").name == "bare"
    assert registry.load("momo") is MoMo  # a built-in name cannot be taken over
    with pytest.raises(ConfigurationError):
        registry.load("odd")


def ask_for(**changes):
    return PaymentRequest(**{"reference": "r", "amount": Money(1, "VND"), **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"reference": ""}, {"reference": "  "}, {"reference": None}, {"amount": Money(-1, "VND")},
        {"expires_at": datetime(2026, 1, 1)},  # noqa: DTZ001
    ],
)  # fmt: skip
def test_payment_request_refuses(changes):
    with pytest.raises(InvalidRequest):
        ask_for(**changes)
    with pytest.raises(TypeError):
        ask_for(amount=1)


def test_payment_request_key():
    assert (ask_for().key, ask_for(idempotency_key="k").key) == ("r", "k")


def test_refund_request():
    paid = PaymentRef(reference="p", amount=Money(100, "VND"))
    whole = RefundRequest(payment=paid, reference="r")
    part = RefundRequest(payment=paid, reference="r", amount=Money(40, "VND"), idempotency_key="k")
    assert (whole.money, whole.is_full, whole.key) == (Money(100, "VND"), True, "r")
    assert (part.money, part.is_full, part.key) == (Money(40, "VND"), False, "k")
    for amount in (Money(0, "VND"), Money(101, "VND"), Money(1, "USD")):
        with pytest.raises(InvalidRequest):
            RefundRequest(payment=paid, reference="r", amount=amount)
    with pytest.raises(InvalidRequest):
        _ = RefundRequest(payment=PaymentRef(reference="p"), reference="r").money


EVENT = PaymentProcessed(
    event_id="e1",
    provider="vnpay",
    reference="r",
    status=PaymentStatus.NEEDS_REVIEW,
    amount=Money(150_000, "VND"),
    occurred_at=NOW,
    provider_id="9",
    captured=Money(0, "VND"),
    refunded=Money(0, "VND"),
    payment_id="pay_1",
    order_id="o",
    sequence=2,
    discrepancy=Discrepancy.UNDERPAID,
)


def test_event_there_and_back():
    data = json.loads(json.dumps(EVENT.to_json()))
    assert data["amount"] == {"minor": 150_000, "currency": "VND"}
    assert data["occurred_at"] == "2026-01-02T03:04:05Z"
    assert PaymentProcessed.from_json(data) == EVENT
    assert PaymentProcessed.from_json({**data, "added_later": 1}) == EVENT
    jsonschema.validate(data, json_schema())
    plain = attrs.evolve(EVENT, discrepancy=None, sequence=None, payment_id=None)
    jsonschema.validate(plain.to_json(), json_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**data, "status": "paid"}, json_schema())
    for broken in ({}, {**data, "status": "paid"}, {**data, "amount": 1}, {**data, "amount": {}}):
        with pytest.raises(InvalidRequest):
            PaymentProcessed.from_json(broken)


def test_cloudevent():
    event = EVENT.to_cloudevent(source="//shop.example")
    assert event == {
        "specversion": "1.0",
        "id": "e1",
        "source": "//shop.example",
        "type": EVENT_TYPE,
        "subject": "pay_1",
        "time": "2026-01-02T03:04:05Z",
        "datacontenttype": "application/json",
        "partitionkey": "pay_1",
        "sequence": "0000000002",
        "data": EVENT.to_json(),
    }
    bare = attrs.evolve(EVENT, payment_id=None, sequence=None, source=Source.POLL)
    assert bare.to_cloudevent(source="x")["subject"] == "vnpay:default:r"
    assert "sequence" not in bare.to_cloudevent(source="x")


def test_every_error_is_drawn_and_answers_the_three_questions():
    kinds = [
        kind for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.PaykitError)
    ]  # fmt: skip
    assert all(kind.__name__ in errors.__doc__ for kind in kinds)
    assert all(kind.sent in {True, False, None} for kind in kinds)
    assert all(getattr(paykit, kind.__name__) is kind for kind in kinds)
    assert not errors.OutcomeUnknown.repeatable
    assert errors.NotSent.repeatable
    assert str(WebhookError("no", provider="momo")) == "momo: no"
    assert str(WebhookError("no")) == "no"


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError):
        _ = paykit.nothing
    assert "Money" in dir(paykit)


def test_clients_receive_and_tell_a_return_from_a_webhook():
    import asyncio

    provider = VNPay.from_dict({"tmn_code": "SHOP0001", "hash_secret": "SECRET"})
    delivery = Delivery.get(
        provider.payment_url(
            {
                "vnp_TmnCode": "SHOP0001",
                "vnp_TxnRef": "R1",
                "vnp_Amount": "100",
                "vnp_ResponseCode": "00",
                "vnp_TransactionStatus": "00",
                "vnp_PayDate": "20260301161000",
            }
        )
    )

    async def both():
        async with AsyncClient(provider) as client:
            return await client.receive(delivery), await client.receive_return(delivery)

    with Client(provider) as client:
        webhook, returned = client.receive(delivery), client.receive_return(delivery)
    assert asyncio.run(both()) == (webhook, returned)
    assert (webhook[0].source, returned[0].source) == (Source.WEBHOOK, Source.RETURN)
    assert attrs.evolve(returned[0], source=Source.WEBHOOK) == webhook[0]
    with pytest.raises(WebhookError), Client(provider) as client:
        client.receive(Delivery.get("vnp_TmnCode=SHOP0001"))


@pytest.mark.parametrize("name", ["momo", "vnpay"])
def test_what_a_provider_package_promises_is_there(name):
    from importlib import import_module

    package = import_module(f"paykit.providers.{name}")
    assert [public for public in package.__all__ if not hasattr(package, public)] == []


TEXTS = {
    PaymentRequest: (
        "reference", "description", "order_id", "return_url", "notify_url", "method", "locale",
        "idempotency_key",
    ),
    RefundRequest: ("reference", "description", "requested_by", "idempotency_key"),
    TokenRequest: ("reference", "customer_id", "grant", "idempotency_key"),
    Customer: ("id", "ip", "name", "email", "phone"),
    LineItem: ("id", "name"),
    PaymentToken: ("provider", "value", "customer_id", "reference", "label", "provider_id"),
    PaymentRef: ("reference", "provider_id", "transaction_id"),
    RefundRef: ("reference", "provider_id"),
}  # fmt: skip
NEEDED = {
    PaymentRequest: {"reference": "R", "amount": Money(1, "VND")},
    RefundRequest: {"reference": "R", "payment": PaymentRef(reference="R")},
    TokenRequest: {"reference": "R", "customer_id": "C"},
    Customer: {},
    LineItem: {"id": "I", "name": "N", "price": Money(1, "VND")},
    PaymentToken: {"provider": "P", "value": "V"},
    PaymentRef: {"reference": "R"},
    RefundRef: {"reference": "R", "payment": PaymentRef(reference="R")},
}


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind, fields in TEXTS.items() for field in fields]
)
@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a\ud800", "holds a lone surrogate"),
        ("a\0b", "holds a NUL character"),
        (5, "must be text|must not be empty"),
        (b"a", "must be text|must not be empty"),
    ],
)
def test_text_that_nobody_can_hold_is_refused(kind, field, value, why):
    with pytest.raises(InvalidRequest, match=f"^{field}: ({why})$") as caught:
        kind(**{**NEEDED[kind], field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        ([("a", "b")], "must be a mapping"),
        ({"a": "\ud800"}, "holds a lone surrogate"),
        ({"a": "\0"}, "holds a NUL character"),
        ({"a\0": 1}, "holds a NUL character"),
        ({"a\ud800": 1}, "holds a lone surrogate"),
        ({"a": [{"b": ("c", "\udfff")}]}, "holds a lone surrogate"),
    ],
)
def test_extras_that_nobody_can_hold_are_refused(extra, why):
    with pytest.raises(InvalidRequest, match=f"^extra: {why}$"):
        PaymentRequest(reference="R", amount=Money(1, "VND"), extra=extra)


@pytest.mark.parametrize("kind", NEEDED)
def test_any_other_text_is_taken(kind):
    texts = dict.fromkeys(TEXTS[kind], "Trà sen \N{LOTUS}")
    made = kind(**{**NEEDED[kind], **texts})
    assert {field: getattr(made, field) for field in TEXTS[kind]} == texts


def test_ids_of_the_service_sort_by_time_and_cannot_be_guessed():
    before = time.time_ns() // 1_000_000
    ids = [time_ordered_id() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    moments = [int(one[:12], 16) for one in ids]
    assert moments == sorted(moments)
    assert before <= moments[0] <= moments[-1] <= after
    assert len({one[12:] for one in ids}) == 1000
    assert {len(one) for one in ids} == {32}
