"""A simulator of PayPal: Orders v2, Payments v2, signed webhooks and the page to approve on.

https://developer.paypal.com/docs/api/orders/v2/
"""
# Imports nothing: the configuration is read before the parts of the sandbox that the rest needs.
