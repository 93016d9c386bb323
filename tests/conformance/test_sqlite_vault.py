from __future__ import annotations

from pathlib import Path

from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.ports import Vault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault import VaultConformance


def opened(path: str | Path) -> SQLiteVault:
    return SQLiteVault(str(path), clock=ManualClock())


class TestSQLiteVault(VaultConformance):
    def make_vault(self, tmp_path: Path) -> SQLiteVault:
        self.path = tmp_path / "vault.db"
        return opened(self.path)

    def open_backup(self, path: Path) -> SQLiteVault:
        return opened(path)

    def reopen(self, vault: Vault) -> SQLiteVault:
        vault.close()
        return opened(self.path)


class TestSQLiteVaultInMemory(VaultConformance):
    def make_vault(self, tmp_path: Path) -> SQLiteVault:
        return opened(":memory:")

    def open_backup(self, path: Path) -> SQLiteVault:
        return opened(path)
