"""Packages of the format ``memcube/1``: what was written once is read for ever, and written again the same."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from memos_core import MemOS
from memos_core.cube.canonical import sha256
from memos_core.cube.clock import Timestamp
from memos_core.cube.operation import Operation, OperationKind
from memos_core.infrastructure.exchange import archive, lines
from memos_core.infrastructure.exchange.signing import SigningKey
from memos_core.infrastructure.memstore.licensing import verified
from memos_core.infrastructure.memstore.metering import checked_report
from memos_core.infrastructure.memstore.registry import parsed
from memos_core.infrastructure.memstore.statements import INDEX, LICENCE, REPORT, ROTATION, read, signed
from memos_core.testing.embedders import HashingEmbedder

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "data" / "packages"
PAGE = ROOT / "docs" / "FORMAT.md"
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
WALL = 1_700_000_000_000


def operation(number: int, kind: OperationKind, body: dict[str, Any], *parents: Operation) -> Operation:
    return Operation.create(
        cube=f"cube-{number // 10}",
        kind=kind,
        hlc=Timestamp(WALL + number),
        actor="0123456789abcdef",
        parents=[parent.id for parent in parents],
        body=body,
        salt=bytes([number]) * 16,
    )


def content(text: str, **fields: Any) -> dict[str, Any]:
    return {"namespace": ["ana"], "kind": "fact", "payload": {"type": "plaintext", "text": text}, **fields}


FIRST = operation(10, OperationKind.PUT, content("The fox is red."))
SECOND = operation(
    11, OperationKind.PUT, content("Le renard est gris. \u2603 \U0001f98a", newer={"a": [1, 2.5]}), FIRST
)
ARCHIVED = operation(12, OperationKind.STATE, {"state": "archived", "reason": "test", "trigger": "forget"}, SECOND)
GONE = operation(20, OperationKind.PUT, content("erased")).without_body()
ERASED = operation(21, OperationKind.ERASE, {"reason": "test"}, GONE)
HARE = operation(30, OperationKind.PUT, content("The hare is quick."))
LATER = operation(31, OperationKind.PUT, content("The hare is slow.", governance={"trust": "tool"}), HARE)
TRUSTED = operation(31, OperationKind.PUT, content("The hare is asleep."), HARE)
REMOVED = operation(32, OperationKind.STATE, {"state": "archived", "reason": "test", "trigger": "forget"}, LATER)
CACHE = (60).to_bytes(8, "little") + b'{"k":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]}}    ' + b"\0\x3c\0\x40"
CACHED = operation(
    40,
    OperationKind.PUT,
    {
        "namespace": ["ana"],
        "kind": "fact",
        "payload": {
            "type": "activation",
            "blob": {"sha256": sha256(CACHE), "size": len(CACHE)},
            "model": "test",
            "tokens": 1,
            "dtype": "float16",
            "shape": [1, 2, 1, 1, 1],
        },
    },
)
SPEC = {"model": "test", "dim": 2, "revision": "1"}
VECTOR = hashlib.sha256(b"The hare is quick.").digest() + struct.pack("<2f", 0.6, 0.8)
PACKAGES: dict[str, tuple[list[Operation], SigningKey | None]] = {
    "empty.memcube": ([], None),
    "history.memcube": ([FIRST, SECOND, ARCHIVED, GONE, ERASED], None),
    "signed.memcube": ([FIRST, SECOND], KEY),
    "whole.memcube": (sorted([HARE, LATER, TRUSTED, REMOVED, CACHED], key=lines.order), KEY),
}


STATEMENTS = {
    "index.json": (
        INDEX,
        "index.json",
        {
            "format": "memstore/1",
            "version": 3,
            "expires": "2025-01-01T00:00:00Z",
            "rotations": [],
            "packages": {
                "ana/foxes": {
                    "name": "ana/foxes",
                    "publisher": KEY.public,
                    "rotations": [],
                    "revoked": [],
                    "releases": [
                        {
                            "version": "1.0.0",
                            "path": "packages/ana/foxes-1.0.0.memcube",
                            "sha256": "c57e06adcfb5fae85748ceeec82a3a6bcab0c6aa8f2b690ba557356a9eedc3a9",
                            "size": 2293,
                            "description": "",
                            "licence": "CC0-1.0",
                            "cubes": 0,
                            "paid": False,
                            "yanked": "",
                        }
                    ],
                }
            },
        },
    ),
    "licence.json": (
        LICENCE,
        "ana/foxes",
        {
            "id": "0123456789abcdef",
            "package": "ana/foxes",
            "since": "1.0.0",
            "below": "2.0.0",
            "licensee": "age1j4ncwjqklh78q6upjpxhkdmrp8r29mthfvt8rr3j5cehd9423d3stm4dzz",
            "rights": ["recall"],
            "issued": "2024-01-01T00:00:00Z",
            "expires": None,
            "uses": 100,
        },
    ),
    "report.json": (
        REPORT,
        "0123456789abcdef",
        {
            "licence": "0123456789abcdef",
            "package": "ana/foxes",
            "uses": [["2024-02-01T00:00:00Z", 2], ["2024-02-02T12:30:00Z", 1]],
            "head": "a776f62e8b6bcc62294e380d095f0f6e1fe244b1f3943d21175ee4835521165d",
        },
    ),
    "rotation.json": (ROTATION, KEY.public, {"successor": f"ed25519:{'07' * 32}"}),
}


def make(name: str, folder: Path) -> Path:
    operations, key = PACKAGES[name]
    extras: dict[str, Any] = {}
    if name == "whole.memcube":
        (folder / "vectors").write_bytes(VECTOR)
        extras = {"vectors": [(folder / "vectors", SPEC, 1)], "blobs": {sha256(CACHE): memoryview(CACHE)}}
    about = {"cubes": 0, "operations": len(operations), "source": "0123456789abcdef", "until": len(operations)}
    path = folder / name
    if key is not None:
        about |= {"name": "ana/foxes", "version": "1.0.0", "licence": "CC0-1.0"}
    with archive.workshop(path) as workshop:
        licence = None if key is None else "No rights reserved.\n"
        draft = archive.Draft(operations, about, licence=licence, **extras)
        archive.write(path, workshop, draft, key=key)
    return path


@pytest.mark.parametrize("name", PACKAGES)
def test_what_was_written_once_is_written_again_byte_by_byte(name: str, tmp_path: Path) -> None:
    assert make(name, tmp_path).read_bytes() == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("name", PACKAGES)
def test_what_was_written_once_is_read(name: str) -> None:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        memos.load(FOLDER / name)
        held = {op for _, op in memos._vault.log()}
        assert held == set(PACKAGES[name][0])


def table() -> str:
    """Digests of the packages and of the operations in them."""
    rows = ["| package | bytes | SHA-256 |", "|---|---|---|"]
    for name in PACKAGES:
        data = (FOLDER / name).read_bytes()
        rows.append(f"| [{name}](../tests/data/packages/{name}) | {len(data):,} | `{sha256(data)}` |")
    rows += ["", "| statement | SHA-256 |", "|---|---|"]
    for name in STATEMENTS:
        rows.append(f"| [{name}](../tests/data/packages/{name}) | `{sha256((FOLDER / name).read_bytes())}` |")
    rows += ["", "| operation | id | SHA-256 of its line |", "|---|---|---|"]
    for number, op in enumerate(PACKAGES["history.memcube"][0], 1):
        rows.append(f"| {number}: {op.kind.value} of {op.cube} | `{op.id}` | `{sha256(lines.line(op))}` |")
    return "\n".join(rows)


@pytest.mark.parametrize("name", STATEMENTS)
def test_statements_of_registries_are_written_again_byte_by_byte_and_read(name: str) -> None:
    kind, subject, predicate = STATEMENTS[name]
    data = (FOLDER / name).read_bytes()
    assert signed(kind, subject, predicate, KEY) == data
    assert read(data, kind) == (KEY.public, subject, predicate)
    if kind == REPORT:
        assert len(checked_report(data).uses) == 2
    if kind == LICENCE:
        assert verified(data, publisher=KEY.public).uses == 100
    if kind == INDEX:
        assert parsed(data, "here")[1].packages["ana/foxes"].newest() is not None


def test_the_page_shows_their_digests() -> None:
    assert table() in PAGE.read_text("utf-8")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in PACKAGES:
        if not (FOLDER / each).exists():  # what was written once never changes
            make(each, FOLDER)
            (FOLDER / "vectors").unlink(missing_ok=True)
    for each, statement in STATEMENTS.items():
        if not (FOLDER / each).exists():
            (FOLDER / each).write_bytes(signed(*statement, KEY))
    before, _, rest = PAGE.read_text("utf-8").partition("<!-- table vectors -->\n")
    PAGE.write_text(
        f"{before}<!-- table vectors -->\n\n{table()}\n\n<!-- end -->{rest.partition('<!-- end -->')[2]}", "utf-8"
    )
