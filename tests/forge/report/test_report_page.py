import dataclasses
import re
from html.parser import HTMLParser

import pytest

from forge.catalog import CatalogCounts
from forge.manifest import Manifest
from forge.report import FilterRow, ReportData, render_report, view
from forge.sections import Table


class Page(HTMLParser):
    """Tags with their attributes, and the text that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def page(data: ReportData) -> Page:
    return Page(render_report(data))


def test_equal_data_give_equal_pages(data: ReportData) -> None:
    assert render_report(data) == render_report(dataclasses.replace(data))


def test_title_holds_the_totals(data: ReportData) -> None:
    assert "<title>quickstart: 1.23 M tokens, 4,321 documents</title>" in render_report(data)


@pytest.mark.parametrize(
    "expected",
    [
        "1,234,567 tokens in 4,321 documents",
        "84,911 distinct documented APIs",
        "one row per operation identity",
        "text 617,284 50.00 % 50.00 % 0.00 pp",
        "of the tokens come from material that states no licence",
        "too short 100",
        "79 left aside: kept by every filter, not needed for the ratio",
        "(0.02 %) 14",
        "4485fc875f26b0f1dd3cad9bc2e628e3",
        "3 shards, with sizes and hashes",
        "forge-sources hephaestus-forge 0.1.0",
        "Training loss of stage II",
    ],
)
def test_shows(page: Page, expected: str) -> None:
    assert expected in page.text


def test_every_file_is_listed_with_its_hash(page: Page, manifest: Manifest) -> None:
    entries = [entry for shard in manifest.shards for entry in shard.files]
    for entry in [*entries, manifest.tokenizer.file, *manifest.extra_files]:
        assert f"{entry.path} 4.00 MB {entry.sha256}" in page.text


def test_asks_the_network_for_nothing(page: Page) -> None:
    fetching = {"script", "img", "link", "iframe", "object", "embed", "video", "audio", "source", "form", "base"}
    assert not fetching & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        for name in ("src", "srcset", "href", "xlink:href", "data", "action", "poster"):
            assert (attributes.get(name) or "#").startswith("#")
        assert not [name for name in attributes if name.startswith("on")]


def test_style_asks_the_network_for_nothing(data: ReportData) -> None:
    style = re.search(r"<style>(.*)</style>", render_report(data), re.DOTALL)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_policy_comes_before_anything_it_governs(page: Page) -> None:
    names = [tag for tag, _ in page.tags]
    policy = next(i for i, (_, at) in enumerate(page.tags) if at.get("http-equiv") == "Content-Security-Policy")
    assert policy < names.index("style")
    assert "default-src 'none'" in (page.tags[policy][1]["content"] or "")


def test_hostile_names_are_shown_as_text(page: Page) -> None:
    assert '<script>alert("x")</script>' in page.text


def test_tables_have_captions_and_pictures_have_names(page: Page) -> None:
    names = [tag for tag, _ in page.tags]
    assert names.count("table") == names.count("caption") > 5
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert len(pictures) == 2
    assert all(picture["role"] == "img" and picture["aria-labelledby"] in ids for picture in pictures)


def test_unknown_licence_stands_out(page: Page) -> None:
    assert len([tag for tag, attributes in page.tags if tag == "tr" and attributes.get("class") == "warn"]) == 2


def test_no_warning_where_every_licence_is_known(data: ReportData, manifest: Manifest) -> None:
    known = dataclasses.replace(manifest, licences=manifest.licences[:1])
    text = Page(render_report(dataclasses.replace(data, manifest=known))).text
    assert "states no licence" not in text


def test_a_bare_manifest_is_enough(manifest: Manifest) -> None:
    text = Page(render_report(ReportData(manifest=manifest))).text
    assert "No training run was found" in text
    assert "forge-trainer run plan.toml" in text
    assert "Collection" not in text
    assert "too short 120" in text


def test_names_beyond_the_first_dozen_are_folded_not_lost(data: ReportData, manifest: Manifest) -> None:
    many = [dataclasses.replace(manifest.sources[0], name=f"source-{number:02d}") for number in range(40)]
    text = Page(render_report(dataclasses.replace(data, manifest=dataclasses.replace(manifest, sources=many)))).text
    assert "28 more" in text
    assert all(f"source-{number:02d}" in text for number in range(40))


def test_what_no_list_names_is_summed_up(data: ReportData, catalog: CatalogCounts) -> None:
    others = catalog.distinct_documented - sum(catalog.by_provider.values())
    assert f"all others {others:,}" in Page(render_report(data)).text


def test_domain_asked_for_and_absent_has_its_row(data: ReportData, manifest: Manifest) -> None:
    mixed = dataclasses.replace(manifest, mix={"text": 1.0, "agent": 1.0, "speech": 2.0})
    rows = view.domain_rows(dataclasses.replace(data, manifest=mixed, available={}))
    assert [row.name for row in rows] == ["agent", "code", "text", "speech"]
    assert rows[-1].tokens == 0
    assert rows[-1].off == -50.0
    assert rows[1].asked == 0.0


def test_domain_that_is_neither_wanted_nor_there_has_no_row(data: ReportData, manifest: Manifest) -> None:
    only = dataclasses.replace(manifest, mix={"agent": 1.0, "code": 0.0, "text": 0.0}, domains=manifest.domains[:1])
    bare = dataclasses.replace(data, manifest=only, available={"agent": 7, "code": 0, "text": 5})
    assert [row.name for row in view.domain_rows(bare)] == ["agent", "text"]


def test_funnel_ends_with_the_mix(data: ReportData) -> None:
    rows = view.funnel(data)
    assert [(row.label, row.seen, row.kept) for row in rows] == [
        ("length", 4600, 4480),
        ("language", 4480, 4400),
        ("mix", 4400, 4321),
    ]
    assert rows[0].seen_share == 1.0


def test_filter_that_saw_nothing_divides_by_nothing(data: ReportData) -> None:
    empty = dataclasses.replace(data, filters=[FilterRow(label="length", seen=0, kept=0)])
    assert "leaves nothing out" in Page(render_report(empty)).text


def test_tripwires_stand_with_their_limits(data: ReportData) -> None:
    text = Page(render_report(data)).text
    assert "length 5,000 130 2.60 % at most 50.00 % 0 \N{EN DASH} 2 of 2 100.00 % 2 of 2" in text
    assert "pii 4,870 0 0.00 % 0.00 % to 10.00 % 31 1.25 % 9 of 10 90.00 % 0 of 0" in text
    assert "0 0 \N{EN DASH} none 0 \N{EN DASH} none" in text
    assert "Tripwires" not in Page(render_report(dataclasses.replace(data, tripwires=[]))).text


def test_filters_say_of_themselves_what_they_want(data: ReportData) -> None:
    page = Page(render_report(data))
    assert "What quality has to say of itself. Warning: By length alone one does as well." in page.text
    assert "Source Documents Good web 1,204 0.414" in page.text
    assert "Kept Note 0.500 \u2013" in page.text
    assert ("th", {"scope": "col", "class": "n"}) in page.tags
    assert "has to say of itself" not in Page(render_report(dataclasses.replace(data, sections={}))).text


def test_a_table_with_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="table 'Drift': 2 columns, but a row of 1 cells"):
        Table(title="Drift", columns=("a", "b"), rows=[(1, 2), (1,)])


def test_the_page_shows_providers_cap_and_allowed_licences(data: ReportData) -> None:
    page = render_report(data)
    assert "Whose APIs it is about" in page
    assert "As diverse as 1.9 providers" in page
    assert "Only these licences are allowed" in page
    assert "No cap is set" not in page


def test_the_page_shows_the_strict_count_and_the_groups_that_it_leaves_out(data: ReportData) -> None:
    page = render_report(data)
    assert "70,321 groups of structural near-duplicates" in page
    assert "4,351" in page
