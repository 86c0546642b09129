"""The part of a page that a reader came for: its main element, without navigation, banners and gutters.

What goes is known by its element, its role, or a word of its class or id. An element that holds the page's main part,
its first heading, or more than half of its text stays whatever it is called. Cost: about a microsecond an element.
"""

import re
from functools import lru_cache

from forge_sources.html.tree import Element

MOST_LOOKED_AT = 24
"""Elements that are looked into before they are dropped; a walk each, so that thousands would take long."""

_DROPPED = frozenset((
    "script", "style", "nav", "footer", "aside", "form", "noscript", "template", "svg", "iframe", "button",
    "select", "canvas", "input", "video", "audio", "object", "embed", "dialog", "map", "textarea", "head", "link",
    "meta",
))  # fmt: skip
_ROLES = frozenset((
    "navigation", "search", "banner", "contentinfo", "complementary", "dialog", "alertdialog", "menu", "menubar",
    "toolbar",
))  # fmt: skip
_KEPT = frozenset(("html", "body", "main", "article", "h1", "pre", "code", "td", "th", "dl", "dt", "dd", "table", "tr"))
_WORDS = re.compile(
    r"(nav|navbar|navigation|navheader|navfooter|navlinks?|nav-?(top|bottom|menu|links?)|(side|top|bottom|mobile)-?nav"
    r"|sidebar|sphinxsidebar\w*|side-?bar|site-?(header|footer|nav)|page-?(header-?nav|footer|nav)|footer|breadcrumbs?"
    r"|cookies?|cookie-?(banner|bar|notice|consent)|consent|gdpr|announcement(-?bar)?|skip-?(link|to-?content|nav)"
    r"|edit-?(this-?)?(page|link|on-?github|meta\w*)|editlink|headerlink|header-?link|permalink|viewcode-(link|back)"
    r"|anchor-?(link|js-link)|hash-?link|heading-anchor|prev-?next(-\w+)*|rellinks|pagination(-\w+)*|pager|related"
    r"|search-?(box|form|bar|input)?|searchbox|inline-search|toc|table-of-contents|toctree-?nav|on-?this-?page|local-?toc"
    r"|menu|menu-wrapper|copy-?(button|btn|code-button)|copybtn|btn|linenos|linenodiv|line-?numbers?|lineno(-\w+)*|gutter"
    r"|hljs-ln-numbers|blob-num|feedback|helpful|was-this-\w+|share|social(-\w+)*|newsletter|subscribe|advert(isement)?"
    r"|ads?|ethical-\w+|version(-|_)?(switcher|warning|picker)\w*|(language|version)_switcher\w*|sourcelink|show-source"
    r"|sr-only|visually-?hidden|screen-?reader-?text|indexterm|theme-toggle|back-?to-?top|print-?hide|d-print-none"
    r"|this-page-menu|last-?updated|doc-?footer|docs?-?sidebar)",
    re.IGNORECASE,
)
_PREFIXES = re.compile(r"^(theme|md|wy|rst|bd|vp|docusaurus|gatsby|mdx|td|docs?|js|c|l|o)-{1,2}", re.IGNORECASE)
_MAIN = (
    "//main",
    "//*[@role='main']",
    "//article",
    "//*[@id='main-content' or @id='docs-content' or @id='content' or @id='main']",
    "//div[contains(concat(' ', @class, ' '), ' document ')]//div[contains(concat(' ', @class, ' '), ' body ')]",
)


def clean(root: Element) -> Element:
    """Take what is no content out of the tree, in place, and return the main element.

    The main element is the first ``main``, ``role=main``, only ``article`` or element named content that holds more
    than a tenth of the page's text; the body otherwise.
    """
    body = root.find("body")
    body = root if body is None else body
    total = _length(body)
    looked_at = 0
    for element in [found for found in body.iter() if _is_suspect(found)]:
        may_hold = element.tag not in _DROPPED and len(element) > 0 and looked_at < MOST_LOOKED_AT
        looked_at += may_hold
        if not (may_hold and _holds_content(element, total)):
            _drop(element)
    return _main(body)


def _is_suspect(element: Element) -> bool:
    tag = element.tag
    if not isinstance(tag, str) or tag in _DROPPED:
        return True
    attributes = element.attrib
    if tag == "header" and not _in_article(element):
        return True
    if attributes.get("role") in _ROLES or "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return tag not in _KEPT
    named = attributes.get("class", ""), attributes.get("id", "")
    return any(named) and _is_named_chrome(element, *named)


def _is_named_chrome(element: Element, classes: str, name: str) -> bool:
    """Whether class or id say so; within code, whose words have classes of their own, those of gutters alone."""
    if element.tag in _KEPT:
        return element.tag in ("td", "th", "table") and _is_gutter(classes)
    return _is_chrome(classes, name) and (_is_gutter(classes) or next(element.iterancestors("pre"), None) is None)


@lru_cache(maxsize=4096)
def _is_chrome(classes: str, name: str) -> bool:
    """Whether a class or id says that this is not content."""
    tokens = [*classes.split()[:20], name]
    return any(_WORDS.fullmatch(token) or _WORDS.fullmatch(_PREFIXES.sub("", token)) for token in tokens if token)


@lru_cache(maxsize=1024)
def _is_gutter(classes: str) -> bool:
    return any(word in ("linenos", "gutter", "blob-num", "hljs-ln-numbers", "lineno") for word in classes.split())


def _in_article(element: Element) -> bool:
    return any(parent.tag in ("main", "article", "section") for parent in element.iterancestors())


def _holds_content(element: Element, total: int) -> bool:
    if element.tag in ("td", "th", "a", "span"):
        return False
    if next(element.iter("main", "article"), None) is not None or element.find(".//*[@role='main']") is not None:
        return True
    return _length(element) * 2 > total and next(element.iter("h1", "h2"), None) is not None


def _length(element: Element) -> int:
    return sum(len(text) for text in element.itertext())


def _drop(element: Element) -> None:
    """Remove an element and keep the text after it."""
    parent = element.getparent()
    if parent is None:
        return
    tail = element.tail
    if tail:
        before = element.getprevious()
        if before is None:
            parent.text = (parent.text or "") + tail
        else:
            before.tail = (before.tail or "") + tail
    parent.remove(element)


def _main(body: Element) -> Element:
    total = _length(body)
    for path in _MAIN:
        found = body.xpath("." + path)
        if found and (path != "//article" or len(found) == 1) and _length(found[0]) * 10 > total:
            return found[0]
    return body
