"""The server as an OAuth resource: an authorization server that runs here tells who comes, and nobody else can."""

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata

from memos_core.errors import InvalidInput, MemOSError
from memos_mcp.gate import Buckets
from memos_mcp.http import keys_of

from .authority import Authority
from .test_http import Running


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    made = Authority()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def running(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with (
        pytest.MonkeyPatch.context() as patch
    ):  # a key that is unknown is asked for at once, and not at most twice a minute
        patch.setattr(
            "memos_mcp.http.Buckets", lambda **_: Buckets(burst=1_000, per_second=1_000)
        )  # many are refused here
        patch.setattr(jwt, "PyJWKClient", partial(jwt.PyJWKClient, cooldown_duration=0))
        server = Running(tmp_path_factory.mktemp("oauth"), issuer=authority.issuer, calls_a_second=1_000)
    server.memos.grant("user:ana", namespace="ana", role="editor")
    yield server
    server.stop()


class Kept:
    """Where a client keeps what it was given."""

    def __init__(self) -> None:
        self.tokens: Any = None
        self.client: Any = None

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> Any:
        return self.client

    async def set_client_info(self, client_info: Any) -> None:
        self.client = client_info


async def test_a_client_that_knows_only_the_address_finds_its_way_in(running: Running, authority: Authority) -> None:
    came: list[httpx2.URL] = []

    async def browse(url: str) -> None:
        async with httpx2.AsyncClient() as browser:
            came.append(httpx2.URL((await browser.get(url)).headers["location"]))

    async def back() -> Any:
        from mcp.client.auth.oauth2 import AuthorizationCodeResult

        given = parse_qs(urlsplit(str(came[-1])).query)
        return AuthorizationCodeResult(code=given["code"][0], state=given["state"][0])

    about = OAuthClientMetadata(
        redirect_uris=["http://127.0.0.1:1/back"], client_name="test", token_endpoint_auth_method="none"
    )
    way = OAuthClientProvider(running.url, about, Kept(), redirect_handler=browse, callback_handler=back)
    async with (
        httpx2.AsyncClient(auth=way) as http,
        Client(streamable_http_client(running.url, http_client=http)) as client,
    ):
        added = await client.call_tool("memory_add", {"text": "Ana was here."})
    assert not added.is_error
    [cube] = running.memos.list(namespace="ana")
    assert (cube.text, len(came)) == ("Ana was here.", 1)


def test_who_has_no_token_is_told_where_to_get_one(running: Running, authority: Authority) -> None:
    for token in (None, "nonsense", authority.token(running.url, exp=1)):
        refused = running.post(token)
        assert refused.status_code == 401
        told = dict(
            part.split("=", 1) for part in refused.headers["www-authenticate"].removeprefix("Bearer ").split(", ")
        )
        where = json.loads(told["resource_metadata"])
        assert where == running.url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
        assert ("error" in told) is (token is not None) or told["error"] == '"invalid_token"'
    about = httpx2.get(where).json()
    assert (about["resource"], about["authorization_servers"]) == (running.url, [authority.issuer])
    assert about["bearer_methods_supported"] == ["header"]


def test_a_token_in_the_address_is_none(running: Running, authority: Authority) -> None:
    token = authority.token(running.url)
    answer = httpx2.post(f"{running.url}?access_token={token}", json={})
    assert answer.status_code == 401


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_keys_that_are_new_are_found_and_old_ones_go_on(running: Running, authority: Authority, algorithm: str) -> None:
    before = list(authority.keys)[-1]
    assert running.post(authority.token(running.url)).status_code == 200
    authority.rotate(algorithm)
    asked = authority.asked.count("/keys")
    assert running.post(authority.token(running.url)).status_code == 200
    assert running.post(authority.token(running.url, kid=before)).status_code == 200
    assert authority.asked.count("/keys") == asked + 1


@pytest.mark.parametrize(
    "changes",
    [{"aud": "https://other.example.org/mcp"}, {"aud": None}, {"aud": ["a", "b"]}, {"aud": []}, {"iss": "https://evil.example.org"},
     {"iss": None}, {"exp": 1}, {"exp": None}, {"sub": None}, {"sub": 7}, {"nbf": 2**31}, {"headers": {"kid": "unknown"}},
     {"headers": {"kid": "shared"}}, {"headers": {"kid": 7}}],
    ids=str,
)  # fmt: skip
def test_a_token_that_is_not_for_here_and_now_lets_nobody_in(
    running: Running, authority: Authority, changes: dict[str, Any]
) -> None:
    try:
        token = authority.token(running.url, **changes)
    except (TypeError, jwt.InvalidTokenError):
        pytest.skip("cannot even be written")
    assert running.post(token).status_code == 401


def test_the_audience_is_this_address_and_none_that_begins_like_it(running: Running, authority: Authority) -> None:
    for other in (
        running.url[:-4],
        f"{running.url}/",
        f"{running.url}2",
        running.url.replace("127.0.0.1", "localhost"),
    ):
        assert running.post(authority.token(running.url, aud=other)).status_code == 401
    assert running.post(authority.token(running.url, aud=["https://x.example.org", running.url])).status_code == 200


def test_a_token_that_the_authority_did_not_sign_lets_nobody_in(running: Running, authority: Authority) -> None:
    good = authority.token(running.url)
    claims, name = jwt.decode(good, options={"verify_signature": False}), list(authority.keys)[-1]
    _, key = authority.keys[name]
    stranger = ec.generate_private_key(ec.SECP256R1())
    own = {
        "kid": name,
        "jwk": json.loads(jwt.algorithms.ECAlgorithm.to_jwk(stranger.public_key())),
        "jku": "http://127.0.0.1:1/keys",
    }
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head, body, signature = good.split(".")
    bad = [
        jwt.encode(claims, None, algorithm="none", headers={"kid": name}),
        jwt.encode(claims, "secretsecretsecretsecretsecretse", algorithm="HS256", headers={"kid": "shared"}),
        jwt.encode(claims, stranger, algorithm="ES256", headers=own),
        hmac_signed(claims, pem, name),
        f"{head}.{body}.", f"{head}.{body}", f"{head}.{body}.{'A' * len(signature)}", f"..{signature}", "a.b.c",
        f"{head}.{jwt.utils.base64url_encode(json.dumps({**claims, 'sub': 'bob'}).encode()).decode()}.{signature}",
    ]  # fmt: skip
    assert [running.post(token).status_code for token in bad] == [401] * len(bad)
    assert running.post(good).status_code == 200


def hmac_signed(claims: dict[str, Any], secret: bytes, name: str) -> str:
    """Signed with a public key as if it were a secret, which libraries refuse to write."""
    import hashlib
    import hmac

    parts = [
        jwt.utils.base64url_encode(json.dumps(each).encode())
        for each in ({"alg": "HS256", "typ": "JWT", "kid": name}, claims)
    ]
    message = b".".join(parts)
    return b".".join([message, jwt.utils.base64url_encode(hmac.new(secret, message, hashlib.sha256).digest())]).decode()


def test_a_clock_may_be_a_little_behind_that_of_the_issuer(running: Running, authority: Authority) -> None:
    now = int(time.time())
    assert running.post(authority.token(running.url, nbf=now + 10)).status_code == 200
    assert running.post(authority.token(running.url, nbf=now + 90)).status_code == 401
    assert running.post(authority.token(running.url, exp=now - 10)).status_code == 401  # what is over is over


async def test_the_namespace_is_the_one_that_was_granted(running: Running, authority: Authority) -> None:
    joe = partial(authority.token, running.url, sub="joe")
    assert (await running.call(joe(), "memory_list")).is_error
    running.memos.grant("user:joe", namespace="joe", role="editor")
    assert not (await running.call(joe(), "memory_add", text="Joe")).is_error
    running.memos.grant("user:joe", namespace="team", role="reader")
    assert "memos_namespace" in (await running.call(joe(), "memory_list")).content[0].text
    named = joe(memos_namespace="joe")
    assert len((await running.call(named, "memory_list")).structured_content["memories"]) == 1
    assert (await running.call(joe(memos_namespace="alice"), "memory_list")).is_error
    assert (await running.call(joe(memos_namespace="a//b"), "memory_list")).is_error


def test_a_session_belongs_to_the_user_that_began_it(running: Running, authority: Authority) -> None:
    session = running.post(authority.token(running.url)).headers["mcp-session-id"]
    asked = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    for token, status in ((authority.token(running.url), 200), (authority.token(running.url, sub="joe"), 404)):
        assert running.post(token, body=asked, **{"mcp-session-id": session}).status_code == status


def test_where_keys_are_is_told_by_the_issuer_over_a_way_that_nobody_can_change(authority: Authority) -> None:
    assert keys_of(authority.issuer) == f"{authority.issuer}/keys"
    for issuer, error in (
        ("http://login.example.org", InvalidInput),
        ("ftp://login.example.org", InvalidInput),
        ("https://127.0.0.1:1", MemOSError),
    ):
        with pytest.raises(error, match=r"https://|--keys"):
            keys_of(issuer)


def test_keys_that_come_in_the_open_are_refused(authority: Authority, tmp_path: Any) -> None:
    for keys in ("http://login.example.org/keys", "file:///etc/passwd", "keys.json"):
        with pytest.raises(InvalidInput, match="https://"):
            Running(tmp_path, issuer=authority.issuer, keys=keys)
