"""What is shown beside a record, and text made safe for a terminal."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a record came from, once."""

    source: str
    url: str | None
    version: str | None
    retrieved_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A record's history at one source; dates are ISO 8601, None is before a history was kept."""

    source: str
    first_seen: str | None
    since: str | None
    gone_at: str | None
    versions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A record, and what is known around it."""

    record: Any
    sources: Sequence[Source] = ()
    history: Sequence[Seen] = ()


def clean(text: str) -> str:
    """Without control characters: a description must not move the cursor or colour the screen. Keeps line breaks."""
    return "".join(sign for sign in text if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cf"))


def one_line(text: str, *, most: int) -> str:
    """On one line, cut at a word's end before ``most`` characters."""
    line = " ".join(clean(text.replace("\t", " ").replace("\n", " ")).split())
    if len(line) <= most:
        return line
    return line[: most - 1].rsplit(" ", 1)[0].rstrip(",;:") + "\N{HORIZONTAL ELLIPSIS}"
