"""What is erased is gone from every byte of the files."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from memos_core.cube.claim import Claim
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Governance, Kind, Provenance, State, TimeMention
from memos_core.cube.operation import Operation
from memos_core.infrastructure.vault import vectors
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.ports import Batch, EmbeddingSpec, Part, Span
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.blobs import bring, ref, write
from memos_core.testing.vault.desk import Desk, alice, day

SPEC = EmbeddingSpec("of-the-test", 32)
NEXT_SPEC = EmbeddingSpec("of-the-test", 48, revision="2")
FILLERS = 300


def vector(number: int, spec: EmbeddingSpec = SPEC) -> np.ndarray:
    row = np.random.default_rng(number).normal(size=spec.dim)
    return (row / np.linalg.norm(row)).astype(np.float32)


def put(desk: Desk, text: str, number: int, *, cube: str | None = None, **fields: object) -> Operation:
    """A put whose words, names and everything else begin with its text."""
    mark = text.split(maxsplit=1)[0]
    operation = desk.write_put(
        text,
        cube=cube,
        entities=(f"{mark}entity",),
        tags=(f"{mark}tag",),
        metadata={f"{mark}key": f"{mark}value"},
        provenance=Provenance(
            speaker=f"{mark}speaker",
            session=f"{mark}session",
            source_id=f"{mark}source",
            source_uri=f"https://{mark}uri",
            role=f"{mark}role",
        ),
        governance=Governance(watermark=f"{mark}watermark"),
        claims=(Claim(subject=f"{mark}subject", predicate=f"{mark}predicate", object=f"{mark}object"),),
        occurred=Interval.instant(day(1 + number % 28)),
        times=(TimeMention(text=f"{mark}time", offset=0, when=Interval.instant(day(2))),),
        **fields,
    )
    parts = [
        Part(Span(0, 3), f"{mark} embedded", vector(number)),
        Part(Span(3, 5), f"{mark} too", vector(10_000 + number)),
    ]
    desk.vault.commit(Batch([operation], {operation.id: parts}, SPEC))
    return operation


def bytes_of(path: Path) -> bytes:
    return b"".join(
        file.read_bytes() for file in sorted(path.parent.rglob("*")) if file.is_file() and path.name in str(file)
    )


def traces(number: int, mark: str) -> dict[str, bytes]:
    """What must not be found: words, their stems and beginnings, vectors, digests."""
    return {
        "mark": mark.encode(),
        "term": mark[:-2].encode(),
        "vector": vector(number).tobytes()[:24],
        "second vector": vector(10_000 + number).tobytes()[:24],
        "new vector": vector(number, NEXT_SPEC).tobytes()[:24],
        "digest": vectors.digest(f"{mark} embedded"),
    }


def furnished(path: Path) -> tuple[SQLiteVault, Desk, Operation, Operation]:
    """A vault with many cubes, one of which has an older version and one of which follows it."""
    vault = SQLiteVault(str(path), clock=ManualClock())
    desk = Desk(vault)
    for number in range(FILLERS // 2):
        put(desk, f"filler{number} and more", number)
    older = put(desk, "xylophagous beetle in the wood", 5000)
    newer = put(desk, "quixotically brave", 5001, cube=older.cube, parents=[older.id])
    follower = put(desk, "an answer", 5002, follows=older.cube)
    desk.move(newer, State.ACTIVATED)
    vault.record_usage({older.cube: 3}, day(3))
    for number in range(FILLERS // 2, FILLERS):
        put(desk, f"filler{number} and more", number)
    new = {older.id: [Part(Span(0, 3), "xylophagous embedded", vector(5000, NEXT_SPEC))]}
    vault.reembed(NEXT_SPEC, new)
    vault.reembed(NEXT_SPEC, {newer.id: [Part(Span(0, 3), "quixotically embedded", vector(5001, NEXT_SPEC))]})
    return vault, desk, newer, follower


def assert_gone(path: Path) -> None:
    content = bytes_of(path)
    for number, mark in ((5000, "xylophagous"), (5001, "quixotically")):
        assert [name for name, trace in traces(number, mark).items() if trace in content] == []


def test_erased_bytes_are_in_no_file(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    vault, desk, newer, follower = furnished(path)
    before = bytes_of(path)
    for number, mark in ((5000, "xylophagous"), (5001, "quixotically")):
        assert [name for name, trace in traces(number, mark).items() if trace not in before] == []
    salts = [operation.salt for operation in vault.history(newer.cube)]
    desk.erase(newer)
    assert_gone(path)
    assert not any(salt and salt in bytes_of(path) for salt in salts)
    assert vault.get([follower.cube])[0].text == "an answer"
    assert list(vault.verify()) == []
    vault.close()
    assert_gone(path)


def test_reader_delays_the_end_of_the_bytes_and_not_the_erasure(tmp_path: Path) -> None:
    """Troubleshooting: an open reader keeps the WAL; the next commit after it has gone cuts it."""
    path = tmp_path / "vault.db"
    vault, desk, newer, _ = furnished(path)
    reading, erased = threading.Event(), threading.Event()

    def read() -> None:
        with vault._pool.read() as db:
            assert db.execute("select count(*) from operation").get
            reading.set()
            erased.wait()

    with vault._pool.bare() as db:
        db.set_busy_handler(None)
    reader = threading.Thread(target=read)
    reader.start()
    reading.wait()
    desk.erase(newer)
    assert vault.get([newer.cube]) == []
    assert traces(5001, "quixotically")["mark"] in bytes_of(path)
    assert vault.has_traces
    erased.set()
    reader.join()
    desk.put("something else")
    assert not vault.has_traces
    assert_gone(path)


def test_late_body_of_an_erased_cube_never_reaches_the_file(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    vault, desk, newer, _ = furnished(path)
    late = desk.write_put("xylophagous again", cube=newer.cube)
    desk.erase(newer)
    vault.commit(Batch([late], {late.id: [Part(Span(0, 3), "xylophagous embedded", vector(5000))]}, SPEC))
    assert_gone(path)
    assert vault.history(newer.cube)[2].body is None


@pytest.mark.parametrize("end", ["erase", "expire"])
def test_bytes_of_a_blob_and_its_digest_are_in_no_file(tmp_path: Path, end: str) -> None:
    path = tmp_path / "vault.db"
    vault, desk, newer, _ = furnished(path)
    data = b"xylophagous beetle" * 100_000
    older = write(desk, data, cube=newer.cube, parents=[newer.id])
    bring(vault, older, data)
    latest = desk.put("quixotically brave", cube=newer.cube, parents=[older.id])
    digest = ref(data).sha256
    assert data in bytes_of(path)
    assert any(digest in str(file) for file in tmp_path.rglob("*"))
    if end == "erase":
        desk.erase(latest)
        assert digest.encode() not in bytes_of(path)
    else:
        desk.move(latest, State.EXPIRED)
    assert not vault.has_traces
    assert data[:1000] not in bytes_of(path)
    assert not any(digest in str(file) for file in tmp_path.rglob("*"))
    vault.close()
    assert data[:1000] not in bytes_of(path)


def test_replaced_embedder_leaves_no_vectors(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    vault = SQLiteVault(str(path), clock=ManualClock())
    desk = Desk(vault)
    puts = [put(desk, f"text{number} here", number) for number in range(20)]
    vault.reembed(NEXT_SPEC, {op.id: [Part(Span(0, 3), "new", vector(9, NEXT_SPEC))] for op in puts})
    assert vault.spec == NEXT_SPEC
    vault.close()
    assert not any(vector(number).tobytes()[:24] in bytes_of(path) for number in range(20))


def test_file_of_an_empty_vault_holds_nothing_of_what_was_erased(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    vault = SQLiteVault(str(path), clock=ManualClock())
    desk = Desk(vault)
    puts = [put(desk, f"zymurgical{number} text", number, kind=Kind.FACT) for number in range(30)]
    vault.commit(Batch([desk.write_erase(op) for op in puts]))
    assert b"zymurg" not in bytes_of(path)
    assert vault.count(alice()) == 0
    assert vault.namespaces() == []
