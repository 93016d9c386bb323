"""What the parts of the conformance suite share."""

from __future__ import annotations

from pathlib import Path

import pytest

from memos_core.ports import Vault
from memos_core.testing.vault.desk import Desk


class VaultSuite:
    """The questions that the author of a vault answers, and the fixtures made of the answers."""

    def make_vault(self, tmp_path: Path) -> Vault:
        """Make an empty vault; what it needs on disk goes into ``tmp_path``, which is empty too."""
        raise NotImplementedError

    def reopen(self, vault: Vault) -> Vault | None:  # noqa: ARG002  # for those that override it
        """Close a vault and open it again from where it was stored; ``None`` if it is not stored."""
        return None

    def open_backup(self, path: Path) -> Vault:
        """Open what ``backup`` wrote."""
        raise NotImplementedError

    @pytest.fixture
    def vault(self, tmp_path: Path) -> Vault:
        """An empty vault."""
        return self._made(tmp_path / "vault")

    @pytest.fixture
    def desk(self, vault: Vault) -> Desk:
        """An author at an empty vault."""
        return Desk(vault)

    @pytest.fixture
    def other(self, tmp_path: Path) -> Desk:
        """Another author at another vault."""
        return Desk(self._made(tmp_path / "other"), number=2)

    def _made(self, folder: Path) -> Vault:
        folder.mkdir()
        return self.make_vault(folder)
