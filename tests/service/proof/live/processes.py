"""Processes that are forked from one that has all imports done: one costs 20 ms, not a second."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([f"{__package__}.warm"])
_READY_SECONDS = 20
_PR_SET_PDEATHSIG = 1


class Child:
    """One process that runs ``role(ready, **arguments)`` until it is killed."""

    def __init__(self, role, folder, **arguments):
        self.name = role.__name__
        self._is_ready = False
        self._pipe, theirs = _CONTEXT.Pipe(duplex=False)
        self._log = Path(folder) / f"{self.name}-{id(self):x}.log"
        self._process = _CONTEXT.Process(
            target=_run, args=(role, theirs, str(self._log), arguments), name=self.name
        )
        self._process.start()
        theirs.close()

    @property
    def pid(self):
        return self._process.pid

    def wait_until_ready(self):
        """Wait until its work has begun."""
        if self._is_ready:
            return
        assert self._pipe.poll(_READY_SECONDS), self._said("is not ready")
        try:
            self._pipe.recv()
        except EOFError:
            raise AssertionError(self._said("ended before it was ready")) from None
        self._is_ready = True

    @staticmethod
    def kill_all(children):
        """Kill them by SIGKILL at one moment; each must have been alive until then."""
        for child in children:
            os.kill(child.pid, signal.SIGKILL)
        for child in children:
            child._process.join()
            assert child._process.exitcode == -signal.SIGKILL, child._said("had ended by itself")
            child._close()

    def stop(self):
        """End it by SIGTERM, and give its exit code."""
        os.kill(self._process.pid, signal.SIGTERM)
        self._process.join()
        code = self._process.exitcode
        self._close()
        return code

    def is_alive(self):
        return self._process.is_alive()

    def discard(self):
        """End it however it is."""
        self._process.kill()
        self._process.join()
        self._close()

    def said(self):
        """What it wrote to its standard error so far."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def _said(self, what):
        return f"{self.name} {what}:\n{self.said()[-4000:]}"

    def _close(self):
        self._process.close()
        self._pipe.close()


def _run(role, pipe, log, arguments):
    # Coverage would look at it, slow it down, and be killed with what it saw.
    sys.settrace(None)
    threading.settrace(None)
    # Its parent, which forks it, ends with the tests, however those end.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    told = []

    def ready():
        if not told:
            told.append(True)
            pipe.send(True)

    role(ready, **arguments)
