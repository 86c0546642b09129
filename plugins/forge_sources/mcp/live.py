"""A conversation with a Model Context Protocol server, only as long as it takes to hear its tools.

The server is a program that is started for it (stdio) or an address (streamable HTTP); the `mcp` package (2 or later)
speaks the protocol. Its answers are taken as they come off the wire, since the package refuses a whole page for one
tool that is not as it should be. Whatever a server does (crash, hang, talk nonsense, never stop paging) ends in one
error within ``timeout`` and some five seconds, with its process and that one's children gone.

Cost: importing the package takes 0.7 s; then what the server takes.
"""

import logging
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import IO, Any

from forge.errors import StepError
from forge.secrets import HIDDEN, redact, redact_url

INSTALL = "the mcp package (2 or later) is needed to ask a server: pip install 'hephaestus-forge[mcp]'"
MOST_PAGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whom to ask: a ``command`` with its arguments and ``environment``, or a ``url`` with its ``headers``.

    ``secrets`` are cut out of whatever is said.
    """

    command: Sequence[str] = ()
    environment: Mapping[str, str]
    url: str = ""
    headers: Mapping[str, str]
    secrets: Sequence[str]
    timeout: float

    @property
    def shown(self) -> str:
        """The target as it may be said."""
        return redact(" ".join(self.command)) if self.command else redact_url(self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a server said: its ``name`` and ``version`` (empty if it did not), and its pages of tools."""

    name: str
    version: str
    pages: Sequence[Mapping[str, Any]]


def listen(target: Target) -> Heard:
    """The tools of the server.

    Raises:
        StepError: the package is missing, or the server cannot be started or reached, is silent, crashes, or talks
            nonsense; the message says which, with the last line of the program's own errors.
    """
    try:
        import anyio
        import httpx2
        from mcp import Client, MCPError  # noqa: F401
    except ImportError as error:
        raise StepError(INSTALL, plugin="mcp", step="collect") from error
    expected = (
        MCPError,
        OSError,
        ValueError,
        RuntimeError,
        httpx2.HTTPError,
        httpx2.InvalidURL,
        anyio.ClosedResourceError,
    )
    with _quiet(), tempfile.TemporaryFile("w+", errors="replace") as stderr:
        noise: list[str] = []
        try:
            return anyio.run(_listen, target, stderr, noise)
        except TimeoutError as error:
            raise _failure(target, f"did not answer within {target.timeout:g} s", noise, stderr) from error
        except FileNotFoundError as error:
            raise _failure(target, "cannot be started: there is no such program", noise, stderr) from error
        except (*expected, ExceptionGroup) as error:
            leaf = _leaf(error)
            if not isinstance(leaf, expected):
                raise
            raise _failure(target, f"failed ({_words(leaf)})", noise, stderr) from error


async def _listen(target: Target, stderr: IO[str], noise: list[str]) -> Heard:
    import anyio
    from mcp import Client

    pages: list[Mapping[str, Any]] = []
    with anyio.fail_after(target.timeout):
        async with Client(_tapped(_transport(target, stderr), pages, noise), cache=None) as client:
            await _list(client, pages)
            info = client.server_info
    return Heard(name=info.name if info else "", version=(info.version or "") if info else "", pages=pages)


async def _list(client: Any, pages: list[Mapping[str, Any]]) -> None:
    """Ask page by page; the tap fills ``pages``."""
    from pydantic import ValidationError

    cursor: str | None = None
    met: set[str] = set()
    while True:
        before = len(pages)
        try:
            await client.list_tools(cursor=cursor)
        except ValidationError:
            if len(pages) == before:
                raise
        cursor = pages[-1].get("nextCursor") if len(pages) > before else None
        if not isinstance(cursor, str) or not cursor:
            return
        if cursor in met or len(pages) >= MOST_PAGES:
            raise ValueError(
                f"its list of tools does not end: {len(pages)} pages, the last with a cursor it gave before"
            )
        met.add(cursor)


def _transport(target: Target, stderr: IO[str]) -> Any:
    if not target.command:
        return _http(target)
    from mcp import StdioServerParameters, stdio_client

    program, *arguments = target.command
    parameters = StdioServerParameters(command=program, args=arguments, env=dict(target.environment))
    return stdio_client(parameters, errlog=stderr)  # type: ignore[arg-type]


@asynccontextmanager
async def _http(target: Target) -> AsyncIterator[Any]:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    async with (
        httpx2.AsyncClient(headers=dict(target.headers), timeout=target.timeout) as client,
        streamable_http_client(target.url, http_client=client) as streams,
    ):
        yield streams


@asynccontextmanager
async def _tapped(
    transport: AbstractAsyncContextManager[Any], pages: list[Mapping[str, Any]], noise: list[str]
) -> AsyncIterator[Any]:
    """The transport, with each list of tools that comes in noted, and each line that is no message."""
    import anyio

    async with transport as (read, write):
        entry, out = anyio.create_memory_object_stream[Any](0)

        async def forward() -> None:
            async with entry:
                async for message in read:
                    if isinstance(message, Exception):
                        noise.append(str(message))
                    else:
                        result = getattr(getattr(message, "message", None), "result", None)
                        if isinstance(result, dict) and isinstance(result.get("tools"), list):
                            pages.append(result)
                    try:
                        await entry.send(message)
                    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                        return

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(forward)
            try:
                yield out, write
            finally:
                out.close()
                tasks.cancel_scope.cancel()


def _failure(target: Target, why: str, noise: Sequence[str], stderr: IO[str]) -> StepError:
    stderr.seek(0)
    last = next((line.strip() for line in reversed(stderr.readlines()) if line.strip()), "")
    said = f"; its last words: {redact(last[:200])!r}" if last else ""
    lines = f"; {len(noise)} lines of its output were no messages" if noise else ""
    message = f"the server {target.shown} {why}{lines}{said}; try it by hand, or give path= to a saved listing"
    for secret in target.secrets:
        message = message.replace(secret, HIDDEN)
    return StepError(message, plugin="mcp", step="collect")


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {redact(text)}" if text else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the package logs of a bad server from the user's terminal: the error says it."""
    loggers = [logging.getLogger(name) for name in ("mcp", "client", "httpx2", "httpcore2")]
    before = [(logger, logger.propagate) for logger in loggers]
    silent = logging.NullHandler()
    for logger in loggers:
        logger.addHandler(silent)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in before:
            logger.removeHandler(silent)
            logger.propagate = propagate
