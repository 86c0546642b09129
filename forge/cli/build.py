"""`forge build` and `forge export`: run the recipe, all of its exports or one."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge.cli.options import (
    AsJson,
    Directory,
    ExecutorName,
    Quiet,
    Refresh,
    Workers,
    print_json,
    print_table,
    shown,
    workspace_of,
)

if TYPE_CHECKING:
    from forge.engine.export import Exported


def build(
    context: typer.Context,
    directory: Directory = None,
    workers: Workers = None,
    executor: ExecutorName = "local",
    refresh: Refresh = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run the recipe and make every export.

    Collects, catalogues, renders, filters and tokenizes. What has not changed is not done again; a run that was
    stopped takes up where it was.
    """
    from forge.cli.compose import open_session
    from forge.engine.build import REPORT_NAME
    from forge.engine.build import build as run

    started = time.perf_counter()
    workspace = workspace_of(context, directory)
    with open_session(
        workspace, command="build", workers=workers, executor=executor, refresh=refresh, quiet=quiet
    ) as session:
        made = run(session, exports=session.recipe.exports)
        where = (
            f"see {shown(made[0].folder / REPORT_NAME)}"
            if made
            else "the recipe has no [export.NAME]: see forge status"
        )
        session.reporter.log(f"done in {time.perf_counter() - started:.1f} s; {where}")
    _show(made, as_json=as_json)


def export(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The export's name. Default: the recipe's first.")] = None,
    mix: Annotated[str | None, typer.Option("--mix", help="Parts of agent, code and text tokens, as 1:1:1.")] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", min=1, help="Size at most, in tokens.")] = None,
    directory: Directory = None,
    workers: Workers = None,
    executor: ExecutorName = "local",
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Make one export, in another mix or size if asked.

    Brings the corpus up to the recipe first; with everything built, only shards are written.
    """
    from forge.cli.compose import open_session
    from forge.engine.build import build as run
    from forge.recipe import parse_mix

    if mix is not None:
        parse_mix(mix, key="--mix")
    with open_session(
        workspace_of(context, directory), command="export", workers=workers, executor=executor, quiet=quiet
    ) as session:
        chosen, table = session.recipe.export(name)
        changes: dict[str, Any] = {"mix": mix, "max_tokens": max_tokens}
        table = _changed(table, {key: value for key, value in changes.items() if value is not None})
        made = run(session, exports={chosen: table})
    _show(made, as_json=as_json)


def _changed(table: Any, changes: dict[str, Any]) -> Any:
    import msgspec

    return msgspec.structs.replace(table, **changes)


def _show(made: "Sequence[Exported]", *, as_json: bool) -> None:
    if as_json:
        print_json([_facts(item) for item in made])
        return
    if not made:
        return
    rows = [
        [
            item.name,
            f"{item.manifest.tokens:,}",
            f"{item.manifest.documents:,}",
            " ".join(f"{count.name} {count.share:.2%}" for count in item.manifest.domains),
            shown(item.folder),
            "written" if item.written else "up to date",
        ]
        for item in made
    ]
    print_table(rows, head=["export", "tokens", "documents", "shares", "folder", "state"])


def _facts(item: "Exported") -> dict[str, Any]:
    manifest = item.manifest
    return {
        "name": item.name,
        "folder": str(item.folder),
        "written": item.written,
        "tokens": manifest.tokens,
        "documents": manifest.documents,
        "mix": manifest.mix,
        "shares": {count.name: count.share for count in manifest.domains},
        "recipe_hash": manifest.recipe_hash,
        "sha256": {file.path: file.sha256 for shard in manifest.shards for file in shard.files},
    }
