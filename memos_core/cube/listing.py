"""What registries list, what is installed from them, and under which licence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import AwareDatetime, Field

from memos_core.cube.frozen import Frozen
from memos_core.cube.namespace import Namespace
from memos_core.cube.package import version_key

RECALL, EXPORT = "recall", "export"  # rights that a licence can give


class Release(Frozen):
    """One version of a package; what is published under a version never changes.

    Attributes
    ----------
    version
        Semantic.
    path
        Of its file in the registry; of a paid one there is a file for each licence, and this names their folder.
    sha256, size
        Of the file; of a paid one, of the manifest that all its files agree on: empty and 0.
    yanked
        Why it is not installed any more unless it is asked for by its version; empty if it is.
    """

    version: str
    path: str
    sha256: str = ""
    size: int = 0
    description: str = ""
    licence: str | None = None
    cubes: int = 0
    paid: bool = False
    yanked: str = ""


class Listing(Frozen):
    """A package as a registry lists it.

    Attributes
    ----------
    publisher
        Public key of who signs its releases.
    rotations
        Envelopes by which each key of the publisher named its successor, the first first.
    revoked
        Ids of licences that do not count any more.
    """

    name: str
    publisher: str
    rotations: tuple[str, ...] = ()
    releases: tuple[Release, ...] = ()
    revoked: tuple[str, ...] = ()

    def newest(self) -> Release | None:
        """The greatest version that is not yanked; ``None`` if there is none."""
        sound = [release for release in self.releases if not release.yanked]
        return max(sound, key=lambda release: version_key(release.version), default=None)

    def release(self, version: str) -> Release | None:
        """The release of a version; ``None`` if there is none."""
        return next((release for release in self.releases if release.version == version), None)


class Index(Frozen):
    """What a registry has, at a version of its own that only grows.

    Attributes
    ----------
    expires
        After that it must be signed anew: an old copy is not passed off as the present one for longer.
    rotations
        Envelopes by which each key of the registry named its successor.
    """

    format: str = "memstore/1"
    version: int = Field(ge=1)
    expires: AwareDatetime
    packages: Mapping[str, Listing] = Field(default_factory=dict)
    rotations: tuple[str, ...] = ()


class Licence(Frozen):
    """What somebody may do with a package, signed by its publisher.

    Attributes
    ----------
    id
        Random.
    package
        Its name.
    since, below
        Versions from the first on, and before the second.
    licensee
        Public key of age of whoever it is for; the package is encrypted to it.
    rights
        ``recall``, and ``export`` if what is installed may leave in packages.
    expires
        After that nothing of it is recalled; ``None`` is never.
    uses
        How many times a memory of it may be recalled; ``None`` is without limit.
    """

    id: str
    package: str
    since: str = "0.0.0"
    below: str | None = None
    licensee: str
    rights: tuple[str, ...] = (RECALL,)
    issued: AwareDatetime
    expires: AwareDatetime | None = None
    uses: int | None = None

    def covers(self, version: str) -> bool:
        """Say whether a version is meant."""
        key = version_key(version)
        return version_key(self.since) <= key and (self.below is None or key < version_key(self.below))

    def has_ended(self, at: datetime) -> bool:
        """Say whether it is over at a moment."""
        return self.expires is not None and at >= self.expires


class Installed(Frozen):
    """A package that is installed.

    Attributes
    ----------
    registry
        Where it came from.
    namespace
        That it lies in, and that nobody else writes to.
    digest
        SHA-256 of its manifest, which stands for the whole package.
    publisher
        Public key.
    licence
        If it is a paid one.
    ended
        Why nothing of it is recalled any more, if the end of the licence is not the reason.
    """

    name: str
    version: str
    registry: str
    namespace: Namespace
    digest: str
    publisher: str
    cubes: int = 0
    licence: Licence | None = None
    ended: str = ""

    @property
    def may_leave(self) -> bool:
        """Whether what is installed may go into packages of one's own."""
        return self.licence is None or EXPORT in self.licence.rights

    def why_not(self, at: datetime) -> str | None:
        """Why nothing of it is recalled at a moment; ``None`` if it is."""
        if self.ended:
            return self.ended
        if self.licence is not None and self.licence.has_ended(at):
            return f"its licence ended at {self.licence.expires:%Y-%m-%d %H:%M} UTC"
        return None


class Update(Frozen):
    """A package that is installed, and a newer release of it."""

    installed: Installed
    newest: Release


class Report(Frozen):
    """How often memories under a licence were recalled, as the licensee says and signs.

    Attributes
    ----------
    uses
        When, and how many memories each time, in order.
    head
        Digest of the chain of all uses: a later report must go on from it.
    """

    licence: str
    package: str
    uses: tuple[tuple[AwareDatetime, int], ...] = ()
    head: str


class Revision(Frozen):
    """What installing a release changes, or would change.

    Attributes
    ----------
    installed
        What is installed after it.
    previous
        The version before it; ``None`` if there was none.
    new, withdrawn
        Texts of memories that come and go.
    changed
        Texts of memories before and after.
    unembedded
        How many texts still have no vector; ``memos.reembed()`` makes them.
    """

    installed: Installed
    previous: str | None = None
    new: tuple[str, ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    withdrawn: tuple[str, ...] = ()
    unembedded: int = 0


class Locked(Frozen):
    """A package in a lock file: exactly this one is to be installed.

    Attributes
    ----------
    digest
        As :class:`Installed` has it.
    """

    version: str
    registry: str
    publisher: str
    digest: str


class Lock(Frozen):
    """What is installed, for another machine to install the same."""

    format: str = "memstore-lock/1"
    packages: Mapping[str, Locked] = Field(default_factory=dict)
