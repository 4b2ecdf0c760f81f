"""A server of a test's own, with its own data and port, to be killed and started again."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import ClassVar, Final

from . import services

_PREFIX: Final = "paykit_test_"
#: In memory nobody else's writing is waited for, and a killed process loses no more than on a disk.
_MEMORY: Final = Path("/dev/shm")
_MEMORY_BYTES: Final = 2 << 30
_START_SECONDS: Final = 30
_STOP_SECONDS: Final = 10
#: Where Linux takes no ports from for outgoing connections. One of those could take the port while
#: its server is down, and a client that tries again and again could even be connected to itself.
_PORTS: Final = range(20_000, 32_000)
#: A server dies with the thread that started it, so one thread starts all and lives to the end.
_starter: Final = concurrent.futures.ThreadPoolExecutor(1, "private-servers")


class PrivateServer:
    """One server. Leave it by :meth:`close`."""

    #: As :func:`services.require` names it.
    service: ClassVar[str]
    #: The program, and the user that it runs as where the tests are run by root.
    program: ClassVar[str]
    user: ClassVar[str]
    #: What is before its address, and what is after it.
    scheme: ClassVar[str]
    path: ClassVar[str] = ""
    #: The signal at which it finishes what it does and stops.
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self) -> None:
        remove_leftovers()
        self._pid = os.getpid()
        self._program = find_program(self.program)
        self.port = free_port()
        self.url = f"{self.scheme}127.0.0.1:{self.port}{self.path}"
        prefix = f"{_PREFIX}{os.getpid()}_{self.service}_"
        self.folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_home()))
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.user)
        self._process: subprocess.Popen[bytes] | None = None
        self._prepare()

    @property
    def log(self) -> str:
        """What it said so far."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def start(self) -> None:
        """Start it, and wait until it answers. One that runs is left alone."""
        if self._process is not None:
            return
        self._process = self._launch(self._command())
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                services.probe(self.service, self.url)
            except services.NoAnswerError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.kill9()
                    raise services.NoAnswerError(f"{error}\n{self.log[-2000:]}") from error
                time.sleep(0.01)
            else:
                return

    def stop(self) -> None:
        """Let it stop as when its machine is shut down."""
        if self._process is None:
            return
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill9()
        self._process = None

    def kill9(self) -> None:
        """Kill it and its processes at once, so that none can tidy up."""
        if self._process is None:
            return
        children = _children(self._process.pid)
        for pid in (self._process.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(_STOP_SECONDS)
        while any(map(_is_alive, children)):
            time.sleep(0.001)
        self._process = None

    def restart(self) -> None:
        """Stop it and start it again, at the same port and with the same data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and remove its data; a forked process has nothing to end."""
        if self._pid != os.getpid():
            return
        self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _prepare(self) -> None:
        """Make what must be there before the first start."""

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _launch(self, command: list[str]) -> subprocess.Popen[bytes]:
        def launch() -> subprocess.Popen[bytes]:
            with (self.folder / "log").open("ab") as log:
                return subprocess.Popen(
                    [*_guard(self.user), *command],
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

        return _starter.submit(launch).result()


def find_program(name: str) -> str:
    """Where a server's program is; raises :class:`services.NoAnswerError`."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    # Debian keeps each version of PostgreSQL in a folder of its own.
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_version)
    if versions:
        return str(versions[-1])
    if found is None:
        raise services.NoAnswerError(f"the program {name} is not installed")
    return found


def free_port() -> int:
    """A port of 127.0.0.1 at which nobody listens, and which nobody gets by chance."""
    while True:
        port = random.choice(_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _version(program: Path) -> float:
    return float(program.parent.parent.name)


def _guard(user: str) -> list[str]:
    """A command before a command: be that user, and die with the tests."""
    if not shutil.which("setpriv"):  # not on Linux
        return []
    become = [f"--reuid={user}", f"--regid={user}", "--init-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *become, "--pdeathsig=KILL"]


def _children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in children.read_text().split()] if children.exists() else []


def _is_alive(pid: int) -> bool:
    """Whether a process has not ended; whether it was also reaped does not matter."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def _home() -> Path:
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _MEMORY_BYTES
    return _MEMORY if roomy else Path(tempfile.gettempdir())


def remove_leftovers() -> None:
    """Remove the data of runs that were killed; their servers died with them."""
    for home in {_MEMORY, Path(tempfile.gettempdir())}:
        for folder in home.glob(f"{_PREFIX}*"):
            owner = folder.name.removeprefix(_PREFIX).partition("_")[0]
            if owner.isdecimal() and not _is_alive(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)
