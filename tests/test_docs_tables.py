"""The tables and lists of the documentation say what the code says."""

import json
from datetime import UTC, datetime, timedelta

import attrs
import jsonschema
import pytest

from paykit import (
    CaptureMode,
    Discrepancy,
    Money,
    Outcome,
    PaykitError,
    PaymentProcessed,
    PaymentStatus,
    Provider,
    errors,
    events,
    registry,
)
from paykit.http import HttpResponse
from paykit.provider import Capability
from paykit.providers import casso as casso_module
from paykit.providers import momo as momo_module
from paykit.providers import payos as payos_module
from paykit.providers import sepay as sepay_module
from paykit.providers import sepaypg as sepaypg_module
from paykit.providers import vnpay as vnpay_module
from paykit.providers.momo import codes as momo_codes
from paykit.providers.vnpay import codes as vnpay_codes
from paykit.sandbox.bank.config import OWN_ACCOUNT
from paykit.service import (
    AsyncPaymentService,
    CommandState,
    PaymentService,
    RelaySettings,
    Report,
    database,
    relay,
)
from paykit.service.answers import CAPTURE_FAILED
from paykit.service.state import (
    FINAL,
    FOLLOWS,
    VOID_FAILED,
    PaymentRecord,
    by_movements,
)
from paykit.service.tally import add_up
from paykit.status import StatusKey, Subject
from paykit.testing import deliveries
from paykit.testing.conformance.data import CaseFolder
from paykit.webhooks import MountOptions, receiver

from .service.shop import momo, request, vnpay
from .support.markdown import DOCS, ROOT, blocks, code, section, table

SERVICE = DOCS / "service.md"
WEBHOOKS = DOCS / "webhooks.md"
STATUS = DOCS / "status.md"
EVENTS = DOCS / "events.md"
PROVIDERS = {name: registry.load(name) for name in registry.names()}
#: Those whose replies are no plain statuses have a table of their own form.
OWN_REPLIES = {"vnpay", "momo"}


def page(provider: str):
    return DOCS / "providers" / f"{provider}.md"


def named(value: object) -> list[str]:
    return [] if value is None else [str(value)]


# Statuses.


def test_statuses_and_what_follows_them():
    rows = table(SERVICE, "status", "final", "may become")
    assert {code(status)[0]: (final, code(after)) for status, final, after in rows} == {
        status.value: ("yes" if status in FINAL else "no", sorted(FOLLOWS[status]))
        for status in PaymentStatus
    }


HOLD = PaymentRecord(
    payment_id="pay_1",
    order_id="ORDER-1",
    provider="stripe",
    account="default",
    reference="ORDER-1-1",
    amount=Money(150_000, "VND"),
    status=PaymentStatus.AUTHORIZED,
    capture=CaptureMode.MANUAL,
    captured=Money(0, "VND"),
    refunded=Money(0, "VND"),
    received=Money(0, "VND"),
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
    updated_at=datetime(2026, 3, 1, tzinfo=UTC),
)


def test_statuses_by_totals():
    rows = table(SERVICE, "captured", "given back", "status", "discrepancy")
    assert len(rows) > 5
    for captured, refunded, status, discrepancy in rows:
        totals = Money(int(captured), "VND"), Money(int(refunded), "VND")
        says = by_movements(HOLD, *totals, add_up([], "VND"))
        assert says == (
            next(iter(code(status)), None),
            next(iter(code(discrepancy)), None),
        )


def test_reasons_of_the_service():
    rows = table(SERVICE, "reason", "what happened")
    assert [code(row[0])[0] for row in rows] == [CAPTURE_FAILED, "refund_failed", VOID_FAILED]


def test_discrepancies():
    rows = table(SERVICE, "discrepancy", "what is wrong")
    assert [code(name)[0] for name, _ in rows] == [item.value for item in Discrepancy]


def test_methods_of_the_service():
    rows = table(SERVICE, "method", "what it does")
    shown = {code(name)[0].partition("(")[0] for name, _ in rows}
    for face in (PaymentService, AsyncPaymentService):
        methods = {name for name in vars(face) if not name.startswith("_")}
        assert shown == methods


def test_fields_of_a_report():
    rows = table(DOCS / "reconcile.md", "field", "what it holds")
    assert [code(row[0])[0] for row in rows] == [field.name for field in attrs.fields(Report)]


def test_states_of_a_command():
    rows = table(SERVICE, "state", "what is known")
    assert [code(row[0])[0] for row in rows] == [state.value for state in CommandState]


def test_journal_modes():
    newest, older = (3, 51, 3), (3, 51, 2)
    shown = [[code(cell)[0] for cell in row[1:]] for row in table(SERVICE, "SQLite version")]
    assert shown == [
        [database.journal_mode(version, single_process=promise) for promise in (False, True)]
        for version in (newest, older)
    ]


def test_numbers_of_the_service():
    text = " ".join(SERVICE.read_text().split())
    pauses = [relay.pause(attempts).total_seconds() for attempts in (0, 1, 2)]
    assert "after {:.0f} second, then {:.0f}, then {:.0f}".format(*pauses) in text
    assert relay.pause(100).total_seconds() == 5 * 60
    assert "up to 5 minutes" in text
    assert f"have {RelaySettings().lease.total_seconds():.0f} seconds" in text
    assert f"up to {database.MAX_GROUP} jobs" in text
    assert f"waits for {database._LOCK_SECONDS} seconds" in text


# Endpoints.


def test_replies_of_all_providers():
    rows = table(WEBHOOKS, "outcome", "what happened", "VNPay: `RspCode`, `Message`")
    expected = []
    for outcome in Outcome:
        answer = json.loads(vnpay().reply(outcome).body)
        expected.append([outcome.value, [*answer.values()], str(momo().reply(outcome).status)])
    assert [[code(row[0])[0], code(row[2]), row[3]] for row in rows] == expected


def test_states_of_a_return():
    rows = table(WEBHOOKS, "`state`", "the record's status")
    shown = {code(state)[0]: code(statuses) for state, statuses in rows}
    assert shown.pop("unverified") == []
    made: dict[str, list[str]] = {}
    for status in sorted(PaymentStatus):
        reply = receiver.return_reply("/t", verified=True, payment_id=None, status=status)
        made.setdefault(dict(reply.headers)["location"].partition("state=")[2], []).append(status)
    assert shown == made


def test_the_status_that_a_page_polls(tmp_path):
    (example,) = (block for block in blocks(STATUS) if block.language == "json")
    shown = json.loads(example.code)
    with PaymentService([vnpay()], database=f"sqlite:///{tmp_path}/p.db") as service:
        session = service.create(request(), provider="vnpay")
        view = service.statuses.read(StatusKey(Subject.PAYMENT, session.payment_id))
    shown["payment_id"] = session.payment_id
    shown["amount"]["text"] = Money(150_000, "VND").format()  # with its no-break space
    shown["next_action"]["url"] = session.next.url
    assert json.loads(view.body) == shown


def test_options_of_a_mount():
    rows = table(WEBHOOKS, "option", "default", "meaning")
    told = {code(row[0])[0]: code(row[1])[:1] or [row[1]] for row in rows}
    defaults = {}
    for field in attrs.fields(MountOptions):
        plain = isinstance(field.default, int | float) and not isinstance(field.default, bool)
        defaults[field.name] = ["" if field.default is None else str(field.default)]
        assert plain or field.default in {None, True}
    assert told == defaults


def test_limits():
    text = section(WEBHOOKS, "Limits")
    assert f"longer than {receiver.BODY_SECONDS:.0f} seconds" in text
    assert receiver.MAX_BODY == 1024 * 1024
    assert "larger than 1 MiB" in text


# Events.


def test_fields_of_the_event():
    rows = table(EVENTS, "field", "type", "what it says")
    schema = events.json_schema()["properties"]
    assert [code(row[0])[0] for row in rows] == [
        field.name for field in attrs.fields(PaymentProcessed)
    ]
    assert [row[1].endswith("or null") for row in rows] == [
        "anyOf" in schema[code(row[0])[0]] for row in rows
    ]


def test_the_json_example_is_an_event():
    (example,) = (block for block in blocks(EVENTS) if block.language == "json")
    shown = json.loads(example.code)
    assert PaymentProcessed.from_json(shown).to_json() == shown
    jsonschema.validate(shown, events.json_schema())


def test_the_schema_is_the_one_of_the_code():
    kept = (DOCS / "schemas" / "payment-processed.v1.json").read_text()
    made = json.dumps(events.json_schema(), indent=2, ensure_ascii=False) + "\n"
    assert kept == made


def test_attributes_of_the_cloudevent():
    (example,) = (block for block in blocks(EVENTS) if block.language == "json")
    event = PaymentProcessed.from_json(json.loads(example.code))
    rows = table(EVENTS, "attribute", "value")
    assert [code(row[0])[0] for row in rows] == list(event.to_cloudevent(source="//shop"))


def test_the_kafka_example_is_shown_as_it_is():
    example = (ROOT / "examples" / "publish_to_kafka.py").read_text()
    assert example in [block.code for block in blocks(EVENTS)]


# Errors.


def all_errors():
    found = [PaykitError]
    for kind in found:
        found.extend(kind.__subclasses__())
    return [kind for kind in found if kind.__module__ == errors.__name__]


def test_every_error_is_explained():
    rows = table(DOCS / "errors.md", "error", "sent", "repeatable", "fault", "what to do")
    words = {True: "yes", False: "no", None: "perhaps"}
    assert {code(row[0])[0]: row[1:4] for row in rows} == {
        kind.__name__: [words[kind.sent], words[kind.repeatable], kind.fault]
        for kind in all_errors()
        if kind is not PaykitError
    }


def test_the_tree_of_errors_is_the_tree_of_classes():
    def draw(kind, indent=""):
        children = [child for child in order if child in kind.__subclasses__()]
        for child in children:
            last = child is children[-1]
            yield f"{indent}{'└' if last else '├'}── {child.__name__}"
            yield from draw(child, indent + ("    " if last else "│   "))

    order = [value for value in vars(errors).values() if isinstance(value, type)]
    (tree,) = (block.code for block in blocks(DOCS / "errors.md") if block.language == "text")
    assert tree.split("\n")[:-1] == ["PaykitError", *draw(PaykitError)]


# Providers.


@pytest.mark.parametrize("name", PROVIDERS)
def test_configuration(name):
    config = PROVIDERS[name].Config
    rows = table(page(name), "field", "environment variable", "needed", "what it is")
    assert {code(row[0])[0]: (code(row[1]), row[2]) for row in rows} == {
        field: (
            [] if field == "account" else [config.variable(field)],
            "yes" if definition.is_required() else "no",
        )
        for field, definition in config.model_fields.items()
    }


@pytest.mark.parametrize("name", PROVIDERS)
def test_operations(name):
    rows = table(page(name), "operation", "here", "what to know")
    assert [(code(row[0])[0], row[1]) for row in rows] == [
        (item.value, "yes" if item in PROVIDERS[name].capabilities else "no") for item in Capability
    ]


@pytest.mark.parametrize(
    "name", [n for n in PROVIDERS if "verify" in PROVIDERS[n].capabilities and n not in OWN_REPLIES]
)
def test_acknowledgements(name):
    rows = table(page(name), "outcome", "status", "body", "then the provider")
    folder = CaseFolder.read(ROOT / "tests" / "providers" / name)
    provider = PROVIDERS[name].from_dict(folder.config)
    replies = {outcome: provider.reply(outcome) for outcome in Outcome}
    assert [[code(row[0])[0], row[1], code(row[2])] for row in rows] == [
        [outcome.value, str(reply.status), [reply.body.decode()] if reply.body else []]
        for outcome, reply in replies.items()
    ]


def test_acknowledgements_of_vnpay():
    rows = table(page("vnpay"), "outcome", "`RspCode`", "`Message`", "then VNPay")
    assert [[code(cell)[0] for cell in row[:3]] for row in rows] == [
        [outcome.value, *json.loads(vnpay().reply(outcome).body).values()] for outcome in Outcome
    ]


def test_acknowledgements_of_momo():
    rows = table(page("momo"), "outcome", "status", "then MoMo")
    assert [[code(row[0])[0], row[1]] for row in rows] == [
        [outcome.value, str(momo().reply(outcome).status)] for outcome in Outcome
    ]


def test_response_codes_of_vnpay():
    rows = table(page("vnpay"), "code", "status", "reason", "VNPay says")
    assert {code(row[0])[0]: [code(row[1]), code(row[2])] for row in rows} == {
        number: [[status.value], named(reason)]
        for number, (status, reason) in vnpay_module.RESPONSE_CODES.items()
    }


def test_transaction_statuses_of_vnpay():
    rows = table(page("vnpay"), "code", "a payment is", "a refund is", "VNPay says")
    refunds = vnpay_module.REFUND_STATUSES
    assert {code(row[0])[0]: [code(row[1]), code(row[2])] for row in rows} == {
        number: [[status.value], named(refunds.get(number))]
        for number, status in vnpay_module.TRANSACTION_STATUSES.items()
    }


def answers(provider: Provider, flow, number: str) -> str:
    """What a flow makes of a VNPay answer with this code."""
    next(flow)
    body = json.dumps({"vnp_ResponseCode": number}).encode()
    try:
        flow.send(HttpResponse(200, body=body))
    except StopIteration as done:
        return f"status `{done.value.status}`"
    except errors.Declined as error:
        return f"`Declined`, `{error.reason}`"
    except errors.OutcomeUnknown:
        return "read the transaction status"  # which this answer has not
    except errors.MalformedResponse:
        return "read the transaction status"
    except PaykitError as error:
        return f"`{type(error).__name__}`"
    raise AssertionError(flow)


def test_answers_to_query_and_refund_of_vnpay():
    from datetime import UTC, datetime

    from paykit import PaymentRef, RefundRequest

    rows = table(page("vnpay"), "code", "`fetch_payment`, `fetch_refund`", "`refund`")
    ref = PaymentRef(
        reference="A", amount=Money(1, "VND"), created_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    known = {"00", "08", "98", "99", *vnpay_codes.REFUSALS, *vnpay_codes.REFUND_REFUSALS}
    assert [code(row[0])[0] for row in rows] == sorted(known)
    for row in rows:
        (number,) = code(row[0])
        provider = vnpay()
        asked = RefundRequest(payment=ref, reference="R")
        assert [
            answers(provider, provider.fetch_payment(ref), number),
            answers(provider, provider.refund(asked), number),
        ] == row[1:3]


def test_result_codes_of_momo():
    rows = table(page("momo"), "code", "status", "reason", "MoMo says")
    assert {int(code(row[0])[0]): [code(row[1]), code(row[2])] for row in rows} == {
        number: [[status.value], named(reason)]
        for number, (status, reason) in momo_module.RESULT_CODES.items()
    }


def test_refusals_of_momo():
    rows = table(page("momo"), "code", "raises", "MoMo says")
    assert {int(code(row[0])[0]): code(row[1])[0] for row in rows} == {
        number: kind.__name__ for number, kind in momo_codes.REFUSALS.items()
    }


def test_refund_codes_of_momo():
    rows = table(page("momo"), "code", "the refund is", "MoMo says")
    assert {int(code(row[0])[0]): code(row[1]) for row in rows} == {
        number: [status.value] for number, status in momo_module.REFUND_CODES.items()
    }
    text = page("momo").read_text()
    for number, reason in momo_codes.REFUND_REFUSALS.items():
        assert f"{number} (`{reason}`)" in text


def test_order_statuses_of_sepaypg():
    rows = table(page("sepaypg"), "`order_status`", "an approved payment of all of it", "status")
    assert {(code(row[0])[0], row[1] == "yes"): code(row[2]) for row in rows} == {
        told: [status.value] for told, status in sepaypg_module.STATES.items()
    }


def test_numbers_of_sepay_and_casso():
    text = " ".join(page("casso").read_text().split())
    days = casso_module.LONGEST_TOLERANCE.days
    assert f"a day by default, {days} days at most" in text
    assert casso_module.CassoConfig.model_fields["tolerance"].default == timedelta(days=1)
    assert f"below {casso_module.SHORTEST_TOKEN} characters" in text
    assert casso_module.AHEAD == sepay_module.TOLERANCE == timedelta(minutes=5)
    assert "five minutes in the future" in text
    assert f"{sepay_module.MOST:,} transfers at most" in page("sepay").read_text()


def test_methods_of_momo():
    text = section(page("momo"), "Operations")
    assert all(f"`{method}`" in text for method in momo_module.METHODS)


def test_states_of_payos():
    rows = table(page("payos"), "code", "status", "payOS says")
    assert {code(row[0])[0]: code(row[1]) for row in rows} == {
        name: [status.value] for name, status in payos_module.STATUSES.items()
    }


def test_refusals_of_payos():
    rows = table(page("payos"), "code", "raises", "payOS says")
    assert {code(row[0])[0]: code(row[1]) for row in rows} == {
        name: [kind.__name__] for name, kind in payos_module.REFUSALS.items()
    }


def test_limits_of_payos():
    text = " ".join(section(page("payos"), "Operations").split())
    assert f"{payos_module.MAX_DESCRIPTION} characters at most" in text
    assert payos_module.order_code("9007199254740991")
    assert "A number from 1 to 9007199254740991" in text


def test_keys_that_momo_publishes():
    from paykit.sandbox.config import PUBLISHED_MOMO_MERCHANTS

    rows = table(page("momo"), "`partnerCode`", "`accessKey`", "`secretKey`")
    assert [[code(cell)[0] for cell in row] for row in rows] == [
        [one.partner_code, one.access_key, one.secret_key] for one in PUBLISHED_MOMO_MERCHANTS
    ]


# Testing.


def test_signed_deliveries_are_listed():
    rows = table(DOCS / "testing.md", "function", "what the provider says")
    assert sorted([*(code(row[0])[0] for row in rows), "webhook"]) == deliveries.__all__


def test_faults_are_listed():
    from paykit.sandbox.faults import Faults

    rows = table(DOCS / "testing.md", "switch", "what happens")
    shown = [code(row[0])[0] for row in rows]
    assert sorted(shown) == sorted(field.name for field in attrs.fields(Faults))


def test_test_cards_are_listed():
    from paykit.sandbox.cards.numbers import COMMON_CARDS
    from paykit.sandbox.stripe.cards import STRIPE_CARDS

    for title, cards in (("card", COMMON_CARDS), ("card at Stripe", STRIPE_CARDS)):
        rows = table(DOCS / "testing.md", title, "what happens")
        assert [(code(row[0])[0], row[1]) for row in rows] == [
            (one.grouped, one.says) for one in cards
        ]


def test_settings_of_the_sandbox():
    from paykit.sandbox import SandboxConfig

    rows = table(DOCS / "testing.md", "provider", "settings")
    shown = {row[0]: row[1] for row in rows}
    config = SandboxConfig()
    for title, values in {
        "VNPay": (config.vnpay.tmn_code, config.vnpay.hash_secret),
        "PayPal": (
            config.paypal.client_id,
            config.paypal.client_secret,
            config.paypal.webhook_id,
        ),
        "Stripe": (config.stripe.secret_key, config.stripe.webhook_secrets[0]),
        "Adyen": (
            config.adyen.merchant_account,
            config.adyen.api_key,
            config.adyen.hmac_key,
        ),
        "Checkout.com": (
            config.checkoutcom.secret_key,
            config.checkoutcom.signature_key,
            config.checkoutcom.webhook_authorization,
            config.checkoutcom.processing_channel_id,
        ),
        "payOS": (config.payos.client_id, config.payos.api_key, config.payos.checksum_key),
        "SePay's gateway": (
            config.sepaypg.merchant_id,
            config.sepaypg.secret_key,
            config.sepaypg.ipn_secret,
        ),
        "SePay": (
            config.sepay.account.bin,
            config.sepay.account.number,
            config.sepay.webhook_secret,
        ),
        "Casso": (
            config.casso.account.bin,
            config.casso.account.number,
            config.casso.webhook_key,
            config.casso.api_key,
        ),
        "VietQR": (OWN_ACCOUNT.bin, OWN_ACCOUNT.number),
    }.items():
        for value in values:
            assert f'"{value}"' in shown[title], (title, value)
    assert len(shown) == len(PROVIDERS)
