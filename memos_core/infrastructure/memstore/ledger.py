"""The ledger: what a vault notes of registries, of installed packages, and of how often licences were used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from memos_core.cube.frozen import Frozen
from memos_core.cube.listing import Installed
from memos_core.infrastructure.exchange.signing import SigningKey
from memos_core.infrastructure.memstore.places import INSTALLED, SEEN
from memos_core.ports import Vault

REGISTRIES = "registries"  # names of notes
USES = "uses of licence "
KEY = "reporting key"


class Pin(Frozen):
    """What was learnt of a registry when it was last looked at.

    Attributes
    ----------
    key
        That signed its index.
    version, digest
        Of its index.
    publishers
        Keys of publishers, by the first half of their packages' names.
    """

    key: str
    version: int
    digest: str
    publishers: Mapping[str, str] = Field(default_factory=dict)


class Ledger:
    """Notes of a vault, read and written whole."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def keep(self, installed: Installed) -> None:
        """Note that a package is installed, in place of what was in its namespace."""
        where = "/".join(installed.namespace)
        self._write(INSTALLED, {**self._read(INSTALLED), where: installed.model_dump(mode="json")})

    def drop(self, installed: Installed) -> None:
        """Note that a package is not installed any more."""
        gone = "/".join(installed.namespace)
        self._write(INSTALLED, {where: each for where, each in self._read(INSTALLED).items() if where != gone})

    def pin(self, registry: str) -> Pin | None:
        """What was learnt of a registry; ``None`` if it was never looked at."""
        held = self._read(REGISTRIES).get(registry)
        return None if held is None else Pin.model_validate(held)

    def repin(self, registry: str, pin: Pin) -> None:
        """Note what was learnt of a registry."""
        if self.pin(registry) != pin:
            self._write(REGISTRIES, {**self._read(REGISTRIES), registry: pin.model_dump(mode="json")})

    def count_use(self, licence: str) -> int:
        """Note that memories under a licence were recalled once more; return how often they were."""
        count = int(self._vault.noted(USES + licence) or 0) + 1
        self._vault.note(USES + licence, str(count))
        return count

    def reporting_key(self) -> SigningKey:
        """The key that signs what this vault reports; made at first need."""
        secret = self._vault.noted(KEY)
        key = SigningKey.of(secret) if secret else SigningKey.new()
        if not secret:
            self._vault.note(KEY, key.secret)
        return key

    def see(self, moment: datetime) -> None:
        """Note the latest moment at which licences were checked."""
        self._vault.note(SEEN, moment.isoformat())

    def _read(self, name: str) -> dict[str, Any]:
        held: dict[str, Any] = json.loads(self._vault.noted(name) or "{}")
        return held

    def _write(self, name: str, held: Mapping[str, object]) -> None:
        self._vault.note(name, json.dumps(held))
