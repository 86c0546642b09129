"""What a page says of itself: title, language, address, whether robots may use it, its links, its licence.

A licence counts where it is stated for the page: a ``rel=license`` link, a meta element, a sentence in the footer that
maps to an SPDX expression without doubt. Its words are kept as the evidence. Cost: a few milliseconds a page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from forge.records import UNKNOWN_LICENSE
from forge_sources.crawling.urls import canonical, host_of
from forge_sources.html.text import inline
from forge_sources.html.tree import Element, words
from forge_sources.licenses import spdx

MOST_LINKS = 20_000
_STATED = re.compile(
    r"[^.\n]{0,160}\b(?:licen[cs]ed|available|released|distributed|made available|provided|published)\s+under\s+"
    r"(?:the\s+|an?\s+)?(?:terms of (?:the\s+)?)?(?P<name>(?:[^.\n]|\.(?=\d)){3,140})",
    re.IGNORECASE,
)
_MORE_NAMES: tuple[tuple[str, str], ...] = (
    (r"python software foundation licen[cs]e,? v(ersion )?\.? ?2|\bpsf-2\.0\b", "PSF-2.0"),
    (r"zero[- ]clause bsd|\b0bsd\b", "0BSD"),
    (r"creative commons attribution[- ]sharealike 4\.0|creative commons attribution-share ?alike 4\.0", "CC-BY-SA-4.0"),
    (r"creative commons attribution 4\.0", "CC-BY-4.0"),
    (r"gnu free documentation licen[cs]e,? v(ersion )?1\.3|\bgfdl[- ]1\.3", "GFDL-1.3-only"),
)
_MORE = tuple((re.compile(pattern, re.IGNORECASE), name) for pattern, name in _MORE_NAMES)
_META_LICENSE = ("license", "licence", "dcterms.license", "dc.rights", "dcterms.rights", "rights", "copyright")
_FOOTERS = (
    "//footer | //*[@role='contentinfo'] | //*[contains(concat(' ', @class, ' '), ' footer ')] | //*[@id='footer']"
)
_TITLE_TAIL = re.compile(r"\s+[|\u2014\u2013\u00b7»:-]\s+[^|\u2014\u2013\u00b7»]{2,80}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """Attributes: canonical: the address that the page claims on its own host; None if it claims none. links: addresses
    in their order, each once. license: SPDX expression or ``unknown``, with ``license_evidence``: place and words."""

    title: str
    language: str
    canonical: str | None
    noindex: bool
    nofollow: bool
    license: str
    license_evidence: str


def facts_of(root: Element, url: str, *, robots_header: str = "") -> PageFacts:
    """Read a whole page, before anything is taken out of it.

    Args:
        url: where it was found. robots_header: its ``X-Robots-Tag``.
    """
    robots = {word for value in [robots_header, *_robots(root)] for word in re.split(r"[\s,:]+", value.lower())}
    license_, evidence = _license(root)
    return PageFacts(
        title=_title(root),
        language=(root.get("lang") or "")[:20],
        canonical=_claimed(root, url),
        noindex=bool(robots & {"noindex", "none"}),
        nofollow=bool(robots & {"nofollow", "none"}),
        license=license_,
        license_evidence=evidence,
    )


def links_of(root: Element, url: str) -> list[str]:
    """Canonical addresses of the page's links, in their order, each once; those marked ``nofollow`` left out."""
    base_tag = root.find(".//base[@href]")
    base = canonical(base_tag.get("href"), url) or url if base_tag is not None else url
    found: dict[str, None] = {}
    for link in root.iter("a", "area"):
        href = link.get("href")
        if not href or href.startswith("#") or "nofollow" in (link.get("rel") or "").lower():
            continue
        address = canonical(href, base)
        found[address or f"{href.partition(':')[0][:20].lower()}:"] = None
        if len(found) >= MOST_LINKS:
            break
    return list(found)


def _robots(root: Element) -> Iterator[str]:
    for meta in root.iter("meta"):
        if (meta.get("name") or "").lower() in ("robots", "hephaestus-forge"):
            yield meta.get("content") or ""


def _title(root: Element) -> str:
    """The first heading, or the title without the site's name."""
    heading = next((text for element in root.iter("h1") if (text := inline(element))), "")
    if 0 < len(heading) <= 200:
        return heading
    title = root.find(".//title")
    text = words(title) if title is not None else ""
    return (_TITLE_TAIL.sub("", text) or text)[:300]


def _claimed(root: Element, url: str) -> str | None:
    """``rel=canonical`` on the page's own host; one that sends every page to the site's root is a mistake."""
    for link in root.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split():
            address = canonical(link.get("href") or "", url)
            if address is None or host_of(address) != host_of(url):
                return None
            return None if address.endswith(host_of(address) + "/") and address != url else address
    return None


def _license(root: Element) -> tuple[str, str]:
    """The SPDX expression and the words that it rests on."""
    for element in root.iter("a", "link"):
        if "license" in (element.get("rel") or "").lower().split():
            stated, href = words(element)[:200], element.get("href") or ""
            known = _spdx(stated, href)
            if known != UNKNOWN_LICENSE:
                return known, f"rel=license: {stated} {href}".strip()
    for meta in root.iter("meta"):
        if (meta.get("name") or meta.get("property") or "").lower() in _META_LICENSE:
            stated = (meta.get("content") or "")[:300]
            known = _spdx(stated, stated if "://" in stated else "")
            if known != UNKNOWN_LICENSE:
                return known, f"meta {meta.get('name') or meta.get('property')}: {stated}"
    for footer in root.xpath(_FOOTERS)[:20]:
        match = _STATED.search(inline(footer)[:5_000])
        known = _spdx(match["name"], "") if match else UNKNOWN_LICENSE
        if match and known != UNKNOWN_LICENSE:
            return known, f"footer: {match[0].strip()}"
    return UNKNOWN_LICENSE, ""


def _spdx(name: str, url: str) -> str:
    known = spdx({"name": name, "url": url})
    if known != UNKNOWN_LICENSE:
        return known
    return next((expression for pattern, expression in _MORE if pattern.search(name)), UNKNOWN_LICENSE)
