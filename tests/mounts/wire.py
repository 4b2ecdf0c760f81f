"""HTTP as bytes on a socket: a sender decides about every one of them, and a client mends nothing."""

import contextlib
import socket
from http.client import HTTPResponse, RemoteDisconnected
from urllib.parse import urlsplit

import attrs

#: Longer than any answer takes, however busy the machine.
PATIENCE = 20.0
#: In place of a status, where the server has closed the connection without a word.
HUNG_UP = 0
#: What a server says on its own account.
OF_THE_SERVER = {
    "date", "server", "connection", "transfer-encoding", "keep-alive", "via", "content-length",
}  # fmt: skip


@attrs.frozen
class Sent:
    """One request. ``path`` is below the mount; its length is announced unless it is chunked.

    ``raw`` are the bytes on the wire in place of all that, after ``METHOD /prefix``.
    """

    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    chunked: bool = False
    raw: bytes | None = None

    def having(self, *headers):
        """The same with more headers."""
        return attrs.evolve(self, headers=(*self.headers, *headers))

    def without(self, name):
        """The same without a header."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() != name)
        return attrs.evolve(self, headers=kept)

    def wire(self, url):
        """All its bytes, for the mount at this URL."""
        at = urlsplit(url)
        if self.raw is not None:
            return self.raw.replace(b"{prefix}", at.path.encode()).replace(
                b"{host}", at.netloc.encode()
            )
        lines = [f"{self.method} {at.path}{self.path} HTTP/1.1", f"host: {at.netloc}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        names = {name.lower() for name, _ in self.headers}
        body = self.body
        if self.chunked:
            lines.append("transfer-encoding: chunked")
            body = chunks(body)
        elif "content-length" not in names and (body or self.method not in {"GET", "HEAD"}):
            lines.append(f"content-length: {len(body)}")
        if "connection" not in names:
            lines.append("connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunks(body, size=1000):
    """The body in chunks, and the last one."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


@attrs.frozen
class Answer:
    """What came back; ``headers`` are those that are not the server's own."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One connection to a server."""

    def __init__(self, url):
        at = urlsplit(url)
        self.url = url
        self.socket = socket.create_connection((at.hostname, at.port), timeout=PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Send bytes; whoever refuses early may have closed already."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    @contextlib.contextmanager
    def begun(self, method="GET"):
        """The beginning of an answer, its body to be read."""
        with contextlib.closing(HTTPResponse(self.socket, method=method)) as response:
            response.begin()
            yield response

    def answer(self, method="GET"):
        """A whole answer."""
        try:
            with self.begun(method) as response:
                body = response.read()
        except (ConnectionResetError, RemoteDisconnected):
            return Answer(HUNG_UP, {}, b"")
        pairs = [(name.lower(), value) for name, value in response.getheaders()]
        length = dict(pairs).get("content-length")
        if length is not None and method != "HEAD":
            assert int(length) == len(body)
        kept = [pair for pair in pairs if pair[0] not in OF_THE_SERVER]
        assert len(dict(kept)) == len(kept)
        return Answer(response.status, dict(kept), body)

    def is_closed(self):
        """Whether the server has nothing more to say."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def exchange(url, sent):
    """Send one request on a connection of its own, and read the answer."""
    with Connection(url) as connection:
        connection.send(sent.wire(url))
        return connection.answer(sent.method)
