"""A doctor sells what she knows, and Ana buys it: publish, license, install, ask, update, revoke.

Run it: python examples/marketplace.py. It needs `pip install 'memcubes[age]'`, and a folder as the registry.
"""

import tempfile
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

from memos_core import About, MemOS
from memos_core.infrastructure.exchange.encryption import new_identity
from memos_core.infrastructure.exchange.signing import SigningKey
from memos_core.infrastructure.memstore import selling
from memos_core.infrastructure.memstore.licensing import new_licence
from memos_core.infrastructure.memstore.registry import Registry

ADVICE = (
    "Aspirin thins the blood; stop it a week before surgery unless your surgeon says otherwise.",
    "Grapefruit raises the level of several statins in the blood.",
    "A resting pulse above 100 for days needs a doctor.",
)


def main(folder: Path) -> None:
    """Two people, and a folder between them."""
    key, keeper = SigningKey.new(), SigningKey.new()
    secret, public = new_identity()  # Ana's; she gives the doctor the public half
    registry = Registry(folder / "registry", keeper)

    with MemOS.open(folder / "doctor.db") as doctor, MemOS.open(folder / "ana.db") as ana:
        ids = [doctor.add(text, namespace="tips").ids[0] for text in ADVICE]

        def pack(version: str) -> Path:
            path = folder / f"heart-{version}.memcube"
            about = About(name="doctor/heart", version=version, description="Advice for the heart")
            doctor.export(path, namespace="tips", about=about, key=key)
            registry.publish(path, paid=True)
            return path

        first, now = pack("1.0.0"), datetime.now(timezone.utc)
        licence = new_licence("doctor/heart", licensee=public, issued=now, expires=now + timedelta(days=365))
        token = selling.issue(licence, first, registry, key, folder=folder / "licences")
        print(f"The doctor has published doctor/heart, and given Ana the licence {licence.id}.")

        ana.add("I take a statin, and love grapefruit for breakfast.", namespace="ana")
        store = ana.store(folder / "registry", namespace="ana")
        store.install("doctor/heart", licence=token.read_bytes(), identities=[secret])
        question = "Is grapefruit a problem with my statin?"
        print(f"\nAna asks: {question}")
        for hit in ana.search(question, namespace="ana", limit=2):
            print(f"  {'/'.join(hit.cube.namespace)}: {hit.cube.text}")

        doctor.update(ids[2], "A resting pulse above 100 for more than a day needs a doctor.")
        second = pack("1.1.0")
        selling.deliver(licence, second, registry, key, at=now)
        for update in store.updates():
            revision = store.install(update.installed.name, identities=[secret], dry_run=True)
            print(f"\n{update.installed.name} {revision.previous} -> {update.newest.version} would change:")
            for before, after in revision.changed:
                print(f"  - {before}\n  + {after}")
            store.install(update.installed.name, identities=[secret])

        registry.revoke(token.read_bytes())
        store.updates()  # whoever asks the registry hears of it
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            left = ana.search(question, namespace="ana")
        print(f"\nAfter the doctor has revoked the licence: {told[0].message}")
        print(f"What is left is Ana's own: {[hit.cube.text for hit in left]}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(Path(place))
