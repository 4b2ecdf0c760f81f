"""What notices of each provider mean, at the endpoint: kinds, accounts, currencies, ids, memos."""

import hashlib
import json

import pytest

from .senders import MISSING, OTHER_NUMBER, SENDERS, dumps
from .shops import PRICE

BY = {sender.key: sender for sender in SENDERS}
ZALOPAY, PAYOS, GATEWAY, ADYEN = BY["zalopay"], BY["payos"], BY["sepaypg"], BY["adyen"]
CHECKOUT = BY["checkoutcom"]
STRIPE = BY["stripe"]
TRANSFERS = [one for one in SENDERS if one.by_memo]
PG = "sepaypg"
LONG = "x" * 10_000
#: For logs, pages, SQL, file names, headers.
NASTY = "'; DROP TABLE paykit_inbox; --\n\r\x1b[31m<script>alert(1)</script>../../%00${jndi:ldap://x}{0}"

#: What a notice means is no matter of the mount.
pytestmark = pytest.mark.parametrize("shop", ["asgi"], indirect=True, scope="module")

#: (account, what is changed in its notice, outcome, status of the payment if it is stored)
OPEN = "requires_action"
TABLE = [
    # Another account, app or bank account: not ours.
    ("zalopay", {"app_id": 2554}, "unreadable"),
    ("zalopay", {"app_id": "2553"}, "unreadable"),
    ("zalopay", {"app_id": 2553.0}, "unreadable"),
    ("zalopay", {"app_id": True}, "unreadable"),
    ("zalopay", {"app_id": None}, "unreadable"),
    ("zalopay", {"app_id": MISSING}, "unreadable"),
    ("zalopay", {"app_id": MISSING, "appid": 2553}, "unreadable"),
    *[
        (key, {field: value}, "unreadable")
        for key, field in (
            ("sepay", "accountNumber"), ("sepay-key", "accountNumber"),
            ("casso", "accountNumber"), ("casso-v1", "bank_sub_acc_id"),
        )
        for value in (OTHER_NUMBER, "", " 0071001234567", "71001234567", "0071001234567\n", LONG,
                      71001234567, True, [], {})
    ],
    ("sepay", {"accountNumber": None}, "unreadable"),
    ("sepay", {"accountNumber": MISSING}, "unreadable"),
    ("casso", {"accountNumber": None}, "unreadable"),
    ("casso", {"accountNumber": MISSING}, "unreadable"),
    ("sepay", {"subAccount": OTHER_NUMBER}, "one", "succeeded"),
    ("casso", {"virtualAccountNumber": OTHER_NUMBER}, "one", "succeeded"),
    # Money that goes out, or nobody knows where.
    *[
        (key, {"transferType": value}, "noop")
        for key in ("sepay", "sepay-key")
        for value in ("out", "IN", "In", "in ", "", "credit", "reversal", LONG, NASTY)
    ],
    *[("sepay", {"transferType": value}, "unreadable") for value in (None, True, 1, [], MISSING)],
    ("sepay", {"transferType": "out", "transferAmount": -PRICE}, "noop"),
    ("sepay", {"transferType": "in", "transferAmount": -PRICE}, "unreadable"),
    ("casso", {"amount": -PRICE}, "noop"),
    ("casso-v1", {"amount": -PRICE}, "noop"),
    # Another currency.
    *[
        ("payos", {"currency": value}, "unreadable")
        for value in ("USD", "vnd", "", None, "VND ", "₫", 704, LONG)
    ],
    *[
        (PG, {path: value}, "unreadable")
        for path in ("order.order_currency", "transaction.transaction_currency")
        for value in ("USD", "vnd", "", None, MISSING)
    ],
    # The amounts of an order and its transaction disagree: no success.
    (PG, {"transaction.transaction_amount": "149999"}, "one", "unknown"),
    (PG, {"order.order_amount": "149999.00"}, "review", "needs_review"),
    # Adyen: somebody else's, or not as Adyen writes it, however it is signed.
    *[
        ("adyen", {"merchantAccountCode": value}, "unreadable")
        for value in ("Other", "shop", "Shop ", "", "Shop:A", LONG, NASTY, None, 7, [], MISSING)
    ],
    *[
        ("adyen", {"amount.currency": value}, "unreadable")
        for value in ("vnd", "", None, "VND ", "₫", 704, LONG, "XXX", [], MISSING)
    ],
    ("adyen", {"amount.currency": "USD"}, "review", "needs_review"),
    ("adyen", {"amount.currency": "IDR"}, "review", "needs_review"),
    ("adyen", {"amount": {}}, "unreadable"),
    ("adyen", {"amount": MISSING}, "unreadable"),
    *[
        ("adyen", {"success": value}, "unreadable")
        for value in ("TRUE", "True", "1", "yes", "", "true ", True, 1, None, [], LONG, MISSING)
    ],
    ("adyen", {"success": "false"}, "one", "failed"),
    *[("adyen", {"eventCode": value}, "noop") for value in ("REPORT_AVAILABLE", "EXPLODED", "A")],
    *[
        ("adyen", {"eventCode": value}, "unreadable")
        for value in ("authorisation", "AUTHORISATION ", "A:B", "", LONG, NASTY, None, 1, [],
                      MISSING)
    ],
    ("adyen", {"eventCode": "CAPTURE"}, "one", "succeeded"),
    ("adyen", {"eventCode": "CANCELLATION"}, "one", "canceled"),
    ("adyen", {"eventCode": "CANCELLATION", "success": "false"}, "noop"),
    ("adyen", {"eventCode": "EXPIRE"}, "one", "expired"),
    ("adyen", {"eventCode": "OFFER_CLOSED"}, "one", "expired"),
    *[
        ("adyen", {field: value}, "unreadable")
        for field in ("pspReference", "originalReference")
        for value in ("a:b", "a b", LONG, "x" * 65, NASTY, 7, True, [])
    ],
    *[("adyen", {"pspReference": value}, "unreadable") for value in ("", None, MISSING)],
    *[
        ("adyen", {"merchantReference": value}, "unreadable")
        for value in ("", LONG, "x" * 256, 7, None, [], MISSING)
    ],
    # Words that nobody has heard of: kept, and no success.
    (PG, {"order.order_status": "PAID"}, "one", "unknown"),
    (PG, {"order.order_status": ""}, "one", "unknown"),
    (PG, {"order.order_status": LONG}, "one", "unknown"),
    (PG, {"order.order_status": NASTY}, "one", "unknown"),
    (PG, {"order.order_status": "CANCELLED", "transaction.transaction_status": "DECLINED"},
     "one", "canceled"),
    (PG, {"transaction.transaction_status": "DECLINED"}, "one", "unknown"),
    (PG, {"transaction.transaction_status": "approved"}, "one", "unknown"),
    (PG, {"transaction.transaction_type": "REFUND"}, "one", "unknown"),
    *[
        (PG, {"notification_type": value}, "noop")
        for value in ("AGREEMENT_CREATED", "order_paid", "", LONG, NASTY)
    ],
    *[(PG, {"notification_type": value}, "unreadable") for value in (None, 1, [], MISSING)],
    (PG, {"order": []}, "unreadable"),
    (PG, {"order": None}, "unreadable"),
    (PG, {"transaction": "x"}, "unreadable"),
    (PG, {"transaction": MISSING}, "unreadable"),
    *[("payos", {"code": value}, "noop") for value in ("01", "0", "000", "PENDING")],
    *[("payos", {"code": value}, "unreadable") for value in (0, None, "", LONG, MISSING)],
    # The test calls of the consoles.
    *[(key, {"id": 0}, "noop") for key in ("casso", "casso-v1")],
    ("sepay", {"id": 0}, "unreadable"),
    # Ids.
    *[
        (key, {"id": value}, "unreadable")
        for key in ("sepay", "casso", "casso-v1")
        for value in ("92704", -1, 2**63, 1.5, True, None, [], MISSING)
    ],
    *[
        ("zalopay", {"zp_trans_id": value}, "unreadable")
        for value in (0, -1, 2**63, "", "0", "00", "12 ", "1_2", "١٢", "9" * 65, LONG, NASTY, 1.5,
                      True, None, MISSING)
    ],
    ("zalopay", {"zp_trans_id": "260228000000389"}, "one", "succeeded"),
    *[
        ("zalopay", {"app_trans_id": value}, "unreadable")
        for value in ("", "ORDER-1", "260301_", "260301", "26030_ORDER-1", "٢٦٠٣٠١_ORDER-1", LONG,
                      f"260301_{LONG}", f"260301_{NASTY}", "260301_a|b", "260301_a\n", 1, None,
                      MISSING)
    ],
    *[
        ("payos", {"orderCode": value}, "unreadable")
        for value in ("5001", -1, 2**53, 1.5, True, None, [], MISSING)
    ],
    *[
        ("payos", {field: value}, "unreadable")
        for field in ("reference", "paymentLinkId")
        for value in ("", LONG, "x" * 201, None, 1, MISSING)
    ],
    *[
        (PG, {path: value}, "unreadable")
        for path in ("order.order_invoice_number", "order.order_id", "transaction.id")
        for value in ("", LONG, "x" * 201, "a&b", None, 1, MISSING)
    ],
    *[
        ("payos", {"reference": "r" * 100, "paymentLinkId": "l" * length}, outcome, *after)
        for length, outcome, *after in ((100, "one", "succeeded"), (101, "unreadable"))
    ],
    (PG, {"order.order_id": "o" * 200, "transaction.id": "t" * 200}, "one", "succeeded"),
    # Times.
    *[
        (key, {field: value}, "unreadable")
        for key, field in (
            ("payos", "transactionDateTime"), ("sepay", "transactionDate"),
            ("casso", "transactionDateTime"), ("casso-v1", "when"),
            (PG, "transaction.transaction_date"),
        )
        for value in ("", "now", "2026-02-30 10:00:00", "01/03/2026 16:00", "1772355600",
                      "٢٠٢٦-٠٣-٠١ ١٦:٠٠:٠٠", "0001-01-01 00:00:00", "9999-12-31 23:59:59-23:59",
                      "2026-03-01 24:00:01", LONG, 1772355600, None, [], MISSING)
    ],
    *[
        ("zalopay", {"server_time": value}, "unreadable")
        for value in (-1, 2**63 - 1, 2**63, 253_402_300_800_000, "1772355600000", 1.5, None, MISSING)
    ],
    # Stripe: another world, another account, words that nobody has heard of, other ids.
    *[("stripe", {"livemode": value}, "unreadable") for value in (True, "false", 0, None, MISSING)],
    *[("stripe", {"account": value}, "unreadable") for value in ("acct_1", 1, [])],
    ("stripe", {"account": None}, "one", "succeeded"),
    *[
        ("stripe", {"object": value}, "unreadable")
        for value in ("v2.core.event", "list", "", None, 1, MISSING)
    ],
    *[("stripe", {"type": value}, "noop") for value in ("", "x", "payment_intent", NASTY)],
    *[("stripe", {"type": value}, "unreadable") for value in (None, 1, [], LONG, MISSING)],
    *[
        ("stripe", {"api_version": value}, "one", "succeeded")
        for value in ("2015-01-01", "", None, 1, MISSING)
    ],
    *[
        ("stripe", {"data.object.status": value}, "one", "unknown")
        for value in ("SUCCEEDED", "paid", "", NASTY[:70])
    ],
    *[("stripe", {"data.object.status": value}, "unreadable") for value in (None, 1, LONG, MISSING)],
    ("stripe", {"data.object.status": "requires_capture"}, "one", "authorized"),
    ("stripe", {"data.object.amount_received": PRICE - 1}, "review", "needs_review"),
    ("stripe", {"data.object.amount_received": PRICE + 1}, "review", "needs_review"),
    ("stripe", {"data.object.currency": "jpy"}, "review", "needs_review"),
    *[
        ("stripe", {"data.object.currency": value}, "unreadable")
        for value in ("VND", "xxx", "", "vnd ", "₫", None, 704, LONG, MISSING)
    ],
    *[
        ("stripe", {"data.object.metadata": value}, "noop")
        for value in ({}, None, [], MISSING, {"order_id": "1"}, {"reference": LONG},
                      {"reference": ""}, {"reference": "a b"}, {"reference": NASTY})
    ],
    *[
        ("stripe", {"data.object.metadata": value}, "unreadable")
        for value in ("x", 1, {"reference": 1}, {"reference": None}, {"x": {}})
    ],
    *[
        ("stripe", {path: value}, "unreadable")
        for path in ("id", "data.object.id")
        for value in ("", "evt_1/../x", "evt 1", NASTY, LONG, 1, None, MISSING)
    ],
    *[("stripe", {"data": value}, "unreadable") for value in ({}, [], None, "x", MISSING)],
    *[("stripe", {"data.object": value}, "noop") for value in ({}, {"object": "charge"})],
    *[
        ("stripe", {"data.object": value}, "unreadable")
        for value in ([], None, "pi_1", 1)
    ],
    *[
        ("stripe", {"created": value}, "unreadable")
        for value in (-1, 2**63 - 1, "1772355600", 1.5, True, None, MISSING)
    ],
    # Long and nasty texts that we only keep, or not even that.
    *[
        (key, {field: value}, "one", "succeeded")
        for key, fields in (
            ("adyen", ("reason", "paymentMethod", "eventDate", "additionalData.reason", "x")),
            ("zalopay", ("app_user", "embed_data", "item", "merchant_user_id", "x")),
            ("payos", ("description", "counterAccountName", "desc", "x")),
            ("sepay", ("gateway", "referenceCode", "description", "subAccount", "code", "x")),
            ("casso", ("reference", "counterAccountName", "bankName", "x")),
            ("casso-v1", ("tid", "subAccId", "x")),
            (PG, ("order.order_description", "transaction.payment_method", "order.x", "x")),
            ("checkoutcom", ("data.response_summary", "data.metadata.note", "data.x", "x")),
            ("stripe", ("data.object.description", "data.object.x", "x", "request.id")),
        )
        for field in fields
        for value in (LONG, NASTY, "Đặng Thị 🍜 \u202e\ufeff")
    ],
    # Checkout.com: types, ids, references, times and codes.
    *[
        ("checkoutcom", {"type": value}, "noop")
        for value in ("payment_paid", "payment_capture_pending", "PAYMENT_CAPTURED", "", NASTY,
                      "payment_authentication_started")
    ],
    *[("checkoutcom", {"type": value}, "unreadable") for value in (None, 1, [], LONG, MISSING)],
    *[
        ("checkoutcom", {"id": value}, "unreadable")
        for value in ("", LONG, "evt_../x", "evt_a\n", NASTY, None, 1, MISSING)
    ],
    *[
        ("checkoutcom", {"data.id": value}, "unreadable")
        for value in ("", LONG, "act_1", "pay_", "pay_../x", "pay_a\n", NASTY, None, 1, MISSING)
    ],
    ("checkoutcom", {"type": "authentication_failed"}, "noop"),
    *[
        ("checkoutcom", {"data.action_id": value}, "unreadable")
        for value in ("", LONG, "pay_1", NASTY, None, 1, MISSING)
    ],
    *[
        ("checkoutcom", {"data.reference": value}, "unreadable")
        for value in ("", LONG, NASTY, 1, [])
    ],
    *[("checkoutcom", {"data.reference": value}, "one", "succeeded") for value in (None, MISSING)],
    *[
        ("checkoutcom", {"data.metadata": value}, "one", "succeeded")
        for value in (None, MISSING, [], "x", 1, {"reference": 1}, {"reference": ""})
    ],
    *[
        ("checkoutcom", {"data.currency": value}, "unreadable")
        for value in ("vnd", "", None, "VND ", "XXX", "CLF", "₫", 704, LONG, MISSING)
    ],
    ("checkoutcom", {"data.currency": "USD"}, "review", "needs_review"),
    *[
        ("checkoutcom", {"data.response_code": value}, "one", "unknown")
        for value in ("20005", "30041", "99999", "", "٢٠٠٠٥", "1")
    ],
    *[("checkoutcom", {"data.response_code": value}, "one", "succeeded") for value in (None, MISSING)],
    *[
        (key, {field: value}, "unreadable")
        for key, field in (("checkoutcom", "created_on"), ("checkoutcom", "data.processed_on"))
        for value in ("", "now", "2026-02-30T10:00:00Z", "01/03/2026 16:00", "1772355600",
                      "0001-01-01T00:00:00+23:59", "2026-03-01T09:00:00.1234567890Z", LONG,
                      1772355600, [])
    ],
    *[
        ("checkoutcom", {field: value}, "one", "succeeded")
        for field in ("data.source", "data.customer", "data.balances", "_links", "version")
        for value in (None, 1, [], LONG, NASTY, {"id": 1}, {"total_captured": "x"})
    ],
    ("checkoutcom", {"data.destination": {"id": "src_1"}}, "one", "succeeded"),
    ("checkoutcom", {"data.destination": {"id": "src_1"}, "data.metadata": None}, "noop"),
    ("checkoutcom", {"data": None}, "unreadable"),
    ("checkoutcom", {"data": MISSING}, "unreadable"),
    ("checkoutcom", {"data": []}, "unreadable"),
    # Values of any kind where nobody looks.
    *[
        (key, {"x": {"a": [None, True, -0.5, {"": ""}]}, "": [], "X": 1}, "one", "succeeded")
        for key in BY
        if key != "payos"
    ],
]  # fmt: skip


def name(row):
    return f"{row[0]} {row[1]!s:.60}".replace(LONG[:20], "x").encode("ascii", "replace").decode()


@pytest.mark.parametrize("row", TABLE, ids=name)
def test_a_notice_that_says_something_else(shop, row):
    key, changes, outcome, *status = row
    sender, number = BY[key], shop.number()
    stored = outcome in {"one", "review"}
    payment = shop.create(sender, number) if stored else None
    call = sender.notice(number, changes)
    shop.expect(sender, call, outcome)
    if stored:
        assert [shop.state(payment)[0]] == status
        # A contradiction stays for a person, anything else was handled.
        shop.expect(sender, call, "again taken" if outcome == "one" else "still kept")


# Transfers and their memos.


@pytest.mark.parametrize("sender", TRANSFERS, ids=lambda sender: sender.key)
class TestMemos:
    @pytest.mark.parametrize(
        "around",
        ["@", "@ ", "mua hang @", "@-CHUYEN TIEN-OQCH", "MBVCB.1.@.CT tu 01", NASTY + " @",
         "ĐẶNG @ 🍜", "\u202e@", LONG + " @", "@ " + "a" * 50_000, "@ @"],
    )  # fmt: skip
    def test_the_code_is_found(self, shop, sender, around):
        number = shop.number()
        payment = shop.create(sender, number)
        for write in (str, str.lower):
            memo = around.replace("@", write(sender.reference(number)))
            told = shop.number()
            call = sender.notice(told, {sender.memo: memo})
            shop.expect(sender, call, "one" if write is str else "review")
        assert shop.state(payment) == ("succeeded", "duplicate_payment")

    @pytest.mark.parametrize(
        "memo",
        [None, "", "mua hang", "0", LONG, NASTY, "PK", "PK0000000", "\U0001f600" * 2_000,
         "a\u0301" * 5_000],
    )  # fmt: skip
    def test_without_a_code_it_waits_for_a_person(self, shop, sender, memo):
        shop.expect(sender, sender.notice(shop.number(), {sender.memo: memo}), "orphan")

    def test_with_two_codes_of_ours_it_waits_for_a_person(self, shop, sender):
        numbers = [shop.number() for _ in range(2)]
        payments = [shop.create(sender, number) for number in numbers]
        memo = " ".join(map(sender.reference, numbers))
        call = sender.notice(shop.number(), {sender.memo: memo})
        shop.expect(sender, call, "orphan")
        shop.expect(sender, call, "still kept")
        assert [shop.state(payment)[0] for payment in payments] == [OPEN] * 2

    def test_a_memo_full_of_codes(self, shop, sender):
        for strangers, outcome, status in [(20, "one", "succeeded"), (4_500, "orphan", OPEN)]:
            number = shop.number()
            payment = shop.create(sender, number)
            codes = [sender.reference(10**6 + other) for other in range(strangers)]
            memo = " ".join([*codes, sender.reference(number)])
            shop.expect(sender, sender.notice(shop.number(), {sender.memo: memo}), outcome)
            assert shop.state(payment)[0] == status

    def test_two_that_add_up_and_a_third(self, shop, sender):
        number = shop.number()
        payment = shop.create(sender, number)
        reference = sender.reference(number)
        for amount, outcome, state in [
            (100_000, "review", ("needs_review", "underpaid")),
            (50_000, "one", ("succeeded", None)),
            (1, "review", ("succeeded", "duplicate_payment")),
        ]:
            call = sender.notice(shop.number(), pays=reference, amount=amount)
            shop.expect(sender, call, outcome)
            assert shop.state(payment) == state

    def test_sums_stay_exact(self, shop, sender):
        number = shop.number()
        payment = shop.create(sender, number)
        most, reference = 2**53 - 1, sender.reference(number)
        for times in (1, 2, 3):
            call = sender.notice(shop.number(), pays=reference, amount=most)
            shop.expect(sender, call, "review")
            assert shop.last_event()["captured"]["minor"] == times * most
        assert shop.state(payment) == ("needs_review", "overpaid")

    def test_too_late(self, shop, sender):
        number = shop.number()
        payment = shop.create(sender, number)
        field = {"sepay": "transactionDate", "casso": "transactionDateTime"}[sender.name]
        field = "when" if sender.key == "casso-v1" else field
        shop.expect(sender, sender.notice(number, {field: "2026-03-02 16:00:01"}), "review")
        assert shop.state(payment) == ("needs_review", "late")

    def test_one_transfer_for_a_second_payment(self, shop, sender):
        number, second = shop.number(), shop.number()
        payments = [shop.create(sender, one) for one in (number, second)]
        shop.expect(sender, sender.notice(number), "one")
        again = sender.notice(number, pays=sender.reference(second))
        shop.expect(sender, again, "again taken")
        assert [shop.state(one)[0] for one in payments] == ["succeeded", OPEN]


@pytest.mark.parametrize(
    "sender", [*TRANSFERS, PAYOS, GATEWAY, ADYEN, CHECKOUT, STRIPE], ids=lambda sender: sender.key
)
def test_one_event_told_in_two_ways(shop, sender, caplog):
    number = shop.number()
    payment = shop.create(sender, number)
    shop.expect(sender, sender.notice(number, amount=PRICE - 1), "review")
    told = sender.notice(number)
    caplog.clear()
    shop.expect(sender, told, "kept beside")
    assert hashlib.sha256(b"\n" + told.body).hexdigest() in caplog.text
    assert shop.state(payment) == ("needs_review", "underpaid")
    # Paid stays paid.
    second = shop.number()
    payment = shop.create(sender, second)
    shop.expect(sender, sender.notice(second), "one")
    shop.expect(sender, sender.notice(second, amount=1), "kept beside")
    shop.expect(sender, sender.notice(second), "again taken")
    assert shop.state(payment) == ("succeeded", None)


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.key)
def test_what_another_provider_tells_pays_nothing_here(shop, sender):
    number = shop.number()
    payment = shop.create(sender, number)
    reference = sender.reference(number)
    for other in SENDERS:
        if other is sender or (other is PAYOS and not reference.isdigit()):
            continue
        if other.by_memo and not sender.by_memo:
            continue  # it would find no code in it
        # Authentic, of the same amount, for the same reference.
        shop.expect(other, other.notice(shop.number(), pays=reference), "orphan")
    assert shop.state(payment)[0] == OPEN


# What only one of them has.


def test_one_payment_of_checkoutcom_for_a_second_order(shop):
    number, second = shop.number(), shop.number()
    payments = [shop.create(CHECKOUT, one) for one in (number, second)]
    shop.expect(CHECKOUT, CHECKOUT.notice(number), "one")
    other = CHECKOUT.notice(
        number, pays=CHECKOUT.reference(second), changes={"id": f"evt_other{number}"}
    )
    shop.expect(CHECKOUT, other, "review")
    assert [shop.state(one) for one in payments] == [
        ("succeeded", None),
        ("needs_review", "provider_id"),
    ]


def test_checkoutcom_tells_of_a_payment_from_its_start_to_its_end(shop):
    number = shop.number()
    payment = shop.create(CHECKOUT, number)
    for index, (kind, state) in enumerate(
        [
            ("payment_approved", "authorized"),
            ("payment_captured", "succeeded"),
            ("dispute_received", "disputed"),
        ]
    ):
        pay = f"pay_{number:026}"
        changes = {"type": kind, "id": f"evt_{number}x{index}"}
        if kind.startswith("dispute"):
            changes["data.payment_id"] = pay
            changes["data.id"] = "dsp_1"
        shop.expect(CHECKOUT, CHECKOUT.notice(number, changes), "one")
        assert shop.state(payment)[0] == state


def test_a_decline_of_checkoutcom_may_be_followed_by_another_card(shop):
    number = shop.number()
    payment = shop.create(CHECKOUT, number)
    declined = {
        "type": "payment_declined", "id": f"evt_{number}d", "data.id": f"pay_{number}d",
        "data.response_code": "20051",
    }  # fmt: skip
    shop.expect(CHECKOUT, CHECKOUT.notice(number, declined), "one")
    assert shop.state(payment)[0] == "failed"
    shop.expect(CHECKOUT, CHECKOUT.notice(number), "one")
    assert shop.state(payment)[0] == "succeeded"


def test_one_transaction_of_zalopay_for_a_second_order(shop):
    number, second = shop.number(), shop.number()
    payments = [shop.create(ZALOPAY, one) for one in (number, second)]
    shop.expect(ZALOPAY, ZALOPAY.notice(number), "one")
    shop.expect(ZALOPAY, ZALOPAY.notice(number, pays=ZALOPAY.reference(second)), "review")
    assert [shop.state(one) for one in payments] == [
        ("succeeded", None),
        ("needs_review", "provider_id"),
    ]


def test_one_payment_of_adyen_for_a_second_order(shop):
    number, second = shop.number(), shop.number()
    payments = [shop.create(ADYEN, one) for one in (number, second)]
    shop.expect(ADYEN, ADYEN.notice(number), "one")
    # The same authorisation for another order: the one that was told of first stays.
    told = ADYEN.notice(number, pays=ADYEN.reference(second))
    shop.expect(ADYEN, told, "kept beside")
    # Another thing that happened to it: it belongs to the first.
    told = ADYEN.notice(number, {"eventCode": "CHARGEBACK", "originalReference": f"PSP{number:013}"},
                        pays=ADYEN.reference(second))  # fmt: skip
    shop.expect(ADYEN, told, "review")
    assert [shop.state(one) for one in payments] == [
        ("succeeded", None),
        ("needs_review", "provider_id"),
    ]


@pytest.mark.parametrize("live", ["true", "", "no", True, False, None, MISSING, ["false"]])
def test_whose_world_a_notice_of_adyen_is_from(shop, live):
    number = shop.number()
    shop.create(ADYEN, number)
    body = ADYEN.changed(json.loads(ADYEN.notice(number).body), {"live": live})
    shop.expect(ADYEN, ADYEN.call(dumps(body).encode()), "unreadable")
    shop.expect(ADYEN, ADYEN.notice(number), "one")


def adyen_batch(*calls):
    """Several notices of Adyen's in one delivery."""
    items = [one for call in calls for one in json.loads(call.body)["notificationItems"]]
    return ADYEN.call(dumps({"live": "false", "notificationItems": items}).encode())


def test_a_batch_of_adyen_counts_whole_or_not_at_all(shop):
    numbers = [shop.number() for _ in range(3)]
    payments = [shop.create(ADYEN, number) for number in numbers]
    good = [ADYEN.notice(number) for number in numbers]
    forged = ADYEN.prove(good[1], ADYEN.proof(good[0]))
    foreign = ADYEN.notice(numbers[1], {"merchantAccountCode": "Other"})
    for bad, outcome in ((forged, "unproven"), (foreign, "unreadable")):
        for batch in ((good[0], bad), (bad, good[0]), (good[0], bad, good[2])):
            shop.expect(ADYEN, adyen_batch(*batch), outcome)
    assert [shop.state(one)[0] for one in payments] == [OPEN] * 3
    answer, made, _ = shop.post(ADYEN, adyen_batch(*good))
    assert (answer.reply, made) == (ADYEN.taken, (3, 3))
    assert [shop.state(one)[0] for one in payments] == ["succeeded"] * 3
    # Twice in one delivery is once.
    twice = ADYEN.notice(shop.number())
    assert shop.post(ADYEN, adyen_batch(twice, twice))[1] == (1, 0)
    # Told again with one more: only that one is new.
    other = shop.number()
    shop.create(ADYEN, other)
    assert shop.post(ADYEN, adyen_batch(*good, ADYEN.notice(other)))[1] == (1, 1)


@pytest.mark.parametrize(
    "items",
    [[], {}, None, "x", [None], [[]], [{}], [{"NotificationRequestItem": None}], [{}] * 101],
)
def test_a_delivery_of_adyen_without_items(shop, items):
    body = {"live": "false", "notificationItems": items}
    shop.expect(ADYEN, ADYEN.call(dumps(body).encode()), "unreadable")


def test_a_reference_of_adyen_that_would_be_a_field(shop):
    """The same signed text, cut in another place: a colon in the reference moves no other value."""
    victim, mine = shop.number(), shop.number()
    payments = [shop.create(ADYEN, one) for one in (victim, mine)]
    genuine = ADYEN.notice(mine, {"merchantReference": f"{ADYEN.reference(victim)}:150000"})
    shop.expect(ADYEN, genuine, "orphan")
    for changes in (
        {"merchantReference": ADYEN.reference(victim)},
        {"merchantReference": ADYEN.reference(victim), "amount.value": "150000:150000"},
        {"merchantAccountCode": f"{ADYEN.merchant}:A", "merchantReference": f"{victim}:150000"},
    ):
        body = json.loads(genuine.body)
        item = ADYEN.changed(ADYEN.item(body), changes)
        call = adyen_batch(ADYEN.call(dumps({**body, "notificationItems": [
            {"NotificationRequestItem": item}]}).encode()))  # fmt: skip
        answer, made, _ = shop.post(ADYEN, call)
        assert answer.reply in {ADYEN.unproven, ADYEN.unreadable}
        assert made == (0, 0)
    assert [shop.state(one)[0] for one in payments] == [OPEN] * 2


def test_one_order_of_the_gateway_for_a_second_payment(shop):
    number, second = shop.number(), shop.number()
    payments = [shop.create(GATEWAY, one) for one in (number, second)]
    shop.expect(GATEWAY, GATEWAY.notice(number), "one")
    other = GATEWAY.notice(
        number, pays=GATEWAY.reference(second), changes={"transaction.id": f"other-{number}"}
    )
    shop.expect(GATEWAY, other, "review")
    assert shop.state(payments[1]) == ("needs_review", "provider_id")


@pytest.mark.parametrize("kind", [1, 2, 0, "1", True, None, MISSING, [1], 1.0])
def test_the_type_of_zalopay_is_not_signed_and_decides_nothing(shop, kind):
    number = shop.number()
    payment = shop.create(ZALOPAY, number)
    genuine = ZALOPAY.notice(number)
    body = ZALOPAY.changed(json.loads(genuine.body), {"type": kind, "amount": 1, "app_id": 1})
    right = kind in (1, None, MISSING) and kind is not True and not isinstance(kind, float)
    call = ZALOPAY.call(dumps(body).encode())
    shop.expect(ZALOPAY, call, "one" if right else "unreadable")
    assert shop.state(payment)[0] == ("succeeded" if right else OPEN)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (1, "one"),
        (-1, "one"),
        (10**20, "unreadable"),
        (10**4_000, "unreadable"),
        ("1", "unreadable"),
    ],
    ids=["1", "-1", "21 digits", "4,001 digits", "text"],
)
def test_a_link_of_zalopay(shop, status, outcome):
    number = shop.number()
    link = {
        "app_id": 2553, "app_trans_id": f"260301_LINK-{number}", "binding_id": f"B{number}",
        "pay_token": "secret-pay-token", "server_time": 1772355600, "merchant_user_id": "u",
        "status": status, "msg_type": 1,
    }  # fmt: skip
    text = json.dumps(link)
    body = json.loads(ZALOPAY.body(text, ZALOPAY.secret)) | {"type": 2}
    call = ZALOPAY.call(dumps(body).encode())
    shop.expect(ZALOPAY, call, "orphan" if outcome == "one" else outcome)
    assert "secret-pay-token" not in "".join(shop.file.iterdump())


@pytest.mark.parametrize("outer", [{}, [], 1, True, None])
def test_data_of_zalopay_that_is_no_text(shop, outer):
    body = json.loads(ZALOPAY.notice(shop.number()).body)
    shop.expect(ZALOPAY, ZALOPAY.call(dumps({**body, "data": outer}).encode()), "unreadable")


@pytest.mark.parametrize("outer", ["", "x", [], [{}], 1, True, None])
def test_data_of_payos_that_is_no_object(shop, outer):
    body = json.loads(PAYOS.notice(shop.number()).body)
    shop.expect(PAYOS, PAYOS.call(dumps({**body, "data": outer}).encode()), "unreadable")


def test_what_stands_around_data_of_payos_decides_nothing(shop):
    number = shop.number()
    payment = shop.create(PAYOS, number)
    body = json.loads(PAYOS.notice(number).body)
    body |= {"code": "99", "success": False, "desc": None, "amount": 1, "orderCode": 1}
    shop.expect(PAYOS, PAYOS.call(dumps(body).encode()), "one")
    assert shop.state(payment) == ("succeeded", None)


def test_a_memo_of_payos_that_would_be_a_field(shop):
    victim, mine = shop.number(), shop.number()
    payments = [shop.create(PAYOS, one) for one in (victim, mine)]
    reference = PAYOS.reference(victim)
    # The text that is signed is the same, if the memo is cut where it says so.
    genuine = PAYOS.notice(mine, {"description": f"a&orderCode={reference}"})
    shop.expect(PAYOS, genuine, "unreadable")
    body = json.loads(genuine.body)
    body["data"] |= {"description": "a", "orderCode": int(reference)}
    shop.expect(PAYOS, PAYOS.call(dumps(body).encode()), "unproven")
    assert [shop.state(one)[0] for one in payments] == [OPEN] * 2


def test_the_sample_of_payos_is_acknowledged(shop):
    sample = PAYOS.notice(
        shop.number(),
        {"description": "VQRIO123", "paymentLinkId": "124c33293c43417ab7879e14c8d9eb18"},
        pays="123",
        amount=3000,
    )
    shop.expect(PAYOS, sample, "noop")


def test_casso_with_nothing_and_with_an_error(shop):
    for key in ("casso", "casso-v1"):
        sender = BY[key]
        for body in (
            {"error": 0, "data": None},
            {"error": 0, "data": []},
            {"error": 1, "data": {}},
        ):
            shop.expect(sender, sender.call(dumps(body).encode()), "noop")
        for body in ({"error": 0}, {"error": "0", "data": {}}, {"error": None, "data": []}):
            shop.expect(sender, sender.call(dumps(body).encode()), "unreadable")
    one, several = BY["casso"], BY["casso-v1"]
    fields = one.fields(one.reference(shop.number()), PRICE, shop.number())
    shop.expect(one, one.call(dumps({"error": 0, "data": [fields]}).encode()), "unreadable")
    shop.expect(several, several.call(dumps({"error": 0, "data": fields}).encode()), "unreadable")


def test_casso_tells_of_several_at_once(shop):
    sender = BY["casso-v1"]
    numbers = [shop.number() for _ in range(3)]
    payments = [shop.create(sender, number) for number in numbers[:2]]
    rows = [sender.fields(sender.reference(number), PRICE, number) for number in numbers]
    rows[1]["amount"] -= 1
    rows.append({**rows[0], "id": rows[0]["id"] + 50_000, "amount": -5})
    call = sender.call(dumps({"error": 0, "data": rows}).encode())
    answer, made, _ = shop.post(sender, call)
    assert (answer.reply, made) == (sender.taken, (3, 2))
    assert [shop.state(one)[0] for one in payments] == ["succeeded", "needs_review"]
    assert shop.post(sender, call)[1] == (0, 0)
    # One that cannot be read, and none of them counts.
    rows = [sender.fields(sender.reference(number), PRICE, shop.number()) for number in numbers]
    rows[2]["amount"] = "1"
    shop.expect(sender, sender.call(dumps({"error": 0, "data": rows}).encode()), "unreadable")


@pytest.mark.parametrize("order", ["paid first", "void first"])
def test_a_void_of_the_gateway(shop, order):
    number = shop.number()
    payment = shop.create(GATEWAY, number)
    paid = GATEWAY.notice(number)
    void = GATEWAY.notice(
        number, {"notification_type": "TRANSACTION_VOID", "order.order_status": "CANCELLED"}
    )
    if order == "paid first":
        shop.expect(GATEWAY, paid, "one")
        shop.expect(GATEWAY, void, "one")
    else:
        shop.expect(GATEWAY, void, "one")
        answer, made, _ = shop.post(GATEWAY, paid)
        assert (answer.reply, made) == (GATEWAY.taken, (1, 0))  # kept, and changes nothing
    assert shop.state(payment) == ("refunded", None)
    for call in (paid, void):
        shop.expect(GATEWAY, call, "again taken")


def test_a_void_of_more_than_was_paid(shop):
    number = shop.number()
    payment = shop.create(GATEWAY, number)
    void = GATEWAY.notice(number, {"notification_type": "TRANSACTION_VOID"}, amount=PRICE + 1)
    shop.expect(GATEWAY, void, "review")
    assert shop.state(payment) == ("needs_review", "overpaid")


def test_one_payment_of_stripe_for_a_second_order(shop):
    number, second = shop.number(), shop.number()
    payments = [shop.create(STRIPE, one) for one in (number, second)]
    shop.expect(STRIPE, STRIPE.notice(number), "one")
    other = STRIPE.notice(second, {"data.object.id": f"pi_{number}"})
    shop.expect(STRIPE, other, "review")
    assert shop.state(payments[1]) == ("needs_review", "provider_id")


def test_a_hold_of_stripe_is_not_paid_and_then_it_is(shop):
    number = shop.number()
    payment = shop.create(STRIPE, number)
    changes = {"data.object.status": "requires_capture", "data.object.amount_received": 0}
    hold = {**changes, "type": "payment_intent.amount_capturable_updated", "id": "evt_hold"}
    shop.expect(STRIPE, STRIPE.notice(number, hold), "one")
    assert shop.state(payment) == ("authorized", None)
    shop.expect(STRIPE, STRIPE.notice(number), "one")
    assert shop.state(payment) == ("succeeded", None)


def test_a_payment_of_stripe_that_failed_and_was_tried_again(shop):
    number = shop.number()
    payment = shop.create(STRIPE, number)
    failed = {
        "id": "evt_failed", "type": "payment_intent.payment_failed",
        "data.object.status": "requires_payment_method", "data.object.amount_received": 0,
        "data.object.last_payment_error": {"type": "card_error", "code": "card_declined"},
    }  # fmt: skip
    shop.expect(STRIPE, STRIPE.notice(number, failed), "one")
    assert shop.state(payment)[0] == "failed"
    shop.expect(STRIPE, STRIPE.notice(number), "one")
    assert shop.state(payment) == ("succeeded", None)
