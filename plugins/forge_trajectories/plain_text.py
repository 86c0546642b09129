"""Text in bounds: cleaning, clipping, wrapping, and honest shortening of lists. A few microseconds a call."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

ELLIPSIS = "…"

# Control characters and lone surrogates: neither Arrow nor a tokenizer has a use for them.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")

# A sentence that ends where another wish should follow: "send a message and, independently.", "... and?".
# Both begin with plain letters, which is what makes a search fast.
_DANGLING = re.compile(
    r"and(?<!\wand)"
    r"(?:,? independently,? *(?:[.?!:;(\n]|$|(?:with|using|where)\b)|(?: then)? *(?:[.?!](?!\w)|$))"
)
_DANGLING_THEN = re.compile(r", then *(?:[.?!](?!\w)|$)")


def fit_for_arrow(text: str) -> str:
    """``text`` with every control character and lone surrogate replaced by a blank; its length stays."""
    return _UNFIT.sub(" ", text)


def as_text(value: object) -> str:
    """``value`` if it is a string, else nothing: records come from the wild."""
    return value if isinstance(value, str) else ""


def one_line(value: object) -> str:
    """A string with every run of blanks and line ends as one blank; nothing for what is no string."""
    return " ".join(value.split()) if isinstance(value, str) else ""


def clip(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` characters: cut after a sentence where one ends late enough, else after a word."""
    if len(text) <= limit:
        return text
    head = text[: max(limit - 2, 0)]
    sentence = max(head.rfind(". "), head.rfind(".\n"), head.rfind("\n"))
    if sentence >= limit // 2:
        return f"{head[: sentence + 1].rstrip()} {ELLIPSIS}"
    word = head.rfind(" ")
    return f"{head[:word] if word >= limit // 2 else head[: max(limit - 1, 0)]}{ELLIPSIS}"[:limit]


def first_sentence(text: str, limit: int = 200) -> str:
    """The first sentence of ``text``, on one line, without its full stop, clipped to ``limit`` characters."""
    head = one_line(text.lstrip().partition("\n")[0])
    end = head.find(". ")
    while end >= 0 and head[:end].endswith(("e.g", "i.e", "etc", "vs", "No", " Inc")):
        end = head.find(". ", end + 1)
    return clip(head[:end] if end > 0 else head, limit).rstrip(". ")


def dangling(text: str) -> str:
    """The end of a sentence that announces something and breaks off there: ``and, independently.``; empty if none."""
    found = _DANGLING.search(text) or _DANGLING_THEN.search(text)
    return text[max(found.start() - 30, 0) : found.end()] if found else ""


def words(name: str) -> list[str]:
    """The words of an identifier: ``get_userName2`` gives get, user, Name, 2."""
    return _WORD.findall(name)


def wrap(text: str, *, width: int, indent: str = "", first: str | None = None) -> str:
    """``text`` in lines of at most ``width`` characters where its words allow, paragraphs kept.

    Args:
        text: what to wrap.
        width: characters a line, its indent included.
        indent: what every line begins with.
        first: what the first line begins with instead.
    """
    lines: list[str] = []
    lead = indent if first is None else first
    for paragraph in text.split("\n"):
        rest = paragraph.strip()
        while len(lead) + len(rest) > width:
            cut = rest.rfind(" ", 0, max(width - len(lead), 1) + 1)
            if cut <= 0:
                break
            lines.append(lead + rest[:cut])
            rest, lead = rest[cut + 1 :], indent
        lines.append((lead + rest).rstrip())
        lead = indent
    return "\n".join(lines)


def bounded(lines: Sequence[str], *, room: int, more: str = "... and {} more") -> list[str]:
    """As many of ``lines`` as ``room`` characters hold; the last line says how many were left out.

    ``more`` is that last line, with ``{}`` for the number.
    """
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < (len(more) + 4 if len(kept) + 1 < len(lines) else 0):
            break
        kept.append(line)
    left = len(lines) - len(kept)
    return [*kept, more.format(left)] if left else kept


def listed(items: Sequence[str], *, last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def compact_json(value: object) -> str:
    """JSON on one line with a blank after commas and colons, characters beyond ASCII as they are."""
    return json.dumps(value, ensure_ascii=False, default=_plain, skipkeys=True)


def indented_json(value: object) -> str:
    """JSON over several lines, indented by two."""
    return json.dumps(value, ensure_ascii=False, default=_plain, skipkeys=True, indent=2)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Iterable) else str(value)
