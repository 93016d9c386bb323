"""Memory pipelines: steps over a selection, planned first and then done in one commit. Pure.

The published system describes such pipelines (MemOS, arXiv 2507.03724, section 5.3.3) and leaves them out of its code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Optional, Union

from memos_core.cube.canonical import sha256
from memos_core.cube.memcube import Content, MemCube
from memos_core.cube.message import names
from memos_core.cube.namespace import NamespaceLike
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.payload import Plaintext
from memos_core.errors import InvalidInput
from memos_core.operation.summary import summary_of


class Piece(NamedTuple):
    """A memory on its way through a pipeline.

    Attributes
    ----------
    cube
        As it is in the vault; ``None`` if it was made on the way.
    content
        What it is to be; ``None`` if it is to be erased.
    premises
        What a piece that was made on the way rests on.
    """

    cube: Optional[MemCube]
    content: Optional[Content]
    premises: tuple[MemCube, ...] = ()


@dataclass(frozen=True)
class Tools:
    """What steps may use.

    Attributes
    ----------
    translate
        Puts a text into a language.
    summarise
        Gives a text of at most so many words, and the model that wrote it.
    """

    translate: Callable[[str, str], str]
    summarise: Callable[[list[MemCube], int], tuple[str, Optional[str]]]


#: What a pipeline is made of. What a step leaves out stays as it is then, and later steps do not see it.
Step = Callable[[Sequence[Piece], Tools], Iterable[Piece]]


def run(steps: Iterable[Step], cubes: Iterable[MemCube], tools: Tools) -> list[Piece]:
    """Send memories through steps; return those that came out different, and those that were made."""
    flow = [Piece(cube, cube.content()) for cube in cubes]
    last: dict[tuple[str, ...], Piece] = {}
    for step in steps:
        flow = list(step(flow, tools))
        last.update({_key(piece): piece for piece in flow})
    return [piece for piece in last.values() if piece.cube is None or piece.content != piece.cube.content()]


def _key(piece: Piece) -> tuple[str, ...]:
    return ("made of", *(cube.id for cube in piece.premises)) if piece.cube is None else (piece.cube.id,)


def redact(what: Union[str, Callable[[str], str]], *, by: str = "[redacted]") -> Step:
    """Take something out of texts. The earlier versions stay in the history; :func:`purge` destroys that too.

    Parameters
    ----------
    what
        A regular expression, or a function from text to text.
    by
        Stands in the place of what the expression finds.

    Raises
    ------
    InvalidInput
        If the expression is none.
    """
    return _each_text(_replacing(what, by) if isinstance(what, str) else what)


def retag(*, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Step:
    """Add and remove tags.

    Raises
    ------
    InvalidInput
        If one of them is no text.
    """
    added, removed = names(add, "add"), frozenset(names(remove, "remove"))

    def tagged(content: Content) -> Content:
        tags = dict.fromkeys(tag for tag in (*content.tags, *added) if tag not in removed)
        return content.model_copy(update={"tags": tuple(tags)})

    return _each(tagged)


def translate(language: str) -> Step:
    """Put texts into another language, such as ``"French"``. It needs a chat model."""
    (named,) = names([language], "language")

    def step(pieces: Sequence[Piece], tools: Tools) -> Iterable[Piece]:
        return _each_text(lambda text: tools.translate(text, named))(pieces, tools)

    return step


def summarise(*, words: int = 120) -> Step:
    """Make one memory that sums up all texts; later steps see only this one. Without a chat model it quotes sentences.

    Raises
    ------
    InvalidInput
        If no word is allowed.
    """
    if words < 1:
        raise InvalidInput(detail=f"A summary is at least one word long; words is {words}.")

    def step(pieces: Sequence[Piece], tools: Tools) -> Iterable[Piece]:
        known = [(piece.cube, piece.content) for piece in pieces if piece.cube and piece.content and piece.content.text]
        cubes = [cube.model_copy(update=dict(content)) for cube, content in known]
        if not cubes:
            return []
        text, model = tools.summarise(cubes, words)
        source = sha256(" ".join(sorted(cube.id for cube in cubes)).encode())[:32]
        made = summary_of(cubes, text, model=model, source_id=f"summary:{source}")
        return [Piece(None, made, tuple(cubes))]

    return step


def transfer(namespace: NamespaceLike) -> Step:
    """Move memories into another namespace. What they said before stays with those who may read the old one.

    Raises
    ------
    InvalidNamespace
        If that is none.
    """
    target = parse_namespace(namespace)
    return _each(lambda content: content.model_copy(update={"namespace": target}))


def purge() -> Step:
    """Erase memories for ever, with all history and what rests on them alone."""
    return lambda pieces, _: [piece._replace(content=None) for piece in pieces]


def _each(change: Callable[[Content], Content]) -> Step:
    return lambda pieces, _: [
        piece._replace(content=None if piece.content is None else change(piece.content)) for piece in pieces
    ]


def _each_text(change: Callable[[str], str]) -> Step:
    def changed(content: Content) -> Content:
        if not isinstance(content.payload, Plaintext) or not content.text:
            return content
        payload = content.payload.model_copy(update={"text": change(content.text)})
        return content.model_copy(update={"payload": payload})

    return _each(changed)


def _replacing(expression: str, by: str) -> Callable[[str], str]:
    try:
        found = re.compile(expression)
    except re.error as error:
        raise InvalidInput(detail=f"{expression!r} is no regular expression: {error}.") from error
    return lambda text: found.sub(lambda _: by, text)
