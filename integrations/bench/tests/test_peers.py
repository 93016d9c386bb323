"""Every peer that is installed keeps the same small contract; those that are not are named with what installs them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from memos_bench.conversations import Conversation, load, said
from memos_bench.peers import ABLATION, FLOORS, MEMOS, PEERS, Peer, Place, System, chosen
from memos_bench.vectors import SharedVectors
from memos_core import Message
from memos_core.errors import InvalidInput, ModelMissing
from memos_core.testing.embedders import HashingEmbedder

RUN_HERE = [pytest.param(system, id=system.module) for system in (MEMOS, ABLATION, FLOORS, *PEERS)]
EMBEDS_OTHER_TEXTS = {"langgraph_json"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedder: HashingEmbedder) -> Place:
    for peer in PEERS:
        for name, value in peer.environment.items():
            monkeypatch.setenv(name, value.format(folder=tmp_path))
    (tmp_path / "peer").mkdir()
    return Place(tmp_path / "peer", SharedVectors(embedder))


@pytest.fixture
def talk(lines: Path) -> Conversation:
    return load(lines)[0]


@pytest.fixture
def peer(system: System, place: Place, talk: Conversation) -> Iterator[Peer]:
    why = system.missing()
    if why is not None:
        pytest.skip(str(why))
    try:
        opened = system.open(place)
    except ModelMissing as error:  # a model of the peer's own
        pytest.skip(str(error))
    for session, messages in talk.sessions.items():
        opened.add(messages, session=session)
    yield opened
    opened.close()


@pytest.mark.filterwarnings("default")  # theirs, not ours
@pytest.mark.parametrize("system", RUN_HERE)
def test_a_peer_answers_with_ids_of_messages_the_best_first(peer: Peer, talk: Conversation) -> None:
    for name, search in peer.searches().items():
        found = search("What is the goat called?", 3)
        assert set(found) <= set(talk.session_of()), name
        if name not in {"without text", "without vectors"}:
            assert found[0] == "1", name


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("system", RUN_HERE)
def test_a_peer_takes_two_messages_of_equal_text(peer: Peer) -> None:
    peer.add([Message(id=name, content="Bananas!", name="Ana") for name in ("x", "y")], session="again")
    for name, search in peer.searches().items():
        assert {"x", "y"} & set(search("Who said bananas?", 5)), name


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("system", RUN_HERE)
def test_a_peer_embeds_the_texts_that_all_others_embed(
    system: System, peer: Peer, place: Place, talk: Conversation
) -> None:
    others = place.vectors.others([said(message) for message in talk.messages()])
    assert bool(others) is (system.module in EMBEDS_OTHER_TEXTS)


def test_a_peer_of_no_such_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidInput, match="mem0, langgraph"):
        chosen(["mem9"])


def test_a_named_peer_that_is_not_installed_is_an_error_and_with_all_it_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = System("absent", "absent", "absent", ("no_such_module.inner",))
    monkeypatch.setattr("memos_bench.peers.PEERS", (absent,))
    monkeypatch.setattr("memos_bench.peers.NAMES", ("absent",))
    with pytest.raises(ModelMissing, match=r"no_such_module.*memcubes\[bench\]"):
        chosen(["absent"])
    found, missing = chosen(["all"])
    assert (found, len(missing)) == ([], 1)


def test_words_of_the_asking_alone_find_nothing_by_full_text(place: Place, talk: Conversation) -> None:
    """A floor that looks for "what" and "did" would be easier to beat than the full text that anybody would use."""
    floors = FLOORS.open(place)
    floors.add([Message(id="x", content="What did I do, and where?"), *talk.messages()], session="s")
    found = floors.searches()["FTS5"]("What did he do where the goat was?", 5)
    floors.close()
    assert found == ["1"]
