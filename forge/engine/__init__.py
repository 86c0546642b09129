"""The engine: collect, catalogue, render, refine, tokenize, mix and export, each resumable by content."""
