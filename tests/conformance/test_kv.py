"""Every KV back end keeps what its port promises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from memos_core.errors import CacheRefused
from memos_core.infrastructure.models.kv_llama import LlamaServerKV
from memos_core.infrastructure.models.kv_transformers import TransformersKV
from memos_core.ports import KVBackend, Placed
from memos_core.testing.kv import KVConformance, tiny_model

GGUF = Path(__file__).parents[2] / "build" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(scope="module")
def tiny() -> list[KVBackend]:
    return [TransformersKV(tiny_model(seed)) for seed in (0, 1)]


@contextmanager
def server(folder: Path, **settings: object) -> Iterator[str]:
    """A real server with a real model, and its address."""
    xllamacpp = pytest.importorskip("xllamacpp")
    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(GGUF)
    wanted.slot_save_path = f"{folder}/"
    wanted.n_ctx, wanted.n_parallel, wanted.port = 1024, 1, 0
    wanted.cpuparams.n_threads = 1
    wanted.warmup, wanted.verbosity = False, 0
    for name, value in settings.items():
        setattr(wanted, name, value)
    running = xllamacpp.Server(wanted)
    yield running.listening_address
    assert list(folder.iterdir()) == []  # every slot's file is taken away


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[KVBackend]]:
    """In place of a second model, the same under another file's fingerprint."""
    folder = tmp_path_factory.mktemp("slots")
    with server(folder) as url:
        yield [LlamaServerKV(url, folder=folder), LlamaServerKV(url, folder=folder, weights=Path(__file__))]


class TestTransformers(KVConformance):
    @pytest.fixture
    def backend(self, tiny: list[KVBackend]) -> KVBackend:
        return tiny[0]

    @pytest.fixture
    def other(self, tiny: list[KVBackend]) -> KVBackend:
        return tiny[1]


class TestLlamaServer(KVConformance):
    @pytest.fixture
    def backend(self, served: list[KVBackend]) -> KVBackend:
        return served[0]

    @pytest.fixture
    def other(self, served: list[KVBackend]) -> KVBackend:
        return served[1]


def test_a_server_that_was_started_with_other_settings_takes_no_cache_from_before(
    served: list[KVBackend], tmp_path: Path
) -> None:
    """Its positions are encoded differently, or its numbers are of another type that takes as many bytes."""
    tokens = served[0].tokenize("My boat is called Ida.")
    cache = served[0].compute(tokens)
    for settings, is_other in (({}, False), ({"rope_freq_base": 50_000.0}, True), ({"cache_type_k": 30}, True)):
        with server(tmp_path, **settings) as url:
            again = LlamaServerKV(url, folder=tmp_path)
            assert (again.fingerprint != served[0].fingerprint) == is_other, settings
            if is_other:
                with pytest.raises(CacheRefused):
                    list(again.generate([*tokens, 1], stored=[Placed(cache.data)], max_tokens=1))
