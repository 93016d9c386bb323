"""KV caches in the slots of a llama.cpp server.

The server writes a slot to a file and reads it again; this reaches both through the server's folder of slots, so that
it runs on the same machine or shares that folder. What the server writes is opaque: it is kept whole, in a safetensors
file with the tokens that it covers.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from memos_core.cube.canonical import canonical, sha256
from memos_core.errors import CacheRefused, ChatModelFailed, InvalidInput, TooLarge
from memos_core.infrastructure.models.kv_file import Tensor, pack, tokens_of, unpack
from memos_core.infrastructure.models.kv_form import split_form
from memos_core.infrastructure.models.lines import events
from memos_core.infrastructure.models.sending import Complaint, Endpoint, Incoming, NoAnswer
from memos_core.ports import Frame, KVCache, Placed, Step

PROBE = range(1, 9)  # tokens, to see what the server makes of them
FORM = "llama.cpp slot"


class LlamaServerKV:
    """The :class:`~memos_core.ports.KVBackend` of a llama.cpp server.

    Parameters
    ----------
    url
        Of the server, e.g. ``"http://127.0.0.1:8080"``; no ``/v1``.
    folder
        What the server was started with as ``--slot-save-path``, as it is reached from here.
    weights
        The model's file, whose digest caches are bound to; by default where the server says it is.
    slot
        The one that this uses, from 0; nobody else should.
    api_key
        Sent as a bearer token. It is never shown, logged or stored.
    timeout
        In seconds, for one request.

    Raises
    ------
    InvalidInput
        If there is no such folder.
    """

    def __init__(
        self,
        url: str,
        *,
        folder: str | PathLike[str],
        weights: str | PathLike[str] | None = None,
        slot: int = 0,
        api_key: str | None = None,
        timeout: float = 600.0,
    ) -> None:
        self._url = url.rstrip("/")
        self._folder = Path(folder)
        self._weights = weights
        self._slot = slot
        self._key = api_key
        self._timeout = timeout
        self._lock = threading.RLock()
        Endpoint(self._url, api_key=api_key)  # checks both
        if not self._folder.is_dir():
            raise InvalidInput(
                detail=f"{self._folder} is no folder. Start the server with --slot-save-path, and name it."
            )

    def __repr__(self) -> str:
        return f"LlamaServerKV({self._url!r})"

    @property
    def name(self) -> str:
        """The model, as the server calls it."""
        return Path(str(self._props.get("model_alias") or self._props.get("model_path") or FORM)).name

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the model's file, with its tokenizer, of the server's build, and of what it makes of some tokens.

        The last depends on all that the server was started with: number type, position encoding, adapters.
        """
        given = Path(self._weights or str(self._props.get("model_path", "")))
        if not given.is_file():
            raise InvalidInput(detail=f"The server's model is not at {given} here. Say where it is: weights=...")
        with given.open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
        with self._lock:
            self._clear()
            self._complete(PROBE, {"n_predict": 0})
            state = sha256(self._saved())
        about = {name: str(self._props.get(name)) for name in ("build_info", "model_ftype", "chat_template")}
        return sha256(canonical({"weights": digest.hexdigest(), "state": state, **about}))

    @property
    def adapters(self) -> tuple[str, ...]:
        """None of MemOS."""
        return ()

    @property
    def dtype(self) -> str:
        """The server's own form."""
        return "slot"

    @property
    def window(self) -> int:
        """How many tokens a slot holds."""
        return int(self._props["default_generation_settings"]["n_ctx"])

    @property
    def can_shift(self) -> bool:
        """A slot's file is opaque."""
        return False

    def frame(self) -> Frame:
        """The chat form of the server's template."""
        before, between, after = split_form(
            lambda turns: str(self._told("/apply-template", {"messages": turns}, "prompt"))
        )
        start = self._tokens(before, add_special=True, parse_special=True)
        doubled = start[:1] == start[1:2] and len(start) > len(self._tokens(before, parse_special=True))
        parts = (self._tokens(part, parse_special=True) for part in (between, after))
        return Frame(tuple(start[doubled:]), *map(tuple, parts))

    def tokenize(self, text: str) -> list[int]:
        """Tokens of a text, none of them special."""
        return self._tokens(text, parse_special=False)

    def compute(self, tokens: Sequence[int], *, stored: Sequence[Placed] = (), dtype: str | None = None) -> KVCache:
        """Compute what is not stored yet, and keep all of it: a slot's file cannot be divided."""
        if dtype is not None:
            raise InvalidInput(detail="The server chooses the type: start it with --cache-type-k and --cache-type-v.")
        with self._lock:
            if self._restore(tokens, stored, room=0) == len(tokens):
                raise InvalidInput(detail="There is nothing to compute: the caches hold all tokens.")
            self._complete(tokens, {"n_predict": 0})
            slot = self._saved()
        tensors = {"tokens": tokens_of(tokens), "slot": Tensor("U8", (len(slot),), slot)}
        data = pack(tensors, {"fingerprint": self.fingerprint, "start": "0", "form": FORM})
        return KVCache(data, 0, len(tokens), self.dtype, (len(slot),))

    def generate(
        self, tokens: Sequence[int], *, stored: Sequence[Placed] = (), again: Collection[int] = (), max_tokens: int
    ) -> Iterator[Step]:
        """Go on from a prompt with the likeliest tokens."""
        if not tokens or max_tokens < 1:
            raise InvalidInput(detail="There is nothing to go on from, or no token may follow.")
        if again:
            raise InvalidInput(detail="A llama.cpp server computes no token again that its slot holds.")
        with self._lock:
            self._restore(tokens, stored, room=max_tokens)
            wanted = {"n_predict": max_tokens, "stream": True, "timings_per_token": True}
            for told in self._events(self._wish(tokens, wanted)):
                timings = told.get("timings", {})
                cached = int(timings.get("cache_n", 0))
                yield Step(str(told.get("content", "")), cached, len(tokens) - cached)

    # the slot

    def _restore(self, tokens: Sequence[int], stored: Sequence[Placed], *, room: int) -> int:
        """Bring the slot to what is stored, and say how many tokens that are."""
        if len(tokens) + room > self.window:
            raise TooLarge(
                what="The prompt, with room for the answer,", size=len(tokens) + room, limit=self.window, unit="tokens"
            )
        if not stored:
            self._clear()
            return 0
        last = stored[-1]
        if last.start or last.skip:
            raise InvalidInput(detail="A llama.cpp server cannot move a cache to other positions.")
        file = unpack(last.data)
        if file.metadata.get("fingerprint") != self.fingerprint or "slot" not in file.tensors:
            raise CacheRefused(detail="it was made by another model, or another version of its server")
        held = file.tokens
        if list(tokens[: len(held)]) != held:
            raise CacheRefused(detail="it holds other tokens than the prompt has there")
        path = self._folder / f"memos-{secrets.token_hex(8)}.bin"
        try:
            path.write_bytes(file.tensors["slot"].data)
            restored = self._told(f"/slots/{self._slot}?action=restore", {"filename": path.name}, "n_restored")
        finally:
            path.unlink(missing_ok=True)
        if restored != len(held):
            raise CacheRefused(detail="the server could not restore it")
        return len(held)

    def _saved(self) -> bytes:
        path = self._folder / f"memos-{secrets.token_hex(8)}.bin"
        try:
            self._post(f"/slots/{self._slot}?action=save", {"filename": path.name})
            return path.read_bytes()
        except OSError as error:
            raise InvalidInput(detail=f"{self._folder} is not the server's folder of slots: {error}") from error
        finally:
            path.unlink(missing_ok=True)

    def _clear(self) -> None:
        self._post(f"/slots/{self._slot}?action=erase", {})

    def _complete(self, tokens: Sequence[int], wanted: Mapping[str, Any]) -> Any:
        return self._post("/completion", self._wish(tokens, wanted))

    def _wish(self, tokens: Sequence[int], wanted: Mapping[str, Any]) -> dict[str, Any]:
        sampling = {"temperature": 0.0, "samplers": ["temperature"], "cache_prompt": True}
        return {"prompt": list(tokens), "id_slot": self._slot, **sampling, **wanted}

    # the server

    @cached_property
    def _props(self) -> dict[str, Any]:
        try:
            found = self._endpoint("/props").get()
        except NoAnswer as error:
            raise ChatModelFailed(model=self._url, detail=str(error)) from None
        if not isinstance(found, dict) or "default_generation_settings" not in found:
            raise self._stranger("/props", "settings")
        return found

    def _tokens(self, text: str, *, parse_special: bool, add_special: bool = False) -> list[int]:
        wish = {"content": text, "add_special": add_special, "parse_special": parse_special}
        found: list[int] = self._told("/tokenize", wish, "tokens")
        return found

    def _told(self, path: str, body: Mapping[str, Any], name: str) -> Any:
        try:
            return self._post(path, body)[name]
        except (KeyError, TypeError):
            raise self._stranger(path, name) from None

    def _stranger(self, path: str, name: str) -> ChatModelFailed:
        detail = f"{path} gave no {name}; is this the address of a llama.cpp server?"
        return ChatModelFailed(model=self._url, detail=detail)

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        try:
            return self._endpoint(path).post(body)
        except NoAnswer as error:
            raise ChatModelFailed(model=self._url, detail=str(error)) from None

    def _events(self, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        try:
            yield from self._endpoint("/completion").stream(body, _told)
        except NoAnswer as error:
            raise ChatModelFailed(model=self._url, detail=str(error)) from None

    def _endpoint(self, path: str) -> Endpoint:
        return Endpoint(f"{self._url}{path}", api_key=self._key, timeout=self._timeout)


def _told(incoming: Incoming) -> Iterator[dict[str, Any]]:
    """What the server says while it generates."""
    for event in events(incoming.chunks):
        if event.data == "[DONE]":
            return
        told: dict[str, Any] = json.loads(event.data)
        if event.kind == "error" or "error" in told:
            raise Complaint(told.get("error", told))
        yield told
