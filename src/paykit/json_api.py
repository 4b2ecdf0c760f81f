"""A base for providers whose API means what HTTP statuses say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import attrs

from .errors import AuthenticationFailed, MalformedResponse, NotFound, ProviderError
from .flow import Flow
from .http import HttpRequest, HttpResponse, JsonObject
from .models import Payment
from .provider import Provider
from .wire import Wire

T = TypeVar("T")
W = TypeVar("W", bound=Wire)

_SUCCESSES: Final = range(200, 300)
_REFUSALS: Final = range(400, 500)
#: What a refusal means; any other is a plain ProviderError.
_KINDS: Final[Mapping[int, type[ProviderError]]] = {
    401: AuthenticationFailed,
    403: AuthenticationFailed,
    404: NotFound,
}


class JsonApi(Provider):
    """Reads the answers of such an API as the shapes that they should have."""

    def ask_for(
        self,
        request: HttpRequest,
        shape: type[W],
        make: Callable[[W], T],
        *,
        at: str | None = None,
    ) -> Flow[T]:
        """Send ``request``, and make the result of its answer, which has this ``shape``.

        ``at`` names the object in the answer that has it. A refusal raises what its HTTP status
        means, with the provider's ``message``. A fault of the server is not taken for a refusal:
        nobody knows what it did.
        """
        response = yield request
        return self.read_as(request, response, shape, make, at=at)

    def read_as(
        self,
        request: HttpRequest,
        response: HttpResponse,
        shape: type[W],
        make: Callable[[W], T],
        *,
        at: str | None = None,
    ) -> T:
        """What ``make`` makes of the answer to ``request``; see :meth:`ask_for`."""

        def read(answer: JsonObject, response: HttpResponse) -> T:
            status = response.status
            if status in _REFUSALS:
                kind = _KINDS.get(status, ProviderError)
                message, code = answer.get("message"), str(status)
                raise self.answered_no(kind, message, code=code, response=response, raw=answer)
            if status not in _SUCCESSES:
                raise MalformedResponse(f"HTTP {status}", provider=self.name, http_status=status)
            told = answer if at is None else answer.get(at, {})
            result = make(shape.read(told, provider=self.name))
            return attrs.evolve(result, raw=answer) if isinstance(result, Payment) else result

        return self.understand(request, response, read)
