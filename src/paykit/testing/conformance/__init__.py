"""The suite that every provider passes, also one in another package.

::

    from pathlib import Path
    from paykit.testing.conformance import ProviderConformance

    class TestAcme(ProviderConformance):
        provider = "acme"
        cases = Path(__file__).parent / "acme"

pytest finds the rest: each case, recorded call and code of the folder becomes a test of its own.
``docs/add-a-provider.md`` describes the folder.

What passing proves: the provider does what its folder says, and treats everything near it with
suspicion: broken answers, silence, forged and damaged deliveries, unseen codes, curious logs.

What passing does not prove:

- that the folder is right. A misread document gives a wrong case and a wrong adapter that agree.
  Examples that the provider itself has signed are worth more than any number of made-up ones, so
  ``SOURCES.md`` says where each came from;
- that the provider's service behaves as documented today. Nothing here asks it;
- that a signature scheme is strong, or that the delivery factory signs as the provider does;
- that comparing signatures takes constant time;
- that the same code means the same thing for every product or contract of the provider;
- anything about storing, acknowledging or publishing: that is the service's own suite.
"""

from __future__ import annotations

from .operations import OperationChecks
from .secrecy import SecrecyChecks
from .webhooks import WebhookChecks

__all__ = ["ProviderConformance"]


class ProviderConformance(OperationChecks, WebhookChecks, SecrecyChecks):
    """All checks. Subclass it as ``Test…`` and set :attr:`provider` and :attr:`cases`.

    Set :attr:`deliveries` to a delivery factory unless the provider's is found by its name.
    """
