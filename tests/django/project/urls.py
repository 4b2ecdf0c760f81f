"""The endpoints by the blocking view, and the same below another prefix by the async one."""

from django.contrib import admin
from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("beside/pay/checkout", lambda request: HttpResponse("the shop's own")),
    path("shop/pay/", include("paykit.django.urls")),
    path("async/pay/", include("paykit.django.async_urls", namespace="paykit-async")),
]
