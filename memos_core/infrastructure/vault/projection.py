"""Everything that follows from the operations, kept in step with them inside one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import apsw

from memos_core.cube.memcube import RECALLED, Content, State
from memos_core.cube.namespace import Namespace
from memos_core.cube.operation import OperationKind
from memos_core.infrastructure.vault import vectors
from memos_core.infrastructure.vault.edges import cube_of, edges_of
from memos_core.infrastructure.vault.moments import microseconds
from memos_core.infrastructure.vault.revision import texts_changed
from memos_core.infrastructure.vault.statements import load, query
from memos_core.infrastructure.vault.timeline import FOREVER, Shown, Step, timeline
from memos_core.language.words import spaced

_SQL = load("write")


class _Put(NamedTuple):
    """A put that is not yet projected."""

    step: Step
    content: Content


class Projection:
    """Derives the rows of cubes. One is made for each transaction: it remembers what it has looked up."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._namespaces: dict[Namespace, int] = {}
        self._cubes: dict[str, int] = {}

    def refresh(self, cube: str) -> None:
        """Make what is derived of a cube agree with its operations, which were just added or stripped."""
        number = self._cube(cube)
        steps, puts, live = self._steps(cube)
        shown = timeline(steps)
        is_expired = _is_expired(shown)
        if is_expired != bool(self._db.execute(_SQL["is_expired"], (number,)).get):
            self._unproject(number)
            _, puts, live = self._steps(cube)
        self._write_shown(number, shown)
        now_live = _live(shown)
        for seq in live - now_live:
            self._revive(seq, live=False)
        for seq in (now_live - live) - {put.step.seq for put in puts}:
            self._revive(seq, live=True)
        for put in puts:
            self._write_put(number, put, cube, live=put.step.seq in now_live, is_indexed=not is_expired)
        created = [step.hlc for step in steps if step.kind is OperationKind.PUT]
        self._db.execute(_SQL["set_created"], (min(created) if created and shown else None, number))

    def forget(self, cube: str) -> None:
        """Remove all that is derived of a cube. To be called while its bodies are still there."""
        number = self._cube(cube)
        self._unproject(number)
        self._db.execute(_SQL["forget_shown"], (number,))
        self._db.execute(_SQL["forget_usage"], (cube,))
        self._db.execute(_SQL["set_created"], (None, number))

    def _unproject(self, cube: int) -> None:
        for (seq,) in query(self._db, _SQL["puts_of"], (cube,)):
            vectors.forget(self._db, seq)
            for name in ("delete_text", "forget_edges", "forget_moments", "forget_put"):
                self._db.execute(_SQL[name], (seq,))
        texts_changed(self._db)

    def _steps(self, cube: str) -> tuple[list[Step], list[_Put], set[int]]:
        steps, puts, live = [], [], set()
        rows = self._db.execute(_SQL["steps"], (cube,))
        for seq, name, kind, hlc, header, trust, state, trigger, body, is_live in rows:
            fields = json.loads(header)
            step = Step(
                seq=seq,
                id=name,
                kind=OperationKind(kind),
                hlc=hlc,
                actor=fields["actor"],
                parents=tuple(fields["parents"]),
                trust=trust,
                state=None if state is None else State(state),
                trigger=trigger,
            )
            if body is not None:
                content = Content.model_validate_json(body)
                step = step._replace(trust=int(content.governance.trust))
                puts.append(_Put(step, content))
            if is_live:
                live.add(seq)
            steps.append(step)
        return steps, puts, live

    def _write_shown(self, cube: int, shown: Iterable[Shown]) -> None:
        self._db.execute(_SQL["forget_shown"], (cube,))
        for row in shown:
            self._db.execute(
                _SQL["insert_shown"],
                (cube, *row[:3], row.state.value, row.trigger, json.dumps(row.conflicts)),
            )

    def _revive(self, seq: int, *, live: bool) -> None:
        self._db.execute(_SQL["set_live"], (int(live), seq))
        vectors.set_live(self._db, seq, live=live)
        texts_changed(self._db)

    def _write_put(self, cube: int, put: _Put, name: str, *, live: bool, is_indexed: bool) -> None:
        """File a put, and index it unless its cube has expired: of that only a record is kept."""
        seq, content = put.step.seq, put.content
        row = columns(content) | {
            "seq": seq,
            "cube": cube,
            "hlc": put.step.hlc,
            "namespace": self._namespace(content.namespace),
            "follows": None if content.follows is None else self._cube(content.follows),
            "live": int(live),
        }
        if not is_indexed:
            self._db.execute(_SQL["insert_put"], row | {"length": 0, "spaced": None, "claimed": 0, "blob": None})
            return
        self._db.execute(_SQL["insert_put"], row)
        for edge in edges_of(name, content):
            self._db.execute(_SQL["insert_edge"], (seq, *edge, self._end(edge.source), self._end(edge.target)))
        self._db.executemany(_SQL["insert_moment"], [(seq, *moment) for moment in moments(content)])
        if content.text:
            self._db.execute(_SQL["insert_text"], (seq,))
            vectors.await_put(self._db, seq)

    def _end(self, node: str) -> int | None:
        cube = cube_of(node)
        return None if cube is None else self._cube(cube)

    def _cube(self, name: str) -> int:
        if name not in self._cubes:
            self._db.execute(_SQL["insert_cube"], (name,))
            self._cubes[name] = self._db.execute(_SQL["cube_id"], (name,)).get
        return self._cubes[name]

    def _namespace(self, labels: Namespace) -> int:
        if labels not in self._namespaces:
            path = "/".join(labels)
            self._db.execute(_SQL["insert_namespace"], (path,))
            self._namespaces[labels] = self._db.execute(_SQL["namespace_id"], (path,)).get
        return self._namespaces[labels]


def columns(content: Content) -> dict[str, Any]:
    """What a content says, for the columns of ``put`` that depend on nothing else."""
    provenance, governance, occurred = content.provenance, content.governance, content.occurred
    return {
        "kind": content.kind.value,
        "trust": int(governance.trust),
        "expires": None if governance.expires_at is None else microseconds(governance.expires_at),
        "starts": None if occurred is None else microseconds(occurred.start),
        "ends": None if occurred is None or occurred.end is None else microseconds(occurred.end),
        "claimed": int(bool(content.claims)),
        "source": provenance.source_id,
        "session": provenance.session,
        "speaker": provenance.speaker,
        "role": provenance.role,
        "length": len(content.text),
        "spaced": None if (apart := spaced(content.text)) == content.text else apart,
        "metadata": json.dumps(content.metadata, ensure_ascii=False) if content.metadata else None,
        "blob": None if content.blob is None else content.blob.sha256,
    }


def moments(content: Content) -> set[tuple[int, int | None]]:
    """Start and end of every time that a content speaks of, its own included."""
    spoken_of = [mention.when for mention in content.times] + ([content.occurred] if content.occurred else [])
    return {(microseconds(when.start), None if when.end is None else microseconds(when.end)) for when in spoken_of}


def _is_expired(shown: list[Shown]) -> bool:
    return any(row.known_to == FOREVER and row.state is State.EXPIRED for row in shown[-1:])


def _live(shown: list[Shown]) -> set[int]:
    return {row.put for row in shown[-1:] if row.known_to == FOREVER and row.state in RECALLED}
