"""The text of Ansible's documentation: its own markup reduced to plain text.

``C(x)``, ``I(x)``, ``B(x)``, ``O(x)``, ``V(x)`` and their kin become ``x``; a link becomes its text and address. Cost:
one regular expression where there is a bracket.

Source: Ansible's documentation of its documentation markup (classic and semantic).
"""

import re
from typing import Any

MOST_PARAGRAPHS = 40

_CLASSIC = re.compile(r"\b(?:[BICMU])\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_SEMANTIC = re.compile(r"\b(O|V|E|RV|P)\(((?:\\.|[^\\)]){1,500})\)")
_LINK = re.compile(r"\bL\(([^()]{1,300}),\s*([^()\s]{1,500})\)")
_REFERENCE = re.compile(r"\bR\(([^()]{1,300}),\s*[^()]{1,300}\)")
_ESCAPED = re.compile(r"\\(.)")


def text_of(raw: Any) -> str:
    """``raw``, a text or a list of paragraphs, as plain text with a line a paragraph; anything else is nothing."""
    if isinstance(raw, list):
        return "\n".join(text for item in raw[:MOST_PARAGRAPHS] if (text := text_of(item)))
    if isinstance(raw, bool) or raw is None:
        return ""
    if isinstance(raw, (int, float)):
        return str(raw)
    return _unmarked(raw.strip()) if isinstance(raw, str) else ""


def _unmarked(text: str) -> str:
    if "(" in text:
        if "L(" in text:
            text = _LINK.sub(r"\1 (\2)", text)
        if "R(" in text:
            text = _REFERENCE.sub(r"\1", text)
        text = _SEMANTIC.sub(_semantic, text)
        text = _CLASSIC.sub(r"\1", text)
    return text.replace("HORIZONTALLINE", "")


def _semantic(match: "re.Match[str]") -> str:
    """What a semantic mark shows: an option or return value without the plugin it belongs to."""
    kind, inner = match[1], _ESCAPED.sub(r"\1", match[2])
    if kind in ("O", "RV"):
        inner = inner.rpartition(":")[2] if "#" in inner.partition("=")[0] else inner
        return inner.replace("[]", "")
    return inner.partition("#")[0] if kind == "P" else inner
