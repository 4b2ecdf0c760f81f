"""A simulator of Adyen: Checkout API v72, signed batches of notices, 3-D Secure, a hosted page.

https://docs.adyen.com/api-explorer/Checkout/72/overview
"""
# Imports nothing: the configuration is read before the parts of the sandbox that the rest needs.
