"""MemOS: the facade, one class in several parts, each of which builds on the one before."""

from memos_core.system.training import Training


class MemOS(Training):
    """A memory that an agent can add to, search, change, roll back and forget.

    Parameters
    ----------
    vault
        Keeps the memory; :meth:`open` makes one from a path.
    embedder
        Anything that embeds: see ``docs/EMBEDDERS.md``. The default is a local model and needs no network.
    llm
        A chat model, if there is one: see ``docs/CHAT_MODELS.md``. It reads more claims, puts questions in other
        words and sorts what was found. Where it fails, the result of the rules is kept, with a ``ModelWarning``.
    actor
        Name of the user, agent or application that writes; recorded as provenance.
    clock
        The only source of the present time.
    backends
        What else can hold memories, for the scheduler to use: a ``MemoryBackend``, or a ``KVBackend``.

    Notes
    -----
    Errors that many methods share. Where one is raised, nothing was changed.

    - ``InvalidInput`` for an argument that cannot be accepted, as ``InvalidText``, ``TooLarge``, ``InvalidNamespace``,
      ``NaiveDatetime`` or ``InvalidFilter`` where that says more. Without a namespace nothing is done.
    - ``CubeNotFound`` for the id of no cube; ``VersionNotFound`` for a version that is not the cube's, or erased.
    - ``NotPermitted`` for what the principal of a handle may not do there; see :meth:`as_principal`.
    - ``InvalidTransition`` for what cannot be done to a cube in its state, such as a change of a frozen one.
    - ``VaultFull`` and ``VaultBusy`` where something cannot be written, ``VaultCorrupt`` for a damaged file,
      ``VaultClosed`` after :meth:`close`, ``ForkedVault`` in a forked child.

    Thread-safe. Every write is one durable transaction: when the call returns, it survives a crash.
    """
