"""The tables of PayPal's page say what the code says."""

import pytest

from paykit import Money, PayPal
from paykit.providers.paypal import amounts, certificates, codes, config, requests
from paykit.wire import Environment

from .support.markdown import DOCS, code, section, table

PAGE = DOCS / "providers" / "paypal.md"


def words(*columns):
    return {code(row[0])[0]: code(row[1])[0] for row in table(PAGE, *columns)}


@pytest.mark.parametrize(
    ("columns", "known"),
    [
        (("order", "status", "PayPal says"), codes.ORDER_STATUSES),
        (("hold", "status", "PayPal says"), codes.AUTHORIZATION_STATUSES),
        (("capture", "status", "PayPal says"), codes.CAPTURE_STATUSES),
        (("refund", "the refund is", "PayPal says"), codes.REFUND_STATUSES),
        (("why", "reason", "PayPal says"), codes.REASONS),
        (("issue", "reason"), codes.PAYER_ISSUES),
        (("issue", "reason of the refusal"), codes.DECLINES),
        (("event type", "what is asked about"), codes.EVENTS),
        (
            ("issue or name", "raises"),
            {name: kind.__name__ for name, kind in codes.REFUSALS.items()},
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_words(columns, known):
    assert words(*columns) == {name: str(value) for name, value in known.items()}


def test_conflicts():
    text = section(PAGE, "Errors").partition("After these")[2].partition("These raise")[0]
    assert set(code(text)) == codes.CONFLICTS


def test_what_extra_takes():
    rows = table(PAGE, "`extra`", "what it does")
    assert {code(row[0])[0] for row in rows} == requests.EXTRA
    for name, choices in requests.CHOICES.items():
        (row,) = (row for row in rows if code(row[0]) == [name])
        assert choices == set(code(row[1]))
    assert f"{requests.UNIT_TEXTS['soft_descriptor']} characters" in str(rows)


def test_currencies():
    text = section(PAGE, "Operations").partition("* `amount`: in ")[2]
    listed, _, rest = text.partition("no decimals")
    listed, _, whole = listed.partition(". ")
    assert set(code(listed)) == amounts.CURRENCIES == PayPal.info.currencies
    assert set(code(whole)) == amounts.WHOLE
    assert code(rest)[0] == repr(Money(1050, "HUF")).replace("minor=", "").replace(
        "currency=", ""
    ).replace("'", '"')


def test_how_webhooks_are_proven():
    text = " ".join(section(PAGE, "How webhooks are proven").split())
    for host in certificates._HOSTS[Environment.PRODUCTION]:
        assert f"`{host}`" in text
    assert f"`{certificates._NAMES[Environment.PRODUCTION]}`" in text
    assert f"`{certificates._PATH}`" in text
    assert config.WEBHOOK_TOLERANCE.total_seconds() == (3 * 24 + 6) * 3600
    assert "at most three days and six hours" in text
    assert "`P3DT6H`" in PAGE.read_text()
