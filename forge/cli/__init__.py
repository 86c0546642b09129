"""The ``forge`` command: one small module a command, thin over a library function.

This package is the only place that knows both the engine and the catalogue. Commands import what they need when they
run, so that ``forge --help`` answers at once. A `ForgeError` becomes one line on standard error and exit status 1;
wrong usage exits with 2; anything else is a bug and keeps its traceback.
"""

import sys
from collections.abc import Sequence

from forge.errors import ForgeError

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it; typer turns the interrupt into it."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; does not return."""
    from forge.cli.app import make_app

    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        make_app(words)(words)
    except ForgeError as error:
        sys.stderr.write(f"forge: error: {error}\n")
        sys.exit(1)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            sys.stderr.write("forge: stopped; what was finished is kept: run the same command to go on\n")
        raise
