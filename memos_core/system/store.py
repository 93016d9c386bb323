"""The store: what a registry offers, what is installed, and what an update would change."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from memos_core.cube.listing import Index, Installed, Licence, Listing, Lock, Locked, Release, Revision, Update
from memos_core.cube.namespace import Namespace, covers
from memos_core.cube.package import version_key
from memos_core.errors import InvalidInput, LicenceError, MemOSWarning, NotInstalled, RegistryError
from memos_core.infrastructure.exchange.archive import Package
from memos_core.infrastructure.memstore import licensing, visiting
from memos_core.infrastructure.memstore.ledger import Ledger, Pin
from memos_core.infrastructure.memstore.names import lookalikes
from memos_core.infrastructure.memstore.places import Places
from memos_core.infrastructure.memstore.reading import Shelf
from memos_core.operation.writer import Progress
from memos_core.ports import Clock

STORE = "store"  # the part of a namespace that packages go into


class Stock(Protocol):
    """Puts what a package shows in the place of what is installed of it; or only tries it."""

    def __call__(
        self, package: Package, installed: Installed, *, dry_run: bool, progress: Progress | None
    ) -> Revision: ...


@dataclass(frozen=True)
class Hands:
    """What a store does to a vault.

    Attributes
    ----------
    clear
        Erases what is installed of a package, and says how many memories that were.
    report
        Says, signed, how often they were recalled.
    """

    stock: Stock
    clear: Callable[[Installed], int]
    report: Callable[[Installed], bytes]


class Store:
    """A registry, and the packages that are installed in a namespace; ``memos.store(...)`` makes one.

    Notes
    -----
    Nothing in a registry is believed but what keys vouch for that were pinned when they were first seen. Every method
    that looks at one raises ``RegistryError`` if it cannot be had, was rolled back or has expired, and ``KeyChanged``
    if the registry or a publisher has another key now, which the pinned one has not named.
    """

    def __init__(
        self, registry: str | None, *, home: Namespace, places: Places, ledger: Ledger, hands: Hands, clock: Clock
    ) -> None:
        self._shelf = None if registry is None else Shelf(registry)
        self._home = home
        self._places = places
        self._ledger = ledger
        self._hands = hands
        self._clock = clock

    # what there is

    def search(self, words: str = "") -> list[Listing]:
        """Packages whose names or descriptions have all these words, by name; without words, all."""
        index, _ = self._visit()
        wanted = words.casefold().split()
        return [listing for _, listing in sorted(index.packages.items()) if _has(listing, wanted)]

    def show(self, name: str) -> Listing:
        """A package, and its releases.

        Raises
        ------
        PackageNotFound
            If it is not there.
        """
        return self._found(name)[0]

    def verify(self, name: str | None = None) -> list[str]:
        """What is wrong with the releases in the registry, or with those of one package; empty if all are sound.

        Of paid releases nothing can be said without a licence.
        """
        listings = [self.show(name)] if name else self.search()
        return [fault for listing in listings for fault in visiting.faults(self._open_shelf(), listing)]

    # what is installed

    def installed(self) -> list[Installed]:
        """Packages that are installed, by name."""
        held = [each for each in self._places.all().values() if covers(self._home, each.namespace)]
        return sorted(held, key=lambda each: each.name)

    def install(
        self,
        name: str,
        *,
        version: str | None = None,
        licence: bytes | None = None,
        identities: Iterable[str] = (),
        digest: str | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Revision:
        """Install a package, or put another release in the place of the one that is installed.

        Parameters
        ----------
        version
            By default the newest that is not yanked.
        licence
            Token, for a paid package; one that is installed under a licence keeps it.
        identities
            Secret keys of age, for a paid package.
        digest
            Of a lock file: nothing else is installed.
        dry_run
            Say what would change, and change nothing.
        progress
            Called with the number of texts embedded, done and in all.

        Returns
        -------
        Revision
            What comes, changes and goes.

        Raises
        ------
        PackageNotFound
            If there is no such release.
        LicenceError
            If it is a paid one and the licence is missing, wrong, over, or for somebody else.
        InvalidPackage
            If the package is not sound. Nothing was changed.
        """
        secrets = tuple(identities)
        shelf, now = self._open_shelf(), self._clock.now()
        before = self._present(name)
        if before is not None and before.registry != shelf.location:
            detail = f"{name} is installed from {before.registry}. Uninstall it first."
            raise InvalidInput(detail=detail)
        listing, release = self._chosen(name, version)
        held = self._licence(listing, release, licence, before)
        with visiting.fetched(shelf, listing, release, licence=held, identities=secrets) as package:
            if digest not in {None, package.digest}:
                detail = f"{name} {release.version} is not the package of the lock file."
                raise RegistryError(registry=shelf.location, detail=detail)
            installed = Installed(
                name=name,
                version=release.version,
                registry=shelf.location,
                namespace=(*self._home, STORE, *name.split("/")),
                digest=package.digest,
                publisher=listing.publisher,
                cubes=package.manifest.cubes,
                licence=held,
            )
            revision = self._hands.stock(package, installed, dry_run=dry_run, progress=progress)
        if not dry_run and held is not None:
            self._ledger.see(max(now, self._places.seen() or now))
        return revision

    def uninstall(self, name: str) -> int:
        """Erase all that is installed of a package, and what rests on nothing else; return how many memories.

        Raises
        ------
        NotInstalled
            If it is not installed.
        """
        return self._hands.clear(self._held(name))

    def updates(self) -> list[Update]:
        """Newer releases of what is installed, from where it came. Licences that were revoked end here.

        What was yanked since it was installed is a warning; so is a registry that cannot be used, and the others are
        asked all the same.
        """
        found = []
        for installed in self.installed():
            try:
                listing, _ = self._at(installed.registry)._found(installed.name)  # noqa: SLF001 - of the same class
            except RegistryError as error:
                warnings.warn(MemOSWarning(str(error)), stacklevel=2)
                continue
            _warn_if_yanked(installed.name, listing.release(installed.version))
            newest = listing.newest()
            if newest is not None and version_key(newest.version) > version_key(installed.version):
                found.append(Update(installed=installed, newest=newest))
        return found

    def subscribe(self, *, every: timedelta = timedelta(hours=1)) -> Iterator[list[Update]]:
        """Ask for updates again and again, and yield those that were not there the last time.

        Parameters
        ----------
        every
            Between two questions.
        """
        told: set[tuple[str, str]] = set()
        while True:
            fresh = [each for each in self.updates() if (each.installed.name, each.newest.version) not in told]
            told |= {(each.installed.name, each.newest.version) for each in fresh}
            if fresh:
                yield fresh
            threading.Event().wait(every.total_seconds())

    def lock(self) -> Lock:
        """What is installed, exactly; :meth:`install_locked` installs the same elsewhere."""
        return Lock(
            packages={
                each.name: Locked(
                    version=each.version, registry=each.registry, publisher=each.publisher, digest=each.digest
                )
                for each in self.installed()
            }
        )

    def install_locked(
        self,
        lock: Lock,
        *,
        licences: Iterable[bytes] = (),
        identities: Iterable[str] = (),
        progress: Progress | None = None,
    ) -> list[Revision]:
        """Install what a lock file names, from where it names, and nothing else.

        Parameters
        ----------
        licences, identities, progress
            As in :meth:`install`.

        Raises
        ------
        RegistryError
            If a registry has another package under that name and version.
        """
        secrets, tokens = tuple(identities), {licensing.subject(token): token for token in licences}
        return [
            self._at(locked.registry).install(
                name,
                version=locked.version,
                licence=tokens.get(name),
                identities=secrets,
                digest=locked.digest,
                progress=progress,
            )
            for name, locked in sorted(lock.packages.items())
        ]

    def report(self, name: str) -> bytes:
        """How often memories of a package were recalled, signed, for its publisher.

        Raises
        ------
        NotInstalled
            If it is not installed.
        LicenceError
            If it needs no licence.
        """
        return self._hands.report(self._held(name))

    # how

    def _at(self, registry: str) -> Store:
        return Store(
            registry,
            home=self._home,
            places=self._places,
            ledger=self._ledger,
            hands=self._hands,
            clock=self._clock,
        )

    def _open_shelf(self) -> Shelf:
        if self._shelf is None:
            raise InvalidInput(detail="Say which registry: memos.store(REGISTRY, namespace=...).")
        return self._shelf

    def _visit(self) -> tuple[Index, Pin]:
        shelf = self._open_shelf()
        index, pin = visiting.visit(shelf, self._ledger.pin(shelf.location), now=self._clock.now())
        self._ledger.repin(shelf.location, pin)
        self._end_revoked(index, shelf.location)
        return index, pin

    def _found(self, name: str) -> tuple[Listing, Index]:
        index, pin = self._visit()
        registry = self._open_shelf().location
        listing, pin = visiting.found(index, name, pin, registry=registry)
        self._ledger.repin(registry, pin)
        return listing, index

    def _chosen(self, name: str, version: str | None) -> tuple[Listing, Release]:
        listing, index = self._found(name)
        release = visiting.release_of(listing, version, registry=self._open_shelf().location)
        if alike := lookalikes(name, {*index.packages, *(each.name for each in self.installed())}):
            told = f"{name} looks like {', '.join(alike)}: make sure that it is the one you mean."
            warnings.warn(MemOSWarning(told), stacklevel=3)
        _warn_if_yanked(name, release)
        return listing, release

    def _licence(
        self, listing: Listing, release: Release, token: bytes | None, before: Installed | None
    ) -> Licence | None:
        """The licence under which a release can be installed; ``None`` if it needs none."""
        if not release.paid:
            return None
        if token is not None:
            held = licensing.verified(token, publisher=listing.publisher, rotations=listing.rotations)
        elif before is not None and before.licence is not None:
            held = before.licence
        else:
            raise LicenceError(package=listing.name, detail="it is a paid package, and no licence was given.")
        now = self._clock.now()
        at = max(now, self._places.seen() or now)
        licensing.check(held, name=listing.name, version=release.version, at=at)
        return held

    def _end_revoked(self, index: Index, registry: str) -> None:
        for installed in self.installed():
            listing = index.packages.get(installed.name)
            is_meant = installed.licence is not None and installed.registry == registry and not installed.ended
            if is_meant and listing is not None and installed.licence and installed.licence.id in listing.revoked:
                self._ledger.keep(installed.model_copy(update={"ended": "its licence was revoked by the publisher"}))

    def _present(self, name: str) -> Installed | None:
        return next((each for each in self.installed() if each.name == name), None)

    def _held(self, name: str) -> Installed:
        installed = self._present(name)
        if installed is None:
            raise NotInstalled(package=name, namespace="/".join(self._home))
        return installed


def _warn_if_yanked(name: str, release: Release | None) -> None:
    if release is not None and release.yanked:
        told = f"{name} {release.version} was yanked by its publisher: {release.yanked}"
        warnings.warn(MemOSWarning(told), stacklevel=4)


def _has(listing: Listing, words: Iterable[str]) -> bool:
    newest = listing.newest()
    text = f"{listing.name} {newest.description if newest else ''}".casefold()
    return all(word in text for word in words)
