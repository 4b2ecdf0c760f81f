"""Endpoints to mount: webhooks, browser returns and the status that a browser polls.

:mod:`~paykit.webhooks.receiver` holds the rules, the other modules one framework each.
"""
