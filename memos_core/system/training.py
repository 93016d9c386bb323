"""Training: memories that a model has learnt, as an adapter which is a memory too."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import timedelta
from hashlib import sha256
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from memos_core.cube.audit import OWNER
from memos_core.cube.grant import Right
from memos_core.cube.memcube import RECALLED, Kind, MemCube, Trust
from memos_core.cube.message import names
from memos_core.cube.namespace import Namespace, NamespaceLike, covers
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.payload import BlobRef, Parametric
from memos_core.cube.selection import Filters, Selection, selection
from memos_core.errors import AdapterUnfit, InvalidInput, VaultBusy
from memos_core.ports import Recipe, Watching, Weighted
from memos_core.system.activating import Activating
from memos_core.system.tutoring import Adapters, base_of

if TYPE_CHECKING:
    from memos_core.operation.training import Fact
    from memos_core.ports import AdapterTrainer, ChatModel, Keeping, Trained

MOST = 10_000  # memories, or adapters, that are looked at
OFTEN = timedelta(seconds=30)  # between two times that it is kept how far training has come


class Training(Activating):
    """The part of :class:`memos_core.MemOS` that teaches models; ``docs/PARAMETRIC.md`` shows it."""

    def train(
        self,
        *,
        namespace: NamespaceLike,
        base_model: object,
        cubes: Iterable[str] | None = None,
        recipe: Recipe | None = None,
        progress: Watching | None = None,
        **filters: Unpack[Filters],
    ) -> MemCube:
        """Teach a model what memories say, and keep what it learnt as an adapter: a memory of its own.

        What is taught are the claims that hold, and the texts of facts without claims; where there is a chat model, it
        writes more questions that a claim answers. The adapter rests on all of
        these at once: it falls in the same commit when one of them no longer holds, and is erased with one that is
        erased. Training again makes one without it.

        How far it has come is kept in the vault, twice a minute at most: where training was killed, the same call goes
        on from there. It is no memory, leaves the vault with nothing but a backup, and goes with what is erased.

        Parameters
        ----------
        namespace
            Where the memories are, with those below it; the adapter becomes one of its memories.
        base_model
            A :class:`~memos_core.infrastructure.models.local.LocalModel`, the path of one, or any ``AdapterTrainer``.
        cubes
            Ids: these, whatever kind they are and however far they are trusted. By default nothing is taught that
            nobody vouches for, unless ``min_trust="third_party"`` says so.
        recipe
            How it is trained.
        progress
            Called with the steps done, the most there can be, and the present loss.
        **filters
            As in :meth:`search`.

        Returns
        -------
        MemCube
            The adapter, with a report under ``"adapter"`` in its metadata: the share of facts that it answers in each
            wording it was not taught in, how perplexity on other text has changed, answers to other questions, and how
            many questions a chat model has written.

        Raises
        ------
        InvalidInput
            If there is nothing to teach, or what was taught has changed in the meantime. No adapter is stored then.
        ExtraMissing
            If what trains is not installed.
        """
        address = parse_namespace(namespace)
        self._vault.authorise(Right.WRITE, address, kind=Kind.ADAPTER)
        trainer = _trainer(base_model)
        facts = self._facts(address, cubes, filters)
        return self._train(address, trainer, facts, recipe, model=self._llm, progress=progress)

    def _train(
        self,
        address: Namespace,
        trainer: AdapterTrainer,
        facts: builtins.list[Fact],
        recipe: Recipe | None,
        *,
        model: ChatModel | None = None,
        progress: Watching | None = None,
    ) -> MemCube:
        """Teach facts; a chat model writes more questions for them, if there is one."""
        from memos_core.operation.training import course

        if not facts:
            raise InvalidInput(detail=f"Nothing in {'/'.join(address)} that passes these filters can be taught.")
        how, written = recipe or Recipe(), dict[str, Any]()
        if model is not None:
            from memos_core.operation.wording import with_questions

            facts, count, alone = with_questions(facts, model)
            written = {"questions_by": model.name, "questions_written": count, "facts_without": alone}
        began, left = self._clock.now(), self._whole.unfinished(_unfinished(address, trainer))
        trained = trainer.train(
            course(facts),
            how,
            begun=None if left is None else bytes(left),
            keep=self._keeping(_unfinished(address, trainer), facts),
            progress=progress,
        )
        seconds = (self._clock.now() - began).total_seconds()
        report = {**_described(trainer, trained, how), **_examined(trainer, trained, facts), "seconds": seconds}
        report |= written
        return self._keep_adapter(address, facts, trainer, trained, report)

    def adapted(
        self,
        base_model: object,
        *,
        namespace: NamespaceLike,
        cubes: Iterable[str] | Mapping[str, float] | None = None,
        **filters: Unpack[Filters],
    ) -> Any:
        """A model that knows what its adapters taught it. The model given never changes; to unload is to let go.

        Parameters
        ----------
        base_model
            As in :meth:`train`.
        namespace
            Where the adapters are, with those below it.
        cubes
            Ids of adapters, or their weights by id; their updates are added up. By default all for this model but those
            that nobody vouches for, such as those in the packages of strangers.
        **filters
            As in :meth:`search`; ``min_trust="third_party"`` takes these too.

        Returns
        -------
        LocalModel
            Or whatever the trainer given makes. Without adapters, the model itself.

        Raises
        ------
        AdapterUnfit
            If one that is named cannot be used: it is no adapter, for another model, archived, expired, fallen, or
            of a package whose licence is over.
        """
        address = parse_namespace(namespace)
        trainer = _trainer(base_model)
        self._let_lapse()
        wanted = self._licensed(selection(address, now=self._clock.now(), **filters))
        if cubes is None:
            found = [cube for cube in self._adapters(wanted) if base_of(cube) == trainer.base_model]
            return trainer.adapted([Weighted(self._worn(cube)) for cube in found])
        weights = cubes if isinstance(cubes, Mapping) else dict.fromkeys(names(cubes, "cubes"), 1.0)
        named = [self.get(name) for name in weights]
        for cube in named:
            _check(cube, wanted, trainer)
        return trainer.adapted([Weighted(self._worn(cube), float(weights[cube.id])) for cube in named])

    def externalise(
        self, cube_id: str, base_model: object, *, questions: Iterable[str] | None = None
    ) -> builtins.list[MemCube]:
        """Write down what an adapter answers, as memories in plain text that are trusted least.

        They rest on the adapter, and fall with it. What the model answers without it too is left out.

        Parameters
        ----------
        cube_id
            Of the adapter.
        base_model
            As in :meth:`train`.
        questions
            By default those that the adapter was examined with.

        Raises
        ------
        AdapterUnfit
            If the adapter cannot be used with this model.
        InvalidInput
            If there is no question.
        """
        from memos_core.interface.reader.read import reread
        from memos_core.operation.training import externalised

        cube = self.get(cube_id)
        self._vault.authorise(Right.WRITE, cube.namespace, kind=Kind.FACT)
        trainer = _trainer(base_model)
        _check(cube, self._licensed(Selection(namespace=cube.namespace, now=self._clock.now())), trainer)
        known = cube.metadata["adapter"].get("questions", []) if questions is None else questions
        asked = names(known, "questions")
        if not asked:
            raise InvalidInput(detail="There is no question to ask the adapter: give some with questions=[...].")
        worn = [Weighted(bytes(self._vault.blob(cube.id)))]
        pairs = zip(asked, trainer.answers(asked), trainer.answers(asked, worn), strict=True)
        now = self._clock.now()
        with self._lock:
            contents = [
                reread(externalised(cube, question, new, model=trainer.name), new, now=now)
                for question, old, new in pairs
                if new and new != old
            ]
            if not contents:
                return []
            draft = self._writer.draft(contents, previous=None, now=now)
            with self.transaction():
                return [*self._store(draft).written]

    def keep_adapter(self, base_model: object, *, namespace: NamespaceLike, recipe: Recipe | None = None) -> None:
        """Have the scheduler keep an adapter for a model, as long as this is open.

        Each :meth:`tick` teaches it what is stable in a namespace and not in it yet, and withdraws it when something in
        it no longer holds; what is left is taught anew. No chat model is asked for it.

        Parameters
        ----------
        base_model, recipe
            As in :meth:`train`.
        namespace
            With those below it.

        Raises
        ------
        InvalidInput, ExtraMissing
            If the model cannot be trained, or what trains is not installed.
        """
        self._vault.authorise(Right.KEEP, ())
        address = parse_namespace(namespace)
        tier = Adapters(self, _trainer(base_model), address, recipe)
        self._backends[tier.name], self._tiers[tier.name] = tier, address

    def _licensed(self, wanted: Selection) -> Selection:
        """A selection without what is not licensed any more."""
        return self._vault.packages.recalled(wanted, self._clock.now())

    def _worn(self, cube: MemCube) -> bytes:
        """The bytes of an adapter that is about to be used, which is counted if it is under a licence."""
        if self._vault.packages:
            from memos_core.infrastructure.memstore.metering import Meter

            Meter(self._whole).count([cube], now=self._clock.now(), principal=self._principal or OWNER)
        return bytes(self._vault.blob(cube.id))

    # what is taught, and what came of it

    def _facts(self, address: Namespace, cubes: Iterable[str] | None, filters: Filters) -> builtins.list[Fact]:
        from memos_core.operation.training import EXTERNALISED, facts

        self._let_lapse()
        meant = selection(address, now=self._clock.now(), **filters)
        meant = meant.model_copy(update={"without": frozenset(self._vault.packages.all())})
        ids = None if cubes is None else names(cubes, "cubes")
        meant = _vouched_for(meant) if ids is None else meant
        found = self._vault.select(meant, limit=MOST) if ids is None else [self.get(name) for name in ids]
        chosen = [cube for cube in found if meant.admits(cube) and cube.text]
        if ids is None:
            own = [cube for cube in chosen if EXTERNALISED not in cube.metadata]  # no model learns what a model said
            chosen = [cube for cube in own if cube.claims or cube.kind in TAUGHT]
        return facts(chosen[::-1], self.claims(namespace=address, **filters))

    def _keeping(self, name: str, facts: builtins.list[Fact]) -> Keeping:
        """Keeps how far training has come, now and then; raises if something of what is taught was erased."""
        cubes, last = {fact.cube.id for fact in facts}, self._clock.now()

        def keep(packed: Callable[[], bytes]) -> None:
            nonlocal last
            if self._clock.now() - last >= OFTEN:
                with suppress(VaultBusy):  # then after the next epoch
                    self._whole.keep_unfinished(name, packed(), cubes=cubes)
                    last = self._clock.now()

        return keep

    def _keep_adapter(
        self,
        address: Namespace,
        facts: builtins.list[Fact],
        trainer: AdapterTrainer,
        trained: Trained,
        report: Mapping[str, Any],
    ) -> MemCube:
        from memos_core.operation.training import adapter_of

        ref = BlobRef(sha256=sha256(trained.blob).hexdigest(), size=len(trained.blob))
        payload = Parametric(blob=ref, base_model=trainer.base_model, method=trained.method, rank=trained.rank)
        taught = [*{fact.cube.id: fact.cube for fact in facts}.values()]
        content = adapter_of(taught, payload, report, namespace=address, model=trainer.name)
        with self._lock:
            draft = self._writer.draft([content], previous=None, now=self._clock.now())
            draft = draft._replace(batch=replace(draft.batch, blobs={ref.sha256: trained.blob}))
            with self.transaction():
                self._whole.drop_unfinished(_unfinished(address, trainer))
                there = {cube.id: cube.version for cube in self._vault.get([cube.id for cube in taught])}
                if there != {cube.id: cube.version for cube in taught}:
                    raise InvalidInput(detail="What was taught has changed or was erased meanwhile. Train again.")
                return self.get(self._store(draft).ids[0])

    def _adapters(self, wanted: Selection) -> builtins.list[MemCube]:
        """Adapters that may be used now, the oldest first."""
        meant = _vouched_for(wanted).model_copy(update={"kinds": frozenset({Kind.ADAPTER})})
        found = self._vault.select(meant, limit=MOST)
        return [cube for cube in found if isinstance(cube.payload, Parametric)][::-1]


TAUGHT = frozenset({Kind.FACT, Kind.PREFERENCE, Kind.EVENT, Kind.PROFILE, Kind.PROCEDURE})


def _vouched_for(wanted: Selection) -> Selection:
    """Without what nobody vouches for, unless it is asked for by ``min_trust``: what is learnt steers."""
    return wanted if wanted.min_trust is not None else wanted.model_copy(update={"min_trust": Trust.DOCUMENT})


def _trainer(given: object) -> AdapterTrainer:
    from memos_core.infrastructure.models.lora import as_trainer

    return as_trainer(given)


def _check(cube: MemCube, wanted: Selection, trainer: AdapterTrainer) -> None:
    """See that an adapter may be used now, with this model."""
    if not isinstance(cube.payload, Parametric):
        raise AdapterUnfit(detail=f"{cube.id} is a {cube.kind.value}, and no adapter.")
    if cube.state not in RECALLED or not wanted.admits(cube):
        is_closed = any(covers(place, cube.namespace) for place in wanted.without)
        why = "its licence is over" if is_closed else "it is not among those asked for"
        why = f"it is {cube.state.value}" if cube.state not in RECALLED else why
        raise AdapterUnfit(detail=f"{cube.id} cannot be used: {why}.")
    if cube.payload.base_model != trainer.base_model:
        made, here = cube.payload.base_model[:12], trainer.base_model[:12]
        raise AdapterUnfit(detail=f"{cube.id} is for the model {made}, and {trainer.name} is {here}.")


def _unfinished(namespace: Namespace, trainer: AdapterTrainer) -> str:
    """What is kept of a training that was killed: one for a namespace and a model, under this name."""
    return f"training of {'/'.join(namespace)} for {trainer.base_model}"


def _described(trainer: AdapterTrainer, trained: Trained, recipe: Recipe) -> dict[str, Any]:
    made = {name: value for name, value in trained._asdict().items() if name != "blob"}
    return {**made, "base_model": trainer.base_model, "model": trainer.name, "recipe": asdict(recipe)}


def _examined(trainer: AdapterTrainer, trained: Trained, facts: builtins.list[Fact]) -> dict[str, Any]:
    """How the adapter does: on what it was taught, in other wordings, and on what it was not."""
    from memos_core.operation.training import NAMED, text

    worn = [Weighted(trained.blob)]
    forms = range(max(len(fact.exam.questions) for fact in facts))
    examined = [[fact for fact in facts if form < len(fact.exam.questions)] for form in forms]
    asked = [[fact.exam.questions[form] for fact in some] for form, some in enumerate(examined)]
    known, controls = dict.fromkeys(fact.about for fact in facts), text("controls")
    named = [
        NAMED.format(about=about, question=question) for question, about in zip(controls, cycle(known), strict=False)
    ]
    without, *others = _answers(trainer, [asked[0], controls, named], ())
    *said, controls_now, named_now = _answers(trainer, [*asked, controls, named], worn)
    return {
        "facts": len(facts),
        "answered": [_right(some, taught, known) / len(taught) for some, taught in zip(said, examined, strict=True)],
        "answered_before": _right(without, facts, known) / len(facts),
        "perplexity": [trainer.perplexity(text("neutral"), adapters) for adapters in ((), worn)],
        "controls": len(controls),
        "controls_kept": sum(map(str.__eq__, others[0], controls_now)),
        "named_kept": sum(map(str.__eq__, others[1], named_now)),
        "questions": asked[0],
        "answers": [list(pair) for pair in zip(without, said[0], strict=True)],
    }


def _answers(
    trainer: AdapterTrainer, several: Iterable[Sequence[str]], adapters: Sequence[Weighted]
) -> builtins.list[builtins.list[str]]:
    """Ask lists of questions at once, for the model that wears adapters is made anew each time that it is asked."""
    several = list(several)
    said = iter(trainer.answers([question for some in several for question in some], adapters))
    return [list(islice(said, len(some))) for some in several]


def _right(said: Iterable[str], facts: Iterable[Fact], names: Iterable[str]) -> int:
    from memos_core.operation.training import is_known

    return sum(is_known(answer, fact, names) for answer, fact in zip(said, facts, strict=True))
