"""Requests and answers held against a provider's published description (tests/contracts)."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from paykit.http import HttpRequest, HttpResponse

FOLDER = Path(__file__).parents[1] / "contracts"


class OffContractError(AssertionError):
    """Something that the description does not allow."""


class Contract:
    """One OpenAPI file."""

    def __init__(self, path: Path, additions: Path | None = None) -> None:
        """The file, with ``additions`` laid over it; there, ``null`` takes something away."""
        self.document = json.loads(path.read_text("utf-8"))
        if additions is not None:
            self.document = _merged(self.document, json.loads(additions.read_text("utf-8")))
        open_ = DRAFT202012.create_resource(self.document)
        closed = DRAFT202012.create_resource(_closed(self.document))
        self._registry = Registry().with_resources([("open:", open_), ("closed:", closed)])

    def operation(
        self, method: str, path: str
    ) -> tuple[str, dict[str, Any], dict[str, str]] | None:
        """The template, the operation and the values in the path."""
        for template, methods in self.document["paths"].items():
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
            found = re.fullmatch(pattern, path)
            if found and method.lower() in methods:
                return template, methods[method.lower()], found.groupdict()
        return None

    def check_request(self, request: HttpRequest) -> None:
        """Raise :class:`OffContractError` for a request that is not as described."""
        path = urlsplit(request.url).path
        found = self.operation(request.method, path)
        if found is None:
            raise OffContractError(f"no operation {request.method} {path}")
        _, operation, values = found
        for parameter in self._parameters(operation):
            where, name = parameter["in"], parameter["name"]
            value = values.get(name) if where == "path" else request.header(name)
            if value is not None:
                self._validate("open:", parameter["schema"], value, f"{where} {name}")
        schema = _json_schema(operation.get("requestBody", {}))
        if schema is None:
            if request.body:
                raise OffContractError(f"{request.method} {path} takes no body")
            return
        if request.header("content-type") != "application/json":
            raise OffContractError("not declared as JSON")
        self._validate("closed:", schema, json.loads(request.body), "body")

    def check_response(self, request: HttpRequest, response: HttpResponse) -> None:
        """Raise :class:`OffContractError` for an answer that is not as described."""
        found = self.operation(request.method, urlsplit(request.url).path)
        if found is None:
            raise OffContractError(f"no operation {request.method} {request.url}")
        responses = found[1]["responses"]
        described = responses.get(str(response.status), {})
        # For some 500s nothing is described but that they happen; they are errors like others.
        if not described or (response.status >= 500 and "content" not in described):
            described = responses.get("default", described)
        if not described:
            raise OffContractError(f"HTTP {response.status} is not described")
        if "$ref" in described:
            described = _at(self.document, described["$ref"])
        schema = _json_schema(described)
        if schema is None or response.status == 204:
            if response.body:
                raise OffContractError(f"HTTP {response.status} has no body")
            return
        if "oneOf" in schema:  # an answer may well fit several: that of a payment, and of a payout
            schema = {"anyOf": schema["oneOf"]}
        try:
            told = json.loads(response.body)
        except ValueError:
            raise OffContractError("the answer is no JSON") from None
        self._validate("open:", schema, told, "answer")

    def _parameters(self, operation: dict[str, Any]) -> list[dict[str, Any]]:
        given = operation.get("parameters", [])
        return [_at(self.document, p["$ref"]) if "$ref" in p else p for p in given]

    def _validate(self, base: str, schema: Any, value: Any, what: str) -> None:
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_based(schema, base)}
        if base == "closed:":
            whole["unevaluatedProperties"] = False
        validator = Draft202012Validator(whole, registry=self._registry)
        errors = sorted(validator.iter_errors(value), key=lambda error: list(error.path))
        if errors:
            told = "; ".join(f"{'/'.join(map(str, e.path))}: {e.message:.160}" for e in errors[:3])
            raise OffContractError(f"{what}: {told}")


@cache
def paypal() -> list[Contract]:
    """PayPal's three descriptions."""
    contracts = [Contract(path) for path in sorted((FOLDER / "paypal").glob("*.json"))]
    assert len(contracts) == 3
    return contracts


def check_paypal(request: HttpRequest, response: HttpResponse | None = None) -> None:
    """Hold a call of PayPal's API, and its answer, against the description that has it."""
    path = urlsplit(request.url).path
    for contract in paypal():
        if contract.operation(request.method, path):
            contract.check_request(request)
            if response is not None:
                contract.check_response(request, response)
            return
    raise OffContractError(f"no operation {request.method} {path}")


@cache
def checkoutcom() -> Contract:
    """Checkout.com's description, with what is newer than it."""
    folder = FOLDER / "checkoutcom"
    return Contract(folder / "checkoutcom_payments_trimmed.json", folder / "additions.json")


def _merged(base: Any, over: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(over, dict)) or "oneOf" in over:
        return over
    merged = {**base, **{name: _merged(base.get(name), value) for name, value in over.items()}}
    return {name: value for name, value in merged.items() if value is not None}


def _json_schema(described: dict[str, Any]) -> Any:
    content = described.get("content", {})
    return content["application/json"]["schema"] if content else None


def _at(document: dict[str, Any], pointer: str) -> Any:
    node: Any = document
    for part in pointer.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def _based(schema: Any, base: str) -> Any:
    """The schema with its references into the document that is registered as ``base``."""
    if isinstance(schema, dict):
        return {
            key: f"{base}{value}" if key == "$ref" else _based(value, base)
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [_based(item, base) for item in schema]
    return schema


def _closed(document: Any) -> Any:
    """The document in which no object may have what is not named, wherever one is a value.

    Where it is used, not where it is defined: a definition may be extended by ``allOf``.
    """
    if isinstance(document, list):
        return [_closed(item) for item in document]
    if not isinstance(document, dict):
        return document
    made = {key: _closed(value) for key, value in document.items()}
    if isinstance(made.get("properties"), dict):
        made["properties"] = {
            name: value if _is_free(value) else {**value, "unevaluatedProperties": False}
            for name, value in made["properties"].items()
        }
    if isinstance(made.get("items"), dict) and made.get("type") == "array":
        made["items"] = {**made["items"], "unevaluatedProperties": False}
    return made


def _is_free(schema: Any) -> bool:
    """Whether it is an object in which anything may be: the merchant's own notes."""
    names = {"properties", "allOf", "anyOf", "oneOf", "$ref"}
    return schema.get("type") == "object" and names.isdisjoint(schema)


# Answers made up from a description.


def answers(contract: Contract, name: str) -> Any:
    """A hypothesis strategy for what the schema ``name`` allows."""
    return _strategy(contract.document, {"$ref": f"#/components/schemas/{name}"}, depth=7)


def _strategy(document: dict[str, Any], schema: dict[str, Any], depth: int) -> Any:
    from hypothesis import strategies as st

    if "$ref" in schema:
        return _strategy(document, _at(document, schema["$ref"]), depth)
    if "allOf" in schema:
        parts = [_strategy(document, part, depth) for part in schema["allOf"]]
        if len(parts) == 1:
            return parts[0]
        return st.tuples(*parts).map(
            lambda found: {k: v for part in found for k, v in part.items()}
        )
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type", "object")
    if kind == "array":
        most = 2 if depth > 0 else 0
        least = schema.get("minItems", 0)
        items = _strategy(document, schema.get("items", {}), depth - 1)
        return st.lists(items, min_size=least, max_size=max(most, least))
    if kind == "boolean":
        return st.booleans()
    if kind in {"integer", "number"}:
        return st.integers(0, 10**6)
    if kind == "string":
        return _text(schema)
    properties = schema.get("properties", {}) if depth > 0 else {}
    required = schema.get("required", [])
    made = {name: _strategy(document, value, depth - 1) for name, value in properties.items()}
    return st.fixed_dictionaries(
        {name: item for name, item in made.items() if name in required},
        optional={name: item for name, item in made.items() if name not in required},
    )


def _text(schema: dict[str, Any]) -> Any:
    from hypothesis import strategies as st

    def mostly(good: list[str], bad: list[str]) -> Any:
        return st.sampled_from([*good * 20, *bad])

    if schema.get("format") == "ppaas_common_currency_code_v2":
        return mostly(["USD"], ["EUR", "JPY", "VND"])
    if schema.get("format") == "ppaas_date_time_v3":
        return mostly(["2026-01-02T03:04:05Z"], ["2026-01-02t03:04:60.5+07:00"])
    if schema.get("pattern", "").startswith("^((-?[0-9]+)|"):
        return mostly(["19.99", "5.00"], ["-1.00", ".5", "1999", "0.00", "19.990"])
    least, most = schema.get("minLength", 0), min(schema.get("maxLength", 20), 40)
    return st.text("ABC123-_", min_size=least, max_size=max(least, most))
