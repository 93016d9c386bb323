"""Starts the server of the package that uv has installed; vault and namespace come from the environment."""

from memos_mcp import main

main()
