"""Stripe's own types (tests/contracts/stripe), to hold requests and answers against, closed."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

from ..support.schemas import Schemas

FOLDER = Path(__file__).parent.parent / "contracts" / "stripe"
URI = "stripe:types"


@functools.cache
def types():
    return json.loads((FOLDER / "stripe_current_types.json").read_text("utf-8"))


@functools.cache
def fixtures():
    return json.loads((FOLDER / "stripe_fixtures_trimmed.json").read_text("utf-8"))["resources"]


@functools.cache
def schemas():
    return Schemas({URI: closed(types())})


def closed(schema):
    """No member beside the named ones, and only the named words of an enumeration."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if isinstance(found.get("properties"), dict) and "type" in found and found["properties"]:
        found["additionalProperties"] = False
    branches = found.get("anyOf")
    if isinstance(branches, list) and any(set(one.get("enum", [""])) - {""} for one in branches):
        found["anyOf"] = [one for one in branches if one != {"type": "string"}]
    return found


def complaints(ref, value):
    return schemas().complaints({"$ref": f"{URI}#/$defs/{ref}"}, value)


@functools.cache
def operations():
    found = {}
    for one in types()["operations"]:
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", one["path"]))
        names = [one[side]["$ref"].rpartition("/")[2] for side in ("request", "response")]
        found[one["method"], pattern] = names
    return found


def operation(method, path):
    """The names of the types of request and answer, if the operation is described."""
    for (verb, pattern), names in operations().items():
        if verb == method and pattern.fullmatch(path):
            return names
    return None


OBJECTS = {
    "payment_intent": "PaymentIntent",
    "charge": "Charge",
    "refund": "Refund",
    "dispute": "Dispute",
    "setup_intent": "SetupIntent",
    "payment_method": "PaymentMethod",
    "customer": "Customer",
    "checkout.session": "Session",
    "event": "Event",
}


def check_object(value):
    """What is wrong with an object that says what it is."""
    if value["object"] == "list":
        return [one for item in value["data"] for one in check_object(item)]
    found = complaints(OBJECTS[value["object"]], value)
    # Everything that Stripe's own example has is there, if not left empty.
    missing = {name for name, one in fixtures()[value["object"]].items() if name not in value} - {
        "refunds",
        "description",
    }
    return found + [f"without {name}" for name in sorted(missing)]


def typed(schema, value):
    """Texts of a form as the numbers and truths that they stand for."""
    schema = resolve(schema)
    for branch in schema.get("anyOf", []):
        inner = resolve(branch)
        if isinstance(value, dict) == (inner.get("type") == "object") and inner.get("enum") != [""]:
            return typed(inner, value)
    if isinstance(value, dict):
        members = schema.get("properties", {})
        if schema.get("type") == "array":
            return [typed(schema.get("items", {}), one) for one in value.values()]
        return {name: typed(members.get(name, {}), one) for name, one in value.items()}
    if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    if schema.get("type") == "boolean" and value in {"true", "false"}:
        return value == "true"
    return value


def resolve(schema):
    while "$ref" in schema:
        schema = types()["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def check_form(method, path, form):
    """What is wrong with a request's form, read with a parser of the tests' own."""
    names = operation(method, path)
    if names is None:
        return []
    tree = {}
    for name, text in parse_qsl(form, keep_blank_values=True):
        place = tree
        *start, last = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        for part in start:
            place = place.setdefault(part, {})
        place[last or str(len(place))] = text
    return complaints(names[0], typed({"$ref": f"#/$defs/{names[0]}"}, tree))


def check_error(error):
    """What is wrong with an error."""
    found = complaints("PaymentIntent_LastPaymentError", error)
    for name in ("payment_intent", "setup_intent", "payment_method"):
        if name in error:
            found += check_object(error[name])
    return found
