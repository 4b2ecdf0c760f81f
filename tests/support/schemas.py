"""JSON Schema: quick to say that a value is right, and clear about what is wrong with another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012


class Schemas:
    """Documents with schemas, by the beginning of the references to them."""

    def __init__(self, documents: Mapping[str, Any], *, formats: bool = False) -> None:
        resources = {base: DRAFT202012.create_resource(one) for base, one in documents.items()}
        self._documents = list(documents.items())
        self._formats = formats
        self._registry = Registry().with_resources(resources.items())
        self._quick: dict[str, jsonschema_rs.Draft202012Validator | None] = {}

    def errors(self, schema: Any, value: Any) -> list[ValidationError]:
        """What is wrong with the value, in the order of where it is."""
        quick = self._quick_validator(schema)
        if quick is not None and quick.is_valid(value):
            return []
        # It tells best what is wrong and where; but most values are right, and it takes a hundred
        # times longer to see that.
        checker = FormatChecker() if self._formats else None
        validator = Draft202012Validator(schema, registry=self._registry, format_checker=checker)
        return sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.path)))

    def complaints(self, schema: Any, value: Any) -> list[str]:
        """The same in words: where it is, and what is wrong there."""
        wrong = self.errors(schema, value)
        return [f"{error.json_path}: {error.message[:300]}" for error in wrong]

    def _quick_validator(self, schema: Any) -> jsonschema_rs.Draft202012Validator | None:
        text = json.dumps(schema)
        if text not in self._quick:
            self._quick[text] = self._made(schema)
        return self._quick[text]

    def _made(self, schema: Any) -> jsonschema_rs.Draft202012Validator | None:
        try:
            registry = jsonschema_rs.Registry(self._documents, draft=jsonschema_rs.Draft202012)
            return jsonschema_rs.Draft202012Validator(
                schema, registry=registry, validate_formats=self._formats
            )
        except jsonschema_rs.ValidationError:
            # Checkout.com's description is not all JSON Schema, which the other one does not mind.
            return None
