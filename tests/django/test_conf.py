"""The setting ``PAYKIT``: what it means, and what is said of what is wrong."""

import pytest
from django.test import override_settings

from paykit import ConfigurationError
from paykit.django import conf
from paykit.webhooks import Sources
from paykit.webhooks.options import MountOptions
from paykit.webhooks.tokens import OrderTokens

VNPAY = {"tmn_code": "SHOP0001", "hash_secret": "NOT-A-REAL-SECRET"}
GOOD = {"PROVIDERS": {"vnpay": VNPAY}, "RETURN_TO": "/thanks"}
OPTIONS = MountOptions(max_body=1)


def providers():
    from paykit import registry

    return registry.from_dict({"vnpay-shop": VNPAY})


def no_providers():
    return ["vnpay"]


def failing():
    raise ConfigurationError("the vault is closed")


def broken():
    return {}["VNPAY_TMN_CODE"]


def needs_more(vault):
    return vault


HERE = "tests.django.test_conf"


def test_what_is_needed_is_little():
    with override_settings(PAYKIT=GOOD):
        found = conf.load()
    assert [one.key for one in found.providers] == ["vnpay"]
    assert (found.return_to, found.database, found.is_on_djangos, found.relay) == (
        "/thanks",
        "default",
        True,
        False,
    )
    assert found.options.order_tokens.allow("ORDER-1", found.options.order_tokens.make("ORDER-1"))
    assert found.options.max_body == MountOptions().max_body


def test_everything_may_be_given():
    own = OrderTokens("sixteen-characters-or-more")
    given = {
        "PROVIDERS": f"{HERE}.providers",
        "RETURN_TO": "https://shop.example/thanks?lang=vi",
        "DATABASE": "postgresql://shop@db.internal/shop",
        "OPTIONS": {"max_body": 10, "order_tokens": own},
        "ORDER_TOKEN_KEYS": [],
        "RELAY": True,
    }
    with override_settings(PAYKIT=given):
        found = conf.load()
    assert [one.key for one in found.providers] == ["vnpay-shop"]
    assert (found.database, found.is_on_djangos, found.relay) == (
        "postgresql://shop@db.internal/shop",
        False,
        True,
    )
    assert found.options == MountOptions(max_body=10, order_tokens=own)


def test_options_may_be_made_elsewhere():
    with override_settings(PAYKIT={**GOOD, "OPTIONS": f"{HERE}.OPTIONS", "ORDER_TOKEN_KEYS": ()}):
        assert conf.load().options == OPTIONS


def test_addresses_for_nobody_are_refused():
    sources = Sources({"vnpya": ["203.0.113.0/24"]})
    with override_settings(PAYKIT={**GOOD, "OPTIONS": {"sources": sources}}):
        (problem,) = conf.read()[1]
    assert str(problem) == (
        """PAYKIT["OPTIONS"]["sources"] is wrong: sources name 'vnpya', which is no account that """
        "is here. There are vnpay, and *."
    )
    assert problem.id == "paykit.E007"


def test_tokens_go_on_while_the_secret_key_is_changed():
    def tokens(**settings):
        with override_settings(**{"PAYKIT": GOOD, **settings}):
            return conf.load().options.order_tokens

    before = tokens(SECRET_KEY="one", SECRET_KEY_FALLBACKS=[]).make("ORDER-1")
    rotated = tokens(SECRET_KEY="two", SECRET_KEY_FALLBACKS=["one"])
    assert rotated.allow("ORDER-1", before)
    assert tokens(SECRET_KEY="one").allow("ORDER-1", rotated.make("ORDER-1")) is False
    own = tokens(PAYKIT={**GOOD, "ORDER_TOKEN_KEYS": ["sixteen-characters-or-more"]})
    assert own.allow("ORDER-1", before) is False


#: what is given instead: (check, setting, what is said, the hint)
WRONG = {
    "nothing": (
        None, "paykit.E001", "PAYKIT", "is missing",
        'Set PAYKIT = {"PROVIDERS": {"vnpay": {…}}, "RETURN_TO": "/thanks"}',
    ),
    "a list": (
        [], "paykit.E001", "PAYKIT", "is no mapping",
        'Set PAYKIT = {"PROVIDERS": {"vnpay": {…}}, "RETURN_TO": "/thanks"}',
    ),
    "a misspelt name": (
        {**GOOD, "return_too": "/"}, "paykit.E002", "PAYKIT['return_too']", "is no setting",
        "Did you mean RETURN_TO?",
    ),
    "an unknown name": (
        {**GOOD, "COLOUR": "red"}, "paykit.E002", "PAYKIT['COLOUR']", "is no setting",
        "There are PROVIDERS, RETURN_TO, DATABASE, ORDER_TOKEN_KEYS, OPTIONS, RELAY.",
    ),
}  # fmt: skip
ACCOUNTS = (
    'Give a mapping such as {"vnpay": {"tmn_code": …, "hash_secret": …}}, or the dotted path to a '
    "function that returns providers."
)
PAGES = "The settings of each provider are on its page of the documentation."
RETURN = 'Name the page that browsers go to after they have paid: "/thanks".'
WHERE = 'Give one of DATABASES, or a URL such as "postgresql+psycopg://user@host/name".'
KEYS = "Give secrets of 16 characters or more, or leave it out: then it is made of SECRET_KEY."
FIELDS = 'Give fields of MountOptions, such as {"max_body": 65536}, or a dotted path to one.'
NAMES = (
    "There are max_body, body_seconds, sources, order_tokens, longest_wait, stream_seconds, "
    "ping_seconds, most_held, health."
)

NO_ORACLE = (
    "is wrong: the database must be one of sqlite, postgresql+psycopg, postgresql+asyncpg, "
    "mysql+pymysql, mariadb+pymysql, not oracle"
)

#: one setting: (its value, check, where in it, what is said, the hint)
WRONG_VALUES = {
    "PROVIDERS": [
        (..., "paykit.E003", "", "is missing", ACCOUNTS),
        ({}, "paykit.E003", "", "has no account in it", ACCOUNTS),
        (["vnpay"], "paykit.E003", "", "is no mapping", ACCOUNTS),
        (
            {"vnpay": {"tmn_code": "SHOP0001"}}, "paykit.E003", '["vnpay"]',
            "is wrong: vnpay: hash_secret: Field required", PAGES,
        ),
        (
            {"vnpya": VNPAY}, "paykit.E003", '["vnpya"]',
            "is wrong: 'vnpya' is no account's key, such as momo or momo-eu",
            "Did you mean vnpay?",
        ),
        (
            {"vnpay": None}, "paykit.E003", '["vnpay"]',
            "is wrong: the settings of vnpay are no mapping", PAGES,
        ),
        (
            "shop.nowhere", "paykit.E003", "", "cannot be imported: No module named 'shop'",
            ACCOUNTS,
        ),
        (f"{HERE}.no_providers", "paykit.E003", "", "gives something that is no provider", ACCOUNTS),
        (f"{HERE}.failing", "paykit.E003", "", "is wrong: the vault is closed", ACCOUNTS),
        (
            f"{HERE}.broken", "paykit.E003", "", "fails with KeyError: 'VNPAY_TMN_CODE'", ACCOUNTS,
        ),
        (
            f"{HERE}.needs_more", "paykit.E003", "",
            "fails with TypeError: needs_more() missing 1 required positional argument: 'vault'",
            ACCOUNTS,
        ),
        ({1: VNPAY}, "paykit.E003", "[1]", "is no name of an account", ACCOUNTS),
        (
            {"vnpay": VNPAY, "vnpay-b": VNPAY}, "paykit.E003", "",
            "is wrong: vnpay-b and vnpay are one account", ACCOUNTS,
        ),
    ],
    "RETURN_TO": [
        (..., "paykit.E004", "", "is missing", RETURN),
        ("thanks", "paykit.E004", "", "is neither a URL nor a path of your shop", RETURN),
        ("https://[::1", "paykit.E004", "", "is neither a URL nor a path of your shop", RETURN),
    ],
    "DATABASE": [
        ("shop", "paykit.E005", "", "is 'shop', and DATABASES has default", WHERE),
        (
            "oracle://db", "paykit.E005", "",
            NO_ORACLE, WHERE,
        ),
    ],
    "ORDER_TOKEN_KEYS": [
        ("a-key-that-is-no-list", "paykit.E006", "", "is no list of texts", KEYS),
        (None, "paykit.E006", "", "is no list of texts", KEYS),
        (5, "paykit.E006", "", "is no list of texts", KEYS),
        ([b"sixteen-characters-or-more"], "paykit.E006", "", "is no list of texts", KEYS),
        (
            ["short"], "paykit.E006", "",
            "is wrong: a key for tokens has at least 16 characters", KEYS,
        ),
    ],
    "OPTIONS": [
        (None, "paykit.E007", "", "is neither a mapping nor MountOptions", FIELDS),
        (
            {"max_body": "65536"}, "paykit.E007", "", "is wrong: max_body is int, not '65536'", FIELDS,
        ),
        (
            {"sources": {"vnpay": ["203.0.113.0/24"]}}, "paykit.E007", "",
            "is wrong: sources is Sources or nothing, not {'vnpay': ['203.0.113.0/24']}", FIELDS,
        ),
        ({"Max_Bodi": 1}, "paykit.E007", "['Max_Bodi']", "is no option", "Did you mean max_body?"),
        ({"colour": 1}, "paykit.E007", "['colour']", "is no option", NAMES),
        (
            {"max_body": 0}, "paykit.E007", "",
            "is wrong: max_body and body_seconds must be more than nothing", FIELDS,
        ),
    ],
    "RELAY": [("yes", "paykit.E008", "", "is neither True nor False", "Give True or False.")],
}  # fmt: skip


def problems(given):
    with override_settings(PAYKIT=given):
        _, found = conf.read()
    return [(one.id, one.setting, one.message, one.hint) for one in found]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name):
    given, *said = WRONG[name]
    assert problems(given) == [tuple(said)]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [(name, value, said) for name, rows in WRONG_VALUES.items() for value, *said in rows],
)
def test_a_wrong_value_is_named(name, value, said):
    given = {**GOOD, name: value}
    if value is ...:
        del given[name]
    check, part, message, hint = said
    assert problems(given) == [(check, f'PAYKIT["{name}"]{part}', message, hint)]
    with override_settings(PAYKIT=given), pytest.raises(ConfigurationError) as caught:
        conf.load()
    assert str(caught.value) == f'PAYKIT["{name}"]{part} {message}. {hint}'


def test_all_that_is_wrong_is_said_at_once():
    given = {"PROVIDERS": {}, "RELAY": 1, "DATABSE": "default"}
    assert [check for check, *_ in problems(given)] == [
        "paykit.E002",
        "paykit.E003",
        "paykit.E004",
        "paykit.E008",
    ]


def test_no_secret_is_shown():
    given = {"PROVIDERS": {"vnpay": {**VNPAY, "typo": "TOP-SECRET"}}, "RETURN_TO": "/"}
    assert "SECRET" not in str(problems(given)).replace("SECRET_KEY", "")
