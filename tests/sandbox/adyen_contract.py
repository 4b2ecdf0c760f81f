"""Adyen's published API descriptions, to hold requests, answers and webhooks against."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

from ..support.schemas import Schemas

FOLDER = Path(__file__).parent.parent / "contracts" / "adyen"
API = "adyen_checkout_v72_trimmed.json"
WEBHOOKS = "adyen_webhooks_v1_trimmed.json"
FIXTURES = "adyen_fixtures_trimmed.json"

#: Events whose description forgot the signature that their own examples have.
UNSIGNED = {"OFFER_CLOSED", "RECURRING_CONTRACT"}


@functools.cache
def document(name):
    return json.loads((FOLDER / name).read_text("utf-8"))


@functools.cache
def schemas():
    named = {f"adyen:{name}": document(name) for name in (API, WEBHOOKS)}
    return Schemas(named, formats=True)


def operation(method, path):
    """The description of a call, if there is one: payment links have none."""
    for template, methods in document(API)["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "(?!details$)[^/]+", template), path):
            return methods.get(method.lower())
    return None


def complaints(name, schema, value):
    whole = {"$ref": f"adyen:{name}{schema['$ref']}"}
    return schemas().complaints(whole, value)


def check_request(method, path, body):
    """What is wrong with a request; a field without a description is an error."""
    found = operation(method, path)
    if found is None or "requestBody" not in found:
        return []
    schema = found["requestBody"]["content"]["application/json"]["schema"]
    return complaints(API, schema, body)


def check_answer(method, path, status, body):
    """What is wrong with an answer; a field without a description is an error."""
    if status >= 400:
        return complaints(API, {"$ref": "#/components/schemas/ServiceError"}, body)
    found = operation(method, path)
    if found is None:
        return []
    response = found["responses"].get(str(status))
    if response is None:
        return [f"HTTP {status} is not described"]
    if "content" not in response:
        return [] if body is None else ["there is a body"]
    return complaints(API, response["content"]["application/json"]["schema"], body)


def check_notice(batch):
    """What is wrong with a delivery. Each item is held against the description of its event."""
    wrong = [] if set(batch) == {"live", "notificationItems"} else ["the batch"]
    for wrapper in batch["notificationItems"]:
        item = wrapper["NotificationRequestItem"]
        if item["eventCode"] in UNSIGNED:
            extra = {**item["additionalData"]}
            del extra["hmacSignature"]
            item = {**item, "additionalData": extra}
        alone = {
            "live": batch["live"],
            "notificationItems": [{"NotificationRequestItem": item}],
        }
        # Not all events of disputes are in the file; those that are look alike.
        paths = document(WEBHOOKS)["paths"]
        path = f"/{item['eventCode']}"
        found = paths.get(path) or paths["/CHARGEBACK"]
        schema = found["post"]["requestBody"]["content"]["application/json"]["schema"]
        wrong += [f"{item['eventCode']} {text}" for text in complaints(WEBHOOKS, schema, alone)]
    return wrong
