"""Descriptions as specifications hold them (HTML, a little Markdown, entities) reduced to plain text.

Specifications describe parameters by the hundred thousand, so this is a handful of regular expressions behind a test
for the characters that could matter: 0.3 microseconds where there is no markup, some 10 where there is. A parser that
builds a tree costs a hundred times that. Only names that are HTML (or the AWS models' own) count as tags: a placeholder
such as ``<bucket>`` stays.
"""

import html
import re

RAW_LIMIT = 20_000
"""Characters of a raw text that are looked at; what lies beyond is left out before any expression runs."""

_BLOCK = (
    "p|div|br|hr|ul|ol|dl|dt|dd|table|thead|tbody|tfoot|tr|caption|h[1-6]|pre|blockquote|section|article|header|footer"
    "|aside|main|figure|figcaption|details|summary|center|form|fieldset|note|important|caution|warning|fullname|title"
    "|simplesect|simpara|para|itemizedlist|programlisting|variablelist|varlistentry"
)
_INLINE = (
    "a|b|i|u|s|q|em|strong|code|span|tt|sup|sub|small|big|font|img|abbr|acronym|cite|del|ins|dfn|kbd|samp|var|mark"
    "|label|strike|wbr|colgroup|col|html|body|head|meta|link|svg|iframe|button|ulink|literal|replaceable|userinput"
    "|function|parameter|inlinemediaobject|imageobject|imagedata"
)
_UNSEEN_TAG = re.compile(r"<(script|style)\b[^<>]*>.{0,5000}?</\1\s*>|<!--.{0,2000}?-->", re.IGNORECASE | re.DOTALL)
_ITEM_TAG = re.compile(r"<(?:li|listitem)(?:\s[^<>]*)?>\s*(?:<(?:p|para|simpara)(?:\s[^<>]*)?>\s*)?", re.IGNORECASE)
_CELL_TAG = re.compile(r"</?(?:td|th)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK}|li|listitem)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,600}(?:\s\"[^\"]{0,200}\")?\)")
_BOLD = re.compile(r"(?<!\w)\*\*(?=[^\s*])([^*\n]{1,300})(?<=\S)\*\*(?!\w)")
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[\n ]*")
_SENTENCE = re.compile(r"[.!?](?=\s)")
_ENDS = ".!?:;"


def plain(text: str) -> str:
    """``text`` without tags, entities, Markdown links and bold; blanks are squeezed, line breaks kept."""
    text = text[:RAW_LIMIT]
    if "<" in text:
        text = _without_tags(text)
    if "&" in text:
        text = html.unescape(text)
    if "](" in text:
        text = _LINK.sub(r"\1", text)
    if "**" in text:
        text = _BOLD.sub(r"\1", text)
    if "  " in text or not text.isprintable():
        text = _LINES.sub("\n", _BLANKS.sub(" ", text.replace("\x00", "")))
    return text.strip()


def _without_tags(text: str) -> str:
    if "<!" in text or "<s" in text or "<S" in text:
        text = _UNSEEN_TAG.sub(" ", text)
    text = _ITEM_TAG.sub("\n- ", text)
    text = _CELL_TAG.sub(" ", text)
    text = _BLOCK_TAG.sub("\n", text)
    return _INLINE_TAG.sub("", text)


def clip(text: str, limit: int) -> str:
    """At most ``limit`` characters of ``text``, cut after a sentence if that keeps half of it, else after a word."""
    if len(text) <= limit:
        return text
    head = text[:limit]
    sentences = [match.end() for match in _SENTENCE.finditer(head)]
    if sentences and sentences[-1] * 2 >= limit:
        return head[: sentences[-1]].rstrip()
    words = head[: limit - 1].rpartition(" ")[0] or head[: limit - 1]
    return words.rstrip(" ,;:-\n") + "…"


def lead_with(summary: str, description: str) -> str:
    """``description``, with ``summary`` as its first line where that says something of its own."""
    if not summary or not description:
        return description or summary
    bare = summary.rstrip(_ENDS).casefold()
    if description[: len(bare) + 200].casefold().find(bare) != -1:
        return description
    if summary.casefold().startswith(description.rstrip(_ENDS).casefold()):
        return summary
    return f"{summary}{'' if summary[-1] in _ENDS else '.'}\n{description}"
