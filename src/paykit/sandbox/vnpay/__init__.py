"""A simulator of VNPay 2.1.0: the hosted payment page, its notices, ``querydr`` and ``refund``."""

from __future__ import annotations

from .simulator import VNPaySimulator

__all__ = ["VNPaySimulator"]
