"""A visit to a registry: its index and packages, believed as far as pinned keys and digests vouch for them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from memos_core.cube.canonical import sha256
from memos_core.cube.listing import Index, Licence, Listing, Release
from memos_core.errors import InvalidInput, KeyChanged, LicenceError, PackageNotFound, RegistryError
from memos_core.infrastructure.exchange import encryption
from memos_core.infrastructure.exchange.archive import Package
from memos_core.infrastructure.exchange.container import MOST_BYTES
from memos_core.infrastructure.exchange.opening import opened_package
from memos_core.infrastructure.memstore.ledger import Pin
from memos_core.infrastructure.memstore.names import lookalikes
from memos_core.infrastructure.memstore.reading import Shelf
from memos_core.infrastructure.memstore.registry import INDEX_FILE, MAX_INDEX, parsed
from memos_core.infrastructure.memstore.statements import check_pin, follow


def visit(shelf: Shelf, pin: Pin | None, *, now: datetime) -> tuple[Index, Pin]:
    """Read the index of a registry, and what is to be remembered of it.

    Raises
    ------
    RegistryError
        If it cannot be had, is older than the one that was seen last, or has expired.
    KeyChanged
        If another key signs it, which the pinned one has not named.
    """
    data = shelf.read(INDEX_FILE, limit=MAX_INDEX)
    key, index = parsed(data, shelf.location)
    digest = sha256(data)
    check_pin(pin.key if pin else None, key, index.rotations, registry=shelf.location, whose="The registry")
    if pin is not None and index.version < pin.version:
        detail = f"its index was rolled back: it has version {index.version}, and {pin.version} was seen before."
        raise RegistryError(registry=shelf.location, detail=detail)
    if pin is not None and index.version == pin.version and digest != pin.digest:
        detail = f"it shows two different indexes of version {index.version}."
        raise RegistryError(registry=shelf.location, detail=detail)
    if index.expires <= now:
        detail = f"its index ended at {index.expires:%Y-%m-%d}, so it may be an old copy. Its keeper signs it anew."
        raise RegistryError(registry=shelf.location, detail=detail)
    known = {} if pin is None else pin.publishers
    return index, Pin(key=key, version=index.version, digest=digest, publishers=known)


def found(index: Index, name: str, pin: Pin, *, registry: str) -> tuple[Listing, Pin]:
    """A package in an index, and what is to be remembered of its publisher.

    Raises
    ------
    PackageNotFound
        If it is not there.
    KeyChanged
        If the publisher has another key now, which the pinned one has not named.
    """
    listing = index.packages.get(name)
    if listing is None:
        alike = lookalikes(name, index.packages)
        meant = f" Perhaps you mean {', '.join(alike)}." if alike else ""
        raise PackageNotFound(registry=registry, detail=f"it has no package {name!r}.{meant}")
    scope = name.partition("/")[0]
    pinned = pin.publishers.get(scope)
    check_pin(pinned, listing.publisher, listing.rotations, registry=registry, whose=f"The publisher {scope}")
    return listing, pin.model_copy(update={"publishers": {**pin.publishers, scope: listing.publisher}})


def release_of(listing: Listing, version: str | None, *, registry: str) -> Release:
    """A release by its version, or the newest that is not yanked.

    Raises
    ------
    PackageNotFound
        If there is none.
    """
    release = listing.newest() if version is None else listing.release(version)
    if release is None:
        what = f"no version {version} of {listing.name}" if version else f"no version of {listing.name} to install"
        raise PackageNotFound(registry=registry, detail=f"it has {what}.")
    return release


@contextmanager
def fetched(
    shelf: Shelf, listing: Listing, release: Release, *, licence: Licence | None = None, identities: Iterable[str] = ()
) -> Iterator[Package]:
    """The package of a release, found to be what the index and its publisher say.

    Parameters
    ----------
    licence, identities
        For one that is paid.

    Raises
    ------
    RegistryError
        If it cannot be had, or is not the one that the index names.
    LicenceError
        If it is a paid one and the licence is not for these identities.
    InvalidPackage
        If it is not sound.
    """
    secrets = list(identities)
    if release.paid:
        path, limit = _bought(listing, release, licence, secrets), MOST_BYTES
    else:
        path, limit = release.path, release.size
    with tempfile.TemporaryDirectory(prefix="memstore-") as folder:
        file = Path(folder) / "package.memcube"
        digest = shelf.fetch(path, file, limit=limit)
        if not release.paid and digest != release.sha256:
            raise RegistryError(registry=shelf.location, detail=f"{path} is not the file that its index names.")
        with opened_package(file, identities=secrets) as package:
            _check(package, listing, release, licence, shelf.location)
            yield package


def _bought(listing: Listing, release: Release, licence: Licence | None, identities: list[str]) -> str:
    """Where the file of a buyer is."""
    if licence is None:
        raise LicenceError(package=listing.name, detail="it is a paid package, and no licence was given.")
    if licence.id in listing.revoked:
        raise LicenceError(package=listing.name, detail="it was revoked by the publisher.")
    if licence.licensee not in {encryption.public_of(secret) for secret in identities}:
        detail = f"it is for the holder of {licence.licensee}, and the secret key to that was not given."
        raise LicenceError(package=listing.name, detail=detail)
    return f"{release.path}/{licence.id}.memcube"


def _check(package: Package, listing: Listing, release: Release, licence: Licence | None, registry: str) -> None:
    manifest = package.manifest
    if (manifest.name, manifest.version) != (listing.name, release.version):
        detail = f"{release.path} holds {manifest.name} {manifest.version}, not {listing.name} {release.version}."
        raise RegistryError(registry=registry, detail=detail)
    if manifest.publisher is None or listing.publisher not in follow(manifest.publisher, listing.rotations):
        detail = f"{listing.name} {release.version} is signed by {manifest.publisher}, not by {listing.publisher}."
        raise KeyChanged(registry=registry, detail=detail)
    if release.paid and (licence is None or manifest.rights.get("licence") != licence.id):
        raise LicenceError(package=listing.name, detail="the file was made for another licence.")


def faults(shelf: Shelf, listing: Listing) -> Iterator[str]:
    """What is wrong with the releases of a package; of paid ones nothing can be said without a licence."""
    for release in listing.releases:
        if release.paid:
            continue
        try:
            with fetched(shelf, listing, release):
                pass
        except (RegistryError, InvalidInput) as error:
            yield f"{listing.name} {release.version}: {error}"
