"""The processes of a shop: its five services, the providers' sandbox, and a Kafka cluster.

``python -m examples.saga.processes kafka`` is the cluster, ``… sandbox`` the providers; both are
offline and keep everything in memory.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import attrs

from .settings import Settings

SERVICES: Final = ("order", "payment", "stock", "shipping", "notification")
_PATIENCE: Final = 30
_ROOT: Final = Path(__file__).parents[2]


class Shop:
    """Starts a process for each service, and for the providers; ends them at the end of a block.

    Without ``settings.broker`` it starts a Kafka cluster as well.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = attrs.evolve(
            settings, sandbox=f"http://127.0.0.1:{_free_port()}", payments_port=_free_port()
        )
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        try:
            if not self.settings.broker:
                url = self._launch("kafka", "processes", "kafka")
                self.settings = attrs.evolve(self.settings, broker=url)
            self._launch("sandbox", "processes", "sandbox")
            self.start(*SERVICES)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        services = [name for name in self._processes if name in SERVICES]
        # The services first, which want to say goodbye to the others.
        for names in (services, [*self._processes.keys() - services]):
            for name in names:
                self._processes[name].terminate()
            for name in names:
                self._end(name)

    def _end(self, name: str) -> None:
        process = self._processes.pop(name)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()

    def start(self, *names: str) -> None:
        """Start services, and wait until they read."""
        for name in names:
            self._open(name, name)
        for name in names:
            self._first_line(name)

    def kill(self, *names: str) -> None:
        """End services as a power cut would."""
        for name in names:
            self._processes[name].kill()
            self._end(name)

    def _launch(self, name: str, module: str, *arguments: str) -> str:
        self._open(name, module, *arguments)
        return self._first_line(name)

    def _open(self, name: str, module: str, *arguments: str) -> None:
        package = __package__ or "examples.saga"
        self._processes[name] = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", f"{package}.{module}", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            env={**os.environ, **self.settings.to_environment()},
        )

    def _first_line(self, name: str) -> str:
        output = self._processes[name].stdout
        line = output.readline().strip() if output else ""
        if not line:
            raise SystemExit(f"{name} did not start")
        return line


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _sandbox() -> None:
    import uvicorn

    from paykit.sandbox import MoMoConfig, SandboxConfig, StripeConfig, create_app

    settings = Settings.from_environment()
    webhooks = f"http://127.0.0.1:{settings.payments_port}/pay/webhooks"
    every_second = (timedelta(seconds=1),) * 600  # they are not so patient, but we are
    config = SandboxConfig(
        public_url=settings.sandbox,
        momo=MoMoConfig(ipn_retry_after=every_second),
        stripe=StripeConfig(webhook_url=f"{webhooks}/stripe", webhook_retry_after=every_second),
    )
    app = create_app(config)
    listener = socket.create_server(("127.0.0.1", urlsplit(settings.sandbox).port or 80))
    print("the providers are at", settings.sandbox, flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([listener])


def _kafka() -> None:
    import signal
    import threading

    from confluent_kafka import Producer

    cluster = Producer({"test.mock.num.brokers": 3, "log_level": 0})
    brokers = cluster.list_topics(timeout=10).brokers.values()
    servers = ",".join(f"{one.host}:{one.port}" for one in brokers)
    # Members that died are missed sooner than a real cluster allows, where 6 seconds is the least.
    print(f"kafka://{servers}?session_timeout_ms=3500", flush=True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()


if __name__ == "__main__":
    {"kafka": _kafka, "sandbox": _sandbox}[sys.argv[1]]()
