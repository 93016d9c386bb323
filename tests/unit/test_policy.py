"""Policies: what becomes of sensitive content when it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memos_core import Document, MemOS, Message
from memos_core.cube.policy import Handling, Policy, Sensitive, in_force, policy
from memos_core.errors import InvalidPolicy, NotPermitted, SensitiveContent
from memos_core.operation.pipeline import retag
from memos_core.testing.chat import ScriptedChatModel
from memos_core.testing.embedders import HashingEmbedder

ADDRESS = "ana@example.com"
CARD = "4111 1111 1111 1111"


@pytest.fixture
def memos() -> MemOS:
    return MemOS.open(":memory:", embedder=HashingEmbedder())


def tags(memos: MemOS, text: str, namespace: str = "a") -> tuple[str, ...]:
    [cube] = memos.add(text, namespace=namespace).written
    return cube.governance.sensitivity


# -- policies as values -----------------------------------------------------------------------------


@given(
    st.builds(
        Policy,
        kinds=st.dictionaries(st.sampled_from(Sensitive), st.sampled_from(Handling)),
        default=st.sampled_from(Handling),
    )
)
def test_a_policy_reads_back_what_it_writes(given_policy: Policy) -> None:
    assert policy(str(given_policy)) == given_policy


def test_spaces_and_letter_case_make_no_difference() -> None:
    assert policy(" CARD ,key:Refuse ; Default : keep ") == policy("card, key: refuse; default: keep")
    assert policy("email: redact").default is Handling.TAG


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "  ",
        ";",
        "tag",
        "email",
        "email: hide",
        "mail: tag",
        "email tag",
        "email: tag; email: keep",
        "email,: tag",
        None,
        3,
    ],
)
def test_what_is_no_policy_is_refused_and_says_what_would_be(memos: MemOS, wrong: str) -> None:
    if wrong == ";":
        assert policy(wrong) == Policy()
        return
    with pytest.raises(InvalidPolicy):
        memos.set_policy(wrong, namespace="a")
    assert memos.policy(namespace="a") == Policy()


def test_the_nearest_policy_is_in_force() -> None:
    strict, mild = policy("default: refuse"), policy("default: keep")
    given_policies = {("a",): strict, ("a", "b"): mild}
    assert in_force(given_policies, ("a", "x")) is strict
    assert in_force(given_policies, ("a", "b", "c")) is mild
    assert in_force(given_policies, ("ab",)) == Policy()


# -- the gate ---------------------------------------------------------------------------------------


def test_without_a_policy_what_is_found_is_tagged_and_stays(memos: MemOS) -> None:
    assert tags(memos, f"Write to {ADDRESS} or pay with {CARD}.") == ("card", "email")
    assert tags(memos, "The fox is red.") == ()
    assert memos.search("write to whom", namespace="a")[0].cube.text.startswith(f"Write to {ADDRESS}")


def test_keeping_leaves_no_tag(memos: MemOS) -> None:
    memos.set_policy("email: keep", namespace="a")
    assert tags(memos, f"Write to {ADDRESS}.") == ()
    assert tags(memos, f"Write to {ADDRESS}.", "b") == ("email",)


def test_what_is_refused_is_not_stored_and_not_repeated(memos: MemOS) -> None:
    memos.set_policy("card: refuse", namespace="a")
    with pytest.raises(SensitiveContent, match="holds card, which the policy of a/b refuses") as refused:
        memos.add([Message(content="Fine."), Message(content=f"Pay with {CARD}.")], namespace="a/b")
    assert CARD not in str(refused.value)
    assert memos.list(namespace="a") == []


def test_every_way_of_writing_passes_the_gate(memos: MemOS) -> None:
    ground = memos.add("The fox is red.", namespace="a").ids[0]
    old = memos.add(f"Pay with {CARD}.", namespace="a").ids[0]
    version = memos.get(old).version
    memos.update(old, "Paid.")
    memos.set_policy("card: refuse", namespace="a")
    for write in (
        lambda: memos.update(ground, f"Pay with {CARD}."),
        lambda: memos.update(ground, metadata={"note": {"deep": [CARD]}}),
        lambda: memos.update(ground, metadata={CARD: 1}),
        lambda: memos.update(ground, tags=[CARD]),
        lambda: memos.derive(f"Pay with {CARD}.", because=ground),
        lambda: memos.rollback(old, version),
        lambda: memos.add(Document(text=f"Pay with {CARD}.", id="d"), namespace="a"),
        lambda: memos.add(Message(content="Hello.", name=CARD), namespace="a"),
        lambda: memos.merge_entities("Ana", CARD, namespace="a"),
        lambda: memos.pipeline([lambda pieces, _: [one._replace(content=_with(one)) for one in pieces]], namespace="a"),
    ):
        before = memos.log()
        with pytest.raises(SensitiveContent):
            write()
        assert memos.log() == before
    memos.pipeline([retag(add=["fine"])], namespace="a")


def _with(piece: object) -> object:
    content = piece.content  # type: ignore[attr-defined]
    return content.model_copy(update={"metadata": {"card": CARD}})


def test_what_is_redacted_is_nowhere_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    with MemOS.open(path, embedder=HashingEmbedder()) as memos:
        memos.set_policy("default: redact", namespace="a")
        said = Message(
            content=f"My name is Ana and I live in Faro, mail {ADDRESS}.",
            name="Ana Faro",
            role="user",
            metadata={"from": ADDRESS, "cc": [ADDRESS, {"x": ADDRESS}]},
        )
        [cube] = memos.add([said], namespace="a").written
        memos.update(cube.id, tags=[f"from {ADDRESS}"])
        cube = memos.get(cube.id)
        assert cube.text == "My name is Ana and I live in Faro, mail [email]."
        assert cube.metadata == {"from": "[email]", "cc": ["[email]", {"x": "[email]"}]}
        assert cube.tags == ("from [email]",)
        assert cube.governance.sensitivity == ("email",)
        assert ("lives in", "Faro") in {(claim.predicate, claim.object) for claim in cube.claims}
        assert memos.verify() == []
    for file in tmp_path.iterdir():
        assert b"example.com" not in file.read_bytes()


def test_times_of_a_redacted_text_stand_where_they_are_now(memos: MemOS) -> None:
    memos.set_policy("default: redact", namespace="a")
    [cube] = memos.add(f"Mail {ADDRESS} tomorrow.", namespace="a").written
    [mention] = cube.times
    assert cube.text[mention.offset :].startswith("tomorrow")


def test_a_document_keeps_its_form_when_something_is_taken_out(memos: MemOS) -> None:
    memos.set_policy("default: redact", namespace="a")
    content = f"# Contact\n\nI live in Faro. Mail {ADDRESS}."
    [cube] = memos.add(Document(text=content, media_type="text/markdown", id="d"), namespace="a").written
    assert cube.payload.media_type == "text/markdown"  # type: ignore[union-attr]
    assert (cube.claims, cube.provenance.source_id) == ((), "d")
    assert cube.text.endswith("Mail [email].")


def test_the_chat_model_sees_nothing_that_is_redacted_or_refused() -> None:
    model = ScriptedChatModel([{"claims": []}])
    memos = MemOS.open(":memory:", embedder=HashingEmbedder(), llm=model)
    memos.set_policy("email: redact; card: refuse", namespace="a")
    with pytest.raises(SensitiveContent):
        memos.add(f"Pay with {CARD}.", namespace="a")
    memos.add(f"Mail {ADDRESS} today.", namespace="a")
    assert len(model.asked) == 1
    assert ADDRESS not in str(model.asked)


def test_tags_of_what_was_found_stay_with_what_is_made_of_it(memos: MemOS) -> None:
    [cube] = memos.add(f"Write to {ADDRESS}.", namespace="a").written
    assert memos.derive("Ana has mail.", because=cube.id).governance.sensitivity == ("email",)


def test_moving_into_a_stricter_namespace_passes_its_gate(memos: MemOS) -> None:
    from memos_core.operation.pipeline import transfer

    memos.add(f"Write to {ADDRESS}.", namespace="a")
    memos.set_policy("email: redact", namespace="b")
    memos.pipeline([transfer("b")], namespace="a")
    assert [cube.text for cube in memos.list(namespace="b")] == ["Write to [email]."]


# -- who may ----------------------------------------------------------------------------------------


def test_an_owner_sets_the_policy_of_its_namespace_and_it_is_audited(memos: MemOS) -> None:
    memos.grant("user:ana", namespace="a", role="owner")
    memos.grant("user:bob", namespace="a", role="editor")
    ana, bob = memos.as_principal("user:ana"), memos.as_principal("user:bob")
    ana.set_policy("email: refuse", namespace="a")
    assert str(bob.policy(namespace="a/b")) == "email: refuse; default: tag"
    with pytest.raises(SensitiveContent):
        bob.add(f"Write to {ADDRESS}.", namespace="a")
    for refused in (
        lambda: bob.set_policy("default: keep", namespace="a"),
        lambda: ana.set_policy("default: keep", namespace="b"),
        lambda: ana.policy(namespace="b"),
    ):
        with pytest.raises(NotPermitted):
            refused()
    [entry] = memos.audit(action="policy")
    assert (entry.principal, entry.detail) == ("user:ana", "email: refuse; default: tag")
