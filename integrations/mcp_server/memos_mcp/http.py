"""A server over HTTP, for those who have a token."""

from __future__ import annotations

import ipaddress
import json
import signal
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

from memos_core import MemOS, MemOSError
from memos_core.errors import InvalidInput
from memos_mcp.desk import Desk
from memos_mcp.flags import Flags
from memos_mcp.gate import Buckets, Gate
from memos_mcp.identity import AnyOf, Callers, FileTokens, SignedTokens
from memos_mcp.server import assemble
from memos_mcp.tokens import TokenFile
from memos_mcp.toolbox import offer

MAX_BODY = 1 << 20  # bytes of one request
PATH = "/mcp"
WELL_KNOWN = ("oauth-authorization-server", "openid-configuration")  # RFC 8414, OpenID Connect Discovery


@dataclass(frozen=True)
class Listening:
    """Where the server listens, and under which name others know it.

    Attributes
    ----------
    public
        What stands before ``/mcp`` in its address, if that is not what it listens on: of a proxy that speaks TLS.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    public: str | None = None

    @property
    def resource(self) -> str:
        """Its address, which OAuth tokens must be for.

        Raises
        ------
        InvalidInput
            If it would be open to others without TLS, or is no address.
        """
        if self.public is None:
            if not is_loopback(self.host):
                raise InvalidInput(
                    detail=f"{self.host} can be reached from elsewhere. Put a proxy that speaks TLS before it, and say "
                    "under which address: --public-url https://memory.example.org"
                )
            return f"http://{_bracketed(self.host)}:{self.port}{PATH}"
        parts = urlsplit(self.public)
        if not parts.hostname or parts.query or parts.fragment or parts.username:
            raise InvalidInput(detail=f"{self.public!r} is no address such as https://memory.example.org.")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
            raise InvalidInput(detail=f"{self.public!r} must begin with https://: tokens must not travel in the open.")
        return f"{self.public.rstrip('/')}{PATH}"

    @property
    def security(self) -> TransportSecuritySettings:
        """Which Host and Origin headers are let through, on whatever address it listens."""
        own = urlsplit(self.resource)
        hosts, origins = [own.netloc], [f"{own.scheme}://{own.netloc}"]
        if is_loopback(self.host):
            hosts += [f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]")]
            origins += [f"http://{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]")]
        return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def application(
    memos: MemOS,
    *,
    listening: Listening,
    callers: Callers,
    tokens: Path,
    issuer: str | None = None,
    keys: str | None = None,
    flags: Flags = Flags(),  # noqa: B008 - it is frozen
    calls_a_second: float = 10,
) -> ASGIApp:
    """The server as an ASGI application.

    Parameters
    ----------
    callers
        What each may reach; whoever made it closes it.
    tokens
        File of tokens; there need not be one if there is an issuer.
    issuer
        Of an authorization server whose JWTs are let in too.
    keys
        Address of its keys; by default what its own metadata say.

    Raises
    ------
    InvalidInput
        If it would be open to everybody, or nobody could come in.
    """
    resource = listening.resource
    file = TokenFile(tokens)
    if not file.entries() and issuer is None:
        raise InvalidInput(
            detail="Nobody could come in: make a token with `memos mcp token add`, or name an --issuer of OAuth tokens."
        )
    quick = FileTokens(file, resource=resource, clock=memos.clock)
    verifiers: list[FileTokens | SignedTokens] = [quick]
    if issuer is not None:
        place = _sealed(keys or keys_of(issuer), "The address of keys")
        verifiers.append(SignedTokens(issuer=issuer, keys=place, resource=resource))
    desk = Desk(offer(flags), callers)
    server = assemble(lambda: desk)
    settings = {  # as text: a URL object would end in a slash, and issuers are compared to the letter (RFC 8414)
        "issuer_url": issuer or resource,
        "resource_server_url": resource if issuer else None,
        "validate_token_resource": True if issuer else None,
    }
    auth = AuthSettings.model_validate(settings)
    security = listening.security
    inner = server.streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=MAX_BODY,
        transport_security=security,
        auth=auth,
        token_verifier=AnyOf(verifiers),
    )
    calls = Buckets(burst=max(1, int(calls_a_second * 10)), per_second=calls_a_second)
    failures = Buckets(burst=20, per_second=0.2)
    return Gate(inner, security=security, calls=calls, failures=failures, quick=quick)


def keys_of(issuer: str) -> str:
    """Where an authorization server has its keys, by its own metadata.

    Raises
    ------
    MemOSError
        If it does not say.
    """
    parts = urlsplit(_sealed(issuer, "The issuer"))
    for name in WELL_KNOWN:
        address = f"{parts.scheme}://{parts.netloc}/.well-known/{name}{parts.path.rstrip('/')}"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - https, or this machine
                found = json.load(answer)
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and found.get("issuer") == issuer and isinstance(found.get("jwks_uri"), str):
            return str(found["jwks_uri"])
    raise MemOSError(detail=f"{issuer} does not say where its keys are. Name their address with --keys.")


def _sealed(address: str, what: str) -> str:
    """An address that nobody on the way can answer for."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise InvalidInput(detail=f"{what}, {address!r}, must begin with https://.")
    return address


def run(app: ASGIApp, listening: Listening) -> None:
    """Serve until the process is told to end, by Ctrl-C or by what manages services."""
    import uvicorn

    signal.signal(signal.SIGTERM, _end)  # uvicorn gives it on when it is done; what was read is then written down
    uvicorn.run(
        app,
        host=listening.host,
        port=listening.port,
        log_level="warning",
        limit_concurrency=200,
        timeout_keep_alive=15,
        server_header=False,
    )


def _end(number: int, _: object) -> None:
    sys.exit(128 + number)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
