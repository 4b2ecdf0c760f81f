"""A shop on Django: a product, three ways to pay, a page that tells how the payment stands.

    pip install 'paykit-adapters[demo,django]'
    python examples/django_shop.py

The pages, and the sandbox that plays the providers, are in ``shop_parts.py``. Payments are in
Django's own database. A real site has its settings, its URLs and its ``asgi.py`` in files.
"""

from collections.abc import Sequence

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.http import require_POST
from shop_parts import Shop, onward, open_shop, product_page, serve, ship

from paykit import PaymentProcessed, Provider
from paykit.django import payment_processed, service
from paykit.django.asgi import beside


def configure(shop: Shop) -> None:
    """Let Django begin, with the settings of the site."""
    settings.configure(
        SHOP=shop,
        SECRET_KEY=shop.secret,
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": shop.database.removeprefix("sqlite:///"),
            }
        },
        INSTALLED_APPS=["paykit.django"],
        PAYKIT={"PROVIDERS": f"{__name__}.providers", "RETURN_TO": "/thanks", "RELAY": True},
    )
    django.setup()


def providers() -> Sequence[Provider]:
    """The accounts. Those of a real shop are a mapping in the settings."""
    found: Sequence[Provider] = settings.SHOP.providers()
    return found


def product(_request: HttpRequest) -> HttpResponse:
    """The page of the product."""
    return HttpResponse(product_page())


def buy(request: HttpRequest, provider: str) -> HttpResponse:
    """Create a payment, and send the payer on."""
    order = settings.SHOP.order(provider, ip=request.META["REMOTE_ADDR"])
    session = service().create(order, provider=provider)
    response = HttpResponseRedirect(onward(session))
    response.status_code = 303
    return response


def thanks(request: HttpRequest) -> HttpResponse:
    """Where browsers come back to. It shows what is on record, and settles nothing."""
    session = service().session(request.GET.get("payment_id", ""))
    if session is None:
        raise Http404
    return HttpResponse(settings.SHOP.payment_page(session))


def hear(event: PaymentProcessed, **_more: object) -> None:
    """A receiver of the signal. A real site connects its own in ``AppConfig.ready``."""
    ship(event)


urlpatterns: list[URLPattern | URLResolver] = [
    path("", product),
    re_path("^buy/(?P<provider>vnpay|momo|payos)$", require_POST(buy)),
    path("thanks", thanks),
]


if __name__ == "__main__":
    with open_shop() as shop:
        configure(shop)
        # Here, for these URLs want the settings. In a real site they stand with the others.
        urlpatterns.append(path("pay/", include("paykit.django.async_urls")))
        payment_processed.connect(hear)
        call_command("migrate", verbosity=0)
        app = beside(get_asgi_application(), prefix="/pay")
        serve(app, shop.listener, ending=service().statuses.close)
