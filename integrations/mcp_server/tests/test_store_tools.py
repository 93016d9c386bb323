"""The tools over a registry: they are there if the server was started with one, and change nothing unasked."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server import Server

from memos_core import About, MemOS
from memos_core.infrastructure.exchange.signing import SigningKey
from memos_core.infrastructure.memstore.registry import Registry
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder
from memos_mcp.flags import Flags
from memos_mcp.server import build

from .calling import call, refusal

ADVICE = ("Grapefruit raises the level of several statins.", "A pulse above 100 for days needs a doctor.")
TOOLS = {"store_search", "store_list", "store_install", "store_uninstall"}


class Doctor:
    """Publishes what she knows."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.folder, self.clock, self.key = folder, clock, SigningKey.new()
        self.registry = Registry(folder / "registry", SigningKey.new(), clock=clock)

    def publish(self, *texts: str, version: str, name: str = "doctor/heart", is_paid: bool = False) -> None:
        path = self.folder / f"{name.replace('/', '-')}-{version}.memcube"
        with MemOS.open(":memory:", embedder=HashingEmbedder(), clock=self.clock) as memos:
            for text in texts:
                memos.add(text, namespace="tips")
            about = About(name=name, version=version, description="Advice for the heart", licence="CC-BY-4.0")
            memos.export(path, namespace="tips", about=about, key=self.key)
        self.registry.publish(path, paid=is_paid)


@pytest.fixture
def doctor(tmp_path: Path, clock: ManualClock) -> Doctor:
    found = Doctor(tmp_path, clock)
    found.publish(*ADVICE, version="1.0.0")
    return found


@pytest.fixture
def shop(memos: MemOS, doctor: Doctor) -> Server[Any]:
    return build(memos, namespace="alice", flags=Flags(store=str(doctor.folder / "registry")))


async def test_a_server_without_a_registry_has_no_store(server: Server[Any], shop: Server[Any]) -> None:
    async with Client(server) as client:
        assert TOOLS.isdisjoint(tool.name for tool in (await client.list_tools()).tools)
    async with Client(shop) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert tools.keys() >= TOOLS
    assert tools["store_uninstall"].annotations.destructive_hint
    assert tools["store_search"].annotations.read_only_hint
    assert not any("registry" in tools[name].input_schema["properties"] for name in TOOLS)


async def test_a_package_is_found_looked_at_installed_recalled_and_erased(shop: Server[Any], memos: MemOS) -> None:
    memos.add("I take a statin.", namespace="alice")
    assert (await call(shop, "store_search", words="bread"))["packages"] == []
    [offered] = (await call(shop, "store_search", words="heart"))["packages"]
    assert (offered["name"], offered["version"], offered["memories"]) == ("doctor/heart", "1.0.0", 2)

    looked = await call(shop, "store_install", name="doctor/heart")
    assert looked["dry_run"]
    assert (looked["new"], sorted(looked["examples"])) == (2, sorted(ADVICE))
    assert (await call(shop, "store_list"))["packages"] == []
    assert memos.count(namespace="alice") == 1

    done = await call(shop, "store_install", name="doctor/heart", dry_run=False)
    assert done["new"] == 2
    assert "previous" not in done
    assert [each["name"] for each in (await call(shop, "store_list"))["packages"]] == ["doctor/heart"]
    found = await call(shop, "memory_search", query="Is grapefruit a problem?")
    assert "Grapefruit" in found["memories"][0]["text"]

    assert (await call(shop, "store_uninstall", name="doctor/heart"))["memories"] == 2
    assert (await call(shop, "store_list"))["packages"] == []
    assert [cube.text for cube in memos.list(namespace="alice")] == ["I take a statin."]


async def test_an_update_says_what_it_changes(shop: Server[Any], doctor: Doctor) -> None:
    await call(shop, "store_install", name="doctor/heart", dry_run=False)
    doctor.publish(ADVICE[0], "Walk every day.", version="1.1.0")
    done = await call(shop, "store_install", name="doctor/heart", dry_run=False)
    assert (done["previous"], done["version"]) == ("1.0.0", "1.1.0")
    old = await call(shop, "store_install", name="doctor/heart", version="1.0.0")
    assert old["version"] == "1.0.0"


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("store_install", {"name": "doctor/bread"}, "doctor/bread"),
        ("store_install", {"name": "doctor/heart", "version": "9.9.9"}, "9.9.9"),
        ("store_install", {"name": "doctor/paid", "dry_run": False}, "licence"),
        ("store_uninstall", {"name": "doctor/heart"}, "doctor/heart"),
    ],
)
async def test_what_cannot_be_done_says_why_and_changes_nothing(
    shop: Server[Any], doctor: Doctor, memos: MemOS, tool: str, given: dict[str, Any], said: str
) -> None:
    doctor.publish(*ADVICE, version="1.0.0", name="doctor/paid", is_paid=True)
    assert said in await refusal(shop, tool, **given)
    assert (await call(shop, "store_list"))["packages"] == []
    assert memos.count(namespace="alice") == 0
