"""``paykit reconcile`` asks real (sandbox) providers, with accounts from the environment."""

import json
import re
import signal
from datetime import timedelta

import httpx
import pytest

from paykit import MoMo, Money, PaymentRequest
from paykit.demo.server import listen
from paykit.provider import utc_now
from paykit.sandbox import SandboxConfig, create_app
from paykit.service import PaymentService

from ..support.apps import serving
from ..support.servers import unused_port
from .running import run, running, stop

PRICE = Money(150_000, "VND")
VIETQR = {"PAYKIT_VIETQR_BANK": "ACB", "PAYKIT_VIETQR_ACCOUNT_NUMBER": "19036666888"}


def momo(base_url, **changes):
    """MoMo's account as variables of the environment."""
    published = SandboxConfig().momo.merchants[0]
    settings = {
        "partner_code": published.partner_code,
        "access_key": published.access_key,
        "secret_key": published.secret_key,
        "notify_url": f"http://127.0.0.1:{unused_port()}/momo",  # the webhook is lost
        "base_url": base_url,
        **changes,
    }
    return {f"PAYKIT_MOMO_{name.upper()}": value for name, value in settings.items()}


@pytest.fixture
def sandbox():
    at = listen("127.0.0.1", 0)
    with serving(create_app(SandboxConfig(public_url=at.url)), at):
        yield at.url


def old_service(database, *providers, age=timedelta(hours=1)):
    """A service whose clock is an hour late, so that what it makes is due now."""
    return PaymentService(providers, database=database, clock=lambda: utc_now() - age)


def pay(session):
    page = httpx.get(session.next.url, follow_redirects=True)
    token = re.search(r'name="token" value="([^"]+)"', page.text)[1]
    action = re.search(r'action="([^"]+)"', page.text)[1]
    httpx.post(page.url.join(action), data={"token": token, "outcome": "pay"})


def sums(**changes):
    names = "asked published changed ended given_up unanswered put_off elsewhere".split()
    return ", ".join(f"{name.replace('_', ' ')} {changes.get(name, 0)}" for name in names) + "\n"


def create(service):
    request = PaymentRequest(
        reference="ORDER-1", amount=PRICE, return_url="https://shop.example/back"
    )
    return service.create(request, provider="momo")


@pytest.fixture
def paid(database, sandbox):
    """A payment at MoMo that was paid, and whose webhook was lost; its account."""
    account = momo(f"{sandbox}/momo")
    with old_service(database, MoMo.from_env(environ=account)) as service:
        session = create(service)
        pay(session)
        assert service.status(session.payment_id).status == "requires_action"
    return session.payment_id, account


@pytest.mark.parametrize("database_kind", ["sqlite", "postgres-psycopg", "mariadb"])
def test_a_lost_webhook_is_made_up_for(database, paid):
    payment_id, account = paid
    ended = run("reconcile", "--database", database, **account)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        sums(asked=1, published=1, changed=1) + f"{payment_id}: requires_action is now succeeded\n"
    )
    again = run("reconcile", "--database", database, **account)
    assert (again.code, again.out) == (0, sums())
    week = run("reconcile", "--paid-within", "7d", "--database", database, **account)
    assert (week.code, week.out) == (0, sums(asked=1))


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_the_report_as_json(database, paid):
    payment_id, account = paid
    ended = run("reconcile", "--json", "--limit", "1", "--database", database, **account)
    assert json.loads(ended.out) == {
        "asked": 1,
        "published": 1,
        "limited": 0,
        "elsewhere": 0,
        "changes": [
            {
                "payment_id": payment_id,
                "order_id": "ORDER-1",
                "before": "requires_action",
                "after": "succeeded",
            }
        ],
        "commands": [],
        "given_up": [],
        "failures": [],
    }


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_provider_that_does_not_answer_is_in_the_report(database, paid):
    payment_id, account = paid
    away = {**account, "PAYKIT_MOMO_BASE_URL": f"http://127.0.0.1:{unused_port()}"}
    ended = run("reconcile", "--database", database, **away)
    first, second = ended.out.splitlines()
    assert (ended.code, f"{first}\n") == (0, sums(asked=1, unanswered=1))
    assert second.startswith(f"{payment_id}: unanswered: NotSent: ")


@pytest.mark.parametrize("database_kind", ["sqlite", "postgres-asyncpg"])
def test_what_is_given_up_is_listed(database, sandbox):
    none = run("payments", "given-up", "--database", database)
    assert (none.code, none.out) == (0, "There are none.\n")
    account = momo(f"{sandbox}/momo")
    provider = MoMo.from_env(environ=account)
    with old_service(database, provider, age=provider.info.asking.gives_up_after) as service:
        payment_id = create(service).payment_id  # nobody pays it
    ended = run("reconcile", "--database", database, **account)
    why = "the provider still says pending"
    assert ended.out == (
        sums(asked=1, changed=1, given_up=1)
        + f"{payment_id}: requires_action is now pending\n{payment_id}: given up: {why}\n"
    )
    listed = run("payments", "given-up", "--database", database)
    head, line = listed.out.splitlines()
    assert (listed.code, head.split()) == (
        0,
        ["payment", "account", "reference", "what", "status", "amount", "since", "asked", "note"],
    )
    assert line.split()[:7] == [
        payment_id, "momo", "ORDER-1", "payment", "pending", "150000", "VND",
    ]  # fmt: skip
    assert line.endswith(f"  1      {why}")
    (told,) = run("payments", "given-up", "--json", "--database", database).out.splitlines()
    told = json.loads(told)
    assert (told["checks"], told["note"], told["command"]) == (1, why, None)
    assert told["record"]["amount"] == {"minor": 150_000, "currency": "VND"}
    assert told["record"]["status"] == "pending"
    assert told["since"].endswith("Z")


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_it_goes_on_until_a_signal(database, paid):
    payment_id, account = paid
    command = ["reconcile", "--every", "1s", "--database", database]
    with running(*command, **account) as process:
        assert process.stdout.readline() == sums(asked=1, published=1, changed=1)
        assert process.stdout.readline() == f"{payment_id}: requires_action is now succeeded\n"
        assert process.stdout.readline() == sums()
        ended = stop(process, signal.SIGTERM)
    assert (ended.code, ended.err) == (0, "")
    assert set(ended.out.splitlines(keepends=True)) <= {sums()}


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {},
            "no provider account is configured: set PAYKIT_ACCOUNTS, or the variables of a provider",
        ),
        (
            {"PAYKIT_VIETQR_BANK": "ACB"},
            "vietqr: set the environment variable PAYKIT_VIETQR_ACCOUNT_NUMBER",
        ),
        (
            {**VIETQR, "PAYKIT_ACCOUNTS": "vietqr, nobody"},
            (
                "PAYKIT_ACCOUNTS names the accounts by their keys, such as momo,momo-eu; "
                "'nobody' is none"
            ),
        ),
    ],
    ids=["none", "half of one", "an unknown one"],
)
def test_accounts_that_are_not_configured(database, environ, said):
    ended = run("reconcile", "--database", database, **environ)
    assert (ended.code, ended.out, ended.err) == (1, "", f"Error: {said}\n")


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("option", ["--every", "--paid-within"])
@pytest.mark.parametrize("value", ["0s", "-1d", "1.5h", "soon", "٣d"])
def test_durations_are_plain(database, option, value):
    ended = run("reconcile", option, value, "--database", database, **VIETQR)
    assert (ended.code, ended.out) == (2, "")
    assert f"{value!r} is not a duration such as 90s, 15m, 12h, 30d" in ended.err
