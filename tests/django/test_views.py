"""Both views, called as Django's own servers call them: WSGI and ASGI, with the usual middleware."""

import io
import json
import logging

import attrs
import django
import pytest
from asgiref.sync import async_to_sync
from django.core.handlers.wsgi import WSGIHandler
from django.test import AsyncClient, Client, override_settings
from django.urls import reverse

from tests.service.shop import notice, request

from . import configuring
from .notices import encoded, momo_body
from .project import settings

PAYKIT = settings.PAYKIT
#: A notice whose provider is the site's, at a time that is now.
UNKNOWN = {"RspCode": "01", "Message": "Order not found"}


@attrs.frozen
class Site:
    """The endpoints under a prefix, called by one of Django's clients."""

    prefix: str
    is_async: bool

    def __call__(self, method, path, body=b"", *, content_type="application/json", **headers):
        kind = AsyncClient if self.is_async else Client
        client = kind(enforce_csrf_checks=True)
        called = client.generic(
            method,
            f"{self.prefix}{path}",
            body,
            content_type=content_type,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        return async_to_sync(_wait)(called) if self.is_async else called


async def _wait(called):
    response = await called
    if response.streaming:
        response.parts = [part async for part in response]
    return response


@pytest.fixture(
    params=[("/shop/pay", False), ("/shop/pay", True), ("/async/pay", False), ("/async/pay", True)],
    ids=["wsgi", "asgi", "async-wsgi", "async-asgi"],
)
def site(request, file):
    return Site(*request.param)


@pytest.fixture
def service(site):
    from paykit.django import service

    return service()


def ipn(**changes):
    return "/webhooks/vnpay?" + notice(**changes).query.decode()


def test_a_provider_is_answered_in_its_own_words(site, service):
    payment_id = service.create(request(), provider="vnpay").payment_id
    first, second = site("GET", ipn(), accept_encoding="gzip"), site("GET", ipn())
    assert (first.status_code, first.content, first["content-type"], first["content-length"]) == (
        200,
        b'{"RspCode":"00","Message":"Confirm Success"}',
        "application/json",
        "44",
    )
    assert second.json()["RspCode"] == "02"
    assert service.status(payment_id).status == "succeeded"


def test_the_exact_bytes_count_and_no_token_of_a_form(site, service):
    body = encoded(momo_body())
    taken = site("POST", "/webhooks/momo", body)
    assert (taken.status_code, taken.content, taken.headers.get("content-type")) == (204, b"", None)
    assert site("POST", "/webhooks/momo", body + b" ").status_code == 204
    assert site("POST", "/webhooks/momo", body.replace(b"150000", b"150001")).status_code == 401
    assert [entry.reference for entry in service.inbox().items] == ["ORDER-1"]


def test_nobody_gets_a_session(site):
    answer = site("GET", ipn())
    assert answer.json() == UNKNOWN
    assert not answer.cookies
    assert "cookie" not in answer.headers.get("vary", "").lower()


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "said"),
    [
        ("POST", "/webhooks/vnpay", b"", {}, 405, "use GET"),
        ("GET", "/webhooks/momo", b"", {}, 405, "use POST"),
        ("DELETE", "/webhooks/momo", b"", {}, 405, "use POST"),
        ("POST", "/webhooks/nobody", b"", {}, 404, "there is no such account"),
        (
            "POST",
            "/webhooks/momo",
            b"\x1f\x8b",
            {"content_encoding": "gzip"},
            415,
            "send the body without Content-Encoding",
        ),
        ("POST", "/webhooks/momo", b"x" * (64 * 1024 + 1), {}, 413, "at most 65536 bytes"),
        ("GET", "/payments/pay_none/status", b"", {}, 404, "there is no such payment"),
        ("GET", "/orders/ORDER-1/status", b"", {}, 404, "there is no such order"),
    ],
)
def test_what_is_refused(site, method, path, body, headers, status, said):
    answer = site(method, path, body, **headers)
    assert (answer.status_code, answer.json()) == (status, {"error": said})


@pytest.mark.parametrize(
    "path",
    ["/", "/webhooks", "/webhooks/", "/webhooks/momo/", "/WEBHOOKS/momo", "/x/webhooks/momo"],
)
def test_other_paths_are_not_there(site, path):
    assert site("POST", path).status_code == 404


def test_a_payment_is_watched(site, service):
    payment_id = service.create(request(), provider="vnpay").payment_id
    path = f"/payments/{payment_id}/status"
    open_ = site("GET", path, accept_encoding="gzip")
    assert open_["content-encoding"] == "gzip"
    assert open_["etag"].startswith('W/"')
    assert site("GET", path, if_none_match=open_["etag"]).status_code == 304
    site("GET", ipn())
    paid = site("GET", path, if_none_match=open_["etag"])
    assert (paid.status_code, paid.json()["status"]) == (200, "succeeded")
    assert paid["cache-control"] == "private, no-cache"


def test_an_order_is_seen_with_its_token(site, service):
    from paykit.django import order_status_url

    service.create(request(order_id="ORDER/7"), provider="vnpay")
    url = order_status_url("ORDER/7")
    assert url.startswith("/shop/pay/orders/ORDER/7/status?token=")
    path = url.removeprefix("/shop/pay")
    assert site("GET", path).json()["order_id"] == "ORDER/7"
    assert site("GET", f"{path}0").status_code == 404


def test_a_browser_comes_back(site, service):
    payment_id = service.create(request(), provider="vnpay").payment_id
    back = site("GET", "/returns/vnpay?" + notice().query.decode())
    assert (back.status_code, back["location"]) == (
        303,
        f"https://shop.example/thanks?lang=vi&state=pending&payment_id={payment_id}",
    )


def test_the_script_is_there(site):
    answer = site("GET", "/paykit-status.js")
    assert answer["content-type"] == "text/javascript; charset=utf-8"
    assert b"watchStatus" in answer.content
    assert site("GET", "/paykit-status.js", if_none_match=answer["etag"]).status_code == 304


def test_a_stream_ends_with_the_payment(site, service):
    payment_id = service.create(request(), provider="vnpay").payment_id
    site("GET", ipn())
    path = f"/payments/{payment_id}/status"
    stream = site("GET", path, accept="text/event-stream", accept_encoding="gzip")
    parts = stream.parts if site.is_async else list(stream)
    assert (stream["content-type"], stream["content-encoding"], stream["cache-control"]) == (
        "text/event-stream; charset=utf-8",
        "identity",
        "no-store, no-transform",
    )
    assert b'"status":"succeeded"' in b"".join(parts)
    last = json.loads(b"".join(parts).rpartition(b"data: ")[2])
    assert last["final"] is True


def test_a_thread_is_not_held_unless_you_say_so(site, service):
    payment_id = service.create(request(), provider="vnpay").payment_id
    path = f"/payments/{payment_id}/status"
    if site.is_async:
        return
    refused = site("GET", path, accept="text/event-stream")
    assert (refused.status_code, refused["retry-after"]) == (503, "5")
    tag = site("GET", path)["etag"]
    at_once = site("GET", path, if_none_match=tag, prefer="wait=30")
    assert (at_once.status_code, "preference-applied" in at_once) == (304, False)
    limits = {"most_held": 1, "longest_wait": 1, "stream_seconds": 0.02, "ping_seconds": 0.01}
    with override_settings(PAYKIT={**PAYKIT, "OPTIONS": limits}):
        parts = list(site("GET", path, accept="text/event-stream"))
        assert parts[0].startswith(b"retry: 3000\n\nid: ")
        assert parts[1:] == [b":\n\n", b":\n\n"]
        waited = site("GET", path, if_none_match=tag, prefer="wait=1")
        assert (waited.status_code, waited["preference-applied"]) == (304, "wait=1")


# What others do on the way.


def with_first(name, *more):
    first = [f"tests.django.project.middleware.{name}"] if name else []
    return override_settings(MIDDLEWARE=[*more, *first, *settings.MIDDLEWARE])


def test_a_body_that_was_looked_at_is_still_exact(site):
    body = encoded(momo_body())
    with with_first("reads_body"):
        assert site("POST", "/webhooks/momo", body).status_code == 204
        too_much = site("POST", "/webhooks/momo", b"x" * (64 * 1024 + 1))
    assert too_much.status_code == 413


def test_chunks_that_were_looked_for_are_still_there(file):
    """Django finds no body in them, and whoever asks it for one neither."""
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/shop/pay/webhooks/momo", "SERVER_NAME": "shop.example",
        "SERVER_PORT": "443", "wsgi.url_scheme": "https", "wsgi.errors": io.StringIO(),
        "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True,
        "CONTENT_TYPE": "application/json", "HTTP_HOST": "testserver",
    }  # fmt: skip
    said = []
    with with_first("reads_body"):
        application = WSGIHandler()
        for body in (encoded(momo_body()), b"x" * (64 * 1024 + 1)):
            application(
                {**environ, "wsgi.input": io.BytesIO(body)}, lambda *told: said.append(told)
            )
    assert [status for status, _ in said] == ["204 No Content", "413 Request Entity Too Large"]


def test_fields_of_a_form_that_were_looked_at(site):
    """Those of the simple kind leave the bytes where they are."""
    with with_first("reads_form"):
        taken = site(
            "POST",
            "/webhooks/momo",
            encoded(momo_body()),
            content_type="application/x-www-form-urlencoded",
        )
    assert taken.status_code == 204


def test_a_body_that_somebody_has_eaten(site, caplog):
    form = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
    with with_first("reads_form"), caplog.at_level(logging.ERROR, "paykit.webhooks"):
        answer = site(
            "POST", "/webhooks/momo", form, content_type="multipart/form-data; boundary=x"
        )
    assert (answer.status_code, answer.json()) == (
        500,
        {"error": "the exact bytes are needed, and something has read them"},
    )
    (line,) = [one.message for one in caplog.records if one.name == "paykit.webhooks"]
    assert line.startswith("the exact bytes of a body are needed, and something has read it before")


def test_a_cache_of_the_whole_site_keeps_nothing_of_it(site, service):
    service.create(request(), provider="vnpay")
    memory = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cached = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    with override_settings(CACHES=memory, MIDDLEWARE=cached):
        assert [site("GET", ipn()).json()["RspCode"] for _ in range(2)] == ["00", "02"]


@pytest.mark.skipif(django.VERSION < (5, 1), reason="it has nothing of that kind")
def test_a_site_that_wants_a_login_for_everything_lets_providers_in(site):
    wanted = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    with override_settings(MIDDLEWARE=wanted):
        assert site("GET", ipn()).json() == UNKNOWN


def test_atomic_requests_change_nothing(site, file):
    configuring.use(file, ATOMIC_REQUESTS=True)
    from paykit.django import service

    payment_id = service().create(request(), provider="vnpay").payment_id
    assert site("GET", ipn()).json()["RspCode"] == "00"
    assert service().status(payment_id).status == "succeeded"
    configuring.use(file, ATOMIC_REQUESTS=False)


def test_a_fault_of_ours_lets_the_provider_come_again(site, tmp_path):
    configuring.use(f"sqlite:///{tmp_path}/without-tables.db")
    assert site("POST", "/webhooks/momo", encoded(momo_body())).status_code == 503
    assert site("GET", ipn()).json()["RspCode"] == "99"
    assert site("GET", "/payments/pay_x/status").status_code == 503


def test_the_endpoints_have_names():
    names = {
        "webhook": (["momo-eu"], "/shop/pay/webhooks/momo-eu"),
        "return": (["vnpay"], "/shop/pay/returns/vnpay"),
        "payment": (["pay_1"], "/shop/pay/payments/pay_1/status"),
        "order": (["ORDER/1 ơi"], "/shop/pay/orders/ORDER/1%20%C6%A1i/status"),
        "script": ([], "/shop/pay/paykit-status.js"),
        "health": ([], "/shop/pay/health"),
        "ready": ([], "/shop/pay/ready"),
    }
    assert {name: reverse(f"paykit:{name}", args=args) for name, (args, _) in names.items()} == {
        name: url for name, (_, url) in names.items()
    }


def test_a_setting_that_is_wrong_is_no_secret_to_developers(site, caplog):
    from paykit import ConfigurationError

    with override_settings(PAYKIT={"PROVIDERS": {}}), pytest.raises(ConfigurationError) as caught:
        site("GET", ipn())
    assert str(caught.value).startswith('PAYKIT["PROVIDERS"] has no account in it. ')
