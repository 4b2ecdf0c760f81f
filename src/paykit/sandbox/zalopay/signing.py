"""ZaloPay's macs, written from the documentation and independent of the adapter.

Plain values joined by ``|``, HMAC-SHA256, lower-case hex: with key1 from the merchant, with key2
to the merchant. https://docs.zalopay.vn/docs/developer-tools/security/secure-data-transmission
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any, Final

#: Stands for the key itself, which some texts contain.
KEY: Final = "{key1}"

CREATE: Final = tuple("app_id app_trans_id app_user amount app_time embed_data item".split())
QUERY: Final = ("app_id", "app_trans_id", KEY)
REFUND: Final = tuple("app_id zp_trans_id amount description timestamp".split())
REFUND_WITH_FEE: Final = (*REFUND[:3], "refund_fee_amount", *REFUND[3:])
QUERY_REFUND: Final = ("app_id", "m_refund_id", "timestamp")
BANKS: Final = ("appid", "reqtime")
BANK_LINKS: Final = tuple("app_id bank_codes os_type order_token".split())
BIND: Final = tuple(
    "app_id app_trans_id binding_data binding_type identifier max_amount req_date".split()
)
UNBIND: Final = tuple("app_id identifier binding_id req_date".split())
QUERY_BINDING: Final = ("app_id", "app_trans_id", "req_date")
BALANCE: Final = tuple("app_id pay_token identifier amount req_date".split())
CHARGE: Final = tuple("app_id identifier zp_trans_token pay_token req_date".split())
QUERY_USER: Final = ("app_id", "access_token", "req_date")
REDIRECT: Final = tuple("appid apptransid pmcid bankcode amount discountamount status".split())


def joined(names: Iterable[str], fields: Mapping[str, Any], key: str = KEY) -> str:
    """The text to sign; what is missing is empty."""
    values = (key if name == KEY else fields.get(name) for name in names)
    return "|".join("" if value is None else str(value) for value in values)


def mac(text: str, key: str) -> str:
    """The lower-case hex HMAC-SHA256 of ``text``."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def matches(names: Iterable[str], fields: Mapping[str, Any], key: str) -> bool:
    """Whether the ``mac`` among ``fields`` is theirs."""
    given = str(fields["mac"]).encode()
    return hmac.compare_digest(mac(joined(names, fields, key), key).encode(), given)
