"""A causal language model of transformers in this process, with the extra ``[hf]``: what chats, caches and trains."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memos_core.cube.canonical import canonical, sha256
from memos_core.errors import ExtraMissing, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

#: Fields of a configuration that change neither weights nor what they compute.
INCIDENTAL = frozenset({"_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache", "architectures"})

#: What outputs of transformers call the cache, and what its models take it by; releases differ.
CACHES = ("cache", "past_key_values", "cache_params")
UNFINISHED = "\ufffd"  # what a character looks like before its last byte


class LocalModel:
    """A model and its tokenizer, loaded once and used by every part that needs them.

    Parameters
    ----------
    model, tokenizer
        As transformers loads them.
    name
        What errors, warnings and provenance call it; by default the name it was loaded under.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, name: str | None = None) -> None:
        model.eval()  # type: ignore[no-untyped-call]
        self.model = model
        self.tokenizer = tokenizer
        self.name = name or Path(str(getattr(model, "name_or_path", "") or type(model).__name__)).name

    def __repr__(self) -> str:
        return f"LocalModel({self.name!r})"

    @classmethod
    def load(cls, path: str | PathLike[str], *, dtype: str = "float32", device: str = "cpu") -> LocalModel:
        """Load a folder as ``save_pretrained`` writes it, a ``.gguf`` file, or what transformers knows by name.

        Parameters
        ----------
        dtype
            Of the weights as they are used, e.g. ``"float32"`` or ``"bfloat16"``. A file's own quantisation is undone.

        Raises
        ------
        ExtraMissing
            If torch or transformers is not installed.
        InvalidInput
            If there is no model there. Code that a model brings with it is never run.
        """
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise ExtraMissing(what="A model in this process", install="pip install 'memcubes[hf]'") from error
        place = fspath(path)
        folder, options = place, dict[str, Any]()
        if place.endswith(".gguf"):
            folder, options = str(Path(place).parent), {"gguf_file": Path(place).name}
        if (options or Path(place).is_absolute()) and not Path(place).exists():  # else it may be a name
            raise InvalidInput(detail=f"No model can be loaded from {place}: nothing is there.")
        options["trust_remote_code"] = False  # without a word, transformers asks at the terminal
        try:
            with quiet():
                tokenizer = AutoTokenizer.from_pretrained(folder, **options)
                model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype), **options)
        except (OSError, ValueError, AttributeError) as error:
            raise InvalidInput(detail=f"No model can be loaded from {place}: {error}") from error
        model.to(device)  # type: ignore[arg-type]
        return cls(model, tokenizer, name=Path(place).stem if place.endswith(".gguf") else Path(place).name)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        device: torch.device = self.model.device
        return device

    @cached_property
    def weights(self) -> str:
        """Digest of what the model is: configuration, tokenizer and every weight, as it was before any adapter.

        An adapter fits the model of an equal digest, whatever library runs it.
        """
        return sha256(canonical(self._identity()))

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all that a KV cache depends on: :attr:`weights`, with position encoding, and what runs them."""
        return sha256(canonical({"weights": self.weights, "library": self._library()}))

    def reading(self, tokens: Sequence[int], positions: Sequence[int]) -> AbstractContextManager[None]:
        """Say, around a pass that computes some positions of a row, what the whole row is; of no use to this one."""
        del tokens, positions
        return nullcontext()

    def _identity(self) -> Mapping[str, Any]:
        return {"config": self._config(), "tokenizer": self._words(), "tensors": self._tensors()}

    def _library(self) -> Mapping[str, str]:
        import torch
        import transformers

        return {"torch": torch.__version__, "transformers": transformers.__version__}

    def _config(self) -> Mapping[str, Any]:
        given = self.model.config.to_dict()
        kept = {key: value for key, value in given.items() if key not in INCIDENTAL and key != "quantization_config"}
        return {"fields": repr(sorted(kept.items())), "dtype": str(self.model.dtype)}

    def _words(self) -> str:
        """Digest of the tokenizer: its words, and what it makes of a text with something of everything."""
        probe = self.tokenizer("  A\tb\n\nÜber 12345 — 日本 🙂 don't\r\n", add_special_tokens=True)["input_ids"]
        return sha256(repr((sorted(self.tokenizer.get_vocab().items()), probe)).encode())

    def _tensors(self) -> str:
        import torch

        digest = hashlib.sha256()
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)} ".encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from writing bars and warnings to the terminal; afterwards it does again what it did."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
