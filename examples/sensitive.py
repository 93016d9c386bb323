"""A policy keeps cards out, takes addresses out, and tags the rest. Run it: python examples/sensitive.py."""

from memos_core import MemOS
from memos_core.errors import SensitiveContent

with MemOS.open(":memory:") as memos:
    memos.set_policy("card, key: refuse; email: redact; default: tag", namespace="acme")
    for text in ("Write to ana@example.com on Monday.", "Call me at +49 30 901820."):
        [cube] = memos.add(text, namespace="acme/ana").written
        print("stored: ", cube.text, "-", ", ".join(cube.governance.sensitivity))
    try:
        memos.add("My card is 4111 1111 1111 1111.", namespace="acme/ana")
    except SensitiveContent as refused:
        print("refused:", refused)
