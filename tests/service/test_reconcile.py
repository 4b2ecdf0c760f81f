"""The sweep: who is asked when, what may be ended, what is left to a person, and what is said of it."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import attrs
import pytest
from sqlalchemy import update

from paykit import (
    CaptureMode,
    InvalidRequest,
    NoAnswer,
    NotFound,
    OutcomeUnknown,
    PaymentStatus,
    RateLimited,
)
from paykit.info import Asking
from paykit.service import (
    Change,
    CommandEnd,
    CommandState,
    Failure,
    GivenUp,
    PaymentService,
    Report,
    upgrade_database,
)
from paykit.service.schema import payments

from .cards import AskableCards, Cards, answer, cards, declined, fact, no, request, told
from .refunding import Asked, Named, Once, asked, at, paid
from .shop import START
from .test_capture import part, published

S = PaymentStatus

ASKING = Asking(
    first_after=timedelta(minutes=15),
    again_after=timedelta(minutes=10),
    at_most=timedelta(hours=1),
    per_minute=5,
    grace=timedelta(days=1),
    gives_up_after=timedelta(days=3),
)


class Swept(AskableCards):
    """A gateway that is asked soon."""

    name = "swept"
    info = attrs.evolve(Cards.info, title="Swept", asking=ASKING)


class Mute(Cards):
    """One that cannot be asked."""

    name = "mute"
    info = attrs.evolve(Cards.info, title="Mute", asking=ASKING)


class NeedsItsName(Swept):
    """One that finds a payment only by its own name of it."""

    name = "named"

    def fetch_payment(self, ref):
        if ref.provider_id is None:
            raise InvalidRequest("nobody told", field="provider_id")
        return super().fetch_payment(ref)


KINDS = [Swept, Mute, NeedsItsName]


@pytest.fixture
def shop(open_service):
    return open_service(providers=[cards(kind) for kind in KINDS])


def create(shop, provider="swept", number=1, says=None, **more):
    """A payment that waits."""
    shop.transport.answers.append(says or answer("requires_action", id=f"psp-{number}"))
    wanted = request(f"R-{number}", order_id=f"CART-{number}", **more)
    payment_id = shop.create(wanted, provider=provider).payment_id
    shop.transport.asked.clear()
    return payment_id


def sweep(shop, clock, *says, **passed):
    """After some time, what a sweep reports of these answers, all of which it asked for."""
    clock.pass_(**passed)
    shop.transport.answers.extend(says)
    report = shop.reconcile()
    assert shop.transport.answers == []
    return report


def events(shop):
    return [(one.status.value, one.reason, one.source.value) for one in published(shop)]


# When.


def test_nobody_is_asked_too_early(shop, clock):
    create(shop)
    assert sweep(shop, clock, minutes=14) == Report()
    assert sweep(shop, clock, answer("pending"), minutes=1).asked == 1


def test_what_the_provider_says_is_recorded_and_that_is_all(shop, clock):
    payment_id = create(shop)
    assert sweep(shop, clock, answer("succeeded", id="psp-1"), minutes=15) == Report(
        asked=1,
        published=1,
        changes=(
            Change(
                payment_id=payment_id,
                order_id="CART-1",
                before=S.REQUIRES_ACTION,
                after=S.SUCCEEDED,
            ),
        ),
    )
    assert events(shop) == [("succeeded", None, "poll")]
    assert sweep(shop, clock, days=40) == Report()


@pytest.mark.parametrize("status", ["failed", "canceled", "expired", "needs_review"])
def test_what_is_over_is_not_asked_about(shop, clock, status):
    create(shop)
    shop.receive(told(at("swept", fact(status))), provider="swept")
    assert sweep(shop, clock, days=40) == Report()


def test_the_pauses_grow(shop, clock):
    create(shop, says=answer("authorized", id="psp-1"))
    times = []
    for minute in range(2, 6 * 60, 2):
        clock.pass_(minutes=2)
        shop.transport.answers = [answer("authorized", id="psp-1")]
        if shop.reconcile().asked:
            times.append(minute)
    pauses = [later - sooner for sooner, later in zip([0, *times], times, strict=False)]
    assert len(pauses) > 5
    for pause, usual in zip(pauses, [15, 10, 20, 40, 60, 60, 60], strict=False):
        assert usual <= pause <= usual * 1.1 + 2
    assert [one.url for one in shop.transport.asked] == ["https://cards.example/query"] * len(times)


def test_what_began_together_is_not_asked_together(shop, clock):
    for number in range(5):
        create(shop, number=number)
    assert sweep(shop, clock, *[answer("requires_action")] * 5, minutes=15).asked == 5
    asked_at = []
    for second in range(0, 61, 2):
        clock.now = START + timedelta(minutes=25, seconds=second)
        shop.transport.answers = [answer("requires_action")] * 5
        asked_at += [second] * shop.reconcile().asked
    assert len(asked_at) == 5
    assert len(set(asked_at)) >= 4


def test_a_sweep_does_as_much_as_it_may(shop, clock):
    for number in range(3):
        create(shop, number=number)
    clock.pass_(minutes=15)
    shop.transport.answers = [answer("succeeded", id="psp-0"), answer("succeeded", id="psp-1")]
    assert shop.reconcile(limit=2).asked == 2
    shop.transport.answers = [answer("succeeded", id="psp-2")]
    assert shop.reconcile(limit=2).asked == 1


# How often.


def test_an_account_is_asked_as_often_as_it_allows(shop, clock):
    for number in range(8):
        create(shop, number=number)
    says = [answer("succeeded", id=f"psp-{number}") for number in range(8)]
    report = sweep(shop, clock, *says[:5], minutes=15)
    assert (report.asked, report.limited, len(report.changes)) == (5, 3, 5)
    assert sweep(shop, clock, seconds=30) == Report()
    assert sweep(shop, clock, *says[5:], seconds=91).asked == 3


def test_who_has_had_enough_is_left_alone(shop, clock):
    for number in (1, 2):
        create(shop, number=number)
    create(shop, "named", number=3)
    shop.transport.answers += [
        no(RateLimited, retry_after=600),
        answer("succeeded", id="psp-3"),
    ]
    report = sweep(shop, clock, minutes=15)
    assert (report.asked, report.limited) == (2, 1)
    (failure,) = report.failures
    assert failure.error.startswith("RateLimited: ")
    create(shop, number=4)
    assert sweep(shop, clock, minutes=9) == Report()
    says = [answer("succeeded", id=f"psp-{number}") for number in (2, 1)]
    assert sweep(shop, clock, *says, minutes=3).asked == 2


@pytest.mark.parametrize(("retry_after", "minutes"), [(1e9, 60), (None, 1)])
def test_nobody_is_left_alone_for_ten_years(shop, clock, retry_after, minutes):
    for number in (1, 2):
        create(shop, number=number)
    report = sweep(shop, clock, no(RateLimited, retry_after=retry_after), minutes=15)
    assert (report.asked, report.limited) == (1, 1)
    assert sweep(shop, clock, minutes=minutes - 0.1).asked == 0
    says = [answer("succeeded", id=f"psp-{number}") for number in (2, 1)]
    assert sweep(shop, clock, *says, minutes=13).asked == 2


def test_a_time_that_is_over_is_no_time(shop, clock):
    for number in (1, 2):
        create(shop, number=number)
    says = [no(RateLimited, retry_after=-5), answer("succeeded", id="psp-2")]
    assert sweep(shop, clock, *says, minutes=15).asked == 2


def test_a_sweep_that_took_too_long_leaves_the_rest_to_others(shop, clock):
    for number in range(3):
        create(shop, number=number)

    def slow(_asked):
        clock.pass_(minutes=6)
        return answer("succeeded", id="psp-0")

    assert sweep(shop, clock, slow, minutes=15).asked == 1
    says = [answer("succeeded", id=f"psp-{number}") for number in (1, 2)]
    assert sweep(shop, clock, *says, minutes=0).asked == 2


# What may be ended.


def test_what_the_provider_does_not_know_is_expired_after_the_grace(shop, clock):
    payment_id = create(shop)
    report = sweep(shop, clock, no(NotFound), hours=23)
    assert (report.changes, report.failures) == ((), ())
    assert shop.status(payment_id).status is S.REQUIRES_ACTION
    report = sweep(shop, clock, no(NotFound), hours=1, minutes=1)
    (change,) = report.changes
    assert (change.after, report.published) == (S.EXPIRED, 1)
    assert shop.status(payment_id).reason == "not_found"
    assert events(shop) == [("expired", "not_found", "poll")]


def test_the_grace_begins_when_the_time_to_pay_is_over(shop, clock):
    payment_id = create(shop, "mute")
    ends = START + timedelta(hours=12)
    expire_at(shop, payment_id, ends)
    assert sweep(shop, clock, days=1, minutes=1) == Report()
    (change,) = sweep(shop, clock, hours=12).changes
    assert (change.payment_id, change.after) == (payment_id, S.EXPIRED)


def expire_at(shop, payment_id, moment):
    mine = payments.c.payment_id == payment_id
    shop.service._database.transact(
        lambda conn: conn.execute(update(payments).where(mine).values(expires_at=moment)) and None
    ).result()


def test_where_nobody_can_be_asked_silence_ends_it_after_the_grace(shop, clock):
    payment_id = create(shop, "mute")
    assert sweep(shop, clock, hours=23) == Report()
    report = sweep(shop, clock, hours=2)
    assert report == Report(
        published=1,
        changes=(
            Change(
                payment_id=payment_id,
                order_id="CART-1",
                before=S.REQUIRES_ACTION,
                after=S.EXPIRED,
            ),
        ),
    )
    assert events(shop) == [("expired", "no_news", "poll")]
    # And the money that comes later is counted.
    shop.receive(told(at("mute", fact("succeeded"))), provider="mute")
    assert shop.status(payment_id).status is S.SUCCEEDED


@pytest.mark.parametrize("provider", ["swept", "mute"])
def test_a_hold_does_not_expire_on_silence(shop, clock, provider):
    payment_id = create(shop, provider, says=answer("authorized", id="psp-1"))
    for _ in range(6):
        clock.pass_(days=1)
        shop.transport.answers = [no(NotFound)]
        shop.reconcile()
    assert shop.status(payment_id).status is S.AUTHORIZED
    (left,) = shop.given_up()
    assert left.record.payment_id == payment_id


@pytest.mark.parametrize("provider", ["swept", "mute"])
def test_nor_does_what_was_told_in_words_that_nobody_can_read(shop, clock, provider):
    payment_id = create(shop, provider)
    shop.receive(told(at(provider, fact("unknown"))), provider=provider)
    for _ in range(6):
        clock.pass_(days=1)
        shop.transport.answers = [no(NotFound)]
        shop.reconcile()
    assert shop.status(payment_id).status is S.UNKNOWN
    assert [left.record.payment_id for left in shop.given_up()] == [payment_id]


@pytest.mark.parametrize(
    ("provider", "says", "reason"),
    [("swept", [no(NotFound)], "not_found"), ("mute", [], "no_news"), ("named", [], "no_news")],
)
def test_a_payment_that_was_never_answered(shop, clock, provider, says, reason):
    shop.transport.answers.append(OutcomeUnknown("silence"))
    with pytest.raises(OutcomeUnknown):
        shop.create(request(), provider=provider)
    assert sweep(shop, clock, *says, hours=1).changes == ()
    assert shop.status("pay_0001").status is S.PENDING
    report = sweep(shop, clock, *says, hours=24)
    assert [change.after for change in report.changes] == [S.EXPIRED]
    assert shop.status("pay_0001").reason == reason
    assert report.failures == ()


# What is left to a person.


def test_what_stays_open_is_given_up_with_the_evidence(shop, clock):
    payment_id = create(shop)
    for _ in range(3):
        sweep(shop, clock, answer("requires_action"), hours=20)
    report = sweep(shop, clock, answer("requires_action"), hours=12)
    record = shop.status(payment_id)
    left = GivenUp(
        record=record,
        checks=4,
        note="the provider still says requires_action",
        since=START + timedelta(days=3),
    )
    assert report == Report(asked=1, given_up=(left,))
    assert shop.given_up() == [left]
    assert sweep(shop, clock, days=30) == Report()
    assert events(shop) == []


def test_why_the_provider_could_not_be_asked_is_evidence(shop, clock):
    payment_id = create(shop)
    says = NoAnswer("the line is dead")
    assert sweep(shop, clock, says, minutes=15) == Report(
        asked=1,
        failures=(Failure(payment_id=payment_id, error="NoAnswer: the line is dead"),),
    )
    assert shop.status(payment_id).status is S.REQUIRES_ACTION
    report = sweep(shop, clock, says, days=3)
    assert [(left.note, left.checks) for left in report.given_up] == [
        ("NoAnswer: the line is dead", 2)
    ]


@pytest.mark.parametrize("status", ["authorized", "succeeded", "failed", "needs_review"])
def test_news_take_it_off_the_list(shop, clock, status):
    payment_id = create(shop)
    sweep(shop, clock, answer("requires_action"), days=3)
    assert len(shop.given_up()) == 1
    shop.receive(told(at("swept", fact(status))), provider="swept")
    assert shop.given_up() == []
    if status == "authorized":  # it has come back to life
        report = sweep(shop, clock, answer("authorized", id="psp-1"), minutes=1)
        assert report.asked == 1
        assert shop.given_up() == list(report.given_up)  # with evidence of today
    else:
        assert sweep(shop, clock, days=1) == Report()
    assert shop.status(payment_id).status is S(status)


def test_a_refusal_that_is_taken_back_is_asked_about(shop, clock):
    create(shop)
    shop.receive(told(at("swept", fact("failed"))), provider="swept")
    shop.receive(told(at("swept", fact("authorized"))), provider="swept")
    assert sweep(shop, clock, answer("succeeded", id="psp-1"), minutes=0).published == 1


# Facts that came before their payment.


def test_what_is_here_already_is_not_asked_for(shop, clock):
    payment_id = create(shop)
    orphan = told(at("swept", fact("succeeded")))
    move_away(shop, payment_id, "R-elsewhere")
    shop.receive(orphan, provider="swept")
    move_away(shop, payment_id, "R-1")  # as if its row had been written down meanwhile
    report = sweep(shop, clock, minutes=15)
    assert (report.asked, report.published) == (0, 1)
    assert shop.status(payment_id).status is S.SUCCEEDED


def move_away(shop, payment_id, reference):
    shop.service._database.transact(
        lambda conn: (
            conn.exec_driver_sql(
                "UPDATE paykit_payments SET reference = ? WHERE payment_id = ?",
                (reference, payment_id),
            )
            and None
        )
    ).result()


# Accounts of other processes.


def test_what_is_at_other_accounts_is_left_to_those_who_have_them(open_service, clock):
    here = open_service(providers=[cards(Swept), cards(Asked)])
    create(here)
    refunded = paid(here, "asked", reference="R-9")
    here.transport.answers.append(answer("pending", id="re-1"))
    here.refund(refunded)
    elsewhere = open_service(providers=[cards(Mute)])
    assert sweep(elsewhere, clock, minutes=20) == Report(elsewhere=2)
    says = [answer("succeeded", id="psp-1"), answer(id="re-1")]
    report = sweep(here, clock, *says, minutes=0)
    assert (report.asked, report.elsewhere, len(report.commands)) == (2, 0, 1)


# Commands.


@pytest.fixture
def refunds(open_service):
    return open_service(providers=[cards(kind) for kind in (Asked, Once, Named)])


def command(shop, payment_id, says, provider="asked"):
    """A refund that got this answer."""
    shop.transport.answers.append(says)
    with contextlib.suppress(OutcomeUnknown):
        shop.refund(payment_id, part(50_000))
    shop.transport.asked.clear()


def ended(report):
    return [(one.kind, one.state) for one in report.commands]


def test_what_takes_its_time_is_asked_about(refunds, clock):
    payment_id = paid(refunds, "asked")
    command(refunds, payment_id, answer("pending", id="re-1"))
    assert sweep(refunds, clock, minutes=9) == Report()
    report = sweep(refunds, clock, answer("pending", id="re-1"), minutes=3)
    assert (report.asked, ended(report)) == (1, [])
    report = sweep(refunds, clock, answer(id="re-1"), minutes=25)
    assert report == Report(
        asked=1,
        published=1,
        changes=(
            Change(
                payment_id=payment_id,
                order_id="R-1",
                before=S.SUCCEEDED,
                after=S.PARTIALLY_REFUNDED,
            ),
        ),
        commands=(
            CommandEnd(
                payment_id=payment_id,
                command_id="cmd_0002",
                kind="refund",
                state=CommandState.DONE,
            ),
        ),
    )
    assert [where for where, _, _ in asked(refunds)] == ["refunds/re-1"] * 2
    assert sweep(refunds, clock, days=40) == Report()


SILENCE = OutcomeUnknown("silence")


@pytest.mark.parametrize(
    ("says", "end", "where"),
    [
        ([answer(id="re-1")], CommandState.DONE, ["refunds/R-1-R1"]),
        ([no(NotFound), answer(id="re-1")], CommandState.DONE, ["refunds/R-1-R1", "refund"]),
        ([no(NotFound), answer("pending")], CommandState.WAITING, ["refunds/R-1-R1", "refund"]),
        ([answer("failed")], CommandState.REFUSED, ["refunds/R-1-R1"]),
    ],
)
def test_what_may_have_arrived_is_asked_about_and_then_sent(refunds, clock, says, end, where):
    payment_id = paid(refunds, "asked")
    command(refunds, payment_id, SILENCE)
    report = sweep(refunds, clock, *says, minutes=12)
    assert ended(report) == [("refund", end)]
    assert report.published == int(end is not CommandState.WAITING)
    assert [one for one, _, _ in asked(refunds)] == where
    assert {key for one, _, key in asked(refunds) if one == "refund"} <= {
        f"{payment_id}-refund-50000-0"
    }


def test_a_refusal_of_what_was_sent_again_is_an_end_and_no_failure(refunds, clock):
    command(refunds, paid(refunds, "asked"), SILENCE)
    says = [no(NotFound), declined(), no(NotFound)]
    report = sweep(refunds, clock, *says, minutes=12)
    assert (ended(report), report.failures) == ([("refund", CommandState.REFUSED)], ())
    assert report.published == 1


def test_where_a_repeat_could_act_twice_it_is_never_sent(refunds, clock):
    payment_id = paid(refunds, "once")
    command(refunds, payment_id, SILENCE)
    given_up = []
    for _ in range(40):
        clock.pass_(days=1)
        refunds.transport.answers = [no(NotFound)]
        given_up += refunds.reconcile().given_up
    assert {where for where, _, _ in asked(refunds)} == {"refunds/R-1-R1"}
    (left,) = given_up
    assert refunds.given_up() == [left]
    assert (left.kind, left.amount, left.checks) == ("refund", part(50_000), 31)
    assert (left.command.key, left.command.reference) == (
        f"{payment_id}-refund-50000-0",
        "R-1-R1",
    )
    assert left.note == "once: not now"
    # A notice ends it all the same.
    back = fact("partially_refunded", 150_000, number="n", refunded=part(50_000))
    refunds.receive(told(at("once", back)), provider="once")
    assert refunds.given_up() == []


def test_one_that_waits_for_ever_is_given_up(refunds, clock):
    command(refunds, paid(refunds, "asked"), answer("pending", id="re-1"))
    report = sweep(refunds, clock, answer("pending", id="re-1", message="soon"), days=30)
    (left,) = report.given_up
    assert (left.kind, left.note) == ("refund", "it is pending: soon")


def test_a_given_up_one_can_be_tried_by_hand(refunds, clock):
    payment_id = paid(refunds, "once")
    command(refunds, payment_id, SILENCE)
    assert len(sweep(refunds, clock, no(NotFound), days=30).given_up) == 1
    refunds.transport.answers.append(answer())
    assert refunds.refund(payment_id, part(50_000)).command.state is CommandState.DONE
    assert refunds.given_up() == []


def test_commands_count_as_questions(open_service, clock):
    class Busy(Asked):
        info = attrs.evolve(Asked.info, asking=attrs.evolve(ASKING, per_minute=1))

    shop = open_service(providers=[cards(Busy)])
    payment_ids = [paid(shop, "asked", reference=f"R-{number}") for number in (1, 2)]
    for number, payment_id in enumerate(payment_ids):
        command(shop, payment_id, answer("pending", id=f"re-{number}"))
    report = sweep(shop, clock, answer(id="re-0"), minutes=15)
    assert (report.asked, report.limited) == (1, 1)
    assert sweep(shop, clock, answer(id="re-1"), minutes=2, seconds=1).asked == 1


def test_a_provider_that_is_away_is_no_end(refunds, clock):
    payment_id = paid(refunds, "asked")
    command(refunds, payment_id, SILENCE)
    report = sweep(refunds, clock, NoAnswer("dead"), minutes=12)
    assert report == Report(
        asked=1,
        failures=(Failure(payment_id=payment_id, error="NoAnswer: dead", command_id="cmd_0002"),),
    )
    assert ended(sweep(refunds, clock, answer(id="re-1"), hours=1)) == [
        ("refund", CommandState.DONE)
    ]


# Payments that are over.


def test_what_was_given_back_at_the_desk_is_found(shop, clock):
    payment_id = create(shop, says=answer("succeeded", id="psp-1"))
    assert sweep(shop, clock, days=2) == Report()
    shop.transport.answers.append(
        answer("partially_refunded", id="psp-1", amount=150_000, captured=150_000, refunded=30_000)
    )
    report = shop.reconcile(paid_within=timedelta(days=3))
    assert (report.asked, report.published) == (1, 1)
    assert shop.status(payment_id).refunded == part(30_000)
    assert shop.reconcile(paid_within=timedelta(days=1)) == Report()


def test_those_that_were_asked_least_come_first(shop, clock):
    for number in range(5):
        create(shop, number=number, says=answer("failed", id=f"psp-{number}"))
    create(shop, "mute", number=9, says=answer("failed", id="psp-9"))
    asked_about = []
    for _ in range(5):
        clock.pass_(minutes=1)
        shop.transport.answers = [NoAnswer("dead")] * 2
        report = shop.reconcile(limit=2, paid_within=timedelta(days=1))
        asked_about += [failure.payment_id for failure in report.failures]
    assert sorted(asked_about) == sorted(2 * [f"pay_{number:04d}" for number in range(1, 6)])


def test_they_are_asked_no_more_than_is_allowed(shop, clock):
    for number in range(7):
        create(shop, number=number, says=answer("failed", id=f"psp-{number}"))
    shop.transport.answers = [answer("failed")] * 5
    assert shop.reconcile(paid_within=timedelta(days=1)).asked == 5
    clock.pass_(minutes=2)
    shop.transport.answers = [no(RateLimited, retry_after=60), answer("failed")]
    report = shop.reconcile(paid_within=timedelta(days=1))
    assert (report.asked, len(report.failures)) == (1, 1)


# Two sweeps at once.


class Counting:
    """A transport for two sweeps, which tells of every payment the same, slowly."""

    def __init__(self, payments):
        self.asked, self.guard, self.number = [], threading.Lock(), 0
        self.payments = payments

    def send(self, asked):
        where = asked.url.rpartition("/")[2]
        with self.guard:
            self.asked.append(where)
            self.number += 1
        if where == "pay":
            return answer(
                "succeeded" if asked.body in self.payments else "pending", id=f"psp-{self.number}"
            )
        if where == "refund":
            return answer("pending", id=f"re-{self.number}")
        return answer("pending")

    def close(self):
        pass


def test_two_sweeps_ask_once(any_database, clock):
    if not any_database.startswith("sqlite"):
        upgrade_database(any_database)
    transport = Counting({b"R-1", b"R-2", b"R-3"})
    settings = {"database": any_database, "transport": transport, "clock": clock}
    with (
        PaymentService([cards(Asked)], **settings) as one,
        PaymentService([cards(Asked)], **settings) as other,
    ):
        for number in range(1, 16):
            payment_id = one.create(
                request(f"R-{number}", capture=CaptureMode.AUTOMATIC), provider="asked"
            ).payment_id
            if number <= 3:
                one.refund(payment_id)
        transport.asked.clear()
        clock.pass_(minutes=20)
        barrier = threading.Barrier(2)

        def reconcile(service):
            barrier.wait(20)
            return service.reconcile()

        with ThreadPoolExecutor(2) as threads:
            reports = list(threads.map(reconcile, (one, other)))
        assert sum(report.asked for report in reports) == 15
        assert len(transport.asked) == 15
        assert [report.failures for report in reports] == [(), ()]
        assert one.reconcile() == Report()
