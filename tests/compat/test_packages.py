"""Packages of the format ``memcube/1``: what was written once is read for ever, and written again the same."""

from __future__ import annotations

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
PACKAGES: dict[str, tuple[list[Operation], SigningKey | None]] = {
    "empty.memcube": ([], None),
    "history.memcube": ([FIRST, SECOND, ARCHIVED, GONE, ERASED], None),
    "signed.memcube": ([FIRST, SECOND], KEY),
}


def make(name: str, folder: Path) -> Path:
    operations, key = PACKAGES[name]
    about = {"cubes": 0, "operations": len(operations), "source": "0123456789abcdef", "until": len(operations)}
    path = folder / name
    if key is not None:
        about |= {"name": "ana/foxes", "version": "1.0.0", "licence": "CC0-1.0"}
    with archive.workshop(path) as workshop:
        draft = archive.Draft(operations, about, licence=None if key is None else "No rights reserved.\n")
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
    rows += ["", "| operation | id | SHA-256 of its line |", "|---|---|---|"]
    for number, op in enumerate(PACKAGES["history.memcube"][0], 1):
        rows.append(f"| {number}: {op.kind.value} of {op.cube} | `{op.id}` | `{sha256(lines.line(op))}` |")
    return "\n".join(rows)


def test_the_page_shows_their_digests() -> None:
    assert table() in PAGE.read_text("utf-8")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in PACKAGES:
        (FOLDER / each).unlink(missing_ok=True)
        make(each, FOLDER)
    before, _, rest = PAGE.read_text("utf-8").partition("<!-- table vectors -->\n")
    PAGE.write_text(
        f"{before}<!-- table vectors -->\n\n{table()}\n\n<!-- end -->{rest.partition('<!-- end -->')[2]}", "utf-8"
    )
