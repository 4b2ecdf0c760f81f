"""The access token: asked for once, kept until shortly before it expires, forgotten when refused.

Source: https://developer.paypal.com/api/rest/authentication/
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final, final

from pydantic import ValidationError

from ...errors import ConfigurationError
from ...http import HttpResponse
from .wire import TokenAnswer

#: A token is not used in its last minutes, or in the last tenth of a short life.
_MARGIN: Final = timedelta(minutes=5)
#: What may stand in a header.
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)


@final
class Token:
    """An access token, which never shows itself."""

    __slots__ = ("_value", "expires_at", "refused")

    def __init__(self, value: str, expires_at: datetime) -> None:
        self._value = value
        self.expires_at = expires_at
        self.refused = False

    @property
    def authorization(self) -> str:
        """The value of the ``Authorization`` header."""
        return f"Bearer {self._value}"

    def __repr__(self) -> str:
        return f"Token(expires_at={self.expires_at:%Y-%m-%dT%H:%M:%SZ}, refused={self.refused})"

    def __reduce__(self) -> tuple[object, ...]:
        raise ConfigurationError("an access token is not pickled")


class TokenCache:
    """The token in use. Threads and tasks share it without a lock, and nobody waits in here.

    A new token replaces the slot in one step. A refused one is never taken out: it is marked, which
    any number of threads may do at any time without touching a newer token that another has put
    there meanwhile. So a crowd of refusals asks at most once each, and those that come later find
    the new token.
    """

    __slots__ = ("_current",)

    def __init__(self) -> None:
        self._current: Token | None = None

    def find(self, now: datetime) -> Token | None:
        """The token, if there is one that can be used ``now``."""
        token = self._current
        if token is None or token.refused or now >= token.expires_at:
            return None
        return token

    def keep(self, token: Token) -> None:
        """Use ``token`` from now on."""
        self._current = token

    def __repr__(self) -> str:
        return f"TokenCache({self._current!r})"


def read_token(response: HttpResponse, now: datetime) -> Token | str:
    """The token in an answer, or what is wrong with the answer."""
    # Returns and raises nothing: a traceback out of here would carry the token in its frames.
    try:
        answer = TokenAnswer.model_validate(response.json())
    except ValidationError:
        return "the answer holds no usable token"
    except Exception:  # noqa: BLE001 - MalformedResponse
        return "the answer cannot be read"
    if not _PRINTABLE.fullmatch(answer.access_token.get_secret_value()):
        return "the answer holds no usable token"
    lifetime = timedelta(seconds=answer.expires_in)
    expires_at = now + lifetime - min(_MARGIN, lifetime / 10)
    return Token(answer.access_token.get_secret_value(), expires_at)
