"""Packages and merges, as users meet them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memos_core import Document, MemOS, MemOSWarning, Message, Note, State, Trust
from memos_core.cube.canonical import canonical, sha256
from memos_core.cube.package import About, Manifest
from memos_core.errors import (
    EmbedderMismatch,
    InvalidInput,
    InvalidKey,
    InvalidPackage,
    NotPermitted,
    PackageTooNew,
)
from memos_core.infrastructure.exchange import container
from memos_core.infrastructure.exchange.archive import Package
from memos_core.infrastructure.exchange.encryption import new_identity
from memos_core.infrastructure.exchange.signing import SigningKey
from memos_core.testing.embedders import HashingEmbedder


class Counting(HashingEmbedder):
    """Counts what it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def embed(self, texts: Any, *, is_query: bool = False) -> Any:
        self.count += 0 if is_query else len(texts)
        return super().embed(texts, is_query=is_query) if is_query else super().embed(texts)


@pytest.fixture
def memos(tmp_path: Path) -> Iterator[MemOS]:
    with MemOS.open(tmp_path / "a.db", embedder=HashingEmbedder()) as opened:
        yield opened


@pytest.fixture
def other(tmp_path: Path) -> Iterator[MemOS]:
    with MemOS.open(tmp_path / "b.db", embedder=HashingEmbedder()) as opened:
        yield opened


def add(memos: MemOS, text: str, namespace: str = "alice", **fields: Any) -> str:
    return memos.add(Message(content=text, **fields), namespace=namespace).ids[0]


def texts(memos: MemOS, namespace: str = "alice") -> list[str]:
    return sorted(cube.text for cube in memos.list(namespace=namespace, states=State))


def operations(memos: MemOS) -> set[Any]:
    return {operation for _, operation in memos._vault.log(limit=10_000)}


def test_a_vault_goes_into_a_package_and_comes_out_the_same(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    fox = add(memos, "The fox is red.", metadata={"page": 3}, name="Ana", id="m1")
    memos.update(fox, "The fox is grey.")
    memos.forget(add(memos, "The owl is white."))
    memos.erase(add(memos, "The hare is quick."))
    memos.add(Document(text="# Tea\n\nGreen tea.", media_type="text/markdown", title="Tea"), namespace="alice/x")
    manifest = memos.export(tmp_path / "p.memcube")
    assert (manifest.cubes, manifest.erased, manifest.operations) == (3, 1, memos.stats().operations)
    merged = other.load(tmp_path / "p.memcube")
    assert len(merged.new) == 3
    assert merged.unembedded == 0
    assert operations(other) == operations(memos)
    assert other.list(namespace="alice", states=State) == memos.list(namespace="alice", states=State)
    assert [hit.cube.id for hit in other.search("grey fox", namespace="alice")][:1] == [fox]
    assert other.history(fox) == memos.history(fox)
    assert other.verify() == []


def test_exporting_twice_gives_the_same_bytes(memos: MemOS, tmp_path: Path) -> None:
    add(memos, "The fox is red.")
    add(memos, "Write to ana@example.com")
    key = SigningKey.new()
    for name in ("p", "q"):
        memos.export(tmp_path / name, vectors=True, key=key)
        memos.export(tmp_path / f"{name}2", namespace="alice", sensitive="redact")
    assert (tmp_path / "p").read_bytes() == (tmp_path / "q").read_bytes()
    assert (tmp_path / "p2").read_bytes() == (tmp_path / "q2").read_bytes()


def test_loading_twice_stores_nothing_twice(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    add(memos, "The fox is red.")
    memos.export(tmp_path / "p")
    assert other.merge(tmp_path / "p").operations == 1
    assert other.merge(tmp_path / "p").operations == 0


def test_two_vaults_that_changed_apart_come_to_the_same(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    fox, owl = add(memos, "The fox is red."), add(memos, "The owl is white.")
    other.merge(tmp_path / "a.db")
    memos.update(fox, "The fox is grey.")
    other.update(fox, "The fox is brown.")
    other.erase(owl)
    only = add(other, "The hare is quick.")
    taken, given = memos.sync(tmp_path / "b.db")
    assert taken.new == (only,)
    assert taken.conflicts == (fox,)
    assert taken.erased == (owl,)
    assert given.conflicts == (fox,)
    assert operations(memos) == operations(other)
    assert memos.get(fox) == other.get(fox)
    assert len(memos.get(fox).conflicts) == 1
    resolved = memos.resolve(fox)
    other.merge(tmp_path / "a.db")
    assert other.get(fox) == resolved
    assert memos.sync(tmp_path / "b.db")[0].operations == 0


def test_a_package_is_not_kept_in_step_with(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    add(memos, "The fox is red.")
    memos.export(tmp_path / "p")
    with pytest.raises(InvalidInput, match="is no vault"):
        other.sync(tmp_path / "p")
    assert other.stats().operations == 0


def test_what_rests_on_a_memory_follows_it_when_the_change_comes_by_merge(
    memos: MemOS, other: MemOS, tmp_path: Path
) -> None:
    dog = add(memos, "Ana has a dog.")
    plan = memos.derive("Buy food for the dog.", because=dog)
    other.merge(tmp_path / "a.db")
    other.erase(dog)
    memos.merge(tmp_path / "b.db")
    assert texts(memos) == []
    late = MemOS.open(":memory:", embedder=HashingEmbedder())
    ground = add(memos, "Ana has a cat.")
    conclusion = memos.derive("Buy food for the cat.", because=ground)
    late.merge(tmp_path / "a.db")
    memos.forget(ground)
    late.merge(tmp_path / "a.db")
    assert late.get(conclusion.id).state is State.ARCHIVED
    assert plan.id not in {cube.id for cube in late.list(namespace="alice", states=State)}


def test_an_erased_memory_does_not_come_back_with_an_older_package(memos: MemOS, tmp_path: Path) -> None:
    fox = add(memos, "The fox is vermilion.")
    memos.export(tmp_path / "p")
    memos.erase(fox)
    memos.load(tmp_path / "p")
    assert texts(memos) == []
    assert b"vermilion" not in (tmp_path / "a.db").read_bytes()


def test_a_part_is_chosen_by_namespace_kind_ids_and_filters(memos: MemOS, tmp_path: Path) -> None:
    add(memos, "The fox is red.", metadata={"zoo": 1})
    owl = add(memos, "The owl is white.", "alice/birds")
    memos.add(Note(text="Ana likes tea."), namespace="alice")
    add(memos, "The hare is quick.", "bob")
    parts: list[tuple[dict[str, Any], list[str]]] = [
        ({"namespace": "alice/birds"}, ["The owl is white."]),
        ({"namespace": "alice", "kinds": ["fact"]}, ["Ana likes tea."]),
        ({"namespace": "alice", "where": {"zoo": 1}}, ["The fox is red."]),
        ({"cubes": [owl]}, ["The owl is white."]),
        ({"namespace": "bob", "cubes": [owl]}, []),
    ]
    for number, (wanted, expected) in enumerate(parts):
        path = tmp_path / str(number)
        manifest = memos.export(path, **wanted)
        assert manifest.cubes == len(expected)
        within = len(memos.list(namespace=wanted["namespace"])) if "namespace" in wanted else 4
        assert manifest.left_out.get("memories that were not asked for", 0) == within - len(expected)
        with MemOS.open(":memory:", embedder=HashingEmbedder()) as fresh:
            fresh.load(path)
            assert sorted(texts(fresh) + texts(fresh, "bob")) == expected


def test_history_can_stay_and_the_manifest_says_so(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    fox = add(memos, "The fox is red.")
    memos.update(fox, "The fox is grey.")
    assert memos.export(tmp_path / "p", history=False).left_out == {"earlier versions": 1}
    other.load(tmp_path / "p")
    assert other.get(fox).text == "The fox is grey."
    assert [change.content is None for change in other.history(fox)] == [True, False]
    memos.export(tmp_path / "q")
    other.load(tmp_path / "q")
    assert operations(other) == operations(memos)


def test_what_a_memory_said_in_another_namespace_stays_there(memos: MemOS, tmp_path: Path) -> None:
    from memos_core.operation.pipeline import redact, transfer

    add(memos, "The code is 4711.")
    memos.pipeline([redact(r"\d+"), transfer("team")], namespace="alice")
    manifest = memos.export(tmp_path / "p", namespace="team")
    assert manifest.left_out == {"earlier versions from elsewhere": 1}
    assert b"4711" not in (tmp_path / "p").read_bytes()


@pytest.mark.parametrize(
    ("how", "count", "expected"), [("leave out", 2, []), ("redact", 1, ["Call me.", "Write to [email]."])]
)
def test_sensitive_memories_stay_or_go_redacted(
    memos: MemOS, tmp_path: Path, how: str, count: int, expected: list[str]
) -> None:
    add(memos, "The fox is red.")
    mail = add(memos, "Write to ana@example.com.")
    old = add(memos, "Call +49 30 1234567.")
    memos.update(old, "Call me.")
    manifest = memos.export(tmp_path / "p", sensitive=how)
    assert manifest.left_out["sensitive memories"] == count  # a tag outlives what it was given for
    data = (tmp_path / "p").read_bytes()
    assert b"example.com" not in data
    assert b"1234567" not in data
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as fresh:
        fresh.load(tmp_path / "p")
        assert texts(fresh) == sorted(["The fox is red.", *expected])
        assert mail not in {cube.id for cube in fresh.list(namespace="alice")}


def test_what_a_person_tagged_as_sensitive_stays_for_no_rule_knows_its_words(memos: MemOS, tmp_path: Path) -> None:
    from memos_core.cube.memcube import Governance

    fox = memos.get(add(memos, "The fox has a cold."))
    memos._put(fox, fox.content().model_copy(update={"governance": Governance(sensitivity=("health",))}))
    assert memos.export(tmp_path / "p", sensitive="redact").cubes == 0


def test_only_what_came_since_an_earlier_package(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    add(memos, "The fox is red.")
    first = memos.export(tmp_path / "p")
    add(memos, "The owl is white.")
    second = memos.export(tmp_path / "q", since=first)
    assert (second.operations, second.since) == (1, first.until)
    other.load(tmp_path / "q")
    other.load(tmp_path / "p")
    assert operations(other) == operations(memos)
    with pytest.raises(InvalidInput, match="another vault"):
        other.export(tmp_path / "r", since=first)


def test_copies_of_a_strangers_package_change_nothing_here(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    fox = add(memos, "I live in Porto.", name="Ana", id="m1")
    other.merge(tmp_path / "a.db")
    other.update(fox, "I live in Rome.")
    other.export(tmp_path / "p")
    merged = memos.load(tmp_path / "p", namespace="from-bob")
    assert memos.get(fox).text == "I live in Porto."
    [copy] = memos.list(namespace="from-bob")
    assert merged.new == (copy.id,)
    assert (copy.text, copy.namespace, copy.governance.trust) == (
        "I live in Rome.",
        ("from-bob", "alice"),
        Trust.THIRD_PARTY,
    )
    assert copy.metadata == {"source_id": "m1"}
    assert copy.provenance.speaker == "Ana"
    assert memos.load(tmp_path / "p", namespace="from-bob").operations == 0
    assert memos.load(tmp_path / "p", trust="document").new
    other.update(fox, "I live in Oslo.")
    other.export(tmp_path / "q")
    assert memos.load(tmp_path / "q", namespace="from-bob").changed == (copy.id,)
    assert memos.get(copy.id).text == "I live in Oslo."
    with pytest.raises(InvalidInput, match="tier"):
        memos.load(tmp_path / "p", trust="boundless")


def test_copies_follow_one_another_as_their_originals_did(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    said = [Message(content=f"Message {number}") for number in range(3)]
    memos.add(said, namespace="alice", session="one")
    memos.add(said, namespace="alice", session="two")
    memos.export(tmp_path / "p")
    other.load(tmp_path / "p", trust="agent")
    copies = {cube.id: cube for cube in other.list(namespace="alice")}
    followed = {
        (cube.provenance.session, copies[cube.follows].text, cube.text) for cube in copies.values() if cube.follows
    }
    assert followed == {
        (session, f"Message {number}", f"Message {number + 1}") for session in ("one", "two") for number in range(2)
    }


def test_a_signed_package_says_who_signed_it(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    add(memos, "The fox is red.")
    key = SigningKey.new()
    about = About(
        name="ana/foxes", version="1.0.0", licence="MIT", licence_text="Do as you like.", rights={"use": "any"}
    )
    manifest = memos.export(tmp_path / "p", key=key, about=about)
    assert (manifest.publisher, manifest.name, manifest.rights) == (key.public, "ana/foxes", {"use": "any"})
    with Package(tmp_path / "p") as package:
        assert package.manifest == manifest
        assert package.licence() == "Do as you like."
    assert other.load(tmp_path / "p").operations == 1


def rebuilt(path: Path, changes: dict[str, Any], **members: bytes | None) -> Path:
    """A package with other members and another manifest, whose digests agree."""
    with zipfile.ZipFile(path) as archive:
        held: dict[str, Any] = {name: archive.read(name) for name in archive.namelist()}
    held |= {name.replace("_", "."): data for name, data in members.items()}
    manifest = json.loads(held["manifest.json"])
    manifest["files"] = {
        name: {"sha256": sha256(data), "size": len(data)}
        for name, data in held.items()
        if name not in {"manifest.json", "signature.dsse.json"} and data is not None
    }
    held["manifest.json"] = canonical(manifest | changes)
    target = path.with_name("rebuilt")
    with target.open("wb") as stream:
        container.write(stream, {name: data for name, data in held.items() if data is not None})
    return target


@pytest.mark.parametrize(
    ("changes", "members", "said"),
    [
        ({"cubes": 9}, {}, "signature"),
        ({"publisher": None}, {}, "names no publisher"),
        ({"publisher": "ed25519:" + "0" * 64}, {}, "signature"),
        ({}, {"signature_dsse_json": None}, "names no publisher"),
        ({"format": "memcube/2"}, {}, "newer release"),
        ({"format": "zip"}, {}, "manifest"),
        ({"operations": "many"}, {}, "not complete"),
        ({"files": {}}, {}, "members"),
        ({}, {"operations_jsonl": b"{}\n"}, "signature"),
    ],
)
def test_a_forged_package_is_refused_whole(
    memos: MemOS, other: MemOS, tmp_path: Path, changes: dict[str, Any], members: dict[str, Any], said: str
) -> None:
    add(memos, "The fox is red.")
    memos.export(tmp_path / "p", key=SigningKey.new())
    members = {name.replace("dsse_json", "dsse.json"): data for name, data in members.items()}
    with pytest.raises(InvalidPackage, match=said):
        other.load(rebuilt(tmp_path / "p", changes, **members))
    assert other.stats().operations == 0


def test_a_package_of_a_later_release_says_so(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    memos.export(tmp_path / "p")
    with pytest.raises(PackageTooNew, match="memcube/9"):
        other.load(rebuilt(tmp_path / "p", {"format": "memcube/9"}))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"hello\n", "line 1"),
        (b'{"header":{}}\n', "line 1"),
        (b'{"header":' + b"[" * 100_000 + b"\n", "line 1"),
        (b'{"body":NaN,"header":{},"salt":""}\n', "line 1"),
        (b"\xff\n", "line 1"),
        (b"\n", "line 1"),
    ],
)
def test_a_line_that_is_no_operation_is_named(
    memos: MemOS, other: MemOS, tmp_path: Path, line: bytes, said: str
) -> None:
    memos.export(tmp_path / "p")
    with pytest.raises(InvalidPackage, match=said):
        other.load(rebuilt(tmp_path / "p", {"operations": 1}, operations_jsonl=line))


def test_operations_out_of_order_twice_or_missing_are_refused(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    add(memos, "The fox is red.")
    add(memos, "The owl is white.")
    memos.export(tmp_path / "p")
    with zipfile.ZipFile(tmp_path / "p") as archive:
        first, second = archive.read("operations.jsonl").splitlines(keepends=True)
    for number, lines in enumerate([second + first, first + first, first, first + second[:-1], first + b" " + second]):
        with pytest.raises(InvalidPackage):
            other.load(rebuilt(tmp_path / "p", {"operations": 2}, operations_jsonl=lines))
        assert other.stats().operations == 0, number


def test_an_encrypted_package_is_for_its_recipients_only(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    add(memos, "The fox is vermilion.")
    secret, public = new_identity()
    stranger, _ = new_identity()
    memos.export(tmp_path / "p", recipients=[public])
    assert b"vermilion" not in (tmp_path / "p").read_bytes()
    for identities in ((), (stranger,)):
        with pytest.raises(InvalidInput, match=r"encrypted|decrypted"):
            other.load(tmp_path / "p", identities=identities)
    with pytest.raises(InvalidKey):
        other.load(tmp_path / "p", identities=["AGE-SECRET-KEY-1"])
    other.load(tmp_path / "p", identities=[stranger, secret])
    assert texts(other) == ["The fox is vermilion."]
    with pytest.raises(InvalidKey, match="public key of age"):
        memos.export(tmp_path / "q", recipients=["bob"])
    assert not (tmp_path / "q").exists()


def test_vectors_are_used_where_they_are_trusted_and_agree(memos: MemOS, tmp_path: Path) -> None:
    for number in range(5):
        add(memos, f"The fox number {number} is red.")
    memos.export(tmp_path / "p", vectors=True)
    embedder = Counting()
    with MemOS.open(":memory:", embedder=embedder) as fresh:
        fresh.merge(tmp_path / "p", trust_vectors=True)
        assert embedder.count == 5  # the sample
        assert fresh.search("fox", namespace="alice", limit=9) != []
        assert fresh.stats().unembedded == 0
    with MemOS.open(":memory:", embedder=(untrusting := Counting())) as fresh:
        fresh.merge(tmp_path / "p")
        assert untrusting.count == 5


def test_vectors_that_are_not_those_of_their_texts_are_made_anew(
    memos: MemOS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fox = add(memos, "The fox is red.")
    known = memos._whole.known_vectors
    monkeypatch.setattr(
        memos._whole, "known_vectors", lambda texts, spec: {k: np.roll(v, 1) for k, v in known(texts, spec).items()}
    )
    memos.export(tmp_path / "p", vectors=True)
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as fresh:
        with pytest.warns(MemOSWarning, match="made anew"):
            fresh.merge(tmp_path / "p", trust_vectors=True)
        assert fresh.search("The fox is red.", namespace="alice")[0].cube.id == fox


def test_the_sample_of_vectors_is_of_the_whole_package(
    memos: MemOS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were it of the beginning, a stranger would put the false ones behind it."""
    memos.add([Message(content=f"The fox number {number} is red.") for number in range(1200)], namespace="alice")
    known = memos._whole.known_vectors
    turned = lambda text, vector: vector if int(text.split()[3]) < 600 else np.roll(vector, 1)  # noqa: E731
    monkeypatch.setattr(
        memos._whole,
        "known_vectors",
        lambda texts, spec: {text: turned(text, vector) for text, vector in known(texts, spec).items()},
    )
    memos.export(tmp_path / "p", vectors=True)
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as fresh, pytest.warns(MemOSWarning, match="made anew"):
        fresh.merge(tmp_path / "p", trust_vectors=True)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 9.0])
def test_what_is_no_vector_of_length_one_is_made_anew_wherever_it_lies(
    memos: MemOS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    from memos_core.system import receiving

    foxes = [add(memos, f"The fox number {number} is red.") for number in range(3)]
    known = memos._whole.known_vectors
    bad = "The fox number 2 is red."
    monkeypatch.setattr(
        memos._whole,
        "known_vectors",
        lambda texts, spec: {t: np.full_like(v, value) if t == bad else v for t, v in known(texts, spec).items()},
    )
    monkeypatch.setattr(receiving, "_drawn", lambda operations: list(operations)[:2])
    memos.export(tmp_path / "p", vectors=True)
    with MemOS.open(":memory:", embedder=(embedder := Counting())) as fresh:
        fresh.merge(tmp_path / "p", trust_vectors=True)
        assert embedder.count == 3  # the sample, and the bad one
        assert fresh.search(bad, namespace="alice")[0].cube.id == foxes[2]


def test_vectors_of_another_model_are_made_anew_with_progress_and_that_can_be_broken_off(tmp_path: Path) -> None:
    with MemOS.open(tmp_path / "a.db", embedder=HashingEmbedder(dim=32)) as theirs:
        theirs.add([Message(content=f"The fox number {number} is red.") for number in range(600)], namespace="alice")
        theirs.export(tmp_path / "p", vectors=True)
    steps: list[tuple[int, int]] = []

    def advance(done: int, total: int) -> None:
        steps.append((done, total))
        raise KeyboardInterrupt

    with MemOS.open(tmp_path / "b.db", embedder=(embedder := Counting())) as fresh:
        fresh.add([Message(content=f"The owl number {number} is white.") for number in range(50)], namespace="bob")
        with pytest.raises(KeyboardInterrupt):
            fresh.merge(tmp_path / "p", trust_vectors=True, progress=advance)
        assert 0 < (left := fresh.stats().unembedded) < 600
        made = embedder.count
        fresh.reembed(progress=lambda done, total: steps.append((done, total)))
        assert embedder.count - made == left  # and nothing twice
        assert fresh.stats().unembedded == 0
    assert steps[0][1] == 600
    assert steps[-1][0] == steps[-1][1]


def test_another_embedder_is_refused_before_anything_is_taken(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    add(memos, "The fox is red.")
    add(other, "The owl is white.")
    memos.export(tmp_path / "p")
    other.close()
    with MemOS.open(tmp_path / "b.db", embedder=HashingEmbedder(dim=32)) as different:
        with pytest.raises(EmbedderMismatch):
            different.load(tmp_path / "p")
        assert different.stats().operations == 1


def test_a_principal_neither_exports_nor_merges(memos: MemOS, tmp_path: Path) -> None:
    memos.grant("user:bob", namespace="alice", role="owner")
    bob = memos.as_principal("user:bob")
    memos.export(tmp_path / "p")
    for call in (
        lambda: bob.export(tmp_path / "q"),
        lambda: bob.load(tmp_path / "p"),
        lambda: bob.merge(tmp_path / "p"),
        lambda: bob.sync(tmp_path / "b.db"),
    ):
        with pytest.raises(NotPermitted):
            call()
    assert not (tmp_path / "q").exists()


def test_what_cannot_be_exported_or_merged_is_told(memos: MemOS, tmp_path: Path) -> None:
    memos.export(tmp_path / "p")
    with pytest.raises(InvalidInput, match="there already"):
        memos.export(tmp_path / "p")
    with pytest.raises(InvalidInput, match="cannot be written"):
        memos.export(tmp_path / "no" / "p")
    with pytest.raises(InvalidInput, match="leave out"):
        memos.export(tmp_path / "q", sensitive="hide")
    with pytest.raises(InvalidInput, match="fork"):
        memos.export(tmp_path / "q", namespace="alice", known_at=memos._clock.now() - timedelta(days=1))
    with pytest.raises(InvalidInput, match="cannot be read"):
        memos.merge(tmp_path / "missing")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(InvalidPackage):
        memos.merge(tmp_path / "text")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith((".p", ".q"))] == []


@pytest.mark.parametrize(
    ("name", "version"), [("foxes", "1.0.0"), ("Ana/foxes", "1.0.0"), ("ana/foxes", "1.0"), ("ana/foxes", "01.0.0")]
)
def test_a_name_or_version_that_is_none_is_refused(name: str, version: str) -> None:
    with pytest.raises(InvalidInput, match=r"name|version"):
        About(name=name, version=version)


def test_the_audit_log_tells_of_exports_and_merges(memos: MemOS, other: MemOS, tmp_path: Path) -> None:
    add(memos, "The fox is red.")
    memos.export(tmp_path / "p", namespace="alice")
    other.load(tmp_path / "p")
    assert memos.audit(action="export")[0].detail == "1 memories to p"
    assert "1 operations of package" in other.audit(action="merge")[0].detail


def test_a_manifest_of_a_newer_minor_release_keeps_what_it_says(tmp_path: Path) -> None:
    fields = {"cubes": 0, "operations": 0, "source": "a", "until": 0, "files": {}, "newer": [1]}
    assert Manifest.model_validate(fields).model_dump(mode="json")["newer"] == [1]
