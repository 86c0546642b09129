"""`forge changes`: what the loads of the catalogue found: APIs added, changed, deprecated, gone."""

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge.cli.options import AsJson, Directory, print_json, workspace_of

if TYPE_CHECKING:
    from forge_registry.timeline import Event

SHOWN_CHANGES = 4


def changes(
    context: typer.Context,
    since: Annotated[str, typer.Option("--since", metavar="DATE", help="From this day on: 2026-11-01.")] = "",
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            help="Only added, changed, deprecated, removed, returned, source-added, source-removed or source-returned.",
        ),
    ] = None,
    provider: Annotated[str | None, typer.Option("--provider", help="Only this provider: twilio.com.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Lines at most; JSON has them all.")] = 200,
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """List what has changed in the catalogue, the oldest first.

    The first load of a source is one line, not one an API.
    """
    from forge_registry.timeline import EventFilter, events

    wanted = EventFilter(since=since, kind=kind, provider=provider)
    found = events(workspace_of(context, directory).catalog, wanted)
    if as_json:
        print_json([_facts(event) for event in found])
        return
    for event in found[:limit]:
        typer.echo(_line(event))
    if len(found) > limit:
        typer.echo(f"... and {len(found) - limit:,} more; see them with --limit {len(found)}")
    if not found:
        typer.echo(f"Nothing has changed{f' since {since}' if since else ''}.")


def _facts(event: "Event") -> dict[str, Any]:
    facts = dataclasses.asdict(event)
    return facts if event.id else {key: facts[key] for key in ("at", "kind", "source", "apis")}


def _line(event: "Event") -> str:
    from forge_registry.changes import in_words

    if not event.id:
        return f"{event.at}  {event.kind:<15}  {event.source}: {event.apis:,} APIs"
    where = " ".join(part for part in (event.provider, event.service) if part)
    said = [in_words(change) for change in event.changes[:SHOWN_CHANGES]]
    if len(event.changes) > SHOWN_CHANGES:
        said.append(f"and {len(event.changes) - SHOWN_CHANGES} more")
    what = f": {'; '.join(said)}" if said and event.kind != "deprecated" else ""
    return f"{event.at}  {event.kind:<15}  {event.name}  {where}  ({event.source}, {event.id[:12]}){what}"
