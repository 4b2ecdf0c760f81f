"""The endpoints for your URLconf: ``path("pay/", include("paykit.django.urls"))``.

Their names are ``paykit:webhook``, ``paykit:return``, ``paykit:payment``, ``paykit:order``,
``paykit:script``, ``paykit:health`` and ``paykit:ready``: a payment's ``return_url`` is
``request.build_absolute_uri(reverse("paykit:return", args=["vnpay"]))``.
"""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from ..webhooks.receiver import PATHS
from .views import answer

app_name = "paykit"


def patterns(view: Any) -> list[URLPattern]:
    """The endpoints over one view."""
    return [
        path(
            own.removeprefix("/").replace("{", "<path:").replace("}", ">"),
            view,
            {"endpoint": kind},
            name=kind.value,
        )
        for kind, own in PATHS.items()
    ]


urlpatterns = patterns(answer)
