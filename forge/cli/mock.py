"""`forge mock serve`: the catalogue's services as an HTTP server that checks, answers and remembers."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forge.cli.options import Directory, workspace_of

if TYPE_CHECKING:
    from forge_trajectories.execution.mock_site import MockSite
    from forge_trajectories.tools.operation import Operation

app = typer.Typer(help="A mock of the catalogue's APIs.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """A mock of the catalogue's APIs."""


@app.command()
def serve(
    context: typer.Context,
    provider: Annotated[
        str | None, typer.Option("--provider", help="Only this provider: twilio.com, or twilio.")
    ] = None,
    service: Annotated[str | None, typer.Option("--service", help="Only this service of its providers.")] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on loopback. 0: a free one.")] = 8088,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the answers.")] = 0,
    directory: Directory = None,
) -> None:
    """Serve the catalogue's APIs on loopback until Ctrl-C, each service under /PROVIDER/SERVICE/.

    Requests are checked as the real server would and refused with 4xx and a message that names the field; answers come
    from documented examples or schemas. What is created is there afterwards, by session: the header X-Forge-Session or
    the cookie forge_session.
    """
    from forge.errors import StepError
    from forge_trajectories.execution.mock_http import serving

    site = open_site(workspace_of(context, directory).catalog, provider=provider, service=service, seed=seed)
    try:
        with serving(site, port=port) as server:
            typer.echo(f"{site.routes:,} routes of {len(site.services):,} services at {server.url}; for example:\n")
            typer.echo(f"  {example(site, server.url)}\n\nCtrl-C ends it")
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        typer.echo("ended")
    except OSError as error:
        said = f"127.0.0.1:{port}: {error.strerror or error}; choose another with --port, or --port 0 for a free one"
        raise StepError(said, step="mock serve") from error


def open_site(catalog: Path, *, provider: str | None = None, service: str | None = None, seed: int = 0) -> "MockSite":
    """The site of a catalogue, or of a part of it.

    Raises:
        CatalogError: there is no catalogue, or nothing in it is called so.
    """
    from forge_trajectories.execution.mock_site import MockSite

    services = _services(catalog, provider=provider, service=service)
    return MockSite(services, _loader(catalog), seed=seed)


def example(site: "MockSite", url: str) -> str:
    """A curl command that the server answers: a reading operation without required arguments, where there is one."""
    from forge_trajectories.execution.mock_site import prefix

    smallest = min(site.services, key=lambda named: (site.services[named] < 3, site.services[named], named))
    for operation in site.operations(*smallest):
        required = operation.parameters.get("required")
        if operation.method == "GET" and not required and operation.path and "{" not in operation.path:
            return f"curl -s {url}{prefix(*smallest)}{operation.path}"
    return f"curl -s {url}{prefix(*smallest)}"


def _services(catalog: Path, *, provider: str | None, service: str | None) -> Mapping[tuple[str, str], int]:
    from forge.errors import CatalogError
    from forge_registry.connection import opened

    with opened(catalog) as connection:
        rows = connection.execute(
            "SELECT provider, service, count(*) FROM apis WHERE documented GROUP BY ALL ORDER BY provider, service"
        ).fetchall()
    known = sorted({str(row[0]) for row in rows})
    chosen = set(_named(known, provider)) if provider is not None else set(known)
    found = {
        (str(owner), str(name or "")): int(count)
        for owner, name, count in rows
        if owner in chosen and (service is None or str(name or "").lower() == service.lower())
    }
    if not found:
        wanted = " and ".join(
            f"--{word} {value}" for word, value in (("provider", provider), ("service", service)) if value is not None
        )
        raise CatalogError(f"the catalogue has nothing for {wanted or 'a mock'}; `forge status` names its providers")
    return found


def _named(known: Sequence[str], name: str) -> list[str]:
    """The providers of that name; if there is none, those with a label of that name: ``twilio`` for ``twilio.com``."""
    wanted = name.lower().strip()
    exact = [provider for provider in known if provider.lower() == wanted]
    return exact or [provider for provider in known if wanted in provider.lower().split(".")]


def _loader(catalog: Path) -> Callable[[str, str], Sequence["Operation"]]:
    """Reads the operations of a service; the catalogue is open only for as long as that takes."""

    def load(provider: str, service: str) -> Sequence["Operation"]:
        from forge.records import ApiRecord, from_row
        from forge_registry.connection import opened
        from forge_registry.schema import API_COLUMNS
        from forge_trajectories.tools.operations import operation_of

        with opened(catalog) as connection:
            rows = connection.execute(
                f"SELECT {', '.join(API_COLUMNS)} FROM apis "
                "WHERE documented AND provider = ? AND coalesce(service, '') = ? ORDER BY id",
                [provider, service],
            ).fetchall()
        taken: set[str] = set()
        records = (from_row(ApiRecord, dict(zip(API_COLUMNS, row, strict=True))) for row in rows)
        made = ((operation_of(record, taken=taken), record.parameters) for record in records)
        return [_with_all(operation, parameters) for operation, parameters in made if operation is not None]

    return load


def _with_all(operation: "Operation", documented: Mapping[str, object]) -> "Operation":
    """The operation with the optional parameters too that a tool leaves out for brevity: a client may send them."""
    from dataclasses import replace

    properties = documented.get("properties")
    whole = {**(properties if isinstance(properties, Mapping) else {}), **operation.parameters["properties"]}
    return replace(operation, parameters={**operation.parameters, "properties": whole})
