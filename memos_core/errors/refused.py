"""What is not there, or not allowed."""

from __future__ import annotations

from memos_core.errors.root import MemOSError


class CubeNotFound(MemOSError, LookupError):
    """No such cube, or none that the caller may see: the two are not told apart."""

    cube_id: str
    template = "There is no cube {cube_id!r}. List what there is with memos.list(namespace=...)."


class VersionNotFound(MemOSError, LookupError):
    """A cube has no such version with content."""

    cube_id: str
    version: str
    template = "Cube {cube_id!r} has no version {version!r}. memos.history({cube_id!r}) lists its versions."


class BlobMissing(MemOSError, LookupError):
    """The content of a cube refers to no blob, or to one that is not here."""

    cube_id: str
    template = "Cube {cube_id!r} has no blob here: {detail}"


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


class ChangedMeanwhile(MemOSError, RuntimeError):
    """A memory that was changed while what was to be done with it was worked out. Nothing was done."""

    cube_id: str
    template = "Cube {cube_id!r} was changed meanwhile, so nothing was done. Run it again on what is there now."


class InvalidTransition(MemOSError, ValueError):
    """A step in the life of a cube that the table of the life cycle does not hold; ``docs/LIFECYCLE.md`` shows it."""

    cube_id: str
    state: str
    change: str
    way_out: str
    template = "Cube {cube_id!r} is {state} and cannot be {change}. {way_out}"
