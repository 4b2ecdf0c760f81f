"""Browsers that come back: forged, replayed or with nothing, they settle nothing and go to the shop."""

import hashlib
import hmac
from urllib.parse import urlencode

import pytest

from .mounts import RETURN_TO
from .senders import SENDERS, Call

BY = {sender.key: sender for sender in SENDERS}
ZALOPAY, PAYOS, ADYEN = BY["zalopay"], BY["payos"], BY["adyen"]
EACH = pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.key)
SIGNED = "appid apptransid pmcid bankcode amount discountamount status".split()


def back(reference, **changes):
    """A return of ZaloPay, signed by code of its own."""
    fields = {
        "amount": "150000", "appid": "2553", "apptransid": f"260301_{reference}",
        "bankcode": "CC", "discountamount": "0", "pmcid": "36", "status": "1", **changes,
    }  # fmt: skip
    text = "|".join(fields[name] for name in SIGNED)
    digest = hmac.new(ZALOPAY.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return urlencode({**fields, "checksum": fields.get("checksum", digest)})


def come_back(shop, sender, query):
    """Where the browser is sent, and what of the database changed."""
    before = tuple(shop.file.iterdump())
    answer, headers = shop.request("GET", sender.key, Call(b""), to=f"returns/{{}}?{query}")
    assert answer.status == 303
    assert headers["cache-control"] == "no-store"
    return headers["location"], tuple(shop.file.iterdump()) != before


UNVERIFIED = (f"{RETURN_TO}&state=unverified", False)
NASTY = [
    "", "next=//evil.example", "return_to=javascript:alert(1)", "state=paid&payment_id=pay_1",
    "orderCode=", "orderCode=x", "orderCode=-1", "orderCode=1e3", "orderCode=%D9%A1",
    "orderCode=" + "9" * 400, "orderCode=1&orderCode=2", "orderCode=1%zz", "orderCode=%ff",
    "status=PAID&code=00&cancel=false", "checksum=", "checksum=%C3%A9", "&" * 5_000, "a=1&" * 201,
    "=", "%00=%00", "%zz", "status=1&checksum=" + "0" * 64, "x" * 60_000,
]  # fmt: skip


@EACH
@pytest.mark.parametrize("query", NASTY, ids=lambda query: query[:40] or "nothing")
def test_forged(shop, sender, query):
    asked = shop.outside.asked
    assert come_back(shop, sender, query) == UNVERIFIED
    assert shop.outside.asked == asked


@pytest.mark.parametrize(
    "change",
    [
        {"checksum": ""}, {"checksum": "0" * 64}, {"checksum": "é" * 64}, {"appid": "2554"},
        {"bankcode": "a|b"}, {"apptransid": "x"}, {"amount": "1e5"}, {"amount": "-1"},
        {"amount": "١٥٠"}, {"status": "01"}, {"status": "paid"}, {"status": ""},
    ],
    ids=str,
)  # fmt: skip
def test_a_return_of_zalopay_that_is_not_quite_one(shop, change):
    number = shop.number()
    shop.create(ZALOPAY, number)
    assert come_back(shop, ZALOPAY, back(ZALOPAY.reference(number), **change)) == UNVERIFIED


def test_a_genuine_return_shows_our_state_and_settles_nothing(shop):
    number = shop.number()
    payment = shop.create(ZALOPAY, number)
    query = back(ZALOPAY.reference(number))
    for state in ("pending", "paid"):
        if state == "paid":
            shop.expect(ZALOPAY, ZALOPAY.notice(number), "one")
        location = f"{RETURN_TO}&state={state}&payment_id={payment}"
        assert come_back(shop, ZALOPAY, query) == (location, False)
    for twice in (f"{query}&status=1", f"{query}&%73tatus=1", f"{query}&checksum=0"):
        assert come_back(shop, ZALOPAY, twice) == UNVERIFIED
    # What the shop's own address brought along does no harm.
    assert come_back(shop, ZALOPAY, f"next=//evil.example&{query}") == (location, False)


def test_a_return_of_payos_asks_payos(shop):
    number = shop.number()
    payment = shop.create(PAYOS, number)
    reference = PAYOS.reference(number)
    asked, events = shop.outside.asked, shop.rows()[1]
    forged = f"orderCode={reference}&status=PAID&code=00&cancel=false&id=x"
    location = f"{RETURN_TO}&state=pending&payment_id={payment}"
    assert come_back(shop, PAYOS, forged)[0] == location
    # What payOS answered is on record, nothing that the browser said.
    assert shop.outside.asked > asked
    assert (shop.state(payment), shop.rows()[1]) == (("pending", None), events)
    assert come_back(shop, PAYOS, forged) == (location, False)


def test_a_return_of_adyen_asks_adyen(shop):
    number = shop.number()
    payment = shop.create(ADYEN, number)
    reference, asked = ADYEN.reference(number), shop.outside.asked
    # Whatever else the browser says, what Adyen makes of the result counts, and it settles nothing.
    for result in ("Authorised", "Pending"):
        query = urlencode({"redirectResult": f"{reference}|{result}", "merchantReference": "x"})
        location, changed = come_back(shop, ADYEN, query)
        assert location == f"{RETURN_TO}&state=pending&payment_id={payment}"
        assert not changed
    assert shop.outside.asked == asked + 2
    # A result of another payment leads to that one, and an invented one to none.
    other = shop.number()
    theirs = shop.create(ADYEN, other)
    stolen = urlencode({"redirectResult": f"{ADYEN.reference(other)}|Authorised"})
    assert come_back(shop, ADYEN, stolen)[0].endswith(f"payment_id={theirs}")
    assert come_back(shop, ADYEN, "redirectResult=invented") == UNVERIFIED
    assert [shop.state(one)[0] for one in (payment, theirs)] == ["requires_action"] * 2


@EACH
@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "OPTIONS"])
def test_only_get(shop, sender, method):
    answer, headers = shop.request(method, sender.key, Call(b""), to="returns/{}")
    assert (answer.status, headers["allow"]) == (405, "GET")
