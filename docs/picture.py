"""Draw docs/demo.svg: what `memos demo` shows, cut to a few questions. Run it: python docs/picture.py."""

import re
from io import StringIO
from pathlib import Path

from rich.console import Console

from memos_core.cli import demonstrating, output

WIDTH = 100
SHOWN = ("Where does Mira live?", "When was Jonas's nephew born?")
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"


def main() -> None:
    """Run the demo and write the picture beside this file."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, markup=False, highlight=False)
    demonstrating.screen = lambda: console
    imported, answers, context = demonstrating._run(quiet=True)  # noqa: SLF001
    chosen = [answer._replace(hits=answer.hits[:1]) for answer in answers if answer.question in SHOWN]
    output.paragraph(console, "$ memos demo", style="bold")
    demonstrating._show(imported, chosen, context)  # noqa: SLF001
    svg = console.export_svg(title="memos demo", font_aspect_ratio=0.61)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # nothing is to be fetched
    Path(__file__).with_name("demo.svg").write_text(svg.replace("Fira Code, monospace", FONT), "utf-8")


if __name__ == "__main__":
    main()
