"""Items of a LangGraph store as memories, and memories as items."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote, unquote

from langgraph.store.base import Item, MatchCondition, PutOp, get_text_at_path

from memos_core import MemCube, Note
from memos_core.errors import InvalidInput

Labels = tuple[str, ...]

#: Metadata of an item: its value, whether it is searched by meaning, how long it lasts in minutes, and if it does not
#: last for ever, when it was put: a read that makes it last longer is no change of it. One that was moved here has the
#: times at which it was made and put elsewhere.
VALUE, INDEXED, TTL, PUT, MADE = "value", "indexed", "ttl", "put", "made"
MAX_TTL = 10**9  # minutes
_HARD = re.compile("[\0\f]")


def note(
    put: PutOp, value: Mapping[str, Any], *, fields: Sequence[str], now: datetime, made: datetime | None = None
) -> Note:
    """An item as a memory: what is searched by meaning as its text, a page a field, and all of it as metadata.

    Parameters
    ----------
    now
        When it is put.
    made
        When it was made elsewhere, if it comes from there; it was put then at ``now``.

    Raises
    ------
    InvalidInput
        If the key is empty, the value is not JSON, or the time to live is no positive number.
    """
    if not isinstance(put.key, str) or not put.key:
        raise InvalidInput(detail=f"A key must be a text that is not empty, and is {put.key!r}.")
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(detail=f"The value of {put.key!r} is not JSON: {error}") from error
    wanted = fields if put.index is None else put.index or ()
    texts = [_HARD.sub(" ", text) for field in wanted for text in _texts(value, field)]
    indexed = "\f".join(text for text in texts if text.strip())  # a page each: the memory embeds them one by one
    times: dict[str, Any] = {} if put.ttl is None else {TTL: _minutes(put.ttl), PUT: now.isoformat()}
    if made:
        times |= {PUT: now.isoformat(), MADE: made.isoformat()}
    # What an item says of its user is the application's to know, so no claims are read out of it.
    return Note(
        text=indexed or json.dumps(put.key),
        id=put.key,
        at=made,
        claims=(),
        metadata={VALUE: value, INDEXED: bool(indexed), **times},
    )


def item_of(cube: MemCube, namespace: Labels) -> Item:
    """A memory as the item that it was put as."""
    put, made = (cube.metadata.get(each) for each in (PUT, MADE))
    created_at = datetime.fromisoformat(made) if made else cube.created_at
    return Item(
        value=cube.metadata[VALUE],
        key=cube.source_ids[0],
        namespace=namespace,
        created_at=created_at,
        updated_at=max(datetime.fromisoformat(put), created_at) if put else cube.updated_at,
    )


def in_utc(moment: datetime) -> datetime:
    """A time of another store; where it names no zone, it is of UTC, as LangGraph's SQLite store has it."""
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


def escaped(label: str) -> str:
    """A label as the memory takes it: without slashes, and not blank."""
    return label.replace("%", "%25").replace("/", "%2F") if label.strip() else quote(label)


def unescaped(label: str) -> str:
    """A label as it was before :func:`escaped`."""
    return unquote(label)


def matches(condition: MatchCondition, labels: Labels) -> bool:
    """Say whether a namespace begins or ends as a condition wants; ``"*"`` stands for any one label.

    Raises
    ------
    ValueError
        If the condition is about neither.
    """
    path = condition.path
    if condition.match_type not in {"prefix", "suffix"}:
        raise ValueError(f"Unsupported match type: {condition.match_type}")
    if len(path) > len(labels):
        return False
    part = labels[: len(path)] if condition.match_type == "prefix" else labels[len(labels) - len(path) :]
    return all(wanted in {"*", label} for wanted, label in zip(path, part, strict=True))


def _texts(value: Mapping[str, Any], field: str) -> list[str]:
    """What stands at a path, one text for each place that it leads to; the whole value is one."""
    if field != "$":
        return get_text_at_path(value, field)
    shown = {
        name: part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for name, part in value.items()
    }
    return ["\n".join(f"{name}: {part}" for name, part in shown.items())]


def _minutes(ttl: object) -> float:
    if isinstance(ttl, bool) or not isinstance(ttl, (int, float)) or not 0 < ttl < MAX_TTL:
        raise InvalidInput(detail=f"ttl must be a number of minutes above 0 and below {MAX_TTL:,}, and is {ttl!r}.")
    return ttl
