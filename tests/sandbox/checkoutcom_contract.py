"""Checkout.com's published API description, to hold requests and answers against.

``SOURCES.md`` beside it says where it is from. It is of 2022: answers may hold more than it says.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

from ..support.schemas import Schemas

FILE = (
    Path(__file__).parent.parent / "contracts" / "checkoutcom" / "checkoutcom_payments_trimmed.json"
)
NAME = "checkoutcom:payments"
#: Operations that are not in the description, which is of 2022.
UNDESCRIBED = {("GET", "/payments")}


@functools.cache
def document():
    found = mended(json.loads(FILE.read_text("utf-8")))
    # It asks for an id that it does not describe, and that none of its examples has.
    del found["components"]["schemas"]["PaymentResponseBalances"]["required"]
    return found


def mended(schema):
    """The description with what JSON Schema has no words for taken out.

    A payment and a payout look alike where nothing is decided, so ``oneOf`` is any of them.
    """
    if isinstance(schema, list):
        return [mended(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in ("datetime", "long", "Enum"):
        return {}
    return {
        "anyOf" if key == "oneOf" else key: f"{NAME}{value}" if key == "$ref" else mended(value)
        for key, value in schema.items()
    }


@functools.cache
def schemas():
    return Schemas({NAME: document()}, formats=True)


def operation(method, path):
    """The operation at a path, ``None`` for one that is known to be undescribed."""
    if (method, path) in UNDESCRIBED:
        return None
    [found] = [
        methods[method.lower()]
        for pattern, methods in document()["paths"].items()
        if method.lower() in methods and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path)
    ]
    return found


def complaints(schema, value):
    return schemas().complaints(schema, value)


def check_request(method, path, body):
    """What is wrong with a request."""
    found = operation(method, path)
    if found is None or "requestBody" not in found:
        return [] if body is None else ["there is a body"]
    if body is None:
        return ["there is no body"] if found["requestBody"].get("required") else []
    schema = found["requestBody"]["content"]["application/json"]["schema"]
    return complaints(schema, body)


def check_answer(method, path, status, body):
    """What is wrong with an answer."""
    found = operation(method, path)
    if found is None:
        return []
    # That a key is in use is told in the documentation, and not in the description.
    response = found["responses"].get(str(status), {} if status in {409, 422} else None)
    if response is None:
        return [f"no answer {status} is described"]
    if "content" not in response:
        return [] if body is None or status == 422 else ["there is a body"]
    if body is None:
        return ["there is no body"]
    return complaints(response["content"]["application/json"]["schema"], body)
