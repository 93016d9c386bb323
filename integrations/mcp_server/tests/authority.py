"""An authorization server on this machine: metadata, registration, codes with PKCE, tokens for one resource, keys."""

from __future__ import annotations

import json
import secrets
import socket
import threading
import time
from contextlib import closing
from typing import Any

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from mcp.server.auth.provider import AuthorizationCode, AuthorizationParams, construct_redirect_uri
from mcp.server.auth.routes import build_metadata, create_auth_routes
from mcp.server.auth.settings import ClientRegistrationOptions, RevocationOptions
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

WRITERS: dict[str, Any] = {"ES256": jwt.algorithms.ECAlgorithm, "RS256": jwt.algorithms.RSAAlgorithm}


class Authority:
    """Signs tokens for the user ``ana``, who agrees to everything."""

    def __init__(self) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.issuer = f"http://127.0.0.1:{port}"
        self.keys: dict[str, tuple[str, Any]] = {}  # algorithm and private key, by key id
        self.asked: list[str] = []  # paths
        self.rotate()
        self._clients: dict[str, OAuthClientInformationFull] = {}
        self._codes: dict[str, AuthorizationCode] = {}
        registration = ClientRegistrationOptions(enabled=True)
        metadata = build_metadata(AnyHttpUrl(self.issuer), None, registration, RevocationOptions())
        known = {
            **metadata.model_dump(mode="json", exclude_none=True),
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/keys",
        }
        _, *routes = create_auth_routes(self, AnyHttpUrl(self.issuer), client_registration_options=registration)  # type: ignore[arg-type]
        routes += [
            Route("/.well-known/oauth-authorization-server", self._told(known)),
            Route("/keys", self._told(self)),
        ]
        self._server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=port, log_level="error"))
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def _told(self, what: Any) -> Any:
        async def tell(request: Request) -> JSONResponse:
            self.asked.append(request.url.path)
            return JSONResponse(what.jwks if what is self else what)

        return tell

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    def rotate(self, algorithm: str = "ES256") -> str:
        """Sign with a new key from now on; the old ones stay known."""
        made = (
            ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, 2048)
        )
        name = f"key-{len(self.keys)}"
        self.keys[name] = (algorithm, made)
        return name

    @property
    def jwks(self) -> dict[str, Any]:
        public = [
            {**json.loads(WRITERS[algorithm].to_jwk(key.public_key())), "kid": name, "use": "sig", "alg": algorithm}
            for name, (algorithm, key) in self.keys.items()
        ]
        return {"keys": [*public, {"kty": "oct", "kid": "shared", "k": "c2VjcmV0" * 8, "use": "sig"}]}

    def token(
        self, resource: str, *, kid: str | None = None, headers: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        """A token for a resource; a claim that is ``None`` is left out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": resource,
            "sub": "ana",
            "iat": now,
            "exp": now + 60,
            "client_id": "c",
            **changes,
        }
        name = kid or list(self.keys)[-1]
        algorithm, key = self.keys[name]
        told = {key: value for key, value in claims.items() if value is not None}
        return jwt.encode(told, key, algorithm=algorithm, headers={"kid": name, "typ": "at+jwt", **(headers or {})})

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self._clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        self._clients[client_info.client_id or ""] = client_info

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        code = secrets.token_urlsafe(32)
        self._codes[code] = AuthorizationCode(
            code=code, scopes=[], expires_at=time.time() + 60, client_id=client.client_id or "",
            code_challenge=params.code_challenge, redirect_uri=params.redirect_uri, resource=params.resource,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
        )  # fmt: skip
        return construct_redirect_uri(str(params.redirect_uri), code=code, state=params.state)

    async def load_authorization_code(self, _: OAuthClientInformationFull, code: str) -> AuthorizationCode | None:
        return self._codes.get(code)

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, code: AuthorizationCode
    ) -> OAuthToken:
        del self._codes[code.code]
        return OAuthToken(access_token=self.token(code.resource or "", client_id=client.client_id), expires_in=60)
