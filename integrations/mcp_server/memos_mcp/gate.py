"""The gate before everything that comes over HTTP: who is asked for, from where, and how often."""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from mcp.server.auth.provider import TokenVerifier
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_KEPT = 10_000  # buckets


class Buckets:
    """Token buckets, one for each key: a burst, and so many a second after it.

    Parameters
    ----------
    clock
        Seconds that only grow.
    """

    def __init__(self, *, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._rate = per_second
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Seconds until there is something in the bucket; 0 if there is."""
        level = self._level(key)
        return 0.0 if level >= 1 else (1 - level) / self._rate

    def take(self, key: str) -> None:
        """Take one out."""
        self._held[key] = (max(0.0, self._level(key) - 1), self._clock())
        self._held.move_to_end(key)
        while len(self._held) > MOST_KEPT:
            self._held.popitem(last=False)

    def _level(self, key: str) -> float:
        level, then = self._held.get(key, (float(self._burst), self._clock()))
        return min(self._burst, level + (self._clock() - then) * self._rate)


class Gate:
    """An ASGI application that lets through what is asked of this server, by its own pages or none, in moderation.

    Parameters
    ----------
    calls
        For each token.
    failures
        For each address from which tokens come that are none: guessing is slow. Behind a proxy all share one address,
        so who has been let in is not kept waiting for what others guess.
    quick
        Knows tokens at the cost of a hash: who comes with one of these does not wait either.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        security: TransportSecuritySettings,
        calls: Buckets,
        failures: Buckets,
        quick: TokenVerifier,
    ) -> None:
        self._app = app
        self._quick = quick
        self._security = TransportSecurityMiddleware(security)
        self._calls = calls
        self._failures = failures
        self._known: OrderedDict[str, None] = OrderedDict()  # digests of what was let in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        token = request.headers.get("authorization", "")
        bearer = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        address = request.client.host if request.client else ""
        refusal = await self._security.validate_request(request) or await self._slowed(token, bearer, address)
        if refusal is not None:
            await refusal(scope, receive, send)
            return

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 401:
                    self._failures.take(address)
                self._learn(bearer, is_somebody=getattr(scope.get("user"), "is_authenticated", False))
            await send(message)

        await self._app(scope, receive, watched)

    def _learn(self, bearer: str, *, is_somebody: bool) -> None:
        """Remember whose token was verified: that something was answered says nothing, for some pages are open."""
        self._known.pop(bearer, None)
        if is_somebody:
            self._known[bearer] = None
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)

    async def _slowed(self, token: str, bearer: str, address: str) -> Response | None:
        guessing = 0.0 if bearer in self._known else self._failures.wait(address)
        if guessing > 0 and await self._quick.verify_token(token.partition(" ")[2].strip()):
            guessing = 0.0
        wait = max(guessing, self._calls.wait(bearer) if token else 0.0)
        if wait > 0:
            return Response("Too many requests", status_code=429, headers={"Retry-After": str(math.ceil(wait))})
        if token:
            self._calls.take(bearer)
        return None
