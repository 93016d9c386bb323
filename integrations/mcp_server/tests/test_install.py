"""Telling clients of the server: their configurations are changed with care, or not at all."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from memos_core import MemOSError
from memos_core.cli.app import app
from memos_mcp.clients import CLIENTS
from memos_mcp.install import installing
from memos_mcp.jsonedit import blanked, with_entry, without_entry

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


@pytest.mark.parametrize("client", ["claude-code", "cursor"])
@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '{"mcpServers": []}', '{"mcpServers": {}} /* mine', "{'a': 1}", '{"a": 1,, }', "\udcff"]
)
def test_a_file_that_does_not_parse_is_left_as_it_is(
    run: Callable[..., Result], tmp_path: Path, text: str, client: str
) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    said = run("install", "-c", client, "--config", str(path), code=1).stderr
    assert "left as it is" in said
    assert path.read_bytes() == text.encode("utf-8", "surrogateescape")
    assert [each.name for each in tmp_path.glob("c.json*")] == ["c.json"]


COMMENTED = r"""// mine {
{
  /* "servers": {}, */ "inputs": ["// no comment", "\\\" /* no */", 1, ],
  "servers": { // all of them
    "other": {"command": "x", "args": [], /* none */ }, // this one
%s  },
}
"""


@pytest.mark.parametrize(
    "more", ["", "    // the last\n", '    "third": {} // without a comma\n', '    "third": {},\n']
)
def test_comments_and_last_commas_stay_where_the_client_reads_them(
    run: Callable[..., Result], tmp_path: Path, more: str
) -> None:
    text = COMMENTED % more
    path = tmp_path / "c.json"
    path.write_text(text, encoding="utf-8", newline="")
    run("install", "-c", "vscode", "--config", str(path))
    changed = path.read_text(encoding="utf-8")
    servers = json.loads(blanked(changed))["servers"]
    assert servers.pop("memos")["type"] == "stdio"
    assert servers == json.loads(blanked(text))["servers"]
    run("uninstall", "-c", "vscode", "--config", str(path))
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("text", ["{ // c\n}", '{"servers": {/* c */}}', '/* c */ {"servers": {} // d\n}'])
def test_comments_in_what_is_empty_stay(text: str) -> None:
    changed = with_entry(text, "servers", "memos", {"command": "x"})
    assert json.loads(blanked(changed)) == {"servers": {"memos": {"command": "x"}}}
    assert all(each in changed for each in ("c */", "// d") if each in text)


@pytest.mark.parametrize(
    ("text", "left"),
    [('{"s": {"memos": {},}}', '{"s": {}}'), ('{"s": {"memos": {}, // of a\n"a": 1}}', '{"s": {// of a\n"a": 1}}'),
     ('{"s": {"a": 1, "memos": {}, "b": 2,}}', '{"s": {"a": 1, "b": 2,}}')],
)  # fmt: skip
def test_an_entry_is_taken_out_from_between_comments(text: str, left: str) -> None:
    assert without_entry(text, "s", "memos") == left


@pytest.mark.parametrize("text", ['{"s": {"memos": {"a": 1 /* mine */}}}', '{"s": {"a": 1, /* mine */ "memos": {}}}',
                                  '{"s": {"memos": {}, "memos": {}}}'])  # fmt: skip
def test_what_would_lose_a_comment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="comments"):
        without_entry(text, "s", "memos")


def test_a_client_that_reads_no_comments_is_not_told_in_a_file_with_some(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    path = tmp_path / "c.json"
    path.write_text('// mine\n{"mcpServers": {}}')
    assert "left as it is" in run("install", "-c", "claude-desktop", "--config", str(path), code=1).stderr
    assert path.read_text() == '// mine\n{"mcpServers": {}}'


HOMES = {
    "linux": (".config/Claude/claude_desktop_config.json", ".claude.json", ".config/Code/User/mcp.json", ".cursor/mcp.json"),
    "darwin": ("Library/Application Support/Claude/claude_desktop_config.json", ".claude.json",
               "Library/Application Support/Code/User/mcp.json", ".cursor/mcp.json"),
    "win32": ("AppData/Roaming/Claude/claude_desktop_config.json", ".claude.json",
              "AppData/Roaming/Code/User/mcp.json", ".cursor/mcp.json"),
}  # fmt: skip


@pytest.mark.parametrize("system", HOMES)
def test_every_client_is_found_on_every_system(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    found = [client.configuration(None).relative_to(tmp_path).as_posix() for client in CLIENTS.values()]
    assert list(CLIENTS) == ["claude-desktop", "claude-code", "vscode", "cursor"]
    assert tuple(found) == HOMES[system]


def test_a_link_stays_a_link_and_what_it_leads_to_is_changed(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real, link = tmp_path / "dotfiles" / "real.json", tmp_path / "c.json"
    real.write_text("{}")
    link.symlink_to(real)
    run("install", "-c", "cursor", "--config", str(link))
    assert link.is_symlink()
    assert "memos" in json.loads(real.read_text())["mcpServers"]
    assert (tmp_path / "dotfiles" / "real.json.backup-1").read_text() == "{}"


def test_a_file_that_its_owner_has_locked_is_left_as_it_is(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text("{}")
    path.chmod(0o444)
    assert "only be read" in run("install", "-c", "cursor", "--config", str(path), code=1).stderr
    assert path.read_text() == "{}"
    assert [each.name for each in tmp_path.glob("c.json*")] == ["c.json"]


def test_a_file_that_another_program_has_just_changed_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text("{}")
    edit = installing(CLIENTS["cursor"], path, ["memos-mcp"])
    path.write_text('{"theirs": 1}')
    with pytest.raises(MemOSError, match="another program"):
        edit.make()
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("c.json", '{"theirs": 1}')]


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "c.json"
    path.write_text("{}")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(MemOSError, match="No space left"):
        installing(CLIENTS["cursor"], path, ["memos-mcp"]).make()
    assert path.read_text() == "{}"
    assert not list(tmp_path.glob("*.part"))


def test_a_mark_of_byte_order_stays(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    run("install", "-c", "claude-desktop", "--config", str(path))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf{")
    assert "memos" in json.loads(path.read_text(encoding="utf-8-sig"))["mcpServers"]


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
