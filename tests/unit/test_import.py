"""What `import memos_core` loads, and what it leaves for first use."""

import subprocess
import sys

HEAVY = {
    "apsw", "sqlite_vec", "numpy", "networkx", "onnxruntime", "tokenizers", "torch", "dateutil", "typer", "rich",
    "langchain", "langchain_core", "langgraph", "llama_index", "mcp", "httpx", "httpx2", "requests", "http", "urllib3",
}  # fmt: skip


def test_importing_the_core_loads_no_runtime_framework_or_network_client() -> None:
    code = "import memos_core, sys; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


def test_importing_the_core_builds_no_model() -> None:
    """Pydantic looks for its plugins when it builds the first, which takes a fifth of the whole import."""
    code = "import memos_core, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "memos_core.cube.memcube" in loaded
    assert "pydantic.plugin._loader" not in loaded


def test_opening_a_vault_loads_no_model() -> None:
    code = "import memos_core, sys; memos_core.MemOS.open(':memory:').close(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "onnxruntime" not in loaded


def test_every_public_name_exists_and_the_list_is_sorted() -> None:
    import memos_core

    assert memos_core.__all__ == sorted(memos_core.__all__)
    assert all(hasattr(memos_core, name) for name in memos_core.__all__)


def test_taking_a_chat_model_loads_no_network_client() -> None:
    code = (
        "import memos_core.infrastructure.models.chat as chat, sys; chat.as_chat_model(str.upper); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"http.client", "urllib.request", "numpy"} & set(loaded)


def test_importing_the_core_loads_no_prompting() -> None:
    code = "import memos_core, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in loaded if name.startswith("memos_core.prompting") or name == "urllib.request"]
