"""Summing up: several memories in a few words, by a chat model or without one."""

from __future__ import annotations

import builtins
import warnings
from typing import TYPE_CHECKING

from memos_core.cube.memcube import MemCube
from memos_core.system.reasoning import Reasoning

if TYPE_CHECKING:
    from memos_core.prompting.budget import Budget


class Summing(Reasoning):
    """The part of :class:`memos_core.MemOS` that sums up memories, for those that build on it."""

    def _summary(self, cubes: builtins.list[MemCube], words: int, budget: Budget) -> tuple[str, str | None]:
        """A summary, and the model that wrote it; without one, or where it fails, the most telling sentences."""
        from memos_core.operation.summary import extract, sentences

        if self._llm is not None:
            from memos_core.errors import ChatModelError, ModelWarning
            from memos_core.prompting.summarise import summarise

            try:
                said = [f"{cube.provenance.speaker or cube.provenance.role or ''}: {cube.text}" for cube in cubes]
                return summarise(self._llm, said, words=words, budget=budget), self._llm.name
            except ChatModelError as error:
                warnings.warn(ModelWarning(f"The most telling sentences stand for a summary: {error}"), stacklevel=2)
        found = sentences(cubes)
        vectors = self._loaded_embedder().embed([sentence.text for sentence in found])
        return extract(found, vectors, words=words), None
