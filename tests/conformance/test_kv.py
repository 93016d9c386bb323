"""Every KV back end keeps what its port promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memos_core.infrastructure.models.kv_llama import LlamaServerKV
from memos_core.infrastructure.models.kv_transformers import TransformersKV
from memos_core.ports import KVBackend
from memos_core.testing.kv import KVConformance, tiny_model

GGUF = Path(__file__).parents[2] / "build" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(scope="module")
def tiny() -> list[KVBackend]:
    return [TransformersKV(tiny_model(seed)) for seed in (0, 1)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[KVBackend]]:
    """A real server with a real model; in place of a second one, the same under another file's fingerprint."""
    xllamacpp = pytest.importorskip("xllamacpp")
    folder = tmp_path_factory.mktemp("slots")
    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(GGUF)
    wanted.slot_save_path = f"{folder}/"
    wanted.n_ctx, wanted.n_parallel, wanted.port = 1024, 1, 0
    wanted.cpuparams.n_threads = 1
    wanted.warmup, wanted.verbosity = False, 0
    server = xllamacpp.Server(wanted)
    url = server.listening_address
    yield [LlamaServerKV(url, folder=folder), LlamaServerKV(url, folder=folder, weights=Path(__file__))]
    assert list(folder.iterdir()) == []  # every slot's file is taken away


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
