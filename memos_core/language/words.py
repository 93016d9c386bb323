"""Words: where they end, and what of a question is worth looking up."""

from __future__ import annotations

import re

#: Letters of scripts that put no blanks between words, or join endings to them: Han, Kana, Hangul.
_UNSPACED = "\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_LETTER = re.compile(f"[{_UNSPACED}]")
_RUN = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")

#: Words that say how something is asked and not what; from the closed classes of English.
STOP_WORDS = frozenset(
    """
    a an the this that these those some any each every no not only own same such
    i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers
    herself it its itself they them their theirs themselves
    am is are was were be been being have has had having do does did doing done will would shall should can could may
    might must ought
    and or but nor so yet if then else because as until while of at by for with about against between into through
    during before after above below to from up down in out on off over under again further once here there
    when where why how what which who whom whose
    all both few more most other too very just than also ever
    s t d ll m re ve don doesn didn isn aren wasn weren hasn haven hadn won wouldn shouldn couldn mustn
    tell please know
    """.split()
)


def spaced(text: str) -> str:
    """Put blanks around each letter of Han, Kana and Hangul, so that each is a word to what splits at blanks.

    Examples
    --------
    >>> spaced("Ana\u306e\u732b")
    'Ana \u306e  \u732b '
    """
    return text if text.isascii() else _LETTER.sub(r" \g<0> ", text)


def terms(text: str) -> list[str]:
    """Words of a question to look up: without stop words, unless nothing else is left; each once, in order.

    Of scripts without blanks, every two letters that stand together; what looks them up takes them as a phrase.

    Examples
    --------
    >>> terms("Where did Melanie's sister move to?")
    ['melanie', 'sister', 'move']
    """
    found = list(dict.fromkeys(part for word in _WORD.findall(text) for part in _parts(_bare(word))))
    return [word for word in found if word not in STOP_WORDS] or found


ENDING = 16  # characters in which the mark of a last question stands
_SENTENCE = re.compile(r"[^.!?\u3002\uff01\uff1f\n]+[.!?\u3002\uff01\uff1f]*")
_ASKING = re.compile(r"[?\uff1f][!\uff01\"'\u2019\u201d) ]*$")


def only_asks(text: str) -> bool:
    """Say whether every sentence of a text is a question, by its mark.

    Examples
    --------
    >>> only_asks("Where does Ana live? In Porto?"), only_asks("I moved to Porto. And you?")
    (True, False)
    """
    if not _ASKING.search(text.rstrip()[-ENDING:]):  # most texts, and the long ones, are told by their end
        return False
    sentences = [found for found in _SENTENCE.findall(text) if _WORD.search(found)]
    return bool(sentences) and all(_ASKING.search(sentence) for sentence in sentences)


def _bare(word: str) -> str:
    """Lower case, without the possessive and with contractions cut at the apostrophe."""
    return re.split(r"['\u2019]", word.casefold())[0]


def _parts(word: str) -> list[str]:
    """The word itself, or its pieces if letters of a script without blanks are in it."""
    if word.isascii() or not _LETTER.search(word):
        return [word]
    return [pair for run in _RUN.findall(word) for pair in (_pairs(run) if _LETTER.match(run) else [run])]


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]
