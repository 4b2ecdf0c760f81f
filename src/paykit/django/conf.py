"""The setting ``PAYKIT``: a mapping, read and checked.

Whatever is wrong is a :class:`Problem` that names the setting and says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

import attrs
from django.conf import settings
from django.db import connections
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string

from .. import registry
from ..errors import ConfigurationError
from ..provider import Provider
from ..webhooks.options import MountOptions
from ..webhooks.receiver import check_return_to
from ..webhooks.tokens import OrderTokens

_SALT: Final = "paykit.django.order-tokens"
#: What Django calls the databases that the service knows.
_VENDORS: Final = ("sqlite", "postgresql", "mysql")
_MISSING: Final = object()


@attrs.frozen
class Problem:
    """What is wrong with a setting, and what to do about it; ``id`` is that of the check."""

    id: str
    setting: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.setting} {self.message}. {self.hint}"


@attrs.frozen(kw_only=True)
class Conf:
    """The settings as values."""

    providers: tuple[Provider, ...]
    return_to: str
    #: One of Django's ``DATABASES``, or a SQLAlchemy URL.
    database: str = "default"
    options: MountOptions
    relay: bool = False

    @property
    def is_on_djangos(self) -> bool:
        """Whether the tables are used over Django's own connection."""
        return "://" not in self.database


def load() -> Conf:
    """The settings. Raises :class:`ConfigurationError` for the first one that is wrong."""
    values, problems = read()
    if problems:
        raise ConfigurationError(str(problems[0]))
    options: MountOptions = values["OPTIONS"]
    if options.order_tokens is None:
        options = attrs.evolve(options, order_tokens=values["ORDER_TOKEN_KEYS"])
    return Conf(
        providers=values["PROVIDERS"],
        return_to=values["RETURN_TO"],
        database=values["DATABASE"],
        options=options,
        relay=values["RELAY"],
    )


def alias() -> str:
    """Which of Django's databases the admin pages look at."""
    given = getattr(settings, "PAYKIT", {}).get("DATABASE", "default")
    return given if given in connections else "default"


def read() -> tuple[Mapping[str, Any], list[Problem]]:
    """What each setting means, as far as that is known, and all that is wrong with them."""
    given = getattr(settings, "PAYKIT", None)
    if not isinstance(given, Mapping):
        said = "is missing" if given is None else "is no mapping"
        hint = 'Set PAYKIT = {"PROVIDERS": {"vnpay": {…}}, "RETURN_TO": "/thanks"}'
        return {}, [Problem("paykit.E001", "PAYKIT", said, hint)]
    problems = list(_unknown(given))
    values = {}
    for name, setting in SETTINGS.items():
        try:
            values[name] = setting.read(given.get(name, setting.default))
        except _WrongError as wrong:
            whole = f'PAYKIT["{name}"]{wrong.part}'
            problems.append(Problem(setting.id, whole, wrong.message, wrong.hint or setting.hint))
        except ConfigurationError as error:
            said = f"is wrong: {error}"
            problems.append(Problem(setting.id, f'PAYKIT["{name}"]', said, setting.hint))
    problems += _for_nobody(values)
    return values, problems


def _for_nobody(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Addresses that may call an account that there is not."""
    sources = values["OPTIONS"].sources if "OPTIONS" in values else None
    if sources is not None and "PROVIDERS" in values:
        accounts = {one.key: one for one in values["PROVIDERS"]}
        try:
            sources.check(accounts)
        except ConfigurationError as error:
            hint = f"There are {', '.join(accounts)}, and *."
            yield Problem("paykit.E007", 'PAYKIT["OPTIONS"]["sources"]', f"is wrong: {error}", hint)


class _WrongError(Exception):
    """A value will not do; ``part`` is where in it: ``["vnpay"]``."""

    def __init__(self, message: str, *, hint: str = "", part: str = "") -> None:
        self.message = message
        self.hint = hint
        self.part = part


def _unknown(given: Mapping[str, Any]) -> Iterator[Problem]:
    for name in given:
        if name not in SETTINGS:
            hint = _nearest(str(name).upper(), SETTINGS)
            yield Problem("paykit.E002", f"PAYKIT[{name!r}]", "is no setting", hint)


def _nearest(name: str, known: Collection[str], *, otherwise: str | None = None) -> str:
    """The known name that may have been meant, or else what there is."""
    close = get_close_matches(name, known, 1)
    if close:
        return f"Did you mean {close[0]}?"
    return f"There are {', '.join(known)}." if otherwise is None else otherwise


def _imported(path: str) -> Any:
    """What a dotted path leads to; called, if it is a function."""
    try:
        found = import_string(path)
    except ImportError as error:
        raise _WrongError(f"cannot be imported: {error}") from error
    try:
        return found() if callable(found) else found
    except ConfigurationError:
        raise
    except Exception as error:  # it is somebody's own, and the check has to say which it was
        raise _WrongError(f"fails with {type(error).__name__}: {error}") from error


def _providers(given: Any) -> tuple[Provider, ...]:
    if isinstance(given, str):
        found = tuple(_imported(given))
    elif isinstance(given, Mapping):
        found = tuple(_account(key, own) for key, own in given.items())
    else:
        raise _WrongError("is missing" if given is _MISSING else "is no mapping")
    if not found:
        raise _WrongError("has no account in it")
    if not all(isinstance(one, Provider) for one in found):
        raise _WrongError("gives something that is no provider")
    registry.by_key(found)
    return found


def _account(key: Any, own: Any) -> Provider:
    if not isinstance(key, str):
        raise _WrongError("is no name of an account", part=f"[{key!r:.60}]")
    try:
        return registry.from_dict({key: own})[0]
    except ConfigurationError as error:
        hint = "The settings of each provider are on its page of the documentation."
        if key not in registry.names():
            hint = _nearest(key, registry.names(), otherwise=hint)
        raise _WrongError(f"is wrong: {error}", hint=hint, part=f'["{key}"]') from error


def _return_to(given: Any) -> str:
    if given is _MISSING:
        raise _WrongError("is missing")
    try:
        return check_return_to(str(given))
    except ConfigurationError as error:
        raise _WrongError("is neither a URL nor a path of your shop") from error


def _database(given: Any) -> str:
    if isinstance(given, str) and "://" in given:
        from ..service.database import parse

        parse(given)
        return given
    if given not in connections:
        raise _WrongError(f"is {given!r:.60}, and DATABASES has {', '.join(connections)}")
    vendor = connections[given].vendor
    if vendor not in _VENDORS:
        raise _WrongError(f"is on {vendor}, which the service does not know")
    return str(given)


def _order_tokens(given: Any) -> OrderTokens | None:
    if given is _MISSING:
        keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        given = [salted_hmac(_SALT, "", key, algorithm="sha256").hexdigest() for key in keys]
    if not isinstance(given, list | tuple) or not all(isinstance(key, str) for key in given):
        raise _WrongError("is no list of texts")
    return OrderTokens(*given) if given else None


def _options(given: Any) -> MountOptions:
    if isinstance(given, str):
        given = _imported(given)
    if isinstance(given, MountOptions):
        return given
    if not isinstance(given, Mapping):
        raise _WrongError("is neither a mapping nor MountOptions")
    names = [field.name for field in attrs.fields(MountOptions)]
    for name in given:
        if name not in names:
            hint = _nearest(str(name).lower(), names)
            raise _WrongError("is no option", hint=hint, part=f"[{name!r}]")
    return MountOptions(**given)


def _flag(given: Any) -> bool:
    if not isinstance(given, bool):
        raise _WrongError("is neither True nor False")
    return given


@attrs.frozen
class Setting:
    """One name in ``PAYKIT``: the check's id, how it is read, and what to do if it is wrong."""

    id: str
    read: Callable[[Any], Any]
    hint: str
    default: Any = _MISSING


SETTINGS: Final[Mapping[str, Setting]] = {
    "PROVIDERS": Setting(
        "paykit.E003",
        _providers,
        'Give a mapping such as {"vnpay": {"tmn_code": …, "hash_secret": …}}, or the dotted path '
        "to a function that returns providers.",
    ),
    "RETURN_TO": Setting(
        "paykit.E004",
        _return_to,
        'Name the page that browsers go to after they have paid: "/thanks".',
    ),
    "DATABASE": Setting(
        "paykit.E005",
        _database,
        'Give one of DATABASES, or a URL such as "postgresql+psycopg://user@host/name".',
        default="default",
    ),
    "ORDER_TOKEN_KEYS": Setting(
        "paykit.E006",
        _order_tokens,
        "Give secrets of 16 characters or more, or leave it out: then it is made of SECRET_KEY.",
    ),
    "OPTIONS": Setting(
        "paykit.E007",
        _options,
        'Give fields of MountOptions, such as {"max_body": 65536}, or a dotted path to one.',
        default={},
    ),
    "RELAY": Setting("paykit.E008", _flag, "Give True or False.", default=False),
}
