"""An agent may suggest, an editor accepts, and the log says who did what. Run it: python examples/governance.py."""

from memos_core import MemOS
from memos_core.errors import NotPermitted

with MemOS.open(":memory:") as memos:
    memos.add("The door code is 4711.", namespace="acme/safe")
    memos.grant("agent:helper", namespace="acme/ana", role="contributor")
    memos.grant("user:ana", namespace="acme/ana", role="editor")
    helper, ana = memos.as_principal("agent:helper"), memos.as_principal("user:ana")

    helper.add("Ana likes green tea.", namespace="acme/ana")
    print("found before it is accepted:", len(ana.search("tea", namespace="acme/ana")))
    for suggested in ana.pending(namespace="acme/ana"):
        ana.accept(suggested.id)
    [hit] = ana.search("tea", namespace="acme/ana")
    print("found afterwards:", hit.cube.text, "- trusted as", hit.cube.governance.trust.name.lower())

    try:
        helper.search("door code", namespace="acme/safe")
    except NotPermitted as refused:
        print("refused:", refused)

    for entry in reversed(memos.audit()):
        print(f"{entry.number:>2}  {entry.principal:<12}  {entry.action:<8} {'/'.join(entry.namespace)}")
