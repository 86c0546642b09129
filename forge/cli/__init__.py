"""The ``forge`` command: one small module a command, thin over a library function.

This package is the only place that knows both the engine and the catalogue. Commands import what they need when they
run, so that ``forge --help`` answers at once. A `ForgeError`, or the system's refusal of a file, becomes one line on
standard error and exit status 1; wrong usage exits with 2; anything else is a bug and keeps its traceback.
"""

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import NoReturn

from forge.errors import NO_ROOM, ForgeError, no_room
from forge.secrets import redact

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it; typer turns the interrupt into it."""

NEXT_STEPS = {
    errno.EACCES: "check its permissions and those of its folder",
    errno.EPERM: "check its permissions and those of its folder",
    errno.EROFS: "choose a workspace on a disk that can be written, with -C DIR",
}
"""What to do about a file that the system refuses, by its error number."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; does not return."""
    from forge.cli.app import make_app

    sys.excepthook = _show_bug
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        make_app(words)(words)
    except ForgeError as error:
        _fail(str(error))
    except OSError as error:
        if error.errno in NO_ROOM:
            if error.filename is None:
                _drop_output()
            _fail(no_room(error.filename, error))
        if error.errno is None or error.filename is None:
            raise
        advice = NEXT_STEPS.get(error.errno, "check the path, and the workspace named with -C DIR")
        _fail(f"{os.fsdecode(error.filename)}: {error.strerror or os.strerror(error.errno)}; {advice}")
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            sys.stderr.write("forge: stopped; what was finished is kept: run the same command to go on\n")
        raise


def _drop_output() -> None:
    """Send what standard output still holds nowhere: Python would try once more at its end, and fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _show_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The traceback of a bug as Python shows it, without secrets: people paste it into reports."""
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))


def _fail(message: str) -> NoReturn:
    """One line, whatever line breaks and secrets a plugin's message brings."""
    line = " ".join(part.strip() for part in message.splitlines() if part.strip())
    sys.stderr.write(f"forge: error: {redact(line)}\n")
    sys.exit(1)
