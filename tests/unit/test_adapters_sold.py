"""Adapters are sold as other memories are: they are used under a licence, and not without it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from memos_core import MemOS, Message
from memos_core.cube.package import About
from memos_core.errors import AdapterUnfit, LicenceError
from memos_core.infrastructure.exchange.encryption import new_identity
from memos_core.infrastructure.exchange.signing import SigningKey
from memos_core.infrastructure.memstore import selling
from memos_core.infrastructure.memstore.licensing import new_licence
from memos_core.infrastructure.memstore.registry import Registry
from memos_core.infrastructure.models.local import LocalModel
from memos_core.infrastructure.models.speaking import answers
from memos_core.ports import Recipe
from memos_core.testing.adapters import tiny_learner
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

NAME = "guide/towns"
ANA = "Where does Ana live?"


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return tiny_learner(0)


class Shop:
    """A seller of an adapter, and somebody who wants it."""

    def __init__(self, folder: Path, model: LocalModel) -> None:
        self.folder, self.clock, self.key = folder, ManualClock(), SigningKey.new()
        self.registry = Registry(folder / "registry", SigningKey.new(), clock=self.clock)
        self.secret, self.public = new_identity()
        self.package = folder / "towns.memcube"
        with MemOS.open(folder / "guide.db", embedder=HashingEmbedder(), clock=self.clock) as guide:
            guide.add(Message(role="user", name="Ana", content="I live in Porto."), namespace="towns")
            guide.train(namespace="towns", base_model=model, recipe=Recipe(epochs=60, rate=5e-3, replay=0))
            about = About(name=NAME, version="1.0.0", licence="Proprietary")
            guide.export(self.package, namespace="towns", kinds=["adapter"], about=about, key=self.key)
        self.registry.publish(self.package, paid=True)
        self.buyer = MemOS.open(folder / "buyer.db", embedder=HashingEmbedder(), clock=self.clock)

    def buy(self, **terms: object) -> bytes:
        """Buy and install it; the licence."""
        licence = new_licence(NAME, licensee=self.public, issued=self.clock.now(), **terms)  # type: ignore[arg-type]
        token = selling.issue(licence, self.package, self.registry, self.key, folder=self.folder / "licences")
        store = self.buyer.store(self.folder / "registry", namespace="me")
        store.install(NAME, licence=token.read_bytes(), identities=[self.secret])
        return token.read_bytes()

    def adapter(self) -> str:
        """Its id at the buyer's."""
        [bought] = self.buyer.list(namespace="me", kinds=["adapter"])
        return bought.id


@pytest.fixture
def shop(tmp_path: Path, model: LocalModel) -> Iterator[Shop]:
    made = Shop(tmp_path, model)
    yield made
    made.buyer.close()


def test_a_bought_adapter_is_used_when_it_is_named_and_each_use_is_counted(shop: Shop, model: LocalModel) -> None:
    with pytest.raises(LicenceError):
        shop.buyer.store(shop.folder / "registry", namespace="me").install(NAME, identities=[shop.secret])
    shop.buy(uses=2)
    bought = shop.adapter()
    assert shop.buyer.adapted(model, namespace="me") is model  # a stranger's steers nothing unasked
    for way in ({"cubes": [bought]}, {"min_trust": "third_party"}):
        taught = shop.buyer.adapted(model, namespace="me", **way)  # type: ignore[arg-type]
        assert "Porto" in answers(taught, [ANA])[0]
    assert len(shop.buyer.audit(action="recall")) == 2
    with pytest.raises(AdapterUnfit, match="its licence is over"):
        shop.buyer.adapted(model, namespace="me", cubes=[bought])


@pytest.mark.parametrize("end", ["expired", "revoked"])
def test_without_its_licence_a_bought_adapter_is_not_used(shop: Shop, model: LocalModel, end: str) -> None:
    token = shop.buy(expires=shop.clock.now() + timedelta(days=30))
    bought = shop.adapter()
    if end == "expired":
        shop.clock.advance(timedelta(days=31))
    else:
        shop.registry.revoke(token)
        shop.buyer.store(shop.folder / "registry", namespace="me").updates()
    assert shop.buyer.adapted(model, namespace="me", min_trust="third_party") is model
    with pytest.raises(AdapterUnfit, match="its licence is over"):
        shop.buyer.adapted(model, namespace="me", cubes=[bought])
    with pytest.raises(AdapterUnfit, match="its licence is over"):
        shop.buyer.externalise(bought, model)
