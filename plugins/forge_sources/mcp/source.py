"""Source ``mcp``: tools of Model Context Protocol servers, asked for live or from saved listings.

Live, the server is a program named by ``command`` (started only because the recipe says so) or an address (``url``,
streamable HTTP); what it lists is kept, and asked for again on a refresh. Headers and the program's environment come
from environment variables, by name. Saved listings are JSON files in one of the forms of `forge_sources.mcp.tools`.

Cost: live, a second and what the server takes; saved, some 30,000 tools a CPU second. Memory: one listing.
"""

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import orjson

from forge.errors import StepError
from forge.records import ApiRecord, Reject
from forge.secrets import HIDDEN, SHORTEST, is_secret_name, redact_url
from forge.steps import Context, Partition, option

BUCKETS = 16
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, kw_only=True)
class Mcp:
    """Tools of Model Context Protocol servers."""

    name: ClassVar[str] = "mcp"

    path: str = option("", help="saved listings: a file, a folder of .json files, or a glob")
    command: tuple[str, ...] = option((), help="program and arguments of a server to start and ask over stdio")
    env: tuple[str, ...] = option((), help="names of environment variables that the program is given")
    url: str = option(
        "", help="address of a server to ask by streamable HTTP; {NAME} stands for an environment variable"
    )
    headers: dict[str, str] = option(
        {}, help="headers for the address: name of each, and the environment variable with it"
    )
    server: str = option("", help="name of the server in the records; empty: what it calls itself")
    timeout: float = option(30.0, help="give up on a server after so long", unit="seconds")
    max_file_mb: int = option(50, help="with path: a larger file is rejected", unit="MB")

    def __post_init__(self) -> None:
        given = [key for key in ("path", "command", "url") if getattr(self, key)]
        if not given:
            raise ValueError("name where the tools are: path (saved listings), command (a program) or url (an address)")
        if len(given) > 1:
            raise ValueError(f"give one of path, command and url, not {' and '.join(given)}")
        if self.url and urlsplit(self.url).scheme not in ("http", "https"):
            raise ValueError(f"url is an http or https address, not {redact_url(self.url)!r}")
        if not all(_VARIABLE.fullmatch(name) for name in (*self.env, *self.headers.values())):
            raise ValueError(
                "env and headers hold names of environment variables, such as MY_TOKEN, never what is in them"
            )
        if self.timeout <= 0:
            raise ValueError("timeout is more than 0 seconds")

    def plan(self, context: Context) -> str:
        """What would be read, started or asked."""
        if self.path:
            files = self._found(context.workspace)
            return f"reads {len(files):,} saved listings of tools from {self.path}; starts and fetches nothing"
        harvest = self._harvest(context)
        if harvest.finished is not None and not context.refresh:
            return f"reads {harvest.finished['tools']} tools from the cache; starts and fetches nothing"
        names = sorted({*self.env, *self.headers.values(), *_PLACEHOLDER.findall(self.url)})
        told = [f"{name} ({'set' if context.secret(name) else 'not set'})" for name in names]
        what = f"starts {' '.join(self.command)}" if self.command else f"asks {redact_url(self.url)}"
        needed = f", with {', '.join(told)}" if told else ""
        return f"{what} for its tools (some kB; gives up after {self.timeout:g} s){needed}"

    def partitions(self, context: Context) -> Sequence[Partition]:
        """Live: one; saved: up to 16, by the hash of the file's name. Asks the server if its answer is not kept.

        Raises:
            StepError: a variable is not set, the server fails, or there is no listing.
        """
        if self.path:
            return self._saved(context.workspace)
        harvest = self._harvest(context)
        facts = None if context.refresh else harvest.finished
        if facts is None:
            harvest, facts = self._ask(context)
        from forge_sources.spec_files import combined

        items = tuple(f"page {number}" for number in range(facts["pages"]))
        bodies = [page.body for item in items if (page := harvest.get(item)) is not None]
        parts = (part for body in bodies for part in (facts["name"], facts["version"], body.decode()))
        return [Partition(key="tools", fingerprint=combined(parts), items=items, size=sum(map(len, bodies)))]

    def records(self, partition: Partition, context: Context) -> Iterator[ApiRecord | Reject]:
        """One record or reject a tool; a saved file that cannot be read is one reject."""
        from forge_sources.mcp import tools as mcp_tools

        if self.path:
            for item in partition.items:
                yield from self._of_file(context.workspace / item, item)
            return
        harvest = self._harvest(context)
        facts: Mapping[str, Any] = harvest.finished or {}
        for item in partition.items:
            page = harvest.get(item)
            if page is None:
                raise self._failure("its answer has gone from the cache; run again with --refresh")
            name = self.server or facts["name"] or self._fallback()
            tools = orjson.loads(page.body)["tools"]
            found = mcp_tools.Server(name=name, tools=tools, version=facts["version"] or None, url=self._shown_url())
            yield from mcp_tools.records(found, source=self.name, locator=name, retrieved_at=facts["date"])

    def _of_file(self, path: Path, item: str) -> Iterator[ApiRecord | Reject]:
        from forge_sources import spec_files
        from forge_sources.mcp import tools as mcp_tools

        try:
            data = orjson.loads(spec_files.read(path, limit=self.max_file_mb * 1_000_000))
        except (spec_files.UnreadableSpec, orjson.JSONDecodeError) as error:
            yield Reject(locator=item, reason=str(error))
            return
        for found in mcp_tools.servers(data, name=self.server or path.stem):
            if isinstance(found, Reject):
                yield Reject(locator=f"{item}: {found.locator}", reason=found.reason)
            else:
                yield from mcp_tools.records(found, source=self.name, locator=item, retrieved_at=None)

    def _found(self, workspace: Path) -> list[str]:
        files = _files(workspace, self.path)
        if not files:
            raise self._failure(f"path={self.path}: there is no listing (.json)")
        return files

    def _saved(self, workspace: Path) -> list[Partition]:
        from forge_sources import spec_files

        files = self._found(workspace)
        hashed = spec_files.hashes([workspace / file for file in files])
        members: dict[int, list[tuple[str, str, int]]] = {}
        for file, (digest, size) in zip(files, hashed, strict=True):
            members.setdefault(spec_files.bucket_of(file, BUCKETS), []).append((file, digest, size))
        return [
            Partition(
                key=f"listings-{bucket:02d}",
                fingerprint=spec_files.combined(part for file, digest, _ in group for part in (file, digest)),
                items=tuple(file for file, _, _ in group),
                size=sum(size for _, _, size in group),
            )
            for bucket, group in sorted(members.items())
        ]

    def _ask(self, context: Context) -> tuple[Any, Mapping[str, Any]]:
        """Ask the server and keep its answer, without any secret it should repeat."""
        from forge_sources.mcp.live import Target, listen

        environment = {name: self._secret(context, name) for name in self.env}
        headers = {header: self._secret(context, name) for header, name in self.headers.items()}
        inserted = {name: self._secret(context, name) for name in _PLACEHOLDER.findall(self.url)}
        url = _PLACEHOLDER.sub(lambda found: inserted[found[1]], self.url)
        private = [value for name, value in environment.items() if is_secret_name(name)]
        words = [
            word for value in (*headers.values(), *inserted.values(), *private) for word in (value, *value.split())
        ]
        secrets = [word for word in words if len(word) >= SHORTEST]
        heard = listen(
            Target(
                command=self.command,
                environment=environment,
                url=url,
                headers=headers,
                secrets=secrets,
                timeout=self.timeout,
            )
        )
        harvest = self._harvest(context, refresh=True)
        for number, page in enumerate(heard.pages):
            try:
                body = orjson.dumps({"tools": page["tools"]})
            except TypeError as error:
                raise self._failure(f"the server's answer cannot be kept as JSON: {error}") from error
            for secret in secrets:
                body = body.replace(secret.encode(), HIDDEN.encode())
            harvest.keep(f"page {number}", body)
        harvest.finish(
            name=heard.name,
            version=heard.version,
            pages=len(heard.pages),
            tools=sum(len(page["tools"]) for page in heard.pages),
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        )
        return harvest, harvest.finished or {}

    def _secret(self, context: Context, name: str) -> str:
        value = context.secret(name)
        if value is None:
            raise self._failure(f"set the environment variable {name}, which the server needs")
        return value

    def _harvest(self, context: Context, *, refresh: bool = False) -> Any:
        from forge_sources.harvest import Harvest

        options = (*self.command, self._shown_url(), *self.env, *sorted(self.headers))
        return Harvest(context.cache, source=self.name, options=options, refresh=refresh)

    def _shown_url(self) -> str | None:
        return redact_url(self.url) if self.url else None

    def _fallback(self) -> str:
        return (urlsplit(self.url).hostname or "") if self.url else Path(self.command[0]).name

    def _failure(self, message: str) -> StepError:
        return StepError(message, plugin=self.name, step="collect")


def _files(workspace: Path, path: str) -> list[str]:
    """Paths of the listings, relative to the workspace where they lie in it; sorted."""
    root = workspace / path
    if root.is_dir():
        found = [file for file in root.rglob("*.json") if file.is_file() and not file.name.startswith(".")]
    elif root.is_file():
        found = [root]
    else:
        fixed = next((number for number, part in enumerate(root.parts) if set(part) & set("*?[")), len(root.parts) - 1)
        found = [file for file in Path(*root.parts[:fixed]).glob("/".join(root.parts[fixed:])) if file.is_file()]
    return sorted(
        (file.relative_to(workspace) if file.is_relative_to(workspace) else file).as_posix() for file in found
    )
