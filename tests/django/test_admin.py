"""The admin pages: what they show, that nothing changes, and what they ask the database."""

import re
import shutil
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape
from sqlalchemy import make_url

from paykit.django import service
from tests.service.shop import request

from . import configuring
from .shopping import colleague, fill, migrated, pay

KINDS = ["sqlite", "postgres-psycopg", "mariadb"]
everywhere = pytest.mark.parametrize("database_kind", KINDS)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A file with all tables, for it takes a while to make them."""
    path = tmp_path_factory.mktemp("template") / "site.db"
    configuring.use(f"sqlite:///{path}")
    migrated()
    configuring.leave()
    return path


@pytest.fixture
def site(any_database, database_kind, template):
    configuring.use(any_database)
    if database_kind == "sqlite":
        shutil.copy(template, make_url(any_database).database)
        user = get_user_model().objects.get()
    else:
        user = migrated()
    yield user
    configuring.leave()


@pytest.fixture
def keeper(site):
    client = Client()
    client.force_login(site)
    return client


@pytest.fixture
def database_kind():
    return "sqlite"


@pytest.fixture
def shop(site):
    return fill(service())


def page(client, name, *args, **query):
    answer = client.get(reverse(f"admin:paykit_{name}", args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def shown(html):
    """The rows of a list, as texts."""
    body = re.search(r"<tbody>(.*?)</tbody>", html, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL) if body else []
    return [
        [
            re.sub(r"<[^>]*>", "", cell).strip()
            for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
        ]
        for row in rows
    ]


@everywhere
def test_payments(keeper, shop):
    rows = shown(page(keeper, "payment_changelist"))
    money = "150.000\N{NO-BREAK SPACE}₫"
    assert [[*row[:4], row[5]] for row in rows] == [
        [
            "&lt;b&gt;TEA&lt;/b&gt; &amp; co", "2.500.000\N{NO-BREAK SPACE}₫", "requires action",
            "vnpay", shop["waiting"],
        ],
        ["TEA-1003", money, "needs review: underpaid", "vnpay", shop["review"]],
        ["TEA-1002", money, "failed", "vnpay", shop["failed"]],
        ["TEA-1001", money, "succeeded", "vnpay", shop["paid"]],
    ]  # fmt: skip


@everywhere
def test_a_payment_and_what_happened_to_it(keeper, shop):
    html = page(keeper, "payment_change", shop["review"])
    assert "needs review: underpaid" in html
    happened = [row[1:] for row in shown(html)]
    assert happened == [
        ["The provider answered requires action", "accepted"],
        ["A webhook said succeeded", "mismatch"],
        ["Event 1 tells needs review", "waits"],
    ]
    for secret in ("vnp_SecureHash", "vpcpay"):  # where the payer is sent
        assert secret not in html


def found(client, shop, **query):
    """The names of the payments that a list shows."""
    names = {payment_id: name for name, payment_id in shop.items()}
    return [names[row[5]] for row in shown(page(client, "payment_changelist", **query))]


@everywhere
def test_what_is_looked_for_is_looked_up_whole(keeper, shop):
    looked_for = {
        shop["paid"]: ["paid"],
        "TEA-1001": ["paid"],
        "  TEA-1002 ": ["failed"],
        "1001": ["paid"],  # the provider's own id
        "<b>TEA</b> & co": ["waiting"],
        "TEA": [],
        "'; DROP TABLE paykit_payments; --": [],
        " ": ["waiting", "review", "failed", "paid"],
    }
    assert {term: found(keeper, shop, q=term) for term in looked_for} == looked_for


@everywhere
def test_filters(keeper, shop):
    everything = ["waiting", "review", "failed", "paid"]
    filters = [
        ({"status": "failed"}, ["failed"]),
        ({"attention": "discrepancy"}, ["review"]),
        ({"attention": "given_up_at"}, []),
        ({"account": "vnpay", "status": "succeeded"}, ["paid"]),
        ({"account": "momo"}, []),
        ({"account": "nobody"}, []),
        ({"created_at__gte": "2020-01-01 00:00:00+00:00"}, everything),
        ({"created_at__lt": "2020-01-01 00:00:00+00:00"}, []),
    ]
    assert [(query, found(keeper, shop, **query)) for query, _ in filters] == filters


@everywhere
def test_the_inbox(keeper, shop):
    rows = shown(page(keeper, "fact_changelist", payment="nobody"))
    assert [row[1:5] for row in rows] == [["vnpay", "webhook", "unknown_reference", "-"]]
    ours = shown(page(keeper, "fact_changelist", payment="ours"))
    assert {row[4] for row in ours} == set(shop.values())
    for term in (shop["paid"], "NOBODYS-1", rows[0][5]):
        assert shown(page(keeper, "fact_changelist", q=term)), term
    assert shown(page(keeper, "fact_changelist", q="NOTHING")) == []
    html = page(keeper, "fact_change", f"vnpay|default|{rows[0][5]}")
    assert ["status", "succeeded"] in shown(html)
    nothing = keeper.get(reverse("admin:paykit_fact_change", args=["momo|default|x"]))
    assert nothing.status_code == 302  # Django says so on the first page


@everywhere
def test_links_of_the_inbox_lead_to_its_pages(keeper, shop):
    html = page(keeper, "fact_changelist")
    links = re.findall(r'<th class="field[^>]*><a href="([^"]+)"', html)
    assert len(links) == 8
    assert {keeper.get(link.replace("&amp;", "&")).status_code for link in links} == {200}


@everywhere
def test_the_outbox(keeper, shop):
    rows = shown(page(keeper, "outboxevent_changelist", state="waiting"))
    assert [row[1:4] for row in rows] == [
        ["waits", "1", shop["review"]],
        ["waits", "1", shop["failed"]],
        ["waits", "1", shop["paid"]],
    ]
    assert shown(page(keeper, "outboxevent_changelist", state="dead")) == []
    assert len(shown(page(keeper, "outboxevent_changelist", q=shop["paid"]))) == 1
    html = page(keeper, "outboxevent_change", rows[0][4])
    assert escape('"status": "needs_review"') in html
    service().subscribe(lambda event: None, background=False)
    while service().relay():
        pass
    assert len(shown(page(keeper, "outboxevent_changelist", state="published"))) == 3


def test_nothing_can_be_changed(keeper, shop):
    for model, key in (
        ("payment", shop["paid"]),
        ("fact", "vnpay|default|x"),
        ("outboxevent", "x"),
    ):
        assert keeper.get(reverse(f"admin:paykit_{model}_add")).status_code == 403
        for name in ("change", "delete"):
            url = reverse(f"admin:paykit_{model}_{name}", args=[key])
            assert keeper.post(url, {"status": "succeeded"}).status_code in {302, 403}
    html = page(keeper, "payment_change", shop["paid"])
    assert not re.search(r'type="submit" value="Save|name="_save"|deletelink', html)
    action = {"action": "delete_selected", "_selected_action": [shop["paid"]]}
    keeper.post(reverse("admin:paykit_payment_changelist"), action)
    assert service().status(shop["paid"]).status == "succeeded"


def test_only_who_may_look_sees_them(site, shop):
    client = Client()
    url = reverse("admin:paykit_payment_changelist")
    assert client.get(url).status_code == 302
    client.force_login(colleague("payment"))
    assert client.get(url).status_code == 200
    assert client.get(reverse("admin:paykit_fact_changelist")).status_code == 403
    assert client.get(reverse("admin:paykit_outboxevent_changelist")).status_code == 403


def test_a_long_list_takes_as_few_questions_as_a_short_one(keeper, shop):
    def questions(name):
        with CaptureQueriesContext(connection) as asked:
            page(keeper, name)
        return [one["sql"] for one in asked.captured_queries if "paykit_" in one["sql"]]

    lists = ("payment_changelist", "fact_changelist", "outboxevent_changelist")
    before = {name: len(questions(name)) for name in lists}
    assert before == dict.fromkeys(lists, 2)
    for number in range(30):
        pay(service(), f"MANY-{number}")
    assert {name: len(questions(name)) for name in lists} == before


def test_no_list_reads_a_whole_table(keeper, shop):
    """Neither to count nor to sort."""
    for name in ("payment_changelist", "fact_changelist", "outboxevent_changelist"):
        with CaptureQueriesContext(connection) as asked:
            page(keeper, name)
        count, rows = [one["sql"] for one in asked.captured_queries if "paykit_" in one["sql"]]
        assert "LIMIT 10000" in count
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {rows}")
            plan = [line[3] for line in cursor.fetchall()]
        assert " USING INDEX " in plan[0], (name, plan)


def test_who_turns_pages_comes_to_an_end(keeper, monkeypatch):
    monkeypatch.setattr("paykit.django.looking._COUNTED", 60)
    for number in range(70):
        service().create(request(f"MANY-{number}"), provider="vnpay")
    assert "60 payments" in page(keeper, "payment_changelist")
    assert len(shown(page(keeper, "payment_changelist", p=2))) == 10


@everywhere
@pytest.mark.parametrize("use_tz", [True, False])
def test_times_are_those_of_the_site(keeper, shop, use_tz):
    record = service().status(shop["paid"])
    local = record.created_at.astimezone(ZoneInfo("Asia/Ho_Chi_Minh"))
    connection.close()
    with override_settings(USE_TZ=use_tz):
        rows = shown(page(keeper, "payment_changelist", q="TEA-1001"))
        today = shown(
            page(
                keeper,
                "payment_changelist",
                created_at__gte=f"{local:%Y-%m-%d} 00:00:00" + ("+07:00" if use_tz else ""),
            )
        )
        html = page(keeper, "payment_change", shop["paid"])
    hour = f"{local:%I:%M}".lstrip("0").replace(":00", "")
    assert hour in rows[0][4]
    assert len(today) == 4
    assert f"{local:%Y-%m-%d %H:%M:}" in html
    connection.close()
