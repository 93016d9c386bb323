"""How right and how complete the claims are that are found without a model, on sentences labelled by hand.

Precision is the share of found claims that are in the labels, recall the share of labels that were found: subject,
predicate, object and denial must all be equal. The first sample was at hand when the rules were written; the second was
written without sight of them and has never been used to change them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console
from rich.table import Table

from memos_core.cube.claim import Claim
from memos_core.language.claims import find_claims
from memos_core.language.times import find_times

DATA = Path(__file__).parents[1] / "tests" / "data"
SAID_AT = datetime(2023, 6, 14, 18, 30, tzinfo=timezone.utc)
SPEAKER = "Dana"


def main() -> None:
    """Print a row for each sample; with --wrong, what was found and is not labelled, and the reverse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wrong", action="store_true", help="show every difference")
    options = parser.parse_args()
    table = Table("sample", "sentences", "claims", "precision", "recall", "wrong times")
    console = Console(width=100)
    for name in ("claims.txt", "claims_held_out.txt"):
        right = found = labelled = late = 0
        rows = list(samples(DATA / name))
        for text, labels in rows:
            claims = {row[:3]: row[3:] for row in map(label, find_claims_of(text))}
            wanted = {row[:3]: row[3:] for row in labels}
            right, found, labelled = right + len(claims.keys() & wanted), found + len(claims), labelled + len(wanted)
            late += sum(claims[key] != wanted[key] for key in claims.keys() & wanted)
            if options.wrong and claims != wanted:
                console.print(text, *(f"\n  + {key}" for key in claims.keys() - wanted), markup=False)
                console.print(*(f"  - {key}" for key in wanted.keys() - claims), markup=False)
        shares = f"{100 * right / found:.1f}", f"{100 * right / labelled:.1f}"
        table.add_row(name, str(len(rows)), str(labelled), *shares, str(late))
    console.print(table)


def find_claims_of(text: str) -> tuple[Claim, ...]:
    """The claims of a sentence as all samples say it."""
    return find_claims(text, speaker=SPEAKER, times=find_times(text, said_at=SAID_AT))


def label(claim: Claim) -> tuple[str, ...]:
    """A claim as the samples write it."""
    when = () if claim.when is None else (claim.when.iso(),)
    return claim.subject, f"{'not ' if claim.negated else ''}{claim.predicate}", claim.object, *when


def samples(path: Path) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Sentences and their labels."""
    text, labels = "", list[tuple[str, ...]]()
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("    "):
            labels.append(tuple(part.strip() for part in line.split("|")))
        elif line and not line.startswith("#"):
            if text:
                yield text, labels
            text, labels = line, []
    yield text, labels


if __name__ == "__main__":
    main()
