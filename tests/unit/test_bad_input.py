"""Bad input, through the public door: each gives a typed error that says what to do, and the vault stays as it was."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from memos_core import Document, MemOS, MemOSError, Message, State
from memos_core.errors import (
    CubeNotFound,
    EmbedderMismatch,
    EmbeddingFailed,
    InvalidFilter,
    InvalidInput,
    InvalidNamespace,
    InvalidOperation,
    InvalidText,
    InvalidVector,
    NaiveDatetime,
    NotAVault,
    TooLarge,
    VaultError,
    VaultFull,
    VaultTooNew,
    VersionNotFound,
)
from memos_core.testing.embedders import HashingEmbedder

NAIVE = datetime(2023, 5, 8)  # noqa: DTZ001 - what is tested
HUGE = "ten characters and then some\n" * 350_000  # over 10 MB
LONE = "half of a pair: \ud83d"
NUL = "nul \0 character"
OWNER = "alice"


class Case(NamedTuple):
    """A call, the error it must give, and words of its message that say what is wrong or what to do."""

    name: str
    call: Callable[[MemOS, str], object]
    error: type[MemOSError]
    says: str


def contents(memos: MemOS) -> object:
    """All that a user can see of a vault, and whether it is sound."""
    cubes = memos.list(namespace=OWNER, states=list(State))
    return (
        memos.namespaces(namespace=OWNER),
        cubes,
        [memos.history(cube.id) for cube in cubes],
        memos.stats().operations,
        memos.verify(),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A vault file with a message, a new version of it, a document and something archived."""
    path = tmp_path / "memory.db"
    with MemOS.open(path, embedder=HashingEmbedder()) as memos:
        [cube] = memos.add(Message(content="The key is under the pot", id="m1"), namespace=(OWNER, "home")).written
        memos.update(cube.id, "The key is behind the clock")
        memos.add(Document(text="# Garden\n\nThe roses need water.", id="d1"), namespace=OWNER)
        memos.forget(memos.add("an old thought", namespace=OWNER).ids[0])
    return path


@pytest.fixture
def memos(path: Path) -> Iterator[MemOS]:
    with MemOS.open(path, embedder=HashingEmbedder()) as opened:
        yield opened


def add(what: Any, **options: Any) -> Callable[[MemOS, str], object]:
    return lambda memos, _: memos.add(what, **{"namespace": OWNER} | options)


def said(**fields: Any) -> Callable[[MemOS, str], object]:
    return lambda memos, _: memos.add([Message(**{"content": "fine"} | fields)], namespace=OWNER)


def search(query: Any = "key", **options: Any) -> Callable[[MemOS, str], object]:
    return lambda memos, _: memos.search(query, **{"namespace": OWNER} | options)


def update(*given: Any, **changes: Any) -> Callable[[MemOS, str], object]:
    return lambda memos, cube: memos.update(cube, *given, **changes)


TEXTS = [
    Case("empty text", add(""), InvalidText, "nothing to remember"),
    Case("blank text", add(" \n\t"), InvalidText, "nothing to remember"),
    Case("one empty message of two", add([{"content": "fine"}, {"content": ""}]), InvalidText, "Message 1"),
    Case("empty document", add(Document(text="")), InvalidText, "Document has no text"),
    Case("empty update", update(""), InvalidText, "nothing to remember"),
    Case("empty question", search(""), InvalidText, "Ask for something"),
    Case("10 MB text", add(HUGE), TooLarge, "the limit is 1,000,000. Shorten it, or split it"),
    Case("10 MB message", said(content=HUGE), TooLarge, "split it into parts"),
    Case("10 MB document", add(Document(text=HUGE, title="War")), TooLarge, "Document War has 10,"),
    Case("10 MB update", update(HUGE), TooLarge, "split it into parts"),
    Case("10 MB question", search(HUGE), TooLarge, "The question has 10,"),
    Case("10 MB metadata", said(metadata={"a": HUGE}), TooLarge, "split it into parts"),
    Case("10 MB name", said(name=HUGE), TooLarge, "Message.name has 10,"),
    Case("10 MB id", said(id=HUGE), TooLarge, "Shorten it"),
    Case("10 MB title", lambda *_: Document(text="fine", title=HUGE), TooLarge, "Document.title has 10,"),
    Case("10 MB session", add("fine", session=HUGE), TooLarge, "session has 10,"),
    Case("10 MB tag", update(tags=["fine", HUGE]), TooLarge, "tags"),
    Case("10 MB reason", lambda memos, cube: memos.erase(cube, reason=HUGE), TooLarge, "Shorten it"),
    Case("lone surrogate", add(LONE), InvalidText, "lone surrogate at 16. Decode it"),
    Case("lone surrogate in a document", add(Document(text=LONE)), InvalidText, "lone surrogate"),
    Case("lone surrogate in an update", update(LONE), InvalidText, "lone surrogate"),
    Case("lone surrogate in a question", search(LONE), InvalidText, "The question has a lone surrogate"),
    Case("lone surrogate in a name", said(name=LONE), InvalidInput, "without lone surrogates"),
    Case("lone surrogate in an id", said(id=LONE), InvalidInput, "surrogate"),
    Case("lone surrogate in metadata", said(metadata={"a": [LONE]}), InvalidInput, "without lone surrogates"),
    Case("lone surrogate in a session", add("fine", session=LONE), InvalidText, "lone surrogate"),
    Case("lone surrogate in a filter", search(where={"a": LONE}), InvalidFilter, "cannot be compared"),
    Case("lone surrogate in a reason", lambda memos, cube: memos.forget(cube, reason=LONE), InvalidInput, "surrogates"),
    Case("NUL", add(NUL), InvalidText, "NUL character at 4. Remove it"),
    Case("NUL in a document", add(Document(text=NUL)), InvalidText, "NUL character"),
    Case("NUL in an update", update(NUL), InvalidText, "NUL character"),
    Case("NUL in a question", search(NUL), InvalidText, "The question has a NUL character"),
    Case("NUL in a name", said(name=NUL), InvalidText, "remove it"),
    Case("NUL in metadata", said(metadata={"a": {NUL: 1}}), InvalidText, "remove it"),
    Case("NUL in tags", update(tags=[NUL]), InvalidText, "remove it"),
]

TYPES = [
    Case("no text at all", add(None), InvalidInput, "can be added"),
    Case("a number", add(42), InvalidInput, "can be added"),
    Case("bytes", add(b"text"), InvalidInput, "can be added"),
    Case("a message without content", add([{"text": "?"}]), InvalidInput, "content"),
    Case("a misspelt field", add([{"content": "fine", "nmae": "Ana"}]), InvalidInput, "nmae"),
    Case("a question that is none", search(None), InvalidText, "must be a text"),
    Case("an update that is none", update(42), InvalidInput, "valid string"),
    Case("a tag that is none", update(tags=["fine", 7]), InvalidInput, "One of tags must be a text, and is 7"),
    Case("a reason that is none", lambda memos, cube: memos.forget(cube, reason=7), InvalidOperation, "must be a text"),  # type: ignore[arg-type]
    Case("a session that is none", add("fine", session=7), InvalidInput, "session must be a text"),
    Case("NaN in metadata", said(metadata={"a": math.nan}), InvalidInput, "finite numbers"),
    Case("an object in metadata", update(metadata={"a": object()}), InvalidInput, "plain lists and objects"),
    Case("a misspelt filter", search(asof=NAIVE), InvalidFilter, "asof: no such filter. Known are as_of"),
    Case("a filter of another shape", search(where=["a"]), InvalidFilter, "must be a mapping"),
    Case("an unknown kind", search(kinds=["dream"]), InvalidFilter, "known are episode"),
    Case("a kind that is none", search(kinds=7), InvalidFilter, "known are episode"),
    Case("an infinite comparison", search(where={"a": {"$lt": math.inf}}), InvalidFilter, "finite number"),
    Case("no hits wanted", search(limit=0), InvalidInput, "between 1 and 1,000"),
]

TIMES = [
    Case("naive time of a message", lambda *_: Message(content="x", at=NAIVE), NaiveDatetime, "Message.at has no time"),
    Case("naive time in a mapping", add([{"content": "x", "at": "2023-05-08T10:00"}]), NaiveDatetime, "Pass an aware"),
    Case("naive time of a document", lambda *_: Document(text="x", at=NAIVE), NaiveDatetime, "Document.at has no time"),
    Case("naive as_of", search(as_of=NAIVE), NaiveDatetime, "as_of has no time zone. Pass an aware"),
    Case("naive known_at", search(known_at=NAIVE), NaiveDatetime, "known_at has no time zone. Pass an aware"),
    Case("naive get", lambda memos, cube: memos.get(cube, known_at=NAIVE), NaiveDatetime, "Pass an aware"),
    Case("a text for a time", search(as_of="2023"), InvalidInput, "as_of must be an aware datetime, and is '2023'"),
    Case("a date for a time", search(known_at=date(2023, 5, 8)), InvalidInput, "must be an aware datetime"),
    Case("no time at all", add([{"content": "x", "at": "last week"}]), InvalidInput, "valid datetime"),
]

NAMESPACES = [
    Case(f"{name} in {method}", call, InvalidNamespace, says)
    for name, namespace, says in (
        ("no namespace", None, "whose memory is meant"),
        ("empty namespace", "", "non-empty"),
        ("namespace without labels", (), "non-empty"),
        ("namespace of a slash", "/", "non-empty"),
        ("blank label", "team/ /ana", "non-empty"),
        ("slash in a label", ("a/b",), "not allowed"),
        ("NUL in a label", "a\0b", "not allowed"),
        ("lone surrogate in a label", "a\ud800", "not allowed"),
        ("long label", "x" * 257, "at most 256 characters"),
        ("deep namespace", "x/" * 16 + "x", "at most 16 labels"),
        ("number for a namespace", 7, "not a namespace"),
    )
    for method, call in (
        ("add", add("fine", namespace=namespace)),
        ("search", search(namespace=namespace)),
        ("context", lambda memos, _, namespace=namespace: memos.context("key", namespace=namespace)),
        ("list", lambda memos, _, namespace=namespace: memos.list(namespace=namespace)),
        ("namespaces", lambda memos, _, namespace=namespace: memos.namespaces(namespace=namespace)),
        ("conflicts", lambda memos, _, namespace=namespace: memos.conflicts(namespace=namespace)),
    )
]

IDS = [
    Case(f"unknown id in {name}", call, CubeNotFound, "There is no cube 'nowhere'. List what there is")
    for name, call in (
        ("get", lambda memos, _: memos.get("nowhere")),
        ("update", lambda memos, _: memos.update("nowhere", "text")),
        ("forget", lambda memos, _: memos.forget("nowhere")),
        ("erase", lambda memos, _: memos.erase("nowhere")),
        ("erase of two", lambda memos, cube: memos.erase([cube, "nowhere"])),
        ("history", lambda memos, _: memos.history("nowhere")),
        ("diff", lambda memos, _: memos.diff("nowhere", "f" * 64)),
        ("rollback", lambda memos, _: memos.rollback("nowhere", "f" * 64)),
        ("resolve", lambda memos, _: memos.resolve("nowhere")),
    )
] + [
    Case("unknown version", lambda memos, cube: memos.rollback(cube, "f" * 64), VersionNotFound, "memos.history("),
    Case("lone surrogate for an id", lambda memos, _: memos.get(LONE), CubeNotFound, "List what there is"),
    Case("lone surrogate for a version", lambda memos, cube: memos.diff(cube, LONE), VersionNotFound, "memos.history("),
]

BACKUPS = [
    Case("backup over the vault", lambda memos, _: memos.backup(str(memos._whole.path)), InvalidInput, "a new path"),  # type: ignore[attr-defined]
    Case("backup into no folder", lambda memos, _: memos.backup("no/such/folder"), VaultError, "cannot be written"),
    Case("backup to no path", lambda memos, _: memos.backup("a\0b"), InvalidInput, "is no path"),
]


@pytest.mark.parametrize("case", [*TEXTS, *TYPES, *TIMES, *NAMESPACES, *IDS, *BACKUPS], ids=lambda case: case.name)
def test_what_cannot_be_done_says_why_and_changes_nothing(memos: MemOS, case: Case) -> None:
    [cube] = memos.list(namespace=(OWNER, "home"))
    before = contents(memos)
    with pytest.raises(case.error) as caught:
        case.call(memos, cube.id)
    assert type(caught.value) is case.error
    assert case.says in str(caught.value)
    assert contents(memos) == before


@pytest.mark.parametrize("method", ["add", "search", "context"])
def test_a_namespace_cannot_be_left_away(memos: MemOS, method: str) -> None:
    with pytest.raises(TypeError, match="'namespace'"):
        getattr(memos, method)("text")


def test_a_name_alone_is_not_taken_for_its_letters(memos: MemOS) -> None:
    [key] = memos.search("key", namespace=OWNER, source_ids="m1")
    assert memos.update(key.cube.id, tags="urgent").tags == ("urgent",)
    assert memos.context("key", namespace=OWNER, source_ids=["m1"], shown="m1").hits == ()


# -- what an embedder gives ------------------------------------------------------------------------


class Crooked(HashingEmbedder):
    """An embedder of our own protocol that spoils its vectors."""

    def __init__(self, spoil: Callable[[Any], Any], *, dim: int = 64) -> None:
        super().__init__(dim)
        self.spoil = spoil

    def embed(self, texts: Sequence[str]) -> Any:
        return self.spoil(super().embed(texts))

    def embed_query(self, text: str) -> Any:
        return super().embed_query(text)


def function_that_gives(vector: Sequence[float]) -> Callable[[Sequence[str]], list[Sequence[float]]]:
    def hashing_for_tests(texts: Sequence[str]) -> list[Sequence[float]]:
        # Its size is right when it is asked for it, and wrong or not finite from then on.
        return [[1.0, 0.0] if text == "dimension" else vector for text in texts]

    return hashing_for_tests


@pytest.mark.parametrize(
    ("embedder", "error", "says"),
    [
        (function_that_gives([math.nan, 1.0]), EmbeddingFailed, "zero or not finite"),
        (function_that_gives([math.inf, 1.0]), EmbeddingFailed, "zero or not finite"),
        (function_that_gives([0.0, 0.0]), EmbeddingFailed, "zero or not finite"),
        (function_that_gives([1.0, 0.0, 0.0]), EmbeddingFailed, "shape (2, 3), not (2, 2)"),
        (function_that_gives([]), EmbeddingFailed, "shape (2, 0)"),
        (lambda texts: [[1.0, 0.0]], EmbeddingFailed, "shape (1, 2), not (2, 2)"),
        (lambda texts: ["words"] * len(texts), EmbeddingFailed, "ValueError"),
        (Crooked(lambda rows: rows * math.nan), InvalidVector, "NaN or infinity; the embedder"),
        (Crooked(lambda rows: rows / 0.0), InvalidVector, "NaN or infinity; the embedder"),
        (Crooked(lambda rows: rows * 0), InvalidVector, "the embedder that made it is at fault"),
        (Crooked(lambda rows: rows * 2), InvalidVector, "divide it by its length"),
        (Crooked(lambda rows: rows[:, :-1]), InvalidVector, "shape (63,), and (64,) is needed"),
        (Crooked(lambda rows: rows.astype(np.float64)), InvalidVector, "float32"),
        (Crooked(lambda rows: rows[:-1]), EmbeddingFailed, "one for each"),
        (object(), InvalidInput, "no embedder"),
    ],
)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")
def test_vectors_that_are_none_are_never_stored(
    tmp_path: Path, embedder: object, error: type[MemOSError], says: str
) -> None:
    path = tmp_path / "memory.db"
    with MemOS.open(path, embedder=embedder) as memos:
        with pytest.raises(error) as caught:
            memos.add([{"content": "one"}, {"content": "another"}], namespace=OWNER)
        assert says in str(caught.value)
        assert contents(memos) == ([], [], [], 0, [])


@pytest.mark.parametrize(("vector", "error"), [([1.0, 2.0, 3.0], InvalidVector), ([math.nan, 1.0], EmbeddingFailed)])
def test_question_whose_vector_is_none_finds_an_error(
    tmp_path: Path, vector: list[float], error: type[MemOSError]
) -> None:
    class Embeddings:
        model = "two-numbers"

        def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
            return [[1.0, 2.0] for _ in texts]

        def embed_query(self, text: str) -> list[float]:
            return vector

    with MemOS.open(tmp_path / "memory.db", embedder=Embeddings()) as memos:
        memos.add("the key", namespace=OWNER)
        before = contents(memos)
        with pytest.raises(error):
            memos.search("the key", namespace=OWNER)
        assert contents(memos) == before


def test_vectors_of_another_size_are_refused_until_all_are_made_anew(path: Path) -> None:
    with MemOS.open(path, embedder=HashingEmbedder(32)) as memos:
        before = contents(memos)
        for call in (lambda: memos.add("text", namespace=OWNER), lambda: memos.search("text", namespace=OWNER)):
            with pytest.raises(EmbedderMismatch, match=r"memos\.reembed\(\)"):
                call()
        assert contents(memos) == before


# -- the file --------------------------------------------------------------------------------------


def newer(path: Path) -> None:
    MemOS.open(path).close()
    with sqlite3.connect(path) as db:
        db.execute("pragma user_version = 999")
    db.close()


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("create table mine (text)")
    db.close()


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda path: path.write_bytes(b"\x89PNG\r\n" * 500), NotAVault, "left untouched; pass another path"),
        (lambda path: path.write_text("notes " * 500), NotAVault, "left untouched; pass another path"),
        (lambda path: path.write_text("x"), NotAVault, "left untouched; pass another path"),
        (foreign, NotAVault, "another application"),
        (newer, VaultTooNew, "Upgrade with: pip install --upgrade memcubes"),
    ],
    ids=["a picture", "a text", "one letter", "a database of another application", "a newer vault"],
)
def test_a_file_that_cannot_be_used_is_left_byte_for_byte(
    tmp_path: Path, make: Callable[[Path], object], error: type[MemOSError], says: str
) -> None:
    path = tmp_path / "memory.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(error, match=r"memory\.db") as caught:
        MemOS.open(path)
    assert says in str(caught.value)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("memory.db", before)]


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        (".", NotAVault, "it is a directory"),
        ("no/such/folder.db", VaultError, "Make it first"),
        ("x" * 5000, VaultError, "cannot be read"),
        ("nul\0.db", InvalidInput, "is no path"),
        ("half\ud800.db", InvalidInput, "is no path"),
    ],
    ids=["a folder", "no folder", "a long name", "NUL", "a lone surrogate"],
)
def test_a_path_that_cannot_be_a_vault_is_refused(
    tmp_path: Path, name: str, error: type[MemOSError], says: str
) -> None:
    with pytest.raises(error) as caught:
        MemOS.open(os.path.join(tmp_path, name))  # noqa: PTH118 - pathlib would mend some of them
    assert type(caught.value) is error
    assert says in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(InvalidInput, match="is no path"):
        MemOS.open("")


# -- the system below ------------------------------------------------------------------------------

SETUP = """
import os, sys
from memos_core import MemOS, State
from memos_core.errors import *
from memos_core.testing.embedders import HashingEmbedder
memos = MemOS.open(sys.argv[1], embedder=HashingEmbedder())
def contents():
    cubes = memos.list(namespace="alice", states=list(State), limit=10_000)
    return memos.namespaces(namespace="alice"), cubes, [memos.history(cube.id) for cube in cubes], memos.verify()
"""

FORK = """
before = contents()
memos.search("key", namespace="alice")  # leaves a count that is still to be written
child = os.fork()
if child == 0:
    for call in (
        lambda: memos.add("from the child", namespace="alice"),
        lambda: memos.search("key", namespace="alice"),
        lambda: memos.list(namespace="alice"),
        lambda: memos.erase(before[1][0].id),
        lambda: memos.verify(),
    ):
        try:
            call()
        except ForkedVault as error:
            assert "Open the vault again in the child" in str(error)
        else:
            os._exit(1)
    memos.close()
    with MemOS.open(sys.argv[1], embedder=HashingEmbedder()) as own:
        own.add("from the child, by a vault of its own", namespace="bob")
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert contents() == before
assert memos.list(namespace="bob")[0].text.startswith("from the child")
memos.close()
memos = MemOS.open(sys.argv[1], embedder=HashingEmbedder())
assert sum(cube.usage.count for cube in memos.list(namespace="alice")) > 0, "the parent still had the counts"
"""

FULL = """
import resource
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
largest = max(os.path.getsize(sys.argv[1] + end) for end in ("", "-wal"))
resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 200_000, hard))
memos.add([{"content": f"note {number}"} for number in range(70)], namespace="alice")
[cube] = memos.add("the last that finds room", namespace="alice").written
before = contents()
large = "words that find none " * 20_000
for call in (
    lambda: memos.add([{"content": "small"}, {"content": large}], namespace="alice"),
    lambda: memos.update(cube.id, large),
    lambda: memos.update(cube.id, metadata={"kept": "small"}) and memos.add(large, namespace="alice"),
):
    try:
        call()
    except VaultFull as error:
        assert "Free some disk space and try again" in str(error) and sys.argv[1] in str(error)
    else:
        raise SystemExit("it was stored after all")
assert memos.get(cube.id).metadata == {"kept": "small"}, "what is small still finds room"
memos.rollback(cube.id, cube.version)
assert [each.text for each in contents()[1]] == [cube.text, *(each.text for each in before[1][1:])]
assert contents()[0] == before[0] and contents()[3] == []
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
hits = memos.search("the last note that finds room", namespace="alice", limit=100)
assert hits[0].cube.id == cube.id and len(hits) > 64, "a search answers though its counts find no room"
try:
    memos.backup(sys.argv[1] + ".copy")
except VaultFull:
    assert not os.path.exists(sys.argv[1] + ".copy")
else:
    raise SystemExit("a copy was made")
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
memos.add(large, namespace="alice")
memos.close()
memos = MemOS.open(sys.argv[1], embedder=HashingEmbedder())
assert len(contents()[1]) == len(before[1]) + 1 and memos.verify() == []
assert all(memos.get(hit.cube.id).usage.count == 1 for hit in hits), "the counts waited"
"""


def run(code: str, path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", SETUP + code + "memos.close()", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_is_told_to_open_the_vault_again(path: Path) -> None:
    run(FORK, path)


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes can be limited on Unix only")
def test_a_full_disk_is_told_changes_nothing_and_is_overcome(path: Path) -> None:
    run(FULL, path)


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes can be limited on Unix only")
def test_a_vault_that_finds_no_room_to_begin_with_says_so(tmp_path: Path) -> None:
    code = """
import resource, sys
from memos_core import MemOS
from memos_core.errors import VaultFull
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
try:
    MemOS.open(sys.argv[1])
except VaultFull as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
MemOS.open(sys.argv[1]).close()
"""
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "memory.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Free some disk space" in done.stdout


def test_a_vault_without_room_can_still_be_backed_up(path: Path, tmp_path: Path) -> None:
    with MemOS.open(path, embedder=HashingEmbedder()) as memos:
        memos.add([{"content": f"note {number}"} for number in range(300)], namespace=OWNER)
        with memos._whole._pool.bare() as db:  # type: ignore[attr-defined]
            db.execute(f"pragma max_page_count = {db.execute('pragma page_count').get}")
        hits = memos.search("note", namespace=OWNER, limit=300)
        with pytest.raises(VaultFull):
            memos._usage.flush()
        memos.backup(tmp_path / "copy.db")
        with memos._whole._pool.bare() as db:  # type: ignore[attr-defined]
            db.execute("pragma max_page_count = 1000000")
    with MemOS.open(tmp_path / "copy.db", embedder=HashingEmbedder()) as copy:
        assert copy.stats().cubes == 303
    with MemOS.open(path, embedder=HashingEmbedder()) as memos:
        assert memos.get(hits[-1].cube.id).usage.count == 1
