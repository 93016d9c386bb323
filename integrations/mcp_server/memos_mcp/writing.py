"""Tools that write: add, update, forget."""

from __future__ import annotations

import hashlib
from datetime import datetime, time
from typing import Annotated, Literal, Optional

from pydantic import BaseModel, ConfigDict, Field

from memos_core import Added, Claim, Kind, MemCube, Message, Note, Origin, State
from memos_core.cli.moments import moment
from memos_core.cube.memcube import RECALLED
from memos_core.errors import InvalidInput
from memos_core.language.claim_rules import is_single
from memos_mcp.access import Access
from memos_mcp.parameters import MemoryId, Since
from memos_mcp.results import DATA, IDS, MAX_TOKENS, Memory, Room, memory, times

MOST_SHOWN = 10  # memories that a new one corrects or contradicts
FactType = Literal["fact", "preference", "event", "profile", "procedure"]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Fact(BaseModel):
    """Something that you have understood: one statement, and what it says in a form that can be compared."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    text: str = Field(min_length=1, max_length=2_000, description='One full sentence with names, not "he".')
    type: FactType = Field(default="fact", description="What it is.")
    entities: list[Name] = Field(default=[], max_length=20, description="Names of people, places and things in it.")
    subject: Optional[Name] = Field(default=None, description="Whom or what it is about, e.g. Clara.")
    predicate: Optional[Name] = Field(default=None, description="In plain words: lives in, works at, likes, has, is.")
    object: Optional[Name] = Field(default=None, description="What is said of the subject, e.g. Lisbon.")
    replaces: bool = Field(
        default=False,
        description="True if only one object can be at a time, so that a later one takes the place of this; it is for "
        "lives in, works at, works as, married to, dating, age, born in and born on anyway.",
    )
    negated: bool = Field(default=False, description="True if it says that this is not, or no longer, so.")
    valid_from: Since = None
    valid_to: Optional[str] = Field(default=None, max_length=40, description="ISO date when it ceased to hold.")


class Remembered(BaseModel):
    """What was remembered."""

    note: str
    ids: list[str] = Field(description="Of the text, if one was given, and then of each fact, as given.")
    written: int = Field(description="How many are new or changed; the others were in memory already.")
    replaced: bool = Field(description="An older text under the same source_id was replaced.")
    times: list[str] = Field(description="What time expressions in the text were taken to mean; the first 50.")
    corrected: list[str] = Field(description="Ids of memories that this corrects; they are marked as outdated.")
    conflicts: list[str] = Field(description="Ids of memories that contradict it without being earlier or later.")


class Changed(BaseModel):
    """A memory after a change."""

    note: str
    memory: Memory
    affected: list[Memory] = Field(description="What rested on the old words and no longer stands; at most 10.")


class Forgotten(BaseModel):
    """What was forgotten, or would be."""

    note: str
    memory: Memory
    dry_run: bool = Field(description="True if nothing was changed.")
    affected: list[Memory] = Field(description="What rests on it and falls or is shaken with it; at most 10.")


def memory_add(
    access: Access,
    text: Annotated[
        Optional[str],
        Field(min_length=1, max_length=20_000, description='What was said, in full sentences with names, not "he".'),
    ] = None,
    facts: Annotated[
        Optional[list[Fact]],
        Field(
            min_length=1,
            max_length=50,
            description="What you have understood, one statement each. Beside text, or alone.",
        ),
    ] = None,
    speaker: Annotated[Optional[str], Field(min_length=1, max_length=200, description="Who said it, by name.")] = None,
    said_at: Annotated[
        Optional[str],
        Field(max_length=40, description="When it was said, ISO; 'yesterday' counts from here. Default: now."),
    ] = None,
    source_id: Annotated[
        Optional[str],
        Field(
            min_length=1,
            max_length=200,
            description="Your own id for it. Adding the same id again replaces what was there; but never a message "
            "that no agent wrote.",
        ),
    ] = None,
) -> Remembered:
    """Remember facts, events, preferences, plans or quotes for later conversations.

    Use it when the user tells something about themselves, their people or their work that will matter again, or asks
    you to remember. Give the words as text, and what you understood of them as facts: with subject, predicate and
    object a later fact corrects an earlier one by itself. Facts rest on the text they come with, and go with it. Do not
    use it for secrets, small talk, or what is in memory already (memory_search tells); to change the wording of one
    memory use memory_update. Returns the ids, and which memories are corrected or contradicted.
    """
    if text is None and facts is None:
        raise InvalidInput(detail="There is nothing to remember: give text, or facts, or both.")
    at = None if said_at is None else moment(said_at, at=time.min)
    now = access.memos.clock.now()
    notes = [
        _note(fact, at or now, speaker, f"{source_id}#{number}" if source_id else _name(fact, at, text))
        for number, fact in enumerate(facts or [])
    ]
    if source_id is not None:
        _check_replaceable(access, source_id)
    _ = access.memos.embedder  # loaded before others have to wait for it
    done: list[Added] = []
    revived: list[MemCube] = []
    with access.memos.transaction():
        if text is not None:
            # A model writes this, whomever it quotes: trusted as an agent, so that nothing it read speaks as the user.
            said = Message(content=text, role="agent", name=speaker, at=at, id=source_id)
            done.append(access.memos.add([said], namespace=access.namespace))
            revived += _revive(access, done[0])
        if notes:
            source = tuple(access.memos.get(name).version for added in done for name in added.ids)
            notes = [note.model_copy(update={"derived_from": source}) for note in notes]
            done.append(access.memos.add(notes, namespace=access.namespace, progress=access.progress))
            revived += _revive(access, done[-1])
    return _remembered(access, done, revived, text=text, replaced=_replaced(done))


def memory_update(
    access: Access,
    memory_id: MemoryId,
    text: Annotated[Optional[str], Field(min_length=1, max_length=20_000, description="What it is to say.")] = None,
    tags: Annotated[
        Optional[list[Name]], Field(max_length=20, description="Its tags, instead of those it has.")
    ] = None,
) -> Changed:
    """Change the words or tags of one memory; the old version stays in its history.

    Use it to mend a memory that was wrong from the beginning, after memory_get. Do not use it when something has
    changed in the world: add that as a new fact, so that the past stays true for its time. What the user or a tool
    said word for word cannot be changed. Returns the memory as it is now, and what rested on its old words.
    """
    if text is None and tags is None:
        raise InvalidInput(detail="There is nothing to change: give text, or tags, or both.")
    cube = access.find(memory_id)
    if text is not None and not _is_agents(cube):
        raise InvalidInput(
            detail="This is what somebody said or wrote, word for word, and it stays as it is. Add a correction with "
            "memory_add, or forget it if the user wants that."
        )
    fallen = _resting(access, cube) if text is not None and text != cube.text else []
    changed = access.memos.update(cube.id, text, tags=tags)
    room, shown = Room(), memory(changed, access, detail="full")
    room.takes(shown)
    affected = [each for each in fallen if room.takes(each)]
    return Changed(note=f"Changed. {DATA}", memory=shown, affected=affected)


def memory_forget(
    access: Access,
    memory_id: MemoryId,
    dry_run: Annotated[bool, Field(description="Only show what would be forgotten.")] = False,
    reason: Annotated[str, Field(max_length=500, description="Why; kept in its history.")] = "asked for by the user",
) -> Forgotten:
    """Take one memory out of recall.

    Use it when the user wants something forgotten, or says that a memory is wrong; with dry_run=true first, if there
    is doubt which is meant. Do not use it on your own account, nor for what was true once: a new fact makes that
    outdated by itself. The memory is archived, and the user can bring it back; only the user can erase it for good,
    with `memos forget ID --erase`. Returns the memory, and what rests on it and goes with it.
    """
    cube = access.find(memory_id)
    shown = _resting(access, cube)
    if not dry_run:
        cube = access.memos.forget(cube.id, reason=reason)
    note = f"Nothing was changed. {DATA}" if dry_run else f"Archived: it is no longer recalled. {DATA}"
    return Forgotten(note=note, memory=memory(cube, access), dry_run=dry_run, affected=shown)


def _resting(access: Access, cube: MemCube) -> list[Memory]:
    """What is recalled in this namespace and would not stand without what a memory says."""
    fallen = [each.cube for each in access.memos.impact(cube.id) if access.holds(each.cube)]
    fallen = [each for each in fallen if each.state in RECALLED]
    return Room(MAX_TOKENS // 2).first(memory(each, access) for each in fallen[:MOST_SHOWN])


def _revive(access: Access, added: Added) -> list[MemCube]:
    """Recall again what had been forgotten and is now added again."""
    cubes = [access.memos.get(name) for name in added.ids]
    return [access.memos.revive(cube.id) for cube in cubes if cube.state is State.ARCHIVED and not _waits(cube)]


def _note(fact: Fact, said: datetime, speaker: str | None, name: str | None) -> Note:
    """A fact as the core takes it. One without a beginning would correct nothing, so it holds from when it was said."""
    since = said if fact.valid_from is None else moment(fact.valid_from, at=time.min)
    until = None if fact.valid_to is None else moment(fact.valid_to)
    return Note(
        text=fact.text,
        kind=Kind(fact.type),
        at=since,
        until=until,
        id=name,
        speaker=speaker,
        entities=(*fact.entities, *(each for each in (fact.subject,) if each and each not in fact.entities)),
        claims=_claims(fact),
    )


def _name(fact: Fact, at: datetime | None, text: str | None) -> str | None:
    """An id by which the same fact of the same text and time is known again; without a time it is of now, and new."""
    if at is None and fact.valid_from is None:
        return None
    said = f"{fact.model_dump_json()} {at and at.isoformat()} {text or ''}".rstrip()
    return f"fact:{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _claims(fact: Fact) -> tuple[Claim, ...]:
    if fact.subject is None or fact.predicate is None or fact.object is None:
        if (fact.subject, fact.predicate, fact.object) != (None, None, None):
            raise InvalidInput(detail="A fact has all of subject, predicate and object, or none of them.")
        return ()
    predicate = " ".join(fact.predicate.replace("_", " ").lower().split())
    single = fact.replaces or is_single(predicate)
    claim = Claim(
        subject=fact.subject,
        predicate=predicate,
        object=fact.object,
        single_valued=single,
        negated=fact.negated,
        text=fact.text,
    )
    return (claim,)


def _remembered(
    access: Access, done: list[Added], revived: list[MemCube], *, text: str | None, replaced: bool
) -> Remembered:
    ids = [name for added in done for name in added.ids]
    written = sum(len(added.written) for added in done)
    first = access.memos.get(ids[0]) if text is not None else None
    note = "Remembered." if written else "This was in memory already."
    if revived:
        note = "This had been forgotten; it is recalled again."
    if any(_waits(access.memos.get(name)) for name in ids):
        note = "Suggested: the owner of the memory must accept it before it is recalled."
    return Remembered(
        note=f"{note} {IDS}",
        ids=[access.short(name) for name in ids],
        written=written,
        replaced=replaced,
        times=[] if first is None else times(first),
        corrected=_names(access, done, "superseded", but=ids),
        conflicts=_names(access, done, "conflicts", but=ids),
    )


def _replaced(done: list[Added]) -> bool:
    return any(cube.parents for added in done for cube in added.written)


def _names(access: Access, done: list[Added], what: Literal["superseded", "conflicts"], *, but: list[str]) -> list[str]:
    """Short ids of the memories whose versions were corrected or contradicted."""
    versions = {version for added in done for version in getattr(added, what)}
    if not versions:
        return []
    beliefs = access.memos.claims(namespace=access.namespace)
    found = dict.fromkeys(each.cube.id for each in beliefs if each.cube.version in versions)
    return [access.short(name) for name in found if name not in but][:MOST_SHOWN]


def _check_replaceable(access: Access, source_id: str) -> None:
    """Refuse an id under which somebody else's message is kept: ids are shown, so any model could name it."""
    held = access.memos.list(
        namespace=access.namespace, exact=True, source_ids=[source_id], states=list(State), limit=1_000
    )
    if not all(_is_agents(cube) for cube in held):
        raise InvalidInput(
            detail=f"{source_id!r} is the id of a message that no agent wrote, and it stays as it is. "
            "Add yours under another source_id, or under none."
        )


def _is_agents(cube: MemCube) -> bool:
    """Say whether an agent chose the words: of messages their author, and of what is known always some program."""
    return cube.provenance.origin is Origin.AGENT or cube.kind not in {Kind.EPISODE, Kind.TOOL_TRACE, Kind.DOCUMENT}


def _waits(cube: MemCube) -> bool:
    return cube.moved_by == "hold"
