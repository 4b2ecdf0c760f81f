"""Properties of ZaloPay's signatures: what is signed verifies, whatever is in it; what is changed does not."""

import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from paykit import (
    Customer,
    Delivery,
    InvalidRequest,
    LineItem,
    MalformedDelivery,
    Money,
    PaymentProcessed,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RefundRef,
    RefundRequest,
    RefundStatus,
    SignatureError,
    TokenGranted,
    WebhookError,
    ZaloPay,
)
from paykit.flow import run
from paykit.http import HttpResponse
from paykit.providers.zalopay import PAYMENT_CODES, REFUND_CODES, RETURN_FIELDS
from paykit.providers.zalopay.codes import REFUSALS, STEPS

KEY1, KEY2 = "KEY-FOR-WHAT-GOES-OUT", "KEY-FOR-WHAT-COMES-IN"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SHOP = {"app_id": 2553, "key1": KEY1, "key2": KEY2}
ZALOPAY = ZaloPay.from_dict(SHOP, clock=lambda: NOW)

# Text as a JSON string or a query can carry it.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
REFERENCES = st.from_regex(r"[A-Za-z0-9_.~:@#-]{1,33}", fullmatch=True)


def digest(text, key=KEY2):
    return hmac.new(key.encode(), text.encode(), "sha256").hexdigest()


def refuse_network(request):
    raise AssertionError(request)


# Callbacks.


def order(**changes):
    return {
        "app_id": 2553, "app_trans_id": "260102_ORDER-1", "app_time": 1_767_323_045_000,
        "app_user": "guest", "amount": 150_000, "embed_data": "{}", "item": "[]",
        "zp_trans_id": 260_102_000_000_389, "server_time": 1_767_323_105_678, "channel": 38,
        "user_fee_amount": 0, "discount_amount": 0, **changes,
    }  # fmt: skip


def link(**changes):
    return {
        "app_id": 2553, "app_trans_id": "260102_LINK-1", "binding_id": "BINDING-1",
        "pay_token": "PAY-TOKEN", "server_time": 1_767_323_105, "merchant_user_id": "customer-1",
        "status": 1, "msg_type": 1, **changes,
    }  # fmt: skip


def callback(data, *, key=KEY2, **over):
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return json.dumps({"data": text, "mac": digest(text, key), "type": 1, **over})


def events(body, provider=ZALOPAY):
    return provider.parse(run(provider.verify(Delivery.post_json(body)), refuse_network))


@given(TEXT, TEXT, st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans(), st.booleans())
def test_any_text_verifies_however_it_is_written(user, item, separators, inside, outside):
    """ZaloPay writes JSON as it likes: only the text of data counts, as it came."""
    content = order(app_user=user, item=json.dumps([{"itemname": item}], ensure_ascii=False))
    data = json.dumps(content, separators=separators, ensure_ascii=inside)
    body = {"data": data, "mac": digest(data), "type": 1}
    (event,) = events(json.dumps(body, ensure_ascii=outside))
    assert event == PaymentProcessed(
        event_id=event.event_id,
        provider="zalopay",
        reference="ORDER-1",
        status=PaymentStatus.SUCCEEDED,
        amount=Money(150_000, "VND"),
        occurred_at=datetime(2026, 1, 2, 3, 5, 5, 678_000, tzinfo=UTC),
        provider_id="260102000000389",
    )


@given(st.data())
def test_no_letter_of_a_callback_can_be_changed(data):
    text = json.dumps(order(app_user="người mua"), ensure_ascii=False)
    genuine = json.dumps({"data": text, "mac": digest(text), "type": 1}, ensure_ascii=False)
    position = data.draw(st.integers(0, len(genuine) - 1))
    letter = data.draw(st.sampled_from('0123456789abcdefXYZ"{}:,\\ '))
    assume(genuine[position] != letter)
    changed = genuine[:position] + letter + genuine[position + 1 :]
    try:
        found = events(changed)
    except WebhookError:
        return
    # Only blanks and the name of a field that is not read may differ, never what was signed.
    assert found == events(genuine)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_the_tree(body):
    with pytest.raises(WebhookError):
        events(body)


@pytest.mark.parametrize("key", [KEY1, "", " ", KEY2 + " ", KEY2.lower()])
def test_only_key2_proves_a_callback(key):
    with pytest.raises(SignatureError):
        events(callback(order(), key=key))
    with pytest.raises(SignatureError):
        returned(query(key=key))


@given(st.one_of(st.integers(), st.text(max_size=3), st.booleans(), st.just([1])))
def test_type_decides_nothing(given_type):
    """It is not signed: what data says decides, and a contradiction is refused."""
    for content, right in ((order(), 1), (link(), 2)):
        body = callback(content, type=given_type)
        if given_type == right and type(given_type) is int:
            assert events(body) == events(callback(content, type=right))
        else:
            with pytest.raises(MalformedDelivery):
                events(body)


def test_without_type_data_decides():
    for content in (order(), link()):
        body = json.loads(callback(content))
        del body["type"]
        right = 2 if "status" in content else 1
        assert events(json.dumps(body)) == events(callback(content, type=right))


def test_an_order_with_fields_of_a_link_is_an_order():
    (event,) = events(callback(order(binding_id="BINDING-1", pay_token="T", status=4)))
    assert (event.status, event.amount) == (PaymentStatus.SUCCEEDED, Money(150_000, "VND"))


@pytest.mark.parametrize("missing", ["binding_id", "pay_token"])
def test_a_link_that_was_refused_may_have_no_token(missing):
    content = link(status=3)
    del content[missing]
    (event,) = events(callback(content, type=2))
    assert (event.status, event.reason) == (PaymentStatus.CANCELED, "canceled_by_payer")


def test_no_token_is_in_an_event():
    payment, granted = events(callback(link(), type=2))
    assert isinstance(granted, TokenGranted)
    assert "PAY-TOKEN" not in repr((payment, granted, granted.grant))


@pytest.mark.parametrize("name", ["app_id", "app_trans_id", "amount", "zp_trans_id", "server_time"])
def test_what_is_missing_is_named(name):
    content = order()
    del content[name]
    with pytest.raises(MalformedDelivery, match=name):
        events(callback(content))


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": -1}, {"amount": 1.5}, {"amount": "150000"}, {"amount": True}, {"amount": None},
        {"amount": 2**63}, {"zp_trans_id": 0}, {"zp_trans_id": -1}, {"zp_trans_id": "x"},
        {"zp_trans_id": "0"}, {"zp_trans_id": None}, {"zp_trans_id": True},
        {"server_time": 10**15}, {"server_time": -1}, {"server_time": "1767323105678"},
        {"app_trans_id": "ORDER-1"}, {"app_trans_id": "260102_"}, {"app_trans_id": "260102_a|b"},
        {"app_trans_id": "260102_" + "A" * 34}, {"app_trans_id": "260102ORDER-1"},
        {"app_trans_id": "260102_A\n"}, {"app_trans_id": "٢٦٠١٠٢_A"}, {"app_id": 2554},
        {"app_id": "2553"}, {"app_id": True}, {"app_id": 2553.0},
    ],
    ids=str,
)  # fmt: skip
def test_signed_and_yet_not_readable(changes):
    with pytest.raises(MalformedDelivery):
        events(callback(order(**changes)))


# Returns.


def query(*, key=KEY2, **changes):
    fields = {
        "amount": "150000", "appid": "2553", "apptransid": "260102_ORDER-1", "bankcode": "",
        "discountamount": "0", "pmcid": "38", "status": "1", **changes,
    }  # fmt: skip
    text = "|".join(fields[name] for name in RETURN_FIELDS)
    return urlencode({**fields, "checksum": digest(text, key)})


def returned(text, provider=ZALOPAY):
    return provider.parse(run(provider.verify_return(Delivery.get(text)), refuse_network))


@given(st.lists(st.tuples(TEXT, TEXT), max_size=4), st.randoms(use_true_random=False))
def test_a_return_verifies_among_the_parameters_of_the_shop(own, random):
    pairs = query().split("&")
    names = {pair.partition("=")[0] for pair in pairs}
    assume(names.isdisjoint(name for name, _ in own))
    mixed = [*pairs, *(f"{quote_plus(name)}={quote_plus(value)}" for name, value in own)]
    random.shuffle(mixed)
    assert returned("&".join(mixed)) == returned(query())


@given(st.data())
def test_no_letter_of_a_return_can_be_changed(data):
    genuine = query(bankcode="CC")
    position = data.draw(st.integers(0, len(genuine) - 1))
    letter = data.draw(st.sampled_from("0123456789abcdefXYZ&=+%-_|"))
    assume(genuine[position] != letter)
    with pytest.raises(WebhookError):
        returned(genuine[:position] + letter + genuine[position + 1 :])


@given(st.binary(max_size=300))
def test_any_query_is_refused_in_the_tree(text):
    with pytest.raises(WebhookError):
        returned(text)


@given(st.lists(st.text("|19Ca", max_size=3), min_size=7, max_size=7))
def test_a_pipe_never_moves_a_border(values):
    """Seven values that hold pipes share their signed text with others: they are refused."""
    assume(any("|" in value for value in values))
    fields = dict(zip(RETURN_FIELDS, values, strict=True))
    text = urlencode({**fields, "checksum": digest("|".join(values))})
    with pytest.raises(MalformedDelivery):
        returned(text)


def test_what_proves_a_return_proves_no_callback():
    """Both are signed with key2, and every payer sees the checksum of a return."""
    checksum = dict(pair.split("=") for pair in query().split("&"))["checksum"]
    text = "2553|260102_ORDER-1|38||150000|0|1"
    assert digest(text) == checksum
    with pytest.raises(MalformedDelivery):
        events(json.dumps({"data": text, "mac": checksum, "type": 1}))


def test_what_proves_a_callback_proves_no_return():
    data = json.dumps(order(embed_data="|" * 6), separators=(",", ":"))
    parts = data.split("|")
    assert len(parts) == len(RETURN_FIELDS)
    fields = dict(zip(RETURN_FIELDS, parts, strict=True))
    with pytest.raises(MalformedDelivery):
        returned(urlencode({**fields, "checksum": digest(data)}))


def test_only_one_is_success_in_a_return():
    for code in range(-1400, 500):
        (event,) = returned(query(status=str(code)))
        assert (event.status is PaymentStatus.SUCCEEDED) == (code == 1)
        if code not in PAYMENT_CODES and code not in STEPS:
            assert event.status is PaymentStatus.UNKNOWN


# Keys.


def test_old_keys_are_accepted_until_they_are_removed():
    during = ZaloPay.from_dict({**SHOP, "key2": "NEW", "previous_key2s": [KEY2]})
    after = ZaloPay.from_dict({**SHOP, "key2": "NEW"})
    assert events(callback(order()), during) == events(callback(order()))
    assert run(during.verify_return(Delivery.get(query())), refuse_network)
    with pytest.raises(SignatureError):
        events(callback(order()), after)
    with pytest.raises(SignatureError):
        returned(query(), after)


def test_a_signature_error_explains_itself_and_keeps_the_key():
    forged = callback(order(), mac=digest("other"))
    for received in (lambda: events(forged), lambda: returned(query() + "0")):
        with pytest.raises(SignatureError) as caught:
            received()
        text = str(caught.value)
        assert "HMAC-SHA256 under key2" in text
        assert KEY2 not in text
        assert digest(json.dumps(order(), ensure_ascii=False)) not in text


# What goes out.


def sent(flow):
    request = next(flow)
    flow.close()
    return json.loads(request.body)


@given(
    REFERENCES,
    st.integers(1, 2**63 - 1),
    st.text(st.characters(codec="utf-8", exclude_characters="|\0"), min_size=1, max_size=50),
    st.lists(st.tuples(TEXT, TEXT, st.integers(0, 2**40), st.integers(1, 99)), max_size=3),
    st.dictionaries(TEXT, st.one_of(TEXT, st.integers(), st.lists(TEXT)), max_size=3),
)
def test_an_order_is_signed_as_it_is_sent(reference, amount, user, lines, own):
    assume(all(name.lower() != "redirecturl" for name in own))
    request = PaymentRequest(
        reference=reference,
        amount=Money(amount, "VND"),
        customer=Customer(id=user),
        return_url="https://shop.example/back?a=1|2",
        items=tuple(
            LineItem(id=key, name=name, price=Money(price, "VND"), quantity=quantity)
            for key, name, price, quantity in lines
        ),
        extra={"embed_data": own},
    )
    body = sent(ZALOPAY.create_payment(request))
    names = "app_id app_trans_id app_user amount app_time embed_data item".split()
    text = "|".join(str(body[name]) for name in names)
    assert body["mac"] == digest(text, KEY1)
    assert text.count("|") == 6  # so it can be read in one way only
    assert body["app_trans_id"] == f"260102_{reference}"
    assert json.loads(body["embed_data"]) == {**own, "redirecturl": request.return_url}
    assert json.loads(body["item"]) == [
        {"itemid": key, "itemname": name, "itemprice": price, "itemquantity": quantity}
        for key, name, price, quantity in lines
    ]


@given(st.one_of(st.text(max_size=60), REFERENCES))
def test_a_reference_is_sent_whole_or_refused(reference):
    assume(reference.strip())
    request = PaymentRequest(reference=reference, amount=Money(1, "VND"))
    if not re.fullmatch(r"[A-Za-z0-9_.~:@#-]{1,33}", reference):
        with pytest.raises(InvalidRequest, match=r"^reference: "):
            sent(ZALOPAY.create_payment(request))
        return
    body = sent(ZALOPAY.create_payment(request))
    assert body["app_trans_id"] == f"260102_{reference}"
    assert len(body["app_trans_id"]) <= 40
    # and it is found again in the callback
    (event,) = events(callback(order(app_trans_id=body["app_trans_id"])))
    assert event.reference == reference


@pytest.mark.parametrize("text", ["\ud800", "a|b"])
@pytest.mark.parametrize(
    "field",
    ["description", "customer.id", "customer.phone", "item", "embed_data", "title", "device_info"],
)
def test_half_characters_never_leave_the_tree(field, text):
    request = {
        "description": {"description": text},
        "customer.id": {"customer": {"id": text}},
        "customer.phone": {"customer": {"phone": text}},
        "item": {"extra": {"item": [text]}},
        "embed_data": {"extra": {"embed_data": {"a": text}}},
        "title": {"extra": {"title": text}},
        "device_info": {"extra": {"device_info": {"a": text}}},
    }[field]

    def create():
        changes = dict(request)
        if "customer" in changes:
            changes["customer"] = Customer(**changes["customer"])
        made = PaymentRequest(reference="A", amount=Money(1, "VND"), **changes)
        return sent(ZALOPAY.create_payment(made))

    if text == "a|b" and field not in {"description", "customer.id"}:
        assert create()["amount"] == 1
        return
    with pytest.raises(InvalidRequest):
        create()


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"embed_data": {"a": {1, 2}}}, "embed_data"),
        ({"embed_data": {"a": float("nan")}}, "embed_data"),
        ({"embed_data": {1: "a"}}, "embed_data"),
        ({"item": [b"bytes"]}, "items"),
        ({"title": b"bytes"}, "title"),
        ({"device_info": {"a": object()}}, "device_info"),
    ],
    ids=str,
)
def test_what_is_no_json_is_refused_in_the_tree(extra, field):
    with pytest.raises(InvalidRequest) as caught:
        sent(
            ZALOPAY.create_payment(
                PaymentRequest(reference="A", amount=Money(1, "VND"), extra=extra)
            )
        )
    assert caught.value.field == field


def test_a_number_in_extra_stays_one():
    request = PaymentRequest(reference="A", amount=Money(1, "VND"), extra={"sub_app_id": 7})
    assert sent(ZALOPAY.create_payment(request))["sub_app_id"] == 7


@given(st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=30))
def test_any_return_url_is_sent_whole_or_refused(rest):
    url = f"https://shop.example/{rest}"
    request = PaymentRequest(reference="A", amount=Money(1, "VND"), return_url=url)
    try:
        body = sent(ZALOPAY.create_payment(request))
    except InvalidRequest:
        return
    assert json.loads(body["embed_data"])["redirecturl"] == url


# Codes.

REF = PaymentRef(reference="ORDER-1", created_at=NOW - timedelta(minutes=20))
OUTCOMES = st.one_of(st.sampled_from([-1, 0, 1, 2, 3]), st.integers(-10_000, 10_000))
CODES = st.one_of(st.none(), st.sampled_from([*PAYMENT_CODES, *REFUSALS, *STEPS]), OUTCOMES)


def answer(outcome, code, **more):
    body = {"return_code": outcome, "sub_return_code": code, **more}
    return HttpResponse(200, body=json.dumps(body).encode())


@given(OUTCOMES, CODES)
def test_only_one_and_one_is_a_paid_order(outcome, code):
    told = answer(outcome, code, amount=150_000, zp_trans_id=1)
    try:
        payment = run(ZALOPAY.fetch_payment(REF), lambda _: told)
    except ProviderError:
        assert {outcome, code} & REFUSALS.keys()
        return
    assert (payment.status is PaymentStatus.SUCCEEDED) == (outcome == 1 == code)
    assert (payment.captured is not None) == (outcome == 1 == code)
    if payment.status in ZaloPay.info.silent_on:  # an end
        assert outcome == 2
        assert code in PAYMENT_CODES


@given(OUTCOMES, CODES)
def test_only_one_and_one_is_a_refund_that_is_done(outcome, code):
    ref = RefundRef(reference="R", provider_id="260102_2553_R", payment=REF)
    try:
        refund = run(ZALOPAY.fetch_refund(ref), lambda _: answer(outcome, code))
    except ProviderError:
        assert {outcome, code} & REFUSALS.keys()
        return
    assert (refund.status is RefundStatus.SUCCEEDED) == (outcome == 1 == code)
    if refund.status is RefundStatus.FAILED:
        assert outcome == 2
        assert code in REFUND_CODES


@given(OUTCOMES, CODES)
def test_a_refund_is_never_done_at_once(outcome, code):
    payment = PaymentRef(reference="ORDER-1", provider_id="1", amount=Money(5, "VND"))
    try:
        refund = run(
            ZALOPAY.refund(RefundRequest(payment=payment, reference="R")),
            lambda _: answer(outcome, code),
        )
    except (RateLimited, ProviderUnavailable):
        pytest.fail("this invites to send it again")
    except ProviderError:
        return
    assert refund.status in {RefundStatus.PENDING, RefundStatus.UNKNOWN}
    assert (refund.status is RefundStatus.PENDING) == (
        (outcome == 1 and code in {None, 1}) or outcome in STEPS or (outcome == 2 and code in STEPS)
    )
