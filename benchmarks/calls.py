"""Create a payment over HTTP, against a bare httpx client that posts the same JSON."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

import httpx

from paykit import AsyncClient, Client, HttpRequest, Redirect
from paykit.transport import AsyncHttpxTransport, HttpxTransport

from . import fixtures
from .measure import Row, compare, interleave, interleave_async, repeat

PAY_URL = httpx.Response(200, content=fixtures.CREATED).json()["payUrl"]


@contextmanager
def server(cpu: int | None) -> Iterator[str]:
    """The address of a payment API in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", str(-1 if cpu is None else cpu)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:  # closes its standard input, which ends it, and waits
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"


def request_of(base_url: str) -> HttpRequest:
    """What paykit sends, for the floor to send as well."""
    return fixtures.momo(base_url).create_payment(fixtures.REQUEST).send(None)


def check_session(session) -> None:
    assert isinstance(session.next, Redirect)
    assert session.next.url == PAY_URL


def sync_row(base_url: str, *, rounds: int, seconds: float) -> Row:
    request = request_of(base_url)
    headers, payload = dict(request.headers), json.loads(request.body)
    with httpx.Client() as bare, HttpxTransport() as transport:
        client = Client(fixtures.momo(base_url), transport=transport)

        def floor() -> None:
            body = json.dumps(payload, ensure_ascii=False).encode()
            answer = bare.post(request.url, content=body, headers=headers)
            assert answer.json()["payUrl"] == PAY_URL

        def paykit() -> None:
            check_session(client.create_payment(fixtures.REQUEST))

        times = interleave(
            {
                "httpx.Client": repeat(floor, seconds=seconds),
                "create_payment: Client": repeat(paykit, seconds=seconds),
            },
            rounds=rounds,
        )
    return compare(times, "create_payment: Client", "httpx.Client", limit=1.15)


def flight(
    operation: Callable[[], Awaitable[None]], *, abreast: int, count: int
) -> Callable[[], Awaitable[float]]:
    """A sample of ``count`` calls by ``abreast`` workers, each with one call in flight."""
    each = max(1, count // abreast)

    async def worker() -> None:
        for _ in range(each):
            await operation()

    async def sample() -> float:
        start = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(abreast)))
        return (time.perf_counter() - start) / (each * abreast)

    return sample


def paykit_call(base_url: str, transport: AsyncHttpxTransport) -> Callable[[], Awaitable[None]]:
    client = AsyncClient(fixtures.momo(base_url), transport=transport)

    async def operation() -> None:
        check_session(await client.create_payment(fixtures.REQUEST))

    return operation


async def async_rows(base_url: str, *, abreast: int, rounds: int, count: int) -> list[Row]:
    request = request_of(base_url)
    headers, payload = dict(request.headers), json.loads(request.body)
    async with AsyncExitStack() as stack:
        bare = await stack.enter_async_context(httpx.AsyncClient())
        plain = await stack.enter_async_context(AsyncHttpxTransport())
        aiohttp = await stack.enter_async_context(AsyncHttpxTransport.with_aiohttp())

        async def floor() -> None:
            body = json.dumps(payload, ensure_ascii=False).encode()
            answer = await bare.post(request.url, content=body, headers=headers)
            assert answer.json()["payUrl"] == PAY_URL

        least = f"httpx.AsyncClient, {abreast} in flight"
        operations = {
            least: floor,
            f"create_payment: AsyncClient, {abreast} in flight": paykit_call(base_url, plain),
            f"… over httpx-aiohttp, {abreast} in flight": paykit_call(base_url, aiohttp),
        }
        times = await interleave_async(
            {
                name: flight(operation, abreast=abreast, count=count)
                for name, operation in operations.items()
            },
            rounds=rounds,
        )
    return [compare(times, name, least) for name in operations if name != least]


def rows(*, cpu: int | None, rounds: int, seconds: float, count: int) -> list[Row]:
    with server(cpu) as base_url:
        found = [sync_row(base_url, rounds=rounds, seconds=seconds)]
        for abreast in (1, 16):
            found += asyncio.run(async_rows(base_url, abreast=abreast, rounds=rounds, count=count))
    return found
