"""`.memcube` packages: a manifest, the operations, and what can be made of them. ``docs/FORMAT.md`` says how."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from typing_extensions import Self

from memos_core.cube.canonical import canonical, is_canonical, parse_object, sha256
from memos_core.cube.operation import Operation
from memos_core.cube.package import FORMAT, Embeddings, Manifest
from memos_core.errors import InvalidInput, PackageTooNew
from memos_core.infrastructure.exchange import container, encryption, lines, tensors

if TYPE_CHECKING:
    from memos_core.infrastructure.exchange.signing import SigningKey
    from memos_core.infrastructure.exchange.vectorfile import VectorFile

MANIFEST, SIGNATURE, OPERATIONS, LICENCE = "manifest.json", "signature.dsse.json", "operations.jsonl", "LICENSE"
BLOBS = "blobs/"
MAX_MANIFEST = 4 * 1024 * 1024  # bytes
MAX_SIGNATURE = 64 * 1024  # bytes
PREDICATE = "urn:memcube:package:1"


class Draft(NamedTuple):
    """Members of a package that is being made, and what its manifest says beside them.

    Attributes
    ----------
    operations
        In the order of :func:`.lines.order`.
    vectors
        Files of vectors, with what they are.
    about
        Fields of the manifest.
    blobs
        By digest.
    """

    operations: Iterable[Operation]
    about: Mapping[str, Any]
    licence: str | None = None
    vectors: Iterable[tuple[Path, Mapping[str, Any], int]] = ()
    blobs: Mapping[str, memoryview] = MappingProxyType({})


@contextmanager
def workshop(path: Path) -> Iterator[Path]:
    """A folder beside a file that is being made; it goes when the work is done or fails.

    Raises
    ------
    InvalidInput
        If something is at the path already, or nothing can be written there.
    """
    if path.exists():
        raise InvalidInput(detail=f"{path} is there already; write the package to a new path.")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise InvalidInput(detail=f"{path} cannot be written: {error.strerror}.") from error


def write(path: Path, folder: Path, draft: Draft, *, key: SigningKey | None = None) -> Manifest:
    """Make a package, whole or not at all. Equal drafts make equal files.

    Parameters
    ----------
    folder
        For what is written on the way; see :func:`workshop`.
    """
    written = folder / OPERATIONS
    with written.open("wb") as stream:
        lines.write(stream, draft.operations)
    members: dict[str, container.Source] = {}
    if draft.licence is not None:
        members[LICENCE] = draft.licence.encode()
    members[OPERATIONS] = written
    embeddings = []
    for file, spec, count in draft.vectors:
        name = f"vectors/{sha256(canonical(spec))}"
        members[name] = file
        embeddings.append(Embeddings(path=name, spec=dict(spec), count=count))
    members |= {f"{BLOBS}{digest}": draft.blobs[digest] for digest in sorted(draft.blobs)}
    files = {name: _measured(source) for name, source in members.items()}
    publisher = None if key is None else key.public
    fields = {**draft.about, "publisher": publisher, "embeddings": embeddings, "files": files}
    manifest = Manifest.model_validate(fields)
    data = canonical(manifest.model_dump(mode="json"))
    signed = {} if key is None else {SIGNATURE: _signature(data, key)}
    unfinished = folder / "package"
    with unfinished.open("wb") as stream:
        container.write(stream, {MANIFEST: data, **signed, **members})
        _flush(stream)
    unfinished.replace(path)
    return manifest


def place(made: Path, target: Path, recipients: Sequence[str]) -> None:
    """Put a package that is made where it is to be, encrypted if it is for some only.

    Raises
    ------
    InvalidKey
        If a recipient is no public key of age.
    """
    if recipients:
        sealed = made.with_suffix(".age")
        encryption.encrypt(made, sealed, recipients)
        with sealed.open("rb+") as stream:
            _flush(stream)
        made = sealed
    made.replace(target)


class Package:
    """A package that is open for reading, and was found to be what its manifest says.

    Attributes
    ----------
    manifest
        As its publisher signed it, if it names one.
    digest
        SHA-256 of the manifest, which stands for the whole package.

    Raises
    ------
    InvalidPackage
        If anything in it is not as the format and the manifest want it, or its signature is wrong.
    PackageTooNew
        If a later release has written it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._container = container.Container(path)
        try:
            data = self._container.read(MANIFEST, limit=MAX_MANIFEST)
            self.digest = sha256(data)
            self.manifest = self._parsed(data)
            self._check_members()
            self._check_signature()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def pages(self) -> Iterator[list[Operation]]:
        """The operations, some at a time.

        Raises
        ------
        InvalidPackage
            If one is not as the format wants it.
        """
        count = 0
        try:
            with self._container.open(OPERATIONS) as stream:
                for page in lines.pages(stream):
                    count += len(page)
                    yield page
        except InvalidInput as error:
            raise self._container.fault(str(error)) from error
        if count != self.manifest.operations:
            raise self._container.fault(f"it has {count:,} operations, and says {self.manifest.operations:,}.")

    def vectors(self, spec: Mapping[str, Any]) -> VectorFile | None:
        """The vectors of a specification; ``None`` if there are none.

        Raises
        ------
        InvalidPackage
            If their file is not as the format wants it.
        """
        from memos_core.infrastructure.exchange.vectorfile import VectorFile

        found = [each for each in self.manifest.embeddings if each.spec == dict(spec)]
        if not found:
            return None
        try:
            return VectorFile(self._container.open(found[0].path), dim=int(spec["dim"]), count=found[0].count)
        except InvalidInput as error:
            raise self._container.fault(str(error)) from error

    def blobs(self) -> dict[str, memoryview]:
        """Its blobs by digest, mapped: nothing is read before it is looked at."""
        names = [name for name in self.manifest.files if name.startswith(BLOBS)]
        return {name.removeprefix(BLOBS): self._container.view(name) for name in names}

    def licence(self) -> str | None:
        """The text of its licence."""
        if LICENCE not in self._container.members:
            return None
        return self._container.read(LICENCE, limit=MAX_MANIFEST).decode("utf-8", "replace")

    def _parsed(self, data: bytes) -> Manifest:
        try:
            fields = parse_object(data)
        except InvalidInput as error:
            raise self._container.fault(f"its manifest cannot be read ({error}).") from error
        form = fields.get("format")
        if form != FORMAT and isinstance(form, str) and form.startswith("memcube/"):
            raise PackageTooNew(path=self.path, found=form, known=FORMAT, detail="")
        if form != FORMAT or not is_canonical(data, fields):
            raise self._container.fault("its manifest is not written as the format wants it.")
        try:
            return Manifest.model_validate(fields)
        except ValueError as error:
            raise self._container.fault(f"its manifest is not complete ({error}).") from error

    def _check_members(self) -> None:
        names = [name for name in self._container.members if name not in {MANIFEST, SIGNATURE}]
        if set(names) != set(self.manifest.files) or OPERATIONS not in names:
            raise self._container.fault("its members are not those that its manifest names.")
        for name in names:
            said = self.manifest.files[name]
            if self._container.members[name].size != said.size or self._container.digest(name) != said.sha256:
                raise self._container.fault(f"its {name} is not the one that its manifest names.")
            if name.startswith(BLOBS):
                self._check_blob(name, said.sha256)
        for name in self._container.members.keys() & {MANIFEST, SIGNATURE}:
            self._container.digest(name)

    def _check_blob(self, name: str, digest: str) -> None:
        """A blob is numbers, and nothing else: no code, no pickle."""
        if name != f"{BLOBS}{digest}":
            raise self._container.fault(f"its {name} does not have the name that its digest gives it.")
        try:
            with self._container.open(name) as stream:
                tensors.check(stream, self._container.members[name].size)
        except InvalidInput as error:
            raise self._container.fault(f"its {name} is no file of safetensors. {error}") from error

    def _check_signature(self) -> None:
        is_signed = SIGNATURE in self._container.members
        if is_signed != (self.manifest.publisher is not None):
            raise self._container.fault("it is signed and names no publisher, or the other way round.")
        if not is_signed:
            return
        from memos_core.infrastructure.exchange.signing import opened

        try:
            key, statement = opened(self._container.read(SIGNATURE, limit=MAX_SIGNATURE))
        except InvalidInput as error:
            raise self._container.fault(f"its signature is wrong. {error}") from error
        if key != self.manifest.publisher or statement != _statement(self.digest):
            raise self._container.fault("its signature is not that of its manifest and publisher.")


def _statement(digest: str) -> dict[str, Any]:
    from memos_core.infrastructure.exchange.signing import STATEMENT

    subject = [{"name": MANIFEST, "digest": {"sha256": digest}}]
    return {"_type": STATEMENT, "subject": subject, "predicateType": PREDICATE, "predicate": {}}


def _signature(manifest: bytes, key: SigningKey) -> bytes:
    from memos_core.infrastructure.exchange.signing import envelope

    return envelope(_statement(sha256(manifest)), key)


def _measured(source: container.Source) -> dict[str, Any]:
    import hashlib

    digest, size = hashlib.sha256(), 0
    for chunk in container.chunks(source):
        digest.update(chunk)
        size += memoryview(chunk).nbytes
    return {"sha256": digest.hexdigest(), "size": size}


def _flush(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())
