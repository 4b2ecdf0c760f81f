"""The application as a whole: its list, its admin addresses, its configuration."""

from __future__ import annotations

import ast
import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import paykit.sandbox
from paykit.errors import ConfigurationError
from paykit.http import HttpResponse
from paykit.sandbox import MoMoConfig, MoMoMerchant, SandboxConfig, create_app
from paykit.sandbox.edge import UnreadableError, read_body, with_query

from . import momo_client as momo
from . import vnpay_client as vnpay
from . import zalopay_client as zalo

HTML = {"accept": "text/html,*/*"}


def test_the_list_shows_payments_and_notices_of_all(world):
    empty = world.client.get("/").text
    assert "No payment yet." in empty
    assert "No notice yet." in empty
    vnpay.choose(world)
    vnpay.call(world, vnpay.refund_body())
    world.clock.forward(seconds=1)
    momo.create(world)
    zalo.click(world, zalo.create(world), "back")
    zalo.bind(world)
    page = world.client.get("/").text
    for text in (
        "ORDER-1",
        "full refund",
        "150.000\N{NO-BREAK SPACE}₫",
        "ord-1",
        "RspCode 00",
        "2/-49 TRANS_INFO_NOT_FOUND",
        "agreement waiting for the payer",
    ):
        assert text in page
    assert page.index("ord-1") < page.index("ORDER-1")


def test_payments_as_json(world):
    momo.paid(world, "fail")
    world.clock.forward(seconds=1)
    vnpay.open_page(world)
    assert world.payments() == [
        {
            "provider": "vnpay",
            "reference": "ORDER-1",
            "amount": 150_000,
            "refunded": 0,
            "currency": "VND",
            "status": "waiting for the payer",
            "created_at": "2025-01-02T03:04:06.678000+00:00",
            "page": "http://127.0.0.1:8100/vnpay/paymentv2/Transaction/PaymentMethod.html?token=id2",
        },
        {
            "provider": "momo",
            "reference": "ord-1",
            "amount": 50_000,
            "refunded": 0,
            "currency": "VND",
            "status": "1001 Insufficient balance.",
            "created_at": "2025-01-02T03:04:05.678000+00:00",
            "page": None,
        },
    ]


def test_orders_and_agreements_of_zalopay_as_json(world):
    order = zalo.create(world)
    agreement = zalo.bind(world)
    found = [(one["reference"], one["status"], one["page"]) for one in world.payments()]
    assert found == [
        ("250102_ord-1", "3 waiting for the payer", order["order_url"]),
        ("250102_bind-1", "agreement waiting for the payer", agreement["binding_qr_link"]),
    ]
    assert [one["amount"] for one in world.payments()] == [50_000, 0]
    zalo.click(world, order)
    zalo.decide(world, agreement, "refuse")
    found = [(one["status"], one["page"]) for one in world.payments()]
    assert found == [("1 paid", None), ("agreement refused", None)]


def test_a_notice_is_sent_again_by_hand(world):
    world.faults(drop_next_ipn=1)
    vnpay.choose(world)
    assert world.merchant.received == []
    answer = world.client.post("/_sandbox/deliveries/1/resend").json()
    assert (answer["state"], len(answer["attempts"])) == ("delivered", 1)
    response = world.client.post("/_sandbox/deliveries/1/resend", headers=HTML)
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert len(world.merchant.received) == 2
    assert world.client.post("/_sandbox/deliveries/9/resend").status_code == 404


def test_faults_are_shown_and_changed(world):
    changed = world.client.post("/_sandbox/faults", json={"drop_next_ipn": 2, "delay_ipn": 0.5})
    expected = {
        "drop_next_ipn": 2,
        "duplicate_next_ipn": 0,
        "reorder_next_ipn": 0,
        "delay_ipn": 0.5,
        "fail_next_refund": 0,
        "fail_next_capture": 0,
        "delay_capture": 0,
    }
    assert changed.json() == expected == world.client.get("/_sandbox/faults").json()


@pytest.mark.parametrize("body", [b"{", b'{"drop_next_ipn":"x"}', b'{"unknown":1}'])
def test_a_wrong_fault_is_refused(world, body):
    response = world.client.post("/_sandbox/faults", content=body)
    assert response.status_code == 400
    assert response.json()["error"]


def test_a_duplicated_notice_arrives_twice(world):
    world.faults(duplicate_next_ipn=1)
    momo.paid(world)
    first, second = momo.ipns(world)
    assert first == second


def test_only_so_many_payments_are_remembered(make_world):
    world = make_world(keep=2)
    for number in range(3):
        vnpay.open_page(world, vnp_TxnRef=f"ORDER-{number}")
    assert [one["reference"] for one in world.payments()] == ["ORDER-1", "ORDER-2"]
    assert vnpay.call(world, vnpay.query_body(vnp_TxnRef="ORDER-0"))["vnp_ResponseCode"] == "91"


def test_a_sandbox_under_a_path_links_to_itself(make_world):
    world = make_world(public_url="https://dev.example/sandbox/")
    page = world.client.get(vnpay.pay_url()).text
    assert 'href="/sandbox/static/sandbox.css"' in page
    assert 'action="/sandbox/vnpay/paymentv2/Transaction/Confirm.html"' in page
    assert momo.create(world)["payUrl"].startswith("https://dev.example/sandbox/momo/")
    order = zalo.create(world)
    assert order["order_url"].startswith("https://dev.example/sandbox/zalopay/openinapp?order=")
    page = world.client.get(order["order_url"].removeprefix("https://dev.example/sandbox")).text
    assert 'action="/sandbox/zalopay/openinapp/confirm"' in page
    assert f'href="{order["order_url"]}&amp;lang=en"' in page


def test_the_stylesheet_is_served(world):
    response = world.client.get("/static/sandbox.css")
    assert (response.status_code, response.headers["content-type"].split(";")[0]) == (
        200,
        "text/css",
    )


def test_by_default_it_sends_over_http_and_cleans_up():
    async def scenario() -> None:
        app = create_app()
        async with app.router.lifespan_context(app):
            assert app.state.config.public_url == "http://127.0.0.1:8100"

    asyncio.run(scenario())


def test_the_default_clock_and_ids():
    config = SandboxConfig()
    assert abs((datetime.now(UTC) - config.clock()).total_seconds()) < 60
    assert len({config.new_id() for _ in range(3)}) == 3


def test_no_secret_shows():
    text = repr(SandboxConfig())
    config = SandboxConfig()
    secrets = [config.vnpay.hash_secret, config.paypal.client_secret, "PRIVATE KEY"]
    secrets += [key for one in config.momo.merchants for key in (one.access_key, one.secret_key)]
    secrets += [key for one in config.zalopay.merchants for key in (one.key1, one.key2)]
    assert [secret for secret in secrets if secret in text] == []


def test_the_public_key_belongs_to_the_private_one_of_the_process():
    assert MoMoConfig().rsa_public_key_pem == MoMoConfig().rsa_public_key_pem
    assert "BEGIN PUBLIC KEY" in MoMoConfig().rsa_public_key_pem


def elliptic_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_wrong_configuration_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="32 bytes"):
        MoMoMerchant(partner_code="P", access_key="a", secret_key="short")
    with pytest.raises(ConfigurationError, match="not a readable private key"):
        MoMoConfig(rsa_private_key_pem="nonsense")
    with pytest.raises(ConfigurationError, match="not an RSA key"):
        MoMoConfig(rsa_private_key_pem=elliptic_key())


def test_a_caller_who_goes_away_is_no_crash():
    from starlette.requests import Request

    async def receive() -> dict:
        return {"type": "http.disconnect"}

    async def scenario() -> None:
        request = Request({"type": "http", "method": "POST", "headers": []}, receive)
        with pytest.raises(UnreadableError, match="went away"):
            await read_body(request, 10)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example", "https://a.example?x=1"),
        ("https://a.example/?y=2", "https://a.example/?y=2&x=1"),
        ("app://done#top", "app://done?x=1#top"),
    ],
)
def test_a_query_goes_between_the_own_one_and_the_fragment(url, expected):
    assert with_query(url, "x=1") == expected


def test_it_shares_no_signing_with_the_adapters():
    allowed = {
        "paykit.errors",
        "paykit.http",
        "paykit.money",
        "paykit.transport",
        "paykit.vietqr.payload",  # how a code is written, which nothing signs
    }
    package = Path(paykit.sandbox.__file__).parent
    found = set()
    for file in package.rglob("*.py"):
        here = ("paykit", "sandbox", *file.relative_to(package).parent.parts)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                above = here[: len(here) - node.level + 1] if node.level else ()
                found.add(".".join([*above, node.module or ""]))
            elif isinstance(node, ast.Import):
                found.update(one.name for one in node.names)
    ours = {name for name in found if name.startswith("paykit.")}
    assert {name for name in ours if not name.startswith("paykit.sandbox")} == allowed


def test_a_long_answer_is_cut_in_the_record(world):
    world.merchant.answers = [HttpResponse(200, (), b"x" * 1000)]
    vnpay.choose(world)
    [delivery] = world.deliveries()
    assert [len(one["body"]) for one in delivery["attempts"]] == [300, 44]
