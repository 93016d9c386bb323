"""Writes to a vault until it is killed. Run by the tests; not a test itself.

Reads a path, a seed and a mode a line; for each it forks a child that writes batches of puts, updates, moves and
erasures, with text and vectors, to the vault there; in the mode "blobs", with blobs, and every other batch grouped.
What it tries and what it has stored, it tells in JSON lines.
"""

from __future__ import annotations

import json
import os
import random
import sys

import numpy as np

from memos_core.cube.canonical import sha256
from memos_core.cube.clock import HybridClock
from memos_core.cube.memcube import Content, Kind, State
from memos_core.cube.operation import Operation
from memos_core.cube.payload import Activation, BlobRef, Plaintext
from memos_core.infrastructure.clock import SystemClock
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.operation.author import Author
from memos_core.ports import Batch, EmbeddingSpec, Part, Span

SPEC = EmbeddingSpec("of-the-test", 16)
BATCHES = 16
PUTS = 4  # new cubes a batch
BLOB = 100_000  # bytes


def tell(**fields: object) -> None:
    os.write(1, (json.dumps(fields) + "\n").encode())


def blob(chance: random.Random) -> tuple[bytes, Activation]:
    data = chance.randbytes(BLOB)
    ref = BlobRef(sha256=sha256(data), size=BLOB)
    return data, Activation(blob=ref, model="m", tokens=1, dtype="float16", shape=(1, 2, 1, 1, 1))


def batches(author: Author, chance: random.Random, *, with_blobs: bool) -> list[Batch]:
    """Made beforehand, so that a kill finds the child writing."""
    made, last = [], list[Operation]()
    for number in range(BATCHES):
        operations = []
        for _ in range(PUTS):
            text = f"number {number} word{chance.randrange(50)}"
            content = Content(namespace=("alice",), kind=Kind.EPISODE, payload=Plaintext(text=text))
            operations.append(author.put(author.new_id(), content))
        blobs = {}
        if with_blobs:  # on cubes that the next batches renew and erase
            for old in operations[0], operations[2]:
                data, payload = blob(chance)
                blobs[payload.blob.sha256] = data
                content = Content(namespace=("alice",), kind=Kind.FACT, payload=payload)
                operations.append(author.put(old.cube, content, parents=[old.id]))
        if last:
            renewed, moved, erased = (old for old in last[:3])
            content = Content(namespace=("alice",), kind=Kind.FACT, payload=Plaintext(text=f"renewed {number}"))
            operations.append(author.put(renewed.cube, content, parents=[renewed.id]))
            operations.append(author.move(moved.cube, State.ARCHIVED, parents=[moved.id], reason="test"))
            operations.append(author.erase(erased.cube, parents=[erased.id], reason="test"))
        parts = {}
        for put in operations:
            if put.kind.value == "put" and "text" in put.value()["payload"]:
                row = np.array([chance.gauss(0, 1) for _ in range(SPEC.dim)])
                vector = (row / np.linalg.norm(row)).astype(np.float32)
                parts[put.id] = [Part(Span(0, 3), put.id, vector)]
        made.append(Batch(operations, parts, SPEC, blobs))
        last = operations
    return made


def commit_one_by_one(vault: SQLiteVault, batch: Batch) -> None:
    """Every operation in a commit of its own, and all of them in one transaction."""
    with vault.transaction():
        for operation in batch.operations:
            parts = {name: its for name, its in batch.parts.items() if name == operation.id}
            named = operation.value().get("payload", {}).get("blob", {}).get("sha256")
            blobs = {name: data for name, data in batch.blobs.items() if name == named}
            vault.commit(Batch([operation], parts, batch.spec if parts else None, blobs))


def write(path: str, seed: int, mode: str) -> None:
    clock = SystemClock()
    vault = SQLiteVault(path, clock=clock)
    author = Author(vault.actor, HybridClock(clock.now))
    author.clock.observe(vault.latest)
    for number, batch in enumerate(batches(author, random.Random(seed), with_blobs=mode == "blobs")):
        tell(tried=[operation.id for operation in batch.operations])
        if mode == "boast":
            tell(stored=True)
        if mode == "grouped" or (mode == "blobs" and number % 2):
            commit_one_by_one(vault, batch)
        else:
            vault.commit(batch)
        if mode != "boast":
            tell(stored=True)
    tell(done=True)


def main() -> None:
    for line in sys.stdin:
        path, seed, mode = json.loads(line)
        child = os.fork()
        if child == 0:
            write(path, seed, mode)
            os._exit(0)
        tell(child=child)
        os.waitpid(child, 0)
        tell(dead=True)


main()
