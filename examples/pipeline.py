"""Notes are cleaned, summed up and handed to a team: first shown, then done in one commit."""

from memos_core import MemOS
from memos_core.operation.pipeline import purge, redact, retag, summarise, transfer

with MemOS.open(":memory:") as memos:
    memos.add("The door code of the boathouse is 4711.", namespace="ana/notes")
    memos.add("The boathouse key hangs behind the door.", namespace="ana/notes")
    memos.add("Rowing starts on Saturday at nine.", namespace="ana/notes")

    steps = [redact(r"\d{4}", by="[code]"), retag(add=["boathouse"]), summarise(words=40), transfer("club")]
    for each in memos.pipeline(steps, namespace="ana/notes", dry_run=True):
        print("would be:", each.after.text.replace("\n", " / ") if each.after else "erased")

    memos.pipeline(steps, namespace="ana/notes")
    [summary] = memos.list(namespace="club")
    print("the club reads:", summary.text.replace("\n", " / "))
    print("it rests on", len(summary.provenance.derived_from), "memories of Ana")

    # A redacted text is still in the history of its owner; purging destroys that too, and what rests on it.
    gone = memos.pipeline([purge()], namespace="ana")
    print("purged:", len(gone), "- left for the club:", len(memos.list(namespace="club")))
