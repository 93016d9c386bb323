"""What all questions to a model begin with, read once: its form of a conversation, up to where somebody speaks.

Until something that it was taught about has been mentioned, an adapter changes nothing (:mod:`.scope`). So these tokens
are the same in every step of a training, and nothing is learnt in them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from memos_core.errors import InvalidInput
from memos_core.infrastructure.models.local import CACHES, LocalModel
from memos_core.infrastructure.models.scope import Scopes, attend
from memos_core.infrastructure.models.speaking import Encoded, Rows, prompt, rows

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Begun:
    """A beginning, and the keys and values that belong to it.

    Parameters
    ----------
    network
        That wears the adapters which ``scopes`` keeps.
    model
        Whose form of a conversation it is.

    Attributes
    ----------
    tokens
        None where an adapter acts on them, or where the layers of the model do not look at all tokens.
    """

    def __init__(self, network: PreTrainedModel, model: LocalModel, scopes: Scopes) -> None:
        self._model = model
        pairs = zip(prompt(model, "0"), prompt(model, "?"), strict=False)
        self.tokens = tuple(token for token, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        if scopes.act_in(self.tokens) or not _looks_at_all(network):
            self.tokens = ()
        if self.tokens:
            self._name, self._cache = _read(network, self.tokens)

    def rows(self, several: Sequence[Encoded]) -> Rows:
        """A batch of which the beginning is not computed again; rows that begin otherwise do not see it."""
        import torch

        if not self.tokens:
            return rows(self._model, several)
        length = len(self.tokens)
        has = [one.tokens[:length] == self.tokens and len(one.tokens) > length + one.answer for one in several]
        rest = [Encoded(one.tokens[length * here :], one.answer) for one, here in zip(several, has, strict=True)]
        batch = rows(self._model, rest)
        new = batch.inputs["attention_mask"]
        before = torch.tensor(has, dtype=new.dtype, device=new.device)[:, None].expand(-1, length)
        seen = torch.cat([before, new], dim=-1)
        places = (seen.cumsum(-1) - 1).clamp(min=0)[:, length:]
        cache = copy.deepcopy(self._cache)
        cache.batch_repeat_interleave(len(several))
        attend(cache, has)
        return batch._replace(
            inputs={**batch.inputs, "attention_mask": seen, "position_ids": places, self._name: cache}
        )


def _looks_at_all(network: PreTrainedModel) -> bool:
    from memos_core.infrastructure.models.kv_room import Form

    try:
        Form.of(network)
    except InvalidInput:
        return False
    return True


def _read(network: PreTrainedModel, tokens: Sequence[int]) -> tuple[str, Any]:
    """The cache of a beginning, and what it is called."""
    import torch

    with torch.no_grad():
        found = network(input_ids=torch.tensor([tokens], device=network.device), use_cache=True)
    return next((name, found[name]) for name in CACHES if found.get(name) is not None)
