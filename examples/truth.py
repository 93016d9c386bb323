"""A plan rests on what was said; when that changes, the plan leaves recall. Run it: python examples/truth.py."""

from memos_core import MemOS

with MemOS.open(":memory:") as memos:
    dog = memos.add("I have a dog.", namespace="mia").ids[0]
    walk = memos.derive("Mia walks her dog every morning.", because=[dog])
    early = memos.derive("Mia is up at six.", because=[walk.id])
    print("would fall with the dog:", "; ".join(impact.cube.text for impact in memos.impact(dog)))

    memos.add("I no longer have a dog.", namespace="mia")
    why = memos.why(early.id)
    print(f"{why.cube.text if why.cube else ''} {why.standing}, because:")
    while why.justifications:
        [[why]] = why.justifications
        print("  ", why.cube.text if why.cube else "(erased)", "-", "holds" if why.holds else "no longer so")
    print("recalled now:", "; ".join(cube.text for cube in memos.list(namespace="mia")))
