"""Identifiers."""

from __future__ import annotations

import secrets
import uuid

from memos_core.cube.clock import Timestamp

RANDOM_BITS = 58
COUNTER_BITS = 16


def new_id(at: Timestamp) -> str:
    """Make a UUIDv7: 48 bits of milliseconds and 16 of the counter, then randomness.

    Ids that one clock makes sort as they were made, so that what is sorted by id does not depend on chance.

    References
    ----------
    RFC 9562, section 5.7; the counter is of section 6.2, method 1.
    """
    counter = at.counter & ((1 << COUNTER_BITS) - 1)
    value = (at.wall & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | counter >> 4 << 64
    value |= 0b10 << 62 | (counter & 0xF) << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
    return str(uuid.UUID(int=value))


def new_actor() -> str:
    """Make the random name under which one vault file writes its operations."""
    return secrets.token_hex(8)
