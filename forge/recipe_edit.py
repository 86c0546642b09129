"""Edits of ``forge.toml`` that add or cut whole lines and leave all others as they are, byte for byte.

A small scanner says of each line whether it is a header, content, a comment or blank, so that what looks like a header
inside a string or an array is not taken for one. An edited text takes the file's place only if it parses to exactly
the old data plus or minus the one table, and is a good recipe; a refused edit changes nothing. Costs milliseconds.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge.errors import RecipeError
from forge.files import atomic_path
from forge.options import nearest
from forge.recipe import parse_recipe, read_text

MARKER = "# Sources:"
"""The comment of a fresh recipe under which the first source goes."""
LATER = ("render", "filter", "export")
"""Tables that stand after the sources."""
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?""""{0,2}'  # strings first, the long ones before the short
    r"|'''.*?''''{0,2}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*|\n|[\[\]{}]"
    r"|[^\s\"'\#\[\]{}]+",
    re.DOTALL,
)


def add_source(
    path: Path, *, name: str, label: str | None, options: Mapping[str, Any], max_reject_rate: float | None = None
) -> None:
    """Add a ``[[source]]`` table after the last one, or before the tables that come after sources.

    Raises:
        RecipeError: the label is taken, the file is no recipe, or it is written in a way that only a hand can edit.
    """
    text, data = _read(path)
    table: dict[str, Any] = {"name": name}
    if label is not None and label != name:
        table["label"] = label
    if max_reject_rate is not None:
        table["max_reject_rate"] = max_reject_rate
    table.update(options)
    layout = _Layout.of(text)
    expected = {**data, "source": [*data.get("source", []), table]}
    _write(path, layout.insert(_render(table), at=layout.place()), expected=expected)


def remove_source(path: Path, label: str) -> dict[str, Any]:
    """Take out the ``[[source]]`` table with this label and the comment right above it; returns what stood in it.

    Raises:
        RecipeError: there is no such source, an export still draws on it, or only a hand can edit the file.
    """
    text, data = _read(path)
    tables = data.get("source", [])
    labels = [str(table.get("label", table.get("name"))) for table in tables]
    if label not in labels:
        raise RecipeError(f"no source is labelled {label!r}: {nearest(label, labels)}", file=path, key="source")
    index = labels.index(label)
    layout = _Layout.of(text)
    if len(layout.sources()) != len(tables):
        raise _by_hand(path)
    rest = [*tables[:index], *tables[index + 1 :]]
    expected = {key: value for key, value in data.items() if key != "source"}
    _write(path, layout.cut(layout.sources()[index]), expected={**expected, "source": rest} if rest else expected)
    return dict(tables[index])


def set_options(path: Path, label: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Set options of the source with this label; returns those whose value changed.

    Raises:
        RecipeError: there is no such source, or only a hand can edit the file.
    """
    import tomlkit

    text, data = _read(path)
    tables = [dict(table) for table in data.get("source", [])]
    labels = [str(table.get("label", table.get("name"))) for table in tables]
    if label not in labels:
        raise RecipeError(f"no source is labelled {label!r}: {nearest(label, labels)}", file=path, key="source")
    index = labels.index(label)
    changed = {key: value for key, value in options.items() if tables[index].get(key) != value}
    if changed:
        document: Any = tomlkit.parse(text)
        there = {key: value for key, value in changed.items() if key in tables[index]}
        document["source"][index].update(there)
        fresh = {key: value for key, value in changed.items() if key not in there}
        layout = _Layout.of(tomlkit.dumps(document))
        if len(layout.sources()) != len(tables):
            raise _by_hand(path)
        tables[index].update(changed)
        _write(path, layout.extended(index, tomlkit.dumps(fresh)), expected={**data, "source": tables})
    return changed


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    """Lines of a recipe with their ends, the kind of each, and what each header opens, by line."""

    lines: Sequence[str]
    kinds: Sequence[str]
    headers: Mapping[int, Mapping[str, Any]]

    @classmethod
    def of(cls, text: str) -> "_Layout":
        lines = [line for line in re.split(r"(?<=\n)", text) if line]
        kinds = _kinds(text, count=len(lines))
        headers = {row: tomllib.loads(lines[row]) for row, kind in enumerate(kinds) if kind == "header"}
        return cls(lines=lines, kinds=kinds, headers=headers)

    def sources(self) -> list[int]:
        """Lines of the ``[[source]]`` headers."""
        return [row for row, opened in self.headers.items() if opened == {"source": [{}]}]

    def end(self, start: int, stop: int) -> int:
        """The line after a table's last. Comments that touch the next header are that one's; blanks are nobody's."""
        last = max((row + 1 for row in range(start, stop) if self.kinds[row] in ("header", "content")), default=start)
        after = self._after_comments(last, stop)
        return last if after == stop < len(self.lines) else after

    def place(self) -> int:
        """The line before which a new source goes."""
        sources = self.sources()
        if sources:
            return self.end(sources[-1], self._stop(sources[-1]))
        for row, line in enumerate(self.lines):
            if self.kinds[row] == "comment" and line.startswith(MARKER) and self._between_tables(row):
                return self._after_comments(row, len(self.lines))
        later = [row for row, opened in self.headers.items() if not opened.keys().isdisjoint(LATER)]
        stop = later[0] if later else len(self.lines)
        return self.end(max((row for row in self.headers if row < stop), default=0), stop)

    def extended(self, index: int, keys: str) -> str:
        """The text with lines of keys at the end of a source's own: before its tables and the comments below it."""
        start = self.sources()[index]
        stop = min((row for row in self.headers if row > start), default=len(self.lines))
        last = max(row for row in range(start, stop) if self.kinds[row] in ("header", "content"))
        newline = "\r\n" if self.lines[0].endswith("\r\n") else "\n"
        above = "".join(self.lines[: last + 1])
        above += "" if above.endswith("\n") or not keys else newline
        return above + keys.replace("\n", newline) + "".join(self.lines[last + 1 :])

    def insert(self, table: str, *, at: int) -> str:
        """The text with a table before line ``at``, a blank line before and after it."""
        newline = "\r\n" if self.lines and self.lines[0].endswith("\r\n") else "\n"
        table = table.replace("\n", newline)
        before = newline if at else ""
        if at == len(self.lines) and at and not self.lines[-1].endswith("\n"):
            before, table = newline * 2, table.removesuffix(newline)
        after = newline if at < len(self.lines) and (at == 0 or self.kinds[at] != "blank") else ""
        return "".join([*self.lines[:at], before, table, after, *self.lines[at:]])

    def cut(self, header: int) -> str:
        """The text without the table of this header, the comment that touches it, and one of the blanks around."""
        start, end = header, self.end(header, self._stop(header))
        while start and self.kinds[start - 1] == "comment" and not self.lines[start - 1].startswith(MARKER):
            start -= 1
        if start == 0:
            start = header  # a comment at the top of the file speaks of the file
        at_end = end == len(self.lines)
        if start and self.kinds[start - 1] == "blank" and (at_end or self.kinds[end] == "blank"):
            start -= 1
        elif start == 0 and not at_end and self.kinds[end] == "blank":
            end += 1
        text = "".join(self.lines[:start])
        if at_end and not self.lines[-1].endswith("\n"):
            return text.removesuffix("\n").removesuffix("\r")
        return text + "".join(self.lines[end:])

    def _stop(self, header: int) -> int:
        """The line of the next header that opens no part of this source."""
        own = self.sources()
        rows = (row for row, opened in self.headers.items() if row > header and (row in own or "source" not in opened))
        return next(rows, len(self.lines))

    def _after_comments(self, row: int, stop: int) -> int:
        while row < stop and self.kinds[row] == "comment":
            row += 1
        return row

    def _between_tables(self, row: int) -> bool:
        following = (kind for kind in self.kinds[row:] if kind in ("header", "content"))
        return next(following, "header") == "header"


def _kinds(text: str, *, count: int) -> list[str]:
    """Of each line: header, content (also within an array or string), comment or blank."""
    kinds = ["blank"] * (count + 1)
    row = depth = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token.startswith("#"):
            kinds[row] = "comment" if kinds[row] == "blank" else kinds[row]
            continue
        if token != "\n" and kinds[row] == "blank":
            kinds[row] = "header" if token == "[" else "content"
        depth += (token in ("[", "{")) - (token in ("]", "}"))
        for _ in range(token.count("\n")):
            row += 1
            if depth or token != "\n":
                kinds[row] = "content"
    return kinds[:count]


def _render(table: Mapping[str, Any]) -> str:
    import tomlkit

    return tomlkit.dumps({"source": [table]}).strip("\n") + "\n"


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    text = read_text(path)
    try:
        data = tomllib.loads(text)
    except ValueError as error:
        raise RecipeError(f"not TOML: {error}", file=path) from error
    tables = data.get("source", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise RecipeError("write it as [[source]], one table a source", file=path, key="source")
    return text, data


def _write(path: Path, text: str, *, expected: Mapping[str, Any]) -> None:
    """Check the new text, then put it in the file's place, with the file's mode."""
    try:
        found = tomllib.loads(text)
    except ValueError as error:
        raise _by_hand(path) from error
    if found != expected:
        raise _by_hand(path)
    parse_recipe(text, path=path)
    place = path.resolve()  # a link stays one
    mode = place.stat().st_mode & 0o7777
    with atomic_path(place) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_bytes(text.encode())
        temporary.chmod(mode)


def _by_hand(path: Path) -> RecipeError:
    message = "its sources are not all written as [[source]] tables one after another; edit the file by hand"
    return RecipeError(message, file=path, key="source")
