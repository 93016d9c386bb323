"""`store search`, `install`, `update`, ...: packages of memories from a registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from memos_core.cli import selling
from memos_core.cli.options import Call, Json, Namespace, Vault, examples
from memos_core.cli.output import counted, paragraph, progress, screen
from memos_core.cli.selling import Name
from memos_core.cli.sharing import Identities, secrets_of
from memos_core.errors import InvalidInput
from memos_core.interface.context import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memos_core.cube.listing import Installed, Listing, Lock, Revision, Update
    from memos_core.system.store import Store

MOST_SHOWN = 10  # memories of each kind of change

Registry = Annotated[
    Optional[str],
    typer.Option(
        "--registry", "-r", metavar="PLACE", envvar="MEMOS_REGISTRY", help="A folder, or an address with https://."
    ),
]
OneOrAll = Annotated[Optional[str], typer.Argument(metavar="[NAME]", help="publisher/name; by default all.")]
Licences = Annotated[
    Optional[list[Path]], typer.Option("--licence", metavar="FILE", help="Licence, for a paid package.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

store = typer.Typer(name="store", help="Find, install, publish and sell packages of memories.", no_args_is_help=True)


@contextmanager
def _open(call: Call, registry: str | None, *, create: bool = True) -> Iterator[Store]:
    with call.memory(create=create) as memos:
        yield memos.store(registry, namespace=call.namespace)


@store.command("search", epilog=examples("memos store search heart -r registry"))
def search(
    ctx: typer.Context,
    words: Annotated[Optional[list[str]], typer.Argument(metavar="[WORDS]", help="By default all.")] = None,
    registry: Registry = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Show the packages of a registry."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with _open(call, registry) as shop:
        found = shop.search(" ".join(words or ()))

    def show() -> None:
        for listing in found:
            _show_line(listing)
        if not found:
            paragraph(screen(), "There is no such package.")

    call.answer({"packages": found}, show)


@store.command("show", epilog=examples("memos store show doctor/heart -r registry"))
def show(
    ctx: typer.Context,
    name: Name,
    registry: Registry = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Show a package and its releases."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with _open(call, registry) as shop:
        listing = shop.show(name)
    call.answer({"package": listing}, lambda: _show_listing(listing))


@store.command(
    "install",
    epilog=examples(
        "memos store install doctor/heart -r registry",
        "memos store install doctor/heart --licence heart.licence.json -i me.age -r registry",
        "memos store install --locked memstore.lock",
    ),
)
def install(
    ctx: typer.Context,
    name: Annotated[Optional[str], typer.Argument(metavar="NAME", help="publisher/name", show_default=False)] = None,
    version: Annotated[Optional[str], typer.Option("--version", metavar="X.Y.Z", help="By default the newest.")] = None,
    locked: Annotated[
        Optional[Path], typer.Option(metavar="FILE", help="Install what a lock file names, exactly.")
    ] = None,
    licence: Licences = None,
    identities: Identities = None,
    yes: Yes = False,
    registry: Registry = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Install a package, or another release of it, after showing what that changes."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    if (name is None) == (locked is None):
        raise InvalidInput(detail="Name a package, or a lock file with --locked.")
    tokens, secrets = [_token(path) for path in licence or ()], secrets_of(identities)
    with _open(call, registry) as shop:
        if locked is not None:
            with progress("Installing", quiet=call.as_json) as advance:
                done = shop.install_locked(_lock(locked), licences=tokens, identities=secrets, progress=advance)
        else:
            install = partial(
                shop.install, str(name), version=version, licence=next(iter(tokens), None), identities=secrets
            )
            done = [_installed(install, yes=yes, quiet=call.as_json)]
    call.answer({"revisions": done}, lambda: _show_done(done))


@store.command("update", epilog=examples("memos store update", "memos store update doctor/heart --yes"))
def update(
    ctx: typer.Context,
    name: OneOrAll = None,
    identities: Identities = None,
    yes: Yes = False,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Install newer releases of what is installed, from where it came, after showing what that changes."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    secrets = secrets_of(identities)
    done: list[Revision] = []
    with call.memory() as memos:
        for each in memos.store(namespace=call.namespace).updates():
            if name not in {None, each.installed.name}:
                continue
            shop = memos.store(each.installed.registry, namespace=call.namespace)
            install = partial(shop.install, each.installed.name, identities=secrets)
            done.append(_installed(install, yes=yes, quiet=call.as_json))
    call.answer({"revisions": done}, lambda: _show_done(done))


@store.command("updates", epilog=examples("memos store updates", "memos store updates --every 3600"))
def updates(
    ctx: typer.Context,
    every: Annotated[
        Optional[float], typer.Option(metavar="SECONDS", help="Ask again and again, until Ctrl-C.")
    ] = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Show newer releases of what is installed."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    if every is not None and every <= 0:
        raise InvalidInput(detail=f"--every must be greater than 0, and is {every:g}.")
    with _open(call, None, create=False) as shop:
        if every is None:
            found = shop.updates()
            call.answer({"updates": found}, lambda: _show_updates(found))
            return
        for news in shop.subscribe(every=timedelta(seconds=every)):
            call.answer({"updates": news}, lambda news=news: _show_updates(news))  # type: ignore[misc]


@store.command("uninstall", epilog=examples("memos store uninstall doctor/heart"))
def uninstall(
    ctx: typer.Context,
    name: Name,
    yes: Yes = False,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Erase all that is installed of a package."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    if not (yes or call.as_json):
        typer.confirm(f"Erase all that is installed of {printable(name)}?", abort=True, err=True)
    with _open(call, None, create=False) as shop:
        count = shop.uninstall(name)
    erased = counted(count, "memory", "memories")
    call.answer({"erased": count}, lambda: paragraph(screen(), f"Uninstalled {name}: {erased} erased."))


@store.command("list", epilog=examples("memos store list"))
def installed(ctx: typer.Context, vault: Vault = None, namespace: Namespace = None, as_json: Json = False) -> None:
    """Show what is installed."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with _open(call, None, create=False) as shop:
        found = shop.installed()

    def tell() -> None:
        for each in found:
            _show_installed(each)
        if not found:
            paragraph(screen(), f"Nothing is installed for {call.namespace}.")

    call.answer({"installed": found}, tell)


@store.command("verify", epilog=examples("memos store verify -r registry"))
def verify(
    ctx: typer.Context,
    name: OneOrAll = None,
    registry: Registry = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Check the index of a registry, and every package in it: digests, signatures, keys."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with _open(call, registry) as shop:
        faults = shop.verify(name)

    def tell() -> None:
        for fault in faults:
            paragraph(screen(), printable(fault), style="red")
        if not faults:
            paragraph(screen(), "All is sound.")

    call.answer({"faults": faults}, tell)
    if faults:
        raise typer.Exit(1)


@store.command("lock", epilog=examples("memos store lock memstore.lock"))
def lock(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Is replaced if it is there.")],
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Write down exactly what is installed, for `memos store install --locked` elsewhere."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with _open(call, None, create=False) as shop:
        held = shop.lock()
    path.write_text(held.model_dump_json(indent=2) + "\n", encoding="utf-8")
    call.answer({"lock": held}, lambda: paragraph(screen(), f"{counted(len(held.packages), 'package')} locked."))


@store.command("report", epilog=examples("memos store report doctor/heart heart.report.json"))
def report(
    ctx: typer.Context,
    name: Name,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Is replaced if it is there.")],
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Write down, signed, how often memories of a licensed package were recalled, for its publisher."""
    from memos_core.infrastructure.memstore.metering import checked_report

    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with _open(call, None, create=False) as shop:
        data = shop.report(name)
    path.write_bytes(data)
    said = checked_report(data)
    call.answer({"report": said}, lambda: paragraph(screen(), f"{counted(len(said.uses), 'recall')} reported."))


def _token(path: Path) -> bytes:
    from memos_core.infrastructure.memstore.selling import token

    return token(path)


def _lock(path: Path) -> Lock:
    from memos_core.cube.listing import Lock

    try:
        return Lock.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidInput(detail=f"{path} is no lock file: {error}") from error


def _installed(install: Callable[..., Revision], *, yes: bool, quiet: bool) -> Revision:
    """Show what would change, and do exactly that if it is wanted; bars never lie over the question."""
    with progress("Looking", quiet=quiet):
        tried = install(dry_run=True)
    if not (yes or quiet or tried.previous is None):
        _show_revision(tried)
        typer.confirm("Install it?", abort=True, err=True)
    with progress("Installing", quiet=quiet) as advance:
        return install(digest=tried.installed.digest, progress=advance)


def _show_line(listing: Listing) -> None:
    from rich.text import Text

    newest = listing.newest()
    said = f"  {newest.version}{'  paid' if newest.paid else ''}" if newest else "  yanked"
    paragraph(screen(), Text.assemble((listing.name, "bold"), (said, "cyan")))
    if newest and newest.description:
        paragraph(screen(), printable(newest.description), indent=3)


def _show_listing(listing: Listing) -> None:
    console = screen()
    _show_line(listing)
    for release in reversed(listing.releases):
        facts = [counted(release.cubes, "memory", "memories")]
        facts += [f"licence {printable(release.licence)}"] if release.licence else []
        facts += ["paid"] if release.paid else [f"{release.size:,} bytes"]
        facts += [f"yanked: {printable(release.yanked)}"] if release.yanked else []
        paragraph(console, f"{release.version}: {', '.join(facts)}", indent=3)
    paragraph(console, f"signed by {listing.publisher}", indent=3, style="dim")


def _show_installed(each: Installed) -> None:
    console = screen()
    place = "/".join(each.namespace)
    paragraph(console, f"{each.name} {each.version}", style="bold")
    paragraph(console, f"{counted(each.cubes, 'memory', 'memories')} in {place}, from {each.registry}", indent=3)
    if each.licence is not None:
        until = f"until {each.licence.expires:%Y-%m-%d}" if each.licence.expires else "without end"
        paragraph(console, f"licence {each.licence.id}, {until}", indent=3)
    if each.ended:
        paragraph(console, f"not recalled: {each.ended}", indent=3, style="yellow")


def _show_updates(found: Sequence[Update]) -> None:
    for each in found:
        paragraph(screen(), f"{each.installed.name}: {each.installed.version} -> {each.newest.version}")
    if not found:
        paragraph(screen(), "All is up to date.")


def _show_revision(revision: Revision) -> None:
    console = screen(stderr=True)
    versions = f"{revision.previous} -> {revision.installed.version}"
    paragraph(console, f"{revision.installed.name} {versions}", style="bold")
    lines = [*(("+", text, "green") for text in revision.new[:MOST_SHOWN])]
    for old, new in revision.changed[:MOST_SHOWN]:
        lines += [("-", old, "red"), ("+", new, "green")]
    lines += [("-", text, "red") for text in revision.withdrawn[:MOST_SHOWN]]
    for mark, text, style in lines:
        paragraph(console, f"{mark} {printable(text)}", indent=3, style=style)
    told = len(revision.new[:MOST_SHOWN]) + len(revision.changed[:MOST_SHOWN]) + len(revision.withdrawn[:MOST_SHOWN])
    more = len(revision.new) + len(revision.changed) + len(revision.withdrawn) - told
    if more:
        paragraph(console, f"and {counted(more, 'more change')}", indent=3)


def _show_done(done: Sequence[Revision]) -> None:
    for revision in done:
        counts = ((revision.new, "new"), (revision.changed, "changed"), (revision.withdrawn, "withdrawn"))
        said = ", ".join(f"{len(texts):,} {what}" for texts, what in counts if texts) or "nothing new"
        paragraph(screen(), f"Installed {revision.installed.name} {revision.installed.version}: {said}.")
    if not done:
        paragraph(screen(), "All is up to date.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module, and those of whoever sells, as one group."""
    selling.register(store)
    app.add_typer(store)
