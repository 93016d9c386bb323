"""The systems under test, each in a module of its own behind one small port.

A module has ``open_peer(place)``, which makes an empty memory for one conversation. It imports what it wraps at that
moment and no sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

from memos_bench.vectors import SharedVectors
from memos_core import Message
from memos_core.errors import InvalidInput, ModelMissing

EXTRA = "pip install 'memcubes[bench]'"

Search = Callable[[str, int], list[str]]  # question and limit to message ids, best first


@dataclass(frozen=True)
class Place:
    """Where a peer may keep its files, and the vectors that it is to use."""

    folder: Path
    vectors: SharedVectors


class Peer(Protocol):
    """A memory of one conversation."""

    def add(self, messages: Sequence[Message], *, session: str) -> None:
        """Remember the messages of a session, in the order in which they were said."""
        ...

    def searches(self) -> Mapping[str, Search]:
        """The ways in which it can be asked, by the name of the row that each becomes."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


@dataclass(frozen=True)
class System:
    """What there is to know of a system before it is imported.

    Attributes
    ----------
    package
        The distribution whose version is reported.
    modules
        What must be importable.
    install
        The command that makes it so.
    environment
        Variables to set before it is imported, so that it stays offline and out of the user's home;
        ``{folder}`` stands for a temporary folder.
    """

    name: str
    module: str
    package: str
    modules: tuple[str, ...] = ()
    install: str = EXTRA
    environment: Mapping[str, str] = field(default_factory=dict)

    def missing(self) -> ModelMissing | None:
        """Why it cannot be run, if it cannot."""
        for module in self.modules:
            if not _importable(module):
                return ModelMissing(what=f"{module}, which the peer {self.name} needs,", install=self.install)
        return None

    def version(self) -> str:
        """The version that is installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return "unknown"

    def open(self, place: Place) -> Peer:
        """Make an empty memory."""
        return cast("Peer", import_module(f"memos_bench.peers.{self.module}").open_peer(place))


OFFLINE = {"HF_HUB_OFFLINE": "1"}

MEMOS = System("memos", "memos", "memcubes")
ABLATION = System("memos without a signal", "ablation", "memcubes")
FLOORS = System("floors", "floors", "memcubes")
PEERS = (
    System(
        "mem0",
        "mem0",
        "mem0ai",
        ("mem0", "fastembed", "spacy"),
        environment={**OFFLINE, "MEM0_TELEMETRY": "False", "MEM0_DIR": "{folder}/mem0"},
    ),
    System("langgraph", "langgraph", "langgraph", ("langgraph.store.memory", "langgraph.store.sqlite")),
    System("langgraph", "langgraph_json", "langgraph", ("langgraph.store.memory", "langgraph.store.sqlite")),
    System(
        "llamaindex",
        "llamaindex",
        "llama-index-core",
        ("llama_index.core", "llama_index.retrievers.bm25"),
        environment=OFFLINE,
    ),
    System("chroma", "chroma", "chromadb", ("chromadb",), environment={"ANONYMIZED_TELEMETRY": "False"}),
    System(
        "mcp-memory-service",
        "mcp_memory_service",
        "mcp-memory-service",
        ("mcp_memory_service",),
        install="pip install mcp-memory-service, in an environment of its own (docs/BENCH.md)",
        environment={**OFFLINE, "MCP_MEMORY_BASE_DIR": "{folder}/mcp"},
    ),
)
NAMES = tuple(dict.fromkeys(peer.name for peer in PEERS))


def chosen(names: Sequence[str]) -> tuple[list[System], list[ModelMissing]]:
    """The peers that are named, and of "all" those that are installed; with them why others are not run.

    Raises
    ------
    InvalidInput
        If there is no such peer.
    ModelMissing
        If a peer that is named is not installed.
    """
    unknown = [name for name in names if name not in {*NAMES, "all"}]
    if unknown:
        raise InvalidInput(detail=f"There is no peer {unknown[0]!r}; there are {', '.join(NAMES)} and all.")
    wanted = [peer for peer in PEERS if peer.name in names or "all" in names]
    missing = {peer.name: why for peer in wanted if (why := peer.missing())}
    for name, why in missing.items():
        if name in names:
            raise why
    return [peer for peer in wanted if peer.name not in missing], list(missing.values())


def _importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of a package above it
        return False
