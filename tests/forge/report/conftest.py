"""A finished export as the report sees it, with strings that a stranger wrote to do harm."""

import math
from collections.abc import Sequence

import pytest

from forge.catalog import CatalogCounts, NearDuplicates
from forge.manifest import Count, Drop, FileEntry, Limits, Manifest, PluginEntry, ShardEntry, TokenizerEntry
from forge.report import FilterRow, ReportData, SourceRow, StageCurve, TripwireRow
from forge.sections import Section, Table

HOSTILE = '<script>alert("x")</script><img src="https://evil.example/x.png"> | `a` [b](https://evil.example) \u202e'


def counts(*rows: tuple[str, int, int]) -> list[Count]:
    total = sum(tokens for _, tokens, _ in rows)
    return [Count(name=name, tokens=tokens, documents=docs, share=tokens / total) for name, tokens, docs in rows]


def entry(path: str) -> FileEntry:
    return FileEntry(path=path, bytes=4_000_000, sha256=(path.encode().hex() + "0" * 64)[:64])


def falling(stage: str, steps: int, *, first: float, last: float) -> StageCurve:
    losses = [last + (first - last) * math.exp(-4 * step / steps) + 0.1 * math.sin(step * 2.4) for step in range(steps)]
    return StageCurve(
        stage=stage, steps=range(1, steps + 1), tokens=[16_384 * step for step in range(1, steps + 1)], losses=losses
    )


def curves() -> Sequence[StageCurve]:
    return [falling("I", 600, first=9.7, last=5.1), falling("II", 200, first=5.2, last=4.5)]


@pytest.fixture
def manifest() -> Manifest:
    names = [f"shard-{number:05d}" for number in range(3)]
    return Manifest(
        name="quickstart",
        recipe_hash="4485fc875f26b0f1dd3cad9bc2e628e3",
        seed=17,
        mix={"agent": 1.0, "code": 1.0, "text": 2.0},
        tokens=1_234_567,
        documents=4_321,
        tokenizer=TokenizerEntry(
            name="bpe", file=entry("tokenizer.json"), fingerprint="f" * 64, vocab_size=16_384, eos_id=0, dtype="uint16"
        ),
        domains=counts(("agent", 308_641, 2_000), ("code", 308_642, 300), ("text", 617_284, 2_021)),
        sources=counts(("openapi", 308_641, 2_000), ("packages", 925_926, 2_321)),
        licences=counts(("MIT", 925_926, 3_000), ("unknown", 308_641, 1_321)),
        drops=[Drop(filter="length", reason="too short", documents=120)],
        plugins=[PluginEntry(name="forge-sources", distribution="hephaestus-forge", version="0.1.0")],
        shards=[
            ShardEntry(
                name=name,
                tokens=411_522,
                documents=1_440,
                masked=False,
                files=[entry(f"{name}.bin"), entry(f"{name}.idx")],
            )
            for name in names
        ],
        extra_files=[entry("documents.parquet")],
        providers=counts(("amazonaws.com", 200_000, 1_400), (HOSTILE, 108_641, 600)),
        effective_providers=1.9,
        limits=Limits(
            allow_licences=["permissive", "unknown"],
            max_share_per_provider=0.65,
            withheld=counts(("GPL-3.0-only", 50_000, 44)),
        ),
    )


@pytest.fixture
def catalog() -> CatalogCounts:
    return CatalogCounts(
        raw=112_604,
        distinct=108_221,
        distinct_documented=84_911,
        by_source={"openapi": 93_112, "botocore": 19_492},
        by_provider={"amazonaws.com": 16_555, "microsoft.com": 18_211, HOSTILE: 12},
        by_licence={"CC0-1.0": 79_492, "unknown": 5_419},
        strict=70_321,
        near={"structure": 9_100, "wording": 12_400},
        near_duplicates=[
            NearDuplicates(
                rule="wording",
                apis=4_351,
                providers=1,
                provider="microsoft.com",
                name=HOSTILE,
                id="0" * 32,
                description=HOSTILE,
            )
        ],
    )


@pytest.fixture
def data(manifest: Manifest, catalog: CatalogCounts) -> ReportData:
    return ReportData(
        manifest=manifest,
        catalog=catalog,
        sources=[
            SourceRow(
                label="openapi",
                partitions=132,
                records=93_112,
                rejects=14,
                rejects_sample=[(HOSTILE, "$ref to nowhere: " + "x" * 300)],
                seconds=41.3,
                documents=2_000,
                bytes=312_000_000,
            ),
            SourceRow(label="packages", partitions=61, records=61_340, documents=2_600, bytes=96_500_000),
        ],
        filters=[
            FilterRow(label="length", seen=4_600, kept=4_480, reasons={"too short": 100, "too long": 20}),
            FilterRow(label="language", seen=4_480, kept=4_400, reasons={"not English": 80}),
        ],
        tripwires=[
            TripwireRow(label="length", reached=5_000, dropped=130, most=0.5, due=2, caught=2, innocent=2),
            TripwireRow(
                label="pii",
                reached=4_870,
                dropped=0,
                changed=31,
                least=0.0,
                most=0.1,
                text_rate=0.0125,
                floor=0.9,
                due=10,
                caught=9,
            ),
            TripwireRow(label=HOSTILE, reached=0, dropped=0, has_canaries=False),
        ],
        sections={
            "quality": Section(
                title="Quality classifier",
                lines=["1,200 labels, 41% good."],
                warnings=["By length alone one does as well."],
                tables=[
                    Table(
                        title="Drift by source", columns=("Source", "Documents", "Good"), rows=[("web", 1_204, 0.4137)]
                    ),
                    Table(title="Yield curve", columns=("Kept", "Note"), rows=[(0.5, None)], folded=True),
                ],
            ),
            HOSTILE: Section(
                title=HOSTILE,
                lines=[HOSTILE],
                warnings=[HOSTILE],
                tables=[Table(title=HOSTILE, columns=(HOSTILE,), rows=[(HOSTILE,)])],
            ),
        },
        available={"agent": 400_000, "code": 308_642, "text": 700_000},
        training=curves(),
    )
