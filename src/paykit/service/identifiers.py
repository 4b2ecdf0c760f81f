"""Ids of payments and commands: unguessable, and in the order of their making."""

from __future__ import annotations

import secrets
import time
from base64 import b32hexencode


def ordered_id() -> str:
    """An id behind those that were made before: 48 bits of time, then 112 random ones.

    So the payments of one hour stand side by side in every index: what is busy in it stays in
    memory, and a commit has few of its pages to write. Clocks that differ cost some of that.
    """
    milliseconds = time.time_ns() // 1_000_000
    digits = b32hexencode(milliseconds.to_bytes(6) + secrets.token_bytes(14))
    return digits.decode().lower()  # whose digits are in the order of their characters
