"""`store publish`, `issue`, `yank`, ...: a registry, for whoever keeps one, and what is sold there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from memos_core.cli.moments import moment
from memos_core.cli.options import Call, Json, examples
from memos_core.cli.output import counted, paragraph, screen
from memos_core.cli.sharing import recipient_of, required_key
from memos_core.errors import InvalidInput
from memos_core.infrastructure.clock import SystemClock

if TYPE_CHECKING:
    from memos_core.cube.listing import Licence
    from memos_core.infrastructure.memstore.registry import Registry

SELLING = "Publish and sell"

Name = Annotated[str, typer.Argument(metavar="NAME", help="publisher/name")]
Folder = Annotated[
    Path,
    typer.Option("--registry", "-r", metavar="FOLDER", envvar="MEMOS_REGISTRY", help="Folder of the registry."),
]
KeeperKey = Annotated[
    Path, typer.Option("--keeper", metavar="FILE", envvar="MEMOS_KEEPER", help="Key that signs the index.")
]
PublisherKey = Annotated[Path, typer.Option("--key", metavar="FILE", help="Key that signed the package.")]
Package = Annotated[Path, typer.Argument(metavar="PACKAGE", help="A signed .memcube package with a name.")]
Issued = Annotated[Path, typer.Option("--licences", metavar="FOLDER", help="Where the licences you gave out are kept.")]


def publish(
    ctx: typer.Context,
    package: Package,
    registry: Folder,
    keeper: KeeperKey,
    paid: Annotated[bool, typer.Option("--paid", help="List it only: buyers get copies of their own.")] = False,
    as_json: Json = False,
) -> None:
    """Add a package to a registry, which is made if there is none; any static web server can show the folder."""
    call = Call.of(ctx, as_json=as_json)
    release = _registry(registry, keeper).publish(package, paid=paid)
    call.answer({"release": release}, lambda: paragraph(screen(), f"Published: {release.path}"))


def yank(
    ctx: typer.Context,
    name: Name,
    version: Annotated[str, typer.Argument(metavar="X.Y.Z")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Whoever asks for it is told.")],
    registry: Folder,
    keeper: KeeperKey,
    as_json: Json = False,
) -> None:
    """Take a release out of what is installed by default. Who has it keeps it."""
    call = Call.of(ctx, as_json=as_json)
    _registry(registry, keeper).yank(name, version, reason=reason)
    call.answer({"yanked": f"{name} {version}"}, lambda: paragraph(screen(), f"Yanked: {name} {version}."))


def refresh(ctx: typer.Context, registry: Folder, keeper: KeeperKey, as_json: Json = False) -> None:
    """Sign the index anew before it ends; every other change does so too."""
    call = Call.of(ctx, as_json=as_json)
    index = _registry(registry, keeper).refresh()
    until = f"Version {index.version} of the index, until {index.expires:%Y-%m-%d}."
    call.answer({"version": index.version, "expires": index.expires}, lambda: paragraph(screen(), until))


def rotate(
    ctx: typer.Context,
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The new key.")],
    registry: Folder,
    keeper: KeeperKey,
    publisher: Annotated[Optional[str], typer.Option(metavar="NAME", help="Of this publisher.")] = None,
    key: Annotated[Optional[Path], typer.Option(metavar="FILE", help="The publisher's old key.")] = None,
    as_json: Json = False,
) -> None:
    """Put a new key in place of the registry's, or of a publisher's: the old one names it, so buyers follow."""
    from memos_core.infrastructure.memstore.statements import rotation

    call = Call.of(ctx, as_json=as_json)
    if (publisher is None) != (key is None):
        raise InvalidInput(detail="--publisher and --key belong together.")
    held, heir = _registry(registry, keeper), required_key(new)
    if publisher is not None and key is not None:
        held.rotate_publisher(publisher, rotation(required_key(key), heir.public))
    else:
        held.rotate(heir)
    call.answer({"key": heir.public}, lambda: paragraph(screen(), f"The key is {heir.public} now."))


def issue(  # noqa: PLR0913, PLR0917 - a command lists its options
    ctx: typer.Context,
    package: Package,
    to: Annotated[str, typer.Option(metavar="KEY", help="Public key of age of the buyer, or the file of one.")],
    registry: Folder,
    keeper: KeeperKey,
    key: PublisherKey,
    licences: Issued = Path("licences"),
    since: Annotated[str, typer.Option(metavar="X.Y.Z", help="From this version on.")] = "0.0.0",
    below: Annotated[Optional[str], typer.Option(metavar="X.Y.Z", help="Not this version and later ones.")] = None,
    expires: Annotated[Optional[str], typer.Option(metavar="DATE", help="Nothing is recalled from then on.")] = None,
    uses: Annotated[Optional[int], typer.Option(min=1, help="Recalls, after which it ends.")] = None,
    out: Annotated[Optional[Path], typer.Option(metavar="FILE", help="A copy of the licence, for the buyer.")] = None,
    may_export: Annotated[bool, typer.Option("--may-export", help="It may leave in packages of the buyer.")] = False,
    as_json: Json = False,
) -> None:
    """Give out a licence: what a shop calls once it was paid. The buyer gets the file that is named."""
    from memos_core.infrastructure.memstore import licensing, selling

    call = Call.of(ctx, as_json=as_json)
    licence = licensing.new_licence(
        selling.name_of(package),
        licensee=recipient_of(to),
        issued=SystemClock().now(),
        since=since,
        below=below,
        expires=None if expires is None else moment(expires),
        uses=uses,
        rights=("recall", "export") if may_export else ("recall",),
    )
    token = selling.issue(licence, package, _registry(registry, keeper), required_key(key), folder=licences)
    if out is not None:
        out.write_bytes(token.read_bytes())
    call.answer({"licence": licence, "path": token}, lambda: paragraph(screen(), f"For the buyer: {out or token}"))


def deliver(
    ctx: typer.Context,
    package: Package,
    registry: Folder,
    keeper: KeeperKey,
    key: PublisherKey,
    licences: Issued = Path("licences"),
    as_json: Json = False,
) -> None:
    """Make the copies of a new release for all who have a licence that covers it."""
    from memos_core.infrastructure.memstore import selling

    call = Call.of(ctx, as_json=as_json)
    now, signer = SystemClock().now(), required_key(key)
    served = selling.deliver_all(package, _registry(registry, keeper), signer, folder=licences, at=now)
    said = f"{counted(len(served), 'copy', 'copies')} made."
    call.answer({"licences": served}, lambda: paragraph(screen(), said))


def revoke(
    ctx: typer.Context,
    licence: Annotated[Path, typer.Argument(metavar="LICENCE", help="Its file.")],
    registry: Folder,
    keeper: KeeperKey,
    as_json: Json = False,
) -> None:
    """End a licence. It takes effect where the registry is asked for updates."""
    from memos_core.infrastructure.memstore import selling

    call = Call.of(ctx, as_json=as_json)
    gone = _registry(registry, keeper).revoke(selling.token(licence))
    call.answer({"revoked": gone}, lambda: paragraph(screen(), f"Revoked: {gone.id}, of {gone.package}."))


def trace(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Text that leaked.")],
    key: PublisherKey,
    licences: Issued = Path("licences"),
    as_json: Json = False,
) -> None:
    """Say whose copy a text comes from, if a mark is in it."""
    from memos_core.infrastructure.memstore import selling

    call = Call.of(ctx, as_json=as_json)
    found = selling.trace(path.read_text(encoding="utf-8", errors="replace"), licences, required_key(key))
    call.answer({"licences": found}, lambda: _show_traced(found))


def usage(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="REPORT", help="As `memos store report` wrote it.")],
    after: Annotated[
        Optional[Path], typer.Option(metavar="REPORT", help="An earlier one that it goes on from.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a buyer's report of use."""
    from memos_core.infrastructure.memstore.metering import checked_report

    call = Call.of(ctx, as_json=as_json)
    said = checked_report(path.read_bytes(), earlier=None if after is None else after.read_bytes())
    line = f"Licence {said.licence}, {said.package}: {counted(len(said.uses), 'recall')}."
    call.answer({"report": said}, lambda: paragraph(screen(), line))


def _show_traced(found: list[Licence]) -> None:
    for licence in found:
        paragraph(screen(), f"Licence {licence.id}, of {licence.licensee}, issued {licence.issued:%Y-%m-%d}.")
    if not found:
        paragraph(screen(), "No mark was found.")


def _registry(folder: Path, keeper: Path) -> Registry:
    from memos_core.infrastructure.memstore.registry import Registry

    return Registry(folder, required_key(keeper))


COMMANDS = (
    (publish, "memos store publish heart.memcube -r registry --keeper keeper.pem"),
    (yank, "memos store yank doctor/heart 1.0.0 --reason 'a wrong dose' -r registry --keeper keeper.pem"),
    (refresh, "memos store refresh -r registry --keeper keeper.pem"),
    (rotate, "memos store rotate new.pem -r registry --keeper keeper.pem"),
    (issue, "memos store issue heart.memcube --to ana.age.pub --expires 2027-01-01 --key doctor.pem"),
    (deliver, "memos store deliver heart-1.1.0.memcube --key doctor.pem"),
    (revoke, "memos store revoke heart.licence.json -r registry --keeper keeper.pem"),
    (trace, "memos store trace leaked.txt --key doctor.pem"),
    (usage, "memos store usage july.json --after june.json"),
)


def register(store: typer.Typer) -> None:
    """Add the commands of this module to the group of the store."""
    for command, line in COMMANDS:
        store.command(rich_help_panel=SELLING, epilog=examples(line))(command)
