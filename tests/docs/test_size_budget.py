"""The budget of DESIGN section 6, and the habits that a linter does not know."""

import ast
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("memos_core/**/*.py"), *ROOT.glob("integrations/*/memos_*/**/*.py")])
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_MEDIAN_FUNCTION_LINES = 10
MAY_READ_ENVIRONMENT = ("memos_core/cli/", "integrations/mcp_server/")
MAY_READ_CLOCK = "memos_core/infrastructure/clock.py"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def body_lines(function: Function) -> int:
    """Lines of a function without its docstring: prose is no complexity."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    signature = function.body[0].lineno - function.lineno
    return signature + (body[-1].end_lineno - body[0].lineno + 1 if body else 0)


def functions(path: Path) -> list[Function]:
    return [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, Function)]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_module_has_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MAX_MODULE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_function_has_more_than_60_lines(path: Path) -> None:
    long = {node.name: body_lines(node) for node in functions(path) if body_lines(node) > MAX_FUNCTION_LINES}
    assert not long


def test_half_of_all_functions_have_at_most_10_lines() -> None:
    assert (
        statistics.median(body_lines(node) for path in SOURCES for node in functions(path)) <= MAX_MEDIAN_FUNCTION_LINES
    )


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_class_is_called_after_helping(path: Path) -> None:
    names = [node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ClassDef)]
    assert not [name for name in names if re.search(r"Manager|Handler$|Helper|Utils?$|^Base|^General", name)]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_only_the_edges_read_the_environment_and_the_clock(path: Path) -> None:
    text = path.read_text("utf-8")
    if not relative(path).startswith(MAY_READ_ENVIRONMENT):
        assert not re.search(r"os\.environ|getenv", text)
    if relative(path) != MAY_READ_CLOCK:
        assert not re.search(r"datetime\.now\(|time\.time\(|utcnow|date\.today", _code(path))


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_nothing_can_run_code_that_was_stored(path: Path) -> None:
    banned = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
    imported = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "__import__"}
    assert not imported & banned


def _code(path: Path) -> str:
    """The source without its docstrings and comments, where examples may show the clock."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, *Function.__args__)) and ast.get_docstring(node):
            node.body[0] = ast.Pass(lineno=node.body[0].lineno, col_offset=0)
    strings_gone = ast.unparse(ast.fix_missing_locations(tree))
    return re.sub(r"(['\"]).*?\1", "''", strings_gone)
