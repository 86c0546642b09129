"""`forge diff`: what changed in an API's documentation between two loads of the catalogue."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge.cli.options import AsJson, Directory, print_json, workspace_of

if TYPE_CHECKING:
    from forge_registry.timeline import Difference, Timeline, Version


def diff(
    context: typer.Context,
    api: Annotated[str, typer.Argument(metavar="API", help="Its id, the beginning of its id, or its name.")],
    old: Annotated[
        str | None,
        typer.Option("--from", metavar="WHEN", help="A version's number or a date. Default: the one before."),
    ] = None,
    new: Annotated[
        str | None, typer.Option("--to", metavar="WHEN", help="A version's number or a date. Default: the last.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Only as this source of the recipe gave it: its label.")
    ] = None,
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed in an API's documentation.

    Compares its last two versions, or those of two dates, at each source that gave it.
    """
    from forge.errors import CatalogError
    from forge_registry.timeline import timelines

    found = timelines(workspace_of(context, directory).catalog, api)
    known = ", ".join(dict.fromkeys(timeline.source for timeline in found))
    found = [timeline for timeline in found if timeline.versions and source in (None, timeline.source)]
    if not found:
        raise CatalogError(f"{api}: no version of it is kept for {source or known}; it is known from {known}")
    differences = _differences(found, old=old, new=new)
    if as_json:
        print_json([_facts(found) for found in differences])
        return
    for place, item in enumerate(differences):
        if place:
            typer.echo("")
        _print(item)


def _differences(found: Sequence["Timeline"], *, old: str | None, new: str | None) -> "list[Difference]":
    """The differences at the sources that have both versions; the first source's error if none has."""
    from forge.errors import CatalogError
    from forge_registry.timeline import difference

    made: list[Difference] = []
    errors: list[CatalogError] = []
    for timeline in found:
        try:
            made.append(difference(timeline, old=old, new=new))
        except CatalogError as error:
            errors.append(error)
    if not made:
        raise errors[0]
    return made


def _facts(found: "Difference") -> dict[str, Any]:
    timeline = found.timeline
    return {
        "id": timeline.id,
        "source": timeline.source,
        "provider": timeline.provider,
        "service": timeline.service,
        "name": timeline.name,
        "gone_at": timeline.gone_at,
        "versions": [_version(version) for version in timeline.versions],
        "from": found.old.number,
        "to": found.new.number,
        "changes": [dict(change) for change in found.changes],
    }


def _version(version: "Version") -> dict[str, Any]:
    return {"number": version.number, "first_seen": version.first_seen, "last_seen": version.last_seen}


def _print(found: "Difference") -> None:
    from forge_registry.changes import in_words

    timeline = found.timeline
    where = " ".join(part for part in (timeline.provider, timeline.service) if part)
    typer.echo(f"{timeline.name}  {where}  ({timeline.source}, {timeline.id[:12]})")
    if timeline.gone_at:
        typer.echo(f"  gone since {timeline.gone_at}")
    if found.old.number == found.new.number:
        typer.echo(f"  {_alone(timeline, found.new)}")
        return
    typer.echo(f"  from version {_when(found.old)} to version {_when(found.new)}:")
    for change in found.changes:
        typer.echo(f"    {in_words(change)}")
        if change["change"] == "description changed":
            typer.echo(f"      - {_line(change['from'])}")
            typer.echo(f"      + {_line(change['to'])}")
    if not found.changes:
        typer.echo("    nothing: it was gone in between, and came back the same")


def _alone(timeline: "Timeline", version: "Version") -> str:
    since = version.first_seen or "before there was a history"
    if len(timeline.versions) == 1:
        return f"one version, since {since}: nothing to compare it with"
    return f"the same version, {version.number}, since {since}"


def _when(version: "Version") -> str:
    return f"{version.number} ({version.first_seen or 'before there was a history'})"


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:157]}..."
