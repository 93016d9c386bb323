"""Tokens for clients that come over HTTP: whose they are, in a file that cannot give them away.

A token is 256 random bits, so a plain SHA-256 of it, which is what the file holds, tells nothing about it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from memos_core import MemOSError
from memos_core.cube.namespace import Namespace
from memos_core.errors import InvalidInput

PREFIX = "memos"
OWN = 0o600  # for its owner alone


class TokenEntry(BaseModel):
    """What is known of a token.

    Attributes
    ----------
    id
        Part of the token, and no secret.
    sha256
        Of the token, in hexadecimal.
    principal, namespace
        Who comes with it, and whose memory it is for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    sha256: str
    principal: str
    namespace: Namespace
    created: AwareDatetime
    expires: AwareDatetime | None = None


class _Register(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = "memos-tokens/1"
    tokens: tuple[TokenEntry, ...] = ()


class TokenFile:
    """The tokens in a file. It is read anew when it has changed, so that a token that is revoked ends at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[object, tuple[TokenEntry, ...]] = (None, ())

    def entries(self) -> tuple[TokenEntry, ...]:
        """What is in the file; nothing if there is none.

        Raises
        ------
        MemOSError
            If it is damaged. Nobody is let in then.
        """
        try:
            state = self.path.stat()
        except FileNotFoundError:
            return ()
        mark = (state.st_mtime_ns, state.st_size, state.st_ino)
        if self._read[0] != mark:
            self._read = (mark, self._parsed())
        return self._read[1]

    def add(
        self, principal: str, namespace: Namespace, *, now: datetime, expires: datetime | None
    ) -> tuple[str, TokenEntry]:
        """Make a token; it is shown once, and only its hash is kept."""
        name = secrets.token_hex(4)
        token = f"{PREFIX}_{name}_{secrets.token_urlsafe(32)}"
        entry = TokenEntry(
            id=name, sha256=_digest(token), principal=principal, namespace=namespace, created=now, expires=expires
        )
        self._write([*self.entries(), entry])
        return token, entry

    def revoke(self, name: str) -> TokenEntry:
        """Take a token back.

        Raises
        ------
        InvalidInput
            If there is none of this id.
        """
        entries = self.entries()
        gone = [entry for entry in entries if entry.id == name]
        if not gone:
            raise InvalidInput(detail=f"There is no token {name!r}; `memos mcp token list` shows what there is.")
        self._write([entry for entry in entries if entry.id != name])
        return gone[0]

    def known(self, token: str, *, now: datetime) -> TokenEntry | None:
        """Whose a token is; ``None`` if it is none, or its time is over."""
        digest = _digest(token)
        found = [entry for entry in self.entries() if hmac.compare_digest(entry.sha256, digest)]
        return next((entry for entry in found if entry.expires is None or now < entry.expires), None)

    def _parsed(self) -> tuple[TokenEntry, ...]:
        try:
            return _Register.model_validate_json(self.path.read_bytes()).tokens
        except ValidationError as error:
            raise MemOSError(detail=f"{self.path} is no file of tokens, or is damaged; it is left as it is.") from error

    def _write(self, entries: Iterable[TokenEntry]) -> None:
        """Replace the file in one step, so that nobody ever reads half of it."""
        register = _Register(tokens=tuple(entries)).model_dump(mode="json")
        part = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}.part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWN)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(register, stream, indent=2)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(self.path)
        finally:
            part.unlink(missing_ok=True)


def tokens_of(vault: Path) -> Path:
    """Where the tokens for a vault are kept: beside it."""
    return vault.with_name(f"{vault.name}.tokens.json")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
