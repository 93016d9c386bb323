from collections.abc import Iterator

import pytest

from memos_core import MemOS
from memos_core.testing.embedders import HashingEmbedder


@pytest.fixture
def memos() -> Iterator[MemOS]:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as opened:
        yield opened
