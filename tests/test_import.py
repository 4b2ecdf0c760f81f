"""What `import paykit` loads, exactly, and that every public name is there."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import paykit
import paykit.publishing
import paykit.webhooks

#: Nothing of this may be loaded before it is used.
DEAR = {
    "httpx", "pydantic", "cryptography", "asyncio", "sqlite3", "sqlalchemy", "starlette",
    "fastapi", "jinja2", "click", "uvicorn", "aiohttp", "django", "flask", "litestar", "pytest",
    "segno", "confluent_kafka", "faststream", "aiormq", "nats", "redis", "opentelemetry",
}  # fmt: skip


def loaded_after(statement):
    code = f"import sys, json\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


def test_import_paykit_loads_nothing_dear():
    before, after = loaded_after("pass"), loaded_after("import paykit")
    # Tools of a development environment may load things before the first statement.
    assert (after & DEAR) - before == set()
    assert {name for name in after - before if name.startswith("paykit.")} == {"paykit.lazy"}


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("from paykit import Money, PaymentProcessed, PaymentRequest, Delivery", set()),
        ("from paykit import VNPay, MoMo", {"pydantic"}),
        ("from paykit.vietqr import VietQRPayload, banks, links, parse, qr", set()),
        ("from paykit import PayPal, PayPalConfig", {"pydantic"}),
        ("import paykit.webhooks.receiver", {"pydantic"}),
        (
            "from paykit.webhooks import MountOptions, OrderTokens, Sources",
            {"pydantic"},
        ),
        (
            "from paykit.webhooks import EventReceiver; import paykit.webhooks.wsgi",
            {"pydantic", "httpx", "asyncio", "click", "cryptography"},
        ),
        ("from paykit.publishing import Message, Publisher, publisher_from_url", {"asyncio"}),
        ("import paykit.testing.deliveries", {"pydantic"}),
        ("import paykit.testing.pytest_plugin", {"pytest", "asyncio"}),
        (
            "from paykit import Client",
            {"pydantic", "httpx", "asyncio", "click"},
        ),  # httpx looks for click
    ],
)
def test_each_name_loads_only_what_it_needs(statement, allowed):
    assert (loaded_after(statement) & DEAR) - loaded_after("pass") <= allowed


def test_every_public_name_is_there():
    assert all(getattr(paykit, name) is not None for name in paykit.__all__)


@pytest.mark.parametrize(
    "package",
    [paykit, paykit.publishing, paykit.webhooks],
    ids=lambda package: package.__name__,
)
def test_the_lazy_names_are_those_that_type_checkers_see(package):
    source = Path(package.__file__).read_text("utf-8")
    (block,) = [
        node for node in ast.parse(source).body
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    ]  # fmt: skip
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(seen) == list(package.__all__) == dir(package)
    homes = {name: home for home, names in package._HOMES.items() for name in names.split()}
    assert seen == homes
