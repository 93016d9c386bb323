"""What is public says what it is, which errors it gives, and shows examples that run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import memos_core
from memos_core import MemOS, errors

ROOT = Path(__file__).parents[2]
METHODS = sorted(
    attribute for attribute in dir(MemOS) if not attribute.startswith("_") and callable(getattr(MemOS, attribute))
)
WITH_EXAMPLES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    for path in ROOT.glob("memos_core/**/*.py")
    if ">>> " in path.read_text("utf-8")
)
CLASS_NOTES = inspect.getdoc(MemOS) or ""


def named_errors(text: str) -> set[str]:
    """Names of error classes in a docstring."""
    return {word for word in re.findall(r"\b[A-Z]\w+\b", text) if is_error(getattr(errors, word, None))}


def is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, errors.MemOSError)


@pytest.mark.parametrize("name", memos_core.__all__)
def test_every_public_name_says_what_it_is(name: str) -> None:
    text = vars(getattr(memos_core, name)).get("__doc__")
    assert text
    assert re.match(r"[A-Z].*[.:]$", text.strip().splitlines()[0]), text


@pytest.mark.parametrize("name", METHODS)
def test_every_method_says_what_it_does(name: str) -> None:
    text = inspect.getdoc(getattr(MemOS, name))
    assert text
    assert re.match(r"[A-Z].*\.", text.splitlines()[0]), text


@pytest.mark.parametrize("name", METHODS)
def test_every_method_names_its_errors(name: str) -> None:
    """Errors of arguments that many methods take are named once, for all of them."""
    text = inspect.getdoc(getattr(MemOS, name)) or ""
    if "Errors are those of :meth:`search`" in text:
        text = inspect.getdoc(MemOS.search) or ""
    taken = set(inspect.signature(getattr(MemOS, name)).parameters) - {"self", "progress"}
    for_all = {"cube_id": "CubeNotFound", "cube_ids": "CubeNotFound", "version": "VersionNotFound"}
    for_all |= {"before": "VersionNotFound", "after": "VersionNotFound", "namespace": "InvalidNamespace"}
    for_all |= dict.fromkeys(("text", "metadata", "tags", "reason", "limit", "offset", "states"), "InvalidInput")
    for_all |= {"known_at": "NaiveDatetime", "filters": "InvalidFilter", "shown": "InvalidInput"}
    own = named_errors(text)
    assert own or {for_all.get(argument) for argument in taken} <= named_errors(CLASS_NOTES)
    assert own or name in {"close", "rebuild", "stats", "verify"} or taken


def test_what_any_method_may_raise_is_named_once() -> None:
    assert {
        "InvalidInput", "InvalidText", "TooLarge", "InvalidNamespace", "NaiveDatetime", "InvalidFilter",
        "CubeNotFound", "VersionNotFound", "VaultFull", "VaultBusy", "VaultCorrupt", "VaultClosed", "ForkedVault",
    } <= named_errors(CLASS_NOTES)  # fmt: skip


@pytest.mark.parametrize("name", sorted(name for name, value in vars(errors).items() if is_error(value)))
def test_every_error_says_when_it_comes(name: str) -> None:
    assert vars(getattr(errors, name)).get("__doc__")


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_docstrings_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted
    assert result.failed == 0
