"""Who is calling: properties of the allow list that a table of headers does not show."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import ConfigurationError
from paykit.webhooks import Sources
from paykit.webhooks.receiver import Head

PROXY, OTHER_PROXY, STRANGER = "10.0.0.1", "2001:db8:ffff::1", "198.51.100.7"
TRUSTED = ("10.0.0.0/8", "2001:db8:ffff::/48")


def head(*values, peer=PROXY, name=b"x-forwarded-for"):
    return Head("POST", "/webhooks/momo", b"", [(name, value.encode()) for value in values], peer)


def sources(allowed=("203.0.113.0/24",), **settings):
    return Sources({"momo": allowed}, **settings)


def is_trusted(text):
    address = ip_address(text)
    return address in ip_address_range(address.version)


def ip_address_range(version):
    from ipaddress import ip_network

    return next(network for network in map(ip_network, TRUSTED) if network.version == version)


ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
STRANGERS = ADDRESSES.filter(lambda text: not is_trusted(text) and not text.startswith("::ffff:"))
PROXIES = st.sampled_from([PROXY, OTHER_PROXY, "10.255.0.9", "::ffff:10.0.0.3"])
CLAIMS = st.lists(st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30))


@given(caller=STRANGERS, chain=st.lists(PROXIES, max_size=5), claims=CLAIMS)
def test_the_caller_is_whom_the_outermost_proxy_of_ours_saw(caller, chain, claims):
    """Whatever the caller itself claimed, in whatever letters."""
    who = Sources({}, trusted_proxies=TRUSTED)
    told = head(", ".join([*claims, caller, *chain]).encode("latin-1").decode("latin-1"))
    assert who.caller(told) == ip_address(caller)
    # The same in a header for each.
    assert who.caller(head(*claims, caller, *chain)) == ip_address(caller)


@given(caller=STRANGERS, chain=st.lists(PROXIES, max_size=5), port=st.integers(1, 65535))
def test_so_it_is_with_forwarded(caller, chain, port):
    who = Sources({}, trusted_proxies=TRUSTED, forwarded_by="forwarded")
    at = f'"[{caller}]:{port}"' if ":" in caller else f'"{caller}:{port}"'
    quoted = [f'"[{one}]"' if ":" in one else one for one in chain]
    text = ", ".join(f"for={one};proto=https" for one in [at, *quoted])
    assert who.caller(head(text, name=b"forwarded")) == ip_address(caller)


#: What the proxy wrote, in which it quoted something of the caller's.
QUOTED = [
    'for=198.51.100.1;host="x, for=203.0.113.7"',
    'host="x;for=203.0.113.7";for=198.51.100.1',
    'host="x\\", for=203.0.113.7";for=198.51.100.1',
    'FOR="198.51.100.1:80" ; proto=https',
    'for=203.0.113.7, by=10.0.0.1;for=198.51.100.1;host=""',
    ",,for=198.51.100.1",
    'for="\\1\\98.51.100.1"',
]
#: What follows no rule, so nobody can tell what of it the proxy wrote.
BROKEN = [
    'for=203.0.113.7;host="x',
    'for=", for=198.51.100.1',
    'for="x, for="[2001:db8::1]:80"',
    "for 203.0.113.7",
    'for=203.0.113.7"',
    "for=203.0.113.7 for=203.0.113.7",
    "=203.0.113.7",
]


@pytest.mark.parametrize("text", QUOTED)
def test_what_is_quoted_speaks_for_nobody(text):
    who = Sources({}, trusted_proxies=TRUSTED, forwarded_by="forwarded")
    assert str(who.caller(head(text, name=b"forwarded"))) == "198.51.100.1"


@pytest.mark.parametrize("text", BROKEN)
def test_a_forwarded_that_is_broken_names_nobody(text):
    who = sources(allowed=("0.0.0.0/0",), trusted_proxies=TRUSTED, forwarded_by="forwarded")
    told = head(text, name=b"forwarded")
    assert who.caller(told) is None
    assert not who.allow(told, account="momo", provider="momo")


@pytest.mark.parametrize(
    ("network", "peer", "is_allowed"),
    [
        ("::ffff:10.0.0.0/104", "10.1.2.3", True),
        ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", True),
        ("::ffff:10.0.0.0/104", "11.1.2.3", False),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("::/0", "2001:db8::1", True),
        ("::/0", "10.1.2.3", False),
    ],
)
def test_ipv4_in_ipv6_is_what_it_is(network, peer, is_allowed):
    assert sources((network,)).allow(head(peer=peer), account="momo", provider="x") is is_allowed


@given(peer=STRANGERS, claims=CLAIMS)
def test_who_is_no_proxy_of_ours_speaks_for_nobody(peer, claims):
    who = Sources({}, trusted_proxies=TRUSTED)
    assert who.caller(head(*claims, peer=peer)) == ip_address(peer)
    assert Sources({}).caller(head(*claims, peer=peer)) == ip_address(peer)


@given(
    values=st.lists(st.binary(max_size=60)),
    forwarded_by=st.sampled_from(["x-forwarded-for", "forwarded"]),
)
def test_garbage_is_nobody_or_somebody_and_no_error(values, forwarded_by):
    who = sources(trusted_proxies=TRUSTED, forwarded_by=forwarded_by)
    garbage = Head("POST", "/", b"", [(forwarded_by.encode(), value) for value in values], PROXY)
    assert who.allow(garbage, account="momo", provider="momo") in {True, False}


@pytest.mark.parametrize("peer", ["", "localhost", "unix:", "1.2.3", "::g"])
def test_a_peer_that_is_no_address_may_not_call(peer):
    who = sources(allowed=("0.0.0.0/0", "::/0"), trusted_proxies=("0.0.0.0/0",))
    told = head("203.0.113.7", peer=peer)
    assert not who.allow(told, account="momo", provider="momo")


def test_a_unix_socket():
    told = head("203.0.113.7", peer=None)
    assert sources().caller(told) is None
    assert sources(trusted_proxies=TRUSTED).caller(told) is None
    who = sources(trusted_proxies=("unix",))
    assert str(who.caller(told)) == "203.0.113.7"
    assert who.allow(told, account="momo", provider="momo")
    assert not who.allow(head(peer=None), account="momo", provider="momo")


def test_the_nearest_list_counts():
    """Of the account, else of the provider, else of all others."""
    who = Sources({"momo-eu": ["10.1.0.0/16"], "momo": ["10.2.0.0/16"], "*": ["10.3.0.0/16"]})
    allowed = {
        (account, provider): [
            network
            for network in ("10.1.0.1", "10.2.0.1", "10.3.0.1")
            if who.allow(head(peer=network), account=account, provider=provider)
        ]
        for account, provider in (("momo-eu", "momo"), ("momo-vn", "momo"), ("vnpay", "vnpay"))
    }
    assert allowed == {
        ("momo-eu", "momo"): ["10.1.0.1"],
        ("momo-vn", "momo"): ["10.2.0.1"],
        ("vnpay", "vnpay"): ["10.3.0.1"],
    }


def test_without_a_list_everybody_may_call_and_an_empty_one_lets_nobody():
    assert Sources({}).allow(head(peer=STRANGER), account="momo", provider="momo")
    assert Sources({}).allow(head(peer=None), account="momo", provider="momo")
    assert not sources(allowed=()).allow(head(peer=STRANGER), account="momo", provider="momo")


@pytest.mark.parametrize(
    "settings",
    [
        {"allowed": ("nowhere",)},
        {"allowed": ("203.0.113.7/24",)},  # an address with a mask is neither the one nor the other
        {"trusted_proxies": ("10.0.0.0/33",)},
        {"forwarded_by": "x-real-ip"},
        {"allowed": "203.0.113.0/24"},  # a text is a list of letters
        {"trusted_proxies": "10.0.0.0/8"},
    ],
    ids=str,
)
def test_settings_are_checked_at_once(settings):
    with pytest.raises(ConfigurationError):
        sources(**settings)
