"""The public API as users type it; mypy reads this file and it never runs."""

from datetime import datetime, timezone
from pathlib import Path

from memos_core import Added, Change, Context, Difference, Hit, Kind, MemCube, MemOS, Message, Receipt, State, Trust

moment = datetime.now(timezone.utc)

with MemOS.open(Path("memory.db"), actor="assistant") as memos:
    added: Added = memos.add("I moved to Paris", namespace="alice")
    memos.add(
        [Message(content="Hi", role="user", name="Ana", at=moment, id="1")], namespace=("team", "ana"), session="s"
    )
    memos.add([{"role": "user", "content": "Hi"}], namespace="alice")
    hits: list[Hit] = memos.search(
        "where?", namespace="alice", limit=5, as_of=moment, known_at=moment, kinds=[Kind.EPISODE, "fact"],
        where={"year": {"$gte": 2020}}, min_trust=Trust.USER,
    )  # fmt: skip
    shares: dict[str, float] = hits[0].why
    sources: tuple[str, ...] = hits[0].source_ids
    context: Context = memos.context("where?", namespace="alice", max_tokens=500, min_trust="user")
    text: str = context.text
    cube: MemCube = memos.get(hits[0].cube.id)
    cubes: list[MemCube] = memos.list(namespace="alice", states=[State.ARCHIVED])
    changed: MemCube = memos.update(cube.id, "I moved to Lyon", tags=["home"])
    changes: list[Change] = memos.history(cube.id)
    differences: list[Difference] = memos.diff(cube.id, changes[0].version)
    back: MemCube = memos.rollback(cube.id, changes[0].version)
    gone: MemCube = memos.forget(cube.id)
    receipt: Receipt = memos.erase([cube.id])
