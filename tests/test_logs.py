"""Structured logs: what a line looks like, what is masked in it, and how a flood is held back."""

import io
import json
import logging
import math
import time
from datetime import UTC, datetime, timedelta

import pytest

from paykit import MoMo, ZaloPay
from paykit.logs import JsonFormatter, RedactingFilter, Throttle, redact

from .support.watched import Watched

CARD = "4111 1111 1111 1111"
SECRETS = ("NOT-A-REAL-SECRET", "correct horse")
CREATED = datetime(2026, 3, 1, 9, 0, 0, 250_000, tzinfo=UTC)


def record(message="it happened", *arguments, level=logging.WARNING, error=None, **extra):
    """A record as a logger makes it."""
    info = (type(error), error, error.__traceback__) if error else None
    made = logging.getLogger("paykit.service").makeRecord(
        "paykit.service", level, "file.py", 1, message, arguments, info, extra=extra
    )
    made.created = CREATED.timestamp()
    return made


def line(made, **settings):
    """What the formatter writes, read as JSON."""
    text = JsonFormatter(**settings).format(made)
    assert "\n" not in text
    return json.loads(text)


# One line.


def test_a_line_has_its_time_its_place_and_its_fields():
    made = record("refused a delivery for %s", "momo", provider="momo", attempts=3, ids=("a", "b"))
    assert line(made) == {
        "time": "2026-03-01T09:00:00.250000+00:00",
        "level": "WARNING",
        "logger": "paykit.service",
        "message": "refused a delivery for momo",
        "provider": "momo",
        "attempts": 3,
        "ids": ["a", "b"],
    }


def test_an_exception_has_its_type_and_its_traceback():
    with pytest.raises(LookupError) as caught:
        raise LookupError(f"no card {CARD}")
    told = line(record(error=caught.value))
    assert told["exception"] == "builtins.LookupError"
    first, *_, last = told["traceback"].split("\n")
    assert (first, last) == (
        "Traceback (most recent call last):",
        "LookupError: no card [redacted]",
    )
    assert "test_logs.py" in told["traceback"]


def test_the_stack_of_a_call_is_kept():
    made = record()
    made.stack_info = "Stack (most recent call last):\n  password=hunter22"
    assert line(made)["stack"] == "Stack (most recent call last):\n  password=[redacted]"


def test_no_field_replaces_what_every_line_has():
    made = record()
    made.level = made.time = "mine"
    assert (line(made)["level"], line(made)["time"][:4]) == ("WARNING", "2026")


class Broken:
    def __str__(self):
        raise RuntimeError("cannot be shown")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (math.inf, "inf"),
        (timedelta(seconds=1), "0:00:01"),
        ({"a": {"b": [1, "x"]}}, {"a": {"b": [1, "x"]}}),
        ({1: 2}, {"1": 2}),
        ("lone \udc80", "lone \udc80"),
        ("Đơn hàng", "Đơn hàng"),
        (Broken(), "(a Broken that cannot be shown)"),
    ],
)
def test_whatever_a_field_is_the_line_is_json(value, shown):
    assert line(record(field=value))["field"] == shown


def test_a_value_that_holds_itself_ends_somewhere():
    loop = []
    loop.append(loop)
    assert line(record(field=loop))["field"] == [[[[[[["[[...]]"]]]]]]]


def test_a_line_can_be_written_to_a_file_whatever_is_in_it():
    JsonFormatter().format(record("%s", "lone \udc80")).encode()


def test_arguments_that_do_not_fit_cost_no_line():
    assert line(record("%d events", "no number"))["message"] == (
        "%d events (its arguments do not fit)"
    )


def test_inside_a_span_a_line_names_it():
    watched = Watched()
    with watched.tracer.start_as_current_span("checkout"):
        told = line(record())
    (span,) = watched.raw_spans()
    assert (told["trace_id"], told["span_id"]) == (
        f"{span.context.trace_id:032x}",
        f"{span.context.span_id:016x}",
    )
    assert "trace_id" not in line(record())


# What is masked.

MASKED = [
    (f"paid with {CARD} today", "paid with [redacted] today"),
    ("cards 4111111111111111 and 5555-5555-5555-4444.", "cards [redacted] and [redacted]."),
    ("１ ４１１１１１１１１１１１１１１１", "１ [redacted]"),
    ("Authorization: Bearer abc.def-1", "Authorization: [redacted]"),
    ("{'Authorization': 'Basic dXNlcjpwYXNz', 'x': 1}", "{'Authorization': '[redacted]', 'x': 1}"),
    ("Authorization: Apikey ABC\nHost: shop", "Authorization: [redacted]\nHost: shop"),
    ("sent Bearer abcdef123456", "sent Bearer [redacted]"),
    ("password=hunter22&x=1", "password=[redacted]&x=1"),
    ('{"api_key": "xyz abc", "b": 2}', '{"api_key": "[redacted]", "b": 2}'),
    ("client_secret='s p a c e' other", "client_secret='[redacted]' other"),
    ("X-Api-Key: abc123", "X-Api-Key: [redacted]"),
    ("secure-token: A1B2", "secure-token: [redacted]"),
    ("key sk_test_51H8abcdefghijk", "key [redacted]"),
    ("key whsec_abcdefghijklmn", "key [redacted]"),
    ("key AQEyhmfxK4vJaBZAw0m/n3Q5qf3VaY9UCJ14XWZE03G", "key [redacted]"),
    ("A21AAFEpH4PsADK7qSS7pSRsgzfENtu-Q1ysgEDVDESseMHBYXVJYE8ovjj68", "[redacted]"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln", "[redacted]"),
    ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----.", "[redacted]."),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "[redacted]"),
    ("redis://:p@ss@cache:6379/0", "redis://:[redacted]@cache:6379/0"),
    ("postgresql+psycopg://shop:pw@db/pay", "postgresql+psycopg://shop:[redacted]@db/pay"),
]


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_what_looks_like_a_secret_is_masked(text, masked):
    assert redact(text) == masked
    assert redact(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Basic credentials are wrong",
        "token: names no payment and brings no token",
        "momo: the signature in signature is wrong",
        "vnp_SecureHash: is missing",
        "order 2026030100001234 of 2026-03-01 09:00:00",
        "3f786850e387550fdab836ed7e6dc881de23001b3f786850e387550fdab836ed",
        "pay_019caf2b0c7f4111111111111111aaaa",
        "https://shop.example:8080/pay?next=a@b",
    ],
)
def test_words_stay(text):
    assert redact(text) == text


def test_secrets_that_are_known_are_masked_wherever_they_stand():
    text = "xNOT-A-REAL-SECRETx, NOT-A-REAL-SECRET-EITHER, short"
    known = ("NOT-A-REAL-SECRET", "NOT-A-REAL-SECRET-EITHER", "short")
    assert redact(text, secrets=known) == "x[redacted]x, [redacted], short"


def test_a_configuration_gives_its_secrets():
    momo = {
        "partner_code": "MOMOSHOP",
        "access_key": "ACCESS",
        "secret_key": "SECRET-1",
        "notify_url": "https://shop.example/pay/webhooks/momo",
    }
    assert "SECRET-1" in MoMo.Config(**momo).secrets()
    assert "MOMOSHOP" not in MoMo.Config(**momo).secrets()
    zalopay = ZaloPay.Config(
        app_id=2553, key1="FIRST", key2="SECOND", previous_key2s=("OLD",),
        notify_url="https://shop.example/pay/webhooks/zalopay",
    )  # fmt: skip
    assert zalopay.secrets() == {"FIRST", "SECOND", "OLD"}


@pytest.mark.untraced
@pytest.mark.parametrize(
    "evil",
    [
        "secret" * 20_000,
        "eyJ-" * 30_000,
        "://a:" * 30_000,
        "bearer " * 20_000,
        "token: " + "a" * 100_000,
        "token:" * 20_000,
        "1 " * 60_000,
        "411111111111111 " * 8_000,
        "-----BEGIN PRIVATE KEY-----" * 5_000,
        'password="' * 10_000,
    ],
    ids=lambda text: text[:12],
)
def test_nobody_can_choose_a_text_that_takes_for_ever(evil):
    began = time.process_time()
    redact(evil)
    assert time.process_time() - began < 3


def test_the_formatter_masks_in_messages_fields_and_names():
    made = record(
        "%s and %s",
        CARD,
        "NOT-A-REAL-SECRET",
        number=4111111111111111,
        nested={"token": 1, "a": CARD},
    )
    made.password = "x"
    told = line(made, secrets=SECRETS)
    assert (told["message"], told["number"], told["nested"], told["password"]) == (
        "[redacted] and [redacted]",
        "[redacted]",
        {"token": "[redacted]", "a": "[redacted]"},
        "[redacted]",
    )


def test_the_filter_masks_for_any_formatter():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter(secrets=SECRETS))
    handler.setFormatter(logging.Formatter("%(message)s|%(card)s|%(when)s"))
    with pytest.raises(LookupError) as caught:
        raise LookupError("the correct horse")
    made = record("with %s", CARD, error=caught.value, card=CARD, when=CREATED)
    made.stack_info = "password=hunter22"
    handler.handle(made)
    first, *traceback, stack = stream.getvalue().removesuffix("\n").split("\n")
    assert first == f"with [redacted]|[redacted]|{CREATED}"
    assert (traceback[-1], stack) == ("LookupError: the [redacted]", "password=[redacted]")
    assert made.when is CREATED  # what has nothing to hide stays what it is


def test_the_filter_costs_no_line():
    made = record("%d events", "no number", odd=Broken())
    assert RedactingFilter().filter(made)
    assert made.getMessage() == "%d events (its arguments do not fit)"


def test_everything_standard_is_known():
    """A new release of Python may give records more attributes, which are nobody's extra fields."""
    made = logging.LogRecord("x", logging.INFO, "f", 1, "m", (), None)
    logging.Formatter("%(asctime)s %(message)s").format(made)
    assert set(line(made)) == {"time", "level", "logger", "message"}


# A flood.


class Clock:
    def __init__(self):
        self.now = CREATED

    def __call__(self):
        return self.now


def test_of_a_flood_the_first_lines_are_let_through():
    clock = Clock()
    throttle = Throttle(clock, lines=2, span=timedelta(seconds=10))
    assert [throttle.allows("a") for _ in range(4)] == [True, True, False, False]
    assert throttle.allows("b")
    clock.now += timedelta(seconds=9)
    assert throttle.left_out() == []
    clock.now += timedelta(seconds=1)
    assert throttle.left_out() == [("a", 2)]
    assert [throttle.allows("a") for _ in range(3)] == [True, True, False]
    assert throttle.left_out(at_once=True) == [("a", 1)]
    assert throttle.left_out(at_once=True) == []


def test_a_clock_that_is_set_back_silences_nobody():
    clock = Clock()
    throttle = Throttle(clock, lines=1)
    assert [throttle.allows("a"), throttle.allows("a")] == [True, False]
    clock.now -= timedelta(days=1)
    assert throttle.left_out() == [("a", 1)]
    assert throttle.allows("a")
