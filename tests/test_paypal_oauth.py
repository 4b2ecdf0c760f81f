"""The access token: one for all, safe for threads and tasks, renewed once when it is refused."""

import asyncio
import base64
import json
import logging
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from paykit import (
    AsyncClient,
    AuthenticationFailed,
    Client,
    MalformedResponse,
    Money,
    NoAnswer,
    PaymentRef,
    PayPal,
    PayPalConfig,
    ProviderUnavailable,
    RefundRequest,
)
from paykit.http import HttpResponse
from paykit.transport import HttpxTransport

from .support.servers import answer, loopback

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REF = PaymentRef(reference="ORDER-1", provider_id="5O190127TN364715T")
SECRET = "EK-the-client-secret"
ORDER = json.dumps(
    {
        "id": "5O190127TN364715T",
        "intent": "CAPTURE",
        "status": "APPROVED",
        "purchase_units": [
            {"custom_id": "ORDER-1", "amount": {"currency_code": "USD", "value": "19.99"}}
        ],
    }
).encode()
REFUND = json.dumps(
    {
        "id": "1JU08902781691411",
        "status": "COMPLETED",
        "amount": {"currency_code": "USD", "value": "19.99"},
    }
).encode()


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


class TokenServer:
    """Hands out tokens; those up to ``revoked`` are refused. Counts what it is asked."""

    def __init__(self, *, expires_in=32400, pause=None):
        self.lock = threading.Lock()
        self.issued = 0
        self.revoked = 0
        self.expires_in = expires_in
        self.calls = []
        self.pause = pause

    def send(self, request):
        if self.pause is not None:
            self.pause(request)
        with self.lock:
            if request.url.endswith("/v1/oauth2/token"):
                self.issued += 1
                return HttpResponse(
                    200,
                    body=json.dumps(
                        {
                            "access_token": f"TOKEN-{self.issued}",
                            "token_type": "Bearer",
                            "expires_in": self.expires_in,
                        }
                    ).encode(),
                )
            number = int(request.header("authorization").removeprefix("Bearer TOKEN-"))
            self.calls.append((request.method, number, request.header("paypal-request-id")))
            if number <= self.revoked:
                return HttpResponse(401, body=b'{"error":"invalid_token"}')
            return HttpResponse(200, body=ORDER if request.method == "GET" else REFUND)

    def close(self):
        pass


class AsyncTokenServer(TokenServer):
    async def send(self, request):
        await asyncio.sleep(0)
        answered = super().send(request)
        await asyncio.sleep(0)
        return answered

    async def aclose(self):
        pass


def paypal(clock=None):
    config = PayPalConfig(client_id="AX-the-client-id", client_secret=SECRET)
    return PayPal(config, clock=clock or Clock())


def test_one_token_serves_all_calls():
    server = TokenServer()
    client = Client(paypal(), transport=server)
    for _ in range(20):
        assert client.fetch_payment(REF).status == "pending"
    assert (server.issued, len(server.calls)) == (1, 20)


@pytest.mark.parametrize(
    ("later", "issued"),
    [
        (timedelta(0), 1),
        (timedelta(hours=8), 1),
        (timedelta(hours=8, minutes=54, seconds=59), 1),
        (timedelta(hours=8, minutes=55), 2),  # five minutes before it expires
        (timedelta(days=400), 2),
        (-timedelta(hours=1), 1),  # the clock was put back; PayPal's 401 is what counts then
        (-timedelta(days=400), 1),
    ],
)
def test_the_given_clock_says_when_it_expires(later, issued):
    clock, server = Clock(), TokenServer()
    client = Client(paypal(clock), transport=server)
    client.fetch_payment(REF)
    clock.now = NOW + later
    client.fetch_payment(REF)
    assert server.issued == issued


def test_a_token_of_no_life_is_used_once():
    server = TokenServer(expires_in=0)
    client = Client(paypal(), transport=server)
    client.fetch_payment(REF)
    client.fetch_payment(REF)
    assert server.issued == 2


def test_a_short_life_is_not_all_margin():
    clock, server = Clock(), TokenServer(expires_in=60)
    client = Client(paypal(clock), transport=server)
    client.fetch_payment(REF)
    clock.now = NOW + timedelta(seconds=53)
    client.fetch_payment(REF)
    assert server.issued == 1
    clock.now = NOW + timedelta(seconds=54)
    client.fetch_payment(REF)
    assert server.issued == 2


# 401.


def test_a_refused_token_is_renewed_and_the_call_repeated_once():
    server = TokenServer()
    client = Client(paypal(), transport=server)
    client.fetch_payment(REF)
    server.revoked = 1
    assert client.fetch_payment(REF).status == "pending"
    assert client.fetch_payment(REF).status == "pending"
    assert [number for _, number, _ in server.calls] == [1, 1, 2, 2]
    assert server.issued == 2


def test_a_call_that_moves_money_keeps_its_request_id():
    server = TokenServer()
    client = Client(paypal(), transport=server)
    client.fetch_payment(REF)
    server.revoked = 1
    payment = PaymentRef(
        reference="ORDER-1", transaction_id="3C679366HH908993F", amount=Money(1999, "USD")
    )
    refund = client.refund(RefundRequest(payment=payment, reference="REFUND-1"))
    assert refund.status == "succeeded"
    assert server.calls[1:] == [("POST", 1, "REFUND-1"), ("POST", 2, "REFUND-1")]


def test_a_second_refusal_is_final():
    server = TokenServer()
    server.revoked = 10**6
    client = Client(paypal(), transport=server)
    for round_ in (1, 2):
        with pytest.raises(AuthenticationFailed) as caught:
            client.fetch_payment(REF)
        assert (caught.value.code, caught.value.http_status) == ("invalid_token", 401)
        assert (server.issued, len(server.calls)) == (2 * round_, 2 * round_)


def test_a_refusal_of_an_old_token_leaves_the_new_one_alone():
    """Two calls with one token, both refused: the slower one finds what the faster one fetched."""
    server, provider = TokenServer(), paypal()
    Client(provider, transport=server).fetch_payment(REF)
    slow, fast = provider.fetch_payment(REF), provider.fetch_payment(REF)
    slow_request, fast_request = next(slow), next(fast)
    server.revoked = 1
    refused = server.send(slow_request), server.send(fast_request)
    asks_for_token = fast.send(refused[1])
    assert asks_for_token.url.endswith("/v1/oauth2/token")
    repeated = fast.send(server.send(asks_for_token))
    assert repeated.header("authorization") == "Bearer TOKEN-2"
    # Now the slow one hears of its refusal. It does not fetch a third token, nor drop the second.
    repeated = slow.send(refused[0])
    assert repeated.header("authorization") == "Bearer TOKEN-2"
    assert server.issued == 2
    Client(provider, transport=server).fetch_payment(REF)
    assert server.issued == 2


def test_a_failed_renewal_leaves_nothing_behind():
    server, provider = TokenServer(), paypal()
    client = Client(provider, transport=server)
    client.fetch_payment(REF)
    server.revoked = 1

    def fail(request):
        if request.url.endswith("/token"):
            raise NoAnswer("silence")

    server.pause = fail
    with pytest.raises(NoAnswer):
        client.fetch_payment(REF)
    server.pause = None
    assert client.fetch_payment(REF).status == "pending"
    assert server.issued == 2


# Threads and tasks.


def test_threads_share_one_token():
    server, threads = TokenServer(), 16
    client = Client(paypal(), transport=server)
    barrier = threading.Barrier(threads)

    def work(_):
        barrier.wait()
        return [client.fetch_payment(REF).status for _ in range(50)]

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(work, range(threads)))
    assert results == [["pending"] * 50] * threads
    # Nobody waits for another's token at the very start, so each may fetch one there, and no more.
    assert 1 <= server.issued <= threads
    assert len(server.calls) == threads * 50


def test_a_stampede_of_refusals_ends():
    """The token is revoked under many threads, again and again."""
    threads, rounds = 12, 20
    server = TokenServer()
    client = Client(paypal(), transport=server)
    client.fetch_payment(REF)
    barrier = threading.Barrier(threads + 1)

    def work(_):
        done = []
        for _ in range(rounds):
            barrier.wait()
            done.append(client.fetch_payment(REF).status)
            barrier.wait()
        return done

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(work, number) for number in range(threads)]
        for _ in range(rounds):
            with server.lock:
                server.revoked = server.issued
                before = server.issued, len(server.calls)
            barrier.wait()
            barrier.wait()
            # Each call was refused once at most, and fetched one token at most.
            assert server.issued - before[0] <= threads
            assert len(server.calls) - before[1] <= 2 * threads
        assert [future.result() for future in futures] == [["pending"] * rounds] * threads


def test_tasks_share_one_token():
    async def main():
        server = AsyncTokenServer()
        async with AsyncClient(paypal(), transport=server) as client:
            await client.fetch_payment(REF)
            paid = await asyncio.gather(*[client.fetch_payment(REF) for _ in range(200)])
            assert {payment.status for payment in paid} == {"pending"}
            assert server.issued == 1
            server.revoked = 1
            paid = await asyncio.gather(*[client.fetch_payment(REF) for _ in range(200)])
            assert {payment.status for payment in paid} == {"pending"}
            assert server.issued <= 1 + 200
            assert len(server.calls) <= 1 + 200 + 2 * 200

    asyncio.run(main())


# It does not show.


def test_the_token_shows_nowhere(caplog):
    caplog.set_level(logging.DEBUG)
    server = TokenServer()
    provider = paypal()
    client = Client(provider, transport=server)
    client.fetch_payment(REF)
    server.revoked = 10**6
    with pytest.raises(AuthenticationFailed) as caught:
        client.fetch_payment(REF)
    caught.value.__traceback__ = caught.value.__traceback__.tb_next  # the first frame is this test
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = [
        "".join(told.format()),
        repr(provider),
        repr(vars(provider)),
        repr(client),
        repr(vars(client)["provider"]),
        repr(caught.value),
        repr(vars(caught.value)),
        caplog.text,
    ]
    for text in shown:
        assert "TOKEN-" not in text
        assert SECRET not in text


@pytest.mark.parametrize(
    "body",
    [
        b'{"access_token":"TOKEN-1","token_type":"Bearer","expires_in":"soon"}',
        b'{"access_token":"TOKEN-1","token_type":"Bearer"}',
        b'{"access_token":"TOKEN-1","token_type":"MAC","expires_in":60}',
        b'{"access_token":"TOKEN-1\\n","token_type":"Bearer","expires_in":60}',
        b'{"access_token":"TOKEN-1","token_type":"Bearer","expires_in":60',
        b'{"access_token":"TOKEN-1","access_token":"TOKEN-1","expires_in":60}',
    ],
)
def test_an_unusable_answer_does_not_show_its_token(body):
    flow = paypal().fetch_payment(REF)
    next(flow)
    with pytest.raises(MalformedResponse) as caught:
        flow.send(HttpResponse(200, body=body))
    caught.value.__traceback__ = caught.value.__traceback__.tb_next
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "TOKEN-1" not in "".join(told.format())
    assert "TOKEN-1" not in repr(vars(caught.value))


def test_neither_token_nor_secret_is_logged(caplog):
    """Over a real connection, with everything that httpx and paykit have to say."""
    caplog.set_level(logging.DEBUG)
    token = b'{"access_token":"TOKEN-1","token_type":"Bearer","expires_in":60}'
    with loopback(answer(body=token), answer(500, b'{"name":"INTERNAL_SERVER_ERROR"}')) as server:
        config = PayPalConfig(client_id="AX", client_secret=SECRET, base_url=server.url)
        with HttpxTransport() as transport, pytest.raises(ProviderUnavailable):
            Client(PayPal(config), transport=transport).fetch_payment(REF)
        assert server.requests[1].headers["authorization"] == "Bearer TOKEN-1"
    basic = base64.b64encode(f"AX:{SECRET}".encode()).decode()
    for secret in (SECRET, basic, "TOKEN-1"):
        assert secret not in caplog.text


def test_a_token_is_not_pickled():
    import pickle

    from paykit import ConfigurationError

    provider = paypal()
    Client(provider, transport=TokenServer()).fetch_payment(REF)
    with pytest.raises(ConfigurationError):
        pickle.dumps(provider._tokens._current)
