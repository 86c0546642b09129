"""Source ``github-docs``: the documentation of a repository."""
