"""The table of providers, generated from the registry and from what each provider defines."""

from __future__ import annotations

from .. import registry
from ..provider import Capability


def provider_table() -> str:
    """One column for each provider, one line for each operation."""
    found = [registry.load(name) for name in registry.names()]
    rows = [
        ["", *(provider.name for provider in found)],
        ["title", *(provider.info.title for provider in found)],
        ["currencies", *(_some(provider.info.currencies) for provider in found)],
        ["countries", *(_some(provider.info.countries) for provider in found)],
    ]
    rows += [
        [item.value, *("yes" if item in provider.capabilities else "-" for provider in found)]
        for item in Capability
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _some(codes: frozenset[str]) -> str:
    """A few codes in full, many as their number; none at all means no limit."""
    few = 4
    if not codes:
        return "any"
    return " ".join(sorted(codes)) if len(codes) <= few else f"{len(codes)} of them"
