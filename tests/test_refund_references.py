"""A refund's reference: of the provider's form, always the same, and no other refund's."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import (
    InvalidRequest,
    Money,
    PaymentRef,
    RefundRequest,
    UnsupportedOperation,
    registry,
)
from paykit.http import HttpRequest
from paykit.provider import Capability
from paykit.provider_tools import nth_reference
from paykit.testing.conformance.data import CaseFolder

from .support.markdown import ROOT
from .support.texts import ordinary

#: Shortly after midnight in Vietnam, while it is the day before elsewhere.
AT = datetime(2026, 3, 1, 17, 30, tzinfo=UTC)
#: What a payment's reference may be, and how long.
PRINTABLE = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])
LETTERS = "ABCXYZabcxyz0189"
FORMS = {
    "adyen": (PRINTABLE, 80),
    "checkoutcom": (PRINTABLE, 50),
    "momo": (st.sampled_from(LETTERS), 200),
    "paypal": (PRINTABLE, 127),
    "stripe": (st.characters(min_codepoint=0x21, max_codepoint=0x7E), 200),
    "vnpay": (st.sampled_from(f"{LETTERS}_-"), 100),
    "zalopay": (st.sampled_from(f"{LETTERS}_.~:@#-"), 33),
}
#: Where the provider knows the payment.
KNOWN_AS = {
    "adyen": {"provider_id": "8835511210681234"},
    "checkoutcom": {"provider_id": "pay_mbabizu24mvu3mela5njyhpit4"},
    "momo": {"provider_id": "2350412345"},
    "paypal": {"provider_id": "5O190127TN364715T", "transaction_id": "2GG279541U471931P"},
    "stripe": {"provider_id": "pi_3MtwBwLkdIwHu7ix28a3tqPa"},
    "vnpay": {"created_at": AT},
    "zalopay": {"provider_id": "260301000000123"},
}


def open_account(name):
    folder = CaseFolder.read(ROOT / "tests" / "providers" / name)
    return registry.load(name).from_dict(folder.config, clock=lambda: AT)


ACCOUNTS = {
    name: open_account(name)
    for name in registry.names()
    if Capability.REFUND in registry.load(name).capabilities
}


def test_every_provider_that_refunds_is_here():
    assert ACCOUNTS.keys() == FORMS.keys() == KNOWN_AS.keys()


def references(name):
    letters, longest = FORMS[name]
    long = st.text(letters, min_size=longest - 4, max_size=longest)
    return ordinary(st.text(letters, min_size=1, max_size=longest) | long).filter(
        lambda text: text == text.strip() and text != ""
    )


def payment(name, reference):
    currency = "VND" if ACCOUNTS[name].info.currencies == {"VND"} else "USD"
    return PaymentRef(reference=reference, amount=Money(50_000, currency), **KNOWN_AS[name])


@pytest.mark.parametrize("name", FORMS)
@given(st.data())
def test_the_provider_takes_it(name, data):
    account = ACCOUNTS[name]
    about = payment(name, data.draw(references(name)))
    number = data.draw(st.integers(1, 10_000))
    reference = account.refund_reference(about, number, at=AT)
    assert reference == account.refund_reference(about, number, at=AT)
    assert reference != about.reference
    flow = account.refund(RefundRequest(payment=about, reference=reference))
    assert isinstance(next(flow), HttpRequest)  # all that is wrong with a request is found before


@pytest.mark.parametrize("name", FORMS)
@given(st.data())
def test_no_two_refunds_have_the_same(name, data):
    account = ACCOUNTS[name]
    # Such as may look like the refunds of one another.
    likely = st.sampled_from(["A", "A-R1", "A-R1-R1", "A-R11"])
    refunds = st.tuples(likely | references(name), st.integers(1, 120))
    asked = data.draw(st.lists(refunds, min_size=2, max_size=6, unique=True))
    made = {
        account.refund_reference(payment(name, reference), number, at=AT)
        for reference, number in asked
    }
    assert len(made) == len(asked)


@pytest.mark.parametrize(
    ("name", "reference", "number", "made"),
    [
        ("adyen", "ORDER-7-1", 1, "ORDER-7-1-R1"),
        ("adyen", "A" * 78, 1, "R869f44e6c4ffd068f404cd78"),
        ("checkoutcom", "A" * 47, 1, "A" * 47 + "-R1"),
        ("checkoutcom", "A" * 47, 10, "R33b0b6d0a4403a8f04df6d53"),
        ("momo", "A" * 197, 9, "A" * 197 + "-R9"),
        ("momo", "A" * 198, 9, "Ra4ee99a33be2282a0beaf4ed"),
        ("paypal", "ORDER-7-1", 12, "ORDER-7-1-R12"),
        ("paypal", "Đơn 7", 12, "R46543db434ea4f088ad48bc6"),
        ("stripe", "ORDER-7-1", 1, "ORDER-7-1-R1"),
        ("vnpay", "ORDER-7-1", 1, "ORDER-7-1-R1"),
        ("zalopay", "ORDER-7-1", 1, "260302_2553_ORDER-7-1-R1"),
        ("zalopay", "A" * 30, 1, "260302_2553_" + "A" * 30 + "-R1"),
        ("zalopay", "A" * 33, 1, "260302_2553_Re92784e6597f2efa640c90b4"),
    ],
)
def test_what_it_looks_like(name, reference, number, made):
    assert ACCOUNTS[name].refund_reference(payment(name, reference), number, at=AT) == made


def test_it_is_found_again_at_zalopay_on_any_day():
    account = ACCOUNTS["zalopay"]
    about = payment("zalopay", "ORDER-7-1")
    days = [account.refund_reference(about, 1, at=AT + timedelta(days=n)) for n in (0, 1)]
    assert days == ["260302_2553_ORDER-7-1-R1", "260303_2553_ORDER-7-1-R1"]
    with pytest.raises(InvalidRequest, match="of another day"):
        next(account.refund(RefundRequest(payment=about, reference=days[1])))
    with pytest.raises(InvalidRequest, match="time zone"):
        account.refund_reference(about, 1, at=AT.replace(tzinfo=None))


@pytest.mark.parametrize("name", FORMS)
def test_they_are_counted_from_one(name):
    with pytest.raises(InvalidRequest, match="counts from 1"):
        ACCOUNTS[name].refund_reference(payment(name, "A"), 0, at=AT)


def test_who_gives_nothing_back_has_none():
    with pytest.raises(UnsupportedOperation, match="refund"):
        open_account("vietqr").refund_reference(PaymentRef(reference="A"), 1, at=AT)


def test_a_form_that_has_no_place_for_a_digest():
    with pytest.raises(InvalidRequest, match="has not the form"):
        nth_reference("1001", 1, form="[0-9]{1,12}")
