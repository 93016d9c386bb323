"""``python -m memos_mcp``."""

from memos_mcp import main

main()
