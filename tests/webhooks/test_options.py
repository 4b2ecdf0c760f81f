"""What can be set of a mount: from a settings file anything may come, and it is refused at once."""

from datetime import timedelta

import pytest

from paykit import ConfigurationError
from paykit.webhooks import MountOptions, OrderTokens, Sources
from paykit.webhooks.receiver import check_prefix, check_return_to, onward_reply

WRONG = [
    ("max_body", "65536"), ("max_body", True), ("max_body", 1.5), ("max_body", None),
    ("body_seconds", "20"), ("body_seconds", None),
    ("sources", {"momo": ["203.0.113.0/24"]}), ("sources", []),
    ("order_tokens", "a secret of 16 letters"), ("order_tokens", ["a secret of 16 letters"]),
    ("longest_wait", 2.5), ("stream_seconds", timedelta(seconds=1)), ("ping_seconds", "15"),
    ("most_held", "20"), ("most_held", False), ("health", "no"), ("health", 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG, ids=str)
def test_a_value_of_another_type_is_refused_by_its_name(name, value):
    with pytest.raises(ConfigurationError, match=f"^{name} is "):
        MountOptions(**{name: value})


def test_what_will_do():
    tokens = OrderTokens("a secret of 16 letters")
    options = MountOptions(
        max_body=1, body_seconds=2, sources=Sources({}), order_tokens=tokens, most_held=0
    )
    assert (options.body_seconds, options.order_tokens) == (2, tokens)


@pytest.mark.parametrize("valid_for", [3600, "1h", None, timedelta(0)])
def test_how_long_a_token_is_good_for_is_a_time(valid_for):
    with pytest.raises(ConfigurationError, match="timedelta"):
        OrderTokens("a secret of 16 letters", valid_for=valid_for)


@pytest.mark.parametrize("key", [None, b"a secret of 16 letters", 16, "too short"])
def test_a_key_of_tokens_is_a_text(key):
    with pytest.raises(ConfigurationError, match="16 characters"):
        OrderTokens(key)


RETURNS = {
    "/thanks": "/thanks",
    "/thanks?lang=vi&a=%20": "/thanks?lang=vi&a=%20",
    "/cảm-ơn": "/c%E1%BA%A3m-%C6%A1n",
    "/a b": "/a%20b",
    "https://shop.example": "https://shop.example",
    "https://shop.example:8443/café?tên=phở": "https://shop.example:8443/caf%C3%A9?t%C3%AAn=ph%E1%BB%9F",
    "https://cửahàng.vn/thanks": "https://xn--cahng-tqa2694c.vn/thanks",
    "https://[2001:db8::1]:8000/": "https://[2001:db8::1]:8000/",
    "http://localhost:8000/thanks/(1)/~me/@a;b=1,2": "http://localhost:8000/thanks/(1)/~me/@a;b=1,2",
}  # fmt: skip


@pytest.mark.parametrize(("given", "sent"), RETURNS.items(), ids=list(RETURNS))
def test_the_shops_page_is_a_url_that_every_server_can_send(given, sent):
    assert check_return_to(given) == sent
    assert check_return_to(sent) == sent
    assert dict(onward_reply(given).headers)["location"].isascii()


@pytest.mark.parametrize(
    "url",
    [
        "", "thanks", "//evil.example", "///evil.example", "/\\evil.example", "/a#b", "#", "/a\nb",
        "https://", "https://[::1", "https://a..b/", "javascript:alert(1)", "ftp://shop.example/",
        "https:/thanks", None, 5, b"/thanks",
    ],
)  # fmt: skip
def test_what_is_no_page_of_the_shop_is_refused(url):
    with pytest.raises(ConfigurationError, match="return_to"):
        check_return_to(url)


def test_a_fragment_is_refused_by_its_name():
    with pytest.raises(ConfigurationError, match="fragment"):
        check_return_to("https://shop.example/#/thanks")


@pytest.mark.parametrize(
    ("given", "kept"),
    [("", ""), ("/", ""), ("/pay", "/pay"), ("/pay/", "/pay"), ("/a/b//", "/a/b")],
)
def test_a_prefix_ends_without_a_slash(given, kept):
    assert check_prefix(given) == kept


@pytest.mark.parametrize("prefix", ["pay", "pay/", " /pay"])
def test_a_prefix_begins_with_a_slash(prefix):
    with pytest.raises(ConfigurationError, match="slash"):
        check_prefix(prefix)
