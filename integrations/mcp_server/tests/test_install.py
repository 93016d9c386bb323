"""Telling clients of the server: their configurations are changed with care, or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from memos_core.cli.app import app
from memos_mcp.clients import CLIENTS
from memos_mcp.jsonedit import with_entry, without_entry

OTHERS = """{
\t"theme": "dark",  \r
\t"mcpServers": {
\t\t"other": {"command": "x", "ratio": 1.50, "name": "\\u00e9"}
\t},
\t"é": [1,2,  3]
}
"""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    for name in ("HOME", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path))

    def invoke(*arguments: str, code: int = 0) -> Result:
        done = CliRunner().invoke(app, ["--vault", str(tmp_path / "memory.db"), "mcp", *arguments])
        assert done.exit_code == code, done.output
        return done

    return invoke


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_is_told_once_and_it_can_be_taken_back(run: Callable[..., Result], client: str) -> None:
    path = CLIENTS[client].configuration(None)
    run("install", "-c", client, "-n", "ana", "--reference")
    written = path.read_text(encoding="utf-8")
    entry = json.loads(written)[CLIENTS[client].key]["memos"]
    assert Path(entry["command"]).is_absolute()
    assert entry["args"][-5:] == ["--vault", entry["args"][-4], "--namespace", "ana", "--reference"]
    assert "nothing to change" in run("install", "-c", client, "-n", "ana", "--reference").stdout
    assert path.read_text(encoding="utf-8") == written
    run("uninstall", "-c", client)
    assert json.loads(path.read_text(encoding="utf-8")) == {CLIENTS[client].key: {}}
    assert "nothing to change" in run("uninstall", "-c", client).stdout


def test_everything_else_stays_to_the_letter_and_the_old_file_is_kept(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(OTHERS.encode())
    path.chmod(0o640)
    run("install", "-c", "cursor", "--config", str(path))
    assert (tmp_path / "c.json.backup-1").read_bytes() == OTHERS.encode()
    assert path.stat().st_mode & 0o777 == 0o640
    text = path.read_bytes().decode()
    before, after = OTHERS.split("\n\t},\n", 1)
    assert text.startswith(before)
    assert text.endswith(after)
    run("uninstall", "-c", "cursor", "--config", str(path))
    assert path.read_bytes() == OTHERS.encode()


def test_a_change_can_be_looked_at_first(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(OTHERS, encoding="utf-8", newline="")
    shown = run("install", "-c", "vscode", "--config", str(path), "--dry-run").stdout
    assert '"type": "stdio"' in shown
    assert path.read_bytes() == OTHERS.encode()
    assert [each.name for each in tmp_path.glob("c.json*")] == ["c.json"]


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '{"mcpServers": []}', '// mine\n{"mcpServers": {}}', "{'a': 1}", "\udcff"]
)
def test_a_file_that_does_not_parse_is_left_as_it_is(run: Callable[..., Result], tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    said = run("install", "-c", "cursor", "--config", str(path), code=1).stderr
    assert "left as it is" in said
    assert path.read_bytes() == text.encode("utf-8", "surrogateescape")


def test_projects_have_files_of_their_own(run: Callable[..., Result], tmp_path: Path) -> None:
    run("install", "-c", "claude-code", "--project", str(tmp_path))
    assert "memos" in json.loads((tmp_path / ".mcp.json").read_text())["mcpServers"]
    run("install", "-c", "claude-desktop", "--project", str(tmp_path), code=1)
    run("install", "-c", "nobody", code=1)


@given(
    st.dictionaries(st.text(max_size=6), VALUES, max_size=4),
    st.dictionaries(st.text(max_size=6), VALUES, max_size=3),
    st.sampled_from([None, 1, 2, 4, "\t"]),
    st.booleans(),
)
def test_any_configuration_is_changed_in_one_place_and_back(
    root: dict[str, object], section: dict[str, object], indent: int | str | None, ascii_only: bool
) -> None:
    section.pop("memos", None)
    document = {**root, "mcpServers": section}
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    changed = with_entry(text, "mcpServers", "memos", {"command": "x", "args": ["y"]})
    assert json.loads(changed) == {**document, "mcpServers": {**section, "memos": {"command": "x", "args": ["y"]}}}
    assert with_entry(changed, "mcpServers", "memos", {"command": "x", "args": ["y"]}) == changed
    back = without_entry(changed, "mcpServers", "memos")
    assert json.loads(back) == document
    assert back == text or not section
