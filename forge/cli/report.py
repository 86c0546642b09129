"""`forge report`: draw the pages of finished exports again, with the newest training curves."""

from typing import Annotated

import typer

from forge.cli.options import AsJson, Directory, print_json, shown, workspace_of


def report(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The export's name. Default: all that are finished.")] = None,
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """Draw the pages of finished exports again.

    Writes report.html beside each manifest, with the newest training curves, and prints where it is.
    """
    from forge.engine.build import write_report
    from forge.engine.export import Exported
    from forge.errors import CorpusError
    from forge.manifest import FILE_NAME, read_manifest
    from forge.recipe import load_recipe
    from forge_registry import DuckCatalog

    workspace = workspace_of(context, directory)
    recipe = load_recipe(workspace.recipe)
    chosen = [recipe.export(name)[0]] if name else list(recipe.exports)
    finished = [each for each in chosen if name or (workspace.export(each) / FILE_NAME).is_file()]
    if not finished:
        raise CorpusError(f"{workspace.root}: no export is finished; run `forge build`")
    counts = DuckCatalog(workspace.catalog).counts() if workspace.catalog.is_file() else None
    facts = []
    for each in finished:
        folder = workspace.export(each)
        made = Exported(name=each, folder=folder, manifest=read_manifest(folder), written=False)
        page = write_report(workspace, made, counts=counts)
        facts.append({"name": each, "report": str(page)})
        if not as_json:
            typer.echo(shown(page))
    if as_json:
        print_json(facts)
