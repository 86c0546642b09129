"""Forms as clients send them, in a body or as a query: fields in order, some of which are parts of one value.

``tag=1&tag=2`` and ``tag[]=1`` are lists; ``filter[name]=x`` and AWS's ``Filter.1.Name=x`` are values with parts. Some
2 microseconds a field.
"""

import re
from collections.abc import Container, Iterable, Sequence
from typing import Any
from urllib.parse import parse_qsl

MAX_STEPS = 12
"""Parts of a name; a longer one is a name as it stands."""
_STEPS = re.compile(r"[.\[\]]+")
_BOUNDARY = re.compile(r'boundary="?([^";]{1,70})', re.IGNORECASE)
_PART_NAME = re.compile(rb'\bname="([^"]*)"')


class Form(dict[str, str]):
    """The fields of a form: the last of each name, and all as ``pairs``."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def form_of(content_type: str, body: bytes) -> Form | None:
    """The form that a body is by its type; None if it is none. Of a file in it the text is taken.

    Raises:
        ValueError: it is no UTF-8.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return Form(parse_qsl(body.decode("utf-8"), keep_blank_values=True))
    boundary = _BOUNDARY.search(content_type) if kind == "multipart/form-data" else None
    if boundary is None:
        return None
    pairs = []
    for part in body.split(b"--" + boundary[1].encode("latin-1", errors="replace"))[1:]:
        head, _, value = part.partition(b"\r\n\r\n")
        if named := _PART_NAME.search(head):
            text = value.removesuffix(b"\r\n").decode("utf-8", errors="replace")
            pairs.append((named[1].decode("utf-8", errors="replace"), text))
    return Form(pairs)


def gathered(pairs: Iterable[tuple[str, str]], known: Container[str]) -> dict[str, Any]:
    """The fields by name: a list of texts, or a value with parts if its first name is known and the whole is not."""
    found: dict[str, Any] = {}
    for name, text in pairs:
        plain = name if name in known else name.removesuffix("[]")
        steps = [step for step in _STEPS.split(plain) if step] if plain not in known else []
        if 1 < len(steps) <= MAX_STEPS and steps[0] in known:
            held = found.setdefault(steps[0], {})
            if isinstance(held, dict):
                _put(held, steps[1:], text)
        else:
            held = found.setdefault(plain, [])
            if isinstance(held, list):
                held.append(text)
    return {name: _listed(value) for name, value in found.items()}


def _put(into: dict[str, Any], steps: Sequence[str], text: str) -> None:
    for step in steps[:-1]:
        held = into.setdefault(step, {})
        if not isinstance(held, dict):
            return
        into = held
    into[steps[-1]] = text


def _listed(value: Any) -> Any:
    """Parts that are numbered as a list; AWS puts ``member`` before the numbers."""
    if not isinstance(value, dict):
        return value
    inside = {name: _listed(item) for name, item in value.items()}
    if list(inside) == ["member"] and isinstance(inside["member"], list):
        return inside["member"]
    if inside and all(name.isascii() and name.isdigit() and len(name) < 10 for name in inside):
        return [inside[name] for name in sorted(inside, key=int)]
    return inside
