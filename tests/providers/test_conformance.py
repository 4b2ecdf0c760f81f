"""The public suite on every built-in provider: each has its folder here, or this fails."""

from pathlib import Path

from paykit import registry
from paykit.testing.conformance import ProviderConformance

HERE = Path(__file__).parent

for name in registry.names():
    title = f"Test{registry.load(name).__name__}"
    globals()[title] = type(title, (ProviderConformance,), {"provider": name, "cases": HERE / name})


class TestSePayWithApiKey(ProviderConformance):
    provider = "sepay"
    cases = HERE / "sepay-key"


class TestCassoVersion1(ProviderConformance):
    provider = "casso"
    cases = HERE / "casso-v1"
