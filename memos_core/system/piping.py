"""Piping: memories sent through steps, in one commit."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from typing_extensions import Unpack

from memos_core.cube.answer import Contrast
from memos_core.cube.memcube import Content, MemCube
from memos_core.cube.namespace import NamespaceLike
from memos_core.cube.selection import Filters, selection
from memos_core.cube.versions import contrast
from memos_core.errors import ChangedMeanwhile, InvalidInput
from memos_core.system.travelling import Travelling

if TYPE_CHECKING:
    from memos_core.operation.pipeline import Piece, Step, Tools

MODEL_TOKENS = 4_000  # of the chat model, for a memory and a step


class Piping(Travelling):
    """The part of :class:`memos_core.MemOS` that runs pipelines; ``docs/TRANSACTIONS.md`` shows it."""

    def pipeline(
        self,
        steps: Iterable[Step],
        *,
        namespace: NamespaceLike,
        dry_run: bool = False,
        **filters: Unpack[Filters],
    ) -> builtins.list[Contrast]:
        """Send memories through steps, and do what comes out in one commit: all of it, or on an error nothing.

        Parameters
        ----------
        steps
            Of :mod:`memos_core.operation.pipeline`, such as ``redact("Ana")`` and ``transfer("team")``, in this order;
            or functions of the same form.
        namespace
            Of the memories, with all below it but installed packages.
        dry_run
            Say what would be done, and do nothing. A chat model is asked nevertheless.
        **filters
            As in :meth:`search`.

        Returns
        -------
        list[Contrast]
            What becomes of each memory that changes. ``before`` of one that is made is ``None``, and ``after`` of one
            that is erased.

        Raises
        ------
        InvalidInput
            If a text cannot be accepted, or a step needs a chat model and there is none.
        InvalidTransition
            If a memory that would change is frozen.
        ChangedMeanwhile
            If one of them was changed while the steps ran.
        """
        from memos_core.operation.lifecycle import standings
        from memos_core.operation.pipeline import run

        asked = selection(namespace, now=self._clock.now(), **filters)
        wanted = asked.model_copy(update={"without": frozenset(self._vault.packages.all())})
        cubes = self._vault.select(wanted, limit=self._vault.count(wanted))
        seen = standings(self._vault.get([cube.id for cube in cubes]))
        planned = [self._read_again(piece) for piece in run(steps, cubes, self._tools(len(cubes)))]
        if dry_run:
            return [_contrast(piece) for piece in planned]
        with self._lock:
            return self._piped(planned, seen)

    def _piped(self, planned: builtins.list[Piece], seen: Mapping[str, object]) -> builtins.list[Contrast]:
        from memos_core.operation.lifecycle import standings

        changed = [(piece.cube, piece.content) for piece in planned if piece.cube and piece.content]
        draft = self._writer.draft_of(changed)
        versions = {put.cube: put.id for put in draft.batch.operations}
        made = [
            _resting(piece.content, piece.premises, versions)
            for piece in planned
            if piece.cube is None and piece.content
        ]
        erased = [piece.cube.id for piece in planned if piece.cube and not piece.content]
        used = {cube.id for piece in planned for cube in (*piece.premises, piece.cube) if cube}
        with self.transaction():
            now = standings(self._vault.get(sorted(used)))
            for name in sorted(used):
                if now.get(name) != seen.get(name):
                    raise ChangedMeanwhile(cube_id=name)
            self._store(draft)
            written = [self._remember(content) for content in made]
            if erased:
                self.erase(erased, reason="purged in a pipeline")
        told = [_contrast(piece) for piece in planned if piece.cube]
        return [*told, *(contrast(cube.id, None, cube) for cube in written)]

    def _read_again(self, piece: Piece) -> Piece:
        """Find times, names and claims in a text that has changed."""
        from memos_core.interface.reader.read import reread

        content = piece.content
        if content is None or piece.cube is None or content.text == piece.cube.text:
            return piece
        return piece._replace(content=reread(content, content.text, now=self._clock.now()))

    def _tools(self, count: int) -> Tools:
        from memos_core.operation.pipeline import Tools
        from memos_core.prompting.budget import Budget
        from memos_core.prompting.translate import translate

        budget = Budget(calls=2 * max(1, count), tokens=MODEL_TOKENS * max(1, count))

        def translated(text: str, language: str) -> str:
            if self._llm is None:
                raise InvalidInput(detail="Translating needs a chat model: MemOS.open(path, llm=...).")
            return translate(self._llm, text, language=language, budget=budget)

        return Tools(translate=translated, summarise=lambda cubes, words: self._summary(cubes, words, budget))


def _resting(content: Content, premises: Iterable[MemCube], versions: Mapping[str, str]) -> Content:
    """A content that was made on the way, with the versions that its premises have come to."""
    derived_from = tuple(versions.get(cube.id, cube.version) for cube in premises)
    provenance = content.provenance.model_copy(update={"derived_from": derived_from})
    return content.model_copy(update={"provenance": provenance})


def _contrast(piece: Piece) -> Contrast:
    cube: MemCube | None = piece.cube
    return contrast("" if cube is None else cube.id, cube, piece.content)
