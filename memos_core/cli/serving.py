"""`mcp`: the server for MCP clients, who may come to it over HTTP, and how clients are told of it."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from memos_core.cli.options import Call, Json, Namespace, Vault, examples
from memos_core.cli.output import paragraph, screen
from memos_core.cube.grant import Role, principal
from memos_core.cube.namespace import namespace as labels
from memos_core.errors import InvalidInput

TOOLS = "Which tools"

ChatGPT = Annotated[
    bool, typer.Option("--chatgpt", help="Also search and fetch, as ChatGPT wants them.", rich_help_panel=TOOLS)
]
Reference = Annotated[
    bool,
    typer.Option("--reference", help="Also those of the reference memory server.", rich_help_panel=TOOLS),
]
Store = Annotated[
    Optional[str],
    typer.Option(
        "--store", metavar="REGISTRY", help="Also those that install packages from here.", rich_help_panel=TOOLS
    ),
]
Client = Annotated[
    str, typer.Option("--client", "-c", metavar="CLIENT", help="claude-desktop, claude-code, vscode or cursor.")
]
Config = Annotated[Optional[Path], typer.Option(metavar="FILE", help="Its configuration, if it lies elsewhere.")]
Project = Annotated[Optional[Path], typer.Option(metavar="FOLDER", help="For this project only, not for the user.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the change, and make none.")]
Tokens = Annotated[Optional[Path], typer.Option(metavar="FILE", help="File of tokens. By default beside the vault.")]

mcp = typer.Typer(name="mcp", help="Serve the memory to MCP clients.", invoke_without_command=True)
token = typer.Typer(name="token", help="Tokens of clients that come over HTTP.", no_args_is_help=True)
mcp.add_typer(token)


def _server(module: str = "") -> Any:
    # By name: the core imports no framework, and the server is an integration that imports the core.
    return import_module(f"memos_mcp{module}")


@mcp.callback(epilog=examples("memos mcp --vault ~/memory.db --namespace alice", "memos mcp install -c claude-desktop"))
def serve(
    ctx: typer.Context,
    chatgpt: ChatGPT = False,
    reference: Reference = False,
    store: Store = None,
    vault: Vault = None,
    namespace: Namespace = None,
) -> None:
    """Serve the memory to an MCP client over stdin and stdout; or one of the commands below."""
    call = Call.of(ctx, vault=vault, namespace=namespace)
    if ctx.invoked_subcommand is not None:
        if chatgpt or reference or store:
            raise typer.BadParameter(f"Options on tools belong behind the command, after {ctx.invoked_subcommand}.")
        ctx.find_root().obj = call
        return
    flags = _server().Flags(chatgpt=chatgpt, reference=reference, store=store)
    _server().serve(call.path, namespace=call.namespace, key=call.key(), flags=flags)


@mcp.command(epilog=examples("memos mcp http --port 8000", "memos mcp http --public-url https://memory.example.org"))
def http(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    public_url: Annotated[
        Optional[str], typer.Option(metavar="URL", help="Under which address others know it: of a proxy with TLS.")
    ] = None,
    tokens: Tokens = None,
    issuer: Annotated[
        Optional[str], typer.Option(metavar="URL", help="Let in who has an OAuth token (JWT) of this issuer, too.")
    ] = None,
    keys: Annotated[
        Optional[str], typer.Option(metavar="URL", help="Where its keys (JWKS) are, if it does not say.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Requests a second for each token.")] = 10,
    chatgpt: ChatGPT = False,
    reference: Reference = False,
    store: Store = None,
    vault: Vault = None,
) -> None:
    """Serve the memory over HTTP to those who have a token, each with its own namespace and rights."""
    call = Call.of(ctx, vault=vault)
    _server().serve_http(
        call.path,
        host=host,
        port=port,
        public=public_url,
        tokens=tokens,
        issuer=issuer,
        keys=keys,
        key=call.key(),
        flags=_server().Flags(chatgpt=chatgpt, reference=reference, store=store),
        calls_a_second=rate,
    )


@mcp.command(epilog=examples("memos mcp install -c claude-desktop -n ana --dry-run", "memos mcp install -c cursor"))
def install(
    ctx: typer.Context,
    client: Client,
    dry_run: DryRun = False,
    project: Project = None,
    config: Config = None,
    chatgpt: ChatGPT = False,
    reference: Reference = False,
    store: Store = None,
    vault: Vault = None,
    namespace: Namespace = None,
) -> None:
    """Write the server into the configuration of a client; everything else in it stays as it is."""
    call = Call.of(ctx, vault=vault, namespace=namespace)
    chosen, path = _configuration(client, project, config)
    command = [*_server(".clients").program(), "--vault", str(call.path.absolute()), "--namespace", call.namespace]
    command += [*(["--key-from", call.key_from] if call.key_from else [])]
    command += [*(["--chatgpt"] if chatgpt else []), *(["--reference"] if reference else [])]
    command += [*(["--store", store] if store else [])]
    edit = _server(".install").installing(chosen, path, command)
    _make(
        edit, dry_run=dry_run, done=f"{chosen.title} will start it. Start the client anew.", idle="It is there already."
    )


@mcp.command(epilog=examples("memos mcp uninstall -c claude-desktop"))
def uninstall(client: Client, dry_run: DryRun = False, project: Project = None, config: Config = None) -> None:
    """Take the server out of the configuration of a client; the memory stays."""
    chosen, path = _configuration(client, project, config)
    edit = _server(".install").uninstalling(chosen, path)
    _make(edit, dry_run=dry_run, done=f"{chosen.title} will not start it any more.", idle="It is not there.")


def _configuration(client: str, project: Path | None, config: Path | None) -> tuple[Any, Path]:
    clients = _server(".clients").CLIENTS
    if client not in clients:
        raise InvalidInput(detail=f"{client!r} is no client that is known; known are {', '.join(clients)}.")
    chosen = clients[client]
    if project is not None and chosen.project is None:
        raise InvalidInput(detail=f"{chosen.title} has no configuration of projects; leave --project out.")
    return chosen, config or chosen.configuration(project)


def _make(edit: Any, *, dry_run: bool, done: str, idle: str) -> None:
    console = screen()
    if not edit.is_needed:
        paragraph(console, f"{edit.path}: nothing to change. {idle}")
    elif dry_run:
        paragraph(console, edit.diff)
        paragraph(console, "Nothing was changed.")
    else:
        backup = edit.make()
        kept = f" The old file is {backup}." if backup else ""
        paragraph(console, f"Changed {edit.path}.{kept} {done}")


@token.command("add", epilog=examples("memos mcp token add agent:claude -n acme/ana --role editor --days 90"))
def add(
    ctx: typer.Context,
    principal_name: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="user:NAME, agent:NAME or app:NAME.")],
    role: Annotated[Optional[Role], typer.Option(help="Grant it this role in the namespace, too.")] = None,
    days: Annotated[Optional[int], typer.Option(min=1, max=3650, help="It is void after so many days.")] = None,
    tokens: Tokens = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Make a token for a principal and a namespace. It is shown once; the file keeps only a hash of it."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    who, where = principal(principal_name), labels(call.namespace)
    with call.memory(create=True) as memos:
        if role is not None:
            memos.grant(who, namespace=where, role=role)
        elif not any(each.principal == who for each in memos.grants(namespace=where[0])):
            detail = (
                f"{who} may do nothing in {call.namespace}. Give it a role with --role editor, or with `memos grant`."
            )
            raise InvalidInput(detail=detail)
        now = memos.clock.now()
    expires = None if days is None else now + timedelta(days=days)
    secret, entry = _tokens(call, tokens).add(who, where, now=now, expires=expires)

    def show() -> None:
        console = screen()
        paragraph(console, secret)
        until = f" until {entry.expires:%Y-%m-%d}" if entry.expires else ""
        paragraph(
            console, f"Token {entry.id} of {who}, for {call.namespace}{until}. It is not shown again.", style="dim"
        )

    call.answer({"token": secret, "id": entry.id, "principal": who, "namespace": where, "expires": expires}, show)


@token.command("list", epilog=examples("memos mcp token list"))
def listed(ctx: typer.Context, tokens: Tokens = None, vault: Vault = None, as_json: Json = False) -> None:
    """Show whose tokens there are."""
    call = Call.of(ctx, vault=vault, as_json=as_json)
    found = _tokens(call, tokens).entries()

    def show() -> None:
        console = screen()
        for each in found:
            until = f", until {each.expires:%Y-%m-%d}" if each.expires else ""
            paragraph(console, f"{each.id}  {each.principal}, {'/'.join(each.namespace)}{until}")
        if not found:
            paragraph(console, "There are no tokens.")

    call.answer({"tokens": [each.model_dump(mode="json", exclude={"sha256"}) for each in found]}, show)


@token.command("revoke", epilog=examples("memos mcp token revoke 1f2e3d4c"))
def revoke(
    ctx: typer.Context,
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `memos mcp token list` shows it.")],
    tokens: Tokens = None,
    vault: Vault = None,
    as_json: Json = False,
) -> None:
    """Take a token back; it ends at once, also in a server that runs."""
    call = Call.of(ctx, vault=vault, as_json=as_json)
    gone = _tokens(call, tokens).revoke(token_id)
    call.answer({"id": gone.id}, lambda: paragraph(screen(), f"Revoked: token {gone.id} of {gone.principal}."))


def _tokens(call: Call, path: Path | None) -> Any:
    tokens = _server(".tokens")
    return tokens.TokenFile(path or tokens.tokens_of(call.path))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(mcp)
