"""One test class for each broken provider, with the one check that must find it.

test_sabotage.py runs this file and expects it to fail; pytest does not collect it by itself.
"""

from datetime import timedelta

import attrs

from paykit.testing.conformance import ProviderConformance
from tests.testing.sabotage import ACME, BROKEN, DELIVERIES, KnowsTime


class Dated(ProviderConformance):
    """The suite on a folder that names a tolerance of five minutes."""

    @property
    def folder(self):
        return attrs.evolve(super().folder, tolerance=timedelta(minutes=5))


class TestSound(Dated):
    """Nothing is wrong here, so that a check cannot pass for finding something everywhere."""

    provider = KnowsTime
    cases = ACME
    deliveries = DELIVERIES[ACME]


for _name, (_provider, _check, _cases) in BROKEN.items():
    _others = [it for it in dir(ProviderConformance) if it.startswith("test_") and it != _check]
    globals()[f"Test{_name}"] = type(
        f"Test{_name}",
        (Dated if _check == "test_freshness" else ProviderConformance,),
        {
            "provider": _provider,
            "cases": _cases,
            "deliveries": DELIVERIES[_cases],
            **dict.fromkeys(_others),
        },
    )
