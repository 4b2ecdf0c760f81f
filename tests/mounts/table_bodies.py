"""Bodies and queries that are not quite what a provider sends, and how they are packed."""

import gzip
import zlib

import attrs

from .callers import MOMO, VNPAY, dump
from .case import Case, by_server, refused, reply
from .wire import Sent

GOOD = dump(MOMO.fields(0))
BAD = reply(MOMO.unreadable)
UNPROVEN = reply(MOMO.unproven)
KEPT = reply(MOMO.unknown)
INVALID, UNREADABLE, UNKNOWN = (
    reply(one) for one in (VNPAY.unproven, VNPAY.unreadable, VNPAY.unknown)
)
PACKED = refused(415, "send the body without Content-Encoding")


def said(body):
    return Case(MOMO.say(body), BAD)


def changed(wants, **fields):
    """MoMo's notice with other fields, signed."""
    return Case(lambda order: MOMO.call(order.number, **fields), wants)


def proven(**fields):
    """MoMo's notice with another proof."""
    return Case(MOMO.say(dump({**MOMO.fields(0), **fields})), UNPROVEN)


def more(text):
    return said(GOOD[:-1] + text + b"}")


MOMO_BODIES = {
    "empty": said(b""),
    "empty, in chunks": Case(attrs.evolve(MOMO.say(b""), chunked=True), BAD),
    "not UTF-8": said(b"\xff{"),
    "UTF-16": said(GOOD.decode().encode("utf-16")),
    "a byte order mark": said(b"\xef\xbb\xbf" + GOOD),
    "a list": said(b"[]"),
    "null": said(b"null"),
    "a text": said(b"hello"),
    "nested": said(b"[" * 30_000),
    "nested objects": more(b',"x":' + b'{"a":' * 4_000 + b"1" + b"}" * 4_000),
    "a key twice": more(b',"amount":1'),
    "NaN": more(b',"x":NaN'),
    "a huge number": more(b',"x":1e999'),
    "many digits": more(b',"x":' + b"9" * 5_000),
    "a surrogate": more(b',"x":"\\ud800"'),
    "a NUL": changed(BAD, orderInfo="a\0b"),
    "amount as a text": changed(BAD, amount="150000"),
    "amount as a boolean": changed(BAD, amount=True),
    "amount as a fraction": changed(BAD, amount=150000.0),
    "order id as a number": changed(BAD, orderId=1),
    "a crafted order id": changed(BAD, orderId="a&orderId=b"),
    "a form": Case(
        Sent("POST", "/webhooks/momo", b"orderId=ORDER-1&amount=1",
             (("content-type", "application/x-www-form-urlencoded"),)),
        BAD,
    ),
    "multipart": Case(
        Sent("POST", "/webhooks/momo",
             b'--x\r\nContent-Disposition: form-data; name="orderId"\r\n\r\nORDER-1\r\n--x--\r\n',
             (("content-type", "multipart/form-data; boundary=x"),)),
        BAD,
    ),
    "another partner": changed(BAD, partnerCode="OTHER"),
    "no signature": proven(signature=None),
    "an empty signature": proven(signature=""),
    "a short signature": proven(signature="ab" * 31),
    "a signature in other letters": proven(signature="é" * 64),
    "an upper-case signature": proven(signature=MOMO.fields(0)["signature"].upper()),
}  # fmt: skip


def labelled(*headers):
    """A good notice under other headers."""

    def send(order):
        call = MOMO.call(order.number)
        return call.without("content-type").having(*headers)

    return Case(send, KEPT, rows=(1, 0))


LABELS = {
    "no content type": labelled(),
    "an empty content type": labelled(("content-type", "")),
    "text/plain": labelled(("content-type", "text/plain; charset=latin-1")),
    "called a form": labelled(("content-type", "application/x-www-form-urlencoded")),
    "called multipart": labelled(("content-type", "multipart/form-data")),
    "an endless content type": labelled(("content-type", "a/" + "b" * 5_000)),
    "a query beside": Case(
        lambda order: Sent(
            "POST", "/webhooks/momo?a=%ff&orderId=x", dump(MOMO.fields(order.number))
        ),
        KEPT,
        rows=(1, 0),
    ),
    "an overridden method": Case(
        lambda order: MOMO.call(order.number).having(("x-http-method-override", "GET")),
        KEPT,
        rows=(1, 0),
    ),
    "not encoded": Case(
        lambda order: MOMO.call(order.number).having(("content-encoding", "Identity")),
        KEPT,
        rows=(1, 0),
    ),
}


def packed(body, *encodings):
    sent = Sent("POST", "/webhooks/momo", body)
    return Case(sent.having(*[("content-encoding", one) for one in encodings]), PACKED)


def unknown(encoding):
    """One that a server may refuse by itself, for it cannot unpack it."""
    case = packed(GOOD, encoding)
    return attrs.evolve(case, wants=(PACKED, by_server(400)))


ENCODINGS = {
    "a gzip bomb": packed(gzip.compress(b"0" * 20_000_000), "gzip"),
    "gzip": packed(gzip.compress(GOOD), "gzip"),
    "gzip in other letters": packed(gzip.compress(GOOD), "GZip"),
    "called gzip": packed(GOOD, "gzip"),
    "deflate": packed(zlib.compress(GOOD), "deflate"),
    "br": unknown("br"),
    "zstd": unknown("zstd"),
    "unknown": packed(GOOD, "rot13"),
    "of nothing": packed(b"", "gzip"),
    "twice": packed(gzip.compress(gzip.compress(GOOD)), "gzip, gzip"),
    "in two headers": packed(gzip.compress(GOOD), "identity", "gzip"),
    "in chunks": Case(
        Sent(
            "POST", "/webhooks/momo", gzip.compress(GOOD), (("content-encoding", "gzip"),),
            chunked=True,
        ),
        PACKED,
    ),
}  # fmt: skip


def ipn(wants, extra="", **changes):
    return Case(
        lambda order: Sent("GET", f"/webhooks/vnpay?{VNPAY.query(order.number, **changes)}{extra}"),
        wants,
        rows=(1, 0) if wants is UNKNOWN else (0, 0),
    )


def cut(count, instead=""):
    def send(order):
        query = VNPAY.query(order.number)
        return Sent("GET", f"/webhooks/vnpay?{query[:-count]}{instead}")

    return Case(send, INVALID)


VNPAY_QUERIES = {
    "nothing": Case(Sent("GET", "/webhooks/vnpay"), INVALID),
    "an empty query": Case(Sent("GET", "/webhooks/vnpay?"), INVALID),
    "no hash": Case(Sent("GET", "/webhooks/vnpay?vnp_Amount=1"), INVALID),
    "a hash that is cut": cut(1),
    "a longer hash": ipn(INVALID, "00"),
    "a hash not hex": cut(1, "g"),
    "a hash not ASCII": cut(1, "%C3%A9"),
    "a parameter twice": ipn(UNREADABLE, "&vnp_Amount=1"),
    "a parameter twice, escaped": ipn(UNREADABLE, "&%76np_Amount=1"),
    "the hash twice": ipn(UNREADABLE, "&vnp_SecureHash=00"),
    "not UTF-8": ipn(UNREADABLE, "&vnp_X=%ff"),
    "a broken escape": ipn(UNREADABLE, "&vnp_X=%zz"),
    "many parameters": ipn(UNREADABLE, "&a=1" * 300),
    "a weaker digest named": ipn(UNKNOWN, "&vnp_SecureHashType=MD5"),
    "a foreign parameter": ipn(UNKNOWN, "&utm_source=x"),
    "an amount with a fraction": ipn(UNREADABLE, vnp_Amount="15000050"),
    "an amount as text": ipn(UNREADABLE, vnp_Amount="1e7"),
    "an amount in other digits": ipn(UNREADABLE, vnp_Amount="١٥٠"),
    "no reference": ipn(UNREADABLE, vnp_TxnRef=""),
    "a reference from hell": ipn(UNREADABLE, vnp_TxnRef="<script>../%00"),
    "a long reference": ipn(UNREADABLE, vnp_TxnRef="x" * 101),
    "no date in February": ipn(UNREADABLE, vnp_PayDate="20260230101010"),
    "another terminal": ipn(UNREADABLE, vnp_TmnCode="SHOP0002"),
    "a body beside": Case(
        lambda order: Sent("GET", VNPAY.call(order.number).path, b"{}"), UNKNOWN, rows=(1, 0)
    ),
}

BODIES = {
    **{f"momo body: {name}": case for name, case in MOMO_BODIES.items()},
    **{f"momo label: {name}": case for name, case in LABELS.items()},
    **{f"encoding: {name}": case for name, case in ENCODINGS.items()},
    **{f"vnpay query: {name}": case for name, case in VNPAY_QUERIES.items()},
}
