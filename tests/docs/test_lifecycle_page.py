"""The page on the life of a memory shows the table that the code goes by.

``python tests/docs/test_lifecycle_page.py`` prints the table into the page.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from memos_core.cube import memcube
from memos_core.cube.memcube import State, Trigger
from memos_core.operation.lifecycle import WAYS

PAGE = Path(__file__).parents[2] / "docs" / "LIFECYCLE.md"
TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end -->)", re.DOTALL)


def table() -> str:
    """A row for each trigger."""
    source = inspect.getsource(memcube)
    rows = ["\n| what happens | from | to | why |\n|---|---|---|---|\n"]
    for trigger in Trigger:
        why = re.search(rf'{trigger.name} = "{trigger.value}"  #: (.*)', source)
        assert why, f"{trigger} does not say why"
        way = WAYS[trigger]
        from_ = ", ".join(state.value for state in State if state in way.source)
        rows.append(f"| {trigger.value} | {from_} | {way.target.value if way.target else 'the same'} | {why[1]} |\n")
    return "".join([*rows, "\n"])


def test_the_page_shows_the_table() -> None:
    found = TABLE.search(PAGE.read_text(encoding="utf-8"))
    assert found
    assert found[0] == table()


if __name__ == "__main__":
    PAGE.write_text(TABLE.sub(lambda _: table(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
