"""The marketplace: registries, what is installed from them, and paid packages."""

from __future__ import annotations

import functools
import http.server
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from memos_core import MemOS
from memos_core.cube.grant import Right
from memos_core.cube.listing import Licence
from memos_core.cube.memcube import Trust
from memos_core.cube.package import About
from memos_core.errors import (
    InvalidInput,
    KeyChanged,
    LicenceError,
    MemOSWarning,
    NotInstalled,
    NotPermitted,
    PackageNotFound,
    ReadOnly,
    RegistryError,
)
from memos_core.infrastructure.exchange.encryption import new_identity
from memos_core.infrastructure.exchange.signing import SigningKey
from memos_core.infrastructure.memstore import selling
from memos_core.infrastructure.memstore.licensing import new_licence, sign
from memos_core.infrastructure.memstore.metering import checked_report
from memos_core.infrastructure.memstore.names import lookalikes
from memos_core.infrastructure.memstore.registry import INDEX_FILE, LIFETIME, Registry
from memos_core.infrastructure.memstore.statements import INDEX, read, rotation, signed
from memos_core.system.store import Store
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

NAME = "doctor/cardiology"
HOME = ("ana", "store", "doctor", "cardiology")
FIRST = ("Aspirin thins the blood.", "Statins lower cholesterol.", "Rest helps after surgery.")


class World:
    """A publisher, a registry, and a buyer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.publisher, self.keeper = SigningKey.new(), SigningKey.new()
        self.registry = Registry(folder / "registry", self.keeper, clock=self.clock)
        self.doctor = MemOS.open(folder / "doctor.db", embedder=HashingEmbedder(), clock=self.clock)
        self.ana = MemOS.open(folder / "ana.db", embedder=HashingEmbedder(), clock=self.clock)
        self.secret, self.public = new_identity()
        self.ids = [self.doctor.add(text, namespace="clinic/tips").ids[0] for text in FIRST]

    @property
    def location(self) -> Path:
        return self.folder / "registry"

    def store(self) -> Store:
        return self.ana.store(self.location, namespace="ana")

    def packed(self, version: str, *, name: str = NAME, key: SigningKey | None = None) -> Path:
        path = self.folder / f"{name.replace('/', '-')}-{version}.memcube"
        about = About(name=name, version=version, description="Advice for the heart", licence="CC-BY-4.0")
        self.doctor.export(path, namespace="clinic/tips", about=about, key=key or self.publisher)
        return path

    def publish(self, version: str, *, name: str = NAME, paid: bool = False, key: SigningKey | None = None) -> Path:
        path = self.packed(version, name=name, key=key)
        self.registry.publish(path, paid=paid)
        return path

    def sell(self, package: Path, **terms: object) -> tuple[Licence, bytes]:
        licence = new_licence(NAME, licensee=self.public, issued=self.clock.now(), **terms)  # type: ignore[arg-type]
        token = selling.issue(licence, package, self.registry, self.publisher, folder=self.folder / "licences")
        return licence, token.read_bytes()

    def change(self) -> None:
        """What the second edition changes: one memory is new, one says something else, one is withdrawn."""
        self.doctor.add("Walking strengthens the heart.", namespace="clinic/tips")
        self.doctor.update(self.ids[0], "Aspirin thins the blood, and can hurt the stomach.")
        self.doctor.forget(self.ids[2])

    def close(self) -> None:
        self.doctor.close()
        self.ana.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def texts(memos: MemOS, namespace: str = "ana") -> list[str]:
    return sorted(cube.text for cube in memos.list(namespace=namespace))


# -- install, update, uninstall ---------------------------------------------------------------------


def test_a_package_is_recalled_beside_ones_own_memories_and_says_where_it_comes_from(world: World) -> None:
    world.publish("1.0.0")
    world.ana.add("I take aspirin in the morning.", namespace="ana")
    revision = world.store().install(NAME)
    assert sorted(revision.new) == sorted(FIRST)
    assert (revision.previous, revision.changed, revision.withdrawn, revision.unembedded) == (None, (), (), 0)
    hits = world.ana.search("aspirin", namespace="ana")
    assert {"I take aspirin in the morning.", FIRST[0]} <= {hit.cube.text for hit in hits}
    (bought,) = [hit for hit in hits if hit.cube.text == FIRST[0]]
    assert bought.cube.namespace == HOME
    assert bought.source_ids == (f"{NAME}#{world.ids[0]}",)
    assert bought.cube.governance.trust is Trust.THIRD_PARTY
    assert f"source {NAME}" in world.ana.context("aspirin", namespace="ana").text


def test_an_update_shows_what_it_changes_before_it_does(world: World) -> None:
    world.publish("1.0.0")
    store = world.store()
    store.install(NAME)
    assert store.updates() == []
    world.change()
    world.publish("1.1.0")
    (update,) = store.updates()
    assert (update.installed.version, update.newest.version) == ("1.0.0", "1.1.0")
    before = texts(world.ana)
    tried = store.install(NAME, dry_run=True)
    assert texts(world.ana) == before
    assert store.installed()[0].version == "1.0.0"
    done = store.install(NAME)
    assert done == tried
    assert done.previous == "1.0.0"
    assert done.new == ("Walking strengthens the heart.",)
    assert done.changed == ((FIRST[0], "Aspirin thins the blood, and can hurt the stomach."),)
    assert done.withdrawn == (FIRST[2],)
    assert FIRST[2] not in texts(world.ana)
    assert store.updates() == []


def test_an_update_keeps_ids_so_that_what_was_forgotten_stays_so(world: World) -> None:
    world.publish("1.0.0")
    store = world.store()
    store.install(NAME)
    held = {cube.text: cube.id for cube in world.ana.list(namespace="ana")}
    world.ana.forget(held[FIRST[1]])
    world.change()
    world.publish("1.1.0")
    store.install(NAME)
    assert FIRST[1] not in texts(world.ana)
    assert world.ana.get(held[FIRST[0]]).text == "Aspirin thins the blood, and can hurt the stomach."


def test_uninstalling_leaves_no_trace_of_what_it_said(world: World) -> None:
    world.publish("1.0.0")
    world.ana.add("My own memory.", namespace="ana")
    store = world.store()
    store.install(NAME)
    held = [cube.id for cube in world.ana.list(namespace="/".join(HOME))]
    world.ana.freeze(held[0])
    assert store.uninstall(NAME) == len(FIRST)
    assert store.installed() == []
    assert texts(world.ana) == ["My own memory."]
    world.ana.close()
    for file in world.folder.glob("ana.db*"):
        assert b"cholesterol" not in file.read_bytes()


def test_installing_the_same_again_changes_nothing(world: World) -> None:
    world.publish("1.0.0")
    store = world.store()
    store.install(NAME)
    again = store.install(NAME)
    assert (again.new, again.changed, again.withdrawn, again.previous) == ((), (), (), "1.0.0")


def test_an_older_version_is_installed_when_it_is_asked_for(world: World) -> None:
    world.publish("1.0.0")
    world.change()
    world.publish("1.10.0")
    store = world.store()
    assert store.install(NAME).installed.version == "1.10.0"
    back = store.install(NAME, version="1.0.0")
    assert back.new == (FIRST[2],)
    with pytest.raises(PackageNotFound, match=r"no version 2\.0\.0"):
        store.install(NAME, version="2.0.0")


def test_two_people_of_one_vault_have_packages_of_their_own(world: World) -> None:
    world.publish("1.0.0")
    world.store().install(NAME)
    assert world.ana.search("aspirin", namespace="bob") == []
    bobs = world.ana.store(world.location, namespace="bob")
    assert bobs.installed() == []
    bobs.install(NAME)
    bobs.uninstall(NAME)
    assert len(texts(world.ana)) == len(FIRST)


# -- read-only, and in its place --------------------------------------------------------------------


def test_nobody_writes_into_an_installed_package(world: World) -> None:
    world.publish("1.0.0")
    world.store().install(NAME)
    (cube, *_) = world.ana.list(namespace="/".join(HOME))
    writes: list[Callable[[], object]] = [
        lambda: world.ana.add("Mine.", namespace="/".join(HOME)),
        lambda: world.ana.add("Mine.", namespace="/".join((*HOME, "deep"))),
        lambda: world.ana.update(cube.id, "Something else."),
        lambda: world.ana.set_rights(cube.id, licence="CC0-1.0"),
        lambda: world.ana.set_lifespan(cube.id, decay=0.5),
    ]
    for write in writes:
        with pytest.raises(ReadOnly, match="installed package"):
            write()
    assert world.ana.get(cube.id) == cube
    world.ana.add("Mine.", namespace="ana/store/doctor")
    world.ana.erase(cube.id)


def test_restoring_undoing_pipelines_and_the_scheduler_leave_packages_alone(world: World) -> None:
    from memos_core.operation.pipeline import redact

    mine = world.ana.add("Aspirin is mine.", namespace="ana").ids[0]
    world.ana.snapshot("before", namespace="ana")
    world.publish("1.0.0")
    world.store().install(NAME)
    world.ana.update(mine, "Aspirin was mine.")
    changed = world.ana.pipeline([redact("Aspirin")], namespace="ana")
    assert [each.cube_id for each in changed] == [mine]
    world.ana.restore("before", namespace="ana")
    assert world.ana.undo(origin="import") == []
    world.clock.advance(timedelta(days=400))
    world.ana.tick()
    assert texts(world.ana) == sorted([*FIRST, "Aspirin is mine."])


def test_a_package_cannot_take_all_places_of_a_result(world: World) -> None:
    for number in range(30):
        world.doctor.add(f"Aspirin fact number {number}.", namespace="clinic/tips")
    world.publish("1.0.0")
    for number in range(8):
        world.ana.add(f"Note {number}: aspirin bought.", namespace="ana")
    world.store().install(NAME)
    found = [hit.cube.namespace for hit in world.ana.search("aspirin fact number", namespace="ana", limit=10)]
    assert found.count(HOME) == 5
    assert found.count(("ana",)) == 5


def test_claims_of_a_package_never_replace_ones_own(world: World) -> None:
    world.ana.add("Ana lives in Rome.", namespace="ana")
    world.doctor.add("Ana lives in Paris.", namespace="clinic/tips")
    world.publish("1.0.0")
    world.store().install(NAME)
    (own,) = world.ana.list(namespace="ana", exact=True)
    assert own.text == "Ana lives in Rome."
    hits = world.ana.search("Where does Ana live?", namespace="ana")
    assert [hit.outdated_by for hit in hits if hit.cube.id == own.id] == [()]


def test_principals_cannot_shop(world: World) -> None:
    world.ana.grant("user:bob", namespace="ana", role="owner")
    with pytest.raises(NotPermitted, match=Right.KEEP.value):
        world.ana.as_principal("user:bob").store(world.location, namespace="ana")


# -- registries ------------------------------------------------------------------------------------


def test_packages_are_found_by_words_and_shown(world: World) -> None:
    world.publish("1.0.0")
    world.publish("1.0.0", name="doctor/surgery")
    store = world.store()
    assert [listing.name for listing in store.search("heart ADVICE")] == [NAME, "doctor/surgery"]
    assert [listing.name for listing in store.search("surgery")] == ["doctor/surgery"]
    assert store.search("plumbing") == []
    release = store.show(NAME).releases[0]
    assert (release.cubes, release.licence, release.paid) == (len(FIRST), "CC-BY-4.0", False)
    with pytest.raises(PackageNotFound, match=f"Perhaps you mean {NAME}"):
        store.show(NAME[:-1])
    with pytest.raises(PackageNotFound, match="nobody/nothing"):
        store.show("nobody/nothing")


def test_a_release_never_changes(world: World) -> None:
    world.publish("1.0.0")
    with pytest.raises(InvalidInput, match="never changes"):
        world.registry.publish(world.folder / "doctor-cardiology-1.0.0.memcube")


def test_a_yanked_release_is_installed_only_by_its_version_and_with_a_warning(world: World) -> None:
    world.publish("1.0.0")
    world.publish("1.1.0")
    world.registry.yank(NAME, "1.1.0", reason="a dose was wrong")
    store = world.store()
    assert store.install(NAME).installed.version == "1.0.0"
    with pytest.warns(MemOSWarning, match="a dose was wrong"):
        store.install(NAME, version="1.1.0")


def test_whoever_has_a_release_that_was_yanked_hears_why(world: World) -> None:
    world.publish("1.0.0")
    store = world.store()
    store.install(NAME)
    world.registry.yank(NAME, "1.0.0", reason="a wrong dose")
    with pytest.warns(MemOSWarning, match="a wrong dose"):
        assert store.updates() == []


def test_what_is_not_installed_is_named(world: World) -> None:
    with pytest.raises(NotInstalled, match="nothing/here is not installed for ana"):
        world.store().uninstall("nothing/here")


def test_what_is_no_package_with_name_and_signature_is_not_published(world: World) -> None:
    path = world.folder / "plain.memcube"
    world.doctor.export(path)
    with pytest.raises(InvalidInput, match="no name, version or signature"):
        world.registry.publish(path)


def test_only_the_keeper_writes_the_index(world: World) -> None:
    world.publish("1.0.0")
    with pytest.raises(RegistryError, match="not by this key"):
        Registry(world.location, SigningKey.new(), clock=world.clock)


def test_two_who_keep_a_registry_lose_nothing_of_each_other(world: World) -> None:
    other = Registry(world.location, world.keeper, clock=world.clock)
    other.publish(world.packed("1.0.0", name="doctor/surgery"))
    world.publish("1.0.0")
    other.yank(NAME, "1.0.0", reason="a wrong dose")
    index = Registry(world.location, world.keeper, clock=world.clock).index
    assert (index.version, set(index.packages)) == (3, {NAME, "doctor/surgery"})


def test_an_altered_index_or_package_is_refused(world: World) -> None:
    world.publish("1.0.0")
    index = world.location / INDEX_FILE
    sound = index.read_bytes()
    index.write_bytes(sound.replace(b'"payload":"e', b'"payload":"f'))
    with pytest.raises(RegistryError, match="cannot be read"):
        world.store().search()
    index.write_bytes(sound)
    package = next((world.location / "packages").rglob("*.memcube"))
    data = bytearray(package.read_bytes())
    data[len(data) // 2] ^= 1
    package.write_bytes(bytes(data))
    store = world.store()
    with pytest.raises(RegistryError, match="not the file that its index names"):
        store.install(NAME)
    assert store.verify() == store.verify(NAME)
    assert len(store.verify()) == 1
    assert store.installed() == []


def test_sound_releases_pass_verification(world: World) -> None:
    world.publish("1.0.0")
    world.publish("1.0.0", name="doctor/surgery", paid=True)
    assert world.store().verify() == []


def test_an_index_that_was_rolled_back_is_noticed(world: World) -> None:
    world.publish("1.0.0")
    index = world.location / INDEX_FILE
    old = index.read_bytes()
    world.publish("1.1.0")
    world.store().search()
    index.write_bytes(old)
    with pytest.raises(RegistryError, match="rolled back"):
        world.store().search()


def test_two_indexes_of_one_version_are_noticed(world: World) -> None:
    world.publish("1.0.0")
    world.store().search()
    index = world.location / INDEX_FILE
    _, _, said = read(index.read_bytes(), INDEX)
    other = {**said, "packages": {}}
    index.write_bytes(signed(INDEX, INDEX_FILE, other, world.keeper))
    with pytest.raises(RegistryError, match="two different indexes"):
        world.store().search()


def test_an_index_that_nobody_signs_anew_ends(world: World) -> None:
    world.publish("1.0.0")
    world.clock.advance(LIFETIME)
    with pytest.raises(RegistryError, match="may be an old copy"):
        world.store().search()
    world.registry.refresh()
    assert len(world.store().search()) == 1


def test_another_key_of_the_registry_is_refused_unless_the_old_one_named_it(world: World) -> None:
    world.publish("1.0.0")
    world.store().search()
    index = world.location / INDEX_FILE
    _, _, said = read(index.read_bytes(), INDEX)
    thief, heir = SigningKey.new(), SigningKey.new()
    sound = index.read_bytes()
    index.write_bytes(signed(INDEX, INDEX_FILE, {**said, "version": 99}, thief))
    with pytest.raises(KeyChanged, match="has not named"):
        world.store().search()
    index.write_bytes(sound)
    world.registry.rotate(heir)
    assert len(world.store().search()) == 1
    world.registry.publish(world.packed("1.2.0"))
    assert world.store().show(NAME).newest().version == "1.2.0"  # type: ignore[union-attr]


def test_another_key_of_a_publisher_is_refused_unless_the_old_one_named_it(world: World) -> None:
    world.publish("1.0.0")
    world.store().install(NAME)
    heir = SigningKey.new()
    with pytest.raises(KeyChanged, match="publisher doctor"):
        world.publish("1.1.0", key=heir)
    with pytest.raises(KeyChanged, match="publisher doctor"):
        world.publish("1.0.0", name="doctor/other", key=heir)
    world.registry.rotate_publisher("doctor", rotation(world.publisher, heir.public))
    world.change()
    world.registry.publish(world.packed("1.2.0", key=heir))
    assert world.store().install(NAME).installed.publisher == heir.public
    with MemOS.open(":memory:", embedder=HashingEmbedder(), clock=world.clock) as newcomer:
        newcomer.store(world.location, namespace="new").install(NAME, version="1.0.0")


def test_a_keeper_cannot_pass_off_a_package_as_the_publishers(world: World) -> None:
    world.publish("1.0.0")
    world.store().install(NAME)
    false = World(world.folder / "false")
    false.keeper = world.keeper
    false.registry = Registry(false.location / "own", world.keeper, clock=world.clock)
    false.doctor.add("Drink bleach.", namespace="clinic/tips")
    false.registry.publish(false.packed("9.9.9"))
    false.close()
    index = world.location / INDEX_FILE
    _, _, ours = read(index.read_bytes(), INDEX)
    _, _, theirs = read((false.location / "own" / INDEX_FILE).read_bytes(), INDEX)
    index.write_bytes(signed(INDEX, INDEX_FILE, {**ours, "version": 9, "packages": theirs["packages"]}, world.keeper))
    with pytest.raises(KeyChanged, match="publisher doctor"):
        world.store().install(NAME)


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("nowhere", "no such folder"),
        ("http://example.org/store", "begins with https"),
        ("https://user:word@example.org", "no password"),
    ],
)
def test_registries_are_folders_or_https(world: World, location: str, why: str) -> None:
    with pytest.raises(RegistryError, match=why):
        world.ana.store(location, namespace="ana")


def test_a_static_web_server_is_a_registry(world: World) -> None:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    world.publish("1.0.0")
    handler = functools.partial(Quiet, directory=str(world.location))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        store = world.ana.store(address, namespace="ana")
        assert store.install(NAME).installed.registry == address
        (world.location / "packages/doctor/cardiology-1.0.0.memcube").unlink()
        with pytest.raises(RegistryError, match="File not found"):
            store.install(NAME)
        server.shutdown()
    with pytest.raises(RegistryError, match="cannot be read"):
        store.search()


def test_one_registry_that_is_gone_does_not_hide_updates_of_others(world: World) -> None:
    world.publish("1.0.0")
    world.publish("1.0.0", name="doctor/surgery")
    other = Registry(world.folder / "other", world.keeper, clock=world.clock)
    other.publish(world.packed("1.0.0", name="coach/running"))
    store = world.store()
    store.install(NAME)
    world.ana.store(world.folder / "other", namespace="ana").install("coach/running")
    world.publish("1.1.0")
    (world.folder / "other" / INDEX_FILE).unlink()
    with pytest.warns(MemOSWarning, match="other"):
        assert [update.installed.name for update in store.updates()] == [NAME]


def test_subscribers_hear_of_each_update_once(world: World) -> None:
    world.publish("1.0.0")
    store = world.store()
    store.install(NAME)
    news = store.subscribe(every=timedelta(milliseconds=1))
    world.publish("1.1.0")
    assert [each.newest.version for each in next(news)] == ["1.1.0"]
    world.publish("1.2.0")
    assert [each.newest.version for each in next(news)] == ["1.2.0"]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("doctor/cardio1ogy", "doctor/cardiology"),
        ("doct0r/cardiology", "doctor/cardiology"),
        ("doctor/cardioolgy", "doctor/cardiology"),
        ("doctor/cardiolog", "doctor/cardiology"),
        ("doctor/cardi-ology", "doctor/cardiology"),
        ("rnaria/tips", "maria/tips"),
    ],
)
def test_names_that_look_alike_are_told(name: str, other: str) -> None:
    assert lookalikes(name, [other, "someone/else"]) == [other]
    assert lookalikes(other, [name]) == [name]


def test_installing_a_look_alike_warns(world: World) -> None:
    world.publish("1.0.0")
    world.publish("1.0.0", name="doctor/cardio1ogy")
    with pytest.warns(MemOSWarning, match="doctor/cardiology"):
        world.store().install("doctor/cardio1ogy")


# -- lock files ------------------------------------------------------------------------------------


def test_a_lock_file_installs_the_same_elsewhere_and_nothing_else(world: World) -> None:
    world.publish("1.0.0")
    world.store().install(NAME)
    lock = world.store().lock()
    world.change()
    world.publish("1.1.0")
    with MemOS.open(":memory:", embedder=HashingEmbedder(), clock=world.clock) as other:
        (revision,) = other.store(namespace="ana").install_locked(lock)
        assert (revision.installed.version, texts(other)) == ("1.0.0", sorted(FIRST))
        false = lock.packages[NAME].model_copy(update={"version": "1.1.0"})
        with pytest.raises(RegistryError, match="not the package of the lock file"):
            other.store(namespace="ana").install_locked(lock.model_copy(update={"packages": {NAME: false}}))
        assert texts(other) == sorted(FIRST)


# -- paid packages ---------------------------------------------------------------------------------


def test_a_paid_package_is_for_whoever_has_a_licence(world: World) -> None:
    package = world.publish("1.0.0", paid=True)
    store = world.store()
    with pytest.raises(LicenceError, match="no licence was given"):
        store.install(NAME)
    licence, token = world.sell(package)
    with pytest.raises(LicenceError, match="the secret key to that was not given"):
        store.install(NAME, licence=token)
    other, _ = new_identity()
    with pytest.raises(LicenceError, match="the secret key to that was not given"):
        store.install(NAME, licence=token, identities=[other])
    assert store.installed() == []
    store.install(NAME, licence=token, identities=[world.secret])
    assert set(FIRST) < set(texts(world.ana))
    assert {cube.governance.watermark for cube in world.ana.list(namespace="ana")} >= {licence.id}
    for file in (world.location / "sold").rglob("*.memcube"):
        assert b"cholesterol" not in file.read_bytes()


def test_a_licence_of_somebody_else_or_for_something_else_is_refused(world: World) -> None:
    package = world.publish("1.0.0", paid=True)
    other = world.publish("1.0.0", name="doctor/surgery", paid=True)
    store = world.store()
    licence = new_licence(NAME, licensee=world.public, issued=world.clock.now())
    forged = sign(licence, SigningKey.new())
    with pytest.raises(LicenceError, match="not the publisher"):
        store.install(NAME, licence=forged, identities=[world.secret])
    with pytest.raises(LicenceError, match="cannot be read"):
        store.install(NAME, licence=b"{}", identities=[world.secret])
    _, token = world.sell(package)
    with pytest.raises(LicenceError, match="this is doctor/surgery"):
        store.install("doctor/surgery", licence=token, identities=[world.secret])
    with pytest.raises(LicenceError, match="this is doctor/surgery"):
        selling.deliver(licence, other, world.registry, world.publisher, at=world.clock.now())


def test_a_licence_covers_a_range_of_versions(world: World) -> None:
    package = world.publish("1.0.0", paid=True)
    licence, token = world.sell(package, below="2.0.0")
    store = world.store()
    store.install(NAME, licence=token, identities=[world.secret])
    world.change()
    minor, major = world.publish("1.1.0", paid=True), world.publish("2.0.0", paid=True)
    at = world.clock.now()
    selling.deliver(licence, minor, world.registry, world.publisher, at=at)
    with pytest.raises(LicenceError, match=r"before 2\.0\.0"):
        selling.deliver(licence, major, world.registry, world.publisher, at=at)
    with pytest.raises(LicenceError, match=r"before 2\.0\.0"):
        store.install(NAME, identities=[world.secret])
    revision = store.install(NAME, version="1.1.0", identities=[world.secret])
    assert revision.withdrawn == (FIRST[2],)


def test_what_is_not_licensed_any_more_is_not_recalled(world: World) -> None:
    package = world.publish("1.0.0", paid=True)
    _, token = world.sell(package, expires=world.clock.now() + timedelta(days=30))
    store = world.store()
    store.install(NAME, licence=token, identities=[world.secret])
    world.ana.add("I take aspirin in the morning.", namespace="ana")
    assert len(world.ana.search("aspirin", namespace="ana")) > 1
    world.clock.advance(timedelta(days=31))
    with pytest.warns(MemOSWarning, match="its licence ended"):
        hits = world.ana.search("aspirin", namespace="ana")
    assert [hit.cube.text for hit in hits] == ["I take aspirin in the morning."]
    assert texts(world.ana) == ["I take aspirin in the morning."]
    with pytest.raises(LicenceError, match="Ask the publisher"):
        store.install(NAME, licence=token, identities=[world.secret])
    _, renewed = world.sell(package)
    store.install(NAME, licence=renewed, identities=[world.secret])
    assert len(world.ana.search("aspirin", namespace="ana")) > 1


def test_a_clock_that_is_set_back_prolongs_no_licence(world: World) -> None:
    package = world.publish("1.0.0", paid=True)
    _, token = world.sell(package, expires=world.clock.now() + timedelta(days=30))
    world.store().install(NAME, licence=token, identities=[world.secret])
    world.clock.advance(timedelta(days=29))
    assert world.ana.search("aspirin", namespace="ana")
    world.clock.advance(timedelta(days=-20))
    with pytest.warns(MemOSWarning, match="put the clock right"):
        world.ana.search("aspirin", namespace="ana")
    world.clock.advance(timedelta(days=20))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        world.ana.search("aspirin", namespace="ana")


def test_recalls_are_counted_and_end_with_the_licence(world: World) -> None:
    package = world.publish("1.0.0", paid=True)
    _, token = world.sell(package, uses=2)
    store = world.store()
    store.install(NAME, licence=token, identities=[world.secret])
    for _ in range(2):
        assert world.ana.search("aspirin", namespace="ana")
    with pytest.warns(MemOSWarning, match="2 recalls"):
        assert world.ana.search("aspirin", namespace="ana") == []
    assert len(world.ana.audit(action="recall")) == 2


def test_reports_of_use_are_signed_and_go_on_from_one_another(world: World) -> None:
    package = world.publish("1.0.0", paid=True)
    licence, token = world.sell(package)
    store = world.store()
    store.install(NAME, licence=token, identities=[world.secret])
    world.ana.search("aspirin", namespace="ana", limit=1)
    first = store.report(NAME)
    world.ana.search("statins", namespace="ana", limit=1)
    second = store.report(NAME)
    assert checked_report(first).licence == licence.id
    assert [count for _, count in checked_report(second, earlier=first).uses] == [1, 1]
    with pytest.raises(InvalidInput, match="does not go on"):
        checked_report(first, earlier=second)
    with pytest.raises(InvalidInput):
        checked_report(first.replace(b'"payload":"e', b'"payload":"f'))
    world.publish("1.0.0", name="doctor/surgery")
    store.install("doctor/surgery")
    with pytest.raises(LicenceError, match="nothing is counted"):
        store.report("doctor/surgery")


def test_a_revoked_licence_ends_when_the_registry_is_asked(world: World) -> None:
    package = world.publish("1.0.0", paid=True)
    _, token = world.sell(package)
    store = world.store()
    store.install(NAME, licence=token, identities=[world.secret])
    world.registry.revoke(token)
    assert world.ana.search("aspirin", namespace="ana")
    store.updates()
    with pytest.warns(MemOSWarning, match="revoked"):
        assert world.ana.search("aspirin", namespace="ana") == []
    with pytest.raises(LicenceError, match="revoked"):
        store.install(NAME, licence=token, identities=[world.secret])


def test_a_leak_is_traced_to_whose_copy_it_was(world: World) -> None:
    package = world.publish("1.0.0", paid=True)
    licence, token = world.sell(package)
    world.sell(package)
    world.store().install(NAME, licence=token, identities=[world.secret])
    leaked = "\n".join(texts(world.ana)).lower()
    folder = world.folder / "licences"
    assert selling.trace(leaked, folder, world.publisher) == [licence]
    assert selling.trace("Aspirin thins the blood.", folder, world.publisher) == []


def test_what_may_not_be_exported_stays_out_of_packages(world: World) -> None:
    package = world.publish("1.0.0", paid=True)
    _, token = world.sell(package)
    store = world.store()
    store.install(NAME, licence=token, identities=[world.secret])
    world.ana.add("My own.", namespace="ana")
    manifest = world.ana.export(world.folder / "mine.memcube")
    assert manifest.cubes == 1
    assert manifest.left_out["licensed memories"] == len(world.ana.list(namespace="/".join(HOME)))
    _, wide = world.sell(package, rights=("recall", "export"))
    store.install(NAME, licence=wide, identities=[world.secret])
    assert world.ana.export(world.folder / "all.memcube", namespace="ana").cubes > 1


def test_what_may_not_be_exported_stays_out_of_forms_of_others(world: World) -> None:
    _, token = world.sell(world.publish("1.0.0", paid=True))
    world.store().install(NAME, licence=token, identities=[world.secret])
    world.ana.add("My own.", namespace="ana")
    for form in ("markdown", "mcp", "pam"):
        done = world.ana.export_as(form, world.folder / form, namespace="ana")
        licensed = len(world.ana.list(namespace="/".join(HOME)))
        assert (done.memories, done.left_out) == (1, {"licensed memories": licensed})


@pytest.mark.parametrize("paid", [True, False])
def test_packages_stay_in_the_vault_that_they_are_installed_in(world: World, paid: bool) -> None:
    """Elsewhere no licence would be asked for, nothing would be counted, and nobody could uninstall them."""
    package = world.publish("1.0.0", paid=paid)
    token = world.sell(package)[1] if paid else None
    world.store().install(NAME, licence=token, identities=[world.secret])
    world.ana.add("My own.", namespace="ana")
    held = len(world.ana.list(namespace="/".join(HOME)))
    other = world.folder / "other.db"
    with MemOS.open(other, embedder=HashingEmbedder(), clock=world.clock) as memos:
        merged = memos.merge(world.folder / "ana.db")
        assert (texts(memos), merged.stayed) == (["My own."], held)
        memos.store(world.location, namespace="ana").install(NAME, licence=token, identities=[world.secret])
    before = texts(world.ana)
    taken, given = world.ana.sync(other)
    assert (taken.stayed, given.stayed) == (held, 0)  # those here were told of the first time
    assert texts(world.ana) == before
    world.ana.fork(world.folder / "forked.db")
    with MemOS.open(world.folder / "forked.db", embedder=HashingEmbedder(), clock=world.clock) as forked:
        assert texts(forked) == ["My own."]


# -- hostile registries ----------------------------------------------------------------------------


def altered(data: bytes, random: Random) -> bytes:
    """Bytes with a bit turned, a piece cut out, doubled or put elsewhere, or another end."""
    at, to = sorted(random.choices(range(len(data) + 1), k=2))
    way = random.randrange(5)
    if way == 0:
        turned = bytearray(data)
        turned[min(at, len(data) - 1)] ^= 1 << random.randrange(8)
        return bytes(turned)
    return (data[:at], data[:at] + data[to:], data[:to] + data[at:], data[to:] + data[:at])[way - 1]


@pytest.mark.parametrize("seed", range(4))
def test_no_altered_index_or_licence_is_believed_or_ends_in_a_crash(world: World, seed: int) -> None:
    random = Random(seed)
    package = world.publish("1.0.0", paid=True)
    _, token = world.sell(package)
    index = world.location / INDEX_FILE
    sound = index.read_bytes()
    store = world.store()
    store.search()
    for _ in range(150):
        if (false := altered(sound, random)) != sound:
            index.write_bytes(false)
            with pytest.raises(RegistryError):
                store.search()
    index.write_bytes(sound)
    for _ in range(100):
        if (false := altered(token, random)) != token:
            with pytest.raises(LicenceError):
                store.install(NAME, licence=false, identities=[world.secret])
    assert store.installed() == []


@pytest.mark.parametrize("path", ["../doctor.db", "/etc/passwd", "packages\\..\\x", "packages//x", ".", ""])
def test_an_index_leads_to_nothing_outside_of_the_registry(world: World, path: str) -> None:
    world.publish("1.0.0")
    index = world.location / INDEX_FILE
    _, _, said = read(index.read_bytes(), INDEX)
    said["packages"][NAME]["releases"][0]["path"] = path
    index.write_bytes(signed(INDEX, INDEX_FILE, said, world.keeper))
    with pytest.raises(RegistryError, match="no place in it"):
        world.store().install(NAME)
