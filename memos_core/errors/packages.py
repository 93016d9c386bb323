"""What goes wrong with packages, registries and extras."""

from __future__ import annotations

from memos_core.errors.given import InvalidInput
from memos_core.errors.root import MemOSError


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


class NotInstalled(MemOSError, LookupError):
    """A package that is not installed."""

    package: str
    namespace: str
    template = "{package} is not installed for {namespace}. `memos store list` shows what is."


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
