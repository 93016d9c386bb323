"""Sensitive parts of a text: addresses, numbers and keys that should not lie about. Pure, and linear in its length.

Precision comes before recall where a rule could eat ordinary numbers: a card has a check digit, an IBAN a checksum and
a length, a telephone number a plus, a leading zero, grouping, or a word before it that says what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from memos_core.cube.policy import Sensitive


class Finding(NamedTuple):
    """A sensitive part: the characters from ``start`` up to ``end``."""

    kind: Sensitive
    start: int
    end: int


def find_sensitive(text: str) -> tuple[Finding, ...]:
    """Find what is sensitive in a text, in order, without overlaps.

    Examples
    --------
    >>> find_sensitive("Write to ana@example.com!")
    (Finding(kind=<Sensitive.EMAIL: 'email'>, start=9, end=24),)
    """
    found: list[Finding] = []
    for kind, finder in _FINDERS.items():
        spans = [span for span in finder(text) if not any(_overlap(span, each) for each in found)]
        found += [Finding(kind, start, end) for start, end in spans]
    return tuple(sorted(found, key=lambda finding: finding.start))


def redacted(text: str, findings: Iterable[Finding]) -> str:
    """The text with ``[email]``, ``[card]`` ... in the place of what was found.

    Examples
    --------
    >>> text = "Write to ana@example.com!"
    >>> redacted(text, find_sensitive(text))
    'Write to [email]!'
    """
    for finding in sorted(findings, key=lambda each: each.start, reverse=True):
        text = f"{text[: finding.start]}[{finding.kind.value}]{text[finding.end :]}"
    return text


def _overlap(span: tuple[int, int], other: Finding) -> bool:
    return span[0] < other.end and other.start < span[1]


Span = tuple[int, int]

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")


def _emails(text: str) -> Iterator[Span]:
    return (match.span() for match in _EMAIL.finditer(text))


# -- keys -------------------------------------------------------------------------------------------

_KEYS = [
    re.compile(pattern)
    for pattern in (
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[\w+/=\s:,-]{0,8000}?-----END [A-Z ]{0,30}PRIVATE KEY-----)?",
        r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{20,250}",  # OpenAI, Anthropic and others
        r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,250}",  # Stripe
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",  # AWS
        r"\bgh[oprsu]_[A-Za-z0-9]{36,250}\b|\bgithub_pat_[A-Za-z0-9_]{22,250}\b",
        r"\bglpat-[A-Za-z0-9_-]{20,100}|\bnpm_[A-Za-z0-9]{36}\b|\bpypi-[A-Za-z0-9_-]{50,250}|\bhf_[A-Za-z0-9]{30,60}\b",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}",  # Slack
        r"\bAIza[A-Za-z0-9_-]{35}(?![\w-])",  # Google
        r"\beyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,1000}",  # JSON web tokens
    )
]
#: "password: ...", "API key is ..."; the value counts if it has a digit or a sign, as words have not.
_NAMED = re.compile(
    r"(?i)\b(?:password|passwd|pwd|passphrase|passcode|secret|(?:api|access|secret|private)[ _-]?key|"
    r"(?:access|auth|api|bearer|refresh)[ _-]?token|token|bearer)\b[\"']?\s{0,3}(?:is|=|:|\s)\s{0,3}[\"']?"
    r"(?P<value>(?!\[)[^\s\"',;]{6,250})"
)
_IN_ADDRESS = re.compile(r"://[^\s/:@]{1,64}:(?P<value>(?!\[)[^\s/@]{1,128})@")
_SECRET = re.compile(r"(?=.*[^\W\d_])(?=.*(?:\d|[^\w\s].))")


def _keys(text: str) -> Iterator[Span]:
    for pattern in _KEYS:
        yield from (match.span() for match in pattern.finditer(text))
    for match in _NAMED.finditer(text):
        value = match["value"].rstrip(".!?)")
        if _SECRET.match(value) and "://" not in value:
            yield match.start("value"), match.start("value") + len(value)
    yield from (match.span("value") for match in _IN_ADDRESS.finditer(text))


# -- accounts and cards -----------------------------------------------------------------------------

#: Length of an IBAN by country, from the registry of ISO 13616.
_IBAN_LENGTHS = {
    code: int(length)
    for length, codes in (
        item.split(":")
        for item in (
            "15:NO 16:BE 18:DK,FI,FO,GL,NL,SD,FK 19:MK,SI 20:AT,BA,EE,KZ,LT,LU,MN,XK 21:CH,CR,HR,LI,LV "
            "22:BG,BH,DE,GB,GE,IE,ME,RS,VA 23:AE,GI,IL,IQ,OM,SO,TL 24:AD,CZ,ES,MD,PK,RO,SA,SE,SK,TN,VG "
            "25:LY,PT,ST 26:IS,TR 27:BI,DJ,FR,GR,IT,MC,MR,SM 28:AL,AZ,BY,CY,DO,GT,HU,LB,NI,PL,SV "
            "29:BR,EG,PS,QA,UA 30:JO,KW,MU,YE 31:MT,SC 32:LC 33:RU"
        ).split()
    )
    for code in codes.split(",")
}
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,29}")


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(match[0][:2], 0)
        signs = [at for at in range(*match.span()) if text[at] != " "][:length]
        ends = signs[-1] + 1 if len(signs) == length and length else 0
        if ends and not text[ends : ends + 1].isalnum() and _is_iban("".join(text[at] for at in signs)):
            yield match.start(), ends


def _is_iban(written: str) -> bool:
    """Whether it leaves 1 when divided by 97, with letters as numbers and the first four signs last (ISO 7064)."""
    return int("".join(str(int(sign, 36)) for sign in written[4:] + written[:4])) % 97 == 1


_CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){12,18}(?![\w-])")


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        digits = [int(sign) for sign in match[0] if sign.isdigit()]
        if digits[0] in {2, 3, 4, 5, 6} and len(set(digits)) > 1 and _passes_luhn(digits):
            yield match.span()


def _passes_luhn(digits: list[int]) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812)."""
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


# -- telephone numbers ------------------------------------------------------------------------------

_NUMBER = re.compile(r"(?<![\w.,:/+-])(?:\+|\()?\d(?:[ ()./-]{0,2}\d){6,16}(?![\w-]|[.,:/]\d)")
_CUE = re.compile(
    r"(?i)\b(?:call|phone|tel|telephone|mobile|cell|whatsapp|fax|ring|dial|sms|text)\b"
    r"(?: (?:me|us|him|her|them|number|no))?(?: (?:at|on|is|under))?[.: ]{0,3}$"
)
_GROUPED = [
    re.compile(pattern)
    for pattern in (
        r"\(?\d{3}\)?[ .-]{1,2}\d{3}[ .-]\d{4}",  # North America
        r"\(?0\d{1,5}\)?(?:[ /-]{1,2}\d{2,9}){1,4}",  # with the zero that leaves a town
        r"00\d{1,3}(?: ?\d{2,5}){2,5}",  # abroad, without the plus
    )
]
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}|\d{4}[ -]\d{4}")
_FEWEST, _FEWEST_NATIONAL, _MOST = 8, 9, 15  # digits; the last by E.164
_CUE_LENGTH = 24  # characters before a number, in which a word may say what it is


def _phones(text: str) -> Iterator[Span]:
    for match in _NUMBER.finditer(text):
        if _is_phone(match[0], before=text[max(0, match.start() - _CUE_LENGTH) : match.start()]):
            yield match.span()


def _is_phone(written: str, *, before: str) -> bool:
    digits = sum(sign.isdigit() for sign in written)
    if digits > _MOST or written.count("(") != written.count(")"):
        return False
    if written.startswith("+"):
        return digits >= _FEWEST
    if _CUE.search(before):
        return True
    grouped = any(pattern.fullmatch(written) for pattern in _GROUPED)
    return grouped and digits >= _FEWEST_NATIONAL and not _DATE.match(written)


_FINDERS: dict[Sensitive, Callable[[str], Iterator[Span]]] = {
    Sensitive.KEY: _keys,
    Sensitive.EMAIL: _emails,
    Sensitive.IBAN: _ibans,
    Sensitive.CARD: _cards,
    Sensitive.PHONE: _phones,
}
