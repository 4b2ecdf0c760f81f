"""Cko-Idempotency-Key: a good answer is given again for a day, and only one call runs at a time."""

from __future__ import annotations

import json

import anyio

from .checkoutcom_client import ORDER, SECRET, codes, common, pay, post, read, send, token


def test_the_same_key_pays_once(world):
    source = {"type": "token", "token": token(world)["token"]}
    first = send(world, "POST", "/payments", {**ORDER, "source": source}, key="key-1")
    again = send(world, "POST", "/payments", {**ORDER, "source": source}, key="key-1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["cko-request-id"] != first.headers["cko-request-id"]
    assert len(world.payments()) == len(world.merchant.received) == 1


def test_the_first_answer_is_given_whatever_became_of_the_payment(world):
    source = {"type": "token", "token": token(world)["token"]}
    first = pay(world, source=source, key="key-1")
    post(world, f"/payments/{first['id']}/voids")
    assert pay(world, source=source, key="key-1") == first
    # What is asked for the second time is not looked at.
    assert pay(world, source=source, key="key-1", amount=1) == first


def test_a_decline_is_a_good_answer(world):
    first = pay(world, common("02"), key="key-1")
    assert pay(world, key="key-1") == first


def test_a_refusal_is_not_kept(world):
    unknown = {"type": "token", "token": "tok_unknown"}
    assert codes(pay(world, source=unknown, key="key-1", status=422)) == ["token_invalid"]
    assert pay(world, key="key-1")["status"] == "Authorized"


def test_a_key_is_forgotten_after_a_day(world):
    payment = pay(world)
    path, part = f"/payments/{payment['id']}/captures", {"amount": 1000, "capture_type": "NonFinal"}
    first = post(world, path, part, key="key-1")
    world.clock.forward(hours=23, minutes=59)
    assert post(world, path, part, key="key-1") == first
    world.clock.forward(minutes=1)
    assert post(world, path, part, key="key-1") != first
    assert read(world, payment)["balances"]["total_captured"] == 2000


def test_a_key_belongs_to_one_operation(world):
    payment = pay(world, key="key-1", capture=True)
    back = post(world, f"/payments/{payment['id']}/refunds", {"amount": 100}, key="key-1")
    assert post(world, f"/payments/{payment['id']}/refunds", {"amount": 100}, key="key-1") == back
    other = pay(world, capture=True)
    elsewhere = post(world, f"/payments/{other['id']}/refunds", {"amount": 100}, key="key-1")
    assert elsewhere != back


def test_a_key_that_is_too_long(world):
    answer = pay(world, key="k" * 256, status=422)
    assert codes(answer) == ["cko_idempotency_key_invalid"]


def test_only_one_call_with_a_key_is_under_way(world):
    """The first call's body is still arriving when the second one comes."""
    source = {"type": "token", "token": token(world)["token"]}
    body = json.dumps({**ORDER, "source": source}).encode()

    async def both():
        arriving, busy = anyio.Event(), anyio.Event()
        answers = {}

        async def ask(name, receive):
            headers = [
                (b"authorization", SECRET.encode()),
                (b"cko-idempotency-key", b"key-1"),
            ]
            scope = {
                "type": "http",
                "method": "POST",
                "path": "/checkoutcom/payments",
                "query_string": b"",
                "headers": headers,
            }

            async def note(message):
                if message["type"] == "http.response.start":
                    answers[name] = message["status"]

            await world.client.app(scope, receive, note)

        async def slow():
            if not arriving.is_set():
                arriving.set()
                return {"type": "http.request", "body": body[:10], "more_body": True}
            await busy.wait()
            return {"type": "http.request", "body": body[10:], "more_body": False}

        async def quick():
            return {"type": "http.request", "body": body, "more_body": False}

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, "first", slow)
            await arriving.wait()
            await ask("second", quick)
            busy.set()
        await ask("third", quick)
        return answers

    assert world.client.portal.call(both) == {"first": 201, "second": 409, "third": 201}
    assert len(world.payments()) == 1
