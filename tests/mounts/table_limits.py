"""How much is read, and how its length is told."""

from .callers import MOMO, VNPAY, dump
from .case import Case, by_server, refused, reply
from .site import LIMIT
from .wire import HUNG_UP, Sent

KEPT = reply(MOMO.unknown)
TOO_LARGE = refused(413, f"at most {LIMIT} bytes")
TOO_LONG_A_LINE = tuple(by_server(status) for status in (400, 413, 414, 431, HUNG_UP))


def padded(order, size, **how):
    """A good notice with blanks behind it, of this size."""
    body = dump(MOMO.fields(order.number))
    return MOMO.say(body + b" " * (size - len(body)), **how)


def announced(length, wants, body=b"{}"):
    """A length that is not the body's."""
    return Case(Sent("POST", "/webhooks/momo", body, (("content-length", length),)), wants)


def raw(head, body, wants):
    """A request as it is on the wire, for the path of MoMo."""
    start = b"POST {prefix}/webhooks/momo HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"
    return Case(Sent("POST", "", raw=start + head + b"\r\n" + body), wants, options="hasty")


LIMITS = {
    "exactly the limit": Case(lambda order: padded(order, LIMIT), KEPT, rows=(1, 0)),
    "a byte more": Case(lambda order: padded(order, LIMIT + 1), TOO_LARGE),
    "three times as much": Case(lambda order: padded(order, LIMIT * 3), TOO_LARGE),
    "in chunks": Case(lambda order: padded(order, 5_000, chunked=True), KEPT, rows=(1, 0)),
    "in chunks, exactly the limit": Case(
        lambda order: padded(order, LIMIT, chunked=True), KEPT, rows=(1, 0)
    ),
    "in chunks, a byte more": Case(
        lambda order: padded(order, LIMIT + 1, chunked=True), TOO_LARGE
    ),
    "in chunks, three times as much": Case(
        lambda order: padded(order, LIMIT * 3, chunked=True), TOO_LARGE
    ),
    "announced too large": announced(str(LIMIT + 1), TOO_LARGE),
    "announced as gigabytes": announced("99999999999", TOO_LARGE),
    "announced in 40 digits": announced("9" * 40, (TOO_LARGE, by_server(400))),
    "announced too large, and expecting to be asked": Case(
        Sent(
            "POST", "/webhooks/momo", b"",
            (("content-length", str(LIMIT + 1)), ("expect", "100-continue")),
        ),
        TOO_LARGE,
    ),
    "expecting to be asked": Case(
        lambda order: MOMO.call(order.number).having(("expect", "100-continue")), KEPT, rows=(1, 0)
    ),
    "a negative length": announced("-5", by_server(400)),
    "a length that is no number": announced("5x", by_server(400)),
    "a length with a sign": announced("+2", by_server(400)),
    "a length in hex": announced("0x2", by_server(400)),
    # A server that takes one of them waits for a third byte.
    "two lengths": raw(
        b"content-length: 2\r\ncontent-length: 3\r\n", b"{}", (by_server(400), by_server(408))
    ),
    "broken chunks": raw(b"transfer-encoding: chunked\r\n", b"zz\r\n{}\r\n0\r\n\r\n", by_server(400)),
    "chunks of negative size": raw(
        b"transfer-encoding: chunked\r\n", b"-2\r\n{}\r\n0\r\n\r\n", by_server(400)
    ),
    "chunks and a length": raw(
        b"transfer-encoding: chunked\r\ncontent-length: 2\r\n", b"2\r\n{}\r\n0\r\n\r\n", by_server(400)
    ),
    "a body for GET beyond the limit": Case(
        lambda order: Sent("GET", VNPAY.call(order.number).path, b"x" * (LIMIT + 1)), TOO_LARGE
    ),
    "a body where none belongs": Case(
        Sent("GET", "/payments/nobody/status", b"x" * 100),
        refused(404, "there is no such payment"),
    ),
    "a query of 3,500 bytes": Case(
        Sent("GET", "/webhooks/vnpay?a=" + "x" * 3_500), reply(VNPAY.unproven)
    ),
    "a huge query": Case(Sent("GET", "/webhooks/vnpay?a=" + "x" * 300_000), TOO_LONG_A_LINE),
    "a huge query beside a body": Case(
        Sent("POST", "/webhooks/momo?a=" + "x" * 300_000, b"{}"), TOO_LONG_A_LINE
    ),
}  # fmt: skip
