"""A model file of llama.cpp, run in this process by its own server, with the extra ``[gguf]``."""

from __future__ import annotations

import secrets
from os import PathLike, fspath
from pathlib import Path

from memos_core.errors import ExtraMissing, InvalidInput
from memos_core.infrastructure.models.chat import HTTPChatModel

CONTEXT = 8192  # tokens; what a model could take at most may be more than the memory holds


class GGUFChatModel(HTTPChatModel):
    """Answers with a ``.gguf`` file. The server listens on the loopback address, to nobody without this object's key.

    Parameters
    ----------
    context
        Tokens that a conversation may have, with its reply.
    threads
        That compute; by default as llama.cpp sees fit.
    timeout
        In seconds, for each read.

    Raises
    ------
    ExtraMissing
        If xllamacpp is not installed.
    InvalidInput
        If the file cannot be run.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        context: int = CONTEXT,
        threads: int | None = None,
        timeout: float = 300.0,
    ) -> None:
        try:
            import xllamacpp
        except ImportError as error:
            raise ExtraMissing(what="A GGUF file as a model", install="pip install 'memcubes[gguf]'") from error
        file, key = Path(fspath(path)).expanduser(), secrets.token_urlsafe()
        settings = xllamacpp.CommonParams()
        settings.model.path, settings.api_keys = str(file), [key]
        settings.port, settings.n_ctx, settings.n_parallel, settings.verbosity = 0, context, 1, 0
        if threads is not None:
            settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
        try:
            self._server = xllamacpp.Server(settings)
        except RuntimeError as error:
            raise InvalidInput(detail=f"{file} is no model file that llama.cpp can run.") from error
        super().__init__(f"{self._server.listening_address}/v1", file.stem, api_key=key, timeout=timeout)

    def __repr__(self) -> str:
        return f"GGUFChatModel({self.name!r})"
