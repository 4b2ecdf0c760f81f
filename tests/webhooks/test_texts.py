"""What a notice is written in: JSON that nobody may accept, and amounts in every form."""

import json

import pytest

from .senders import SENDERS, dumps
from .shops import PRICE

#: How a text is read is no matter of the mount.
pytestmark = pytest.mark.parametrize("shop", ["asgi"], indirect=True, scope="module")
EACH = pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.key)
#: What becomes of the payment, where anything does.
STORED = {"one": "succeeded", "review": "needs_review"}


def first_name(text):
    return dumps(next(iter(json.loads(text))))


def one_more(field):
    """The text with one more field at its end."""
    return lambda text: f"{text[:-1]},{field}}}"


#: A notice whose text is ruined before it is signed.
TEXTS = {
    "a key twice": lambda text: one_more(f"{first_name(text)}:1")(text),
    "a key twice, the same": lambda text: one_more(
        f"{first_name(text)}:{dumps(json.loads(text)[json.loads(first_name(text))])}"
    )(text),
    "a key twice, escaped": lambda text: one_more(
        f'"\\u{ord(first_name(text)[1]):04x}{first_name(text)[2:]}:1'
    )(text),
    "a key twice inside": one_more('"x":{"a":1,"a":2}'),
    "NaN": one_more('"x":NaN'),
    "Infinity": one_more('"x":Infinity'),
    "-Infinity": one_more('"x":-Infinity'),
    "beyond a double": one_more('"x":1e400'),
    "below a double": one_more('"x":1e-400'),
    "an exponent of 21 digits": one_more('"x":1e999999999999999999999'),
    "nothing with such an exponent": one_more('"x":0e999999999999999999999'),
    "5,000 digits": one_more(f'"x":{"9" * 5_000}'),
    "20,000 lists": one_more(f'"x":{"[" * 20_000}{"]" * 20_000}'),
    "8,000 objects": one_more('"x":' + '{"a":' * 4_000 + "1" + "}" * 4_000),
    "101 lists": one_more(f'"x":{"[" * 101}{"]" * 101}'),
    "a lone surrogate": one_more(r'"x":"\ud800"'),
    "a lone surrogate as a name": one_more(r'"\udfff":1'),
    "a NUL": one_more(r'"x":"a\u0000b"'),
    "a raw NUL": one_more('"x":"a\0b"'),
    "a raw line break": one_more('"x":"a\nb"'),
    "a comma too many": one_more(""),
    "cut": lambda text: text[:-1],
    "two": lambda text: text + text,
    "single quotes": lambda text: text.replace('"', "'"),
    "a comment": lambda text: text + "/**/",
}


@EACH
@pytest.mark.parametrize("ruin", TEXTS.values(), ids=TEXTS)
def test_a_text_that_is_no_strict_json(shop, sender, ruin):
    number = shop.number()
    text = dumps(sender.fields(sender.reference(number), PRICE, number))
    shop.expect(sender, sender.say(ruin(text)), "unreadable")


#: An amount as it is spelt in JSON, and what it does where it is not simply refused.
WHOLE = {"adyen", "zalopay", "sepay", "sepay-key", "casso", "casso-v1", "checkoutcom"}
AMOUNTS = {
    "150000.0": {},
    "150000.5": {},
    "15e4": {},
    "1.5E+5": {},
    '"150000"': {"sepaypg": "one"},
    '"150000.00"': {"sepaypg": "one"},
    '"150000.0"': {},
    '"150000.01"': {},
    '"149999"': {"sepaypg": "review"},
    '" 150000 "': {},
    '"150000\\n"': {},
    '"+150000"': {},
    '"-150000"': {},
    '"150_000"': {},
    '"150.000"': {},
    '"150,000.00"': {},
    '"15e4"': {},
    '"0x249f0"': {},
    '"١٥٠٠٠٠"': {},
    '"\uff11\uff15\uff10\uff10\uff10\uff10"': {},
    '"9007199254740993"': {},
    "true": {},
    "null": {},
    "[]": {},
    "[150000]": {},
    "{}": {},
    '""': {},
    "0": {**dict.fromkeys(["adyen", "zalopay", "stripe"], "review"), "checkoutcom": "orphan"},
    "-0": {**dict.fromkeys(["adyen", "zalopay", "stripe"], "review"), "checkoutcom": "orphan"},
    '"0"': {"sepaypg": "review"},
    "-1": {"casso": "noop", "casso-v1": "noop"},
    "-150000": {"casso": "noop", "casso-v1": "noop"},
    # Exact, or not at all.
    str(2**53 - 1): dict.fromkeys([*WHOLE, "payos", "stripe"], "review"),
    str(2**53 + 1): {"adyen": "review", "zalopay": "review"},
    str(2**63 - 1): {"adyen": "review", "zalopay": "review"},
    str(2**63): {},
    str(-(2**63)): {},
    "9" * 19: {},
    "9" * 400: {},
}


@EACH
@pytest.mark.parametrize(("amount", "outcomes"), AMOUNTS.items(), ids=lambda value: str(value)[:30])
def test_amounts_in_every_form(shop, sender, amount, outcomes):
    number, outcome = shop.number(), outcomes.get(sender.key, "unreadable")
    payment = shop.create(sender, number) if outcome in STORED else None
    fields = sender.fields(sender.reference(number), PRICE, number)
    changes = dict.fromkeys(sender.amounts, "@")
    text = dumps(sender.changed(fields, changes)).replace('"@"', amount)
    shop.expect(sender, sender.say(text), outcome)
    if payment is not None:
        assert shop.state(payment)[0] == STORED[outcome]
    if outcome == "review":
        told = shop.last_event()["amount"]
        assert told == {"minor": int(amount.strip('"')), "currency": "VND"}
