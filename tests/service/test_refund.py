"""Refunds: refused by our record before they are sent, sent once, counted once, told once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from paykit import (
    ConfigurationError,
    Declined,
    InvalidRequest,
    Money,
    OutcomeUnknown,
    PaymentStatus,
    RefundStatus,
    RequestInProgress,
    UnsupportedOperation,
)
from paykit.service import CommandState, PaymentService

from .cards import PRICE, answer, cards, declined, fact, moved, request, told
from .refunding import KINDS, Named, Silent, asked, at, paid, whole
from .shop import notice, vnpay
from .shop import request as redirect
from .test_capture import held, part, published, said

S = PaymentStatus


@pytest.fixture
def shop(open_service, clock):
    shop = open_service(providers=[cards(kind) for kind in KINDS])
    shop.clock = clock
    return shop


def sums(record):
    return record.status.value, record.captured.minor, record.refunded.minor


def events(shop):
    """What the events say: status, reason, refunded in all, and their number."""
    return [
        (one.status.value, one.reason, one.refunded.minor, one.sequence) for one in published(shop)
    ]


def commands(shop, payment_id):
    """The commands on record: key, state, reference."""
    rows = shop.service._database.read(
        lambda conn: conn.exec_driver_sql(
            "SELECT idempotency_key, state, reference FROM paykit_commands "
            f"WHERE payment_id = '{payment_id}' ORDER BY created_at, command_id"
        ).all()
    )
    return [tuple(row) for row in rows]


# What is sent, and what is not.


def test_all_is_given_back(shop):
    payment_id = paid(shop)
    shop.transport.answers.append(answer(id="re-1"))
    done = shop.refund(payment_id, description="it was too small")
    assert asked(shop) == [
        ("refund", "R-1-R1 150000 VND it was too small", f"{payment_id}-refund-150000-0")
    ]
    assert (done.refund.status, done.refund.provider_id) == (RefundStatus.SUCCEEDED, "re-1")
    assert (sums(done.record), done.published) == (("refunded", 150_000, 150_000), 1)
    assert (done.command.state, done.command.reference) == (CommandState.DONE, "R-1-R1")
    assert events(shop) == [("succeeded", None, 0, 1), ("refunded", None, 150_000, 2)]


@pytest.mark.parametrize("first", [None, PRICE])
@pytest.mark.parametrize("second", [None, PRICE])
def test_doing_it_twice_gives_it_back_once(shop, first, second):
    payment_id = paid(shop)
    shop.transport.answers.append(answer(id="re-1"))
    shop.refund(payment_id, first)
    again = shop.refund(payment_id, second)
    assert (again.refund, again.published, again.command.state) == (None, 0, CommandState.DONE)
    assert len(shop.transport.asked) == 1


def test_parts_and_then_the_rest(shop):
    payment_id = paid(shop)
    shop.transport.answers += [answer(id=f"re-{number}") for number in (1, 2, 3)]
    shop.refund(payment_id, part(50_000))
    shop.refund(payment_id, part(50_000))  # the same one
    shop.refund(payment_id, part(50_000), idempotency_key="second")
    done = shop.refund(payment_id)
    shop.refund(payment_id)  # the same one
    assert sums(done.record) == ("refunded", 150_000, 150_000)
    assert asked(shop) == [
        ("refund", "R-1-R1 50000 VND", f"{payment_id}-refund-50000-0"),
        ("refund", "R-1-R2 50000 VND", "second"),
        ("refund", "R-1-R3 50000 VND", f"{payment_id}-refund-rest-150000-0"),
    ]
    assert events(shop)[1:] == [
        ("partially_refunded", None, 50_000, 2),
        ("partially_refunded", None, 100_000, 3),
        ("refunded", None, 150_000, 4),
    ]
    with pytest.raises(InvalidRequest, match="at most 0 VND is left"):
        shop.refund(payment_id, PRICE)


def test_the_rest_of_more_that_was_taken_is_another_refund(shop):
    payment_id = held(shop)
    shop.transport.answers += [answer(captured=100_000), answer(id="re-1"), answer("pending")]
    shop.capture(payment_id, part(100_000), final=False)
    shop.refund(payment_id, part(40_000))
    shop.refund(payment_id)  # which takes its time
    shop.transport.answers += [answer(captured=150_000), answer(id="re-3")]
    shop.capture(payment_id, part(50_000))
    done = shop.refund(payment_id)
    assert sums(done.record) == ("partially_refunded", 150_000, 90_000)
    assert [(what, key) for where, what, key in asked(shop) if where == "refund"] == [
        ("R-1-R1 40000 VND", f"{payment_id}-refund-40000-0"),
        ("R-1-R2 60000 VND", f"{payment_id}-refund-rest-100000-0"),
        ("R-1-R3 50000 VND", f"{payment_id}-refund-rest-150000-0"),
    ]


def test_a_part_of_a_hold_that_was_taken_can_be_given_back_while_the_rest_is_held(shop):
    payment_id = held(shop)
    shop.transport.answers += [answer("authorized", captured=60_000), answer(id="re-1")]
    shop.capture(payment_id, part(60_000), final=False)
    assert shop.status(payment_id).status is S.AUTHORIZED
    assert sums(shop.refund(payment_id).record) == ("refunded", 60_000, 60_000)


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        (part(150_001), "at most 150000 VND is left"),
        (part(0), "more than nothing"),
        (part(-1), "more than nothing"),
        (Money(100, "USD"), "another currency"),
    ],
)
def test_what_was_not_taken_is_refused_before_it_is_sent(shop, amount, why):
    payment_id = paid(shop)
    with pytest.raises(InvalidRequest, match=why) as raised:
        shop.refund(payment_id, amount)
    assert (raised.value.sent, shop.transport.asked) == (False, [])
    assert commands(shop, payment_id) == []


@pytest.mark.parametrize(
    "status", ["authorized", "failed", "canceled", "expired", "requires_action"]
)
def test_nothing_was_taken(shop, status):
    shop.transport.answers.append(answer(status, id="psp-1", action={"type": "page"}))
    payment_id = shop.create(request(), provider="cards").payment_id
    with pytest.raises(InvalidRequest, match=f"nothing was taken: the payment is {status}"):
        shop.refund(payment_id)


@pytest.mark.parametrize("status", ["disputed", "needs_review"])
def test_what_a_person_looks_at_can_be_given_back(shop, status):
    payment_id = paid(shop)
    shop.receive(told(fact(status)), provider="cards")
    shop.transport.answers.append(answer(id="re-1"))
    done = shop.refund(payment_id, part(50_000))
    ends = {"disputed": "disputed", "needs_review": "partially_refunded"}
    assert sums(done.record) == (ends[status], 150_000, 50_000)


def test_a_description_with_a_card_number_is_refused(shop):
    payment_id = paid(shop)
    with pytest.raises(InvalidRequest, match="card number"):
        shop.refund(payment_id, description="for 4111 1111 1111 1111")
    assert commands(shop, payment_id) == []


def test_where_it_cannot_be_done(open_service, database):
    shop = open_service(providers=[vnpay(), cards()])
    payment_id = shop.create(redirect(), provider="vnpay").payment_id
    shop.receive(notice(), provider="vnpay")
    with pytest.raises(InvalidRequest, match="no such payment"):
        shop.refund("pay_none")
    with pytest.raises(UnsupportedOperation, match="refund"):
        shop.refund(paid(shop))
    elsewhere = PaymentService([cards()], database=database)
    with elsewhere, pytest.raises(ConfigurationError, match="'default' of vnpay is not configured"):
        elsewhere.refund(payment_id)


# Keys.


@pytest.mark.parametrize(
    "wanted", [{"amount": part(60_000)}, {"amount": None}, {"amount": part(50_000)}]
)
def test_a_key_is_for_one_refund(shop, wanted):
    payment_id = paid(shop)
    shop.transport.answers.append(answer(id="re-1"))
    shop.refund(payment_id, part(50_000), idempotency_key="k")
    if wanted["amount"] == part(60_000):
        with pytest.raises(InvalidRequest, match="used for something else"):
            shop.refund(payment_id, **wanted, idempotency_key="k")
    else:
        assert shop.refund(payment_id, **wanted, idempotency_key="k").command.key == "k"
    assert len(shop.transport.asked) == 1


def test_a_key_of_a_capture_is_none_of_a_refund(shop):
    payment_id = held(shop)
    shop.transport.answers.append(answer(captured=150_000))
    shop.capture(payment_id, idempotency_key="k")
    with pytest.raises(InvalidRequest, match="used for something else"):
        shop.refund(payment_id, idempotency_key="k")


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_has_a_length(shop, key):
    with pytest.raises(InvalidRequest, match="1 to 255 characters"):
        shop.refund(paid(shop), idempotency_key=key)


def test_a_refusal_of_one_amount_has_no_say_in_another(shop):
    payment_id = paid(shop)
    shop.transport.answers += [answer(id="re-1"), declined()]
    shop.refund(payment_id, part(30_000))
    with pytest.raises(Declined):
        shop.refund(payment_id, part(50_000))
    # A message that comes again must not send the first one again.
    again = shop.refund(payment_id, part(30_000))
    assert (again.refund, again.command.state) == (None, CommandState.DONE)
    assert len(shop.transport.asked) == 2
    assert shop.status(payment_id).refunded == part(30_000)


def test_a_refusal_is_an_event_and_the_next_attempt_has_its_own_key_and_name(shop):
    payment_id = paid(shop)
    shop.transport.answers += [declined("not_enough_balance"), answer(id="re-2")]
    with pytest.raises(Declined):
        shop.refund(payment_id)
    assert shop.status(payment_id).status is S.SUCCEEDED
    assert shop.refund(payment_id).record.status is S.REFUNDED
    assert commands(shop, payment_id) == [
        (f"{payment_id}-refund-150000-0", "refused", "R-1-R1"),
        (f"{payment_id}-refund-150000-1", "done", "R-1-R2"),
    ]
    _, refused, last = published(shop)
    assert (refused.reason, refused.code, refused.amount, refused.movement) == (
        "refund_failed",
        "E-not_enough_balance",
        PRICE,
        None,
    )
    assert (said(refused)[0], said(last)[0]) == ("succeeded", "refunded")


def test_an_own_key_that_was_refused_is_spent(shop):
    payment_id = paid(shop)
    shop.transport.answers.append(declined())
    with pytest.raises(Declined):
        shop.refund(payment_id, idempotency_key="k")
    with pytest.raises(InvalidRequest, match="a new attempt has a new one"):
        shop.refund(payment_id, idempotency_key="k")
    assert len(shop.transport.asked) == 1


# Answers and notices, counted once.


def test_one_that_is_taken_on_is_done_when_its_notice_comes(shop):
    payment_id = paid(shop)
    shop.transport.answers.append(answer("pending", id="re-1"))
    done = shop.refund(payment_id, part(50_000))
    assert (done.refund.status, done.published) == (RefundStatus.PENDING, 0)
    assert (sums(done.record), done.command.state) == (
        ("succeeded", 150_000, 0),
        CommandState.WAITING,
    )
    assert shop.refund(payment_id, part(50_000)).refund is None  # it was taken on
    with pytest.raises(InvalidRequest, match="at most 100000 VND is left"):
        shop.refund(payment_id, part(100_001))
    shop.receive(told(moved("refund", "re-1", 50_000)), provider="cards")
    assert sums(shop.status(payment_id)) == ("partially_refunded", 150_000, 50_000)
    assert commands(shop, payment_id)[0][1] == "done"
    assert events(shop) == [("succeeded", None, 0, 1), ("partially_refunded", None, 50_000, 2)]


def test_one_that_fails_later_is_told_once_and_may_be_tried_anew(shop):
    payment_id = paid(shop, "asked")
    shop.transport.answers.append(answer("pending", id="re-1"))
    shop.refund(payment_id, part(50_000))
    failure = at("asked", moved("refund", "re-1", 50_000, undone=True))
    assert shop.receive(told(failure), provider="asked").published == 1
    assert commands(shop, payment_id) == [
        (f"{payment_id}-refund-50000-0", "refused", "R-1-R1"),
    ]
    shop.transport.answers.append(answer(id="re-2"))
    assert shop.refund(payment_id, part(50_000)).record.refunded == part(50_000)
    assert events(shop) == [
        ("succeeded", None, 0, 1),
        ("succeeded", "refund_failed", 0, 2),
        ("partially_refunded", None, 50_000, 3),
    ]


@pytest.mark.parametrize("first", ["answer", "notice"])
def test_an_answer_and_a_notice_of_a_failure_are_one_event(shop, first):
    payment_id = paid(shop, "asked")
    failure = told(at("asked", moved("refund", "re-1", 50_000, undone=True)))

    def meanwhile(_asked):
        if first == "notice":
            other_hears(shop, failure)
        return answer("failed", id="re-1", code="E-7")

    shop.transport.answers.append(meanwhile)
    done = shop.refund(payment_id, part(50_000))
    assert (done.refund.status, done.command.state) == (
        RefundStatus.FAILED,
        CommandState.REFUSED,
    )
    shop.receive(failure, provider="asked")
    assert events(shop) == [("succeeded", None, 0, 1), ("succeeded", "refund_failed", 0, 2)]


def other_hears(shop, delivery, provider="asked"):
    """Another process takes a notice while this one waits for an answer."""
    url = shop.service._database.url.render_as_string(hide_password=False)
    with PaymentService([cards(kind) for kind in KINDS], database=url, clock=shop.clock) as other:
        other.receive(delivery, provider=provider)


@pytest.mark.parametrize(
    "says",
    [
        answer("pending", id="re-1"),
        answer("succeeded", id="re-1"),
        answer("unknown", id="re-1"),
        answer("pending"),
        answer("unknown"),
    ],
)
def test_a_notice_that_is_faster_than_the_answer(shop, says):
    payment_id = paid(shop, "asked")

    def meanwhile(_asked):
        other_hears(shop, told(at("asked", moved("refund", "re-1", 50_000))))
        return says

    shop.transport.answers.append(meanwhile)
    done = shop.refund(payment_id, part(50_000))
    assert sums(done.record) == ("partially_refunded", 150_000, 50_000)
    assert done.command.state is CommandState.DONE
    assert events(shop) == [("succeeded", None, 0, 1), ("partially_refunded", None, 50_000, 2)]


def test_one_notice_ends_one_of_two_that_ask_for_the_same(shop):
    payment_id = paid(shop)
    shop.transport.answers += [OutcomeUnknown("silence"), OutcomeUnknown("silence")]
    for key in ("a", "b"):
        with pytest.raises(OutcomeUnknown):
            shop.refund(payment_id, part(50_000), idempotency_key=key)
    shop.receive(told(moved("refund", "re-1", 50_000)), provider="cards")
    assert [state for _, state, _ in commands(shop, payment_id)] == ["done", "reserved"]
    shop.receive(told(moved("refund", "re-2", 50_000)), provider="cards")
    assert [state for _, state, _ in commands(shop, payment_id)] == ["done", "done"]
    assert shop.status(payment_id).refunded == part(100_000)


def test_a_notice_of_another_refund_does_not_end_one_that_has_a_name(shop):
    payment_id = paid(shop)
    shop.transport.answers.append(answer("pending", id="re-1"))
    shop.refund(payment_id, part(50_000))
    # Somebody gives the same back at the gateway's desk.
    shop.receive(told(moved("refund", "re-9", 50_000)), provider="cards")
    assert commands(shop, payment_id)[0][1] == "waiting"
    with pytest.raises(InvalidRequest, match="at most 50000 VND is left"):
        shop.refund(payment_id, part(60_000))
    shop.receive(told(moved("refund", "re-1", 50_000, undone=True)), provider="cards")
    assert commands(shop, payment_id)[0][1] == "refused"
    assert sums(shop.status(payment_id)) == ("partially_refunded", 150_000, 50_000)


def test_one_that_was_done_and_comes_back_may_be_sent_anew(shop):
    payment_id = paid(shop)
    shop.transport.answers.append(answer(id="re-1"))
    shop.refund(payment_id)
    back = moved("refund", "re-1", 150_000, undone=True)
    shop.receive(told(back), provider="cards")
    assert sums(shop.status(payment_id)) == ("succeeded", 150_000, 0)
    shop.transport.answers.append(answer(id="re-2"))
    assert sums(shop.refund(payment_id).record) == ("refunded", 150_000, 150_000)
    assert [key for _, _, key in asked(shop)] == [
        f"{payment_id}-refund-150000-0",
        f"{payment_id}-refund-150000-1",
    ]
    assert [event[:3] for event in events(shop)] == [
        ("succeeded", None, 0),
        ("refunded", None, 150_000),
        ("succeeded", "refund_failed", 0),
        ("refunded", None, 150_000),
    ]


@pytest.mark.parametrize("order", ["answer first", "notice first"])
@pytest.mark.parametrize("before", [0, 30_000])
def test_a_sum_and_an_answer_are_counted_once(shop, order, before):
    payment_id = paid(shop, "totals")
    if before:  # at the desk
        shop.receive(told(total(before)), provider="totals")

    def meanwhile(_asked):
        if order == "notice first":
            other_hears(shop, told(total(before + 50_000)), "totals")
        return answer(id="re-1")

    shop.transport.answers.append(meanwhile)
    shop.refund(payment_id, part(50_000))
    shop.receive(told(total(before + 50_000)), provider="totals")
    assert shop.status(payment_id).refunded == part(before + 50_000)
    sums_told = [event.refunded.minor for event in published(shop)]
    assert sums_told == sorted({0, before, before + 50_000})
    shop.transport.answers.append(answer(id="re-2"))
    shop.refund(payment_id, part(20_000))
    assert shop.status(payment_id).refunded == part(before + 70_000)


def total(refunded):
    status = "refunded" if refunded >= 150_000 else "partially_refunded"
    return at("totals", fact(status, 150_000, number=f"t{refunded}", refunded=part(refunded)))


def test_without_notices_each_answer_counts_beside_what_the_desk_gave_back(shop):
    payment_id = paid(shop, "named")
    desk = answer("partially_refunded", amount=150_000, captured=150_000, refunded=30_000)
    shop.transport.answers += [desk, answer(id="re-1"), answer()]
    shop.refresh(payment_id)
    shop.refund(payment_id, part(50_000))
    assert shop.status(payment_id).refunded == part(80_000)
    shop.refund(payment_id, part(20_000))
    assert shop.status(payment_id).refunded == part(100_000)
    assert [event[2] for event in events(shop)] == [0, 30_000, 80_000, 100_000]


def test_a_sum_ends_what_it_has_in_it(shop):
    payment_id = paid(shop, "totals")
    shop.transport.answers += [OutcomeUnknown("silence"), answer("pending", id="re-2")]
    with pytest.raises(OutcomeUnknown):
        shop.refund(payment_id, part(50_000))
    shop.refund(payment_id, part(30_000))
    shop.receive(told(total(30_000)), provider="totals")  # the second one, for all that is known
    assert [state for _, state, _ in commands(shop, payment_id)] == ["reserved", "waiting"]
    shop.receive(told(total(80_000)), provider="totals")
    assert [state for _, state, _ in commands(shop, payment_id)] == ["done", "done"]


def test_more_than_was_taken_comes_back(shop):
    payment_id = paid(shop)
    shop.transport.answers.append(answer("pending", id="re-1"))
    shop.refund(payment_id)
    shop.receive(told(moved("refund", "re-9", 100_000)), provider="cards")
    shop.receive(told(moved("refund", "re-1", 150_000)), provider="cards")
    record = shop.status(payment_id)
    assert (record.status, record.discrepancy) == (S.NEEDS_REVIEW, "overpaid")


# Several at once.


class Till:
    """A transport that answers each key once and as one, and keeps those that arrived."""

    def __init__(self):
        self.given = {}
        self.barrier = threading.Barrier(2)
        self.guard = threading.Lock()

    def send(self, asked):
        if asked.url.endswith("pay"):
            return answer("succeeded", id="psp-1")
        with self.guard:
            self.given.setdefault(asked.header("Key"), asked.body)
        return answer(id=f"re-{asked.header('Key')}")

    def close(self):
        pass


@pytest.mark.parametrize(
    ("amounts", "given"),
    [
        ([None, None], 1),
        ([part(100_000), part(100_000)], 1),
        ([part(100_000), part(90_000)], 1),
        ([part(100_000), part(50_000)], 2),
    ],
)
def test_two_processes_never_give_back_more_than_was_taken(database, amounts, given):
    till = Till()
    with (
        PaymentService([cards(Silent)], database=database, transport=till) as one,
        PaymentService([cards(Silent)], database=database, transport=till) as other,
    ):
        payment_id = one.create(whole(), provider="silent").payment_id

        def refund(service, amount):
            till.barrier.wait(20)
            try:
                return service.refund(payment_id, amount)
            except (InvalidRequest, RequestInProgress) as error:
                return error

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(refund, (one, other), amounts))
        assert len(till.given) == given
        record = one.status(payment_id)
        assert record.refunded == part(sum(int(body.split()[1]) for body in till.given.values()))
        assert record.refunded <= record.captured


def test_the_same_while_it_is_sent(shop):
    payment_id = paid(shop, "named")
    heard = []

    def meanwhile(_asked):
        url = shop.service._database.url.render_as_string(hide_password=False)
        with PaymentService([cards(Named)], database=url, clock=shop.clock) as other:
            with pytest.raises(RequestInProgress):
                other.refund(payment_id)
            heard.append("in progress")
            shop.clock.pass_(minutes=4)  # nobody waits for an answer for so long
        return answer(id="re-1")

    shop.transport.answers.append(meanwhile)
    assert shop.refund(payment_id).record.status is S.REFUNDED
    assert heard == ["in progress"]


def test_an_event_tells_of_a_refusal_whatever_happened_meanwhile(shop):
    payment_id = paid(shop, "asked")

    def meanwhile(_asked):
        other_hears(shop, told(at("asked", moved("refund", "re-9", 20_000))))
        return declined()

    shop.transport.answers.append(meanwhile)
    with pytest.raises(Declined):
        shop.refund(payment_id, part(50_000))
    assert events(shop) == [
        ("succeeded", None, 0, 1),
        ("partially_refunded", None, 20_000, 2),
        ("partially_refunded", "refund_failed", 20_000, 3),
    ]


def test_a_failed_refund_settles_nothing_that_a_person_looks_at(shop):
    payment_id = paid(shop)
    shop.receive(told(fact("needs_review", reason="fraud_review")), provider="cards")
    shop.receive(told(moved("refund", "re-1", 50_000, undone=True)), provider="cards")
    assert shop.status(payment_id).status is S.NEEDS_REVIEW
