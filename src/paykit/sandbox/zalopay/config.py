"""ZaloPay's side: its merchants, and what it leaves unpublished."""

from __future__ import annotations

from datetime import timedelta

import attrs


@attrs.frozen(kw_only=True)
class ZaloPayMerchant:
    """One app of a merchant: ``key1`` proves its requests, ``key2`` what ZaloPay sends.

    ``callback_url`` is stored at ZaloPay and used where a request names none.
    """

    app_id: int
    key1: str = attrs.field(repr=False)
    key2: str = attrs.field(repr=False)
    name: str = "Paykit Demo Shop"
    callback_url: str = "http://127.0.0.1:8000/webhooks/zalopay"


#: The apps that ZaloPay publishes for its own sandbox.
PUBLISHED_ZALOPAY_MERCHANTS = (
    ZaloPayMerchant(
        app_id=2553,
        key1="PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL",
        key2="kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz",
    ),
    ZaloPayMerchant(
        app_id=2554,
        key1="sdngKKJmqEMzvh5QQcdD2A9XBSKUNaYn",
        key2="trMrHtvjo6myautxDUiAcYsVtaeQ8nhf",
    ),
)


@attrs.frozen(kw_only=True)
class ZaloPayConfig:
    """ZaloPay's merchants and its habits.

    A callback that is answered with 0 is repeated at most three times. When, is not published:
    ``callback_retry_after`` is an assumption, one entry per repetition.

    The real sandbox was seen to take an ``app_trans_id`` without the Vietnamese date in front;
    production claims to refuse it. ``check_dates=False`` does as that sandbox did.

    ZaloPay documents errors such as -401 in two shapes: as ``sub_return_code`` beside a
    ``return_code`` of 2, or with ``flat_errors`` as the ``return_code`` itself.
    """

    merchants: tuple[ZaloPayMerchant, ...] = PUBLISHED_ZALOPAY_MERCHANTS
    check_dates: bool = True
    flat_errors: bool = False
    #: How far the time in a request may be from ours.
    clock_tolerance: timedelta = timedelta(minutes=15)
    #: How long an order may be paid if it does not say, and an agreement be confirmed.
    order_lifetime: timedelta = timedelta(minutes=15)
    #: How long a refund shows as being processed.
    refund_processing: timedelta = timedelta(0)
    #: How long after the payment a refund may be asked for; there is a limit, but not published.
    refund_window: timedelta | None = None
    #: How long a charge through an agreement shows as being processed.
    charge_processing: timedelta = timedelta(0)
    #: What every payer has. A charge through an agreement beyond it fails with -63.
    wallet_balance: int = 20_000_000
    #: Whether a payer who refuses an agreement is reported; a published sample expects it.
    callback_on_refusal: bool = True
    callback_retry_after: tuple[timedelta, ...] = (
        timedelta(seconds=10),
        timedelta(minutes=1),
        timedelta(minutes=5),
    )
    #: ZaloPay does not publish how long it waits for an answer.
    callback_timeout: timedelta = timedelta(seconds=15)

    def merchant(self, app_id: int) -> ZaloPayMerchant | None:
        """The merchant with this app id."""
        return next((one for one in self.merchants if one.app_id == app_id), None)
