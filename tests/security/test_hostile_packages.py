"""Packages made to do harm: each is refused, nothing of it is stored, and nothing else happens.

CI tries a sample; ``MUTATIONS=100000 python -m pytest tests/security/test_hostile_packages.py`` tries as many as you like.
"""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from memos_core import MemOS
from memos_core.cube.canonical import canonical, sha256
from memos_core.cube.clock import HybridClock
from memos_core.cube.memcube import Content, Kind
from memos_core.cube.package import About
from memos_core.cube.payload import Activation, BlobRef
from memos_core.errors import InvalidInput
from memos_core.infrastructure.exchange import container
from memos_core.infrastructure.exchange.signing import SigningKey
from memos_core.operation.author import Author
from memos_core.ports import Batch
from memos_core.testing.embedders import HashingEmbedder

MUTATIONS = int(os.environ.get("MUTATIONS", "1500"))
MOST_MEMORY = 300  # MB
Change = Callable[[bytes, random.Random], bytes]

HARM: set[str] = set()  # what the audit hook has seen
WATCHED: list[Path] = []  # where alone files may be written


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not WATCHED:
        return
    if event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.spawn", "pickle.", "ctypes.dlopen")):
        HARM.add(event)
    if event == "open" and isinstance(arguments[0], str):
        mode = arguments[1] or ""
        is_written = any(letter in mode for letter in "wax+") or (not mode and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if is_written and not any(Path(arguments[0]).resolve().is_relative_to(place) for place in WATCHED):
            HARM.add(f"writes {arguments[0]}")


sys.addaudithook(_watch)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A signed package with all there can be in one."""
    path = tmp_path_factory.mktemp("sound") / "p"
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        fox = memos.add("The fox is red.", namespace="a").ids[0]
        memos.update(fox, "The fox is grey.")
        memos.erase(memos.add("The owl is white.", namespace="a").ids[0])
        memos.derive("The fox is old.", because=fox)
        cache = save({"k": np.arange(100, dtype=np.float16)})
        ref = BlobRef(sha256=sha256(cache), size=len(cache))
        payload = Activation(blob=ref, model="m", tokens=1, dtype="float16", shape=(100,))
        content = Content(namespace=("a",), kind=Kind.FACT, payload=payload)
        put = Author("test", HybridClock(memos.clock.now)).put("cache", content)
        memos._vault.commit(Batch([put], blobs={ref.sha256: cache}))
        about = About(name="ana/foxes", version="1.0.0", licence_text="Do as you like.")
        memos.export(path, vectors=True, key=SigningKey.new(), about=about)
    return path.read_bytes()


def flipped(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def doubled(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.sample(range(len(data)), 2))
    return data[:end] + data[start:]


def swapped(data: bytes, chance: random.Random) -> bytes:
    first, second = (chance.randrange(len(data) - 8) for _ in range(2))
    changed = bytearray(data)
    changed[first : first + 8], changed[second : second + 8] = data[second : second + 8], data[first : first + 8]
    return bytes(changed) if changed != data else data[1:]


def overwritten(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) - 4)
    number = chance.choice(
        [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"PK\1\2", b"PK\5\6", b"null", b"1e99"]
    )
    return data[:place] + number + data[place + 4 :] if data[place : place + 4] != number else data[:-1]


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(held: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    container.write(stream, held)
    return stream.getvalue()


def consistent(held: dict[str, bytes], changes: dict[str, Any]) -> bytes:
    """A package without a signature whose digests agree: what a forger would make."""
    held = {name: each for name, each in held.items() if name != "signature.dsse.json"}
    files = {
        name: {"sha256": sha256(each), "size": len(each)} for name, each in held.items() if name != "manifest.json"
    }
    manifest = json.loads(held["manifest.json"]) | {"publisher": None, "files": files} | changes
    return written(held | {"manifest.json": canonical(manifest)})


def in_manifest(data: bytes, chance: random.Random) -> bytes:
    """A signed manifest with something else in it."""
    held = members(data)
    manifest = json.loads(held["manifest.json"])
    field = chance.choice(sorted(manifest))
    manifest[field] = chance.choice([None, -1, "x" * 1000, [], {}, 2**53 - 1, True, {"a": {"b": [1]}}, "../../etc"])
    if manifest == json.loads(held["manifest.json"]):
        manifest["more"] = 1
    return written(held | {"manifest.json": canonical(manifest)})


def in_line(data: bytes, chance: random.Random) -> bytes:
    """An operation of another content, in a package whose digests agree."""
    held = members(data)
    lines = held["operations.jsonl"].splitlines(keepends=True)
    number = chance.randrange(len(lines))
    changed = chance.choice([flipped, cut, doubled, swapped, overwritten])(lines[number], chance)
    deep = b'{"body":' + b"[" * 10_000 + b"]" * 10_000 + b',"header":{},"salt":"00"}\n'
    lines[number] = chance.choice([changed, changed, changed, b"", deep, b'{"body":{"a":NaN},"header":{},"salt":""}\n'])
    return consistent(
        held | {"operations.jsonl": b"".join(lines)}, {"embeddings": json.loads(held["manifest.json"])["embeddings"]}
    )


def as_zip(data: bytes, chance: random.Random) -> bytes:
    """What other zip programs would write: compressed, with links, paths, names twice, comments."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, each in members(data).items():
            info = zipfile.ZipInfo(chance.choice([name, name, f"../{name}", f"/{name}", f"{name}\\x", f"C:{name}"]))
            info.external_attr = chance.choice([0, 0o120777 << 16])
            archive.writestr(info, each, compress_type=chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
        archive.comment = chance.choice([b"", b"hello"])
    return stream.getvalue()


def bomb(data: bytes, chance: random.Random) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("manifest.json"), b"0" * 10_000_000, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


CHANGES: tuple[Change, ...] = (flipped, cut, doubled, swapped, overwritten, in_manifest, as_zip)


def tried(memos: MemOS, data: bytes, path: Path) -> bool:
    """Whether a package is taken in; if not, it is refused as it should be."""
    path.write_bytes(data)
    try:
        memos.load(path)
    except InvalidInput:
        return False
    return True


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a vault, beside which nothing may be written."""
    place = tmp_path / "in"
    place.mkdir()
    WATCHED[:] = [place]
    yield place
    WATCHED.clear()
    assert set() == HARM
    assert {path.name for path in place.iterdir()} <= {"p.memcube", "vault.db", "vault.db-blobs"}
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_every_altered_package_is_refused_and_does_no_harm(sound: bytes, folder: Path) -> None:
    chance = random.Random(7)
    with MemOS.open(folder / "vault.db", embedder=HashingEmbedder()) as memos:
        memos.add("The hare is quick.", namespace="b")
        for number in range(MUTATIONS):
            change = bomb if number % 500 == 0 else CHANGES[number % len(CHANGES)]
            assert not tried(memos, change(sound, chance), folder / "p.memcube"), f"number {number}, {change.__name__}"
        assert memos.stats().operations == 1
        assert memos.verify() == []


def test_what_a_forger_makes_whole_again_is_sound_or_refused(sound: bytes, folder: Path) -> None:
    """Without a signature another header is another operation, which nobody can tell from a true one."""
    chance = random.Random(8)
    with MemOS.open(folder / "vault.db", embedder=HashingEmbedder()) as memos:
        taken = sum(tried(memos, in_line(sound, chance), folder / "p.memcube") for _ in range(MUTATIONS // 4))
        assert taken < MUTATIONS / 20
        assert memos.verify() == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process inherits what its parent has used")
def test_lengths_that_are_lies_take_no_memory(sound: bytes, tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from memos_core import MemOS
from memos_core.errors import InvalidInput
from memos_core.testing.embedders import HashingEmbedder
with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
    for path in sys.argv[1:]:
        try:
            memos.load(path)
            sys.exit("was taken in")
        except InvalidInput:
            pass
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""
    held = members(sound)
    long = b'{"header":' + b" " * 50_000_000
    lies = [
        sound.replace((len(held["manifest.json"])).to_bytes(4, "little"), b"\xf0\xff\xff\xff"),
        consistent(held | {"operations.jsonl": long}, {"embeddings": ()}),
        consistent(held, {"embeddings": [], "operations": 2**53 - 1}),
        written(held | {"manifest.json": b"[" * 5_000_000}),
    ]
    paths = []
    for number, data in enumerate(lies):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(data)
    done = subprocess.run([sys.executable, "-c", program, *paths], capture_output=True, text=True, check=True)
    assert int(done.stdout) < MOST_MEMORY * 2**10
