"""What can go wrong, as one tree, so that a caller catches as much or as little as it means to.

    ForgeError
    ├── RecipeError     a recipe or plan cannot be read: file, key, what was expected
    ├── PluginError     a plugin that the recipe needs did not load, or broke a hook's contract
    ├── StepError       a source, filter or renderer failed: plugin, step, record
    │   └── FetchError  an address cannot be had: refused by us or the server's robots.txt, or unreachable
    ├── WorkspaceError  the workspace is locked, missing, or its disk is full
    ├── CatalogError    the catalogue is missing, newer than this code, or damaged
    ├── CorpusError     a shard or manifest does not hold what it should: file, expected, found
    └── BudgetError     a spending limit would be passed

The command line turns any of these into one line and exit status 1. A message names the thing at fault (file, key,
record) and ends with the next step to take. Costs nothing: no imports beyond the standard library.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Numbers of the errors that a full disk, a quota or a limit on file sizes gives."""


class ForgeError(Exception):
    """Base of every error that is a user's to mend rather than a bug."""


class RecipeError(ForgeError):
    """A recipe or plan is wrong.

    Args:
        message: what is wrong, and what to write instead.
        file: the recipe's path.
        key: dotted path of the key at fault, for example ``source[2].packages``.
    """

    def __init__(self, message: str, *, file: object = None, key: str | None = None) -> None:
        self.file = file
        self.key = key
        where = ": ".join(str(part) for part in (file, key) if part)
        super().__init__(f"{where}: {message}" if where else message)


class PluginError(ForgeError):
    """A plugin is missing, failed to load, or broke a hook's contract."""


class StepError(ForgeError):
    """A step failed on its input.

    Args:
        message: what failed, and what to do.
        plugin: the name of the source, filter or renderer.
        step: the engine's step: collect, render, prepare, judge, tokenize, export.
        record: locator of the record or partition at hand.
    """

    def __init__(self, message: str, *, plugin: str = "", step: str = "", record: str = "") -> None:
        self.plugin = plugin
        self.step = step
        self.record = record
        self.message = message
        super().__init__(message)

    def __str__(self) -> str:
        where = " ".join(part for part in (self.step, self.plugin) if part)
        if self.record:
            where = f"{where} [{self.record}]" if where else self.record
        return f"{where}: {self.message}" if where else self.message

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the trip from a worker process with the context attached."""
        return (_step_error, (self.message, self.plugin, self.step, self.record))


class FetchError(StepError):
    """An address cannot be had: its scheme, host, size or robots.txt forbids it, or no attempt got an answer.

    A crawler turns it into a `Reject` and goes on; where the address is the whole source, it ends the run.
    """

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the trip from a worker process with the context attached."""
        return (_fetch_error, (self.message, self.plugin, self.step, self.record))


class WorkspaceError(ForgeError):
    """The workspace cannot be used: locked by another process, not a workspace, no room on its disk."""


class CatalogError(ForgeError):
    """The catalogue is missing, damaged, or written by a newer release."""


class CorpusError(ForgeError):
    """A shard or manifest does not hold what it should."""


class BudgetError(ForgeError):
    """A spending limit would be passed."""


def no_room(path: object, error: OSError) -> str:
    """The message of a full disk."""
    why = os.strerror(error.errno or errno.ENOSPC)
    return (
        f"{path or 'a file'}: no room on the disk ({why}); what was finished is kept: "
        "free some space and run the same command again"
    )


def _step_error(message: str, plugin: str, step: str, record: str) -> StepError:
    return StepError(message, plugin=plugin, step=step, record=record)


def _fetch_error(message: str, plugin: str, step: str, record: str) -> FetchError:
    return FetchError(message, plugin=plugin, step=step, record=record)


@contextmanager
def step_context(plugin: str, *, step: str, record: str = "") -> Iterator[None]:
    """Add plugin, step and record to whatever fails inside, once.

    This is the boundary at which a plugin's exception, whatever its type, becomes a `StepError`; the original stays
    attached as the cause.

    Raises:
        StepError: for any `Exception` raised inside; an error that already says more passes unchanged.
    """
    try:
        yield
    except StepError as error:
        if error.plugin:
            raise
        raise StepError(error.message, plugin=plugin, step=step, record=error.record or record) from error
    except ForgeError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise WorkspaceError(no_room(error.filename, error)) from error
        message = f"{type(error).__name__}: {error}"
        raise StepError(message, plugin=plugin, step=step, record=record) from error
