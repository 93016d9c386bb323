"""Remember two things and ask about them. Run it: python examples/remember.py [memory.db]."""

import sys

from memos_core import MemOS

with MemOS.open(sys.argv[1] if sys.argv[1:] else ":memory:") as memos:
    memos.add("I moved to Paris last week", namespace="alice")
    memos.add("My sister Clara is allergic to nuts", namespace="alice")
    print(memos.search("What should I not cook for Clara?", namespace="alice")[0].cube.text)
    print(memos.context("Where does Alice live?", namespace="alice").text)
