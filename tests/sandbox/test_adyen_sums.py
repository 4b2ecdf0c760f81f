"""Whatever is asked in whatever order, Adyen's sums are right, and each request is told once."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .adyen_client import act, held, items, modify

VALUES = st.sampled_from([1, 250, 500, 999, 1000, 1001])
STEPS = st.one_of(
    st.tuples(st.just("captures"), VALUES),
    st.tuples(st.just("refunds"), VALUES),
    st.tuples(st.sampled_from(["cancels", "reversals"]), st.none()),
    st.tuples(st.sampled_from(["expire", "undo refund"]), st.none()),
)
WHOLE = 1000


def total(found, code, success="true"):
    return sum(
        item["amount"]["value"]
        for item in found
        if (item["eventCode"], item["success"]) == (code, success)
    )


@pytest.mark.untraced
@given(several=st.booleans(), batch=st.sampled_from([1, 3]), steps=st.lists(STEPS, max_size=8))
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_sum_is_right(make_world, several, batch, steps):
    world = make_world(adyen={"multiple_captures": several, "batch": batch})
    psp = held(world)
    asked = []
    for what, value in steps:
        if what == "expire":
            act(world, psp, "expire", status=state(world, psp, "expire"))
        elif what == "undo refund":
            for refund in [one for one in asked if is_done(items(world), one)]:
                act(world, refund, "undo")
                asked.remove(refund)
                break
        else:
            asked_psp = modify(world, psp, what, value=value)["pspReference"]
            if what == "refunds":
                asked.append(asked_psp)
    found = items(world)
    reversed_ = sum(
        item["amount"]["value"]
        for item in found
        if item["additionalData"].get("modification.action") == "refund"
        and item["success"] == "true"
    )
    captured = total(found, "CAPTURE")
    refunded = total(found, "REFUND") + reversed_ - total(found, "REFUND_FAILED")
    assert 0 <= refunded <= captured <= WHOLE
    [payment] = world.payments()
    assert payment["refunded"] == refunded
    # No request is told twice in the same words, and none is forgotten.
    told = Counter((item["pspReference"], item["eventCode"], item["success"]) for item in found)
    assert set(told.values()) == {1}
    calls = sum(what not in {"expire", "undo refund"} for what, _ in steps)
    answers = {"CAPTURE", "REFUND", "CANCELLATION", "CANCEL_OR_REFUND"}
    assert sum(item["eventCode"] in answers for item in found) == calls
    # What ended is over: at most one notice says so, and nothing is captured after it.
    ends = [
        place
        for place, item in enumerate(found)
        if item["success"] == "true"
        and (
            item["eventCode"] in {"CANCELLATION", "EXPIRE"}
            or item["additionalData"].get("modification.action") == "cancel"
        )
    ]
    assert len(ends) <= 1
    assert not ends or total(found[ends[0] :], "CAPTURE") == 0


def is_done(found, psp):
    mine = [item for item in found if item["pspReference"] == psp]
    return [item["success"] for item in mine] == ["true"]


def state(world, psp, action):
    """Whether an action is offered now."""
    page = world.client.get(f"/adyen/_sandbox/payments/{psp}").text
    return 200 if f"/{psp}/{action}" in page else 409
