"""The tables of Checkout.com's page say what the code says."""

import pytest

from paykit.providers.checkoutcom import amounts, codes, forms, requests

from .support.markdown import DOCS, code, section, table

PAGE = DOCS / "providers" / "checkoutcom.md"


def words(*columns):
    return {code(row[0])[0]: code(row[1])[0] for row in table(PAGE, *columns)}


@pytest.mark.parametrize(
    ("columns", "known"),
    [
        (("payment", "status", "Checkout.com says"), codes.STATUSES),
        (("hosted page", "status", "Checkout.com says"), codes.PAGE_STATUSES),
        (("response code", "reason", "Checkout.com says"), codes.DECLINES),
        (("error code", "reason"), codes.TOKEN_ERRORS),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_words(columns, known):
    assert words(*columns) == {name: str(value) for name, value in known.items()}


def test_events():
    shown = {
        code(kind)[0]: (code(status)[0], reason, movement)
        for kind, status, reason, movement in table(
            PAGE, "event type", "status", "reason", "movement"
        )
    }
    assert shown == {
        name: (str(meaning.status), _reason(meaning), _movement(meaning))
        for name, meaning in codes.EVENTS.items()
    }


def test_authentications():
    text = " ".join(section(PAGE, "Events").split())
    assert "`authentication_failed` and `authentication_expired` tell of the 3-D Secure" in text
    assert {"authentication_failed", "authentication_expired"} == codes.AUTHENTICATIONS


def _reason(meaning):
    if meaning.declines:
        return "by the response code"
    return f"`{meaning.reason}`" if meaning.reason else ""


def _movement(meaning):
    if meaning.moves is None:
        return ""
    return f"`{meaning.moves}`" + (", undone" if meaning.undone else "")


def test_what_extra_takes():
    assert {code(row[0])[0] for row in table(PAGE, "`extra`", "what it does")} == requests.EXTRA


def test_amounts():
    text = section(PAGE, "Amounts")
    listed = {
        "No decimals": amounts.WHOLE,
        "Three decimals": amounts.THOUSANDTHS,
        "Two decimals that must be 00": amounts.HUNDREDFOLD,
    }
    for start, currencies in listed.items():
        item = text.partition(f"* {start}")[2].partition("\n* ")[0]
        assert set(code(item)) == currencies
    assert f"{amounts.LARGEST:,}".replace(",", " ") in text


def test_limits():
    text = " ".join(section(PAGE, "Operations").split())
    assert forms.REFERENCE.endswith("{1,50}")
    assert "`reference`: 50 characters at most" in text
    assert f"`description`: {forms.MAX_DESCRIPTION} characters at most" in text
    assert f"{forms.MAX_PAGE_URL} characters for the hosted page" in text
    assert "longer than 100 characters" in " ".join(PAGE.read_text().split())
    assert len(forms.to_key("k" * 100)) == 100
    assert len(forms.to_key("k" * 101)) == 64
