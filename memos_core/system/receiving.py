"""Receiving: the memories of packages and of other vaults, taken in."""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from memos_core.cube.grant import Right
from memos_core.cube.memcube import MemCube, Trust
from memos_core.cube.namespace import Namespace, NamespaceLike
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.operation import Operation, OperationKind
from memos_core.cube.package import Merged
from memos_core.errors import (
    BlobMissing,
    CubeNotFound,
    InvalidInput,
    MemOSWarning,
    VaultCorrupt,
    VersionNotFound,
)
from memos_core.operation.writer import Known, Progress
from memos_core.ports import Batch, BlobSource, MissingBlob, Vault
from memos_core.system.piping import Piping

if TYPE_CHECKING:
    from memos_core.infrastructure.exchange.archive import Package
    from memos_core.ports import Vector

TAKEN = "taken from"  # the note of how far the logs of other vaults were read
PAGE = 500  # operations at a time
SAMPLE = 32  # memories of a package whose vectors are made anew, to be compared
SAME = 0.999  # cosine from which on two vectors are of one text


class Receiving(Piping):
    """The part of :class:`memos_core.MemOS` that takes in the memories of others."""

    def merge(
        self,
        path: str | PathLike[str],
        *,
        identities: Iterable[str] = (),
        trust_vectors: bool = False,
        key: str | None = None,
        progress: Progress | None = None,
    ) -> Merged:
        """Take in all that another vault file or a package knows: the union of both, which nothing is lost by.

        What comes in is trusted as it says, and changes what is here as a write of yours would: merge what is yours or
        your team's, and :meth:`load` what is not.

        Parameters
        ----------
        path
            Of a vault, or of a ``.memcube`` package.
        identities
            Secret keys of age, for a package that is encrypted.
        trust_vectors
            Use the vectors of the package, if a sample that is made anew agrees with them.
        key
            Of a vault that is encrypted.
        progress
            Called with the number of texts embedded, done and in all.

        Returns
        -------
        Merged
            What was new, changed and erased, and what now has versions that were written apart.

        Raises
        ------
        InvalidInput
            If there is neither at the path, as ``InvalidPackage`` where that says more. Nothing was taken.
        EmbedderMismatch
            If this vault holds vectors of another embedder.
        NotPermitted
            For the handle of a principal.
        """
        from memos_core.infrastructure.exchange.opening import opened_package, opened_vault

        self._vault.authorise(Right.KEEP, ())
        file = Path(fspath(path))
        other = opened_vault(file, clock=self._clock, key=key)
        if other is not None:
            try:
                return self._take_in(other, progress)
            finally:
                other.close()
        with opened_package(file, identities=identities) as package:
            return self._embedded(self._united(package), package if trust_vectors else None, progress)

    def load(
        self,
        path: str | PathLike[str],
        *,
        namespace: NamespaceLike | None = None,
        trust: Trust | str | None = None,
        identities: Iterable[str] = (),
        progress: Progress | None = None,
    ) -> Merged:
        """Take in a ``.memcube`` package: as :meth:`merge` does, or as copies that can change nothing that is here.

        Parameters
        ----------
        namespace
            Copies go there, below it in the namespaces they had; by default into those.
        trust
            Copies are trusted no further than so: ``"third_party"``, unless said. Given either of these two, what is
            taken in are copies, with ids of their own, of what the package shows now.
        identities, progress
            As in :meth:`merge`.

        Raises
        ------
        InvalidPackage
            If the package was altered, is incomplete, or is none. Nothing was taken.
        EmbedderMismatch
            If this vault holds vectors of another embedder.
        NotPermitted
            For the handle of a principal.
        """
        from memos_core.infrastructure.exchange.opening import opened_package

        self._vault.authorise(Right.KEEP, ())
        with opened_package(Path(fspath(path)), identities=identities) as package:
            if namespace is None and trust is None:
                return self._embedded(self._united(package), None, progress)
            target = () if namespace is None else parse_namespace(namespace)
            return self._copy(package, target, Trust.THIRD_PARTY if trust is None else _tier(trust), progress)

    def _united(self, package: Package) -> Merged:
        """Store what a package holds, blobs too, in one transaction."""
        with self.transaction():
            merged = self._unite(package.pages(), f"package {package.digest[:16]}")
            return self._with_blobs_of(package, merged)

    def _with_blobs_of(self, package: Package, merged: Merged) -> Merged:
        held = package.blobs()

        def find(wanted: MissingBlob) -> memoryview:
            if wanted.blob.sha256 not in held:
                raise BlobMissing(cube_id=wanted.cube, detail="the package does not have it.")
            return held[wanted.blob.sha256]

        return self._with_blobs(merged, find)

    def _take_in(self, other: Vault, progress: Progress | None) -> Merged:
        """Take in another vault, from where its log was left the last time; what is installed there stays there."""
        from memos_core.infrastructure.memstore.places import Places

        noted = json.loads(self._whole.noted(TAKEN) or "{}")
        reached = {other.actor: int(noted.get(other.actor, 0))}
        places, stayed = Places(other), set[str]()

        def pages() -> Iterator[list[Operation]]:
            while page := other.log(after=reached[other.actor], limit=PAGE):
                operations = [operation for _, operation in page]
                brought = places.brought(operations)
                stayed.update(brought)
                yield [operation for operation in operations if operation.cube not in brought]
                reached[other.actor] = page[-1][0]

        with self.transaction():
            merged = self._unite(pages(), f"vault {other.actor}")
            self._whole.note(TAKEN, json.dumps({**noted, **reached}))
        merged = merged.model_copy(update={"stayed": len(stayed)})
        merged = self._with_blobs(merged, lambda wanted: other.blob(wanted.cube, version=wanted.version))
        return self._embedded(merged, None, progress)

    def _with_blobs(self, merged: Merged, find: Callable[[MissingBlob], BlobSource]) -> Merged:
        """Take in the blobs that are missing, each in a commit of its own: it can be broken off, and the next goes on.

        Parameters
        ----------
        find
            Says what one is; may raise what ``Vault.blob`` raises.
        """
        came: set[str] = set()
        for wanted in self._whole.missing_blobs():
            if wanted.blob.sha256 not in came and self._has_taken(wanted, find):
                came.add(wanted.blob.sha256)
        return merged.model_copy(update={"missing_blobs": len(self._whole.missing_blobs())})

    def _has_taken(self, wanted: MissingBlob, find: Callable[[MissingBlob], BlobSource]) -> bool:
        try:
            self._vault.follow(Batch((), blobs={wanted.blob.sha256: find(wanted)}))
        except (CubeNotFound, VersionNotFound, BlobMissing):
            return False
        except (VaultCorrupt, InvalidInput) as error:
            warnings.warn(MemOSWarning(f"A blob was not taken in: {error}"), stacklevel=5)
            return False
        return True

    def _unite(self, pages: Iterable[Sequence[Operation]], whence: str) -> Merged:
        """Store operations that were made elsewhere, and let others follow them: in one transaction."""
        self._fitting_embedder()
        count = 0
        new: dict[str, None] = {}
        changed: dict[str, None] = {}
        erased: dict[str, None] = {}
        with self.transaction():
            for page in pages:
                fresh = self._news(page)
                ids = [*dict.fromkeys(op.cube for op in fresh)]
                before = {cube.id: cube for cube in self._whole.get(ids)}
                count += self._vault.follow(Batch(fresh))
                after = {cube.id: cube for cube in self._whole.get(ids)}
                new |= dict.fromkeys(after.keys() - before.keys())
                changed |= dict.fromkeys(name for name in before.keys() & after.keys() if name not in new)
                erased |= dict.fromkeys(before.keys() - after.keys())
                self._settle(after.values(), before=before.values())
            touched = [*changed]
            conflicts = [
                cube.id
                for start in range(0, len(touched), PAGE)
                for cube in self._whole.get(touched[start : start + PAGE])
                if cube.conflicts
            ]
            self._vault.audit("merge", (), detail=f"{count:,} operations of {whence}")
        return Merged(
            operations=count,
            new=tuple(name for name in new if name not in erased),
            changed=tuple(changed),
            erased=tuple(erased),
            conflicts=tuple(conflicts),
        )

    def _news(self, page: Sequence[Operation]) -> list[Operation]:
        """Operations that are not here, or not with what they say."""
        known = self._whole.operations([op.id for op in page])
        return [op for op in page if op.id not in known or (known[op.id].body is None and op.body is not None)]

    def _embedded(self, merged: Merged, package: Package | None, progress: Progress | None) -> Merged:
        """Make the vectors of what came in. It can be broken off, and ``reembed`` goes on."""
        known = None if package is None else self._checked_vectors(package)
        self._fill_in_vectors(progress, known=known)
        return merged.model_copy(update={"unembedded": self._whole.stats().unembedded})

    def _checked_vectors(self, package: Package) -> Known | None:
        """The vectors of a package, if they are those that the embedder makes: some are made anew, at random."""
        from memos_core.infrastructure.exchange.choosing import contents
        from memos_core.operation.embedding import texts_of

        embedder = self._loaded_embedder()
        file = package.vectors(asdict(embedder.spec))
        if file is None or not self._whole.unembedded(embedder.spec, limit=1):
            return None
        drawn = _drawn(op for page in package.pages() for op in page if op.body and op.kind is OperationKind.PUT)
        found = file.known(texts_of(contents(drawn), embedder=embedder))
        sample = sorted(found)
        made = dict(zip(sample, embedder.embed(sample) if sample else (), strict=True))
        if all(float(found[text] @ vector) > SAME for text, vector in made.items()):
            return lambda texts: {text: each for text, each in file.known(texts).items() if _is_unit(each)}
        warnings.warn(
            MemOSWarning(f"Vectors in {package.path.name} are not those of its texts. All are made anew."), stacklevel=4
        )
        return None

    def _copy(self, package: Package, below: Namespace, trust: Trust, progress: Progress | None) -> Merged:
        """Take in copies of what a package shows, in one transaction; their vectors are made after it."""
        from memos_core.infrastructure.exchange.copying import copies
        from memos_core.infrastructure.exchange.opening import unpacked

        label = package.manifest.name or package.manifest.source
        written: list[MemCube] = []
        with unpacked(package, clock=self._clock) as vault, self.transaction():
            for sequence in copies(vault, label=label, below=below, trust=trust):
                draft = self._copier.draft(sequence, previous=None, now=self._clock.now())
                written += self._store(draft).written
            self._vault.audit("load", below, detail=f"{len(written):,} memories of {label}")
            new = tuple(cube.id for cube in written if not cube.parents)
            changed = tuple(cube.id for cube in written if cube.parents)
            merged = self._with_blobs_of(package, Merged(operations=len(written), new=new, changed=changed))
        return self._embedded(merged, None, progress)


def _drawn(operations: Iterable[Operation]) -> list[Operation]:
    """A sample of all, each as likely as any other, so that whoever made the package cannot know which."""
    chance, drawn = random.SystemRandom(), list[Operation]()
    for number, operation in enumerate(operations):
        place = number if number < SAMPLE else chance.randrange(number + 1)
        if place < SAMPLE:
            drawn[place : place + 1] = [operation]
    return drawn


def _is_unit(vector: Vector) -> bool:
    """Say whether a vector is one; what is not a number is not."""
    return abs(float(vector @ vector) - 1) < 1 - SAME


def _tier(given: Trust | str) -> Trust:
    if isinstance(given, Trust):
        return given
    try:
        return Trust[given.upper()]
    except (KeyError, AttributeError) as error:
        known = ", ".join(tier.name.lower() for tier in Trust)
        raise InvalidInput(detail=f"{given!r} is no tier of trust; known are {known}.") from error
