"""A simulator of MoMo's AIO v2 API: wallet and card payments, refunds, capture, tokens."""

from __future__ import annotations

from .simulator import MoMoSimulator

__all__ = ["MoMoSimulator"]
