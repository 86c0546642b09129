"""`forge show`: one record as a person reads it."""

import dataclasses
import string
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from forge.cli.options import AsJson, Directory, print_json, workspace_of

if TYPE_CHECKING:
    from forge.show import Shown
    from forge_registry.lookup import Page


def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID", help="An id, the beginning of one, or an API's exact name.")],
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """Show an API or a trajectory.

    Of an API its parameters (required first), answer, errors, licence, and where all of it comes from; of a
    trajectory its tools, every turn with calls and answers, and the verdict of each check.
    """
    from forge.engine.find_trajectory import find_trajectory
    from forge.show import Shown, print_record
    from forge_registry import lookup
    from forge_registry.connection import opened

    workspace = workspace_of(context, directory)
    trajectory = find_trajectory(workspace, name) if set(name) <= set(string.hexdigits.lower()) else None
    if trajectory is not None:
        if as_json:
            print_json(dataclasses.asdict(trajectory))
        else:
            print_record(Shown(record=trajectory), stream=sys.stdout)
        return
    with opened(workspace.catalog) as connection:
        page = lookup.page(connection, lookup.resolve(connection, name))
    if as_json:
        print_json(dataclasses.asdict(page))
    else:
        print_record(_shown(page), stream=sys.stdout)


def _shown(page: "Page") -> "Shown":
    from forge.show import Seen, Shown, Source

    return Shown(
        record=page.record,
        sources=[
            Source(source=given.source, url=given.url, version=given.version, retrieved_at=given.retrieved_at)
            for given in page.provenance
        ],
        history=[
            Seen(
                source=seen.source,
                first_seen=seen.first_seen,
                since=seen.since,
                gone_at=seen.gone_at,
                versions=seen.versions,
            )
            for seen in page.history
        ],
    )
