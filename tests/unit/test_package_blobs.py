"""Caches and adapters in packages: their bytes go along, are what they are said to be, and are numbers only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from memos_core import About, MemOS
from memos_core.cube.canonical import sha256
from memos_core.cube.clock import HybridClock
from memos_core.cube.memcube import Content, Kind
from memos_core.cube.payload import Activation, BlobRef, Parametric
from memos_core.errors import BlobMissing, InvalidInput, InvalidPackage
from memos_core.infrastructure.clock import SystemClock
from memos_core.infrastructure.exchange import archive, tensors
from memos_core.infrastructure.exchange.archive import Package
from memos_core.infrastructure.exchange.encryption import new_identity
from memos_core.infrastructure.exchange.signing import SigningKey
from memos_core.infrastructure.memstore import selling
from memos_core.infrastructure.memstore.licensing import new_licence
from memos_core.infrastructure.memstore.registry import Registry
from memos_core.operation.author import Author
from memos_core.ports import Batch
from memos_core.testing.embedders import HashingEmbedder

CACHE = save(
    {"k": np.arange(24, dtype=np.float16).reshape(2, 3, 4), "v": np.zeros((2, 0), np.int8)}, {"made": "by a test"}
)
AUTHOR = Author("test", HybridClock(SystemClock().now))
ADAPTER = save({"a": np.ones((300, 1000), np.float32)})


@pytest.fixture(params=[":memory:", "a.db"])
def memos(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemOS]:
    where = request.param if request.param == ":memory:" else tmp_path / request.param
    with MemOS.open(where, embedder=HashingEmbedder()) as opened:
        yield opened


@pytest.fixture
def other(tmp_path: Path) -> Iterator[MemOS]:
    with MemOS.open(tmp_path / "b.db", embedder=HashingEmbedder()) as opened:
        yield opened


def put(memos: MemOS, data: bytes, *, here: bool = True, namespace: str = "ana") -> str:
    ref = BlobRef(sha256=sha256(data), size=len(data))
    payload: Any = Activation(blob=ref, model="m", tokens=3, dtype="float16", shape=(1, 2, 1, 3, 4))
    if data == ADAPTER:
        payload = Parametric(blob=ref, base_model="m", method="lora", rank=1)
    content = Content(namespace=(namespace,), kind=Kind.FACT, payload=payload)
    operation = AUTHOR.put(AUTHOR.new_id(), content)
    memos._vault.commit(Batch([operation], blobs={sha256(data): data} if here else {}))
    return operation.cube


def test_blobs_come_along_in_the_package(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    cache, adapter = put(memos, CACHE), put(memos, ADAPTER)
    manifest = memos.export(tmp_path / "p")
    assert {f"blobs/{sha256(CACHE)}", f"blobs/{sha256(ADAPTER)}"} < set(manifest.files)
    memos.export(tmp_path / "q")
    assert (tmp_path / "p").read_bytes() == (tmp_path / "q").read_bytes()
    merged = other.load(tmp_path / "p")
    assert merged.missing_blobs == 0
    assert bytes(other._vault.blob(cache)) == CACHE
    assert bytes(other._vault.blob(adapter)) == ADAPTER
    other.export(tmp_path / "back")
    assert sorted(_files(tmp_path / "back")) == sorted(_files(tmp_path / "p"))
    assert other.verify() == []


def _files(path: Path) -> dict[str, str]:
    with Package(path) as package:
        return {name: member.sha256 for name, member in package.manifest.files.items()}


def test_only_what_exported_versions_refer_to_goes(memos: MemOS, tmp_path: Path) -> None:
    cube = put(memos, CACHE)
    put(memos, ADAPTER, namespace="bob")
    shown = memos.get(cube)
    memos._put(
        shown,
        shown.content().model_copy(update={"payload": memos.get(memos.add("Tea.", namespace="ana").ids[0]).payload}),
    )
    assert memos.export(tmp_path / "p", namespace="ana").files.keys() == {"operations.jsonl", f"blobs/{sha256(CACHE)}"}
    assert memos.export(tmp_path / "q", namespace="ana", history=False).files.keys() == {"operations.jsonl"}


def test_what_stays_is_said(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    put(memos, CACHE)
    put(memos, ADAPTER, here=False)
    put(memos, b"\x80\x04K\x01.")  # a pickle
    assert memos.export(tmp_path / "p").left_out == {"blobs that are not here": 1, "blobs that are no safetensors": 1}
    bare = memos.export(tmp_path / "q", blobs=False)
    assert bare.left_out == {"blobs that were not asked for": 3}
    assert bare.files.keys() == {"operations.jsonl"}
    assert other.load(tmp_path / "q").missing_blobs == 3
    assert other.load(tmp_path / "p").missing_blobs == 2  # and a later package brings what was missing


@pytest.mark.parametrize("how", ["leave out", "redact"])
def test_nobody_can_look_into_a_cache_so_it_stays_with_what_is_sensitive(
    memos: MemOS, tmp_path: Path, how: str
) -> None:
    put(memos, CACHE)
    manifest = memos.export(tmp_path / "p", sensitive=how)
    assert (manifest.cubes, manifest.left_out) == (0, {"sensitive memories": 1})


def test_copies_bring_their_blobs(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    put(memos, CACHE)
    memos.export(tmp_path / "p")
    (copy,) = other.load(tmp_path / "p", namespace="from-ana").new
    assert bytes(other._vault.blob(copy)) == CACHE


def test_a_paid_copy_has_them_too_and_uninstalling_removes_them(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    key, (secret, public) = SigningKey.new(), new_identity()
    registry = Registry(tmp_path / "registry", key)
    put(memos, CACHE)
    memos.export(tmp_path / "p", about=About(name="ana/cache", version="1.0.0"), key=key)
    registry.publish(tmp_path / "p", paid=True)
    licence = new_licence("ana/cache", licensee=public, issued=memos.clock.now())
    token = selling.issue(licence, tmp_path / "p", registry, key, folder=tmp_path / "licences").read_bytes()
    store = other.store(tmp_path / "registry", namespace="bob")
    store.install("ana/cache", licence=token, identities=[secret], dry_run=True)
    assert other.stats().blobs == 0
    store.install("ana/cache", licence=token, identities=[secret])
    assert other.stats().blobs == 1
    store.uninstall("ana/cache")
    assert other.stats().blobs == 0


# -- safetensors and nothing else --------------------------------------------------------------------


def made(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(start: int, end: int, **changes: Any) -> dict[str, Any]:
    return {"dtype": "U8", "shape": [end - start], "data_offsets": [start, end], **changes}


@pytest.mark.parametrize("data", [CACHE, ADAPTER, save({}), save({"x": np.zeros((), np.float64)}), made(b"{}   ")])
def test_what_the_library_writes_is_safetensors(data: bytes) -> None:
    tensors.check(BytesIO(data), len(data))


HOSTILE = [
    b"",
    b"\x80\x04K\x01.",
    b"PK\3\4" + b"\0" * 100,
    made({"a": tensor(0, 4)}, b"12345"),  # bytes that belong to nothing
    made({"a": tensor(0, 4)}, b"123"),
    made({"a": tensor(1, 4)}, b"1234"),
    made({"a": tensor(0, 2), "b": tensor(1, 4)}, b"1234"),
    made({"a": tensor(0, 2), "b": tensor(3, 4)}, b"1234"),
    made({"a": tensor(0, 4, dtype="OBJECT")}, b"1234"),
    made({"a": tensor(0, 4, dtype=["U8"])}, b"1234"),
    made({"a": tensor(0, 4, shape=[2, 3])}, b"1234"),
    made({"a": tensor(0, 4, shape=[-2, -2])}, b"1234"),
    made({"a": tensor(0, 4, shape=[True, 4])}, b"1234"),
    made({"a": tensor(0, 4, shape="4")}, b"1234"),
    made({"a": tensor(0, 4, data_offsets=[0, 4, 4])}, b"1234"),
    made({"a": tensor(0, 4, code="import os")}, b"1234"),
    made({"a": 5}, b"1234"),
    made({"__metadata__": {"a": {"b": "c"}}}),
    made({"__metadata__": ["a"]}),
    made(b'{"a":' + b"[" * 10_000),
    made(b'{"a":NaN}'),
    made(b" {}"),
    made(b"[]"),
    (2**63).to_bytes(8, "little") + b"{}",
    (tensors.MAX_HEADER + 1).to_bytes(8, "little") + b" " * (tensors.MAX_HEADER + 1),
]


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_not_is_refused_with_the_whole_package(other: MemOS, tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InvalidInput):
        tensors.check(BytesIO(data), len(data))
    path = packed(tmp_path, {sha256(data): data})
    with pytest.raises(InvalidPackage, match="no file of safetensors"):
        other.load(path)
    assert other.stats().operations == 0


def test_a_blob_has_the_name_of_its_digest_and_the_bytes_of_its_name(other: MemOS, tmp_path: Path) -> None:
    with pytest.raises(InvalidPackage, match="name that its digest"):
        other.load(packed(tmp_path, {"0" * 64: CACHE}))


def test_a_blob_that_nothing_refers_to_is_not_kept(other: MemOS, tmp_path: Path) -> None:
    other.load(packed(tmp_path, {sha256(CACHE): CACHE}))
    assert other.stats().blobs == 0


def test_a_blob_of_another_size_than_is_said_is_not_the_one_that_was_meant(other: MemOS, tmp_path: Path) -> None:
    ref = BlobRef(sha256=sha256(CACHE), size=7)
    payload = Activation(blob=ref, model="m", tokens=3, dtype="float16", shape=(1,))
    operation = AUTHOR.put("c", Content(namespace=("ana",), kind=Kind.FACT, payload=payload))
    path = packed(tmp_path, {sha256(CACHE): CACHE}, [operation])
    with pytest.warns(UserWarning, match="was not taken in"):
        assert other.load(path).missing_blobs == 1
    with pytest.raises(BlobMissing):
        other._vault.blob("c")


def packed(folder: Path, blobs: dict[str, bytes], operations: Any = ()) -> Path:
    path = folder / "hostile.memcube"
    about = {"cubes": len(operations), "operations": len(operations), "source": "somebody", "until": 1}
    with archive.workshop(path) as workshop:
        held = {digest: memoryview(data) for digest, data in blobs.items()}
        archive.write(path, workshop, archive.Draft(operations, about, blobs=held))
    return path
