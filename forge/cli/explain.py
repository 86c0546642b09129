"""`forge explain`: the story of one document, from its source to a shard or to the filter that dropped it."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge.cli.options import AsJson, Directory, print_json, print_table, workspace_of

if TYPE_CHECKING:
    from forge.engine.explain import DocumentStory, FilterStory
    from forge.workspace import Workspace
    from forge_registry.lookup import Page


def explain(
    context: typer.Context,
    document: Annotated[
        str, typer.Argument(metavar="DOCUMENT", help="A document's id, the beginning of one, or its address.")
    ],
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """Tell the story of a document: its source, what each filter said, its tokens, and where it is exported or why not.

    Of a document of the last build; also of one that a filter dropped, with score, threshold and reason. Of a record
    that its source could not read, the reason is told.
    """
    from forge.engine.explain import explain as told
    from forge.recipe import load_recipe

    workspace = workspace_of(context, directory)
    story = told(workspace, load_recipe(workspace.recipe), document)
    page = _api(workspace, story.api)
    if as_json:
        print_json({**dataclasses.asdict(story), "api_record": _facts(page)})
    else:
        _show(story, page)


def _api(workspace: "Workspace", own: str | None) -> "Page | None":
    """The API record that the document was rendered from, if the catalogue has it."""
    from forge.errors import CatalogError
    from forge_registry import lookup
    from forge_registry.connection import opened

    if own is None or not workspace.catalog.is_file():
        return None
    with opened(workspace.catalog) as connection:
        try:
            return lookup.page(connection, lookup.resolve(connection, own))
        except CatalogError:  # the document is of an API that the catalogue has no longer: its story goes on without
            return None


def _facts(page: "Page | None") -> dict[str, Any] | None:
    if page is None:
        return None
    record = page.record
    return {
        "id": record.id,
        "provider": record.provider,
        "service": record.service,
        "name": record.name,
        "provenance": [dataclasses.asdict(given) for given in page.provenance],
    }


def _show(story: "DocumentStory", page: "Page | None") -> None:
    typer.echo(f"document {_clean(story.id)}")
    for name, text in _head(story, page):
        typer.echo(f"  {name:<10}{_clean(text)}")
    if story.filters:
        typer.echo("")
        print_table(
            [_filter_row(said) for said in story.filters], head=["filter", "verdict", "score", "threshold", "why"]
        )
        for said in story.filters:
            for number, row in enumerate(said.evidence, 1):
                typer.echo(f"{'' if number > 1 else chr(10)}{said.label} found: {_clean(_facts_of(row))}")
    typer.echo("")
    if story.exports:
        for export in story.exports:
            stale = "" if export.is_current or export.shard is None else " (of an earlier build)"
            where = f"{export.shard}, row {export.row}{stale}" if export.shard is not None else f"no: {export.why}"
            typer.echo(f"export {export.name}: {_clean(where)}")
    else:
        typer.echo("the recipe has no [export.NAME]")


def _head(story: "DocumentStory", page: "Page | None") -> Iterator[tuple[str, str]]:
    """What is known of the document, a line each."""
    yield "source", f"{story.source}, partition {story.partition}"
    yield "address", story.url or "none"
    yield "licence", story.license
    by = f" of {story.provider}" if story.provider else ""
    yield "what", f"{story.kind} in {story.domain}{by}, {story.characters:,} characters"
    if story.characters_after != story.characters:
        yield "", f"{story.characters_after:,} characters after the filters"
    if story.api is not None:
        yield "API", f"{story.api} {_called(page)}"
        for given in page.provenance if page is not None else ():
            more = [given.url, given.version, given.retrieved_at and f"of {given.retrieved_at}", given.license]
            yield "", f"from {given.source}: {', '.join(part for part in more if part)}"
    if trajectory := story.meta.get("trajectory"):
        count = len(story.meta.get("apis") or ())
        over = f", over {count:,} {'API' if count == 1 else 'APIs'}" if count else ""
        yield "shows", f"{story.meta.get('kind') or 'trajectory'}{over}; `forge show {trajectory}`"
    if story.dropped_by is not None:
        yield "tokens", f"none: dropped by {story.dropped_by}"
    else:
        yield "tokens", "not made yet: run `forge build`" if story.tokens is None else f"{story.tokens:,}"


def _called(page: "Page | None") -> str:
    if page is None:
        return "(the catalogue has it no longer)"
    record = page.record
    words = (record.provider, record.service, record.method, record.path or record.name)
    return " ".join(word for word in words if word)


def _facts_of(row: dict[str, Any]) -> str:
    """A row of evidence as ``name value`` pairs; what is text is quoted only where it may hold blanks."""
    pairs = ((name, f"{value:g}" if isinstance(value, float) else value) for name, value in row.items())
    return ", ".join(f"{name} {value!r}" if " " in str(value) else f"{name} {value}" for name, value in pairs)


def _filter_row(said: "FilterStory") -> list[str]:
    verdict = "drops" if not said.keep else "rewrites" if said.rewrote else "keeps"
    cuts = ", ".join(f"{name} = {value}" for name, value in said.thresholds.items())
    why = "; ".join(part for part in (said.reason, said.changes) if part)
    return [said.label, verdict, f"{said.score:g}", cuts or "-", _clean(why) or "-"]


def _clean(text: str) -> str:
    """On one line and without control characters, however long."""
    from forge.show import one_line

    return one_line(text, most=1_000)
