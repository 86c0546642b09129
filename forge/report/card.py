"""The dataset card: the export's ``README.md``, Markdown under a YAML head as dataset hubs read it.

A pure function of the manifest (and the catalogue's counts): no time, no path of this machine. Format: the dataset card
specification of the Hugging Face hub (fields ``license``, ``size_categories``, ``task_categories``, ``tags``).
"""

import json
from collections.abc import Sequence

from forge import figures
from forge.catalog import CatalogCounts
from forge.manifest import Count, Manifest
from forge.records import UNKNOWN_LICENSE
from forge.report import view

TAGS = ("agents", "function-calling", "pre-training", "hephaestus-forge")
# SPDX names, in lower case, that dataset hubs know under the same name; anything else is "other" there.
KNOWN_LICENCES = frozenset(
    {
        *("0bsd", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "isc", "mit", "unlicense", "zlib"),
        *("cc-by-4.0", "cc-by-sa-4.0", "cc0-1.0", "odbl", "pddl"),
        *("agpl-3.0", "epl-2.0", "eupl-1.2", "gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "mpl-2.0"),
    }
)
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGE = ((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"))

_READ = """\
```python
from pathlib import Path
from forge.shards import open_shard
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file({tokenizer})
for tokens in open_shard(Path({shard})):
    print(tokenizer.decode(tokens.tolist()))
```"""
_VERIFY = """\
```python
import hashlib, json
from pathlib import Path

manifest = json.loads(Path("manifest.json").read_bytes())
files = [manifest["tokenizer"]["file"], *manifest["extra_files"]]
for entry in files + [file for shard in manifest["shards"] for file in shard["files"]]:
    assert hashlib.sha256(Path(entry["path"]).read_bytes()).hexdigest() == entry["sha256"], entry["path"]
```"""


def render_card(manifest: Manifest, *, catalog: CatalogCounts | None = None) -> str:
    """The card as Markdown; equal manifests give equal text."""
    sections = [
        _head(manifest),
        f"# {_text(manifest.name)}",
        _summary(manifest, catalog),
        "## Domains",
        _domains(manifest),
        "## Sources",
        _counts("Source", manifest.sources),
        "## Licences",
        _licence_note(manifest),
        _limits_note(manifest),
        _counts("Licence", manifest.licences),
        *_providers(manifest),
        *_drops(manifest),
        "## Reading it",
        "In the folder of this file, with `hephaestus-forge` installed:",
        _read(manifest),
        _layout(manifest),
        "## Checking it",
        "`manifest.json` names every file with its size and SHA-256. With nothing but Python:",
        _VERIFY,
        "## Making it again",
        _provenance(manifest),
        _table(("Plugin", "Distribution", "Version"), _plugins(manifest), numbers=0),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def size_category(documents: int) -> str:
    """The hub's size class for a number of documents."""
    for limit, name in (*_SIZES, *_LARGE):
        if documents < limit:
            return name
    return "n>1B"


def card_licence(manifest: Manifest) -> str:
    """The hub's licence identifier: the one licence of everything in it, or ``other``."""
    names = {count.name.lower() for count in manifest.licences if count.documents}
    if len(names) == 1 and names <= KNOWN_LICENCES:
        return names.pop()
    return "other"


def _head(manifest: Manifest) -> str:
    licence = card_licence(manifest)
    lines = ["---", f"pretty_name: {_yaml(manifest.name)}", f"license: {licence}"]
    if licence == "other":
        lines.append("license_name: per-document")
    lines += ["task_categories:", "- text-generation", "size_categories:", f"- {size_category(manifest.documents)}"]
    domains = sorted(count.name for count in manifest.domains)
    return "\n".join([*lines, "tags:", *(f"- {_yaml(tag)}" for tag in (*TAGS, *domains)), "---"])


def _summary(manifest: Manifest, catalog: CatalogCounts | None) -> str:
    text = (
        f"A pre-training corpus of {figures.number(manifest.tokens)} tokens in {figures.number(manifest.documents)} "
        "documents, written by Hephaestus Forge. Every document names its source and the licence that it states."
    )
    if catalog is not None:
        apis = figures.number(catalog.distinct_documented)
        text += f"\n\nIts agent documents come from a catalogue of {apis} distinct documented APIs: {catalog.rule}."
    return text + "\n\n`report.html` beside this file shows what was collected, filtered and mixed."


def _domains(manifest: Manifest) -> str:
    parts = sum(manifest.mix.values()) or 1.0
    rows = [
        (
            _text(count.name),
            figures.number(count.tokens),
            figures.number(count.documents),
            figures.percent(manifest.mix.get(count.name, 0.0) / parts),
            figures.percent(count.share),
        )
        for count in manifest.domains
    ]
    return _table(("Domain", "Tokens", "Documents", "Asked", "Achieved"), rows, numbers=4)


def _counts(title: str, counts: Sequence[Count]) -> str:
    rows = [
        (_text(count.name), figures.number(count.tokens), figures.number(count.documents), figures.percent(count.share))
        for count in view.by_tokens(counts)
    ]
    return _table((title, "Tokens", "Documents", "Share"), rows, numbers=3)


def _licence_note(manifest: Manifest) -> str:
    note = "Each document keeps the licence that its origin states; the corpus as a whole has no licence of its own."
    share = view.unknown_share(manifest)
    if share:
        note += (
            f" **{figures.percent(share)} of the tokens come from material that states none (`{UNKNOWN_LICENSE}`)**: "
            "look at where it comes from before you publish it."
        )
    return note


def _limits_note(manifest: Manifest) -> str:
    """What the allow list kept out."""
    limits = manifest.limits
    if limits.allow_licences is None:
        return ""
    kept_out = ", ".join(f"{_text(count.name)} ({figures.percent(count.share)})" for count in limits.withheld[:8])
    names = ", ".join(f"`{_code(name)}`" for name in limits.allow_licences)
    return (
        f"Only these licences are allowed: {names}. Left out, as shares of the tokens there were: {kept_out or 'none'}."
    )


def _providers(manifest: Manifest) -> Sequence[str]:
    """Who the agent documents are about; material of few providers teaches their habits."""
    if not manifest.providers:
        return ()
    cap = manifest.limits.max_share_per_provider
    held = f", each held to {figures.percent(cap)} of its domain" if cap is not None else ""
    note = (
        f"The documents about APIs are as diverse as those of {manifest.effective_providers:.1f} providers of equal "
        f"size would be (exp of the Shannon entropy of their tokens){held}. The largest, as shares of these documents:"
    )
    return ("## Providers", note, _counts("Provider", manifest.providers))


def _drops(manifest: Manifest) -> Sequence[str]:
    if not manifest.drops:
        return ()
    rows = [(_text(drop.filter), _text(drop.reason), figures.number(drop.documents)) for drop in manifest.drops]
    return ("## Left out by filters", _table(("Filter", "Reason", "Documents"), rows, numbers=1))


def _read(manifest: Manifest) -> str:
    shard = manifest.shards[0].name if manifest.shards else "shard-00000"
    return _READ.format(tokenizer=json.dumps(manifest.tokenizer.file.path), shard=json.dumps(shard))


def _layout(manifest: Manifest) -> str:
    text = (
        "The shards have the layout of Megatron-LM's indexed datasets "
        f"(`.bin` and `.idx`, {manifest.tokenizer.dtype}); each document ends with token {manifest.tokenizer.eos_id}."
    )
    if any(shard.masked for shard in manifest.shards):
        text += " `.mask.bin` holds one byte a token: 1 where the loss is taken."
    return text


def _provenance(manifest: Manifest) -> str:
    return (
        f"Recipe `{_code(manifest.recipe_hash)}`, seed {manifest.seed}, tokenizer `{_code(manifest.tokenizer.name)}` "
        f"of {figures.number(manifest.tokenizer.vocab_size)} tokens (`tokenizer.json` has SHA-256 "
        f"`{_code(manifest.tokenizer.fingerprint)}`). The same recipe, seed and material give the same bytes."
    )


def _plugins(manifest: Manifest) -> Sequence[tuple[str, str, str]]:
    return [(_text(entry.name), _text(entry.distribution), _text(entry.version)) for entry in manifest.plugins]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int) -> str:
    """A Markdown table whose last ``numbers`` columns are aligned right."""
    words = len(head) - numbers
    rule = ["---"] * words + ["---:"] * numbers
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def _text(value: str) -> str:
    """A name as Markdown text in a table cell: one line, and no mark-up of its own."""
    line = " ".join(value.split())
    for mark in "\\`*_[]|~#":
        line = line.replace(mark, f"\\{mark}")
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(value: str) -> str:
    return " ".join(value.replace("`", "'").split())


def _yaml(value: str) -> str:
    """A YAML scalar: JSON strings are YAML strings."""
    return json.dumps(value)
