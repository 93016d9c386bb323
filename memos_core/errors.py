"""Every error MemOS raises. All derive from :class:`MemOSError`.

An error carries its facts as attributes, inherits the builtin that a caller would expect, and its
message says what to do. Raise with keywords: ``CubeNotFound(cube_id="...")``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar


class MemOSError(Exception):
    """Root of all errors of MemOS."""

    template: ClassVar[str] = "{detail}"

    def __init__(self, **facts: object) -> None:
        super().__init__(self.template.format(**facts))
        self.facts = facts
        for name, value in facts.items():
            setattr(self, name, value)

    def __reduce__(self) -> tuple[Callable[..., MemOSError], tuple[type[MemOSError], dict[str, object]]]:
        # Facts are keyword-only, which the default reduction of exceptions cannot restore.
        return _restore, (type(self), self.facts)


def _restore(kind: type[MemOSError], facts: dict[str, object]) -> MemOSError:
    return kind(**facts)


class MemOSWarning(UserWarning):
    """Something works less well than it could, and this says why and how to mend it."""


class ModelWarning(MemOSWarning):
    """The chat model failed; the result that rules alone give was kept."""


# -- what a caller handed in ---------------------------------------------------------------------


class InvalidInput(MemOSError, ValueError):
    """An argument that cannot be accepted; nothing was changed."""


class InvalidText(InvalidInput):
    """Text that is empty, has NUL characters or is not valid Unicode."""

    detail: str


class TooLarge(InvalidInput):
    """Something over its size limit. ``size`` and ``limit`` are in ``unit``."""

    what: str
    size: int
    limit: int
    unit: str
    template = "{what} has {size:,} {unit}; the limit is {limit:,}. Shorten it, or split it into parts."


class InvalidNamespace(InvalidInput):
    """A namespace that is missing or malformed."""

    detail: str


class NaiveDatetime(InvalidInput):
    """A datetime without a time zone."""

    field: str
    template = "{field} has no time zone. Pass an aware datetime, e.g. datetime.now(timezone.utc)."


class InvalidVector(InvalidInput):
    """An embedding that is not a finite, non-zero vector of the right dimension."""

    detail: str


class InvalidFilter(InvalidInput):
    """A filter that is not understood."""

    detail: str


class InvalidOperation(InvalidInput):
    """An operation whose bytes do not verify, or which no vault could have written."""

    detail: str


class InvalidRule(InvalidInput):
    """A rule of truth maintenance that is not understood."""

    detail: str


class InvalidGrant(InvalidInput):
    """A grant that is not understood."""

    detail: str


class InvalidPolicy(InvalidInput):
    """A policy on sensitive content that is not understood."""

    detail: str


class SensitiveContent(InvalidInput):
    """Something that a policy says must not be stored. The message tells its kind, and never what it is."""

    kinds: str
    namespace: str
    template = (
        "This holds {kinds}, which the policy of {namespace} refuses. Take it out, or let its owner change that: "
        "memos.set_policy(...)."
    )


class UnknownFormat(InvalidInput):
    """A file that no importer understands."""

    path: str
    template = "{path} is in no format known here. {detail}"


# -- what is not there, or not allowed ------------------------------------------------------------


class CubeNotFound(MemOSError, LookupError):
    """No such cube, or none that the caller may see: the two are not told apart."""

    cube_id: str
    template = "There is no cube {cube_id!r}. List what there is with memos.list(namespace=...)."


class VersionNotFound(MemOSError, LookupError):
    """A cube has no such version with content."""

    cube_id: str
    version: str
    template = "Cube {cube_id!r} has no version {version!r}. memos.history({cube_id!r}) lists its versions."


class SnapshotNotFound(MemOSError, LookupError):
    """A namespace has no snapshot of this name."""

    name: str
    template = "There is no snapshot {name!r} here. memos.snapshots(namespace=...) lists those there are."


class NotPermitted(MemOSError, PermissionError):
    """A principal may not do this here."""

    principal: str
    right: str
    namespace: str
    template = "{principal} may not {right} in {namespace}. An owner of it can grant that: memos.grant(...)."


class ReadOnly(NotPermitted):
    """An installed package, which only its publisher changes."""

    template = (
        "{namespace} belongs to an installed package: its publisher writes it, and nobody else. "
        "What is not wanted there can be forgotten or erased."
    )


class InvalidTransition(MemOSError, ValueError):
    """A step in the life of a cube that the table of the life cycle does not hold; ``docs/LIFECYCLE.md`` shows it."""

    cube_id: str
    state: str
    change: str
    way_out: str
    template = "Cube {cube_id!r} is {state} and cannot be {change}. {way_out}"


# -- the vault ------------------------------------------------------------------------------------


class VaultError(MemOSError):
    """The vault cannot do what was asked."""


class NotAVault(VaultError, ValueError):
    """A file that is not a MemOS vault. It was left untouched."""

    path: str
    template = "{path} is not a MemOS vault ({detail}). It was left untouched; pass another path to create a new vault."


class WrongKey(VaultError):
    """A key that is not the vault's, or a file that is no vault."""

    path: str
    template = "{path} is encrypted with another key, or is no vault. It was left untouched."


class VaultTooNew(VaultError):
    """A vault written by a newer release. It was left untouched."""

    path: str
    found: int
    known: int
    template = (
        "{path} has schema version {found}, and this release knows up to {known}. It was left untouched. "
        "Upgrade with: pip install --upgrade memcubes"
    )


class VaultClosed(VaultError):
    """Use after close."""

    template = "This vault is closed. Open it again with MemOS.open(path)."


class ForkedVault(VaultError, RuntimeError):
    """A vault opened before a fork and used after it in the child."""

    template = (
        "This vault was opened by process {opened_by} and is used in its child {used_by}, which would corrupt it. "
        "Open the vault again in the child."
    )


class VaultFull(VaultError, OSError):
    """No space left for the write; nothing of it was stored."""

    path: str
    template = (
        "There is no space left to write {path}; nothing of this call was stored. Free some disk space and try again."
    )


class VaultBusy(VaultError, TimeoutError):
    """Another process held the write lock for too long."""

    path: str
    seconds: float
    template = "{path} was locked by another writer for {seconds:.0f} s; nothing of this call was stored. Try again."


class VaultCorrupt(VaultError):
    """Stored bytes that do not match their digests."""

    path: str
    template = "{path} is damaged: {detail}. Run `memos doctor`, then restore a backup or run `memos rebuild`."


class UnsupportedSQLite(VaultError, RuntimeError):
    """A SQLite library with a known defect, or without what the vault needs."""

    template = "{detail} Install a newer one with: pip install --upgrade apsw"


# -- packages -------------------------------------------------------------------------------------


class InvalidPackage(InvalidInput):
    """A package that was altered, is incomplete, or is none; nothing of it was taken."""

    path: str
    detail: str
    template = "{path} is no sound package: {detail} Nothing of it was taken; get it anew from where it comes."


class PackageTooNew(InvalidPackage):
    """A package in a format that a later release writes."""

    found: str
    known: str
    template = "{path} is in the format {found}, and this release knows {known}. Install a newer release of memcubes."


class RegistryError(MemOSError):
    """A registry of packages that cannot be reached, or is not to be trusted as it is now."""

    registry: str
    detail: str
    template = "The registry {registry} cannot be used: {detail}"


class PackageNotFound(RegistryError, LookupError):
    """A package or release that a registry does not have."""


class KeyChanged(RegistryError):
    """A key that is not the one that was pinned at first use, nor signed by it."""


class LicenceError(MemOSError):
    """A licence that does not allow what was asked."""

    package: str
    detail: str
    template = "The licence of {package} does not allow this: {detail}"


class InvalidKey(InvalidInput):
    """A signing key, or the file of one, that cannot be used."""

    detail: str


class ExtraMissing(MemOSError, ImportError):
    """An optional library that is not installed."""

    what: str
    install: str
    template = "{what} needs a library that is not installed. Install it with: {install}"


# -- models ---------------------------------------------------------------------------------------


class EmbeddingError(MemOSError):
    """The embedder cannot do what was asked."""


class EmbedderMismatch(EmbeddingError, ValueError):
    """The vault's vectors come from another embedder."""

    expected: str
    actual: str
    template = (
        "This vault holds vectors of {expected}, and the embedder given is {actual}. "
        "Open it with the first, or run memos.reembed() to make the vectors anew."
    )


class EmbeddingFailed(EmbeddingError, RuntimeError):
    """The embedder raised or answered nonsense; nothing was stored."""

    model: str
    template = "The embedder {model} failed: {detail}"


class ModelMissing(EmbeddingError, ImportError):
    """A model or library that is not installed."""

    template = "{what} is not installed. Install it with: {install}"


class ModelDamaged(EmbeddingError):
    """A model file whose digest is not the published one."""

    path: str
    template = "{path} has sha256 {actual}, and {expected} was expected. Reinstall the package that carries it."


class ChatModelError(MemOSError):
    """The chat model cannot do what was asked. What rules alone can do goes on without it."""


class ChatModelFailed(ChatModelError, RuntimeError):
    """The chat model could not be reached, answered with an error, or raised one."""

    model: str
    template = "The chat model {model} failed: {detail}"


class BadReply(ChatModelError, ValueError):
    """The chat model answered, and twice not in the form asked for."""

    model: str
    template = "The chat model {model} did not answer in the form asked for: {detail} A larger model may."


class BudgetExceeded(ChatModelError, RuntimeError):
    """The next call of the chat model would go over the limit of the operation; it was not made."""

    unit: str
    limit: int
    spent: int
    needed: int
    template = (
        "The next call of the chat model could take {needed:,} {unit}; {spent:,} of {limit:,} are spent. "
        "Raise the limit, or hand in less at a time."
    )
