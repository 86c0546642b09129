"""A kept page as records: the page's text as a `Document`, and an `ApiRecord` for each operation that it documents.

Cost: 10 to 20 ms of CPU a page of documentation, most of it for long ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from forge.records import ApiRecord, Document, Domain, Reject, stable_id
from forge_sources.harvest import Page
from forge_sources.html.found import FoundApi
from forge_sources.html.page import PageFacts
from forge_sources.html.tree import Element


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRules:
    """How pages become records.

    Attributes:
        source: the plugin's name. domain: of the documents. apis: whether operations are looked for.
        provider: of the operations; empty: the host that a page names for them, or its own. service: likewise, where
            the page names none.
    """

    source: str
    domain: Domain
    apis: bool = True
    provider: str = ""
    service: str = ""


def page_records(page: Page, address: str, rules: PageRules) -> Iterator[ApiRecord | Document | Reject]:
    """The operations of a page, then its text; a page that cannot be read is a `Reject`."""
    from forge_sources.html import main as html_main
    from forge_sources.html import page as html_page
    from forge_sources.html import text as html_text
    from forge_sources.html import tree as html_tree

    try:
        root = html_tree.parse(page.body, str(page.facts.get("type", "")))
    except html_tree.UnreadableHtml as error:
        yield Reject(locator=address, reason=str(error))
        return
    about = html_page.facts_of(root, address)
    main = html_main.clean(root)
    found = 0
    if rules.apis:
        for api in _operations(main):
            found += 1
            yield _api(api, address, about, rules=rules, date=page.facts.get("date"))
    text = html_text.text_of(main)
    if text:
        kind = "api_doc" if found else "web"
        yield _document(text, address, about, rules=rules, kind=kind)


def _operations(main: Element) -> Iterator[FoundApi]:
    from forge_sources.html.docbook import find_docbook
    from forge_sources.html.endpoints import find_endpoints
    from forge_sources.html.sphinx import find_sphinx

    yield from find_sphinx(main)
    yield from find_docbook(main)
    yield from find_endpoints(main)


def _document(text: str, address: str, about: PageFacts, *, rules: PageRules, kind: str) -> Document:
    meta = {"title": about.title, "language": about.language, "license_evidence": about.license_evidence}
    return Document(
        id=stable_id(rules.source, address),
        domain=rules.domain,
        kind=kind,
        text=text,
        source=rules.source,
        url=address,
        license=about.license,
        meta={name: value for name, value in meta.items() if value},
    )


def _api(api: FoundApi, address: str, about: PageFacts, *, rules: PageRules, date: str | None) -> ApiRecord:
    return ApiRecord(
        provider=rules.provider or api.provider or urlsplit(address).hostname or "",
        service=api.service or rules.service,
        name=api.name,
        kind=api.kind,
        method=api.method,
        path=api.path,
        description=api.description,
        parameters=api.parameters,
        returns=api.returns,
        errors=list(api.errors),
        license=about.license,
        license_evidence=about.license_evidence,
        deprecated=api.deprecated,
        meta=api.meta,
        source=rules.source,
        url=f"{address}#{quote(api.anchor)}" if api.anchor else address,
        retrieved_at=date,
    )
