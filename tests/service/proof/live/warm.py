"""Imports what the processes need, so that they are forked with it."""

import gc
import importlib

from paykit.transport import HttpxTransport

for name in (
    "asyncpg",
    "confluent_kafka",
    "faststream.nats",
    "faststream.rabbit",
    "faststream.redis",
    "httptools",
    "psycopg",
    "pymysql",
    "sqlalchemy.dialects.mysql",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.ext.asyncio",
    "uvicorn.lifespan.off",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    f"{__package__}.roles",
):
    importlib.import_module(name)

HttpxTransport().close()  # reads the certificate authorities
gc.collect()
gc.freeze()  # else a collection in each process copies all of it
