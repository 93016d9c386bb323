"""Moments as people type them."""

from __future__ import annotations

import re
from datetime import datetime, time, timezone

from memos_core.errors import InvalidInput

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def moment(text: str, *, at: time = time.max) -> datetime:
    """Read an ISO date or a date and time; without an offset it is taken as UTC.

    Parameters
    ----------
    at
        The time of day that a date alone means: by default its end, so that ``as_of`` covers the whole day.

    Raises
    ------
    InvalidInput
        For anything else.

    Examples
    --------
    >>> moment("2025-03-04T18:20+01:00").isoformat()
    '2025-03-04T18:20:00+01:00'
    >>> moment("2025-03-04").isoformat()
    '2025-03-04T23:59:59.999999+00:00'
    """
    written = text.strip()
    try:
        found = datetime.fromisoformat(written[:-1] + "+00:00" if written[-1:] in {"Z", "z"} else written)
    except ValueError as error:
        detail = f"{text!r} is not a date such as 2025-03-04 or a time such as 2025-03-04T18:20+01:00."
        raise InvalidInput(detail=detail) from error
    if _DATE.fullmatch(written):
        found = datetime.combine(found.date(), at)
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
