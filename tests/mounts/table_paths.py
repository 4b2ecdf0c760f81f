"""Paths and methods, spelt in ways that servers, proxies and frameworks treat differently."""

import attrs

from paykit.webhooks.receiver import script

from .callers import MOMO, VNPAY, dump
from .case import JSON, Case, Want, by_server, refused, reply
from .wire import Sent

NO_ACCOUNT = refused(404, "there is no such account")
NOWHERE = by_server(404)
KEPT = reply(MOMO.unknown)


def at(path, wants, rows=(0, 0)):
    """A good notice of MoMo's at another path."""
    return Case(lambda order: Sent("POST", path, dump(MOMO.fields(order.number))), wants, rows=rows)


def by(method, path, allowed):
    """Another method than the allowed one."""
    wants = refused(405, f"use {allowed}", allow=allowed)
    if method == "HEAD":
        wants = attrs.evolve(wants, body=b"")
    return Case(Sent(method, path, b"" if method == "HEAD" else b"{}"), wants)


METHODS = {
    **{
        f"momo by {method}": by(method, "/webhooks/momo", "POST")
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
    },
    **{
        f"vnpay by {method}": by(method, "/webhooks/vnpay?a=1", "GET")
        for method in ("POST", "HEAD", "OPTIONS")
    },
    **{f"a return by {method}": by(method, "/returns/vnpay", "GET") for method in ("POST", "HEAD")},
    **{
        f"a status by {method}": by(method, "/payments/pay_1/status", "GET")
        for method in ("POST", "HEAD", "DELETE")
    },
    "an order by POST": by("POST", "/orders/1/status", "GET"),
    "the script by POST": by("POST", "/paykit-status.js", "GET"),
    "the health by POST": by("POST", "/health", "GET"),
    "an unheard method": Case(
        Sent("BREW", "/webhooks/momo", b"{}"), tuple(map(by_server, (400, 405, 501)))
    ),
    "a method in small letters": Case(
        Sent("post", "/webhooks/momo", b"{}"), tuple(map(by_server, (400, 405, 501)))
    ),
}

PLACES = {
    "unknown account": at("/webhooks/nobody", NO_ACCOUNT),
    "account in capitals": at("/webhooks/MOMO", NO_ACCOUNT),
    "unknown account of a return": Case(Sent("GET", "/returns/nobody"), NO_ACCOUNT),
    "escaped account": at("/webhooks/%6d%6F%6do", KEPT, (1, 0)),
    "account with a slash": at("/webhooks/momo/", NOWHERE),
    "account with an escaped slash": at("/webhooks/momo%2f", NOWHERE),
    "account escaped twice": at("/webhooks/mo%256do", NOWHERE),
    "account and NUL": at("/webhooks/momo%00", NOWHERE),
    "account not UTF-8": at("/webhooks/momo%ff", NOWHERE),
    "account with a line break": at("/webhooks/momo%0a", NOWHERE),
    "account with parameters": at("/webhooks/momo;a=1", NOWHERE),
    "account from hell": at("/webhooks/..%2f..%2fetc%2fpasswd", NOWHERE),
    "long account": at("/webhooks/" + "m" * 200, NOWHERE),
    "no account": at("/webhooks/", NOWHERE),
    "slashes before": at("//webhooks/momo", NOWHERE),
    "slashes between": at("/webhooks//momo", NOWHERE),
    "one way up": at("/returns/%2e%2e/webhooks/momo", NOWHERE),
    "a tail": at("/webhooks/momo/status", NOWHERE),
    "a head": at("/x/webhooks/momo", NOWHERE),
    "half a path": Case(Sent("GET", "/payments/pay_1"), NOWHERE),
    "nowhere": Case(Sent("GET", "/nowhere"), NOWHERE),
    "a payment from hell": Case(Sent("GET", "/payments/..%2f..%2f1/status"), NOWHERE),
    "a path of VNPay's with an escape": Case(
        lambda order: Sent("GET", VNPAY.call(order.number).path.replace("vnpay", "vn%70ay", 1)),
        reply(VNPAY.unknown),
        rows=(1, 0),
    ),
}

_OK = Want(200, b'{"status":"ok"}', JSON, {"cache-control": "no-store"})


def _script():
    text, tag = script()
    named = {
        "etag": tag, "cache-control": "public, max-age=3600", "x-content-type-options": "nosniff",
    }  # fmt: skip
    asked = Sent("GET", "/paykit-status.js", headers=(("if-none-match", f'"x", W/{tag}'),))
    return {
        "the script": Case(
            Sent("GET", "/paykit-status.js"),
            Want(200, text, "text/javascript; charset=utf-8", named),
        ),
        "the script that is known": Case(asked, Want(304, b"", None, named)),
    }


OTHERS = {
    "health": Case(Sent("GET", "/health"), _OK),
    "health with a query": Case(Sent("GET", "/health?x=1"), _OK),
    "ready": Case(Sent("GET", "/ready"), _OK),
    "ready by HEAD": by("HEAD", "/ready", "GET"),
    "no health": Case(
        Sent("GET", "/health"), refused(404, "there is nothing here"), options="bare"
    ),
    "not ready either": Case(
        Sent("GET", "/ready"), refused(404, "there is nothing here"), options="bare"
    ),
}

PATHS = {**METHODS, **PLACES, **OTHERS, **_script()}
