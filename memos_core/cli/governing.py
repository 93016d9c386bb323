"""`grant`, `revoke`, `pending`, `accept`, `policy`, `rights`, `audit`, ...: who may do what, and who did."""

from __future__ import annotations

import json
from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from memos_core.cli.living import Reason, moved
from memos_core.cli.moments import moment
from memos_core.cli.options import Call, CubeId, CubeIds, Json, Namespace, Vault, examples
from memos_core.cli.output import paragraph, screen, show_memory
from memos_core.cube.grant import Role
from memos_core.cube.memcube import Kind
from memos_core.errors import InvalidInput
from memos_core.interface.context import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memos_core.cube.audit import AuditEntry
    from memos_core.cube.grant import Grant

Principal = Annotated[str, typer.Argument(metavar="PRINCIPAL", help="user:NAME, agent:NAME or app:NAME.")]
Until = Annotated[Optional[str], typer.Option(metavar="DATE", help="It is void from then on.")]


def grant(
    ctx: typer.Context,
    principal: Principal,
    role: Annotated[Role, typer.Argument(help="What it may do.")],
    kind: Annotated[Optional[list[Kind]], typer.Option("--kind", "-k", help="Only such memories; repeat it.")] = None,
    where: Annotated[
        list[str], typer.Option(metavar="KEY=VALUE", help="Only memories with these metadata; repeat it.")
    ] = [],  # noqa: B006
    max_trust: Annotated[Optional[str], typer.Option(metavar="TIER", help="What it writes is trusted no more.")] = None,
    until: Until = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Give somebody a role in a namespace and those below it."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory(create=True) as memos:
        given = memos.grant(
            principal,
            namespace=call.namespace,
            role=role,
            kinds=kind,
            where=dict(map(_metadata, where)),
            max_trust=max_trust,
            expires_at=None if until is None else moment(until),
        )
    call.answer({"grant": given}, lambda: _list([given]))


def _metadata(text: str) -> tuple[str, object]:
    """A number, truth value or null as JSON writes it; anything else is text."""
    key, sign, value = text.partition("=")
    if not sign:
        raise InvalidInput(detail=f"{text!r} is not KEY=VALUE, such as project=apollo.")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def revoke(
    ctx: typer.Context, principal: Principal, vault: Vault = None, namespace: Namespace = None, as_json: Json = False
) -> None:
    """Take back what somebody was granted in a namespace."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        gone = memos.revoke(principal, namespace=call.namespace)
    call.answer({"grant": gone}, lambda: paragraph(screen(), f"Revoked: {gone}, in {'/'.join(gone.namespace)}."))


def grants(ctx: typer.Context, vault: Vault = None, namespace: Namespace = None, as_json: Json = False) -> None:
    """Show who may do what; of all namespaces, unless one is named."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        found = memos.grants(namespace=call.owner)
    call.answer({"grants": found}, lambda: _list(found))


def pending(ctx: typer.Context, vault: Vault = None, namespace: Namespace = None, as_json: Json = False) -> None:
    """Show memories that were suggested and wait for `memos accept` or `memos reject`."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        found = memos.pending(namespace=call.namespace)

    def show() -> None:
        console = screen()
        for cube in found:
            show_memory(console, cube)
        if not found:
            paragraph(console, "Nothing waits.")

    call.answer({"cubes": found}, show)


def accept(
    ctx: typer.Context,
    cube_ids: CubeIds,
    reason: Reason = "accepted",
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Let suggested memories be recalled."""
    moved("accept", "Accepted", cube_ids, reason, Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json))


def reject(
    ctx: typer.Context,
    cube_ids: CubeIds,
    reason: Reason = "rejected",
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Leave suggested memories out of recall."""
    moved("reject", "Rejected", cube_ids, reason, Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json))


def policy(
    ctx: typer.Context,
    words: Annotated[Optional[list[str]], typer.Argument(metavar="TEXT", help="The policy to set.")] = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Show what becomes of e-mail addresses, numbers and keys that are written to a namespace; with a text, set it."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory(create=bool(words)) as memos:
        if words:
            memos.set_policy(" ".join(words), namespace=call.namespace)
        found = memos.policy(namespace=call.namespace)
    call.answer({"policy": str(found)}, lambda: paragraph(screen(), str(found)))


def rights(
    ctx: typer.Context,
    cube_id: CubeId,
    licence: Annotated[Optional[str], typer.Option(metavar="NAME", help="E.g. CC-BY-4.0; '' removes it.")] = None,
    watermark: Annotated[Optional[str], typer.Option(metavar="TEXT", help="Whose it is; '' removes it.")] = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Say under which licence a memory may be used, and mark whose it is."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        cube = memos.set_rights(call.mine(memos, cube_id).id, licence=licence, watermark=watermark)
    call.answer({"cube": cube}, lambda: show_memory(screen(), cube))


def audit(
    ctx: typer.Context,
    principal: Annotated[Optional[str], typer.Option(metavar="NAME", help="Only what this one did.")] = None,
    cube: Annotated[Optional[str], typer.Option(metavar="ID", help="Only what was done with this memory.")] = None,
    action: Annotated[Optional[str], typer.Option(metavar="NAME", help="E.g. add, read, erase, refused.")] = None,
    since: Annotated[Optional[str], typer.Option(metavar="DATE", help="From then on.")] = None,
    until: Annotated[Optional[str], typer.Option(metavar="DATE", help="Before then.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, help="At most so many.")] = 50,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Show who did what, the latest first; of all namespaces, unless one is named. `memos doctor` checks the chain."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        entries = memos.audit(
            namespace=call.owner,
            principal=principal,
            cube=cube,
            action=action,
            since=_start(since),
            until=_start(until),
            limit=limit,
        )
    call.answer({"entries": entries}, lambda: _tell(entries))


def _start(text: str | None) -> datetime | None:
    """A day alone means its beginning here."""
    return None if text is None else moment(text, at=time.min)


def _list(grants: Sequence[Grant]) -> None:
    from rich.table import Table

    table = Table("namespace", "principal", "role", "kinds", "where", "trust", "until", box=None, header_style="bold")
    for each in grants:
        kinds = "all" if each.kinds is None else ", ".join(sorted(kind.value for kind in each.kinds))
        ends = "no end" if each.expires_at is None else f"{each.expires_at:%Y-%m-%d %H:%M}"
        trust = each.trust.name.lower().replace("_", " ")
        where = printable(", ".join(map(str, each.where)) or "any")
        table.add_row("/".join(each.namespace), each.principal, each.role.value, kinds, where, trust, ends)
    screen().print(table if grants else "Nobody but the vault's owner may do anything.")


def _tell(entries: Sequence[AuditEntry]) -> None:
    from rich.table import Table

    table = Table("no.", "when (UTC)", "who", "did", "where", "with", box=None, header_style="bold")
    for each in entries:
        named = [*each.cubes[:1], *([f"and {len(each.cubes) - 1:,} more"] if len(each.cubes) > 1 else [])]
        what = each.detail or " ".join(named)
        row = (f"{each.at:%Y-%m-%d %H:%M:%S}", each.principal, each.action, "/".join(each.namespace), what)
        table.add_row(str(each.number), *row, style="red" if each.action == "refused" else "")
    screen().print(table if entries else "Nothing is recorded.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        epilog=examples(
            "memos grant agent:helper contributor -n acme/ana", "memos grant user:bob reader -n acme --until 2026-12-31"
        )
    )(grant)
    app.command(epilog=examples("memos revoke agent:helper -n acme/ana"))(revoke)
    app.command(epilog=examples("memos grants", "memos grants -n acme"))(grants)
    app.command(epilog=examples("memos pending -n acme/ana"))(pending)
    app.command(epilog=examples("memos accept 0199a0e2-..."))(accept)
    app.command(epilog=examples('memos reject 0199a0e2-... --reason "not true"'))(reject)
    app.command(epilog=examples("memos policy -n acme", 'memos policy "card, key: refuse; email: redact" -n acme'))(
        policy
    )
    app.command(epilog=examples('memos rights 0199a0e2-... --licence CC-BY-4.0 --watermark "fox school"'))(rights)
    app.command(
        epilog=examples("memos audit", "memos audit --action erase --since 2026-01-01", "memos audit --cube ID")
    )(audit)
