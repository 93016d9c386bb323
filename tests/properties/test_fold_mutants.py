"""The law suite is worth what it catches: broken copies of the fold, one edit each, must each break a law."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

import memos_core.cube.fold as real
from memos_core.errors import MemOSError
from memos_core.testing.history import History, random_history
from memos_core.testing.laws import LAWS, Fold, Law

SOURCE = Path(real.__file__).read_text(encoding="utf-8")
HISTORIES = 250

PRECEDENCE = "(content.governance.trust, op.hlc, op.actor, op.id)"
HELD = "if move.holds_for_later_puts or content_heads <= set(op.parents):"
ERASED = "any(op.kind is OperationKind.ERASE for op in operations)"
UNREPLACED = "return [op for op in alike if op.id not in replaced]"

MUTANTS = {
    "keeps the newest only": ('"conflicts": tuple(op.id for op in others)', '"conflicts": ()'),
    "latest instead of unreplaced": (UNREPLACED, "return sorted(alike, key=lambda op: op.hlc)[-1:]"),
    "replaces nothing": (UNREPLACED, "return alike"),
    "any operation replaces": ("for op in alike for parent", "for op in operations for parent"),
    "ignores trust": (PRECEDENCE, "(op.hlc, op.actor, op.id)"),
    "time before trust": (PRECEDENCE, "(op.hlc, content.governance.trust, op.actor, op.id)"),
    "wall clock instead of hybrid": (PRECEDENCE, "(content.governance.trust, op.hlc.wall, op.actor, op.id)"),
    "ties by order of arrival": (PRECEDENCE, "(content.governance.trust, op.hlc)"),
    "shows the least": ("reverse=True)\n    return MemCube", "reverse=False)\n    return MemCube"),
    "erases only what it came after": (ERASED, "max(operations, key=lambda op: op.hlc).kind is OperationKind.ERASE"),
    "erases only what it arrived after": (ERASED, "list(operations)[-1].kind is OperationKind.ERASE"),
    "never erases": (ERASED, "False"),
    "removal always wins": (HELD, "if True:"),
    "removal never holds": (HELD, "if move.holds_for_later_puts:"),
    "removal holds if it saw one version": (HELD, "if move.holds_for_later_puts or content_heads & set(op.parents):"),
    "stale for ever": ("self.state not in REMOVED and self.trigger != Trigger.SHAKE", "self.state not in REMOVED"),
    "state by the first": ("(op.hlc, op.actor, op.id), reverse=True)", "(op.hlc, op.actor, op.id))"),
    "state by arrival": ("key=lambda op: (op.hlc, op.actor, op.id), reverse=True", "key=lambda op: 0"),
    "replaced states still count": (
        "sorted(_heads(operations, OperationKind.STATE)",
        "sorted([op for op in operations if op.kind is OperationKind.STATE]",
    ),
    "the last to arrive counts, body or not": ("key=lambda op: op.body is not None", "key=lambda op: 0"),
    "drops what it does not know": (
        "return Content.model_validate(value)",
        "return Content.model_validate({name: value[name] for name in Content.model_fields if name in value})",
    ),
    "as old as the version shown": (
        "min(op.hlc for op in known if op.kind is OperationKind.PUT).datetime()",
        "shown.hlc.datetime()",
    ),
    "as old as any operation": (
        "min(op.hlc for op in known if op.kind is OperationKind.PUT)",
        "min(op.hlc for op in known)",
    ),
}


@pytest.fixture(scope="module")
def histories() -> Sequence[History]:
    return [random_history(Random(seed)) for seed in range(HISTORIES)]


def mutant(fragment: str, replacement: str) -> Fold:
    assert SOURCE.count(fragment) == 1, f"fold.py has changed; {fragment!r} must name one place in it"
    module = ModuleType("mutant")
    exec(compile(SOURCE.replace(fragment, replacement), "mutant of fold.py", "exec"), vars(module))
    return module.fold


def breaks(law: Law, fold: Fold, history: History) -> bool:
    try:
        law(fold, history)
    except (AssertionError, MemOSError):
        return True
    return False


def test_real_fold_breaks_no_law_in_these_histories(histories: Sequence[History]) -> None:
    assert not [law.__name__ for history in histories for law in LAWS if breaks(law, real.fold, history)]


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_breaks_a_law(name: str, histories: Sequence[History]) -> None:
    fold = mutant(*MUTANTS[name])
    assert any(breaks(law, fold, history) for history in histories for law in LAWS)
