"""Executors: what maps the engine's functions over partitions."""
