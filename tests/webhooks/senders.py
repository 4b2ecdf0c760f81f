"""What each provider would send, signed by code of its own: nothing here is paykit's.

A sender writes a notice in three steps, and a test can step in at each: ``fields`` is what the
notice says, ``body`` what travels (with the proof where the proof travels in it), ``call`` adds the
headers. ``text`` is the JSON of the fields: give a broken one to see what becomes of it.
"""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import reduce

import attrs

from paykit.providers.adyen import Adyen
from paykit.providers.casso import Casso
from paykit.providers.checkoutcom import CheckoutCom
from paykit.providers.payos import PayOS
from paykit.providers.sepay import SePay
from paykit.providers.sepaypg import SePayGateway
from paykit.providers.stripe import Stripe
from paykit.providers.zalopay import ZaloPay

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
NUMBER, OTHER_NUMBER = "0071001234567", "0071007654321"
#: Stands in a notice, and belongs into no log.
PAYER = "NGUYEN VAN A"
JSON = "application/json"
MISSING = object()


@attrs.frozen
class Call:
    """A POST as bytes; ``headers`` are pairs, so one may occur twice."""

    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    def raw_headers(self):
        return [(name.encode(), value.encode()) for name, value in self.headers]

    def with_header(self, name, *values):
        others = [pair for pair in self.headers if pair[0].lower() != name.lower()]
        return attrs.evolve(self, headers=(*others, *((name, value) for value in values)))


def hexdigest(secret, message, algorithm="sha256"):
    return hmac.new(secret.encode(), message, algorithm).hexdigest()


def dumps(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Spelt(str):
    """A number of a notice as it is spelt."""

    __slots__ = ()


def lenient(text):
    """Whatever Python makes of it: a sender signs nonsense, too."""
    return json.loads(text, parse_float=Spelt, parse_constant=Spelt)


def whole_or_not(number):
    return int(number) if number == int(number) else number


@attrs.frozen
class Sender:
    """One account of one provider. ``secret`` proves its notices."""

    account: str
    secret: str
    number: str = NUMBER

    name = ""
    make = None
    #: Where in the fields these stand, with dots between.
    amount = memo = ""
    #: What the notice names a payment by; a memo is searched for a code.
    by_memo = True
    #: Whether the proof is a header, so that nothing of the body need be read before.
    header = None
    #: The replies, as (status, body, content type).
    taken = again_taken = (200, b'{"success":true}', JSON)
    unproven = (401, b"", None)
    unreadable = (400, b"", None)
    come_again = (503, b"", None)

    #: A secret that was in force before.
    former = "the-former-secret"

    @property
    def amounts(self):
        """Every place that holds the amount."""
        return (self.amount,)

    @property
    def other_secret(self):
        """That of another merchant."""
        return f"other-{self.secret}"

    @property
    def key(self):
        return self.name if self.account == "default" else f"{self.name}-{self.account}"

    def provider(self, clock, **settings):
        return self.make.from_dict(
            {"account": self.account, **self.settings(), **settings}, clock=clock
        )

    def bank(self):
        return {"bank": "VCB", "account_number": self.number}

    def reference(self, number):
        """The reference of our payment of this number."""
        return SePay.from_dict({**self.bank(), "api_key": "k"}).codes.from_number(number)

    def changed(self, fields, changes):
        """The fields with other values at these places."""
        fields = json.loads(json.dumps(fields))
        for path, value in changes.items():
            *way, last = path.split(".")
            home = reduce(dict.__getitem__, way, fields)
            if value is MISSING:
                home.pop(last)
            else:
                home[last] = value
        return fields

    def notice(self, number, changes=None, *, pays=None, amount=150_000, at=NOW, secret=None):
        """The call that tells of ``amount`` for the payment ``pays``, or that of this number.

        ``number`` tells notices apart; ``changes`` are other values at these places.
        """
        fields = self.fields(pays or self.reference(number), amount, number)
        changes = changes or {}
        return self.say(dumps(self.changed(fields, changes)), at=at, secret=secret)

    def say(self, text, *, at=NOW, secret=None):
        """The call whose fields are this text."""
        return self.call(self.body(text, self.secret if secret is None else secret), at=at)

    # The proof, as the text that is compared.

    def proof(self, call):
        return dict(call.headers)[self.header]

    def prove(self, call, proof):
        """The call with another proof; none, if it is ``MISSING``."""
        return call.with_header(self.header, *([] if proof is MISSING else [proof]))


class ZaloPaySender(Sender):
    name, make = "zalopay", ZaloPay
    amount, memo, by_memo = "amount", "app_user", False
    app_id = 2553
    taken = (200, b'{"return_code":1,"return_message":"success"}', JSON)
    again_taken = (200, b'{"return_code":2,"return_message":"already handled"}', JSON)
    unproven = (200, b'{"return_code":-1,"return_message":"mac not equal"}', JSON)
    unreadable = (200, b'{"return_code":-1,"return_message":"invalid data"}', JSON)
    come_again = (200, b'{"return_code":0,"return_message":"try again"}', JSON)

    def settings(self):
        return {"app_id": self.app_id, "key1": f"one-{self.secret}", "key2": self.secret}

    def reference(self, number):
        return f"ORDER-{number}"

    def fields(self, reference, amount, number):
        return {
            "app_id": self.app_id, "app_trans_id": f"260301_{reference}",
            "app_time": SECONDS * 1000, "app_user": PAYER, "amount": amount, "embed_data": "{}",
            "item": "[]", "zp_trans_id": 260301000000000 + number, "server_time": SECONDS * 1000,
            "channel": 38, "merchant_user_id": "7ZMSl3nEg5sO", "user_fee_amount": 0,
            "discount_amount": 0,
        }  # fmt: skip

    def body(self, text, secret):
        mac = hexdigest(secret, text.encode(errors="surrogatepass"))
        return json.dumps({"data": text, "mac": mac, "type": 1}).encode()

    def call(self, body, *, at=NOW):
        return Call(body, (("content-type", JSON),))

    def proof(self, call):
        return json.loads(call.body)["mac"]

    def prove(self, call, proof):
        fields = json.loads(call.body)
        return attrs.evolve(call, body=dumps(self.changed(fields, {"mac": proof})).encode())


class OtherZaloPaySender(ZaloPaySender):
    app_id = 2554


class PayOSSender(Sender):
    name, make = "payos", PayOS
    amount, memo, by_memo = "amount", "description", False

    def settings(self):
        return {
            "client_id": f"c-{self.account}",
            "api_key": f"api-{self.secret}",
            "checksum_key": self.secret,
        }

    def reference(self, number):
        return str(5_000 + number)

    def fields(self, reference, amount, number):
        return {
            "orderCode": int(reference), "amount": amount, "description": f"{PAYER} mua hang",
            "accountNumber": NUMBER, "reference": f"TF{number}",
            "transactionDateTime": "2026-03-01 16:00:00", "currency": "VND",
            "paymentLinkId": f"link{reference}", "code": "00", "desc": "Thành công",
            "counterAccountName": PAYER, "virtualAccountName": None, "virtualAccountNumber": "",
        }  # fmt: skip

    def body(self, text, secret):
        try:
            said = lenient(text)
        except (ValueError, RecursionError):
            said = {}
        signed = "&".join(f"{name}={self.spell(value)}" for name, value in sorted(said.items()))
        digest = hexdigest(secret, signed.encode(errors="surrogatepass"))
        frame = {"code": "00", "desc": "success", "success": True, "data": "@", "signature": digest}
        return dumps(frame).replace('"@"', text, 1).encode(errors="surrogatepass")

    @staticmethod
    def spell(value):
        if isinstance(value, Spelt):
            try:
                return str(Decimal(value)).lower()
            except InvalidOperation:
                return value
        if value is None or isinstance(value, str):
            return value or ""
        return dumps(value)

    def call(self, body, *, at=NOW):
        return Call(body, (("content-type", JSON),))

    def proof(self, call):
        return json.loads(call.body)["signature"]

    def prove(self, call, proof):
        fields = json.loads(call.body)
        return attrs.evolve(call, body=dumps(self.changed(fields, {"signature": proof})).encode())


class SePaySender(Sender):
    name, make = "sepay", SePay
    amount, memo = "transferAmount", "content"
    header = "X-SePay-Signature"

    def settings(self):
        return {**self.bank(), "webhook_secret": self.secret}

    def fields(self, reference, amount, number):
        return {
            "id": 92_000 + number, "gateway": "Vietcombank",
            "transactionDate": "2026-03-01 16:00:00", "accountNumber": self.number, "code": None,
            "content": f"MBVCB.3278.{reference}.CT tu 0123456789 {PAYER}", "transferType": "in",
            "transferAmount": amount, "accumulated": 0, "subAccount": None,
            "referenceCode": f"FT{number}", "description": "",
        }  # fmt: skip

    def body(self, text, secret):
        # The proof is made in call(), which needs to know the secret.
        return SignedLater(text.encode(errors="surrogatepass"), secret)

    def call(self, body, *, at=NOW, seconds=None):
        seconds = str(int(at.timestamp())) if seconds is None else seconds
        secret = getattr(body, "secret", self.secret)
        digest = hexdigest(secret, seconds.encode() + b"." + body)
        return Call(
            bytes(body),
            (
                ("content-type", JSON),
                ("X-SePay-Timestamp", seconds),
                (self.header, f"sha256={digest}"),
            ),
        )

    def proof(self, call):
        return super().proof(call).removeprefix("sha256=")

    def prove(self, call, proof):
        return super().prove(call, proof if proof is MISSING else f"sha256={proof}")


class SignedLater(bytes):
    def __new__(cls, content, secret):
        made = super().__new__(cls, content)
        made.secret = secret
        return made


class SePayKeySender(SePaySender):
    header = "Authorization"

    def settings(self):
        return {**self.bank(), "api_key": self.secret}

    def call(self, body, *, at=NOW):
        secret = getattr(body, "secret", self.secret)
        return Call(bytes(body), (("content-type", JSON), (self.header, f"Apikey {secret}")))

    def proof(self, call):
        return dict(call.headers)[self.header].removeprefix("Apikey ")

    def prove(self, call, proof):
        return Sender.prove(self, call, proof if proof is MISSING else f"Apikey {proof}")


class CassoSender(Sender):
    name, make = "casso", Casso
    amount, memo = "amount", "description"
    header = "X-Casso-Signature"

    def settings(self):
        return {**self.bank(), "security_key": self.secret}

    def fields(self, reference, amount, number):
        return {
            "id": 71_000 + number, "reference": f"FT{number}",
            "description": f"{reference} chuyen tien {PAYER}", "amount": amount,
            "runningBalance": 25_000_000, "transactionDateTime": "2026-03-01 16:00:00",
            "accountNumber": self.number, "bankName": "Vietcombank", "virtualAccountNumber": "",
            "counterAccountName": "NGUYỄN VĂN A",
        }  # fmt: skip

    def body(self, text, secret):
        return SignedLater(f'{{"error":0,"data":{text}}}'.encode(errors="surrogatepass"), secret)

    def call(self, body, *, at=NOW, milliseconds=None):
        if milliseconds is None:
            milliseconds = str((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1))
        return self.signed(body, self.canonical(body), milliseconds)

    @staticmethod
    def canonical(body):
        """As JavaScript writes it, which knows of no difference between 1.0 and 1."""
        try:
            said = json.loads(body, parse_float=lambda text: whole_or_not(float(text)))
            return json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        except (ValueError, RecursionError, OverflowError):
            return ""

    def signed(self, body, text, milliseconds=str(SECONDS * 1000)):
        secret = getattr(body, "secret", self.secret)
        message = f"{milliseconds}.{text}".encode(errors="surrogatepass")
        digest = hexdigest(secret, message, "sha512")
        header = f"t={milliseconds},v1={digest}"
        return Call(bytes(body), (("content-type", JSON), (self.header, header)))

    def proof(self, call):
        return super().proof(call).partition(",v1=")[2]

    def prove(self, call, proof):
        time = Sender.proof(self, call).partition(",")[0] if proof is not MISSING else ""
        return super().prove(call, proof if proof is MISSING else f"{time},v1={proof}")


class CassoTokenSender(CassoSender):
    header = "Secure-Token"

    def settings(self):
        return {**self.bank(), "webhook_version": "v1", "secure_token": self.secret}

    def fields(self, reference, amount, number):
        return {
            "id": 71_000 + number, "tid": f"FT{number}",
            "description": f"{reference} chuyen tien {PAYER}", "amount": amount,
            "cusum_balance": 25_000_000, "when": "2026-03-01 16:00:00",
            "bank_sub_acc_id": self.number, "subAccId": self.number,
        }  # fmt: skip

    def body(self, text, secret):
        return SignedLater(f'{{"error":0,"data":[{text}]}}'.encode(errors="surrogatepass"), secret)

    def call(self, body, *, at=NOW):
        secret = getattr(body, "secret", self.secret)
        return Call(bytes(body), (("content-type", JSON), (self.header, secret)))

    def proof(self, call):
        return Sender.proof(self, call)

    def prove(self, call, proof):
        return Sender.prove(self, call, proof)


class SePayGatewaySender(Sender):
    name, make = "sepaypg", SePayGateway
    amount, memo, by_memo = "order.order_amount", "order.order_description", False
    header = "X-Secret-Key"
    taken = again_taken = (200, b"", None)

    @property
    def amounts(self):
        return self.amount, "transaction.transaction_amount"

    def settings(self):
        return {
            "merchant_id": f"SP-{self.account}", "secret_key": f"spsk-{self.secret}",
            "ipn_secret": self.secret,
        }  # fmt: skip

    def reference(self, number):
        return f"INV-{number}"

    def fields(self, reference, amount, number):
        return {
            "timestamp": SECONDS, "notification_type": "ORDER_PAID",
            "order": {
                "id": "256", "order_id": f"NPSE{number}", "order_status": "CAPTURED",
                "order_currency": "VND", "order_amount": f"{amount}.00",
                "order_invoice_number": reference, "custom_data": [], "order_description": PAYER,
            },
            "transaction": {
                "id": f"384c66dd-{number}", "payment_method": "CARD", "transaction_id": "68ba94ac",
                "transaction_type": "PAYMENT", "transaction_date": "2026-03-01 16:00:00",
                "transaction_status": "APPROVED", "transaction_amount": str(amount),
                "transaction_currency": "VND", "card_number": "4111XXXXXXXX1111",
            },
        }  # fmt: skip

    def body(self, text, secret):
        return SignedLater(text.encode(errors="surrogatepass"), secret)

    def call(self, body, *, at=NOW):
        secret = getattr(body, "secret", self.secret)
        return Call(bytes(body), (("content-type", JSON), (self.header, secret)))


class AdyenSender(Sender):
    name, make = "adyen", Adyen
    amount, memo, by_memo = "amount.value", "additionalData.cardHolderName", False
    former = "1b" * 32
    other_secret = "2c" * 32
    taken = again_taken = (200, b"[accepted]", "text/plain; charset=utf-8")
    live = "false"

    @property
    def merchant(self):
        return "Shop" if self.account == "default" else f"Shop-{self.account}"

    def settings(self):
        return {
            "merchant_account": self.merchant, "api_key": f"api-{self.secret}",
            "hmac_key": self.secret, "capture_mode": "automatic",
        }  # fmt: skip

    def reference(self, number):
        return f"A:{number}"

    def fields(self, reference, amount, number):
        return {
            "additionalData": {"hmacSignature": "%SIGNATURE%", "cardHolderName": PAYER},
            "amount": {"currency": "VND", "value": amount}, "eventCode": "AUTHORISATION",
            "eventDate": "2026-03-01T10:00:00+01:00", "merchantAccountCode": self.merchant,
            "merchantReference": reference, "paymentMethod": "visa",
            "pspReference": f"PSP{number:013}", "reason": "039404:1111:03/2030", "success": "true",
        }  # fmt: skip

    def body(self, text, secret):
        try:
            said = lenient(text)
        except (ValueError, RecursionError):
            said = {}
        item = text.replace("%SIGNATURE%", self.sign(said, secret))
        frame = {"live": self.live, "notificationItems": [{"NotificationRequestItem": "@"}]}
        return dumps(frame).replace('"@"', item, 1).encode(errors="surrogatepass")

    def sign(self, said, secret):
        money = said.get("amount")
        money = money if isinstance(money, dict) else {}
        values = [said.get(name) for name in ("pspReference", "originalReference",
                  "merchantAccountCode", "merchantReference")]  # fmt: skip
        values += [money.get("value"), money.get("currency")]
        values += [said.get("eventCode"), said.get("success")]
        text = ":".join("" if value is None else str(value) for value in values)
        key = secret.encode()
        if len(secret) == 64 and secret == secret.lower():
            key = bytes.fromhex(secret)
        digest = hmac.new(key, text.encode(errors="surrogatepass"), "sha256").digest()
        return base64.b64encode(digest).decode()

    def call(self, body, *, at=NOW):
        return Call(body, (("content-type", JSON),))

    @staticmethod
    def item(body):
        return body["notificationItems"][0]["NotificationRequestItem"]

    def proof(self, call):
        return self.item(json.loads(call.body))["additionalData"]["hmacSignature"]

    def prove(self, call, proof):
        body = json.loads(call.body)
        more = self.item(body)["additionalData"]
        more["hmacSignature"] = proof
        if proof is MISSING:
            del more["hmacSignature"]
        return attrs.evolve(call, body=dumps(body).encode())


class CheckoutComSender(Sender):
    name, make = "checkoutcom", CheckoutCom
    amount, memo, by_memo = "data.amount", "data.response_summary", False
    header = "Cko-Signature"
    taken = again_taken = (200, b"", None)

    def settings(self):
        return {
            "secret_key": f"sk_sbox_{self.account}-{self.secret}", "signature_key": self.secret,
            "billing_country": "VN",
        }  # fmt: skip

    def reference(self, number):
        return f"ORDER-{number}"

    def fields(self, reference, amount, number):
        pay, action = f"pay_{number:026}", f"act_{number:026}"
        link = {"href": f"https://api.sandbox.checkout.com/payments/{pay}"}
        return {
            "id": f"evt_{number:026}", "type": "payment_captured", "version": "1.0.29",
            "created_on": "2026-03-01T09:00:00.1234567Z",
            "data": {
                "id": pay, "action_id": action, "reference": reference, "amount": amount,
                "currency": "VND", "response_code": "10000", "response_summary": PAYER,
                "processed_on": "2026-03-01T08:59:59.1234567Z",
                "metadata": {"reference": reference, "note": PAYER},
            },
            "_links": {"payment": link},
        }  # fmt: skip

    def body(self, text, secret):
        return SignedLater(text.encode(errors="surrogatepass"), secret)

    def call(self, body, *, at=NOW):
        digest = hexdigest(getattr(body, "secret", self.secret), body)
        return Call(bytes(body), (("content-type", JSON), (self.header, digest)))


class StripeSender(Sender):
    name, make = "stripe", Stripe
    amount, memo, by_memo = "data.object.amount", "data.object.description", False
    header = "Stripe-Signature"
    taken = again_taken = (200, b"", None)

    @property
    def amounts(self):
        return self.amount, "data.object.amount_received"

    def settings(self):
        key = self.account.replace("-", "_")
        return {"secret_key": f"sk_test_{key}_key", "webhook_secret": self.secret}

    def reference(self, number):
        return f"ORDER-{number}"

    def fields(self, reference, amount, number):
        return {
            "id": f"evt_{number}", "object": "event", "api_version": "2026-10-28.endive",
            "created": SECONDS, "livemode": False, "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None}, "type": "payment_intent.succeeded",
            "data": {
                "object": {
                    "id": f"pi_{number}", "object": "payment_intent", "amount": amount,
                    "amount_received": amount, "currency": "vnd", "description": PAYER,
                    "latest_charge": f"ch_{number}", "livemode": False,
                    "metadata": {"reference": reference}, "status": "succeeded",
                }
            },
        }  # fmt: skip

    def body(self, text, secret):
        return SignedLater(text.encode(errors="surrogatepass"), secret)

    def call(self, body, *, at=NOW, seconds=None):
        seconds = str(int(at.timestamp())) if seconds is None else seconds
        secret = getattr(body, "secret", self.secret)
        digest = hexdigest(secret, seconds.encode() + b"." + body)
        header = f"t={seconds},v1={digest}"
        return Call(bytes(body), (("content-type", JSON), (self.header, header)))

    def proof(self, call):
        return super().proof(call).partition(",v1=")[2]

    def prove(self, call, proof):
        time = Sender.proof(self, call).partition(",")[0] if proof is not MISSING else ""
        return super().prove(call, proof if proof is MISSING else f"{time},v1={proof}")


#: One account of each provider and each kind of proof.
SENDERS = [
    AdyenSender("default", "0a" * 32),
    ZaloPaySender("default", "zalopay-key-two"),
    PayOSSender("default", "payos-checksum-key"),
    SePaySender("default", "sepay-webhook-secret"),
    SePayKeySender("key", "sepay-api-key"),
    CassoSender("default", "casso-security-key"),
    CassoTokenSender("v1", "casso-secure-token"),
    SePayGatewaySender("default", "sepaypg-ipn-secret"),
    CheckoutComSender("default", "checkoutcom-signature-key"),
    StripeSender("default", "whsec_stripe-webhook-secret"),
]


def second(sender, *, same_key):
    """A second account at the same provider, of another merchant or of the same."""
    kind = OtherZaloPaySender if sender.name == "zalopay" else type(sender)
    first = "" if sender.account == "default" else f"{sender.account}-"
    account = f"{first}{'same' if same_key else 'other'}"
    secret = sender.secret if same_key else sender.other_secret
    return kind(account, secret, OTHER_NUMBER)


OTHERS = [second(sender, same_key=False) for sender in SENDERS]
SAMES = [second(sender, same_key=True) for sender in SENDERS]
EVERYBODY = [*SENDERS, *OTHERS, *SAMES]
SECRETS = [
    value
    for sender in EVERYBODY
    for name, value in sender.settings().items()
    if "key" in name or "secret" in name or "token" in name
]
