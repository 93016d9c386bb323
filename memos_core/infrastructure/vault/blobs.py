"""Blobs: files beside the vault file that belong to its transactions; docs/decisions/0018-blobs.md tells why so.

Two rules keep the folder and the database together, whoever is killed when:

- A file is whole, synced and named before the transaction commits that refers to it, and removed only after the one
  that no longer does. What is left over by a kill is a file that nothing refers to.
- Files are made, named and removed only by whoever holds the write lock of the database. So what nothing refers to in
  that moment is nobody's, and can go.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import NamedTuple

import apsw

from memos_core.cube.answer import Damage
from memos_core.cube.payload import BlobRef
from memos_core.errors import CubeNotFound, InvalidInput, VaultCorrupt, VaultError, VersionNotFound
from memos_core.infrastructure.vault import sealing
from memos_core.infrastructure.vault.connection import MEMORY
from memos_core.infrastructure.vault.folder import Folder, translated
from memos_core.infrastructure.vault.sources import absent, in_pieces, no_blob, pieces, size_of, sizes_of
from memos_core.infrastructure.vault.statements import load, query
from memos_core.ports import Batch, BlobSource, MissingBlob

_SQL = load("blobs")

Read = Callable[[], AbstractContextManager[apsw.Connection]]  #: begins a transaction


class Held(NamedTuple):
    """A blob that is here.

    Attributes
    ----------
    name
        Of its file.
    key
        Of a file that is encrypted.
    data
        The blob itself, in a vault in memory.
    """

    digest: str
    size: int
    name: str | None
    key: bytes | None
    data: bytes | None


class Blobs:
    """The blobs of one vault.

    Parameters
    ----------
    path
        Of the vault file; the folder has its name and ``-blobs``.
    is_sealed
        Whether files are encrypted: then each has a random name, and its key is in the database alone.

    Attributes
    ----------
    is_sweep_due
        There may be a file that nothing refers to.
    """

    def __init__(self, path: str, *, is_sealed: bool) -> None:
        self._folder = None if path == MEMORY else Folder(folder_of(path))
        self._is_sealed = is_sealed
        self.is_sweep_due = False

    def store(self, db: apsw.Connection, batch: Batch) -> None:
        """Store the blobs of a batch whose operations are stored; those of what is erased or expired are not kept.

        Raises
        ------
        InvalidInput
            If one is not what its digest says, or nothing refers to it.
        """
        if not batch.blobs:
            return
        said = sizes_of(batch.operations)
        for digest, size in query(db, _SQL["sizes"], {"digests": json.dumps(list(batch.blobs))}):
            said.setdefault(digest, set()).add(size)
        for digest, source in batch.blobs.items():
            size = size_of(digest, source, said)
            held = self._held(db, digest)
            if db.execute(_SQL["is_used"], (digest,)).get and (held is None or not self._is_here(held)):
                self._write(db, digest, source, size)
            else:
                for _ in pieces(digest, source, size):
                    pass

    def keep(self, db: apsw.Connection, data: bytes) -> str:
        """Store what a row of another table is about to refer to; return its digest."""
        digest = hashlib.sha256(data).hexdigest()
        held = self._held(db, digest)
        if held is None or not self._is_here(held):
            self._write(db, digest, data, len(data))
        return digest

    def kept(self, db: apsw.Connection, digest: str) -> memoryview | None:
        """The blob of a digest; ``None`` if it is not here.

        Raises
        ------
        FileNotFoundError
            If its file is not there.
        """
        held = self._held(db, digest)
        return None if held is None else self._read(held)

    def find(self, db: apsw.Connection, cube: str, version: str | None) -> memoryview:
        """The blob that a cube refers to by what it shows, or by a version.

        Raises
        ------
        FileNotFoundError
            If its file is not there.
        CubeNotFound, VersionNotFound, BlobMissing, VaultCorrupt
            As the port says.
        """
        if not db.execute(_SQL["is_here"], (cube,)).get:
            raise CubeNotFound(cube_id=cube)
        rows = query(db, _SQL["shown"], (cube,)) if version is None else query(db, _SQL["version"], (cube, version))
        if not rows:
            raise VersionNotFound(cube_id=cube, version=version)
        used, size, said = rows[0]
        if said is None:
            raise no_blob(cube)
        held = None if used is None else self._held(db, used)
        if held is None or held.size != size:
            raise absent(cube, BlobRef(sha256=said, size=size))
        return self._read(held)

    def missing(self, db: apsw.Connection) -> list[MissingBlob]:
        """What refers to blobs that are not here."""
        here = {(held.digest, held.size) for held in self.all(db) if self._is_here(held)}
        used = (
            MissingBlob(cube, name, BlobRef(sha256=digest, size=size))
            for cube, name, digest, size in query(db, _SQL["used"])
        )
        return [each for each in used if (each.blob.sha256, each.blob.size) not in here]

    def all(self, db: apsw.Connection) -> Iterator[Held]:
        """Blobs that should be here, by digest; without ``data``."""
        return (Held(*row) for row in query(db, _SQL["all"]))

    def forget(self, db: apsw.Connection) -> None:
        """Forget blobs that nothing refers to any more, keys and all."""
        db.execute(_SQL["forget"])
        self.is_sweep_due = self.is_sweep_due or db.changes() > 0

    def has_strays(self, db: apsw.Connection) -> bool:
        """Whether there are files that nothing refers to, now and here: somebody may be about to."""
        return bool(self._strays(db))

    def sweep(self, db: apsw.Connection) -> None:
        """Remove files that nothing refers to; in a write transaction in which nothing was written.

        Where one cannot be removed, for somebody uses it, a sweep stays due.
        """
        self.is_sweep_due = self._folder is not None and not self._folder.remove(self._strays(db))

    def damages(self, read: Read) -> Iterator[Damage]:
        """Compare every blob with its digest. What is erased meanwhile is no damage.

        No transaction is open while a file is read.
        """
        with read() as db:
            found = [*self.all(db)]
        for each in found:
            with read() as db:
                held = self._held(db, each.digest)
            problem = None if held is None else self._problem(held)
            with read() as db:
                if problem is not None and self._held(db, each.digest) == held:
                    yield Damage(f"blob {each.digest}", problem)

    def reseal(self, db: apsw.Connection) -> None:
        """Encrypt files that are not, or decrypt those that are, in a write transaction; the old ones are to be swept.

        Raises
        ------
        VaultCorrupt
            If one is damaged.
        """
        for held in self.all(db):
            if (held.key is not None) != self._is_sealed:
                with suppress(FileNotFoundError):
                    self._rewrite(db, held)

    def _rewrite(self, db: apsw.Connection, held: Held) -> None:
        try:
            self._write(db, held.digest, self._read(held), held.size)
        except InvalidInput as error:
            raise self._corrupt(held, "it was altered") from error

    def copy(self, wanted: Iterable[Held], path: str, read: Read) -> list[Held]:
        """Write the files of the vault that is being copied to a path; return those that have gone meanwhile."""
        target, lost = Folder(folder_of(path)), []
        for held in wanted:
            name = held.digest if held.name is None else held.name
            if name not in target.names() and not self._is_copied(held, target, name, read):
                lost.append(held)
        return lost

    def _is_copied(self, held: Held, target: Folder, name: str, read: Read) -> bool:
        try:
            target.place(name, in_pieces(self._raw(held, read)))
        except FileNotFoundError:
            return False
        return True

    def _raw(self, held: Held, read: Read) -> memoryview:
        """A file as it is."""
        if self._folder is not None:
            return self._folder.mapped(held.name or held.digest)
        with read() as db:
            found = self._held(db, held.digest)
        if found is None:
            raise FileNotFoundError
        return memoryview(found.data or b"")

    def _strays(self, db: apsw.Connection) -> set[str]:
        if self._folder is None:
            return set()
        return self._folder.names() - {name for (name,) in query(db, _SQL["names"])}

    def _held(self, db: apsw.Connection, digest: str) -> Held | None:
        rows = query(db, _SQL["held"], (digest,))
        return Held(digest, *rows[0]) if rows else None

    def _write(self, db: apsw.Connection, digest: str, source: BlobSource, size: int) -> None:
        given = pieces(digest, source, size)
        if self._folder is None:
            db.execute(_SQL["insert"], (digest, size, None, None, b"".join(given)))
            return
        key = sealing.new_key() if self._is_sealed else None
        name = digest if key is None else sealing.new_name()
        self.is_sweep_due = True  # should this be rolled back
        self._folder.place(name, given if key is None else sealing.seal(key, size, given))
        db.execute(_SQL["insert"], (digest, size, name, key, None))

    def _is_here(self, held: Held) -> bool:
        if self._folder is None or held.name is None:
            return self._folder is None
        with suppress(FileNotFoundError), translated(self._folder.path):
            return (self._folder.path / held.name).stat().st_size == _file_size(held)
        return False

    def _read(self, held: Held) -> memoryview:
        if self._folder is None or held.name is None:
            return memoryview(held.data or b"")
        with translated(self._folder.path):
            view = self._folder.mapped(held.name)
        if len(view) != _file_size(held):
            raise self._corrupt(held, f"it has {len(view):,} bytes in place of {_file_size(held):,}")
        if held.key is None:
            return view
        whole, end = bytearray(held.size), 0
        try:
            for piece in sealing.unseal(held.key, held.size, view):
                whole[end : end + len(piece)] = piece
                end += len(piece)
        except ValueError as error:
            raise self._corrupt(held, "it was altered") from error
        return memoryview(whole).toreadonly()

    def _problem(self, held: Held) -> str | None:
        """What is wrong with a blob that should be here."""
        try:
            view = self._read(held)
        except FileNotFoundError:
            return "its file is missing"
        except (VaultError, ValueError) as error:
            return str(error)
        made = hashlib.sha256()
        for piece in in_pieces(view):
            made.update(piece)
        return None if (made.hexdigest(), len(view)) == (held.digest, held.size) else "it was altered"

    def _corrupt(self, held: Held, what: str) -> VaultCorrupt:
        folder = Path() if self._folder is None else self._folder.path
        return VaultCorrupt(path=str(folder / (held.name or held.digest)), detail=what)


def folder_of(path: str) -> Path:
    """The folder with the blobs of a vault file."""
    return Path(f"{os.path.realpath(path)}-blobs")


def _file_size(held: Held) -> int:
    return held.size if held.key is None else sealing.sealed_size(held.size)
