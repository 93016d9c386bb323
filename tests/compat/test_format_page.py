"""A stranger's reader and writer of packages, written from docs/FORMAT.md alone: nothing of this library is in them.

If one of these has to be changed, the page has to be changed too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from memos_core import MemOS, State
from memos_core.testing.embedders import HashingEmbedder

FOLDER = Path(__file__).parents[1] / "data" / "packages"
TRUST = ["third_party", "document", "tool", "agent", "user"]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def canonical(value: Any) -> bytes:
    """RFC 8785, for texts without rare characters and whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# -- the reader --------------------------------------------------------------------------------------


def opened(envelope: bytes) -> tuple[str, dict[str, Any]]:
    """Who signed an envelope, and the statement in it."""
    fields = json.loads(envelope)
    assert canonical(fields) == envelope
    (signature,) = fields["signatures"]
    payload, kind = base64.b64decode(fields["payload"]), fields["payloadType"].encode()
    assert kind == b"application/vnd.in-toto+json"
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature["keyid"].removeprefix("ed25519:")))
    key.verify(base64.b64decode(signature["sig"]), signed)
    statement = json.loads(payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    return signature["keyid"], statement


class Stranger:
    """A package that was read."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            self.members = {name: archive.read(name) for name in archive.namelist()}
        assert container(self.members) == path.read_bytes()
        self.manifest = json.loads(self.members["manifest.json"])
        assert canonical(self.manifest) == self.members["manifest.json"]
        assert self.manifest["format"] == "memcube/1"
        others = self.members.keys() - {"manifest.json", "signature.dsse.json"}
        told = {name: {"sha256": digest(self.members[name]), "size": len(self.members[name])} for name in others}
        assert told == self.manifest["files"]
        if self.manifest["publisher"] is not None:
            key, statement = opened(self.members["signature.dsse.json"])
            assert key == self.manifest["publisher"]
            assert statement["predicateType"] == "urn:memcube:package:1"
            assert statement["subject"] == [
                {"name": "manifest.json", "digest": {"sha256": digest(self.members["manifest.json"])}}
            ]
        self.operations = [operation(line) for line in self.members["operations.jsonl"].splitlines()]
        assert len(self.operations) == self.manifest["operations"]
        assert self.operations == sorted(self.operations, key=lambda each: (each["hlc"], each["id"]))
        for name in others:
            if name.startswith("blobs/"):
                blob(name, self.members[name])

    def cubes(self) -> dict[str, tuple[dict[str, Any], str, int]]:
        """What each cube shows, its state, and how many versions were written apart."""
        ids = dict.fromkeys(each["cube"] for each in self.operations)
        folded = {cube: fold([each for each in self.operations if each["cube"] == cube]) for cube in ids}
        return {cube: each for cube, each in folded.items() if each is not None}

    def vectors(self) -> dict[str, tuple[float, ...]]:
        found = {}
        for told in self.manifest["embeddings"]:
            assert told["path"] == f"vectors/{digest(canonical(told['spec']))}"
            data, dim = self.members[told["path"]], told["spec"]["dim"]
            length = 32 + 4 * dim
            assert len(data) == told["count"] * length
            for start in range(0, len(data), length):
                found[data[start : start + 32].hex()] = struct.unpack_from(f"<{dim}f", data, start + 32)
        return found


def operation(line: bytes) -> dict[str, Any]:
    """An operation: the fields of its header, its id, and its body."""
    read = json.loads(line)
    assert canonical(read) == line
    header = read["header"]
    if "body" in read:
        assert header["body"] == digest(bytes.fromhex(read["salt"]) + canonical(read["body"]))
    return {**header, "id": digest(canonical(header)), "body": read.get("body")}


def fold(operations: list[dict[str, Any]]) -> tuple[dict[str, Any], str, int] | None:
    if any(each["kind"] == "erase" for each in operations):
        return None
    puts = not_replaced(operations, "put")
    if not puts:
        return None
    shown = max(puts, key=lambda put: (TRUST.index(trust(put)), put["hlc"], put["actor"], put["id"]))
    state = "generated"
    moves = not_replaced(operations, "state")
    for move in sorted(moves, key=lambda each: (each["hlc"], each["actor"], each["id"]), reverse=True):
        lasts = (
            move["body"]["state"] not in {"merged", "archived", "expired"} and move["body"].get("trigger") != "shake"
        )
        if lasts or {put["id"] for put in puts} <= set(move["parents"]):
            state = move["body"]["state"]
            break
    return shown["body"], state, len(puts) - 1


def not_replaced(operations: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    alike = [each for each in operations if each["kind"] == kind]
    replaced = {parent for each in alike for parent in each["parents"]}
    return [each for each in alike if each["id"] not in replaced and each["body"] is not None]


def trust(put: dict[str, Any]) -> str:
    return str(put["body"].get("governance", {}).get("trust", "user"))


def blob(name: str, data: bytes) -> None:
    assert name == f"blobs/{digest(data)}"
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    places = sorted(each["data_offsets"] for each_name, each in header.items() if each_name != "__metadata__")
    ends = [0, *(place for both in places for place in both), len(data) - 8 - length]
    assert all(end == start for end, start in zip(ends[::2], ends[1::2], strict=True))


# -- the writer --------------------------------------------------------------------------------------


def container(members: dict[str, bytes]) -> bytes:
    body, directory = b"", b""
    for name, data in members.items():
        shared = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0x0021, zlib.crc32(data), len(data), len(data), len(name), 0)
        directory += b"PK\1\2" + struct.pack("<H", 20) + shared + struct.pack("<HHHII", 0, 0, 0, 0, len(body))
        directory += name.encode()
        body += b"PK\3\4" + shared + name.encode() + data
    count = len(members)
    return body + directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)


def written(texts: list[str], key: Ed25519PrivateKey) -> bytes:
    lines = []
    for number, text in enumerate(texts):
        body = {
            "namespace": ["ana"],
            "kind": "fact",
            "payload": {"type": "plaintext", "text": text, "media_type": "text/plain"},
        }
        salt = bytes([number]) * 16
        header = {
            "cube": f"strange-{number}",
            "kind": "put",
            "hlc": f"{1_700_000_000_000 + number:012x}0000",
            "actor": "a-stranger",
            "parents": [],
            "body": digest(salt + canonical(body)),
        }
        lines.append(canonical({"body": body, "header": header, "salt": salt.hex()}) + b"\n")
    operations = b"".join(lines)
    public = f"ed25519:{key.public_key().public_bytes_raw().hex()}"
    manifest = canonical(
        {
            "format": "memcube/1", "name": None, "version": None, "description": "", "licence": None, "rights": {},
            "publisher": public, "namespace": ["ana"], "cubes": len(texts), "operations": len(texts), "erased": 0,
            "source": "a-stranger", "since": 0, "until": len(texts), "left_out": {}, "embeddings": [],
            "files": {"operations.jsonl": {"sha256": digest(operations), "size": len(operations)}},
        }
    )  # fmt: skip
    subject = [{"name": "manifest.json", "digest": {"sha256": digest(manifest)}}]
    kind = b"application/vnd.in-toto+json"
    payload = canonical(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subject,
            "predicateType": "urn:memcube:package:1",
            "predicate": {},
        }
    )
    signature = key.sign(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
    envelope = canonical(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": kind.decode(),
            "signatures": [{"keyid": public, "sig": base64.b64encode(signature).decode()}],
        }
    )
    return container({"manifest.json": manifest, "signature.dsse.json": envelope, "operations.jsonl": operations})


# -- what both are to find ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.memcube")), ids=lambda path: path.name)
def test_a_stranger_reads_what_this_library_does(path: Path) -> None:
    read = Stranger(path)
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        memos.load(path)
        ours = {cube.id: cube for cube in memos.list(namespace="ana", states=State)}
        assert read.cubes().keys() == ours.keys()
        for name, (content, state, apart) in read.cubes().items():
            cube = ours[name]
            assert (content["payload"].get("text", ""), state, apart) == (
                cube.text,
                cube.state.value,
                len(cube.conflicts),
            )


def test_a_stranger_finds_versions_written_apart_blobs_and_vectors() -> None:
    read = Stranger(FOLDER / "whole.memcube")
    content, state, apart = read.cubes()["cube-3"]
    assert (content["payload"]["text"], state, apart) == ("The hare is asleep.", "generated", 1)
    assert read.cubes()["cube-4"][0]["payload"]["blob"]["sha256"] in {name[6:] for name in read.members}
    (vector,) = read.vectors().values()
    assert vector == pytest.approx((0.6, 0.8))


def test_a_stranger_notices_a_forged_signature(tmp_path: Path) -> None:
    members = Stranger(FOLDER / "signed.memcube").members
    manifest = {**json.loads(members["manifest.json"]), "licence": "MIT"}
    forged = tmp_path / "forged.memcube"
    forged.write_bytes(container(members | {"manifest.json": canonical(manifest)}))
    with pytest.raises((AssertionError, InvalidSignature)):
        Stranger(forged)


def test_what_a_stranger_writes_is_read_here_and_written_again_the_same(tmp_path: Path) -> None:
    path = tmp_path / "strange.memcube"
    path.write_bytes(written(["The fox is red.", "L'ours est brun."], Ed25519PrivateKey.generate()))
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        assert len(memos.load(path).new) == 2
        assert [cube.text for cube in memos.list(namespace="ana")] == ["L'ours est brun.", "The fox is red."]
        memos.export(tmp_path / "back")
    assert Stranger(tmp_path / "back").operations == Stranger(path).operations


@pytest.mark.parametrize("name", ["index.json", "licence.json", "report.json", "rotation.json"])
def test_a_stranger_reads_statements_of_registries(name: str) -> None:
    key, statement = opened((FOLDER / name).read_bytes())
    assert statement["predicateType"] == f"urn:memstore:{name.removesuffix('.json')}:1"
    (subject,) = statement["subject"]
    assert subject["digest"]["sha256"] == digest(subject["name"].encode())
    said = statement["predicate"]
    if name == "index.json":
        release = said["packages"]["ana/foxes"]["releases"][0]
        data = (FOLDER / "signed.memcube").read_bytes()
        assert (release["sha256"], release["size"]) == (digest(data), len(data))
    if name == "report.json":
        head = bytes(32)
        for at, memories in said["uses"]:
            head = hashlib.sha256(head + canonical({"at": at, "memories": memories})).digest()
        assert head.hex() == said["head"]
    if name == "rotation.json":
        assert subject["name"] == key
        assert said["successor"].startswith("ed25519:")
