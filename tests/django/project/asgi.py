"""Django, and beside it the endpoints once more."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.django.project.settings")
application = get_asgi_application()

from paykit.django.asgi import beside  # noqa: E402 - as in Django's own examples

application = beside(application, prefix="/beside/pay/")
