"""What of a vault goes into a package: which operations, and whether with what they say."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from memos_core.cube.canonical import canonical, sha256
from memos_core.cube.fold import content_of
from memos_core.cube.memcube import Content, MemCube
from memos_core.cube.namespace import Namespace, covers
from memos_core.cube.operation import SALT_BYTES, Operation, OperationKind
from memos_core.ports import Vault

PAGE = 500  # operations at a time
_NAMES_BLOB = b'"blob":'  # in a body that may refer to one


@dataclass(frozen=True)
class Wish:
    """What is wanted.

    Attributes
    ----------
    admits
        Says whether a memory is wanted; ``None`` means the whole vault, erased ones too.
    scope
        Earlier versions that lay outside of this namespace go without what they say.
    since
        Only what the vault stored after this number of its log.
    history
        Whether earlier versions go with what they say.
    withheld
        Namespaces of packages whose licences do not let them leave.
    disclose
        Makes of a memory what may be told of it: ``None`` if nothing may. Without it, all may, earlier versions too.
    """

    admits: Callable[[MemCube], bool] | None = None
    scope: Namespace = ()
    since: int = 0
    history: bool = True
    withheld: frozenset[Namespace] = frozenset()
    disclose: Callable[[MemCube], Content | None] | None = None


class _Verdict(NamedTuple):
    """What is decided of a cube: whether it goes, and which of its versions are shown now."""

    goes: bool
    shown: frozenset[str]


@dataclass
class Choice:
    """What was chosen.

    Attributes
    ----------
    until
        The last number of the vault's log that was looked at.
    left_out
        How many memories or versions stay, by reason.
    blobs
        What is referred to: by digest, a cube and a version that do.
    """

    vault: Vault
    until: int = 0
    cubes: int = 0
    erased: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    blobs: dict[str, tuple[str, str]] = field(default_factory=dict)
    _places: list[tuple[int, str, bool]] = field(default_factory=list)  # time, id, and whether with its body
    _made: dict[str, Operation] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many operations were chosen."""
        return len(self._places)

    def operations(self) -> Iterator[Operation]:
        """The operations, in the order of a package."""
        for page in self.pages():
            yield from page

    def pages(self) -> Iterator[list[Operation]]:
        """The operations, some at a time."""
        self._places.sort()
        for start in range(0, len(self._places), PAGE):
            page = self._places[start : start + PAGE]
            found = {**self.vault.operations([name for _, name, _ in page]), **self._made}
            yield [found[name] if with_body else found[name].without_body() for _, name, with_body in page]

    def add(self, operation: Operation, *, with_body: bool) -> None:
        """Choose an operation."""
        if with_body and operation.kind is OperationKind.PUT and _NAMES_BLOB in (operation.body or b""):
            blob = content_of(operation).blob
            if blob is not None:
                self.blobs.setdefault(blob.sha256, (operation.cube, operation.id))
        self._places.append((operation.hlc.pack(), operation.id, with_body))

    def make(self, operation: Operation) -> None:
        """Choose an operation that was made for the package."""
        self._made[operation.id] = operation
        self.add(operation, with_body=True)


def choose(vault: Vault, wish: Wish) -> Choice:
    """Go through a vault's log once, and choose."""
    choice = Choice(vault, until=wish.since)
    verdicts: dict[str, _Verdict] = {}
    while page := vault.log(after=choice.until, limit=PAGE):
        operations = [operation for _, operation in page]
        _judge(operations, verdicts, choice, wish)
        for operation in operations:
            _place(operation, verdicts.get(operation.cube), choice, wish)
        choice.until = page[-1][0]
    return choice


def _judge(operations: Sequence[Operation], verdicts: dict[str, _Verdict], choice: Choice, wish: Wish) -> None:
    unknown = dict.fromkeys(op.cube for op in operations if op.cube not in verdicts)
    for cube in choice.vault.get([*unknown]):
        verdicts[cube.id] = _verdict(cube, choice, wish)


def _verdict(cube: MemCube, choice: Choice, wish: Wish) -> _Verdict:
    shown = frozenset({cube.version, *cube.conflicts})
    if wish.admits is not None and not wish.admits(cube):
        if covers(wish.scope, cube.namespace):
            choice.left_out["memories that were not asked for"] += 1
        return _Verdict(goes=False, shown=shown)
    if any(covers(place, cube.namespace) for place in wish.withheld):
        choice.left_out["licensed memories"] += 1
        return _Verdict(goes=False, shown=shown)
    told = cube.content() if wish.disclose is None else wish.disclose(cube)
    goes = told is not None and told == cube.content()
    if not goes:
        choice.left_out["sensitive memories"] += 1
    if told is not None:
        choice.cubes += 1
    if told is not None and not goes:
        choice.make(redacted(choice.vault.operations([cube.version])[cube.version], told))
    return _Verdict(goes=goes, shown=shown)


def _place(operation: Operation, verdict: _Verdict | None, choice: Choice, wish: Wish) -> None:
    is_erasure = operation.kind is OperationKind.ERASE
    if is_erasure:
        choice.erased += 1
    if wish.admits is None and verdict is None:
        choice.add(operation, with_body=True)  # of a cube that is erased, or of which no content has arrived
    elif is_erasure:
        choice.add(operation, with_body=False)  # it must reach every copy, and tells nothing
    elif verdict is not None and verdict.goes:
        choice.add(operation, with_body=_is_told(operation, verdict, choice, wish))


def _is_told(operation: Operation, verdict: _Verdict, choice: Choice, wish: Wish) -> bool:
    """Whether an operation goes with what it says."""
    if operation.kind is not OperationKind.PUT or operation.body is None:
        return True
    if not covers(wish.scope, tuple(operation.value()["namespace"])):
        choice.left_out["earlier versions from elsewhere"] += 1
        return False
    if operation.id not in verdict.shown and not (wish.history and wish.disclose is None):
        choice.left_out["earlier versions"] += 1
        return False
    return True


def contents(operations: Sequence[Operation]) -> dict[str, Content]:
    """What operations put, by their ids."""
    puts = (op for op in operations if op.kind is OperationKind.PUT and op.body is not None)
    return {put.id: content_of(put) for put in puts}


def redacted(original: Operation, content: Content) -> Operation:
    """A put that stands in a package for one that may not be told: of a memory of its own, the same every time."""
    secret = hashlib.sha256(b"redacted" + original.id.encode() + (original.salt or b"")).digest()
    body: Mapping[str, object] = content.model_dump(mode="json")
    return Operation.create(
        cube=str(uuid.uuid5(uuid.UUID(int=0), f"{original.cube} {sha256(canonical(body))}")),
        kind=OperationKind.PUT,
        hlc=original.hlc,
        actor=original.actor,
        body=body,
        salt=secret[:SALT_BYTES],
    )
