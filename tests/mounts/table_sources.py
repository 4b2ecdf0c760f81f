"""From which addresses webhooks are taken, and whom a header about that is believed."""

from .callers import MOMO, VNPAY
from .case import Case, refused, reply
from .wire import Sent

KEPT = reply(MOMO.unknown)
NOT_HERE = refused(403, "this address may not call here")


def told(options, *headers, allowed):
    """MoMo's notice under such headers."""
    return Case(
        lambda order: MOMO.call(order.number).having(*headers),
        KEPT if allowed else NOT_HERE,
        rows=(1, 0) if allowed else (0, 0),
        options=options,
    )


def behind(*values, allowed, name="x-forwarded-for", options="proxied"):
    """By way of proxies, the nearest of which is on loopback."""
    return told(options, *[(name, value) for value in values], allowed=allowed)


def forwarded(*values, allowed):
    return behind(*values, allowed=allowed, name="forwarded", options="forwarded")


INSIDE = "203.0.113.7"
#: The proxies of the shop are 127.0.0.0/8, 10.0.0.0/8 and 2001:db8:ffff::/48.
CHAINS = {
    "no proxy said a word": behind(allowed=False),
    "one proxy": behind(INSIDE, allowed=True),
    "one proxy, from elsewhere": behind("198.51.100.1", allowed=False),
    "two proxies": behind(f"{INSIDE}, 10.1.2.3", allowed=True),
    "two proxies in two headers": behind(INSIDE, "10.1.2.3", allowed=True),
    "proxies only": behind("10.9.9.9, 10.1.2.3", allowed=False),
    "a forged beginning": behind(f"{INSIDE}, 198.51.100.1, 10.1.2.3", allowed=False),
    "a forged header before": behind(INSIDE, "198.51.100.1, 10.1.2.3", allowed=False),
    "a forged proxy": behind(f"{INSIDE}, 11.0.0.1", allowed=False),
    "the genuine one after a forged beginning": behind(f"198.51.100.1, {INSIDE}", allowed=True),
    "a port": behind(f"{INSIDE}:4711", allowed=True),
    "IPv6": behind("2001:db8:5::1", allowed=True),
    "IPv6 in brackets with a port": behind("[2001:db8:5::1]:4711", allowed=True),
    "IPv6 from elsewhere": behind("2001:db8:6::1", allowed=False),
    "IPv6 by an IPv6 proxy": behind("2001:db8:5::1, 2001:db8:ffff::2", allowed=True),
    "IPv4 in IPv6": behind(f"::ffff:{INSIDE}", allowed=True),
    "IPv4 in IPv6 from elsewhere": behind("::ffff:198.51.100.1", allowed=False),
    "IPv4 in IPv6 as a proxy": behind(f"{INSIDE}, ::ffff:10.1.2.3", allowed=True),
    "garbage": behind("unknown", allowed=False),
    "garbage before a proxy": behind(f"{INSIDE}, unknown, 10.1.2.3", allowed=False),
    "nothing between commas": behind(f"{INSIDE}, , 10.1.2.3", allowed=False),
    "octal": behind("0203.0.113.7", allowed=False),
    "a number": behind("3405803783", allowed=False),
    "an empty header": behind("", allowed=False),
    "hundreds of proxies": behind(", ".join([INSIDE] + ["10.1.2.3"] * 300), allowed=False),
    "by another header": behind(INSIDE, name="x-real-ip", allowed=False),
    "by Forwarded, which is not used": behind(f"for={INSIDE}", name="forwarded", allowed=False),
}
FORWARDED = {
    "one proxy": forwarded(f"for={INSIDE}", allowed=True),
    "everything it may say": forwarded(
        f'for=198.51.100.1, For="{INSIDE}:4711";proto=https;by=10.1.2.3, for=10.1.2.3', allowed=True
    ),
    "IPv6": forwarded('for="[2001:db8:5::1]:4711"', allowed=True),
    "from elsewhere": forwarded(f"for={INSIDE}, for=198.51.100.1", allowed=False),
    "hidden": forwarded("for=_hidden", allowed=False),
    "unknown": forwarded("for=unknown", allowed=False),
    "an open quote": forwarded(f'for="{INSIDE}, for=198.51.100.1', allowed=False),
    "without for": forwarded(f"by={INSIDE}", allowed=False),
    "by X-Forwarded-For, which is not used": behind(INSIDE, options="forwarded", allowed=False),
}
DIRECT = {
    "from an allowed address": told("loopback", allowed=True),
    "from another address": told("strangers", allowed=False),
    "forged, and no proxy is trusted": told(
        "strangers", ("x-forwarded-for", INSIDE), ("forwarded", f"for={INSIDE}"), allowed=False
    ),
    "an account without a list": Case(
        lambda order: VNPAY.call(order.number),
        reply(VNPAY.unknown),
        rows=(1, 0),
        options="strangers",
    ),
    "a return from anywhere": Case(
        Sent("GET", "/payments/nobody/status"),
        refused(404, "there is no such payment"),
        options="strangers",
    ),
    "the method is told to anybody": Case(
        Sent("GET", "/webhooks/momo"),
        refused(405, "use POST", allow="POST"),
        options="strangers",
    ),
}
SOURCES = {
    **{f"source: {name}": case for name, case in DIRECT.items()},
    **{f"behind proxies: {name}": case for name, case in CHAINS.items()},
    **{f"Forwarded: {name}": case for name, case in FORWARDED.items()},
}
