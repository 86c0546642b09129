"""Texts that stand in documentation where a value is to be put in: ``{{accountId}}``, ``<your key>``, ``string``.

Some microseconds a text.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_MARKED = re.compile(
    r"\{\{|\}\}|<[\w .:/-]+>|^\$?\{[\w .:-]*\}$|^\[[A-Za-z_ .-]+\]$|(?:x|X){5,}|^x{3,}$|\*{4,}"
    r"|\b(?:your|insert|enter|replace)[-_ ](?:\w+[-_ ])?(?:api|access|client|auth|app|user|account|secret|project|key"
    r"|token|id|name|value|username|password|domain|company|credential|tenant|organi[sz]ation|merchant|member)",
    re.IGNORECASE,
)
_BARE = re.compile(r"string|str|text|value|\.{3}|…|null|undefined|n/a|todo|tbd", re.IGNORECASE)


def is_marked(text: str) -> bool:
    """Whether a text says that another is to be put in its place: ``{{id}}``, ``<id>``, ``YOUR_API_KEY``."""
    return _MARKED.search(text) is not None


def is_placeholder(text: str) -> bool:
    """Whether a documented text is marked so, or is no more than the name of a type."""
    return _BARE.fullmatch(text) is not None or is_marked(text)


def is_its_name(value: Any, name: str) -> bool:
    """Whether a documented value is no more than its own name: ``resource-group-name``, ``{resourceGroupName}``."""
    return isinstance(value, str) and _letters(value) == _letters(name) != ""


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def has_placeholder(value: Any) -> bool:
    """Whether there is one in a JSON value."""
    return any(is_placeholder(text) for text in texts_in(value))


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value, the keys of objects left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts_in(item)
