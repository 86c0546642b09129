"""Source ``python-modules``: functions and classes of a distribution, read without importing it."""
