"""`forge verify`: read an export and compare every file with its manifest."""

from typing import Annotated

import typer

from forge.cli.options import AsJson, Directory, print_json, workspace_of


def verify(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The export's name. Default: all of the recipe's.")] = None,
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """Compare an export's files with its manifest.

    Checks size and sha256 of every file that the manifest names, and that every document in the shards has a licence
    which the export allows.
    """
    from forge.engine.balance import verify_licences
    from forge.manifest import read_manifest, verify_files
    from forge.recipe import load_recipe

    workspace = workspace_of(context, directory)
    recipe = load_recipe(workspace.recipe)
    names = [recipe.export(name)[0]] if name else list(recipe.exports)
    facts = []
    for each in names:
        manifest = read_manifest(workspace.export(each))
        verify_files(workspace.export(each), manifest)
        verify_licences(workspace.export(each), manifest)
        facts.append({"name": each, "tokens": manifest.tokens, "state": "verified"})
        if not as_json:
            typer.echo(f"{each}: {manifest.tokens:,} tokens in {len(manifest.shards)} shards, all as the manifest says")
    if as_json:
        print_json(facts)
