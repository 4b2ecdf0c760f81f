"""Each provider's own acknowledgement, for all that can become of a call."""

from tests.webhooks.senders import SENDERS

from .callers import CALLERS, MISMATCH
from .case import Case, reply

#: Their proof is a secret that stands in a header: it does not cover the body.
UNSIGNED = {"sepay-key", "casso-v1", "sepaypg"}
#: What is acknowledged and means nothing to us: fields of the notice, by account.
NO_EVENTS = {
    "adyen": {"eventCode": "REPORT_AVAILABLE"},
    "stripe": {"type": "customer.updated"},
    "checkoutcom": {"type": "authentication_failed"},
    "sepay": {"transferType": "out"},
    "sepay-key": {"transferType": "out"},
    "casso": {"amount": -1},
    "casso-v1": {"amount": -1},
}


def _rows(caller):
    key = caller.key

    def call(**how):
        return lambda order: caller.call(order.number, **how)

    def first(order):
        order.create(key).ask(caller.call(order.number))

    def created(order):
        order.create(key)

    rows = {
        "paid": Case(call(), reply(caller.taken), rows=(1, 1), before=created),
        "replay": Case(call(), reply(caller.again), before=first),
        "unknown order": Case(call(), reply(caller.unknown), rows=(1, 0)),
        "wrong amount": Case(
            call(amount=MISMATCH), reply(caller.mismatch), rows=(1, 1), before=created
        ),
        "wrong secret": Case(call(secret="not-the-secret"), reply(caller.unproven), before=created),
        "garbage": Case(lambda order: caller.garbage(order.number), reply(caller.unreadable)),
    }
    if key not in UNSIGNED:
        rows["tampered"] = Case(
            lambda order: caller.forged(order.number), reply(caller.unproven), before=created
        )
    return rows


def _no_event(sender):
    def send(order):
        return CALLERS[sender.key].as_sent(sender.notice(order.number, NO_EVENTS[sender.key]))

    return Case(send, reply(sender.taken), before=lambda order: order.create(sender.key))


PROVIDERS = {
    **{
        f"{caller.key}: {name}": case
        for caller in CALLERS.values()
        for name, case in _rows(caller).items()
    },
    **{f"{one.key}: no event": _no_event(one) for one in SENDERS if one.key in NO_EVENTS},
}
