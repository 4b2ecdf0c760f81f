"""What docs/observability.md lists is what is told: spans, metrics, loggers, log fields, health."""

import ast

import attrs
import pytest

from paykit import Declined, VNPay
from paykit.metrics import METRICS
from paykit.service import Health
from paykit.service.health import MOST, PATIENCE
from paykit.service.receiving import _REASONS
from paykit.telemetry import SPANS

from .service.cards import AskableCards, answer, cards, declined
from .service.cards import request as hold
from .service.shop import Blocking, Clock, notice, request, vnpay
from .support.markdown import DOCS, ROOT, code, section, table
from .support.watched import Watched

PAGE = DOCS / "observability.md"
SOURCE = ROOT / "src" / "paykit"


def test_metrics():
    rows = table(PAGE, "metric", "kind", "unit", "attributes", "what it tells")
    assert [
        (code(name)[0], kind, code(unit)[0], tuple(code(attributes)), text)
        for name, kind, unit, attributes, text in rows
    ] == [
        (metric.name, metric.kind, metric.unit, metric.attributes, metric.description)
        for metric in METRICS
    ]
    assert all(f"`{reason}`" in PAGE.read_text() for reason in _REASONS.values())


class Batch(VNPay):
    """One whose notices are about two payments, if they are about the second one."""

    def parse(self, verified):
        (one,) = super().parse(verified)
        if one.reference != "ORDER-2":
            return (one,)
        return (one, attrs.evolve(one, reference="ORDER-1", event_id="2", provider_id="2"))


@pytest.fixture
def told(tmp_path):
    """The attributes of each span, in a shop where everything happens that makes one."""
    watched = Watched()
    authorized = answer("authorized", id="psp-1")
    shop = Blocking(
        f"sqlite:///{tmp_path}/payments.db",
        providers=[Batch(vnpay().config), cards(AskableCards)],
        answers=[authorized, answer(id="psp-1"), declined(), authorized],
        clock=Clock(),
        telemetry=watched.telemetry,
    )
    for number in (1, 2):
        shop.create(request(f"ORDER-{number}"), provider="vnpay")
    shop.receive(notice("ORDER-1"), provider="vnpay")
    shop.receive(notice("ORDER-2", number="2"), provider="vnpay")
    shop.receive_return(notice("ORDER-1"), provider="vnpay")
    shop.capture(shop.create(hold(), provider="askable").payment_id)
    with pytest.raises(Declined):
        shop.create(hold("R-2"), provider="askable")
    shop.reconcile()
    shop.service._handlers.append(lambda _: None)
    shop.relay()
    shop.close()
    found = {}
    for span in watched.spans():
        found.setdefault(span.name, (span.kind, set()))[1].update(span.attributes)
    return found


def test_spans(told):
    rows = table(PAGE, "span", "what it is about", "attributes")
    listed = {code(name)[0]: set(code(attributes)) for name, _, attributes in rows}
    assert tuple(listed) == SPANS
    assert {name: names - {"error.type"} for name, (_, names) in told.items()} == listed
    assert [name for name, (kind, _) in told.items() if kind == "CLIENT"] == ["paykit.talk"]


def sources():
    """The modules of the library itself."""
    for path in sorted(SOURCE.rglob("*.py")):
        if path.relative_to(SOURCE).parts[0] not in {"demo", "sandbox"}:
            yield path, ast.parse(path.read_text())


def loggers():
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "getLogger":
                (name,) = node.args
                module = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
                yield module if isinstance(name, ast.Name) else name.value


def test_loggers():
    listed = [code(name)[0] for name, _ in table(PAGE, "logger", "what it tells")]
    assert sorted(listed) == sorted({name for name in loggers() if name != "httpx"})


def fields():
    """The keys of what is given as extra fields, and of the function that makes most of them."""
    for _, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "extra":
                yield from keys(node.value)
            elif isinstance(node, ast.FunctionDef) and node.name == "about":
                yield from keys(node)


def keys(node):
    for one in ast.walk(node):
        if isinstance(one, ast.Dict):
            yield from (key.value for key in one.keys if key is not None)


def test_log_fields():
    listed = [name for names, _ in table(PAGE, "field", "what it is") for name in code(names)]
    assert sorted(set(fields())) == sorted(listed)


def test_health():
    listed = [code(name)[0] for name, _ in table(PAGE, "of `Health`", "what it is")]
    assert listed == [field.name for field in attrs.fields(Health)]
    text = section(PAGE, "Health")
    assert f"up to {MOST}" in text
    assert f"{PATIENCE} seconds" in text
