"""Each module imports only from the layers below it; this walks every import and says who does not."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "paykit"

#: From the ground up. A module belongs to the entry with the longest matching name.
LAYERS = [
    ["errors", "money", "text", "cards", "redaction", "declines", "metrics", "lazy", "aside"],
    ["models", "events", "orders", "http", "status", "vietqr"],
    ["flow", "signing", "certificates", "wire", "retries", "vietnam", "telemetry"],
    ["info", "provider_tools", "provider", "registry"],
    ["adapter", "bank_transfer", "logs"],
    ["providers", "webhooks.receiver", "service.state", "service.tally", "service.quick"],
    ["transport", "client"],
    ["publishing"],
    ["webhooks", "service"],
    ["dashboard"],
    ["sandbox", "testing", "cli", "demo", "django"],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

FRAMEWORKS = {
    "starlette", "fastapi", "django", "flask", "litestar", "uvicorn", "jinja2", "click",
}  # fmt: skip
#: package: the modules that may import it.
ONLY_IN = {
    "httpx": {"transport"},
    "httpx_aiohttp": {"transport"},
    "aiohttp": {"transport", "webhooks.aiohttp"},
    "confluent_kafka": {"publishing.kafka"},
    "faststream": {"publishing.faststream"},
    # The clients below FastStream, for what their errors mean.
    "aiormq": {"publishing.faststream"},
    "nats": {"publishing.faststream"},
    "sqlalchemy": {"service", "testing.store", "django.store"},
    "django": {"django"},
    "redis": {"service.redis_changes"},
    "sqlite3": {"service", "demo"},
    "fastapi": {"webhooks.fastapi"},
    "flask": {"webhooks.flask"},
    "litestar": {"webhooks.litestar"},
    "starlette": {"dashboard", "sandbox", "demo", "webhooks.fastapi"},
    "uvicorn": {"sandbox", "demo", "cli"},
    "jinja2": {"dashboard", "sandbox", "demo"},
    "markupsafe": {"dashboard"},
    "click": {"cli"},
    "segno": {"vietqr.qr"},
    "pytest": {"testing"},
    "pydantic": {"wire", "providers", "bank_transfer", "testing"},
    "cryptography": {"signing", "certificates", "sandbox", "testing"},
    "certifi": {"certificates"},
    "opentelemetry": {"telemetry"},
}
#: Translators and formats: time, ids and the network are given to them.
PURE = ["providers", "vietqr", "text", "cards", "redaction"]
#: What makes them impure.
IMPURE = {
    "time", "random", "secrets", "uuid", "asyncio", "logging", "os", "socket", "threading",
    "subprocess", "urllib.request", "pathlib",
}  # fmt: skip


def modules():
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        yield (
            ".".join(part for part in parts if part != "__init__"),
            path.name,
            path.read_text("utf-8"),
        )


def imports(name, file, source):
    """Every imported module, absolute; imports for types alone do not count."""
    package = ["paykit", *name.split(".")] if name else ["paykit"]
    if file != "__init__.py":
        package = package[:-1]
    found = []

    class Walk(ast.NodeVisitor):
        def visit_If(self, node):
            if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
                for other in node.orelse:
                    self.visit(other)
            else:
                self.generic_visit(node)

        def visit_Import(self, node):
            found.extend(alias.name for alias in node.names)

        def visit_ImportFrom(self, node):
            base = package[: len(package) - node.level + 1] if node.level else []
            target = ".".join([*base, *([node.module] if node.module else [])])
            known = {
                "paykit",
                "paykit.service",
                "paykit.providers",
                "paykit.publishing",
                "paykit.sandbox",
                "paykit.testing",
                "paykit.vietqr",
            }
            if target in known or node.module is None:
                found.extend(f"{target}.{alias.name}" for alias in node.names)
            else:
                found.append(target)

    Walk().visit(ast.parse(source))
    return found


def rank(name):
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in RANK:
            return RANK[".".join(parts[:length])]
    return None


def within(name, homes):
    return any(name == home or name.startswith(f"{home}.") for home in homes)


def offences(name, file, source):
    """What is wrong with the imports of one module, in words."""
    said = []
    if name == "":
        return [
            f"paykit/__init__ imports {item}"
            for item in imports(name, file, source)
            if item not in {"__future__", "paykit.lazy"}
        ]
    own = rank(name)
    if own is None:
        return [f"{name} has no layer"]
    for item in imports(name, file, source):
        top = item.partition(".")[0]
        if item == "paykit.__version__":
            continue
        if item.startswith("paykit."):
            target = item.removeprefix("paykit.")
            other = rank(target)
            if other is None:
                said.append(f"{name} imports {target}, which has no layer")
            elif other > own:
                said.append(f"{name} reaches up to {target}")
            # A provider may be a package; its parts may import one another.
            brand = ".".join(name.split(".")[:2])
            if (
                within(name, ["providers"])
                and within(target, ["providers"])
                and not within(target, [brand])
            ):
                said.append(f"{name} imports another provider, {target}")
            if within(name, ["sandbox"]) and within(target, ["providers", "signing"]):
                said.append(f"{name} imports {target}: the sandbox signs by itself")
        elif (top in ONLY_IN and not within(name, ONLY_IN[top])) or (
            top in FRAMEWORKS and top not in ONLY_IN
        ):
            said.append(f"{name} imports {top}")
        elif within(name, PURE) and (item in IMPURE or top in IMPURE):
            said.append(f"{name} is not pure: it imports {item}")
    return said


@pytest.mark.parametrize("module", list(modules()), ids=lambda module: module[0] or "paykit")
def test_imports(module):
    assert offences(*module) == []


@pytest.mark.parametrize("module", [m for m in modules() if within(m[0], PURE)], ids=lambda m: m[0])
def test_the_pure_ask_no_clock(module):
    calls = [
        node.attr for node in ast.walk(ast.parse(module[2]))
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}
    ]  # fmt: skip
    assert calls == []


@pytest.mark.parametrize(
    ("name", "source", "offence"),
    [
        ("money", "from .models import Payment", "money reaches up to models"),
        ("http", "def f():\n    from . import client", "http reaches up to client"),
        ("models", "import pydantic", "models imports pydantic"),
        ("client", "import httpx", "client imports httpx"),
        (
            "providers.vnpay",
            "from .momo import MoMo",
            "providers.vnpay imports another provider, providers.momo",
        ),
        ("providers.vnpay", "import time", "providers.vnpay is not pure: it imports time"),
        (
            "providers.vnpay",
            "from urllib.request import urlopen",
            "providers.vnpay is not pure: it imports urllib.request",
        ),
        (
            "vietqr.banks",
            "from pathlib import Path",
            "vietqr.banks is not pure: it imports pathlib",
        ),
        ("vietqr.payload", "import segno", "vietqr.payload imports segno"),
        (
            "sandbox.app",
            "from ..signing import SigningKey",
            "sandbox.app imports signing: the sandbox signs by itself",
        ),
        ("service.state", "from .store import load", "service.state reaches up to service.store"),
        ("webhooks.asgi", "import starlette", "webhooks.asgi imports starlette"),
        (
            "publishing.kafka",
            "from ..service.store import load",
            "publishing.kafka reaches up to service.store",
        ),
        (
            "publishing.urls",
            "from faststream.nats import NatsBroker",
            "publishing.urls imports faststream",
        ),
        ("service.relay", "import confluent_kafka", "service.relay imports confluent_kafka"),
        (
            "service.watching",
            "from opentelemetry import trace",
            "service.watching imports opentelemetry",
        ),
        (
            "service.operations",
            "from ..dashboard.app import Dashboard",
            "service.operations reaches up to dashboard.app",
        ),
        ("novelty", "import json", "novelty has no layer"),
        ("", "from .money import Money", "paykit/__init__ imports paykit.money"),
    ],
)
def test_a_violation_is_found(name, source, offence):
    file = "__init__.py" if not name else f"{name}.py"
    assert offences(name, file, source) == [offence]


def test_imports_for_types_may_look_anywhere():
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .client import Client\n"
    assert offences("money", "money.py", source) == []
