"""What all of ZaloPay's operations share: the keys, the signed call, refusals, ids of a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from ...errors import MalformedResponse, NotFound, ProviderError, ProviderUnavailable
from ...flow import Flow
from ...http import HttpRequest, HttpResponse, JsonObject
from ...provider import Clock, IdFactory, Provider, random_id, utc_now
from ...signing import SigningKey
from ...vietnam import to_milliseconds
from .answers import Answer
from .codes import DONE, OPEN, REFUSALS, REFUSED
from .wire import (
    KEY1,
    ZaloPayConfig,
    joined,
)

T = TypeVar("T")
_NO_MORE: Final[Mapping[int, type[ProviderError]]] = {}


class Account(Provider):
    """One ZaloPay app."""

    config: ZaloPayConfig

    def __init__(
        self, config: ZaloPayConfig, *, clock: Clock = utc_now, new_id: IdFactory = random_id
    ) -> None:
        super().__init__(config, clock=clock, new_id=new_id)
        self._key1 = SigningKey(config.key1.get_secret_value(), "sha256")
        secrets = (config.key2, *config.previous_key2s)
        self._key2s = tuple(SigningKey(item.get_secret_value(), "sha256") for item in secrets)

    def mac(self, fields: tuple[str, ...], body: Mapping[str, Any]) -> str:
        """The ``mac`` of ``body`` over ``fields`` (one of this package's ``…_FIELDS``).

        Raises :class:`~paykit.errors.InvalidRequest` for a value that holds ``|``.
        """
        return self._key1.hex(
            "|".join(
                self.config.key1.get_secret_value() if name == KEY1 else joined(name, body[name])
                for name in fields
            ).encode()
        )

    def _now(self) -> int:
        return to_milliseconds(self.clock())

    def _call(
        self,
        path: str,
        fields: tuple[str, ...],
        body: Mapping[str, Any],
        read: Callable[[JsonObject, HttpResponse], T],
        *,
        replay_safe: bool = False,
        moves_money: bool = False,
    ) -> Flow[T]:
        signed = {**body, "mac": self.mac(fields, body)}
        request = HttpRequest.post_json(
            self.base + path, signed, replay_safe=replay_safe, moves_money=moves_money
        )
        return self.ask(request, read)

    def _refusal(
        self,
        answer: Answer,
        raw: JsonObject,
        response: HttpResponse,
        *,
        more: Mapping[int, type[ProviderError]] = _NO_MORE,
    ) -> ProviderError:
        """The error of an answer that is not what was hoped for; ``more`` are the call's codes."""
        outcome, code = answer.result
        if outcome == DONE:
            raise MalformedResponse(f"done, with code {code}", provider=self.name)
        kind = ProviderUnavailable if outcome == OPEN else ProviderError
        if outcome == REFUSED and code is not None:
            kind = more.get(code) or REFUSALS.get(code, kind)
        return self.answered_no(kind, answer.words, code=answer.code, response=response, raw=raw)

    def _first_known(self, ids: Sequence[str], ask: Callable[[str], Flow[T]]) -> Flow[T]:
        """Ask for one id after the other until ZaloPay knows it.

        Its ids hold a day, and near midnight or after a crash there is more than one that it can
        be.
        """
        *others, last = ids
        for other in others:
            try:
                return (yield from ask(other))
            except NotFound:
                continue
        return (yield from ask(last))
