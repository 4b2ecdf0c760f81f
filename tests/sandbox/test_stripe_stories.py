"""Whatever is done at Stripe in whatever order: nothing breaks, and the sums stay right."""

from __future__ import annotations

import random

import pytest

from paykit.sandbox.stripe.cards import TABLE

from .stripe_client import HOLD, ROOT, events, get, send
from .test_stripe_checkout import SESSION, pay

INTENTS = "/v1/payment_intents"
MULTI = {"card": {"request_multicapture": "if_available"}}


class Story:
    """A merchant, payers and banks who do what comes to their minds."""

    def __init__(self, world, seed):
        self.world = world
        self.chance = random.Random(seed)
        self.intents: dict[str, dict] = {}
        self.sessions: list[dict] = []

    def step(self):
        self.chance.choice(
            [
                self.create,
                self.create,
                self.confirm,
                self.capture,
                self.capture,
                self.cancel,
                self.refund,
                self.refund,
                self.answer,
                self.answer,
                self.desk,
                self.page,
                self.wait,
            ]
        )()

    def card(self):
        card = self.chance.choice(TABLE.cards)
        cvc = "1234" if card.brand == "amex" else "123"
        typed = {"number": card.number, "expiry": "12/34", "cvc": cvc}
        return self.world.client.post("/stripe/card-field", json=typed).json()["token"]

    def send(self, path, body):
        key = self.chance.choice([None, f"key-{self.chance.randrange(10**9)}"])
        response = send(self.world, "POST", path, body, key=key)
        assert response.status_code in {200, 400, 402}, response.text
        if key:
            again = send(self.world, "POST", path, body, key=key)
            # What was not even tried is tried again.
            if "original-request" in response.headers:
                assert again.headers["idempotent-replayed"] == "true"
                assert again.json() == response.json()
        answer = response.json()
        found = answer.get("error", {}).get("payment_intent", answer)
        if found.get("object") == "payment_intent":
            self.intents[found["id"]] = found

    def any(self):
        return self.chance.choice([*self.intents]) if self.intents else "pi_none"

    def amount(self):
        return self.chance.choice([1, 50_000, 75_000, 150_000, 150_001])

    def create(self):
        body = {**HOLD, "payment_method": self.card()}
        body["capture_method"] = self.chance.choice(["manual", "automatic"])
        if self.chance.random() < 0.4:
            body["payment_method_options"] = MULTI
        if self.chance.random() < 0.2:
            body = {"amount": 150_000, "currency": "vnd"}
        self.send(INTENTS, body)

    def confirm(self):
        if self.intents:
            body = {"payment_method": self.card(), "return_url": HOLD["return_url"]}
            self.send(f"{INTENTS}/{self.any()}/confirm", body)

    def capture(self):
        if self.intents:
            body = {"amount_to_capture": self.amount()}
            if self.chance.random() < 0.5:
                body["final_capture"] = False
            self.send(f"{INTENTS}/{self.any()}/capture", body)

    def cancel(self):
        if self.intents and self.chance.random() < 0.5:
            self.send(f"{INTENTS}/{self.any()}/cancel", {})

    def refund(self):
        if self.intents:
            self.send("/v1/refunds", {"payment_intent": self.any(), "amount": self.amount()})

    def answer(self):
        waiting = [one for one in self.intents.values() if one["next_action"]]
        if waiting:
            page = self.chance.choice(waiting)["next_action"]["redirect_to_url"]["url"]
            outcome = self.chance.choice(["approve", "refuse", "abandon"])
            form = {"outcome": outcome}
            response = self.world.client.post(page.removeprefix(ROOT), data=form)
            assert response.status_code in {200, 303}

    def desk(self):
        intent = self.any()
        refunds = get(self.world, "/v1/refunds", {"limit": 100})["data"]
        things = [intent, *(one["id"] for one in refunds)]
        action = self.chance.choice(["dispute", "win", "lose", "undo", "expire", "settle"])
        if action in {"win", "lose"}:
            path = f"/stripe/_sandbox/{intent}/dispute"
            disputes = self.world.client.post(path).json().get("disputes", [])
            things = [one["id"] for one in disputes] or things
        path = f"/stripe/_sandbox/{self.chance.choice(things)}/{action}"
        assert self.world.client.post(path).status_code in {200, 404, 409}

    def page(self):
        self.sessions.append(send(self.world, "POST", "/v1/checkout/sessions", SESSION).json())
        session = self.chance.choice(self.sessions)
        if session.get("url"):
            number = self.chance.choice(TABLE.cards).number
            assert pay(self.world, session, number).status_code in {200, 303, 402, 422}

    def wait(self):
        self.world.clock.forward(hours=self.chance.choice([1, 30, 100]))

    def look(self):
        """What must be so whatever was done."""
        listed = get(self.world, "/v1/refunds", {"limit": 100})["data"]
        for intent_id in self.intents:
            intent = get(self.world, f"{INTENTS}/{intent_id}", {"expand": ["latest_charge"]})
            self.intents[intent_id] = intent
            taken, held = intent["amount_received"], intent["amount_capturable"]
            assert taken + held <= intent["amount"]
            assert (held > 0) == (intent["status"] == "requires_capture")
            assert taken == 0 or intent["status"] in {"succeeded", "requires_capture"}
            assert (intent["status"] == "canceled") == (intent["canceled_at"] is not None)
            assert (intent["status"] == "requires_action") == (intent["next_action"] is not None)
            given = sum(
                one["amount"]
                for one in listed
                if one["payment_intent"] == intent_id and one["status"] != "failed"
            )
            assert given <= taken
            charge = intent["latest_charge"]
            if charge and taken:
                assert charge["amount_captured"] == taken
                assert charge["amount_refunded"] == given
                assert charge["refunded"] is (given == taken)


@pytest.mark.parametrize("seed", range(12))
def test_a_story(world, seed):
    story = Story(world, seed)
    for _ in range(30):
        story.step()
        story.look()
    assert world.client.get("/").status_code == 200
    last = {}
    for event in events(world):
        shown = event["data"]["object"]
        if shown["object"] == "payment_intent":
            last[shown["id"]] = shown["status"]
    for intent_id, intent in story.intents.items():
        assert last[intent_id] == intent["status"]
