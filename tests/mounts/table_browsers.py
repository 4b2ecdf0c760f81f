"""What browsers ask for: returns, and how payments and orders stand."""

import json
from urllib.parse import quote

from .callers import MISMATCH, VNPAY
from .case import JSON, Case, Want, refused
from .site import SENT_TO, TOKENS
from .wire import Sent


def sent_to(location):
    return Want(303, b"", None, {"location": location, "cache-control": "no-store"})


UNVERIFIED = sent_to(f"{SENT_TO}&state=unverified")


def back(order, **changes):
    """The payer's browser, with what VNPay signed."""
    return Sent("GET", f"/returns/vnpay?{VNPAY.query(order.number, **changes)}")


def shown(state, *, told=None, back_with=None):
    """The return of a payment that VNPay told of in such words, if it did."""

    def before(order):
        order.create()
        if told is not None:
            order.tell(**told)

    return Case(
        lambda order: back(order, **(back_with or {})),
        lambda order: sent_to(f"{SENT_TO}&state={state}&payment_id={order.payment_id}"),
        before=before,
    )


def forged(query):
    """What nobody signed: it goes to the shop, and shows nothing."""
    return Case(
        Sent("GET", f"/returns/vnpay{query}"), UNVERIFIED, before=lambda order: order.create()
    )


RETURNS = {
    "before the notice": shown("pending"),
    "paid": shown("paid", told={}),
    "canceled": shown("canceled", told={"code": "24"}),
    "failed": shown("failed", told={"code": "51"}),
    "too late": shown("failed", told={"code": "11"}),
    "wrong amount": shown("pending", told={"amount": MISMATCH}),
    "suspected": shown("pending", told={"code": "07", "status": "07"}),
    "a success in the browser alone": shown("failed", told={"code": "51"}, back_with={}),
    "an unknown order": Case(back, UNVERIFIED),
    "tampered": Case(
        lambda order: Sent(
            "GET", back(order).path.replace("vnp_ResponseCode=00", "vnp_ResponseCode=24")
        ),
        UNVERIFIED,
        before=lambda order: order.create(),
    ),
    "nothing": forged(""),
    "to elsewhere": forged("?next=//evil.example&return_to=javascript:alert(1)"),
    "a line break": forged("?a=%0d%0alocation:%20//evil.example"),
    "a state of its own": forged("?state=paid&payment_id=pay_1"),
    "a reference alone": forged("?vnp_TxnRef=V1"),
    "to elsewhere beside the genuine": Case(
        lambda order: Sent("GET", f"{back(order).path}&next=//evil.example"),
        lambda order: sent_to(f"{SENT_TO}&state=paid&payment_id={order.payment_id}"),
        before=lambda order: order.create().tell(),
    ),
    "a provider that signs no return": Case(Sent("GET", "/returns/sepay"), UNVERIFIED),
}


def state_of(order, **more):
    """The JSON of a payment at VNPay."""
    said = {"payment_id": order.payment_id, **more.pop("before", {})}
    text = "150.000\N{NO-BREAK SPACE}₫"
    said |= {"status": "succeeded", "final": True}
    said |= {"amount": {"minor": 150_000, "currency": "VND", "text": text}}
    said |= {"next_action": None, "next_poll_seconds": None, **more}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def payment_path(order):
    return f"/payments/{order.payment_id}/status"


def order_path(order, token=None):
    return f"/orders/{quote(order.order_id, safe='')}/status?token={token or order.token()}"


def tag_of(order, path=payment_path):
    """The entity tag, asked for before."""
    return order.ask(Sent("GET", path(order))).headers["etag"]


def at_hand(order, body, **more):
    named = {"cache-control": "private, no-cache", "vary": "Accept", "etag": tag_of(order), **more}
    return Want(200, body, JSON, named)


def unchanged(order, **more):
    named = {"cache-control": "private, no-cache", "vary": "Accept", "etag": tag_of(order), **more}
    return Want(304, b"", None, named)


def paid(order):
    order.create().tell()


def opened(order):
    order.create()


def asked(*headers, before=paid, wants=None):
    """How a payment stands, asked under such headers."""

    def send(order):
        named = [(name, value.replace("{tag}", tag_of(order))) for name, value in headers]
        return Sent("GET", payment_path(order), headers=tuple(named))

    return Case(send, wants or (lambda order: at_hand(order, state_of(order))), before=before)


NO_PAYMENT, NO_ORDER = (refused(404, f"there is no such {one}") for one in ("payment", "order"))


def by_token(token, wants=NO_ORDER):
    return Case(lambda order: Sent("GET", order_path(order, token(order))), wants, before=paid)


def order_told(order):
    body = state_of(order, before={"order_id": order.order_id})
    named = {
        "cache-control": "private, no-cache", "vary": "Accept", "etag": tag_of(order, order_path),
    }  # fmt: skip
    return Want(200, body, JSON, named)


STATUS = {
    "paid": asked(),
    "unknown payment": Case(Sent("GET", "/payments/pay_guess/status"), NO_PAYMENT),
    "the tag": asked(("if-none-match", "{tag}"), wants=unchanged),
    "the tag, weak": asked(("if-none-match", "W/{tag}"), wants=unchanged),
    "the tag in a list": asked(("if-none-match", '"x", {tag} , W/"y"'), wants=unchanged),
    "the tag in another header": asked(
        ("if-none-match", '"x"'), ("if-none-match", "{tag}"), wants=unchanged
    ),
    "any tag": asked(("if-none-match", "*"), wants=unchanged),
    "another tag": asked(("if-none-match", '"x"')),
    "a tag without quotes": asked(("if-none-match", "x")),
    "waiting for what is final": asked(
        ("prefer", "wait=20"),
        wants=lambda order: at_hand(
            order, state_of(order), **{"preference-applied": "wait=20"}
        ),
    ),
    "waiting for ages": asked(
        ("prefer", "respond-async, wait=999999"),
        wants=lambda order: at_hand(
            order, state_of(order), **{"preference-applied": "wait=30"}
        ),
    ),
    "waiting for nonsense": asked(("prefer", "wait=x, wait=-1, wait=1e9, wait=" + "9" * 99)),
    "waiting without a change": asked(
        ("if-none-match", "{tag}"),
        ("prefer", 'wait="1"; a=b'),
        before=opened,
        wants=lambda order: unchanged(order, **{"preference-applied": "wait=1"}),
    ),
    "an order": Case(lambda order: Sent("GET", order_path(order)), order_told, before=paid),
    "an order without a token": by_token(lambda _: "x"),
    "an order by another's token": by_token(lambda _: TOKENS.make("order 0/é")),
    "an order by a cut token": by_token(lambda order: order.token()[:-1]),
    "an order by two tokens": by_token(lambda order: f"{order.token()}&token={order.token()}"),
    "an order by a token of strange letters": by_token(lambda _: "%00%ff%e2%80%ae"),
    "an order where there are no tokens": Case(
        lambda order: Sent("GET", order_path(order)), NO_ORDER, before=paid, options="bare"
    ),
    "an unknown order": Case(lambda order: Sent("GET", order_path(order)), NO_ORDER),
}  # fmt: skip

BROWSERS = {
    **{f"return: {name}": case for name, case in RETURNS.items()},
    **{f"status: {name}": case for name, case in STATUS.items()},
}
