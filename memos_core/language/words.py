"""Words: what of a question is worth looking up."""

from __future__ import annotations

import re

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


def terms(text: str) -> list[str]:
    """Words of a question to look up: without stop words, unless nothing else is left; each once, in order.

    Examples
    --------
    >>> terms("Where did Melanie's sister move to?")
    ['melanie', 'sister', 'move']
    """
    found = list(dict.fromkeys(_bare(word) for word in _WORD.findall(text)))
    return [word for word in found if word not in STOP_WORDS] or found


def _bare(word: str) -> str:
    """Lower case, without the possessive and with contractions cut at the apostrophe."""
    return re.split(r"['\u2019]", word.casefold())[0]
