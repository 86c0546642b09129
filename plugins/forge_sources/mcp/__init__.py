"""Source ``mcp``: tools of Model Context Protocol servers."""
