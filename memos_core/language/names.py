"""Names: people, places and things, found by how they are written. Precision before recall."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from memos_core.language.words import STOP_WORDS

_WORD = r"[^\W\d_][\w\u2019'&.-]*\w|[^\W\d_]"
_CAPITAL = re.compile(rf"(?P<handle>(?<!\w)@\w{{2,}})|(?P<word>{_WORD})|(?P<stop>[.!?:;\n\"\u201c(]|\d+)")
_QUOTED = re.compile(r"[\"\u201c]([^\"\u201c\u201d\n]{2,60})[\"\u201d]")
_JOINERS = frozenset({"of", "the", "de", "la", "del", "von", "van", "der"})
_POSSESSIVE = re.compile(r"['\u2019]s?$")

#: What follows somebody's name at the beginning of a sentence.
_ACTS = frozenset(
    """
    is was has had will would can could does did went said says told asked moved lives lived works worked likes loves
    wants wanted thinks thought got gets came comes bought made makes gave took met saw started stopped plans and who
    """.split()
)

#: Ordinary words that often begin a sentence or are written with a capital, and name nobody.
ORDINARY = STOP_WORDS | frozenset(
    """
    hey hi hello wow yes yeah yep no nope nah ok okay oh ah haha lol thanks thank sure maybe well so cool nice great
    awesome amazing good glad sorry please congrats congratulations absolutely definitely exactly totally really
    honestly actually basically anyway however although though still even since another one two three first second
    last next today tomorrow yesterday tonight now later soon always never sometimes recently lately currently
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december spring summer autumn fall winter christmas
    let lets got get go going gone went come came see saw look looks sounds seems feel feels felt love loved like liked
    hope hoping want wanted need needed think thought guess know knew mean remember take took make made try tried
    keep give gave say said tell told ask asked work worked working play played start started stop stopped
    time day week month year morning evening night thing things something anything nothing everything everyone
    someone people person man woman guy guys mom mum dad mother father sister brother friend friends
    yay aww ugh hmm um uh omg btw imo fyi asap diy tv pc ok pm
    step note example use using used create add update set check ensure implement consider here's that's it's what's
    """.split()
)


def find_names(text: str, *, speakers: Iterable[str] = ()) -> tuple[str, ...]:
    """Find names in a text.

    Parameters
    ----------
    speakers
        Names known from the conversation; they are found however they are written.

    Returns
    -------
    tuple[str, ...]
        Each once, as first written, in order: runs of capitalised words ("Museum of Modern Art"), acronyms,
        handles and short quoted titles.

    Examples
    --------
    >>> find_names("Yesterday Ana's brother flew to New York with @tom.")
    ('Ana', 'New York', '@tom')
    """
    found: dict[str, str] = {}
    for name in (*_runs(text), *_quoted(text), *_known(text, speakers)):
        found.setdefault(entity_key(name), name)
    return tuple(found.values())


def entity_key(name: str) -> str:
    """The form under which two spellings of a name are the same entity."""
    return " ".join(name.casefold().split())


def _runs(text: str) -> Iterator[str]:
    """Runs of capitalised words. One that opens a sentence alone counts only if it acts or owns something."""
    run: list[str] = []
    joiners: list[str] = []
    begins = opened = True
    for match in _CAPITAL.finditer(text):
        if match["handle"]:
            yield match["handle"]
        word = match["word"] or ""
        bare = _POSSESSIVE.sub("", word)
        if word and _is_name(bare):
            opened = begins if not run else opened
            run += [*joiners, bare]
            joiners = []
            if bare != word:
                yield " ".join(run)
                run = []
        elif run and word.casefold() in _JOINERS:
            joiners.append(word)
        else:
            acts = word.casefold() in _ACTS and not "".join(run).endswith("ing")
            if run and (len(run) > 1 or not opened or acts):
                yield " ".join(run)
            run, joiners = [], []
        begins = bool(match["stop"])
    if len(run) > 1 or (run and not opened):
        yield " ".join(run)


def _is_name(word: str) -> bool:
    if len(word) < 2 or not word[0].isupper() or word.casefold() in ORDINARY:
        return False
    return word.isupper() or not set(word) & {"'", "\u2019"}


def _quoted(text: str) -> Iterator[str]:
    for match in _QUOTED.finditer(text):
        title = match[1].strip(" ,.!?")
        if title[:1].isupper() and len(title.split()) <= 6:
            yield title


def _known(text: str, speakers: Iterable[str]) -> Iterator[str]:
    folded = text.casefold()
    for speaker in speakers:
        if re.search(rf"(?<!\w){re.escape(speaker.casefold())}(?!\w)", folded):
            yield speaker
