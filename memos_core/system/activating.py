"""Activating: memories that a model has read once, and goes on from."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import Unpack

from memos_core.cube.generated import Generated
from memos_core.cube.grant import Right
from memos_core.cube.memcube import RECALLED, Kind, MemCube, State, Trigger
from memos_core.cube.message import names
from memos_core.cube.namespace import Namespace, NamespaceLike
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.payload import Activation
from memos_core.cube.selection import Filters, Selection, selection
from memos_core.errors import AdapterUnfit, InvalidInput, TooLarge
from memos_core.system.shopping import Shopping

if TYPE_CHECKING:
    from memos_core.operation.caching import Node
    from memos_core.ports import KVBackend, MemoryBackend, Vault
    from memos_core.system.prompts import Prompt

MOST = 10_000  # memories, or caches, that are looked at
RECOMPUTED = 0.15  # of a cache that is moved, the share that is computed again


class Activating(Shopping):
    """The part of :class:`memos_core.MemOS` that keeps what a model has read; ``docs/ACTIVATION.md`` shows it."""

    def activate(
        self,
        *,
        namespace: NamespaceLike,
        model: object | None = None,
        cubes: Iterable[str] | None = None,
        dtype: str | None = None,
        **filters: Unpack[Filters],
    ) -> MemCube:
        """Let a model read memories once, and keep what it made of them: their KV cache, as a memory of its own.

        It goes on from the longest cache that there is of some of them, and computes only the others. What is activated
        already is not computed again. The cache falls in the same commit with any of the memories it was made from, and
        is erased with them.

        Parameters
        ----------
        namespace
            Where the memories are, with those below it; the cache becomes one of its memories.
        model
            A :class:`~memos_core.infrastructure.models.local.LocalModel`, or any ``KVBackend``; by default the one that
            the vault was opened with.
        cubes
            Ids: only these.
        dtype
            In which the cache is stored: ``"float32"``, ``"float16"``, ``"bfloat16"`` or ``"int8"``. By default the
            model's own, which loses nothing.
        **filters
            As in :meth:`search`; but not ``known_at``.

        Returns
        -------
        MemCube
            The cache, whose payload is an ``Activation``. Installed packages are left out: they are metered where they
            are recalled.

        Raises
        ------
        InvalidInput
            If there is nothing to activate, or the model cannot do it.
        TooLarge
            If the model's window is too small for the memories.
        AdapterUnfit
            If the model wears an adapter that is no memory here, or holds no longer.
        ExtraMissing
            If what runs the model is not installed.
        """
        backend, address = self._kv_backend(model), parse_namespace(namespace)
        self._worn_by(backend)
        self._vault.authorise(Right.SUGGEST, address, kind=Kind.ACTIVATION)  # before anything is computed
        prompt = self._prompt(address, cubes, filters, backend, dtype=dtype)
        if not prompt.memories:
            raise InvalidInput(detail=f"There is no text to activate in {'/'.join(address)} that passes these filters.")
        self._usage.count(prompt.ids)
        return self._kept_cache(prompt, address, backend, dtype)

    def generate(
        self,
        prompt: str,
        *,
        namespace: NamespaceLike,
        model: object | None = None,
        cubes: Iterable[str] | None = None,
        max_tokens: int = 256,
        compose: str = "exact",
        recompute: float = RECOMPUTED,
        on_text: Callable[[str], None] | None = None,
        **filters: Unpack[Filters],
    ) -> Generated:
        """Answer a prompt from memories, and read none anew that the model has read already.

        The memories that are selected stand before the prompt, as they are now: a cache changes how long it takes, and
        never what is said. Of the caches of this model, the longest is used that stands for nothing else and still
        holds; its memories come first, then the others in the order of time. One that another version of the model or
        its library made is not used, and is made anew where this handle may write.

        Parameters
        ----------
        prompt
            What is asked.
        namespace, model, cubes, **filters
            As in :meth:`activate`.
        max_tokens
            Of the answer, at most.
        compose
            ``"exact"``; or ``"approximate"``: further caches are used that were computed on their own, moved to where
            they stand here. The result says so.
        recompute
            Of each cache that is moved, the share at its beginning that is computed again, 0 to 1.
        on_text
            Called with each piece of the answer as it comes.

        Returns
        -------
        Generated
            The answer, always of the likeliest tokens, and what was taken from caches.

        Raises
        ------
        InvalidInput
            If an argument cannot be understood, or the model cannot move caches.
        TooLarge
            If the model's window is too small for the memories, the prompt and the answer.
        AdapterUnfit
            As in :meth:`activate`.
        """
        from memos_core.interface.reader.text import sound

        backend, address = self._kv_backend(model), parse_namespace(namespace)
        question = sound(prompt, "The prompt")
        _check(question, compose, recompute, max_tokens)
        self._worn_by(backend)
        found = self._prompt(address, cubes, filters, backend)
        if found.outdated and self._vault.permits(Right.WRITE, address, kind=Kind.ACTIVATION):
            again = [name for name in found.outdated if name in found.wanted]
            self._kept_cache(self._prompt(address, again, {}, backend), address, backend, None)
            found = self._prompt(address, cubes, filters, backend)
        if compose == "approximate":
            if not backend.can_shift:
                raise InvalidInput(detail=f"{backend.name} cannot move caches: leave out compose, or use a LocalModel.")
            found = found.with_moved(recompute)
        self._usage.count(found.ids)
        return self._answer(found, question, backend, max_tokens, on_text)

    def _answer(
        self,
        prompt: Prompt,
        question: str,
        backend: KVBackend,
        max_tokens: int,
        on_text: Callable[[str], None] | None,
    ) -> Generated:
        written = prompt.tokens(backend, self._vault.blob, question=question)
        said, cached, computed = builtins.list[str](), 0, 0
        for step in backend.generate(written.tokens, stored=written.stored, again=written.again, max_tokens=max_tokens):
            said.append(step.text)
            cached, computed = step.cached, step.computed
            if on_text and step.text:
                on_text(step.text)
        return Generated(
            text="".join(said),
            model=backend.name,
            memories=tuple(prompt.ids),
            caches=tuple(node.cube.id for node in (*prompt.chain, *prompt.moved)),
            cached=cached,
            computed=computed,
            is_exact=not prompt.moved and not any(node.is_lossy for node in prompt.chain),
        )

    # finding what there is

    def _kv_backend(self, given: object | None) -> KVBackend:
        from memos_core.infrastructure.models.kv import as_kv_backend

        if given is not None:
            return as_kv_backend(given)
        held = [each.kv for each in self._backends.values() if isinstance(each, Caches)]
        if len(held) != 1:
            raise InvalidInput(
                detail="Say which model: model=..., or open the vault with one: MemOS.open(path, backends=[model])."
            )
        return held[0]

    def _prompt(
        self,
        address: Namespace,
        cubes: Iterable[str] | None,
        filters: Filters,
        backend: KVBackend,
        *,
        dtype: str | None = None,
    ) -> Prompt:
        """What is selected, and which caches serve it."""
        from memos_core.system.prompts import Prompt

        if filters.get("known_at") is not None:
            raise InvalidInput(detail="A model reads what is known now. memos.fork(path, to=...) gives what was.")
        self._let_lapse()
        meant = self._selection(address, filters)
        ids = None if cubes is None else names(cubes, "cubes")
        found = self._vault.select(meant, limit=MOST) if ids is None else self._vault.get(ids)
        wanted = {cube.id: cube for cube in found if cube.text and meant.admits(cube)}
        kept = self._vault.select(
            Selection(namespace=address, kinds=frozenset({Kind.ACTIVATION}), now=meant.now), limit=MOST
        )
        return Prompt.of(
            wanted, kept, backend=backend, dtype=dtype, holding=lambda ids: self._holding([wanted[id_] for id_ in ids])
        )

    def _selection(self, address: Namespace, filters: Filters) -> Selection:
        meant = selection(address, now=self._clock.now(), **filters)
        return meant.model_copy(update={"without": frozenset(self._vault.packages.all())})

    def _worn_by(self, backend: KVBackend) -> builtins.list[MemCube]:
        """The adapters that a model wears, all of which must still hold: a cache falls with them."""
        if not (worn := set(backend.adapters)):
            return []
        self._let_lapse()
        found = [
            cube for cube in _all_of(self._whole, Kind.ADAPTER, RECALLED) if cube.blob and cube.blob.sha256 in worn
        ]
        if worn - {cube.blob.sha256 for cube in found if cube.blob}:
            raise AdapterUnfit(detail=f"{backend.name} wears one that is no memory here, or holds no longer.")
        return found

    # keeping

    def _kept_cache(self, prompt: Prompt, address: Namespace, backend: KVBackend, dtype: str | None) -> MemCube:
        """The cache of what is selected, and nothing else."""
        from memos_core.operation.caching import cache_content

        if not prompt.rest:
            return prompt.chain[-1].cube
        made = prompt.computed(backend, self._vault.blob, dtype=dtype)._replace(adapters=self._worn_by(backend))
        content = cache_content(made, address)
        with self._lock:
            draft = self._writer.draft([content], previous=None, now=self._clock.now())
            if draft.batch.operations:
                blobs = {content.blob.sha256: made.kv.data} if content.blob else {}
                draft = draft._replace(batch=replace(draft.batch, blobs=blobs))
            with self.transaction():
                added = self._store(draft)
                cube = next(iter(added.written or added.unchanged))
                if added.unchanged and cube.state not in RECALLED:
                    cube = self._move(cube, Trigger.REVIVE, "it was activated again")
                self._drop([each for each in prompt.others if set(each.of) <= set(prompt.ids)])
        return cube

    def _drop(self, nodes: Iterable[Node]) -> None:
        """Erase caches that another version of the model or its library made, where this handle may."""
        gone = [
            each.cube for each in nodes if self._vault.permits(Right.ERASE, each.cube.namespace, kind=Kind.ACTIVATION)
        ]
        if gone:
            self.erase([cube.id for cube in gone], reason="made by another version of the model or its library")

    def _as_backend(self, given: object) -> MemoryBackend:
        from memos_core.infrastructure.models.kv import as_kv_backend, is_kv_backend

        return Caches(self, as_kv_backend(given)) if is_kv_backend(given) else super()._as_backend(given)


class Caches:
    """All caches of one model, as the scheduler fills and empties them: a ``MemoryBackend``.

    Each of its versions is that of a memory in a cache that can be used, or of a cache that cannot.
    """

    is_for_stable = False

    def __init__(self, memos: Activating, kv: KVBackend) -> None:
        self._memos = memos
        self.kv = kv

    @property
    def name(self) -> str:
        """What decisions call it."""
        return f"activation of {self.kv.name}"

    def held(self) -> dict[str, int]:
        """Bytes by version."""
        found: dict[str, int] = {}
        for each in self._nodes():
            versions = each.versions if self._is_usable(each) else (each.cube.version,)
            size = _size([each.cube])
            for version in versions:
                found[version] = found.get(version, 0) + size // max(1, len(versions))
        return found

    def promote(self, cubes: Iterable[MemCube]) -> str:
        """Let the model read memories, after those of their namespace that it has read already."""
        made: builtins.list[MemCube] = []
        for cube in cubes:
            usable = [each for each in self._nodes() if self._is_usable(each) and each.cube.namespace == cube.namespace]
            longest = max((each.of for each in usable), key=len, default=())
            try:
                made += self._read([*longest, cube.id], cube.namespace)
            except TooLarge:
                made += self._read([cube.id], cube.namespace)
        tokens = sum(cube.payload.tokens for cube in made if isinstance(cube.payload, Activation))
        return f"{tokens:,} tokens, {_size(made):,} bytes"

    def demote(self, versions: Iterable[str]) -> str | None:
        """Erase the caches in which these are, and those that go on from them."""
        wanted = set(versions)
        nodes = self._nodes()
        gone = [each.cube.id for each in nodes if wanted.intersection((*each.versions, each.cube.version))]
        if not gone:
            return None
        receipt = self._memos.erase(gone, reason="its memories are no longer needed so fast")
        erased = {*gone, *receipt.derived}
        return f"{_size(each.cube for each in nodes if each.cube.id in erased):,} bytes freed"

    def _read(self, ids: builtins.list[str], namespace: Namespace) -> Iterator[MemCube]:
        prompt = self._memos._prompt(namespace, ids, {}, self.kv)  # noqa: SLF001 - a part of it
        if prompt.rest:
            yield self._memos._kept_cache(prompt, namespace, self.kv, None)  # noqa: SLF001

    def _is_usable(self, each: Node) -> bool:
        return each.is_usable and each.fingerprint == self.kv.fingerprint

    def _nodes(self) -> builtins.list[Node]:
        from memos_core.operation.caching import node

        cubes = _all_of(self._memos._whole, Kind.ACTIVATION, frozenset(State) - {State.EXPIRED})  # noqa: SLF001
        return [each for each in map(node, cubes) if each and each.model == self.kv.name]


def _all_of(vault: Vault, kind: Kind, states: frozenset[State]) -> Iterator[MemCube]:
    """All cubes of a kind, wherever they are."""
    for root in dict.fromkeys(address[:1] for address in vault.namespaces()):
        yield from vault.select(Selection(namespace=root, kinds=frozenset({kind}), states=states), limit=MOST)


def _size(cubes: Iterable[MemCube]) -> int:
    return sum(cube.blob.size for cube in cubes if cube.blob)


def _check(question: str, compose: str, recompute: float, max_tokens: int) -> None:
    if not question.strip():
        raise InvalidInput(detail="The prompt has no text.")
    if compose not in {"exact", "approximate"}:
        raise InvalidInput(detail=f"compose is {compose!r}; known are 'exact' and 'approximate'.")
    if not 0 <= recompute <= 1:
        raise InvalidInput(detail=f"recompute is a share, 0 to 1, and is {recompute}.")
    if max_tokens < 1:
        raise InvalidInput(detail=f"max_tokens must be at least 1, and is {max_tokens}.")
