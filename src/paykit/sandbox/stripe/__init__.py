"""A simulator of Stripe: payments by card, set-ups, refunds, disputes, Checkout, signed events.

https://docs.stripe.com/api
"""
# Imports nothing: the configuration is read before the parts of the sandbox that the rest needs.
