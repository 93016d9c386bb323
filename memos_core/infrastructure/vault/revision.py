"""Counters of change: by them, whoever holds a copy of rows in memory sees that it is no longer one."""

from __future__ import annotations

import apsw

from memos_core.infrastructure.vault.statements import load

_SQL = load("write")


def texts_changed(db: apsw.Connection) -> None:
    """Count that rows of texts have changed or gone, or came late; in the transaction that does it."""
    db.execute(_SQL["count_change"], ("texts",))


def vectors_gone(db: apsw.Connection) -> None:
    """Count that vectors have gone; in the transaction that does it."""
    db.execute(_SQL["count_change"], ("vectors",))
