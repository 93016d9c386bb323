from __future__ import annotations

from pathlib import Path

from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.ports import Vault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault import VaultConformance


class TestSQLiteVault(VaultConformance):
    def make_vault(self, tmp_path: Path) -> SQLiteVault:
        return SQLiteVault(str(tmp_path / "vault.db"), clock=ManualClock())

    def reopen(self, vault: Vault) -> SQLiteVault:
        assert isinstance(vault, SQLiteVault)
        vault.close()
        return SQLiteVault(vault.path, clock=ManualClock())

    def open_backup(self, path: Path) -> SQLiteVault:
        return SQLiteVault(str(path), clock=ManualClock())


class TestSQLiteVaultInMemory(VaultConformance):
    def make_vault(self, tmp_path: Path) -> SQLiteVault:
        return SQLiteVault(":memory:", clock=ManualClock())

    def open_backup(self, path: Path) -> SQLiteVault:
        return SQLiteVault(str(path), clock=ManualClock())
