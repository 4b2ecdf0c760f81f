"""A database of Django's with payments of several kinds, for the admin pages."""

from django.core.management import call_command

from paykit import Money, PaymentRequest
from tests.service.shop import notice, request

PASSWORD = "not-a-real-password"


def migrated():
    """Make all tables, and somebody who may see everything."""
    from django.contrib.auth.models import User

    call_command("migrate", verbosity=0)
    return User.objects.create_superuser("keeper", password=PASSWORD)


def colleague(*models):
    """Somebody on the staff who may see these models."""
    from django.contrib.auth.models import Permission, User

    user = User.objects.create_user("colleague", password=PASSWORD, is_staff=True)
    for model in models:
        user.user_permissions.add(Permission.objects.get(codename=f"view_{model}"))
    return user


def pay(service, name, **changes):
    """A payment that was told of; its id."""
    payment_id = service.create(request(name), provider="vnpay").payment_id
    number = changes.pop("number", name.rpartition("-")[2])
    service.receive(notice(name, number=number, **changes), provider="vnpay")
    return payment_id


def fill(service):
    """One of each: paid, failed, not as agreed, waiting, of nobody, refunded in words."""
    made = {
        "paid": pay(service, "TEA-1001"),
        "failed": pay(service, "TEA-1002", code="51"),
        "review": pay(service, "TEA-1003", amount=149_999),
        "waiting": service.create(
            PaymentRequest(
                reference="TEA-1004",
                order_id="<b>TEA</b> & co",
                amount=Money(2_500_000, "VND"),
                return_url="https://shop.example/pay/returns/vnpay",
                customer=request().customer,
            ),
            provider="vnpay",
        ).payment_id,
    }
    service.receive(notice("NOBODYS-1", number="77"), provider="vnpay")
    return made
