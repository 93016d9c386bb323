"""Reading cubes and operations back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import apsw

from memos_core.cube.clock import Timestamp
from memos_core.cube.memcube import MemCube
from memos_core.cube.operation import Operation, OperationKind
from memos_core.cube.selection import Selection
from memos_core.errors import VaultCorrupt
from memos_core.infrastructure.vault.moments import from_microseconds, horizon
from memos_core.infrastructure.vault.predicates import admitted, driving, scope
from memos_core.infrastructure.vault.statements import load, query
from memos_core.infrastructure.vault.timeline import FOREVER

_SQL = load("read")


def cubes(db: apsw.Connection, names: Sequence[str], *, at: int = FOREVER) -> list[MemCube]:
    """Cubes as they were known at a packed time, in the order asked for; those that are not there are left out."""
    rows = query(db, _SQL["cubes"], {"cubes": json.dumps(names), "at": at})
    found = {row[0]: _cube(db, *row) for row in rows}
    return [found[name] for name in names if name in found]


def select(db: apsw.Connection, selection: Selection, *, limit: int, offset: int) -> list[MemCube]:
    """Admitted cubes, the latest version first, then by id."""
    within = scope(db, selection)
    predicate, values = admitted(selection, within)
    page = {"limit": min(limit, FOREVER), "offset": min(offset, FOREVER)}
    names = [
        name
        for (name,) in db.execute(
            _SQL["select"].format(admitted=predicate, driving=driving(selection, within)), values | page
        )
    ]
    found = cubes(db, names, at=horizon(selection.known_at))
    for cube in found:
        if not selection.admits(cube):
            raise corrupt(db, f"cube {cube.id} is indexed as what it is not")
    return found


def count(db: apsw.Connection, selection: Selection) -> int:
    """How many cubes are admitted."""
    within = scope(db, selection)
    predicate, values = admitted(selection, within)
    number: int = db.execute(_SQL["count"].format(admitted=predicate, driving=driving(selection, within)), values).get
    return number


def namespaces(db: apsw.Connection, selection: Selection | None) -> list[tuple[str, ...]]:
    """Namespaces that hold an admitted cube, or any, sorted. In each, the first that is found is enough."""
    if selection is None:
        found = db.execute(_SQL["namespaces"])
    else:
        within = scope(db, selection)
        predicate, values = admitted(selection, within)
        one = driving(selection, within, at="namespace.id")
        found = db.execute(_SQL["holding"].format(admitted=predicate, driving=one), values)
    return sorted(tuple(path.split("/")) for (path,) in found)


def history(db: apsw.Connection, cube: str) -> list[Operation]:
    """All operations on a cube, by time."""
    found = [_operation(db, *row) for _, *row in db.execute(_SQL["history"], (cube,))]
    return sorted(found, key=lambda op: (op.hlc, op.actor, op.id))


def resting_on(db: apsw.Connection, cubes: Iterable[str], *, ever: bool) -> list[str]:
    """Ids of cubes whose present content, or any that they ever had, is derived from any version of these."""
    statement = _SQL["made_of" if ever else "resting_on"]
    return [name for (name,) in db.execute(statement, {"cubes": json.dumps(list(cubes))})]


def operations(db: apsw.Connection, ids: Iterable[str]) -> dict[str, Operation]:
    """Operations by id; unknown ones are left out."""
    rows = db.execute(_SQL["operations"], {"ids": json.dumps(list(ids))})
    return {row[0]: _operation(db, *row) for _, *row in rows}


def log(db: apsw.Connection, *, after: int, limit: int) -> list[tuple[int, Operation]]:
    """Operations in the order in which they were stored, with their numbers."""
    page = (min(after, FOREVER), min(limit, FOREVER))
    return [(seq, _operation(db, *row)) for seq, *row in db.execute(_SQL["log"], page)]


def changes(
    db: apsw.Connection, namespace: Sequence[str], *, since: datetime | None, until: datetime | None, limit: int
) -> list[Operation]:
    """Operations on cubes that a namespace, or one below it, holds or has held, the latest first."""
    values = {
        "namespaces": json.dumps(scope(db, Selection(namespace=tuple(namespace)))),
        "since": -1 if since is None else horizon(since),
        "until": horizon(until),
        "limit": min(limit, FOREVER),
    }
    return [_operation(db, *row) for _, *row in db.execute(_SQL["changes"], values)]


def latest(db: apsw.Connection) -> Timestamp:
    """The greatest timestamp held."""
    return Timestamp.unpack(db.execute(_SQL["latest"]).get or 0)


def corrupt(db: apsw.Connection, detail: str) -> VaultCorrupt:
    """The error that says what is damaged."""
    return VaultCorrupt(path=db.db_filename("main") or ":memory:", detail=detail)


@contextmanager
def intact(db: apsw.Connection, what: str) -> Iterator[None]:
    """Tell a row that cannot be read as what it is: damage."""
    try:
        yield
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise corrupt(db, f"{what} cannot be read") from error


def _cube(  # a row of the statement "cubes"
    db: apsw.Connection,
    name: str,
    version: str,
    header: str,
    body: str,
    state: str,
    trigger: str | None,
    conflicts: str,
    created: int,
    updated: int,
    used: int | None,
    last: int | None,
) -> MemCube:
    with intact(db, f"cube {name}"):
        fields = json.loads(body) | {
            "id": name,
            "version": version,
            "parents": json.loads(header)["parents"],
            "conflicts": json.loads(conflicts),
            "state": state,
            "moved_by": trigger,
            "created_at": Timestamp.unpack(created).datetime(),
            "updated_at": Timestamp.unpack(updated).datetime(),
        }
        if used is not None and last is not None:
            fields["usage"] = {"count": used, "last_access": from_microseconds(last)}
        return MemCube.model_validate(fields)


def _operation(  # a row of the table "operation"
    db: apsw.Connection, name: str, cube: str, kind: str, hlc: int, header: str, body: str | None, salt: bytes | None
) -> Operation:
    with intact(db, f"operation {name}"):
        fields = json.loads(header)
        return Operation(
            id=name,
            header=header.encode(),
            cube=cube,
            kind=OperationKind(kind),
            hlc=Timestamp.unpack(hlc),
            actor=fields["actor"],
            parents=tuple(fields["parents"]),
            body_digest=fields["body"],
            body=None if body is None else body.encode(),
            salt=salt,
        )
