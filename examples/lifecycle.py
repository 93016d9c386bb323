"""A memory is used, frozen, retired and revived, and another ends at its time. Run it: python examples/lifecycle.py."""

from datetime import datetime, timezone

from memos_core import MemOS
from memos_core.errors import MemOSError

with MemOS.open(":memory:") as memos:
    lease = memos.add("The lease of the flat ends in June.", namespace="alice").ids[0]
    print("written:", memos.get(lease).state.value)

    memos.freeze(lease, reason="legal hold")
    try:
        memos.forget(lease)
    except MemOSError as refused:
        print("refused:", refused)

    memos.thaw(lease)
    memos.forget(lease, reason="moved out")
    print("recalled once forgotten:", len(memos.search("lease", namespace="alice")))
    memos.revive(lease)
    print("recalled once revived:", len(memos.search("lease", namespace="alice")))

    code = memos.add("The code of the garage is 2468.", namespace="alice").ids[0]
    memos.set_lifespan(code, until=datetime(2020, 1, 1, tzinfo=timezone.utc))
    print("listed after the code ended:", "; ".join(cube.text for cube in memos.list(namespace="alice")))
