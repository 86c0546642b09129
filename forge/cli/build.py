"""`forge build` and `forge export`: run the recipe, all of its exports or one."""

import time
from collections.abc import Mapping, Sequence
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
    from forge.recipe import ExportTable


AllowLicence = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-licence",
        metavar="SPDX",
        help="A licence that documents may have; 'permissive' and 'unknown' too. May be repeated.",
    ),
]


def build(
    context: typer.Context,
    directory: Directory = None,
    allow_licence: AllowLicence = None,
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
        made = run(session, exports=_limited(session.recipe.exports, {"allow_licences": allow_licence}))
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
    allow_licence: AllowLicence = None,
    max_share_per_provider: Annotated[
        float | None,
        typer.Option("--max-share-per-provider", help="Share of a domain that one provider may have, 0 to 1."),
    ] = None,
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
        changes = {
            "mix": mix,
            "max_tokens": max_tokens,
            "allow_licences": allow_licence,
            "max_share_per_provider": max_share_per_provider,
        }
        made = run(session, exports=_limited({chosen: table}, changes))
    _show(made, as_json=as_json)


def _limited(exports: "Mapping[str, ExportTable]", changes: dict[str, Any]) -> "dict[str, ExportTable]":
    """The exports with what was asked for on the command line.

    Raises:
        RecipeError: an option's value is wrong.
    """
    import msgspec

    from forge.recipe import check_limits

    given = {key: value for key, value in changes.items() if value is not None and value != []}
    asked = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    made = {name: msgspec.structs.replace(table, **asked) for name, table in exports.items()}
    for name, table in made.items():
        check_limits(table, key=f"export.{name}")
    return made


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
