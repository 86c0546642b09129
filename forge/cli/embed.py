"""`forge embed`: vectors of the catalogue's APIs, for `forge search --semantic`."""

from typing import Annotated

import typer

from forge.cli.options import AsJson, Directory, Quiet, print_json, shown, workspace_of
from forge.cli.search import VECTORS

DEFAULT_MODEL = "all-minilm-l6-v2"
"""The model that the extra ``embed`` installs; `forge_registry.vectors_model.DEFAULT`."""


def embed(
    context: typer.Context,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only this many APIs, to try it.")] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model", help="A folder, or a model in the Hugging Face cache. The default comes with the extra [embed]."
        ),
    ] = DEFAULT_MODEL,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Texts that the model reads at a time.")] = 64,
    directory: Directory = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Make the vectors that `forge search --semantic` searches.

    Only new and changed APIs are embedded; a run that was stopped takes up where it was.
    """
    from forge.progress import reporter
    from forge_registry import vectors
    from forge_registry.connection import opened
    from forge_registry.vectors_model import SentenceEncoder

    workspace = workspace_of(context, directory)
    with opened(workspace.catalog) as connection, workspace.lock("embed"):
        plan = vectors.plan(
            connection, workspace.state(VECTORS), encoder=SentenceEncoder(model, batch=batch), limit=limit
        )
        with reporter(quiet=quiet).track("embed", len(plan.missing), "APIs") as track:
            made = vectors.embed(connection, plan, advance=track.advance)
    if as_json:
        print_json({"folder": str(made.folder), "rows": made.rows, "made": made.made, "model": model})
    else:
        typer.echo(f"{made.rows:,} APIs have vectors, {made.made:,} of them made now, in {shown(made.folder)}")
