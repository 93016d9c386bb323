"""What is published beside the package says what the package is: bundle, registry entry, gates."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from memos_mcp.toolbox import MEMORY

ROOT = Path(__file__).parents[3]
BUNDLE = ROOT / "integrations" / "mcp_server" / "bundle"
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def found(pattern: str, text: str = PROJECT) -> str:
    return re.findall(pattern, text, re.MULTILINE)[0]


VERSION = found(r'^version = "(.+)"')
NAME = found(r'^name = "(.+)"')


def loaded(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_bundle_is_of_this_version_and_has_these_tools() -> None:
    manifest = loaded(BUNDLE / "manifest.json")
    assert (manifest["manifest_version"], manifest["version"]) == ("0.4", VERSION)
    assert [tool["name"] for tool in manifest["tools"]] == [tool.name for tool in MEMORY]
    assert (BUNDLE / manifest["server"]["entry_point"]).exists()
    wanted = (BUNDLE / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"{NAME}[mcp]=={VERSION}"' in wanted
    assert found(r'^version = "(.+)"', wanted) == VERSION
    assert found(r'^requires-python = "(.+)"', wanted) == found(r'^requires-python = "(.+)"')
    compile((BUNDLE / "src" / "server.py").read_text(encoding="utf-8"), "server.py", "exec")


def test_the_registry_entry_is_of_this_version_and_the_readme_claims_it() -> None:
    entry = loaded(ROOT / "server.json")
    [package] = entry["packages"]
    assert (entry["version"], package["version"], package["identifier"]) == (VERSION, VERSION, NAME)
    assert len(entry["description"]) <= 100
    assert f"<!-- mcp-name: {entry['name']} -->" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_a_client_makes_of_the_registry_entry_is_a_command_that_there_is() -> None:
    [package] = loaded(ROOT / "server.json")["packages"]
    before, after = (
        [part for each in package[of] for part in (each.get("name"), each["value"]) if part]
        for of in ("runtimeArguments", "packageArguments")
    )
    command = [package["runtimeHint"], *before, f"{package['identifier']}@{package['version']}", *after]  # as all do
    assert command == ["uvx", "--with", f"{NAME}[mcp]=={VERSION}", f"{NAME}@{VERSION}", "mcp"]
    scripts = dict(re.findall(r'^(\S+) = "(.+?)"', found(r"^\[project.scripts\]\n((?:.+\n)+)"), re.MULTILINE))
    assert scripts[NAME] == scripts["memos"]  # what uvx runs has the name of the package


@pytest.mark.parametrize("field", ["resolved", "_resolved"])
def test_the_lock_of_the_gates_names_no_host_and_every_digest(field: str) -> None:
    packages = loaded(ROOT / "integrations" / "mcp_server" / "tests" / "gates" / "package-lock.json")["packages"]
    assert len(packages) > 100
    for name, package in packages.items():
        assert field not in package
        assert name == "" or package.get("integrity", "").startswith("sha512-")
