"""As :mod:`paykit.django.urls`, by an async view: for servers that speak ASGI.

There a status that is at hand takes no thread, and ``Prefer: wait`` may be granted.
"""

from __future__ import annotations

from .urls import app_name, patterns
from .views import answer_async

__all__ = ["app_name", "urlpatterns"]

urlpatterns = patterns(answer_async)
