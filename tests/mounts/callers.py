"""Every provider's call and its acknowledgements, as requests at a mount."""

import json

from paykit.providers.momo import NOTICE_FIELDS
from tests.service.shop import momo, notice, vnpay
from tests.webhooks.senders import SENDERS

from .case import JSON
from .wire import Sent

PRICE = 150_000
MISMATCH = 149_999


class Caller:
    """A provider that POSTs; the proof is the sender's own (see ``tests/webhooks/senders.py``)."""

    def __init__(self, sender):
        self.sender = sender
        self.key = sender.key
        self.taken = self.unknown = self.mismatch = sender.taken
        self.again = sender.again_taken
        self.unproven, self.unreadable = sender.unproven, sender.unreadable
        self.come_again = sender.come_again

    def provider(self, clock):
        return self.sender.provider(clock)

    def reference(self, number):
        return self.sender.reference(number)

    def call(self, number, *, amount=PRICE, secret=None):
        """The notice of a payment."""
        return self.as_sent(self.sender.notice(number, amount=amount, secret=secret))

    def forged(self, number):
        """Another amount under the proof of the genuine one."""
        genuine = self.sender.notice(number)
        other = self.sender.notice(number, amount=PRICE * 2)
        return self.as_sent(self.sender.prove(other, self.sender.proof(genuine)))

    def garbage(self, number):
        return self.as_sent(self.sender.say("[" * number))

    def as_sent(self, call):
        return Sent("POST", f"/webhooks/{self.key}", call.body, call.headers)


class VNPayCaller:
    key = "vnpay"
    taken = (200, b'{"RspCode":"00","Message":"Confirm Success"}', JSON)
    again = (200, b'{"RspCode":"02","Message":"Order already confirmed"}', JSON)
    unknown = (200, b'{"RspCode":"01","Message":"Order not found"}', JSON)
    mismatch = (200, b'{"RspCode":"04","Message":"Invalid amount"}', JSON)
    unproven = (200, b'{"RspCode":"97","Message":"Invalid signature"}', JSON)
    unreadable = come_again = (200, b'{"RspCode":"99","Message":"Unknown error"}', JSON)

    def provider(self, _clock):
        return vnpay()

    def reference(self, number):
        return f"V{number}"

    def query(self, number, *, amount=PRICE, **changes):
        changes = {"number": str(14_000_000 + number), **changes}
        return notice(self.reference(number), amount, **changes).query.decode()

    def call(self, number, *, amount=PRICE, secret=None, **changes):
        query = self.query(number, amount=amount, **changes)
        if secret is not None:
            query = query[:-4] + "beef"
        return Sent("GET", f"/webhooks/vnpay?{query}")

    def forged(self, number):
        genuine, other = self.query(number), self.query(number, amount=PRICE * 2)
        name = "vnp_SecureHash="
        return Sent(
            "GET", f"/webhooks/vnpay?{other.partition(name)[0]}{name}{genuine.partition(name)[2]}"
        )

    def garbage(self, number):
        return Sent("GET", f"/webhooks/vnpay?{self.query(number)}&vnp_Amount=1")


class MoMoCaller:
    key = "momo"
    taken = again = unknown = mismatch = (204, b"", None)
    unproven, unreadable, come_again = (401, b"", None), (400, b"", None), (503, b"", None)

    def provider(self, _clock):
        return momo()

    def reference(self, number):
        return f"M{number}"

    def fields(self, number, *, amount=PRICE, **changes):
        """The signed fields of a notice."""
        fields = {
            "partnerCode": "MOMOSHOP", "orderId": self.reference(number),
            "requestId": self.reference(number), "amount": amount, "orderInfo": "Thanh toán",
            "orderType": "momo_wallet", "transId": 4_088_000_000 + number, "resultCode": 0,
            "message": "Thành công.", "payType": "qr", "responseTime": 1_767_000_000_000,
            "extraData": "", **changes,
        }  # fmt: skip
        return {**fields, "signature": momo().signature(NOTICE_FIELDS, fields)}

    def call(self, number, *, amount=PRICE, secret=None, **changes):
        fields = self.fields(number, amount=amount, **changes)
        if secret is not None:
            fields["signature"] = "0" * 64
        return self.say(dump(fields))

    def forged(self, number):
        return self.say(dump({**self.fields(number), "amount": PRICE * 2}))

    def garbage(self, number):
        return self.say(b"[" * number)

    def say(self, body, **more):
        return Sent("POST", "/webhooks/momo", body, (("content-type", JSON),), **more)


def dump(fields):
    return json.dumps(fields, ensure_ascii=False).encode()


VNPAY, MOMO = VNPayCaller(), MoMoCaller()
CALLERS = {one.key: one for one in (VNPAY, MOMO, *(Caller(sender) for sender in SENDERS))}
