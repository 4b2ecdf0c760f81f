"""Another text with the same CRC-32: what makes PayPal's signature worth so little."""

from __future__ import annotations

from zlib import crc32

#: 32 bits to solve for, and some more so that the equations can be solved.
BLANKS = 48


def collide(target: bytes, head: bytes, tail: bytes) -> bytes:
    """``head`` and ``tail`` with blanks and tabs between, so that the CRC-32 is that of ``target``.

    A CRC is linear: turning one blank into a tab changes it by an amount that depends only on the
    place. So the right tabs are the solution of 32 equations over one bit each.
    """
    plain = head + b" " * BLANKS + tail
    wanted = crc32(target) ^ crc32(plain)
    rows: list[tuple[int, int]] = []  # what is left of the change, and which places make it
    for place in range(BLANKS):
        tabbed = bytearray(plain)
        tabbed[len(head) + place] = ord("\t")
        change, places = crc32(tabbed) ^ crc32(plain), 1 << place
        for pivot, made_by in rows:
            if change ^ pivot < change:
                change, places = change ^ pivot, places ^ made_by
        if change:
            rows.append((change, places))
            rows.sort(reverse=True)
    chosen = 0
    for pivot, made_by in rows:
        if wanted ^ pivot < wanted:
            wanted, chosen = wanted ^ pivot, chosen ^ made_by
    assert wanted == 0, "too few blanks"
    filling = bytes(9 if chosen >> place & 1 else 32 for place in range(BLANKS))
    forged = head + filling + tail
    assert crc32(forged) == crc32(target)
    return forged
