"""`forge catalog`: the catalogue as a folder of Parquet files, and back."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from forge.cli.options import AsJson, Directory, print_json, shown, workspace_of


class Way(StrEnum):
    """Out of the workspace, or into it."""

    OUT = "export"
    IN = "import"


def catalog(
    context: typer.Context,
    way: Annotated[Way, typer.Argument(help="export writes the folder, import reads it.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of Parquet files.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Import in the place of the catalogue that is there, history and all.")
    ] = False,
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """Export the whole catalogue to a folder, or import one.

    APIs, provenance, history and counts, one Parquet file a table; nothing is lost on the way.
    """
    from forge_registry.transfer import read_folder, write_folder

    workspace = workspace_of(context, directory)
    if way is Way.OUT:
        index = write_folder(workspace.catalog, folder)
    else:
        with workspace.lock("catalog import"):
            index = read_folder(workspace.catalog, folder, replace=replace)
    rows = {table.table: table.rows for table in index.tables}
    if as_json:
        print_json({"folder": str(folder), way.value: rows, "schema_version": index.schema_version})
        return
    place, done = shown(folder.absolute()), "exported to" if way is Way.OUT else "imported from"
    typer.echo(f"{rows['apis']:,} rows of APIs and {rows.get('events', 0):,} events {done} {place}")
