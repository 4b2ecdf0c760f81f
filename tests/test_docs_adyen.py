"""The tables of Adyen's page say what the code says."""

import json
from datetime import UTC, datetime

import pytest

from paykit import Adyen, Delivery, MovementKind
from paykit.flow import run
from paykit.providers.adyen import amounts, api, codes, notices, requests
from paykit.providers.adyen.webhooks import SIGNATURE_HEADER

from .support.adyen import KEY, signed
from .support.markdown import DOCS, code, section, table

PAGE = DOCS / "providers" / "adyen.md"
TEXT = " ".join(PAGE.read_text("utf-8").split())
SHOPS = {
    mode: Adyen.from_dict(
        {"merchant_account": "A", "api_key": "k", "hmac_key": KEY, "capture_mode": mode},
        clock=lambda: datetime(2026, 1, 2, tzinfo=UTC),
    )
    for mode in ("manual", "automatic")
}


@pytest.mark.parametrize(
    ("columns", "known"),
    [
        (("result", "status", "Adyen says"), codes.RESULTS),
        (("session", "status", "Adyen says"), codes.SESSIONS),
        (("code", "reason", "Adyen says"), codes.REFUSALS),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_words(columns, known):
    shown = {code(row[0])[0]: code(row[1])[0] for row in table(PAGE, *columns)}
    assert shown == {name: str(value) for name, value in known.items()}


def told(shop, event_code, success):
    item = {
        "pspReference": "MODIFICATION",
        "originalReference": "PAYMENT",
        "merchantAccountCode": "A",
        "merchantReference": "R",
        "amount": {"currency": "EUR", "value": 1},
        "eventCode": event_code,
        "success": success,
    }
    body = {"live": "false", "notificationItems": [{"NotificationRequestItem": signed(item)}]}
    return shop.parse(run(shop.verify(Delivery.post_json(json.dumps(body))), lambda _: None))


def test_events():
    rows = table(PAGE, "event code", "success", "`manual`", "`automatic`", "movement")
    shown = {(code(row[0])[0], code(row[1])[0]): row[2:] for row in rows}
    assert {event_code for event_code, _ in shown} == codes.EVENTS.keys()
    for event_code in codes.EVENTS:
        for success in ("true", "false"):
            row = shown.get((event_code, success), ["no event", "no event", ""])
            movements = set()
            for shop, cell in zip(SHOPS.values(), row, strict=False):
                events = told(shop, event_code, success)
                assert [str(event.status) for event in events] == code(cell), event_code
                assert code(cell) or cell == "no event"
                movements |= {event.movement for event in events}
            kinds = {str(moved.kind) for moved in movements if moved}
            assert kinds == {kind for kind in MovementKind if kind in row[2]}
            undone = {moved.undone for moved in movements if moved}
            assert undone <= {"undone" in row[2]}


def test_codes_that_are_no_news():
    listed = section(PAGE, "Events").partition("no event: ")[2].partition(" and the rest")[0]
    for event_code in code(listed):
        assert event_code not in codes.EVENTS
        assert told(SHOPS["manual"], event_code, "true") == ()


def test_what_an_event_is_about():
    text = section(PAGE, "Events").partition("the item's own for ")[2].partition(", else its")[0]
    assert set(code(text)) == codes.OF_THE_PAYMENT


def test_money():
    text = section(PAGE, "Money")
    assert f"[{len(amounts.CURRENCIES)} currencies]" in TEXT
    without, _, rest = text.partition("No decimals: ")[2].partition("Three: ")
    three = rest.partition("Two: ")[0]
    for places, cells in ((0, without), (3, three)):
        assert set(code(cells)) == {c for c, n in amounts.DECIMALS.items() if n == places}


def test_words_in_the_text():
    assert f"at most {api.LONGEST_KEY} characters" in TEXT
    assert f"errorCode `{codes.IN_PROGRESS}`" in TEXT
    for number, kind in codes.ERRORS.items():
        assert f"`{number}`" in TEXT
        assert kind.__name__ in TEXT
    assert f"`{SIGNATURE_HEADER}` over the raw" in TEXT
    for kind in codes.TOKEN_CREATED:
        assert f"`{kind}`" in TEXT
    hours = requests.LONGEST_SESSION.total_seconds() / 3600
    assert f"{hours:.0f} hours at most" in TEXT
    assert all(f"`{model}`" in TEXT or f'"{model}"' in TEXT for model in requests.MODELS)
    for name in ("captureDelayHours", "shopperInteraction", "splits"):
        assert f"`{name}`" in TEXT
        assert name in requests.RESERVED


def test_the_signed_text_is_the_one_of_the_code():
    names = "pspReference:originalReference:merchantAccountCode:merchantReference:value:currency"
    shown = f"{names}:eventCode:success"
    assert shown in TEXT
    item = notices.Item("psp", "orig", "acct", "ref", 1, "EUR", "CODE", True)
    assert item.signed_text == b"psp:orig:acct:ref:1:EUR:CODE:true"
