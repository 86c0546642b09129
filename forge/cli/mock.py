"""`forge mock serve`: the catalogue's services as an HTTP server that checks, answers and remembers."""

import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

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
    """Serve the catalogue's APIs on loopback until Ctrl-C, each service under /PROVIDER/SERVICE/, or /PROVIDER/-/.

    The dash stands for a service without a name. Requests are checked against the documentation and refused with 4xx
    and a message that names the field; one that is not documented is refused too. Answers come from documented examples
    or schemas. What is created is there afterwards, by session: the header X-Forge-Session or the cookie forge_session.
    """
    from forge.errors import StepError
    from forge_trajectories.execution.mock_http import serving

    site = _site(workspace_of(context, directory).catalog, provider=provider, service=service, seed=seed)
    with ExitStack() as stack:
        try:
            server = stack.enter_context(serving(site, port=port))
        except OSError as error:
            said = (
                f"127.0.0.1:{port}: {error.strerror or error}; choose another with --port, or --port 0 for a free one"
            )
            raise StepError(said, step="mock serve") from error
        status = _until_ended(site, server.url)
    typer.echo("ended")
    raise typer.Exit(status)


def _until_ended(site: "MockSite", url: str) -> int:
    """Say where it is, and wait; the exit status: 0 after Ctrl-C, and after SIGTERM what shells make of it."""
    from forge_trajectories.execution.mock_site import example

    # Both are set: a script's shell starts what it runs in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    try:
        typer.echo(f"{site.routes:,} routes of {len(site.services):,} services at {url}; for example:\n")
        typer.echo(f"  {example(site, url)}\n\nCtrl-C ends it")
        while True:
            time.sleep(3600)
    except KeyboardInterrupt as ended:
        return 0 if ended.args == (signal.SIGINT,) else 128 + signal.SIGTERM


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(number)


def _site(catalog: Path, *, provider: str | None, service: str | None, seed: int) -> "MockSite":
    """The site of a catalogue, or of a part of it; the catalogue is open only while something of it is read.

    Raises:
        CatalogError: there is no catalogue, or nothing in it is called so.
    """
    from forge.errors import CatalogError
    from forge_registry.connection import opened
    from forge_registry.services import records_of, services
    from forge_trajectories.execution.mock_operations import served_operations
    from forge_trajectories.execution.mock_site import MockSite

    def load(provider: str, service: str) -> Sequence["Operation"]:
        with opened(catalog) as connection:
            return served_operations(records_of(connection, provider, service))

    with opened(catalog) as connection:
        found = services(connection, provider=provider, service=service)
    if not found:
        named = (("provider", provider), ("service", service))
        wanted = " and ".join(f"--{word} {value}" for word, value in named if value is not None)
        raise CatalogError(f"the catalogue has nothing for {wanted or 'a mock'}; `forge status` names its providers")
    return MockSite(found, load, seed=seed)
