"""`export`, `load`, `merge`, `sync` and `key`: memories that travel."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from memos_core.cli.options import (
    AsOf,
    Call,
    Json,
    Kinds,
    Namespace,
    Vault,
    examples,
    filters,
)
from memos_core.cli.output import counted, paragraph, progress, screen
from memos_core.cli.place import fetched_key
from memos_core.cube.package import About, Disclosure
from memos_core.errors import InvalidInput
from memos_core.interface.context import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memos_core.cube.package import Manifest, Merged
    from memos_core.infrastructure.exchange.signing import SigningKey

KeyFile = Annotated[
    Optional[Path], typer.Option("--key", metavar="FILE", help="Sign it with this key; `memos key new` makes one.")
]
Identities = Annotated[
    Optional[list[Path]],
    typer.Option("--identity", "-i", metavar="FILE", help="File with a secret key of age, for what is encrypted."),
]

OtherKey = Annotated[
    Optional[str],
    typer.Option(
        "--other-key-from",
        metavar="PLACE",
        help="Where the key of the other vault is, if it is encrypted: file:PATH, keyring:NAME or prompt.",
    ),
]


def export(  # noqa: PLR0913, PLR0917 - a command lists its options
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Where nothing is yet.", show_default=False)],
    everything: Annotated[bool, typer.Option("--all", help="The whole vault, instead of one namespace.")] = False,
    query: Annotated[Optional[str], typer.Option(metavar="TEXT", help="Only what this question finds first.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, max=1000, help="With --query: at most so many.")] = 10,
    since: Annotated[
        Optional[Path], typer.Option(metavar="PACKAGE", help="Only what came since this package was made.")
    ] = None,
    no_history: Annotated[bool, typer.Option("--no-history", help="Leave out what earlier versions say.")] = False,
    sensitive: Annotated[Disclosure, typer.Option(help="What becomes of addresses, numbers, keys.")] = (
        Disclosure.INCLUDE
    ),
    vectors: Annotated[bool, typer.Option("--vectors", help="Take the vectors along.")] = False,
    no_blobs: Annotated[bool, typer.Option("--no-blobs", help="Leave out the bytes of caches and adapters.")] = False,
    name: Annotated[Optional[str], typer.Option(metavar="NAME", help="publisher/name, for a registry.")] = None,
    version: Annotated[str, typer.Option(metavar="X.Y.Z", help="With --name.")] = "1.0.0",
    description: Annotated[str, typer.Option(metavar="TEXT", help="With --name.")] = "",
    licence: Annotated[Optional[str], typer.Option(metavar="NAME", help="With --name, such as CC-BY-4.0.")] = None,
    form: Annotated[
        Optional[str], typer.Option("--as", metavar="FORM", help="Not a package: markdown, mcp or pam (a lossy copy).")
    ] = None,
    key: KeyFile = None,
    recipients: Annotated[
        Optional[list[str]],
        typer.Option("--to", metavar="KEY", help="Encrypt it to this public key of age, or the file of one."),
    ] = None,
    as_of: AsOf = None,
    kind: Kinds = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Write memories to a .memcube package, which `memos load` and `memos merge` take in elsewhere."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    if everything and (call.owner is not None or query is not None):
        raise InvalidInput(detail="--all means the whole vault, and --namespace or --query a part of it.")
    about = _about(name, version, description, licence)
    narrowed = {name: each for name, each in filters(as_of, None, kind, None, None).items() if each is not None}
    if form is not None:
        others = (everything, query, since, no_history, vectors, no_blobs, name, key, recipients)
        _export_as(call, path, form, narrowed, is_package=any(others) or sensitive is not Disclosure.INCLUDE)
        return
    with call.memory() as memos:
        hits = None if query is None else memos.search(query, namespace=call.namespace, limit=limit)
        manifest = memos.export(
            path,
            namespace=None if everything else call.namespace,
            cubes=None if hits is None else [hit.cube.id for hit in hits],
            since=None if since is None else _manifest(since),
            history=not no_history,
            sensitive=sensitive,
            vectors=vectors,
            blobs=not no_blobs,
            about=about,
            key=signing_key(key),
            recipients=[recipient_of(each) for each in recipients or ()],
            **narrowed,  # type: ignore[arg-type]  # a part of a TypedDict
        )
    call.answer({"path": path, "manifest": manifest}, lambda: _show_manifest(path, manifest))


def _about(name: str | None, version: str, description: str, licence: str | None) -> About | None:
    return None if name is None else About(name=name, version=version, description=description, licence=licence)


def _export_as(call: Call, path: Path, form: str, narrowed: Mapping[str, object], *, is_package: bool) -> None:
    if is_package:
        raise InvalidInput(detail="--as takes --namespace, --kind and --as-of; the rest is for packages.")
    with call.memory() as memos:
        done = memos.export_as(form, path, namespace=call.namespace, **narrowed)  # type: ignore[arg-type]
    said = f"Written: {printable(str(path))}, {counted(done.memories, 'memory', 'memories')}, without history."

    def show() -> None:
        paragraph(screen(), said)
        _show_left_out(done.left_out)

    call.answer({"path": path, "form": form, **done.model_dump()}, show)


def _show_left_out(left_out: Mapping[str, int]) -> None:
    for reason, count in left_out.items():
        paragraph(screen(), f"Left out: {count:,} {reason}.", style="yellow")


def load(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PACKAGE", help="A .memcube package.")],
    copies: Annotated[
        bool, typer.Option("--copies", help="Take it in as copies that can change nothing here: for a stranger's.")
    ] = False,
    trust: Annotated[
        Optional[str], typer.Option(metavar="TIER", help="Copies, trusted no further. Default: third_party.")
    ] = None,
    identities: Identities = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Take in a package: as it is, or as copies. It is checked whole before anything is stored.

    As it is, its author may change what is here. With --copies, they go below --namespace.
    """
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    is_copied = copies or trust is not None
    with call.memory(create=True) as memos, progress("Embedding", quiet=call.as_json) as advance:
        take = partial(memos.load, path, identities=secrets_of(identities), progress=advance)
        merged = take(namespace=call.owner, trust=trust or "third_party") if is_copied else take()
    call.answer({"merged": merged}, lambda: _show_merged(merged))


def merge(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A vault, or a .memcube package.")],
    trust_vectors: Annotated[
        bool, typer.Option("--vectors", help="Use the package's vectors, if a sample of them is right.")
    ] = False,
    identities: Identities = None,
    other_key: OtherKey = None,
    vault: Vault = None,
    as_json: Json = False,
) -> None:
    """Take in all that another vault or a package knows: the union of both. For what is yours or your team's."""
    call = Call.of(ctx, vault=vault, as_json=as_json)
    secrets, key = secrets_of(identities), None if other_key is None else fetched_key(other_key)
    with call.memory(create=True) as memos, progress("Embedding", quiet=call.as_json) as advance:
        merged = memos.merge(path, identities=secrets, trust_vectors=trust_vectors, key=key, progress=advance)
    call.answer({"merged": merged}, lambda: _show_merged(merged))


def sync(
    ctx: typer.Context,
    first: Annotated[Path, typer.Argument(metavar="A", help="A vault.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
    other_key: OtherKey = None,
    as_json: Json = False,
) -> None:
    """Bring two vaults to the same memories."""
    call = Call.of(ctx, vault=first, as_json=as_json)
    key = None if other_key is None else fetched_key(other_key)
    with call.memory() as memos, progress("Embedding", quiet=call.as_json) as advance:
        taken, given = memos.sync(second, key=key, progress=advance)

    def show() -> None:
        for path, merged in ((first, taken), (second, given)):
            paragraph(screen(), f"{printable(str(path))}:", style="bold")
            _show_merged(merged)

    call.answer({str(first): taken, str(second): given}, show)


keys = typer.Typer(name="key", help="Make and show keys that sign and open packages.", no_args_is_help=True)


@keys.command("new", epilog=examples("memos key new me.pem", "memos key new me.age --age"))
def new_key(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where nothing is yet.")],
    age: Annotated[bool, typer.Option("--age", help="To open what is encrypted to it, not to sign.")] = False,
    for_vault: Annotated[bool, typer.Option("--vault", help="To encrypt a vault; it has no public half.")] = False,
    protect: Annotated[bool, typer.Option("--passphrase", help="Ask for a passphrase that protects it.")] = False,
    as_json: Json = False,
) -> None:
    """Make a key, and beside it a file FILE.pub with its public half. FILE is for you alone."""
    from memos_core.infrastructure.exchange.encryption import new_identity, save_identity
    from memos_core.infrastructure.exchange.signing import SigningKey

    call = Call.of(ctx, as_json=as_json)
    if for_vault:
        from memos_core.infrastructure.vault.keys import new_key as new_vault_key

        new_vault_key(path)
        call.answer({"path": path}, lambda: paragraph(screen(), f"Written: {path}. Keep a copy of it."))
        return
    beside = path.with_name(f"{path.name}.pub")
    if beside.exists():
        raise InvalidInput(detail=f"{beside} is there already; a key is never overwritten.")
    if age:
        secret, public = new_identity()
        save_identity(secret, path)
    else:
        key = SigningKey.new()
        key.save(path, typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True) if protect else None)
        public = key.public
    beside.write_text(f"{public}\n", encoding="ascii")
    call.answer({"path": path, "public": public}, lambda: paragraph(screen(), public))


@keys.command("show", epilog=examples("memos key show me.pem"))
def show_key(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="As `memos key new` made it.")],
    as_json: Json = False,
) -> None:
    """Show the public half of a key, which others may know."""
    from memos_core.infrastructure.exchange.encryption import is_identity, public_of

    call = Call.of(ctx, as_json=as_json)
    [secret] = secrets_of([path]) if is_identity(path) else [""]
    public = public_of(secret) if secret else required_key(path).public
    call.answer({"path": path, "public": public}, lambda: paragraph(screen(), public))


def signing_key(path: Path | None) -> SigningKey | None:
    """The key in a file; its passphrase is asked for if it has one."""
    return None if path is None else required_key(path)


def required_key(path: Path) -> SigningKey:
    """The key in a file; its passphrase is asked for if it has one."""
    from memos_core.infrastructure.exchange.signing import SigningKey

    return SigningKey.load(path, lambda: str(typer.prompt(f"Passphrase of {path.name}", hide_input=True, err=True)))


def secrets_of(paths: list[Path] | None) -> list[str]:
    """Secret keys of age, from their files: never from the command line, which others can see."""
    from memos_core.infrastructure.exchange.encryption import load_identity

    return [load_identity(path) for path in paths or ()]


def recipient_of(text: str) -> str:
    """A public key of age, or the one in a file.

    Raises
    ------
    InvalidInput
        If it is neither.
    """
    if text.startswith("age1"):
        return text
    try:
        return Path(text).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(detail=f"{text} is neither a public key of age nor the file of one.") from error


def _manifest(path: Path) -> Manifest:
    from memos_core.infrastructure.exchange.archive import Package

    with Package(path) as package:
        return package.manifest


def _show_manifest(path: Path, manifest: Manifest) -> None:
    console = screen()
    size = path.stat().st_size
    said = f"{counted(manifest.cubes, 'memory', 'memories')} in {counted(manifest.operations, 'operation')}"
    paragraph(console, f"Written: {printable(str(path))}, {said}, {size:,} bytes.")
    _show_left_out(manifest.left_out)
    if manifest.publisher:
        paragraph(console, f"Signed by {manifest.publisher}.", style="dim")


def _show_merged(merged: Merged) -> None:
    console = screen()
    told = (
        (merged.new, "new"),
        (merged.changed, "changed"),
        (merged.erased, "erased"),
        (merged.conflicts, "with versions written apart; `memos history ID` shows them"),
    )
    for cubes, said in told:
        if cubes:
            paragraph(console, f"{counted(len(cubes), 'memory', 'memories')} {said}.")
    if not merged.operations:
        paragraph(console, "Nothing new.")
    if merged.unembedded:
        paragraph(console, f"{counted(merged.unembedded, 'text')} without a vector; `memos reembed` makes them.")
    if merged.missing_blobs:
        what = counted(merged.missing_blobs, "cache or adapter", "caches or adapters")
        paragraph(console, f"{what} without its bytes, which did not come along.", style="yellow")
    if merged.stayed:
        said = f"{counted(merged.stayed, 'memory', 'memories')} of packages stayed where they are installed"
        paragraph(console, f"{said}; `memos store install` brings them here.", style="yellow")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        epilog=examples(
            "memos export ana.memcube -n ana",
            "memos export all.memcube --all --sensitive redact",
            "memos export notes --as markdown",
        )
    )(export)
    app.command(epilog=examples("memos load ana.memcube", "memos load tips.memcube --copies -n ana"))(load)
    app.command(epilog=examples("memos merge laptop.db", "memos merge ana.memcube"))(merge)
    app.command(epilog=examples("memos sync laptop.db desktop.db"))(sync)
    app.add_typer(keys)
