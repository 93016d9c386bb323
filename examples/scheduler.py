"""A conversation is summed up, a duplicate merged, an old note expires. Run it: python examples/scheduler.py."""

from datetime import datetime, timedelta, timezone

from memos_core import Limits, MemOS, Message

TALK = (
    "We walked to the old lighthouse in the morning.",
    "The keeper told us about the great storm of 1962.",
    "Femke painted the lighthouse from the pier.",
    "In the evening we ate fish at the harbour.",
)
LATER = datetime.now(timezone.utc) + timedelta(days=2)

with MemOS.open(":memory:") as memos:
    said = memos.add([Message(content=text, name="Ana") for text in TALK], namespace="ana", session="trip").ids
    for text in ("Ana likes lighthouses", "Ana likes lighthouses."):
        memos.derive(text, because=said[0])
    note = memos.add("The guest network is called harbour.", namespace="ana").ids[0]
    memos.set_lifespan(note, ttl=timedelta(days=1))

    limits = Limits(episode=4, summary_words=25)
    for done in memos.tick(LATER, limits=limits):
        print(f"{done.decision.action.value:<10} {done.outcome:<18} {done.decision.reason}")
    print()
    print(memos.list(namespace="ana", kinds=["summary"])[0].text)
