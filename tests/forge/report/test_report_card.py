import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from forge.catalog import CatalogCounts
from forge.files import write_text
from forge.manifest import Count, Limits, Manifest, ShardEntry, file_entry, write_manifest
from forge.report import render_card
from forge.report.card import size_category
from forge.shards import write_shard


def licensed(manifest: Manifest, *names: str) -> Manifest:
    entries = [Count(name=name, tokens=10, documents=1, share=1 / len(names)) for name in names]
    return dataclasses.replace(manifest, licences=entries)


def snippets(card: str) -> list[str]:
    return [part.split("```")[0] for part in card.split("```python\n")[1:]]


@pytest.fixture
def export(tmp_path: Path, manifest: Manifest) -> Path:
    """A real, tiny export: one shard of two documents, its tokenizer, its manifest, its card."""
    tokenizer = Tokenizer(models.WordLevel({"<eos>": 0, "forge": 1, "iron": 2}, unk_token="<eos>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    documents = [(np.array([1, 2, 0]), None), (np.array([2, 0]), None)]
    files = write_shard(tmp_path / "shard-00000", documents, dtype=np.dtype("<u2"))
    made = dataclasses.replace(
        manifest,
        tokenizer=dataclasses.replace(manifest.tokenizer, file=file_entry(tmp_path / "tokenizer.json", tmp_path)),
        shards=[
            ShardEntry(
                name="shard-00000", tokens=5, documents=2, masked=False, files=[file_entry(f, tmp_path) for f in files]
            )
        ],
        extra_files=[],
    )
    write_text(tmp_path / "README.md", render_card(made))
    write_manifest(tmp_path, made)
    return tmp_path


def run(folder: Path, code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


def test_equal_manifests_give_equal_cards(manifest: Manifest, catalog: CatalogCounts) -> None:
    assert render_card(manifest, catalog=catalog) == render_card(dataclasses.replace(manifest), catalog=catalog)


def test_reading_snippet_reads(export: Path) -> None:
    done = run(export, snippets((export / "README.md").read_text())[0])
    assert (done.stdout.splitlines(), done.stderr) == (["forge iron <eos>", "iron <eos>"], "")


def test_checking_snippet_passes_whole_files_and_catches_a_changed_one(export: Path) -> None:
    check = snippets((export / "README.md").read_text())[1]
    assert run(export, check).returncode == 0
    with (export / "shard-00000.bin").open("r+b") as shard:
        shard.write(b"\x07")
    assert "AssertionError: shard-00000.bin" in run(export, check).stderr


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("MIT",), "license: mit"),
        (("MIT", "Apache-2.0"), "license: other"),
        (("unknown",), "license: other"),
        (("LicenseRef-mine",), "license: other"),
    ],
)
def test_licence_of_the_head(manifest: Manifest, names: tuple[str, ...], expected: str) -> None:
    assert expected in render_card(licensed(manifest, *names)).split("---")[1]


@pytest.mark.parametrize(
    ("documents", "expected"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (121_877, "100K<n<1M"), (2 * 10**9, "n>1B")],
)
def test_size_category(documents: int, expected: str) -> None:
    assert size_category(documents) == expected


def test_unknown_licences_are_owned_up_to(manifest: Manifest) -> None:
    assert "25.00 % of the tokens come from material that states none" in render_card(manifest)
    assert "states none" not in render_card(licensed(manifest, "MIT"))


def test_names_cannot_break_a_table_or_add_markup(manifest: Manifest) -> None:
    nasty = dataclasses.replace(manifest.sources[0], name="a|b\nc <img src=x> [d](e) `f`")
    card = render_card(dataclasses.replace(manifest, sources=[nasty]))
    row = next(line for line in card.splitlines() if line.startswith("| a\\|b"))
    assert row.replace("\\|", "").count("|") == 5
    assert "<img" not in card
    assert "\\[d\\](e) \\`f\\`" in row


def test_catalogue_is_told_with_its_rule(manifest: Manifest, catalog: CatalogCounts) -> None:
    assert f"84,911 distinct documented APIs: {catalog.rule}." in render_card(manifest, catalog=catalog)


def test_the_card_says_what_the_limits_left_out_and_who_dominates(manifest: Manifest) -> None:
    card = render_card(manifest)
    assert "Only these licences are allowed: `permissive`, `unknown`. Left out" in card
    assert "GPL-3.0-only (100" in card
    assert "those of 1.9 providers of equal size" in card
    assert "each held to 65" in card


def test_without_limits_the_card_says_nothing_of_them(manifest: Manifest) -> None:
    card = render_card(dataclasses.replace(manifest, limits=Limits(), providers=()))
    assert "are allowed" not in card
    assert "## Providers" not in card
