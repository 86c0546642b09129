"""Source ``rapidapi``: the marketplace, or ToolBench's copy of it on disk."""
