"""`derive`, `why`, `impact` and `rule`: conclusions, what they rest on, and what would fall with a memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from memos_core.cli.options import Call, CubeId, Json, Namespace, Vault, examples, joined
from memos_core.cli.output import paragraph, screen, show_memory
from memos_core.cube.memcube import Kind
from memos_core.cube.rule import Effect
from memos_core.interface.context import printable

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from memos_core.cube.answer import Why

EXCERPT = 100  # characters of a memory in a tree
STYLES = {"holds": "green", "stale": "yellow", "fallen": "red"}


def derive(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="TEXT", help="The conclusion.", show_default=False)],
    because: Annotated[list[str], typer.Option("--because", "-b", metavar="ID", help="What it rests on; repeat it.")],
    kind: Annotated[Kind, typer.Option("--kind", "-k", help="What it is.")] = Kind.FACT,
    tag: Annotated[list[str], typer.Option("--tag", metavar="TAG", help="Can be repeated.")] = [],  # noqa: B006
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Remember a conclusion, which holds as long as all that it rests on."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    text = joined(words, "The conclusion", advice='Try `memos derive "Ana takes the tram." --because ID`.')
    with call.memory() as memos:
        premises = [call.mine(memos, cube_id).id for cube_id in because]
        cube = memos.derive(text, because=premises, namespace=call.owner, kind=kind, tags=tag)
    call.answer({"cube": cube}, lambda: show_memory(screen(), cube))


def why(
    ctx: typer.Context, cube_id: CubeId, vault: Vault = None, namespace: Namespace = None, as_json: Json = False
) -> None:
    """Show what a memory rests on, and whether that holds."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        tree = memos.why(call.mine(memos, cube_id).id)
    call.answer(tree, lambda: screen().print(_drawn(tree)))


def _drawn(why: Why) -> Tree:
    """A memory, and under it each set of premises that carries it."""
    from rich.tree import Tree

    drawn = Tree(_label(why), guide_style="dim")
    several = len(why.justifications) > 1
    for versions in why.justifications:
        branch = drawn.add("either because" if several else "because", style="dim") if versions else drawn
        for premise in versions:
            branch.add(_drawn(premise))
    return drawn


def _label(why: Why) -> Text:
    from rich.text import Text

    if why.cube is None:
        return Text("unknown here" if why.holds else "erased", style="dim" if why.holds else "red")
    state = (
        why.standing if why.holds else "fallen" if why.standing != "holds" else f"{why.cube.state.value}, no longer so"
    )
    text = " ".join(printable(why.cube.text).split())
    cut = text[:EXCERPT].rstrip() + (" ..." if len(text) > EXCERPT else "")
    style = STYLES[why.standing] if why.holds else STYLES["fallen"]
    return Text.assemble((cut, "bold"), "  ", (state, style), "  ", (why.cube.id, "dim"))


def impact(
    ctx: typer.Context, cube_id: CubeId, vault: Vault = None, namespace: Namespace = None, as_json: Json = False
) -> None:
    """Show what would fall, or become stale, if a memory were gone."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        found = memos.impact(call.mine(memos, cube_id).id)

    def show() -> None:
        console = screen()
        paragraph(console, "This would become:" if found else "Nothing rests on it alone.")
        for each in found:
            paragraph(console, each.standing, style=STYLES[each.standing])
            show_memory(console, each.cube)

    call.answer({"impact": found}, show)


def rule(
    ctx: typer.Context,
    when: Annotated[str, typer.Argument(metavar="PREDICATE", help='E.g. "lives in"; docs/CLAIMS.md lists them.')],
    tag: Annotated[list[str], typer.Option("--tag", metavar="TAG", help="Memories with this tag; repeat it.")] = [],  # noqa: B006
    kind: Annotated[list[Kind], typer.Option("--kind", "-k", help="Memories of this kind; repeat it.")] = [],  # noqa: B006
    effect: Annotated[Effect, typer.Option(help="What becomes of them.")] = Effect.STALE,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Say what becomes of memories when what is claimed under a predicate changes."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory(create=True) as memos:
        cube = memos.add_rule(namespace=call.namespace, when=when, tags=tag, kinds=kind, effect=effect)
    call.answer({"cube": cube}, lambda: show_memory(screen(), cube))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog=examples('memos derive "Ana takes the tram to work." --because 0199a0e2-...'))(derive)
    app.command(epilog=examples("memos why 0199a0e2-..."))(why)
    app.command(epilog=examples("memos impact 0199a0e2-..."))(impact)
    app.command(epilog=examples('memos rule "lives in" --tag local --effect stale'))(rule)
