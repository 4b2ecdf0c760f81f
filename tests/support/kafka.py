"""A Kafka cluster in this process: librdkafka's own mock, on real sockets, with faults on demand.

confluent_kafka can only start such a cluster (``test.mock.num.brokers``). Its wheel bundles a
librdkafka that can also make it fail, through functions that this calls by ctypes. Any client in any
process may connect. Nothing is kept on disk; consumer groups work; ``AdminClient.create_topics``
does not, so topics are made at first use or by :meth:`MockCluster.create_topic`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import importlib.util
from collections.abc import Iterator
from ctypes import c_char_p, c_int, c_size_t, c_void_p
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final, NoReturn

#: Of librdkafka's rdkafka.h.
_PRODUCER: Final = 0
#: Of the protocol: https://kafka.apache.org/protocol#protocol_api_keys
PRODUCE: Final = 0
METADATA: Final = 3


class Code(IntEnum):
    """Errors that a broker may answer: https://kafka.apache.org/protocol#protocol_error_codes"""

    UNKNOWN_TOPIC_OR_PART = 3
    NOT_LEADER = 6
    TIMED_OUT = 7
    MSG_SIZE_TOO_LARGE = 10
    NOT_ENOUGH_REPLICAS = 19
    TOPIC_AUTHORIZATION_FAILED = 29
    OUT_OF_ORDER_SEQUENCE = 45


@dataclass(frozen=True)
class MockCluster:
    """A running cluster. Brokers are numbered from 1."""

    bootstrap: str
    brokers: range
    _cluster: int

    def push_errors(self, *codes: int, api: int = PRODUCE) -> None:
        """Answer the next requests of this kind with these errors, one after the other."""
        array = (c_int * len(codes))(*codes)
        _library().rd_kafka_mock_push_request_errors_array(self._cluster, api, len(codes), array)

    def clear_errors(self, *, api: int = PRODUCE) -> None:
        """Forget the errors that were not answered yet."""
        _library().rd_kafka_mock_clear_request_errors(self._cluster, api)

    def down(self, *brokers: int) -> None:
        """Cut the connections of these brokers, or of all, and take no new ones."""
        for broker in brokers or self.brokers:
            _check(_library().rd_kafka_mock_broker_set_down(self._cluster, broker))

    def up(self, *brokers: int) -> None:
        """Let these brokers, or all, answer again."""
        for broker in brokers or self.brokers:
            _check(_library().rd_kafka_mock_broker_set_up(self._cluster, broker))

    def rtt(self, milliseconds: int) -> None:
        """Let each answer of each broker take this long."""
        for broker in self.brokers:
            _check(_library().rd_kafka_mock_broker_set_rtt(self._cluster, broker, milliseconds))

    def join_delay(self, milliseconds: int) -> None:
        """How long a new consumer group waits for more members; 3 seconds, unless it is told."""
        _library().rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, milliseconds)

    def create_topic(self, name: str, *, partitions: int = 4) -> None:
        """Make a topic, replicated to all brokers."""
        replicas = len(self.brokers)
        made = _library().rd_kafka_mock_topic_create(
            self._cluster, name.encode(), partitions, replicas
        )
        _check(made)

    def topic_error(self, name: str, code: int) -> None:
        """Let the metadata of a topic be this error; 0 takes it back."""
        _library().rd_kafka_mock_topic_set_error(self._cluster, name.encode(), code)


@contextlib.contextmanager
def mock_cluster(brokers: int = 3) -> Iterator[MockCluster]:
    """A cluster until the end of the block. Skips the test where the library cannot do it."""
    library = _library()
    why = ctypes.create_string_buffer(512)
    # The mock needs a client to live in; this one connects to nobody and is to keep quiet.
    settings = library.rd_kafka_conf_new()
    library.rd_kafka_conf_set(settings, b"log_level", b"0", why, len(why))
    client = library.rd_kafka_new(_PRODUCER, settings, why, len(why))
    assert client, why.value.decode()
    try:
        cluster = library.rd_kafka_mock_cluster_new(client, brokers)
        assert cluster
        try:
            bootstrap = library.rd_kafka_mock_cluster_bootstraps(cluster).decode()
            yield MockCluster(bootstrap, range(1, brokers + 1), cluster)
        finally:
            library.rd_kafka_mock_cluster_destroy(cluster)
    finally:
        library.rd_kafka_destroy(client)


@dataclass(frozen=True)
class Record:
    """One record of a topic."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]


def read_all(bootstrap: str, topic: str) -> list[Record]:
    """All records that a topic has by now, each partition in its order, read by aiokafka."""
    return asyncio.run(_read_all(bootstrap, topic))


async def _read_all(bootstrap: str, topic: str) -> list[Record]:
    from aiokafka import AIOKafkaConsumer

    records = []
    # Without a group it assigns itself all partitions.
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    ) as reader:
        ends = await reader.end_offsets(reader.assignment())
        for partition, end in ends.items():
            while await reader.position(partition) < end:
                got = await reader.getmany(partition, timeout_ms=1000)
                records += [
                    Record(one.partition, one.key, one.value, dict(one.headers))
                    for one in got.get(partition, [])
                ]
    return records


#: name: what it returns, and what it takes. Handles are pointers, and error codes are integers.
_FUNCTIONS: Final = {
    "rd_kafka_conf_new": (c_void_p, []),
    "rd_kafka_conf_set": (c_int, [c_void_p, c_char_p, c_char_p, c_char_p, c_size_t]),
    "rd_kafka_new": (c_void_p, [c_int, c_void_p, c_char_p, c_size_t]),
    "rd_kafka_destroy": (None, [c_void_p]),
    "rd_kafka_err2str": (c_char_p, [c_int]),
    "rd_kafka_mock_cluster_new": (c_void_p, [c_void_p, c_int]),
    "rd_kafka_mock_cluster_destroy": (None, [c_void_p]),
    "rd_kafka_mock_cluster_bootstraps": (c_char_p, [c_void_p]),
    "rd_kafka_mock_push_request_errors_array": (
        None,
        [c_void_p, ctypes.c_int16, c_size_t, ctypes.POINTER(c_int)],
    ),
    "rd_kafka_mock_clear_request_errors": (None, [c_void_p, ctypes.c_int16]),
    "rd_kafka_mock_broker_set_down": (c_int, [c_void_p, ctypes.c_int32]),
    "rd_kafka_mock_broker_set_up": (c_int, [c_void_p, ctypes.c_int32]),
    "rd_kafka_mock_broker_set_rtt": (c_int, [c_void_p, ctypes.c_int32, c_int]),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [c_void_p, ctypes.c_int32]),
    "rd_kafka_mock_topic_create": (c_int, [c_void_p, c_char_p, c_int, c_int]),
    "rd_kafka_mock_topic_set_error": (None, [c_void_p, c_char_p, c_int]),
}


@functools.cache
def _library() -> ctypes.CDLL:
    spec = importlib.util.find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        _missing("the Python package confluent_kafka is not installed")
    # Wheels for Linux keep what they bundle beside the package, under a name with a hash in it.
    beside = Path(spec.origin).parents[1] / "confluent_kafka.libs"
    found = sorted(beside.glob("librdkafka*.so*"))
    if not found:
        _missing(f"no librdkafka in {beside}: its mock cluster is used on Linux, from the wheel")
    # Not again: importing confluent_kafka has loaded it, or will find it loaded.
    library = ctypes.CDLL(str(found[0]))
    for name, (returns, takes) in _FUNCTIONS.items():
        function = getattr(library, name, None)
        if function is None:
            _missing(f"this librdkafka has no {name}")
        function.restype, function.argtypes = returns, takes
    return library


def _missing(reason: str) -> NoReturn:
    from .services import missing

    missing(reason)


def _check(code: int) -> None:
    assert code == 0, _library().rd_kafka_err2str(code).decode()
