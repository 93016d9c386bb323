"""Identifiers."""

from __future__ import annotations

import secrets
import uuid

RANDOM_BITS = 62


def new_id(wall: int) -> str:
    """Make a UUIDv7: 48 bits of ``wall`` (milliseconds since 1970 UTC), then randomness.

    References
    ----------
    RFC 9562, section 5.7.
    """
    value = (wall & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | secrets.randbits(12) << 64
    value |= 0b10 << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
    return str(uuid.UUID(int=value))


def new_actor() -> str:
    """Make the random name under which one vault file writes its operations."""
    return secrets.token_hex(8)
