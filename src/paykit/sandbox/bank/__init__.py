"""A pretended bank: accounts, a banking app that reads QR codes, and whoever watches the accounts.

The notifiers (SePay, Casso, payOS) are simulators of their own; they learn of transfers here.
"""
