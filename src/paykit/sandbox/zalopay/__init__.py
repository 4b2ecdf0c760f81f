"""A simulator of ZaloPay's OpenAPI v2: orders, their page, refunds, bank lists, agreements.

It is in :mod:`.simulator`. Nothing is imported here, because the sandbox's configuration imports
:mod:`.config`, and the simulator imports the sandbox's configuration.
"""
