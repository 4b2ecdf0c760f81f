"""For tests: signed deliveries, and the conformance suite that every provider passes.

``paykit.testing.deliveries`` makes the calls that a provider would send to you, rightly signed, so
that your own tests can receive them. ``paykit.testing.conformance`` is for authors of providers.
Nothing here touches the network.
"""
