"""Every trainer of adapters keeps what its port promises."""

from __future__ import annotations

import pytest

from memos_core.infrastructure.models.lora import LoraTrainer
from memos_core.ports import AdapterTrainer
from memos_core.testing.adapters import AdapterConformance, tiny_learner

pytestmark = pytest.mark.usefixtures("one_thread")


class TestLora(AdapterConformance):
    @pytest.fixture
    def trainer(self) -> AdapterTrainer:
        return LoraTrainer(tiny_learner(0))

    @pytest.fixture
    def other(self) -> AdapterTrainer:
        return LoraTrainer(tiny_learner(1))
