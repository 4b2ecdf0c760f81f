"""A shop's own tests, as one writes them with Django: ``manage.py test tests.django.project``."""

import pytest
from django.db import connection, transaction
from django.test import AsyncClient, Client, TestCase, TransactionTestCase

from paykit import ConfigurationError, Money
from paykit.django import payment_processed, runtime, service
from paykit.testing import deliveries
from tests.service.shop import request


class Shop:
    """What a test of either kind does."""

    def create(self, name="ORDER-1"):
        self.session = service().create(request(name), provider="vnpay")
        return self.session.payment_id

    def told(self, name="ORDER-1"):
        """The notice of a payment, as its provider would send it."""
        made = deliveries.paid(
            service().providers["vnpay"],
            reference=name,
            amount=Money(150_000, "VND"),
            at=self.session.created_at,
        )
        return f"/shop/pay/webhooks/vnpay?{made.query.decode()}"


class InOneTransactionTests(Shop, TestCase):
    """Each of these begins with nothing, for the one before was rolled back."""

    def test_a_payment_is_made_and_told_of(self):
        payment_id = self.create()
        url = f"/shop/pay/payments/{payment_id}/status"
        assert self.client.get(url).json()["status"] == "requires_action"
        assert self.client.get(self.told()).json()["RspCode"] == "00"
        assert self.client.get(url).json()["status"] == "succeeded"
        assert service().status(payment_id).status == "succeeded"
        assert len(service().payments().items) == 1

    def test_another_one_begins_with_nothing(self):
        assert service().payments().items == ()
        self.test_a_payment_is_made_and_told_of()

    async def test_an_async_client(self):
        from asgiref.sync import sync_to_async

        payment_id = await sync_to_async(self.create)()
        told = self.told().replace("/shop/", "/async/")
        assert (await AsyncClient().get(told)).json()["RspCode"] == "00"
        status = await AsyncClient().get(f"/async/pay/payments/{payment_id}/status")
        assert status.json()["status"] == "succeeded"

    def test_forms_stay_protected(self):
        self.create()
        strict = Client(enforce_csrf_checks=True)
        assert strict.get(self.told()).json()["RspCode"] == "00"
        assert strict.post("/shop/pay/webhooks/momo", b"{}", "application/json").status_code == 401
        assert strict.post("/admin/login/", {}).status_code == 403

    def test_events_are_told_when_you_say_so(self):
        heard = []

        def hear(event, **_more):
            heard.append(event.order_id)

        runtime.close()  # the next one finds the receiver
        payment_processed.connect(hear)
        self.addCleanup(payment_processed.disconnect, hear)
        self.create()
        self.client.get(self.told())
        assert heard == []
        assert service().relay() == 1
        assert heard == ["ORDER-1"]

    def test_what_a_block_did_is_undone_with_it(self):
        payment_id = self.create()
        with transaction.atomic():
            self.client.get(self.told())
            transaction.set_rollback(True)
        assert service().status(payment_id).status == "requires_action"

    def test_a_block_of_the_code_under_test_is_no_place_to_ask_a_provider(self):
        with transaction.atomic(), pytest.raises(ConfigurationError):
            service().create(request("ORDER-2"), provider="momo")


class WithCommitsTests(Shop, TransactionTestCase):
    """Each of these begins with empty tables."""

    def test_a_payment_is_made_and_told_of(self):
        payment_id = self.create()
        assert self.client.get(self.told()).json()["RspCode"] == "00"
        assert service().status(payment_id).status == "succeeded"
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM paykit_payments")
            assert cursor.fetchone() == (1,)

    def test_another_one_begins_with_nothing(self):
        assert service().payments().items == ()
        self.test_a_payment_is_made_and_told_of()
