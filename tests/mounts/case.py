"""One row of a table: what is sent, and what has to come back and be stored, wherever it is mounted."""

import json
from collections.abc import Callable, Mapping

import attrs

JSON = "application/json"
#: Of an answer that is the server's or the framework's own.
ANY = object()


@attrs.frozen
class Want:
    """A whole answer."""

    status: int
    body: object = b""
    content_type: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)

    def check(self, answer):
        """Compare, with all headers that are not the server's."""
        assert answer.status == self.status, answer
        if self.body is not ANY:
            named = {} if self.content_type is None else {"content-type": self.content_type}
            assert answer.headers == {**named, **self.headers}
            assert answer.body == self.body


def refused(status, message, **headers):
    """The endpoints' own refusal."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named["cache-control"] = "no-store"
    return Want(status, json.dumps({"error": message}).encode(), JSON, named)


def reply(reply_):
    """A provider's ``(status, body, content type)``."""
    status, body, content_type = reply_
    return Want(status, body, content_type)


def by_server(status):
    """Refused with this status, whoever does it."""
    return Want(status, ANY)


@attrs.frozen
class Case:
    """``send``: a request, or what makes one of the case's own :class:`~.site.Order`.

    ``wants`` is one answer, or several that are right; ``rows`` what is added to inbox and outbox.
    ``before`` is done first. ``options`` names those of the mount (see ``site.OPTIONS``).
    """

    send: object
    wants: object
    rows: tuple[int, int] = (0, 0)
    before: Callable = attrs.field(default=lambda order: None)
    options: str = "usual"

    def check(self, site):
        """Play it on a site."""
        order = site.order()
        self.before(order)
        sent = self.send(order) if callable(self.send) else self.send
        rows = site.rows()
        answer = site.ask(sent, options=self.options)
        wants = self.wants(order) if callable(self.wants) else self.wants
        if isinstance(wants, Want):
            wants.check(answer)
        else:
            (want,) = [one for one in wants if one.status == answer.status] or wants[:1]
            want.check(answer)
        added = tuple(after - before for after, before in zip(site.rows(), rows, strict=True))
        assert added == self.rows
