"""The conformance suite of the vault port: a test for every promise in ``memos_core.ports.Vault``.

Whoever writes a vault subclasses :class:`VaultConformance` in a test file::

    class TestMyVault(VaultConformance):
        def make_vault(self, tmp_path):
            return MyVault(tmp_path / "vault.db")

        def open_backup(self, path):
            return MyVault(path)

        def reopen(self, vault):  # where the vault is stored
            vault.close()
            return MyVault(vault.path)
"""

from __future__ import annotations

from memos_core.testing.vault.auditing import Auditing
from memos_core.testing.vault.begun import Begun
from memos_core.testing.vault.blobs import Keeping, Parting
from memos_core.testing.vault.erasure import Erasure
from memos_core.testing.vault.expiring import Expiring
from memos_core.testing.vault.finding import Matching, Nearest
from memos_core.testing.vault.known_at import KnownAt
from memos_core.testing.vault.reading import Reading
from memos_core.testing.vault.relating import Claiming, During, Graph, Passages, Resting
from memos_core.testing.vault.scheduling import Local
from memos_core.testing.vault.transacting import Transacting
from memos_core.testing.vault.upkeep import Embedding, Upkeep, Usage
from memos_core.testing.vault.writing import Writing

__all__ = ["VaultConformance"]


class VaultConformance(
    Writing,
    Reading,
    KnownAt,
    Erasure,
    Expiring,
    Keeping,
    Parting,
    Matching,
    Nearest,
    Claiming,
    During,
    Graph,
    Passages,
    Local,
    Begun,
    Auditing,
    Resting,
    Transacting,
    Usage,
    Embedding,
    Upkeep,
):
    """Every promise of the vault port. Subclass it and say how a vault is made."""
