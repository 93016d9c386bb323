"""What every command takes, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from memos_core.cli.moments import moment
from memos_core.cli.place import default_vault, fetched_key, prepare
from memos_core.cube.memcube import Kind, Trust
from memos_core.cube.namespace import covers
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.selection import Filters
from memos_core.errors import CubeNotFound, InvalidInput, InvalidText, VaultError

if TYPE_CHECKING:
    from memos_core.cube.memcube import MemCube
    from memos_core.system import MemOS

WHERE = "Where and how"
WHICH = "Which memories"
DEFAULT_NAMESPACE = "default"
TIERS = [tier.name.lower() for tier in Trust]


def examples(*lines: str) -> str:
    """Lines for the end of a help text."""
    return "\n\n".join(["Examples:", *(f"  $ {line}" for line in lines)])


def _moment(text: str) -> datetime:
    try:
        return moment(text)
    except InvalidInput as error:
        raise typer.BadParameter(str(error)) from error


def _tier(text: str) -> str:
    if text.lower() not in TIERS:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(TIERS)}.")
    return text.lower()


CubeId = Annotated[str, typer.Argument(metavar="ID", help="As `memos list` and `memos search` show it.")]
CubeIds = Annotated[list[str], typer.Argument(metavar="ID", help="As `memos list` and `memos search` show them.")]
Words = Annotated[list[str], typer.Argument(metavar="QUERY", help="A question, or a few words.", show_default=False)]
Vault = Annotated[
    Optional[Path],
    typer.Option("--vault", metavar="PATH", help="The vault file (or MEMOS_VAULT).", rich_help_panel=WHERE),
]
Namespace = Annotated[
    Optional[str],
    typer.Option(
        "--namespace", "-n", metavar="NAME", help="Whose memory, e.g. acme/alice (or MEMOS_NAMESPACE).",
        rich_help_panel=WHERE,
    ),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.", rich_help_panel=WHERE)]

AsOf = Annotated[
    Optional[datetime],
    typer.Option(
        "--as-of", parser=_moment, metavar="DATE", help="Only what was true then. A date alone means its end, in UTC.",
        rich_help_panel=WHICH,
    ),
]  # fmt: skip
KnownAt = Annotated[
    Optional[datetime],
    typer.Option(
        "--known-at", parser=_moment, metavar="DATE", help="What the memory held then, as for --as-of.",
        rich_help_panel=WHICH,
    ),
]  # fmt: skip
Kinds = Annotated[
    Optional[list[Kind]],
    typer.Option("--kind", "-k", help="Only of this kind; can be repeated.", rich_help_panel=WHICH),
]
MinTrust = Annotated[
    Optional[str],
    typer.Option(
        parser=_tier, metavar="TIER", help=f"Only what is trusted so far or more: {', '.join(TIERS)}.",
        rich_help_panel=WHICH,
    ),
]  # fmt: skip
Conversation = Annotated[
    Optional[str], typer.Option("--session", metavar="NAME", help="Only of this conversation.", rich_help_panel=WHICH)
]


def filters(
    as_of: datetime | None, known_at: datetime | None, kinds: list[Kind] | None, trust: str | None, session: str | None
) -> Filters:
    """What was asked for, as ``MemOS.search`` takes it."""
    asked = Filters(as_of=as_of, known_at=known_at, kinds=kinds or None, min_trust=trust)
    if session is not None:
        asked["session"] = session
    return asked


def joined(words: list[str], what: str, *, advice: str) -> str:
    """Words of a command line as one text.

    Raises
    ------
    InvalidText
        If they are blank, or bytes that are not text.
    """
    text = " ".join(words)
    if not text.strip():
        raise InvalidText(detail=f"{what} is blank. {advice}")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidText(detail=f"{what} is not in the encoding of this terminal, which is to be UTF-8.")
    return text


@dataclass(frozen=True)
class Call:
    """One run of the command: which vault, whose memory, and how to answer.

    Attributes
    ----------
    owner
        The namespace that was named; ``None`` if none was.
    key_from
        Where the key of the vault is kept; ``None`` if it has none.
    """

    vault: Path | None = None
    owner: str | None = None
    as_json: bool = False
    key_from: str | None = None

    @classmethod
    def of(
        cls, context: typer.Context, *, vault: Path | None = None, namespace: str | None = None, as_json: bool = False
    ) -> Call:
        """What was said after the command, and failing that before it.

        Raises
        ------
        InvalidNamespace
            If the name is none.
        """
        before = context.find_root().obj or cls()
        # An empty name is a mistake, such as an unset variable: it must not lead to somebody else's memory.
        owner = before.owner if namespace is None else namespace
        if owner is not None:
            parse_namespace(owner)
        return cls(vault or before.vault, owner, as_json or before.as_json, before.key_from)

    @property
    def path(self) -> Path:
        """Where the vault is."""
        return self.vault.expanduser() if self.vault else default_vault()

    def key(self) -> str | None:
        """The key of the vault, fetched from where it is kept; ``None`` if it has none.

        Raises
        ------
        InvalidKey
            If there is none.
        """
        return None if self.key_from is None else fetched_key(self.key_from)

    @property
    def namespace(self) -> str:
        """Whose memory is meant."""
        return DEFAULT_NAMESPACE if self.owner is None else self.owner

    @contextmanager
    def memory(self, *, create: bool = False, llm: object | None = None) -> Iterator[MemOS]:
        """The memory, open.

        Parameters
        ----------
        create
            Make the vault if there is none. Only who writes may: a search in a misspelt path is an error.
        llm
            The chat model that it may ask.

        Raises
        ------
        VaultError
            If there is no vault, or it cannot be used.
        """
        from memos_core.system import MemOS

        if not create and not self.path.exists():
            raise VaultError(detail=f"There is no vault at {self.path}. `memos add` and `memos import` make one.")
        with MemOS.open(prepare(self.path), actor="cli", key=self.key(), llm=llm) as memos:
            yield memos

    def mine(self, memos: MemOS, cube_id: str, *, known_at: datetime | None = None) -> MemCube:
        """A cube by its id, unless a namespace was named and it lies elsewhere.

        Raises
        ------
        CubeNotFound
            If there is none.
        """
        cube = memos.get(cube_id, known_at=known_at)
        if self.owner is not None and not covers(parse_namespace(self.owner), cube.namespace):
            raise CubeNotFound(cube_id=cube_id)
        return cube

    def answer(self, document: object, show: Callable[[], None]) -> None:
        """Answer in the way that was asked for."""
        from memos_core.cli.output import write_json

        if self.as_json:
            write_json(document)
        else:
            show()
