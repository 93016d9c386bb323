"""Shopping: packages of memories that are installed from registries, and uninstalled."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator
from contextlib import suppress
from os import PathLike, fspath
from typing import TYPE_CHECKING

from memos_core.cube.grant import Right
from memos_core.cube.memcube import Content, MemCube, State, Trigger, Trust
from memos_core.cube.namespace import Namespace, NamespaceLike
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.package import Merged
from memos_core.cube.selection import Selection
from memos_core.operation.writer import Progress
from memos_core.system.exchanging import Exchanging

if TYPE_CHECKING:
    from memos_core.cube.listing import Installed, Revision
    from memos_core.infrastructure.exchange.archive import Package
    from memos_core.ports import Vault
    from memos_core.system.store import Store

PAGE = 500  # cubes at a time


class _RolledBackError(Exception):
    """Raised to take back what was only tried."""


class Shopping(Exchanging):
    """The part of :class:`memos_core.MemOS` that has packages installed; ``docs/MARKETPLACE.md`` shows it."""

    def store(self, registry: str | PathLike[str] | None = None, *, namespace: NamespaceLike) -> Store:
        """Shop in a registry, for whoever recalls from a namespace.

        Parameters
        ----------
        registry
            A folder, or an address that begins with ``https://``. Without one, what is installed can be listed, updated
            from where it came, and uninstalled.
        namespace
            Packages go into ``NAMESPACE/store/PUBLISHER/NAME``, and are recalled beside what is in the namespace.

        Raises
        ------
        RegistryError
            If there is no such registry.
        NotPermitted
            For the handle of a principal.
        """
        from memos_core.infrastructure.memstore.ledger import Ledger
        from memos_core.infrastructure.memstore.metering import Meter
        from memos_core.system.store import Hands, Store

        self._vault.authorise(Right.KEEP, ())
        hands = Hands(stock=self._stock, clear=self._clear, report=Meter(self._whole).report)
        return Store(
            None if registry is None else fspath(registry),
            home=parse_namespace(namespace),
            places=self._vault.packages,
            ledger=Ledger(self._whole),
            hands=hands,
            clock=self._clock,
        )

    def _stock(self, package: Package, installed: Installed, *, dry_run: bool, progress: Progress | None) -> Revision:
        """Put what a package shows in the place of what is installed of it, in one transaction; or only try it."""
        from memos_core.infrastructure.exchange.opening import unpacked
        from memos_core.infrastructure.memstore.ledger import Ledger

        place = installed.namespace
        before = self._vault.packages.all().get(place)
        with unpacked(package, clock=self._clock) as vault, suppress(_RolledBackError), self.transaction():
            revision = self._restocked(vault, package, installed)
            Ledger(self._whole).keep(installed)
            self._vault.audit("install", place, detail=f"{installed.name} {installed.version}")
            if dry_run:
                raise _RolledBackError
            self._with_blobs_of(package, Merged())
        if not dry_run:
            self._fill_in_vectors(progress, known=None)
            revision = revision.model_copy(update={"unembedded": self._whole.stats().unembedded})
        return revision.model_copy(update={"previous": None if before is None else before.version})

    def _restocked(self, vault: Vault, package: Package, installed: Installed) -> Revision:
        from memos_core.cube.listing import Revision
        from memos_core.infrastructure.exchange.copying import copies

        new: builtins.list[str] = []
        changed: builtins.list[tuple[str, str]] = []
        kept: set[str | None] = set()
        root, place = package.manifest.namespace, installed.namespace
        for sequence in copies(vault, label=installed.name, below=place, trust=Trust.THIRD_PARTY, root=root):
            contents = [_licensed(content, installed) for content in sequence]
            kept |= {content.provenance.source_id for content in contents}
            draft = self._stocker.draft(contents, previous=None, now=self._clock.now())
            old = self._texts(draft.superseded)
            for cube in self._store(draft, writer=self._stocker).written:
                if cube.id in old:
                    changed.append((old[cube.id], cube.text))
                else:
                    new.append(cube.text)
        withdrawn = [cube for cube in self._held(place) if cube.provenance.source_id not in kept]
        self._remove(withdrawn, reason="withdrawn by its publisher")
        return Revision(
            installed=installed,
            new=tuple(new),
            changed=tuple(changed),
            withdrawn=tuple(cube.text for cube in withdrawn),
        )

    def _clear(self, installed: Installed) -> int:
        """Erase all that is installed of a package; return how many memories."""
        from memos_core.infrastructure.memstore.ledger import Ledger

        with self.transaction():
            held = builtins.list(self._held(installed.namespace))
            self._remove(held, reason="uninstalled")
            Ledger(self._whole).drop(installed)
            self._vault.audit("uninstall", installed.namespace, detail=f"{installed.name} {installed.version}")
        return len(held)

    def _held(self, place: Namespace) -> Iterator[MemCube]:
        """All memories of a package, whatever became of them."""
        everything = Selection(namespace=place, states=frozenset(State))
        for offset in range(0, self._whole.count(everything), PAGE):
            yield from self._whole.select(everything, limit=PAGE, offset=offset)

    def _remove(self, cubes: Iterable[MemCube], *, reason: str) -> None:
        gone = builtins.list(cubes)
        for cube in gone:
            if cube.state is State.FROZEN:
                self._follower.move(cube, Trigger.THAW, reason=reason)
        if gone:
            self.erase([cube.id for cube in gone], reason=reason)

    def _texts(self, versions: Iterable[str]) -> dict[str, str]:
        """What versions say, by cube."""
        found = self._whole.operations(builtins.list(versions)).values()
        return {put.cube: str(put.value()["payload"].get("text", "")) for put in found if put.body is not None}


def _licensed(content: Content, installed: Installed) -> Content:
    """A content that says under which licence it is here."""
    if installed.licence is None:
        return content
    governance = content.governance
    mark = governance.watermark or installed.licence.id
    return content.model_copy(update={"governance": governance.model_copy(update={"watermark": mark})})
