"""Selling: a copy of a package for whoever has a licence, and the licences that were given out, which are files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path

from memos_core.cube.listing import Licence
from memos_core.cube.operation import Operation
from memos_core.cube.package import Manifest
from memos_core.errors import InvalidInput, LicenceError
from memos_core.infrastructure.exchange import archive
from memos_core.infrastructure.exchange.archive import Draft, Package
from memos_core.infrastructure.exchange.signing import SigningKey
from memos_core.infrastructure.memstore import licensing
from memos_core.infrastructure.memstore.registry import Registry

SUFFIX = ".licence.json"
MAX_TOKEN = 64 * 1024  # bytes
MARKED = ("edition",)  # namespace of marks in a package of a whole vault


def issue(licence: Licence, package: Path, registry: Registry, key: SigningKey, *, folder: Path) -> Path:
    """Give out a licence once it is paid: sign it, make the copy that it opens, and put that into the registry.

    Parameters
    ----------
    package
        Signed, and listed in the registry as paid.
    key
        Of the publisher.
    folder
        Where licences are kept; :func:`trace` looks through them.

    Returns
    -------
    Path
        The licence, for the buyer.

    Raises
    ------
    LicenceError
        If it does not cover this release.
    InvalidInput
        If the package is not the publisher's, or not listed as paid.
    """
    deliver(licence, package, registry, key, at=licence.issued)
    folder.mkdir(parents=True, exist_ok=True)
    token = folder / f"{licence.id}{SUFFIX}"
    token.write_bytes(licensing.sign(licence, key))
    return token


def deliver(licence: Licence, package: Path, registry: Registry, key: SigningKey, *, at: datetime) -> str:
    """Put the copy of a release that a licence opens into the registry; return its place there.

    Raises
    ------
    LicenceError, InvalidInput
        As for :func:`issue`.
    """
    with tempfile.TemporaryDirectory(prefix="memstore-") as folder:
        copy = Path(folder) / "copy.memcube"
        manifest = copy_for(licence, package, copy, key, at=at)
        return registry.deliver(copy, name=str(manifest.name), version=str(manifest.version), licence=licence.id)


def deliver_all(package: Path, registry: Registry, key: SigningKey, *, folder: Path, at: datetime) -> list[Licence]:
    """Make the copies of a release for all licences in a folder that cover it now; return those.

    Raises
    ------
    LicenceError, InvalidInput
        As for :func:`issue`.
    """
    served = []
    name = name_of(package)
    listing = registry.index.packages.get(name)
    revoked = () if listing is None else listing.revoked
    for licence in licences(folder, key):
        if licence.package == name and licence.id not in revoked and _covers(licence, package, at):
            deliver(licence, package, registry, key, at=at)
            served.append(licence)
    return served


def name_of(package: Path) -> str:
    """The name of a package.

    Raises
    ------
    InvalidInput
        If it has none.
    """
    with Package(package) as opened:
        if opened.manifest.name is None:
            raise InvalidInput(detail=f"{package} has no name; export it with --name and --version.")
        return opened.manifest.name


def copy_for(licence: Licence, package: Path, target: Path, key: SigningKey, *, at: datetime) -> Manifest:
    """Make a copy of a package that one licensee can open, and that can be told from those of others."""
    with Package(package) as master, archive.workshop(target) as folder:
        said = master.manifest
        if said.publisher != key.public:
            raise InvalidInput(detail=f"{package} is signed by {said.publisher}, and the key given is {key.public}.")
        licensing.check(licence, name=str(said.name), version=str(said.version), at=at)
        operations = chain.from_iterable(master.pages())
        marked = _marked(operations, licence, said, key)
        about = said.model_dump(mode="json", exclude={"files", "embeddings", "publisher"})
        about |= {"rights": {**said.rights, "licence": licence.id}}
        about |= {name: about[name] + licensing.MARKS for name in ("cubes", "operations")}
        draft = Draft(operations=marked, about=about, licence=master.licence(), blobs=master.blobs())
        manifest = archive.write(folder / "copy.memcube", folder, draft, key=key)
        archive.place(folder / "copy.memcube", target, [licence.licensee])
    return manifest


def licences(folder: Path, key: SigningKey) -> list[Licence]:
    """The licences in a folder that a key has signed.

    Raises
    ------
    LicenceError
        If one of them is none.
    """
    return [licensing.verified(token(path), publisher=key.public) for path in sorted(folder.glob(f"*{SUFFIX}"))]


def token(path: Path) -> bytes:
    """A licence, from its file.

    Raises
    ------
    LicenceError
        If it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_TOKEN)
    except OSError as error:
        raise LicenceError(package=path.name, detail=f"the file cannot be read ({error.strerror}).") from error


def trace(text: str, folder: Path, key: SigningKey) -> list[Licence]:
    """The licences whose copies a text comes from."""
    issued = licences(folder, key)
    found = licensing.traced(text, [licence.id for licence in issued], key)
    return [licence for licence in issued if licence.id in found]


def _covers(licence: Licence, package: Path, at: datetime) -> bool:
    with Package(package) as opened:
        return licence.covers(str(opened.manifest.version)) and not licence.has_ended(at)


def _marked(operations: Iterable[Operation], licence: Licence, said: Manifest, key: SigningKey) -> Iterator[Operation]:
    last: Operation | None = None
    for operation in operations:
        last = operation
        yield operation
    if last is not None:
        yield from licensing.marks(licence, namespace=said.namespace or MARKED, key=key, after=last.hlc)
