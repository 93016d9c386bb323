"""A registry as its keeper sees it: a folder with packages and a signed index, which any static web server can show."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from memos_core.cube.canonical import parse_object
from memos_core.cube.listing import Index, Licence, Listing, Release
from memos_core.cube.package import package_name
from memos_core.errors import InvalidInput, RegistryError
from memos_core.infrastructure.clock import SystemClock
from memos_core.infrastructure.exchange.archive import Package
from memos_core.infrastructure.exchange.signing import SigningKey
from memos_core.infrastructure.memstore import licensing
from memos_core.infrastructure.memstore.reading import CHUNK
from memos_core.infrastructure.memstore.statements import INDEX, ROTATION, check_pin, read, rotation, signed
from memos_core.ports import Clock

INDEX_FILE = "index.json"
LOCK_FILE = ".lock"
MAX_INDEX = 32 * 1024 * 1024  # bytes
LIFETIME = timedelta(days=90)


class Registry:
    """A folder with packages.

    Parameters
    ----------
    folder
        Is made if there is none.
    key
        Signs the index; the same every time, unless :meth:`rotate` has changed it.

    Raises
    ------
    RegistryError
        If the index there is signed by another key.
    """

    def __init__(self, folder: Path, key: SigningKey, *, clock: Clock | None = None) -> None:
        self._folder = folder
        self._key = key
        self._clock = clock or SystemClock()
        folder.mkdir(parents=True, exist_ok=True)
        self._index = self._held()

    @property
    def index(self) -> Index:
        """What it lists now."""
        return self._index

    def publish(self, path: Path, *, paid: bool = False) -> Release:
        """Add a signed package as a release.

        Parameters
        ----------
        paid
            List it, and do not put it into the registry: buyers get files of their own, see :meth:`deliver`.

        Raises
        ------
        InvalidInput
            If the package has no name or no signature, or its version is there already.
        KeyChanged
            If earlier releases were signed by another key.
        """
        with Package(path) as package:
            manifest = package.manifest
        if manifest.name is None or manifest.version is None or manifest.publisher is None:
            raise InvalidInput(detail=f"{path} has no name, version or signature; export it with about= and key=.")
        with self._changing():
            name = package_name(manifest.name)
            known = self._index.packages.get(name) or Listing(name=name, publisher=manifest.publisher)
            if known.release(manifest.version) is not None:
                detail = (
                    f"{name} {manifest.version} is published, and a release never changes. Give it another version."
                )
                raise InvalidInput(detail=detail)
            scope = name.partition("/")[0]
            for other in self._index.packages.values():
                if other.name.partition("/")[0] == scope:
                    whose = f"The publisher {scope}"
                    check_pin(
                        other.publisher, manifest.publisher, other.rotations, registry=str(self._folder), whose=whose
                    )
            place = f"{name}-{manifest.version}"
            release = Release(
                version=manifest.version,
                path=f"sold/{place}" if paid else f"packages/{place}.memcube",
                sha256="" if paid else digest_of(path),
                size=0 if paid else path.stat().st_size,
                description=manifest.description,
                licence=manifest.licence,
                cubes=manifest.cubes,
                paid=paid,
            )
            if not paid:
                self._put(path, release.path)
            listing = known.model_copy(update={"releases": (*known.releases, release), "publisher": manifest.publisher})
            self._write(lambda index: {"packages": {**index.packages, name: listing}})
            return release

    def deliver(self, path: Path, *, name: str, version: str, licence: str) -> str:
        """Put the file of a buyer where the licence leads to; return its place."""
        with self._changing():
            listing = self._index.packages.get(name)
            release = None if listing is None else listing.release(version)
            if release is None or not release.paid:
                raise InvalidInput(detail=f"{name} {version} is not listed here as a paid one.")
            place = f"{release.path}/{licence}.memcube"
            self._put(path, place)
            return place

    def yank(self, name: str, version: str, *, reason: str) -> None:
        """Say that a release is not to be installed any more. Who has it keeps it.

        Raises
        ------
        InvalidInput
            If there is no such release, or no reason.
        """
        with self._changing():
            listing = self._index.packages.get(name)
            if listing is None or listing.release(version) is None or not reason.strip():
                raise InvalidInput(detail=f"There is no {name} {version} here, or no reason is given.")
            releases = tuple(
                each.model_copy(update={"yanked": reason}) if each.version == version else each
                for each in listing.releases
            )
            changed = listing.model_copy(update={"releases": releases})
            self._write(lambda index: {"packages": {**index.packages, name: changed}})

    def revoke(self, token: bytes) -> Licence:
        """Say that a licence does not count any more. Who polls the index finds out; who never does, does not.

        Raises
        ------
        LicenceError
            If it is none.
        InvalidInput
            If there is no such package here.
        """
        with self._changing():
            name = licensing.subject(token)
            listing = self._index.packages.get(name)
            if listing is None:
                raise InvalidInput(detail=f"There is no {name} here.")
            licence = licensing.verified(token, publisher=listing.publisher, rotations=listing.rotations)
            revoked = (*dict.fromkeys((*listing.revoked, licence.id)),)
            changed = listing.model_copy(update={"revoked": revoked})
            self._write(lambda index: {"packages": {**index.packages, name: changed}})
            return licence

    def refresh(self) -> Index:
        """Sign the index anew, so that it does not expire."""
        with self._changing():
            self._write(lambda _: {})
            return self._index

    def rotate(self, new: SigningKey) -> None:
        """Let another key sign the index from now on; the old one names it."""
        with self._changing():
            envelope = rotation(self._key, new.public)
            self._key = new
            self._write(lambda index: {"rotations": (*index.rotations, envelope)})

    def rotate_publisher(self, publisher: str, envelope: str) -> None:
        """Note that a publisher, the first half of its packages' names, has named a new key.

        Parameters
        ----------
        envelope
            Made by :func:`.statements.rotation`.

        Raises
        ------
        InvalidInput
            If there is no such publisher, or the envelope is none.
        """
        read(envelope.encode(), ROTATION)
        with self._changing():
            changed = {
                name: listing.model_copy(update={"rotations": (*listing.rotations, envelope)})
                for name, listing in self._index.packages.items()
                if name.partition("/")[0] == publisher
            }
            if not changed:
                raise InvalidInput(detail=f"There is no publisher {publisher!r} here.")
            self._write(lambda index: {"packages": {**index.packages, **changed}})

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Be the only one who changes the registry, and start from what others have made of it."""
        with (self._folder / LOCK_FILE).open("a") as lock:
            _lock(lock.fileno())
            self._index = self._held()
            yield

    def _held(self) -> Index:
        path = self._folder / INDEX_FILE
        if not path.exists():
            return Index(version=1, expires=self._clock.now() + LIFETIME)
        key, index = parsed(path.read_bytes(), str(self._folder))
        if key != self._key.public:
            raise RegistryError(registry=str(self._folder), detail=f"its index is signed by {key}, not by this key.")
        return index

    def _put(self, source: Path, place: str) -> None:
        target = self._folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.unfinished")
        shutil.copyfile(source, unfinished)
        unfinished.replace(target)

    def _write(self, change: Callable[[Index], dict[str, object]]) -> None:
        """Write the next version of the index, whole or not at all."""
        is_new = not (self._folder / INDEX_FILE).exists()
        expires = self._clock.now() + LIFETIME
        version = 1 if is_new else self._index.version + 1
        self._index = self._index.model_copy(update={"version": version, "expires": expires, **change(self._index)})
        data = signed(INDEX, INDEX_FILE, self._index.model_dump(mode="json"), self._key)
        unfinished = self._folder / f".{INDEX_FILE}.unfinished"
        with unfinished.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(self._folder / INDEX_FILE)


def _lock(file: int) -> None:
    """Wait until nobody else holds a file, and hold it until it is closed."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def parsed(data: bytes, registry: str) -> tuple[str, Index]:
    """The key that signed an index, and the index.

    Raises
    ------
    RegistryError
        If it is none.
    """
    try:
        parse_object(data)
        key, _, fields = read(data, INDEX)
        return key, Index.model_validate(fields)
    except ValueError as error:
        raise RegistryError(registry=registry, detail=f"its index cannot be read ({error}).") from error
