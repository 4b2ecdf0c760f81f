"""PayPal's published API descriptions, to hold requests and answers against."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

from ..support.schemas import Schemas

FOLDER = Path(__file__).parent.parent / "contracts" / "paypal"
#: What PayPal says without having published it: (operation, issue).
UNPUBLISHED = {
    ("authorizations.reauthorize", "REAUTHORIZATION_TOO_SOON"),
    ("orders.capture", "ACTION_DOES_NOT_MATCH_INTENT"),
    ("orders.authorize", "INSTRUMENT_DECLINED"),
}


@functools.cache
def documents():
    return {path.name: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}


@functools.cache
def schemas():
    named = {f"paypal:{name}": document for name, document in documents().items()}
    return Schemas(named, formats=True)


@functools.cache
def operations():
    """(method, pattern of the path, name of the document, operation)."""
    found = []
    for name, document in documents().items():
        for path, methods in document["paths"].items():
            pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
            found += [
                (method.upper(), pattern, name, operation)
                for method, operation in methods.items()
                if "operationId" in operation
            ]
    return found


def operation(method, path):
    [found] = [one for one in operations() if one[0] == method and one[1].fullmatch(path)]
    return found[2:]


def absolute(schema, name):
    """The schema with references that know their document."""
    if isinstance(schema, list):
        return [absolute(one, name) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"paypal:{name}{value}" if key == "$ref" else absolute(value, name)
        for key, value in schema.items()
    }


def complaints(schema, value):
    return schemas().complaints(schema, value)


def check_request(method, path, body):
    """What is wrong with a request."""
    name, found = operation(method, path)
    if "requestBody" not in found:
        return [] if body is None else ["there is a body"]
    if body is None:
        return ["there is no body"] if found["requestBody"].get("required") else []
    schema = found["requestBody"]["content"]["application/json"]["schema"]
    return complaints(absolute(schema, name), body)


def check_answer(method, path, status, body):
    """What is wrong with an answer. A good one may have no member that is not described."""
    name, found = operation(method, path)
    responses = found["responses"]
    # Repetitions are answered with 200, also where only 201 is described.
    response = responses.get(str(status)) or (responses.get("201") if status == 200 else None)
    if response is None:
        response = responses["default"]
        if "$ref" in response:
            response = documents()[name]["components"]["responses"]["default"]
    if "content" not in response:
        return [] if body is None else ["there is a body"]
    if body is None:
        return ["there is no body"]
    if status >= 400:
        issues = {(found["operationId"], one["issue"]) for one in body.get("details", [])}
        if issues & UNPUBLISHED:
            response = documents()[name]["components"]["responses"]["default"]
    schema = absolute(response["content"]["application/json"]["schema"], name)
    if status < 400:
        schema = {**schema, "unevaluatedProperties": False}
    return complaints(schema, body)
