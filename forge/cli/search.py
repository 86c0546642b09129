"""`forge search`: find an API by words, or by meaning."""

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge.cli.options import AsJson, Directory, print_json, workspace_of
from forge.workspace import Workspace

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from forge_registry.search import Found, Hit, Query

VECTORS = "api-vectors"
"""The step under which `forge embed` keeps its state."""


def search(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="QUERY", help='What to look for: "send sms", PutObject.')],
    provider: Annotated[
        str | None, typer.Option("--provider", help="Only this provider: twilio.com, or twilio.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only this kind: rest, python, mcp, ...")] = None,
    method: Annotated[str | None, typer.Option("--method", help="Only this HTTP method: POST.")] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Only what this source of the recipe gave: its label.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="APIs at most.")] = 10,
    semantic: Annotated[
        bool, typer.Option("--semantic", help="By meaning as well as by words; needs `forge embed`.")
    ] = False,
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """Find APIs in the catalogue, the best match first.

    Ranks by words (BM25) over names, paths, descriptions and parameters; with --semantic, by vectors as well.
    """
    from forge_registry.search import Query
    from forge_registry.search_index import searchable

    query = Query(text=text, provider=provider, kind=kind, method=method, source=source, limit=limit)
    workspace = workspace_of(context, directory)
    with searchable(workspace.catalog) as connection:
        found, ranking = _find(connection, query, workspace=workspace if semantic else None)
        if as_json:
            print_json(_facts(connection, query, found, ranking=ranking))
        elif found.hits:
            _print(found, ranking=ranking)
        else:
            typer.echo(_nothing(connection, query, found))


def _find(connection: "DuckDBPyConnection", query: "Query", *, workspace: Workspace | None) -> tuple["Found", str]:
    """What answers the query, and by which ranking; by meaning too if the workspace of the vectors is given."""
    from forge_registry import search as words

    if workspace is None:
        return words.search(connection, query), "words (BM25)"
    from forge_registry import search_semantic
    from forge_registry.vectors_model import SentenceEncoder

    index = search_semantic.index_of(workspace.state(VECTORS))
    found = search_semantic.search(connection, query, index=index, encoder=SentenceEncoder(index.spec))
    return found, f"words and meaning ({index.rows:,} vectors of {index.spec})"


def _print(found: "Found", *, ranking: str) -> None:
    width = _width()
    for hit in found.hits:
        score = f"{hit.score:.2f}" if hit.score >= 1 else f"{hit.score:.4f}"
        typer.echo(f"{hit.rank:>3}  {hit.short}  {score:>6}  {hit.facts['kind']:<6}  {_headline(hit)}{_alike(hit)}")
        sentence = first_sentence(str(hit.facts["description"]), name=str(hit.facts["name"]), most=width - 5)
        if sentence:
            typer.secho(f"     {sentence}", dim=True)
    shown = f"{len(found.hits)} of {found.matches:,} matches" if found.matches > len(found.hits) else "all matches"
    typer.secho(f"{shown}, by {ranking}; forge show {found.hits[0].short} shows the first", dim=True, err=True)


def _headline(hit: "Hit") -> str:
    from forge.show import one_line

    facts = hit.facts
    provider, service, name, path = (str(facts[key] or "") for key in ("provider", "service", "name", "path"))
    whose = service if service.endswith(provider) else "/".join(part for part in (provider, service) if part)
    named = f" {name}" if path and name not in path else ""
    deprecated = " (deprecated)" if facts["deprecated"] else ""
    return one_line(f"{facts['method']} {whose} {path or name}{named}{deprecated}", most=400)


def _alike(hit: "Hit") -> str:
    return f"  +{hit.alike} alike" if hit.alike else ""


def first_sentence(text: str, *, name: str, most: int) -> str:
    """The first sentence or line of a description that says more than the name, cut at ``most`` characters."""
    from forge.show import one_line

    lines = [line.strip() for line in text.split("\n") if line.strip().rstrip(".").lower() not in ("", name.lower())]
    if not lines:
        return ""
    end = lines[0].find(". ")
    return one_line(lines[0][: end + 1] if end > 0 else lines[0], most=most)


def _nothing(connection: "DuckDBPyConnection", query: "Query", found: "Found") -> str:
    from forge_registry.search import near_providers

    if query.provider is not None and not found.providers:
        near = near_providers(connection, query.provider)
        hint = f"did you mean {' or '.join(near)}?" if near else "forge status names the largest"
        return f"no provider is called {query.provider!r}: {hint}"
    filters = [name for name in ("provider", "kind", "method", "source") if getattr(query, name) is not None]
    if filters:
        return f"nothing found; search without {' and '.join(f'--{name}' for name in filters)}"
    return "nothing found; try fewer or other words"


def _facts(connection: "DuckDBPyConnection", query: "Query", found: "Found", *, ranking: str) -> dict[str, Any]:
    from forge_registry.lookup import records

    whole = records(connection, [hit.id for hit in found.hits])
    return {
        "query": dataclasses.asdict(query),
        "ranking": ranking,
        "matches": found.matches,
        "hits": [
            {
                "rank": hit.rank,
                "score": hit.score,
                "short": hit.short,
                "alike": hit.alike,
                **dataclasses.asdict(record),
            }
            for hit, record in zip(found.hits, whole, strict=True)
        ],
    }


def _width() -> int:
    import shutil
    import sys

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 100
