"""Source ``jsonl-apis``: tool descriptions in JSON lines, the form that function-calling models take, as API records.

Each line is ``{"name", "description", "parameters"}``, bare or under ``"function"``. A file is a partition, so that a
changed file is read again and the others are not. Some 50,000 lines a second; one line is in memory at a time.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from forge.errors import StepError
from forge.records import UNKNOWN_LICENSE, ApiKind, ApiRecord, Record, Reject, stable_id
from forge.steps import Context, Partition, option


@dataclass(frozen=True, kw_only=True)
class JsonlApis:
    """Tools described in JSON-lines files, one a line."""

    name: ClassVar[str] = "jsonl-apis"

    path: str = option("tools/*.jsonl", help="files to read, relative to the workspace; * and ** match as in a shell")
    provider: str = option("", help="who runs the tools; the name of each file, without .jsonl, where this is empty")
    license: str = option(UNKNOWN_LICENSE, help="SPDX expression of the descriptions' licence")
    kind: ApiKind = option("mcp", help="how the tools are called: rest, python, cli, mcp, model or graphql")

    def __post_init__(self) -> None:
        if not self.path or Path(self.path).is_absolute() or ".." in Path(self.path).parts:
            raise ValueError(f'path = "{self.path}" must be a pattern inside the workspace, such as "tools/*.jsonl"')

    def plan(self, context: Context) -> str:
        """Say what would be read."""
        files = self._files(context)
        size = sum(file.stat().st_size for file in files)
        return f"nothing over the network; it reads {len(files)} files, {size:,} bytes, matching {self.path}"

    def partitions(self, context: Context) -> Sequence[Partition]:
        """One a file, in the order of their names."""
        files = self._files(context)
        if not files:
            raise StepError(f"no file matches {self.path} in {context.workspace}; set path, or put a file there")
        return [_partition(file, within=context.workspace) for file in files]

    def records(self, partition: Partition, context: Context) -> Iterator[Record | Reject]:
        """A record a line; what cannot be read is a `Reject` that names file and line."""
        (name,) = partition.items
        with (context.workspace / name).open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield self._record(line, locator=f"{name}:{number}", file=name)

    def _files(self, context: Context) -> list[Path]:
        return sorted(file for file in context.workspace.glob(self.path) if file.is_file())

    def _record(self, line: bytes, *, locator: str, file: str) -> ApiRecord | Reject:
        try:
            tool = _tool(json.loads(line.strip()))
        except (ValueError, TypeError, RecursionError) as error:
            return Reject(locator=locator, reason=" ".join(str(error).split()) or type(error).__name__)
        return ApiRecord(
            provider=self.provider or Path(file).stem,
            service="",
            name=tool["name"],
            kind=self.kind,
            description=tool.get("description") or "",
            parameters=tool.get("parameters") or {"type": "object", "properties": {}},
            license=self.license,
            source=self.name,
        )


def _partition(file: Path, *, within: Path) -> Partition:
    name = file.relative_to(within).as_posix()
    with file.open("rb") as stream:
        content = hashlib.file_digest(stream, "blake2b").hexdigest()
    # The name is part of the fingerprint because records and rejects depend on it; it makes the key unique, too.
    return Partition(
        key=f"tools-{stable_id(name)}", fingerprint=stable_id(name, content), items=(name,), size=file.stat().st_size
    )


def _tool(value: object) -> Mapping[str, Any]:
    """The description of one tool, taken out of its wrapper and checked.

    Raises:
        ValueError, TypeError: it is none; the message says why.
    """
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if not isinstance(value, dict):
        raise TypeError(f"a tool is a JSON object; this is a {type(value).__name__}")
    if not isinstance(value.get("name"), str) or not value["name"].strip():
        raise ValueError("the tool has no name")
    if not isinstance(value.get("description") or "", str):
        raise TypeError("the tool's description is not text")
    parameters = value.get("parameters") or {}
    if not isinstance(parameters, dict) or parameters.get("type", "object") != "object":
        raise ValueError("the tool's parameters are not a JSON Schema of type object")
    _check_text(json.dumps(value, ensure_ascii=False))
    return value


def _check_text(text: str) -> None:
    """Refuse half a surrogate pair, which JSON can spell and UTF-8 cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("the tool's text holds half a surrogate pair") from error
