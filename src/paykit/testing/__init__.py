"""For tests: signed deliveries, and the suites that every provider and every database passes.

``paykit.testing.deliveries`` makes the calls that a provider would send to you, rightly signed, so
that your own tests can receive them. ``paykit.testing.conformance`` is for authors of providers.
``paykit.testing.store`` is for whoever runs the service on a database of theirs; only that one
touches the network.
"""
