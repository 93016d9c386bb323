"""Who comes over HTTP: told by the token of each request, and never by an argument."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

import anyio.to_thread
import jwt
from mcp.server.auth.provider import AccessToken

from memos_core import Clock, MemOS, MemOSError
from memos_core.cube.namespace import Namespace
from memos_core.cube.namespace import namespace as labels
from memos_core.errors import NotPermitted
from memos_mcp.access import Access
from memos_mcp.tokens import PREFIX, TokenFile
from memos_mcp.tool import Context

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")  # asymmetric ones only: nothing here is a secret
CLAIM = "memos_namespace"
LEEWAY = 30  # seconds by which clocks may differ
logger = logging.getLogger(__name__)


class FileTokens:
    """Lets in who has a token of a file."""

    def __init__(self, tokens: TokenFile, *, resource: str, clock: Clock) -> None:
        self._tokens = tokens
        self._resource = resource
        self._clock = clock

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whose a token is; ``None`` if it is none."""
        if not token.startswith(f"{PREFIX}_"):
            return None
        entry = await anyio.to_thread.run_sync(lambda: self._tokens.known(token, now=self._clock.now()))
        if entry is None:
            return None
        return AccessToken(
            token="",
            client_id=f"token:{entry.id}",  # a session belongs to the token that began it
            scopes=[],
            expires_at=None if entry.expires is None else int(entry.expires.timestamp()),
            resource=self._resource,
            subject=entry.principal,
            claims={CLAIM: "/".join(entry.namespace)},
        )


class SignedTokens:
    """Lets in who has a JWT that an authorization server signed for this resource (RFC 9068, RFC 8707).

    Parameters
    ----------
    issuer
        The server, exactly as in the tokens.
    keys
        Address of its keys (JWKS).
    resource
        Address of this server, which must be among the audience of a token.
    """

    def __init__(self, *, issuer: str, keys: str, resource: str) -> None:
        self._issuer = issuer
        self._resource = resource
        self._keys = jwt.PyJWKClient(keys, timeout=10, lifespan=600)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whose a token is; ``None`` if it is none, or for somebody else."""
        try:
            claims = await anyio.to_thread.run_sync(self._claims, token)
        except jwt.PyJWTError as error:
            logger.warning("A token was refused: %s", error)
            return None
        return AccessToken(
            token="",
            client_id=str(claims.get("client_id") or claims.get("azp") or self._issuer),
            scopes=str(claims.get("scope", "")).split(),
            expires_at=int(claims["exp"]),
            resource=self._resource,
            subject=f"user:{claims['sub']}",
            claims={key: claims[key] for key in ("iss", CLAIM) if isinstance(claims.get(key), str)},
        )

    def _claims(self, token: str) -> dict[str, Any]:
        key = self._keys.get_signing_key_from_jwt(token)
        found: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            audience=self._resource,
            issuer=self._issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return found


class AnyOf:
    """Lets in whom one of several lets in."""

    def __init__(self, verifiers: Sequence[FileTokens | SignedTokens]) -> None:
        self._verifiers = verifiers

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whose a token is; ``None`` if nobody knows it."""
        for verifier in self._verifiers:
            found = await verifier.verify_token(token)
            if found is not None:
                return found
        return None


class Callers:
    """What each caller may reach: the memory as its principal may use it, and its namespace."""

    def __init__(self, memos: MemOS) -> None:
        self._memos = memos
        self._lock = threading.Lock()
        self._handles: dict[str, MemOS] = {}  # kept, for each writes down by and by what was read through it

    def close(self) -> None:
        """Write down what was read."""
        with self._lock:
            for handle in self._handles.values():
                handle.close()

    def __call__(self, context: Context) -> Access:
        """What the caller of this very request may reach.

        Raises
        ------
        NotPermitted
            If it has not been told who that is, or what is its own.
        """
        user = context.request.scope.get("user") if context.request is not None else None
        token: AccessToken | None = getattr(user, "access_token", None)
        if token is None or token.subject is None:
            raise NotPermitted(principal="nobody", right="use this server", namespace="any namespace")
        with self._lock:
            handle = self._handles.get(token.subject) or self._memos.as_principal(token.subject)
            self._handles[token.subject] = handle
        return Access(handle, _namespace(handle, token.subject, token.claims or {}))


def _namespace(handle: MemOS, principal: str, claims: dict[str, Any]) -> Namespace:
    """The namespace that the token names, or else the only one that was granted."""
    named = claims.get(CLAIM)
    if isinstance(named, str):
        return labels(named)
    granted = {grant.namespace for grant in handle.grants() if grant.principal == principal}
    if len(granted) != 1:
        raise MemOSError(
            detail=f"{principal} has grants in {len(granted)} namespaces, and the token does not say with {CLAIM} "
            "which is meant. Ask the owner of the memory for a grant in one (`memos grant`)."
        )
    return granted.pop()
