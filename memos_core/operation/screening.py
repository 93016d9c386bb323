"""Screening: a content as its namespace's policy lets it be stored. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from memos_core.cube.memcube import Content
from memos_core.cube.policy import Handling, Policy
from memos_core.errors import SensitiveContent
from memos_core.language.sensitive import find_sensitive, redacted

if TYPE_CHECKING:
    from memos_core.cube.policy import Sensitive

#: What is looked at beside the text. Addresses, such as the namespace and the ids of sources, stay as they are.
FIELDS = ("entities", "tags", "claims", "metadata", "times")
SPEAKER = "speaker"


def screened(content: Content, policy: Policy, *, reread: Callable[[Content, str], Content]) -> Content:
    """Tag what is sensitive in a content, take it out, or refuse the whole.

    Parameters
    ----------
    reread
        Gives a content another text, with what is read in it.

    Raises
    ------
    SensitiveContent
        If the policy refuses something in it.
    """
    values = content.model_dump(mode="json", include={*FIELDS, "provenance"})
    said = [content.text, *_texts([values[field] for field in FIELDS]), values["provenance"][SPEAKER] or ""]
    kinds = {finding.kind for finding in find_sensitive("\n".join(said))}
    if refused := policy.that(Handling.REFUSE, kinds):
        raise SensitiveContent(kinds=", ".join(kind.value for kind in refused), namespace="/".join(content.namespace))
    if removed := policy.that(Handling.REDACT, kinds):
        content = _without(content, frozenset(removed), reread)
    named = [kind.value for kind in (*policy.that(Handling.TAG, kinds), *removed)]
    tags = tuple(dict.fromkeys((*content.governance.sensitivity, *sorted(named))))
    if tags == content.governance.sensitivity:
        return content
    return content.governed(sensitivity=tags)


def _without(content: Content, kinds: frozenset[Sensitive], reread: Callable[[Content, str], Content]) -> Content:
    def clean(text: str) -> str:
        return redacted(text, (finding for finding in find_sensitive(text) if finding.kind in kinds))

    text = clean(content.text)
    if text != content.text:
        content = reread(content, text)
    value = content.model_dump(mode="json")
    value |= {field: _each(value[field], clean) for field in FIELDS}
    value["provenance"][SPEAKER] = value["provenance"][SPEAKER] and clean(value["provenance"][SPEAKER])
    return Content.model_validate(value)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for each in value.items() for text in _texts(list(each))]
    return [text for each in value for text in _texts(each)] if isinstance(value, list) else []


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """The same JSON with every text changed, names of fields included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(name): _each(each, change) for name, each in value.items()}
    return [_each(each, change) for each in value] if isinstance(value, list) else value
