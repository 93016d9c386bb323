"""The map of the code is the code's: it names every folder that is there, and none that is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "memos_core"
PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text("utf-8")
#: Rows of "Where things are": the path they are about, and what they say of it.
ROWS = dict(re.findall(r"^\| `((?:memos_core|integrations)/[\w/.]*)` \| (.+) \|$", PAGE, re.MULTILINE))
PACKAGES = sorted(path.parent.relative_to(CORE) for path in CORE.glob("*/**/__init__.py"))


def test_the_table_is_read() -> None:
    assert {"memos_core/cube/", "memos_core/ports/", "integrations/"} <= set(ROWS)


@pytest.mark.parametrize("package", [path for path in PACKAGES if len(path.parts) <= 2], ids=str)
def test_every_package_has_a_place_on_the_page(package: Path) -> None:
    first, *below = package.parts
    row = ROWS[f"memos_core/{first}/"]
    assert all(f"`{part}/`" in row for part in below) or first == "testing"


@pytest.mark.parametrize("path", sorted(CORE.glob("*.py")), ids=lambda path: path.name)
def test_every_module_at_the_top_is_on_the_page(path: Path) -> None:
    assert path.name in PAGE or path.name == "__init__.py"


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_nothing_that_is_not_there(row: str) -> None:
    assert (ROOT / row).exists()
    for named in re.findall(r"`([\w/]+(?:/|\.py))`", ROWS[row]):
        assert (ROOT / row / named).exists(), named


def test_the_papers_names_are_mapped_to_files_that_are_there() -> None:
    table = PAGE[PAGE.index("| In the paper | Here |") :]
    named = re.findall(r"`((?:cube|language|interface|operation|infrastructure)/[\w/.]*|\w+\.py)(?:: (\w+))?`", table)
    assert named
    for path, member in named:
        assert (CORE / path).exists(), path
        assert not member or f"class {member}" in (CORE / path).read_text("utf-8"), member


def test_modules_named_by_their_dotted_path_are_there() -> None:
    for dotted in re.findall(r"`memos_core\.([\w.]+)`", PAGE):
        *modules, last = dotted.split(".")
        place = CORE.joinpath(*modules)
        sources = [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.exists()]
        assert any(last in path.read_text("utf-8") for path in sources) or (place / last).exists(), dotted
