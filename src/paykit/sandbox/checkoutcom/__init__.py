"""A simulator of Checkout.com's payments: tokens, payments, their actions, stored cards, webhooks.

https://api-reference.checkout.com/
"""
# Imports nothing: the configuration is read before the parts of the sandbox that the rest needs.
