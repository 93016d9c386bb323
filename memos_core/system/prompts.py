"""The prompt in which memories stand before a question, and which caches serve it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from memos_core.cube.memcube import MemCube
from memos_core.infrastructure.models.kv_file import unpack
from memos_core.interface.context import Piece, closing, is_report, pieces
from memos_core.operation.caching import Made, Node, chains, digest_of, node
from memos_core.ports import Frame, KVBackend, Placed

Blob = Callable[[str], memoryview]
Holding = Callable[[Collection[str]], frozenset[str]]


class Written(NamedTuple):
    """A prompt in tokens, what of it is stored, and which positions are computed again."""

    tokens: list[int]
    stored: list[Placed]
    again: list[int]


@dataclass(frozen=True)
class Prompt:
    """Memories in the order in which they stand before a question.

    Attributes
    ----------
    wanted
        All that may be in it, by id.
    chain
        Caches that hold its beginning, each on the one before.
    moved
        Further caches that come next, elsewhere than where they were computed.
    rest
        Memories that no cache holds.
    others
        Caches of these memories that another version of the model or its library made.
    spare
        Caches that could be moved, the largest first.
    """

    wanted: Mapping[str, MemCube]
    frame: Frame
    chain: tuple[Node, ...]
    rest: tuple[MemCube, ...]
    others: tuple[Node, ...]
    spare: tuple[Node, ...]
    moved: tuple[Node, ...] = ()
    recompute: float = 0.0

    @classmethod
    def of(
        cls,
        wanted: Mapping[str, MemCube],
        kept: Iterable[MemCube],
        *,
        backend: KVBackend,
        dtype: str | None,
        holding: Holding,
    ) -> Prompt:
        """Choose caches for memories.

        Parameters
        ----------
        kept
            All caches at hand, usable or not.
        dtype
            If given, only caches that are stored so.
        holding
            Says which of some memories still hold; those in a cache do, or it would have fallen.
        """
        caches, frame = list(kept), backend.frame()
        found = [
            chain
            for chain in chains(caches, fingerprint=backend.fingerprint, of=wanted)
            if dtype is None or all(each.dtype == dtype for each in chain)
        ]
        chain = next((each for each in found if _fits(each[-1], wanted, frame)), ())
        held = frozenset(chain[-1].of) if chain else frozenset()
        sound = holding([name for name in wanted if name not in held])
        rest = sorted((wanted[name] for name in sound), key=lambda cube: (is_report(cube), cube.created_at, cube.id))
        nodes = [each for each in map(node, caches) if each and each.model == backend.name]
        return cls(
            wanted=wanted,
            frame=frame,
            chain=chain,
            rest=tuple(rest),
            others=tuple(
                each for each in nodes if each.fingerprint != backend.fingerprint and set(each.of) <= wanted.keys()
            ),
            spare=tuple(each[0] for each in found if len(each) == 1),
        )

    @property
    def memories(self) -> list[MemCube]:
        """All memories, in order."""
        held = [*(self.chain[-1].of if self.chain else ()), *(name for each in self.moved for name in each.own)]
        return [*(self.wanted[name] for name in held), *self.rest]

    @property
    def ids(self) -> list[str]:
        """Their ids."""
        return [cube.id for cube in self.memories]

    @property
    def outdated(self) -> tuple[str, ...]:
        """Ids of the memories in the longest of the ``others``, if it was longer than what there is."""
        longest = max((each.of for each in self.others), key=len, default=())
        return longest if len(longest) > (len(self.chain[-1].of) if self.chain else 0) else ()

    def with_moved(self, recompute: float) -> Prompt:
        """The same, with further caches that are moved to where they stand here."""
        rest = {cube.id: cube for cube in self.rest}
        moved = []
        for each in self.spare if self.chain else ():
            if rest.keys() >= set(each.own) and _fits(each, self.wanted, self.frame):
                moved.append(each)
                rest = {name: cube for name, cube in rest.items() if name not in each.own}
        return replace(self, moved=tuple(moved), rest=tuple(rest.values()), recompute=recompute)

    def tokens(self, backend: KVBackend, blob: Blob, *, question: str) -> Written:
        """The whole prompt."""
        written = self._head(backend, blob)
        memories = self.memories
        end = backend.tokenize(closing(memories[-1])) if memories else []
        written.tokens.extend([*end, *self.frame.between, *backend.tokenize(question), *self.frame.after])
        return written

    def computed(self, backend: KVBackend, blob: Blob, *, dtype: str | None) -> Made:
        """What no cache holds of the memories, computed."""
        written = self._head(backend, blob)
        memories = self.memories
        own = self._pieces(self.rest)
        return Made(
            kv=backend.compute(written.tokens, stored=written.stored, dtype=dtype),
            memories=memories,
            since=len(memories) - len(self.rest),
            after=self.chain[-1].cube if self.chain else None,
            skip=(0 if self.chain else len(self.frame.before)) + len(backend.tokenize(own[0].frame)),
            digest=_digest(memories, self.frame),
            model=backend.name,
            fingerprint=backend.fingerprint,
            is_lossy=dtype is not None and dtype != backend.dtype,
        )

    def _head(self, backend: KVBackend, blob: Blob) -> Written:
        tokens = [] if self.chain else list(self.frame.before)
        written = Written(tokens, [], [])
        for each in self.chain:
            data = blob(each.cube.id)
            written.stored.append(Placed(data, start=len(tokens)))
            tokens.extend(unpack(data).tokens)
        last = self.wanted[self.chain[-1].of[-1]] if self.chain else None
        for each in self.moved:
            first = self.wanted[each.own[0]]
            tokens.extend(backend.tokenize(pieces([first], after=last)[0].frame))
            data = blob(each.cube.id)
            held = unpack(data).tokens[each.skip :]
            written.stored.append(Placed(data, start=len(tokens), skip=each.skip))
            written.again.extend(range(len(tokens), len(tokens) + math.ceil(self.recompute * len(held))))
            tokens.extend(held)
            last = self.wanted[each.own[-1]]
        for piece in pieces(self.rest, after=last):
            tokens.extend([*(backend.tokenize(piece.frame) if piece.frame else []), *backend.tokenize(piece.text)])
        return written

    def _pieces(self, cubes: Sequence[MemCube]) -> list[Piece]:
        return pieces(cubes, after=self.wanted[self.chain[-1].of[-1]] if self.chain else None)


def _fits(last: Node, wanted: Mapping[str, MemCube], frame: Frame) -> bool:
    """Whether a cache was made from what would be written now."""
    return last.digest == _digest([wanted[name] for name in last.of], frame)


def _digest(memories: Iterable[MemCube], frame: Frame) -> str:
    return digest_of(frame.before, [(piece.frame, piece.text) for piece in pieces(memories)])
