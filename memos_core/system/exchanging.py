"""Exchanging: memories that leave as packages, and those that come from packages and other vaults."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from memos_core.cube.canonical import sha256
from memos_core.cube.grant import Right
from memos_core.cube.memcube import Content, MemCube, State
from memos_core.cube.message import names
from memos_core.cube.namespace import Namespace, NamespaceLike, covers
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.package import About, Disclosure, Manifest, Merged, Rendered
from memos_core.cube.selection import Filters, selection
from memos_core.errors import BlobMissing, InvalidInput, VaultCorrupt
from memos_core.operation.writer import Progress
from memos_core.system.receiving import Receiving

if TYPE_CHECKING:
    from memos_core.infrastructure.exchange.choosing import Choice
    from memos_core.infrastructure.exchange.signing import SigningKey


PAGE = 500  # memories at a time
LICENSED = "licensed memories"


class Exchanging(Receiving):
    """The part of :class:`memos_core.MemOS` that shares memories; ``docs/SHARING.md`` shows it."""

    def export(
        self,
        path: str | PathLike[str],
        *,
        namespace: NamespaceLike | None = None,
        cubes: Iterable[str] | None = None,
        since: Manifest | None = None,
        history: bool = True,
        sensitive: Disclosure | str = Disclosure.INCLUDE,
        vectors: bool = False,
        blobs: bool = True,
        about: About | None = None,
        key: SigningKey | None = None,
        recipients: Iterable[str] = (),
        **filters: Unpack[Filters],
    ) -> Manifest:
        """Write memories to a ``.memcube`` package. Exporting the same twice gives the same bytes.

        Parameters
        ----------
        namespace
            With those below it; by default the whole vault, with the marks of what was erased.
        cubes
            Ids: only these.
        since
            What an earlier package of this vault says of itself: only what was stored since then.
        history
            Whether earlier versions go with what they say.
        sensitive
            What becomes of memories with e-mail addresses, numbers and keys, or tagged as sensitive: ``"include"``,
            ``"leave out"``, or ``"redact"``. Without all of them, earlier versions are left out too, and caches and
            adapters, which nobody can look into.
        vectors
            Whether the vectors go too, so that whoever trusts them need not embed again.
        blobs
            Whether what caches and adapters refer to goes too; without, their memories come without it.
        about
            Name, version, licence and rights, of what is for others.
        key
            Signs it.
        recipients
            Public keys of age: it is encrypted to these, and nobody else can read it.
        **filters
            As in :meth:`search`; ``known_at`` is for :meth:`fork`.

        Returns
        -------
        Manifest
            What the package holds, and what was left out; licensed packages are, unless their licence lets them leave.

        Raises
        ------
        InvalidInput
            If something is at the path already, or an argument cannot be understood.
        NotPermitted
            For the handle of a principal: a package holds what it may read and what it may not.
        ExtraMissing
            If it is to be encrypted and the library for that is not installed.
        """
        from memos_core.infrastructure.exchange import archive
        from memos_core.infrastructure.exchange.choosing import Wish, choose

        self._vault.authorise(Right.KEEP, ())
        if since is not None and since.source != self._whole.actor:
            raise InvalidInput(detail="since is a package of another vault; give one that this vault has made.")
        scope = () if namespace is None else parse_namespace(namespace)
        wish = Wish(
            admits=self._test(scope, cubes, filters),
            scope=scope,
            since=0 if since is None else since.until,
            history=history,
            withheld=self._vault.packages.withheld(),
            disclose=self._disclosing(sensitive),
        )
        target = Path(fspath(path))
        with self._lock, archive.workshop(target) as folder:
            choice = choose(self._whole, wish)
            blobs_chosen = self._blobs(choice, wanted=blobs)
            said = _described(about)
            draft = archive.Draft(
                operations=choice.operations(),
                about={
                    **said,
                    "namespace": scope,
                    "cubes": choice.cubes,
                    "operations": choice.count,
                    "erased": choice.erased,
                    "source": self._whole.actor,
                    "since": wish.since,
                    "until": choice.until,
                    "left_out": dict(choice.left_out),
                },
                licence=None if about is None else about.licence_text,
                vectors=[self._vectors(choice, folder / "vectors")] if vectors else [],
                blobs=blobs_chosen,
            )
            manifest = archive.write(folder / "package.memcube", folder, draft, key=key)
            archive.place(folder / "package.memcube", target, recipients=names(recipients, "recipients"))
        self._vault.audit("export", scope, detail=f"{choice.cubes:,} memories to {target.name}")
        return manifest

    def export_as(
        self, form: str, path: str | PathLike[str], *, namespace: NamespaceLike, **filters: Unpack[Filters]
    ) -> Rendered:
        """Write memories in a form that people or other systems read; it has no place for history, trust and states.

        Parameters
        ----------
        form
            ``"markdown"``, a folder of notes; ``"mcp"``, the graph of the reference MCP memory server; or ``"pam"``,
            Portable AI Memory.
        path
            Where nothing is yet.
        namespace
            With those below it.
        **filters
            As in :meth:`search`.

        Returns
        -------
        Rendered
            How many were written; what licences do not let leave was left out.

        Raises
        ------
        InvalidInput
            If there is no such form, or something is at the path already.
        NotPermitted
            If a principal may not read there.
        """
        from memos_core.infrastructure.exchange.exporters import write

        self._vault.authorise(Right.READ, parse_namespace(namespace))
        withheld, stayed = self._vault.packages.withheld(), 0

        def leaving() -> Iterator[MemCube]:
            nonlocal stayed
            offset = 0
            while page := self.list(namespace=namespace, limit=PAGE, offset=offset, **filters):
                offset += len(page)
                goes = [cube for cube in page if not any(covers(place, cube.namespace) for place in withheld)]
                stayed += len(page) - len(goes)
                yield from goes

        count = write(leaving(), Path(fspath(path)), form)
        return Rendered(memories=count, left_out={LICENSED: stayed} if stayed else {})

    def sync(
        self, path: str | PathLike[str], *, key: str | None = None, progress: Progress | None = None
    ) -> tuple[Merged, Merged]:
        """Bring this vault and that of another file to the same memories; return what each has taken from the other.

        Parameters
        ----------
        key
            Of the other vault, if it is encrypted.
        progress
            Called with the number of texts embedded, done and in all.

        Raises
        ------
        InvalidInput
            If there is no vault at the path.
        EmbedderMismatch
            If one of them holds vectors of another embedder.
        """
        from memos_core.infrastructure.exchange.opening import is_vault

        self._vault.authorise(Right.KEEP, ())
        if not is_vault(Path(fspath(path)), key=key):
            raise InvalidInput(detail=f"{fspath(path)} is no vault, or one that is encrypted and needs its key.")
        taken = self.merge(path, key=key, progress=progress)
        embedder = self._loaded_embedder()
        with type(self).open(path, embedder=embedder, clock=self._clock, key=key) as other:
            given = other._take_in(self._whole, progress)  # noqa: SLF001 - of the same class
        return taken, given

    def _test(
        self, scope: Namespace, cubes: Iterable[str] | None, filters: Filters
    ) -> Callable[[MemCube], bool] | None:
        """Says which memories are wanted; ``None`` for the whole vault."""
        ids = None if cubes is None else frozenset(names(cubes, "cubes"))
        if not scope and ids is None and not filters:
            return None
        if filters.get("known_at") is not None:
            raise InvalidInput(detail="A package holds what is known now. memos.fork(path, to=...) gives what was.")
        meant = selection(scope or "all", now=self._clock.now(), states=State, **filters)
        wanted = meant.model_copy(update={"namespace": scope, "now": None})
        return lambda cube: wanted.admits(cube) and (ids is None or cube.id in ids)

    def _disclosing(self, given: Disclosure | str) -> Callable[[MemCube], Content | None] | None:
        from memos_core.cube.policy import Sensitive, policy
        from memos_core.interface.reader.read import reread
        from memos_core.operation.screening import screened

        try:
            wanted = Disclosure(given)
        except ValueError as error:
            known = ", ".join(repr(each.value) for each in Disclosure)
            raise InvalidInput(detail=f"sensitive is {given!r}; known are {known}.") from error
        if wanted is Disclosure.INCLUDE:
            return None
        redacting, now = policy("default: redact"), self._clock.now()

        def told(cube: MemCube) -> Content | None:
            content = cube.content()
            if content.blob is not None:
                return None  # what a model made of texts, which no rule can look into
            clean = screened(content, redacting, reread=lambda each, text: reread(each, text, now=now))
            if clean == content and not content.governance.sensitivity:
                return content
            # A tag such as "health" was given by a person, and no rule knows which words it means.
            is_clean = {kind.value for kind in Sensitive}.issuperset(content.governance.sensitivity)
            return clean if wanted is Disclosure.REDACT and is_clean else None

        return told

    def _blobs(self, choice: Choice, *, wanted: bool) -> dict[str, memoryview]:
        """The blobs of what was chosen, mapped; those that cannot go are counted."""
        from memos_core.infrastructure.exchange import tensors

        found: dict[str, memoryview] = {}
        for digest, (cube, version) in sorted(choice.blobs.items()):
            try:
                if not wanted:
                    choice.left_out["blobs that were not asked for"] += 1
                    continue
                view = self._whole.blob(cube, version=version)
                tensors.check(io.BytesIO(view[: tensors.MAX_HEADER + 8]), len(view))
                if sha256(view) != digest:
                    choice.left_out["blobs that are damaged"] += 1
                    continue
                found[digest] = view
            except (BlobMissing, VaultCorrupt):
                choice.left_out["blobs that are not here"] += 1
            except InvalidInput:
                choice.left_out["blobs that are no safetensors"] += 1
        return found

    def _vectors(self, choice: Choice, path: Path) -> tuple[Path, dict[str, Any], int]:
        from memos_core.infrastructure.exchange import vectorfile
        from memos_core.infrastructure.exchange.choosing import contents
        from memos_core.operation.embedding import texts_of

        embedder = self._fitting_embedder()
        pages = (texts_of(contents(page), embedder=embedder) for page in choice.pages())
        known = (self._whole.known_vectors(texts, embedder.spec) for texts in pages)
        return path, asdict(embedder.spec), vectorfile.write(path, known)


def _described(about: About | None) -> dict[str, Any]:
    if about is None:
        return {}
    return about.model_dump(mode="json", exclude={"licence_text"})
