"""Pages show the tables that the code goes by. ``python tests/docs/test_printed_tables.py`` prints them into the pages."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from memos_core.cube import grant, memcube
from memos_core.cube.grant import Right, Role
from memos_core.cube.memcube import State, Trigger
from memos_core.operation.lifecycle import WAYS
from memos_core.operation.scheduler.decisions import Limits
from memos_core.operation.scheduler.planning import RULES

DOCS = Path(__file__).parents[2] / "docs"


def lifecycle() -> str:
    """A row for each trigger."""

    def row(trigger: Trigger) -> Iterable[str]:
        way = WAYS[trigger]
        yield trigger.value
        yield ", ".join(state.value for state in State if state in way.source)
        yield way.target.value if way.target else "the same"
        yield comment(memcube, trigger.name)

    return table("what happens | from | to | why", (row(trigger) for trigger in Trigger))


def scheduler_rules() -> str:
    """A row for each rule."""
    rows = ((", ".join(action.value for action in actions), inspect.getdoc(rule)) for rule, actions in RULES.items())
    return table("what is done | when", ((done, why.rstrip(".") if why else "") for done, why in rows))


def scheduler_limits() -> str:
    """A row for each group of limits."""
    text = inspect.getdoc(Limits) or ""
    described = re.findall(r"^([a-z_, ]+)\n    (.*(?:\n    .*)*)", text.split("----------\n", 1)[1], re.MULTILINE)
    values = vars(Limits())
    rows = [
        (
            ", ".join(f"`{name}`" for name in names.split(", ")),
            " / ".join(shown(values[name]) for name in names.split(", ")),
            " ".join(said.split()).rstrip(".").replace("``", "`"),
        )
        for names, said in described
    ]
    assert {name for names, _ in described for name in names.split(", ")} == set(values)
    return table("limit | by default | what it means", rows)


def shown(value: object) -> str:
    """A number, a time, or names."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, timedelta):
        return f"{value.days} day{'s' * (value.days != 1)}"
    return f"{value:,}"


def rights() -> str:
    """A row for each right."""
    rows = (
        [right.value, comment(grant, right.name), *("yes" if right in role.rights else "" for role in Role), "yes"]
        for right in Right
    )
    return table(" | ".join(["right", "to", *(role.value for role in Role), "the vault's owner"]), rows)


TABLES: dict[tuple[str, str], Callable[[], str]] = {
    ("LIFECYCLE.md", "triggers"): lifecycle,
    ("SCHEDULER.md", "rules"): scheduler_rules,
    ("SCHEDULER.md", "limits"): scheduler_limits,
    ("GOVERNANCE.md", "rights"): rights,
}


def comment(module: object, member: str) -> str:
    """What stands behind a member of an enumeration."""
    found = re.search(rf'\b{member} = "[a-z_]+"  #: (.*)', inspect.getsource(module))  # type: ignore[arg-type]
    assert found, f"{member} does not say what it is"
    return found[1]


def table(head: str, rows: Iterable[Iterable[str]]) -> str:
    lines = [head, "|".join("---" for _ in head.split("|")), *(" | ".join(row) for row in rows)]
    return "\n" + "".join(f"| {line} |\n" if "---" not in line else f"|{line}|\n" for line in lines) + "\n"


def place(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=<!-- table {name} -->\n).*?(?=<!-- end -->)", re.DOTALL)


@pytest.mark.parametrize(("page", "name"), TABLES)
def test_the_page_shows_the_table(page: str, name: str) -> None:
    found = place(name).search((DOCS / page).read_text(encoding="utf-8"))
    assert found
    assert found[0] == TABLES[page, name]()


if __name__ == "__main__":
    for (page, name), made in TABLES.items():
        text = (DOCS / page).read_text(encoding="utf-8")
        (DOCS / page).write_text(place(name).sub(lambda _, made=made: made(), text, count=1), encoding="utf-8")  # type: ignore[misc]
