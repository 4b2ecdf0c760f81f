"""The public suite on every built-in provider."""

from pathlib import Path

from paykit.testing.conformance import ProviderConformance

HERE = Path(__file__).parent


class TestVNPay(ProviderConformance):
    provider = "vnpay"
    cases = HERE / "vnpay"


class TestMoMo(ProviderConformance):
    provider = "momo"
    cases = HERE / "momo"
