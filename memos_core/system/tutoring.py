"""The adapter that the scheduler keeps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from memos_core.cube.memcube import MemCube
from memos_core.cube.namespace import Namespace, covers
from memos_core.cube.payload import Parametric
from memos_core.cube.selection import selection
from memos_core.ports import Recipe

if TYPE_CHECKING:
    from memos_core.ports import AdapterTrainer
    from memos_core.system.training import Training


def base_of(cube: MemCube) -> str | None:
    """Fingerprint of the model that an adapter is for; ``None`` for what is no adapter."""
    return cube.payload.base_model if isinstance(cube.payload, Parametric) else None


class Adapters:
    """The adapter that the scheduler keeps for a namespace; a ``MemoryBackend`` for what is stable."""

    is_for_stable = True

    def __init__(self, memos: Training, trainer: AdapterTrainer, namespace: Namespace, recipe: Recipe | None) -> None:
        self._memos, self._trainer, self._recipe = memos, trainer, recipe
        self.namespace = namespace
        self.name = f"adapter of {'/'.join(namespace)} for {trainer.name}"

    def held(self) -> dict[str, int]:
        """Versions that adapters in use rest on, each with its share of their bytes."""
        held: dict[str, int] = {}
        for cube in self._cubes():
            versions = cube.provenance.derived_from
            for version in versions:
                held[version] = cube.payload.blob.size // len(versions) if isinstance(cube.payload, Parametric) else 0
        return held

    def promote(self, cubes: Iterable[MemCube]) -> str:
        """Teach cubes, together with what was taught before, in one new adapter in place of the old ones."""
        new = [cube.id for cube in cubes if covers(self.namespace, cube.namespace)]
        old = self._cubes()
        operations = self._memos._whole.operations(self.held())  # noqa: SLF001 - this is a part of it
        known = [operation.cube for operation in operations.values()]
        facts = self._memos._facts(self.namespace, dict.fromkeys([*known, *new]), {})  # noqa: SLF001
        made = self._memos._train(self.namespace, self._trainer, facts, self._recipe)  # noqa: SLF001
        for cube in old:
            self._memos.forget(cube.id, reason="another adapter holds what it held, and more")
        report, size = made.metadata["adapter"], made.blob.size if made.blob else 0
        return f"{report['facts']} facts, {report['steps']} steps, {size:,} bytes"

    def demote(self, versions: Iterable[str]) -> str | None:
        """Withdraw adapters that rest on versions; what else they held is taught anew when it is promoted again."""
        let_go = set(versions)
        gone = [cube.id for cube in self._cubes() if not let_go.isdisjoint(cube.provenance.derived_from)]
        for each in gone:
            self._memos.forget(each, reason="something that it was taught no longer holds")
        return f"{' and '.join(gone)} withdrawn" if gone else None

    def _cubes(self) -> list[MemCube]:
        wanted = selection(self.namespace, now=self._memos._clock.now(), exact=True)  # noqa: SLF001
        return [cube for cube in self._memos._adapters(wanted) if base_of(cube) == self._trainer.base_model]  # noqa: SLF001
