"""Requests and answers held against a provider's published description (tests/contracts)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jsonschema import ValidationError

from paykit.http import HttpRequest, HttpResponse

from .schemas import Schemas

FOLDER = Path(__file__).parents[1] / "contracts"


class OffContractError(AssertionError):
    """Something that the description does not allow."""


class Contract:
    """One OpenAPI file. ``root`` is what comes before its paths in a URL."""

    def __init__(self, path: Path, additions: Path | None = None, *, root: str = "") -> None:
        """The file, with ``additions`` laid over it; there, ``null`` takes something away."""
        self.root = root
        self.document = json.loads(path.read_text("utf-8"))
        if additions is not None:
            self.document = _merged(self.document, json.loads(additions.read_text("utf-8")))
        self._schemas = Schemas({"open:": self.document, "closed:": _closed(self.document)})

    def operation(
        self, method: str, path: str
    ) -> tuple[str, dict[str, Any], dict[str, str]] | None:
        """The template, the operation and the values in the path."""
        if not path.startswith(self.root):
            return None
        path = path.removeprefix(self.root)
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
        query = dict(parse_qsl(urlsplit(request.url).query, strict_parsing=False))
        known = self._parameters(operation)
        strange = query.keys() - {item["name"] for item in known if item["in"] == "query"}
        if strange:
            raise OffContractError(f"no parameter {min(strange)}")
        for parameter in known:
            where, name = parameter["in"], parameter["name"]
            value = {"path": values, "query": query}.get(where, {}).get(name)
            if where == "header":
                value = request.header(name)
            if value is None and parameter.get("required"):
                raise OffContractError(f"{where} {name} is missing")
            if value is not None:
                self._validate("open:", parameter["schema"], value, f"{where} {name}")
        schema = _json_schema(operation.get("requestBody", {}))
        if schema is None:
            if request.body:
                raise OffContractError(f"{request.method} {path} takes no body")
            return
        kind, _, parameters = (request.header("content-type") or "").partition(";")
        if kind != "application/json" or parameters.strip().upper() not in {"", "CHARSET=UTF-8"}:
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
        _refuse(self._schemas.errors(whole, value), what)


def _refuse(errors: list[ValidationError], what: str) -> None:
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
def adyen() -> Contract:
    """Adyen's description of its Checkout API."""
    return Contract(FOLDER / "adyen" / "adyen_checkout_v72_trimmed.json", root="/v72")


def check_adyen(request: HttpRequest, response: HttpResponse | None = None) -> None:
    """Hold a call of Adyen's API, and its answer, against the description."""
    adyen().check_request(request)
    if response is not None:
        adyen().check_response(request, response)


@cache
def adyen_webhooks() -> Contract:
    """Adyen's description of its webhooks: a path for each ``eventCode``."""
    return Contract(FOLDER / "adyen" / "adyen_webhooks_v1_trimmed.json")


def check_adyen_webhook(body: Mapping[str, Any]) -> None:
    """Hold each item of a webhook against the description of its ``eventCode``."""
    for item in body["notificationItems"]:
        told = item["NotificationRequestItem"]
        whole = {**body, "notificationItems": [item]}
        request = HttpRequest.post_json(f"https://shop.example/{told['eventCode']}", whole)
        adyen_webhooks().check_request(request)


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
    if "oneOf" in schema:
        return st.one_of([_strategy(document, part, depth - 1) for part in schema["oneOf"]])
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
    if isinstance(schema.get("additionalProperties"), dict):
        named = st.sampled_from(["authCode", "cardSummary", "a"])
        return st.dictionaries(named, st.text(max_size=5), max_size=2)
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


# Stripe: types instead of an OpenAPI file, and forms instead of JSON.

#: Calls whose operation the types file leaves out: what they may bring, and what they answer.
_MORE_STRIPE = {
    ("GET", "/v1/checkout/sessions/{id}"): ((), "Session"),
    ("GET", "/v1/setup_intents/{id}"): (("expand",), "SetupIntent"),
    ("GET", "/v1/payment_methods/{id}"): (("expand",), "PaymentMethod"),
    ("POST", "/v1/payment_methods/{id}/detach"): ((), "PaymentMethod"),
    ("GET", "/v1/refunds"): (("payment_intent", "limit", "starting_after"), ["Refund"]),
    ("GET", "/v1/checkout/sessions"): (("payment_intent", "limit"), ["Session"]),
}
_NUMBER = {"type": "string", "pattern": "^-?[0-9]+$"}
_FORM = "application/x-www-form-urlencoded"


class StripeTypes:
    """Stripe's types as JSON Schema."""

    def __init__(self, path: Path) -> None:
        self.document = json.loads(path.read_text("utf-8"))
        self.version = self.document["x-api-version"]
        defs = self.document["$defs"]
        self._schemas = Schemas(
            {"sent:": {"$defs": _as_texts(defs)}, "answered:": {"$defs": _closed_types(defs)}}
        )
        self._operations = {
            (item["method"], item["path"]): (item["request"], item["response"])
            for item in self.document["operations"]
        }
        for key, (names, answer) in _MORE_STRIPE.items():
            asked = {"properties": dict.fromkeys(names, True), "additionalProperties": False}
            self._operations[key] = (asked, _answer_schema(answer))

    def operation(self, request: HttpRequest) -> tuple[Any, Any]:
        """What a request may bring, and what it answers; raises :class:`OffContractError`."""
        path = urlsplit(request.url).path
        # The plain path of a list is not an object's.
        for (method, template), found in self._operations.items():
            pattern = re.sub(r"\\\{\w+\\\}", "[A-Za-z0-9_]+", re.escape(template))
            if method == request.method and re.fullmatch(pattern, path):
                return found
        raise OffContractError(f"no operation {request.method} {path}")

    def check_request(self, request: HttpRequest) -> Any:
        """Return what a request brings; raise :class:`OffContractError` if it is not as typed."""
        asked, _ = self.operation(request)
        if request.header("stripe-version") != self.version:
            raise OffContractError(f"not of version {self.version}")
        if not (request.header("authorization") or "").startswith("Bearer sk_test_"):
            raise OffContractError("no secret key")
        if request.method == "POST":
            if request.header("content-type") != _FORM:
                raise OffContractError("not declared as a form")
            key = request.header("idempotency-key") or ""
            if not 0 < len(key) <= 255 or not key.isascii():
                raise OffContractError("no idempotency key, or a long one")
        text = request.body.decode() if request.method == "POST" else urlsplit(request.url).query
        brought = unflatten(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)))
        self._validate("sent:", asked, brought, "request")
        return brought

    def check_response(self, request: HttpRequest, response: HttpResponse) -> None:
        """Raise :class:`OffContractError` for an answer that is not as typed."""
        _, answer = self.operation(request)
        if response.status >= 400:
            failure = {"$ref": "#/$defs/PaymentIntent_LastPaymentError"}
            answer = {"type": "object", "required": ["error"], "properties": {"error": failure}}
        self._validate("answered:", answer, json.loads(response.body), "answer")

    def check_object(self, name: str, value: Any) -> None:
        """Raise :class:`OffContractError` for an object that is not as typed."""
        self._validate("answered:", {"$ref": f"#/$defs/{name}"}, value, name)

    def _validate(self, base: str, schema: Any, value: Any, what: str) -> None:
        _refuse(self._schemas.errors(_based(schema, base), value), what)


@cache
def stripe() -> StripeTypes:
    """Stripe's types."""
    return StripeTypes(FOLDER / "stripe" / "stripe_current_types.json")


def unflatten(pairs: list[tuple[str, str]]) -> Any:
    """The nested value of a form with brackets: ``a[b][0]=c``."""
    whole: dict[str, Any] = {}
    for name, value in pairs:
        first, *rest = re.fullmatch(r"([^\[\]]+)((?:\[[^\[\]]+\])*)", name).groups()  # type: ignore[union-attr]
        way = [first, *re.findall(r"\[([^\[\]]+)\]", rest[0])]
        home = whole
        for step in way[:-1]:
            home = home.setdefault(step, {})
        if way[-1] in home:
            raise OffContractError(f"{name} comes twice")
        home[way[-1]] = value
    return _with_lists(whole)


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    made = {name: _with_lists(item) for name, item in value.items()}
    if list(made) == [str(index) for index in range(len(made))] and made:
        return list(made.values())
    return made


def _answer_schema(answer: str | list[str]) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"$ref": f"#/$defs/{answer}"}
    items = {"type": "array", "items": {"$ref": f"#/$defs/{answer[0]}"}}
    return {"type": "object", "required": ["data"], "properties": {"data": items}}


def _as_texts(schema: Any) -> Any:
    """The schema of what a form can say, with the lists of words closed."""
    if isinstance(schema, list):
        return [_as_texts(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in ("integer", "number"):  # not a set: a property may be called so
        return _NUMBER
    if schema.get("type") == "boolean":
        return {"enum": ["true", "false"]}
    made = {name: _as_texts(item) for name, item in schema.items()}
    options = made.get("anyOf")
    if isinstance(options, list) and any("enum" in option for option in options):
        named = [option for option in options if option != {"type": "string"}]
        if any(option.get("enum") not in (None, [""]) for option in named):
            made["anyOf"] = named
    return made


def _closed_types(schema: Any) -> Any:
    """The schema of an answer that has no name which the types do not know."""
    if isinstance(schema, list):
        return [_closed_types(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _closed_types(item) for name, item in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


def stripe_answers(name: str, read: frozenset[str]) -> Any:
    """A hypothesis strategy for what the type ``name`` allows, of the names in ``read``."""
    document = stripe().document
    return _typed_strategy(document, {"$ref": f"#/$defs/{name}"}, read, depth=5)


def _typed_strategy(
    document: dict[str, Any], schema: dict[str, Any], read: frozenset[str], depth: int
) -> Any:
    from hypothesis import strategies as st

    if "$ref" in schema:
        return _typed_strategy(document, _at(document, schema["$ref"]), read, depth)
    if "anyOf" in schema:
        options = [option for option in schema["anyOf"] if depth > 0 or "$ref" not in option]
        made = [_typed_strategy(document, option, read, depth - 1) for option in options]
        return st.one_of(made)
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kind = schema.get("type", "object")
    simple = {
        "null": st.none(),
        "boolean": st.booleans(),
        "integer": st.integers(0, 3000),
        "number": st.integers(0, 3000),
        "string": st.sampled_from(["usd"] * 6 + ["1999", "eur", "pi_1", "x" * 300, ""]),
    }
    if kind in simple:
        return simple[kind]
    if kind == "array":
        items = _typed_strategy(document, schema.get("items", {}), read, depth - 1)
        return st.lists(items, max_size=2 if depth > 0 else 0)
    properties = schema.get("properties", {}) if depth > 0 else {}
    return st.fixed_dictionaries(
        {},
        optional={
            name: _typed_strategy(document, value, read, depth - 1)
            for name, value in properties.items()
            if name in read
        },
    )
