"""Text in blocks, each begun by a marker at the beginning of a line, written so that it can be read back exactly.

A line of a block's own text that would be taken for a marker gets a backslash before it, and one that has backslashes
already gets one more; reading takes one off. Markers are plain words: no token that a base model has not seen.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block: its kind and its text."""

    kind: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Markers:
    """What stands before the blocks of each kind, and after them.

    Attributes:
        before: by kind; ``{n}`` in it counts the blocks of that kind from 1.
        after: by kind; nothing where a kind is not named.
        between: parts the blocks.
    """

    before: Mapping[str, str]
    after: Mapping[str, str]
    between: str = "\n"

    def write(self, blocks: Iterable[Block]) -> str:
        """The text of the blocks."""
        counts: dict[str, int] = {}
        parts = []
        for block in blocks:
            counts[block.kind] = counts.get(block.kind, 0) + 1
            marker = self.before[block.kind].replace("{n}", str(counts[block.kind]))
            parts.append(f"{marker}{self._escaped(block.text)}{self.after.get(block.kind, '')}")
        return self.between.join(parts)

    def read(self, text: str) -> list[Block]:
        """The blocks that `write` made ``text`` from.

        Raises:
            ValueError: it does not begin with a marker.
        """
        found = list(self._pattern.finditer(text))
        if text and (not found or found[0].start() != 0):
            raise ValueError(f"no marker at the beginning: {text[:60]!r}")
        blocks = []
        for match, after in zip(found, [*found[1:], None], strict=True):
            end = len(text) if after is None else after.start() - len(self.between)
            kind = self._kinds[int(match.lastgroup[1:])] if match.lastgroup else ""
            body = text[match.end() : end].removesuffix(self.after.get(kind, ""))
            blocks.append(Block(kind=kind, text=self._escape.sub(r"\1", body)))
        return blocks

    @cached_property
    def _kinds(self) -> Sequence[str]:
        # The longest first: a marker may begin as another does.
        return sorted(self.before, key=lambda kind: -len(self.before[kind]))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        ways = [f"(?P<k{index}>{_regex(self.before[kind])})" for index, kind in enumerate(self._kinds)]
        return re.compile(f"^(?:{'|'.join(ways)})", re.MULTILINE)

    @cached_property
    def _escape(self) -> re.Pattern[str]:
        """A line that was escaped: one backslash more than it had."""
        return re.compile(rf"^\\(\\*(?:{self._marks}))", re.MULTILINE)

    @cached_property
    def _plain(self) -> re.Pattern[str]:
        return re.compile(rf"^(\\*(?:{self._marks}))", re.MULTILINE)

    @property
    def _marks(self) -> str:
        """What a line begins with to be taken for a marker: the marker's first line, without the blank at its end."""
        return "|".join(_regex(self.before[kind].partition("\n")[0].rstrip(" ")) for kind in self._kinds)

    def _escaped(self, text: str) -> str:
        return self._plain.sub(r"\\\1", text)


def _regex(marker: str) -> str:
    return re.escape(marker).replace(re.escape("{n}"), r"\d+")
