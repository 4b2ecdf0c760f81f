"""The edges: how a provider's answer and a merchant's configuration become typed values.

pydantic lives here and in the providers' private wire shapes; the domain beyond is attrs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, NoReturn, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from .errors import ConfigurationError, MalformedDelivery, MalformedResponse
from .signing import Algorithm, SigningKey
from .vietnam import GMT7


class Wire(BaseModel):
    """Base of what a provider says: strict types, unknown fields ignored, nothing coerced."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    @classmethod
    def read(
        cls,
        body: Mapping[str, Any],
        *,
        provider: str,
        error: type[MalformedResponse | MalformedDelivery] = MalformedResponse,
    ) -> Self:
        """The typed answer or notice; raises ``error``, which names the fields at fault."""
        try:
            return cls.model_validate(body)
        except ValidationError as problem:
            raise error(_problems(problem), provider=provider) from None

    @classmethod
    def told(cls, fields: Mapping[str, Any], *, provider: str) -> Self:
        """As :meth:`read`, of a proven notice; raises :class:`MalformedDelivery`."""
        return cls.read(fields, provider=provider, error=MalformedDelivery)


class CamelWire(Wire):
    """As :class:`Wire`, for JSON whose names are written ``orderCode`` where ours are in Python."""

    model_config = ConfigDict(alias_generator=to_camel)


class Message(Wire):
    """An answer that says in words that it is done, and no more."""

    message: str


class Environment(StrEnum):
    """Which of the provider's worlds an account lives in."""

    SANDBOX = "sandbox"
    PRODUCTION = "production"


_ISO_8601: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?",
    re.ASCII,
)


def _check_secret(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if not secret.strip():
        raise ValueError("must not be empty")
    if secret != secret.strip() or not secret.isprintable():
        raise ValueError("has blanks or line breaks around it")
    return value


def _check_text(value: str) -> str:
    if not value.strip() or value != value.strip():
        raise ValueError("must not be empty or have blanks around it")
    return value


def _check_url(value: str) -> str:
    parts = urlsplit(value)
    local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError("must be an https URL (http only on loopback)")
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be a plain URL: no user, query or fragment")
    return value.rstrip("/")


def _in_vietnam(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("must be a time in text")  # noqa: TRY004 - pydantic collects ValueError
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=GMT7)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time, YYYY-MM-DD hh:mm:ss") from None


def _in_utc(value: Any) -> datetime:
    if not isinstance(value, str) or not _ISO_8601.fullmatch(value):
        raise ValueError("must be a time in ISO 8601")
    try:
        moment = datetime.fromisoformat(value.upper())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time in ISO 8601") from None


def _from_unix(value: Any) -> datetime:
    if type(value) is not int or not 0 <= value < 2**32:
        raise ValueError("must be a Unix time in seconds")
    return datetime.fromtimestamp(value, UTC)


#: Seconds since 1970, read as a time.
UnixTime = Annotated[datetime, BeforeValidator(_from_unix)]
#: A time in a provider's text, in UTC unless it names another zone. Beyond microseconds it is cut.
Moment = Annotated[datetime, BeforeValidator(_in_utc)]
#: A time in a provider's text, in Vietnam's zone unless it names another; read in UTC.
VietnamTime = Annotated[datetime, BeforeValidator(_in_vietnam)]
#: A whole number, from 0 to the largest that JavaScript can count to.
Whole = Annotated[int, Field(ge=0, lt=2**53)]
#: The id of something at a provider. None holds the character that joins signed fields.
Id = Annotated[str, Field(pattern=r"^[^&]{1,200}$")]
Secret = Annotated[SecretStr, AfterValidator(_check_secret)]
Text = Annotated[str, AfterValidator(_check_text)]
Url = Annotated[str, AfterValidator(_check_url)]
_DONG_TEXT: Final = re.compile(r"[0-9]{1,15}(?:\.00)?", re.ASCII)
#: Beyond this JavaScript, and so a notifier, is not exact; and sums of many still fit 64 bits.
_MAX_DONG: Final = 2**53 - 1


def _read_dong_text(value: object) -> int:
    if not isinstance(value, str) or not _DONG_TEXT.fullmatch(value):
        raise ValueError("is not an amount like 50000 or 50000.00")
    return int(value.removesuffix(".00"))


#: Whole đồng as a JSON number, with its sign.
Dong = Annotated[int, Field(ge=-_MAX_DONG, le=_MAX_DONG)]
#: Whole đồng as text: ``50000`` or ``50000.00``, and nothing else.
DongText = Annotated[int, BeforeValidator(_read_dong_text)]


def signing_keys(algorithm: Algorithm, *secrets: SecretStr) -> tuple[SigningKey, ...]:
    """The keys of a configuration: the one that is in force, and then the former ones."""
    return tuple(SigningKey(secret.get_secret_value(), algorithm) for secret in secrets)


class ProviderConfig(BaseModel):
    """One merchant account at one provider. Frozen; secrets never show.

    Build it from keyword arguments, from a dict (:meth:`from_dict`) or from the environment
    (:meth:`from_env`). Anything missing, empty or unknown raises
    :class:`~paykit.errors.ConfigurationError` then and there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    #: The registry name of the provider, which is also the prefix in the environment.
    provider: ClassVar[str] = ""
    #: The settings that say which account at the provider it is. Two configurations that share all
    #: of them are one account, whatever else they say; none: two that share everything.
    one_account: ClassVar[frozenset[str]] = frozenset()

    account: Text = "default"
    environment: Environment = Environment.SANDBOX

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise ConfigurationError(f"{self.provider}: {_problems(error)}") from None

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """Read a mapping such as a parsed TOML table; unknown keys are refused."""
        return cls(**settings)

    @classmethod
    def from_env(
        cls, account: str = "default", *, environ: Mapping[str, str] | None = None
    ) -> Self:
        """Read ``PAYKIT_<PROVIDER>_<FIELD>``, e.g. ``PAYKIT_MOMO_SECRET_KEY``.

        Another ``account`` has its name in between: ``PAYKIT_MOMO_EU_SECRET_KEY``. Lists are
        separated by commas. A variable that is missing or empty is named in the error.
        """
        source = os.environ if environ is None else environ
        settings: dict[str, Any] = {"account": account}
        missing = []
        for field, definition in cls.model_fields.items():
            if field == "account":
                continue
            variable = cls.variable(field, account)
            value = source.get(variable)
            if value is None or (not value.strip() and not definition.is_required()):
                if definition.is_required():
                    missing.append(variable)
            elif not value.strip():
                missing.append(f"{variable} (it is empty)")
            elif isinstance(definition.default, tuple):
                settings[field] = tuple(part.strip() for part in value.split(","))
            else:
                settings[field] = value
        if missing:
            raise ConfigurationError(
                f"{cls.provider}: set the environment variable {', '.join(missing)}"
            )
        return cls.from_dict(settings)

    @classmethod
    def variable(cls, field: str, account: str = "default") -> str:
        """The name of the environment variable that holds ``field``."""
        middle = "" if account == "default" else f"{account}_"
        return f"PAYKIT_{cls.provider}_{middle}{field}".upper().replace("-", "_")

    def secrets(self) -> frozenset[str]:
        """The secrets in the clear, for what masks them in others' texts."""
        found: set[str] = set()
        for _name, value in self:
            for one in value if isinstance(value, tuple) else (value,):
                if isinstance(one, SecretStr):
                    found.add(one.get_secret_value())
        return frozenset(found)

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        # Reducing would write secrets in the clear into caches, queues and crash dumps.
        raise ConfigurationError("a configuration is not pickled: it holds secrets")


def _problems(error: ValidationError) -> str:
    """Every problem as ``field: reason``, without the values."""
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'value'}: "
        f"{problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_input=False, include_url=False)
    )
