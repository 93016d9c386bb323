"""A tool writes nonsense, and is undone; a snapshot brings the rest back. Run it: python examples/time_machine.py."""

from memos_core import MemOS, Message


def show(title: str) -> None:
    """Print what is recalled now."""
    print(f"{title}:", "; ".join(sorted(cube.text for cube in memos.list(namespace="home"))))


with MemOS.open(":memory:") as memos:
    key = memos.add(Message(content="The key hangs behind the door.", role="user"), namespace="home").ids[0]
    memos.snapshot("monday", namespace="home")

    wrong = memos.add(Message(content="The house was sold.", role="tool", id="crawler-17"), namespace="home").ids[0]
    memos.derive("Ana needs a new flat.", because=[wrong])
    memos.update(key, "The key lies under the mat.")
    show("after the tool")

    memos.undo(source_id="crawler-17", namespace="home")
    show("without the tool")

    for contrast in memos.compare("monday", namespace="home"):
        print(
            "differs from monday in:",
            ", ".join(difference.field for difference in contrast.differences) or "being there",
        )
    memos.restore("monday", namespace="home")
    show("as on monday")
    print("and how it came about:", " <- ".join(change.trigger or change.kind.value for change in memos.log(limit=4)))
