"""`forge doctor`: what this machine lacks, for which plugin, and how to get it."""

import importlib.util
import platform
import shutil
import sys
from collections.abc import Iterator

import typer

from forge.cli.options import AsJson, Directory, print_json, print_table

LIBRARIES = {
    "torch": "training: pip install 'hephaestus-forge[train]'",
    "transformers": "training: pip install 'hephaestus-forge[train]'",
    "deepspeed": "training: pip install 'hephaestus-forge[train]'",
}


def doctor(directory: Directory = None, as_json: AsJson = False) -> None:
    """Say what is missing, for whom, how to get it."""
    del directory
    checks = [*_programs(), *_libraries()]
    if as_json:
        print_json({"python": platform.python_version(), "platform": platform.platform(), "checks": checks})
        return
    typer.echo(f"Python {platform.python_version()} at {sys.executable}")
    rows = [[check["name"], check["state"], check["for"], check["how"]] for check in checks]
    print_table(rows, head=["name", "state", "for", "how to get it"])
    missing = dict.fromkeys(check["name"] for check in checks if check["state"] == "missing")
    typer.echo(f"\nmissing: {', '.join(missing)}" if missing else "\nnothing is missing")


def _programs() -> Iterator[dict[str, str]]:
    """The programs that installed plugins say they run."""
    from forge.host import PluginHost

    modules = {"pip"} if importlib.util.find_spec("pip") else set()  # run as `python -m pip`
    for offer in PluginHost().offers():
        for program, how in getattr(offer.step, "requires", {}).items():
            state = "ok" if shutil.which(program) or program in modules else "missing"
            yield {"name": program, "state": state, "for": f"{offer.kind} {offer.name}", "how": how}


def _libraries() -> Iterator[dict[str, str]]:
    for library, how in LIBRARIES.items():
        purpose, _, command = how.partition(": ")
        state = "ok" if importlib.util.find_spec(library) else "missing"
        yield {"name": library, "state": state, "for": purpose, "how": command}
