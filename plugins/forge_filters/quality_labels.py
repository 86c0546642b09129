"""Labels that `forge label` left, and their split for training, calibration and test.

A label set is a Parquet file named by its content (``NAME-HASH.parquet``), so that a recipe which names one names
these very labels. The split is by source: within each source whole origins (a host, a provider) go to one side, or
single documents where a source has few origins. Of texts that the classifier cannot tell apart one counts, so that no
document is on two sides, under another case, number or punctuation neither.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from forge.files import file_hash
from forge.records import stable_id
from forge_filters.quality_words import line
from forge_filters.shingles import Array

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = Path(".forge/state/labels")
COLUMNS = ("key", "source", "origin", "text", "label", "second")
HASH_DIGITS = 12
FEW_ORIGINS = 20
Side = Literal["train", "calibrate", "test"]
SIDES: tuple[Side, ...] = ("train", "calibrate", "test")
_TENTHS: tuple[Side, ...] = ("train",) * 6 + ("calibrate",) * 2 + ("test",) * 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """A label set, ordered by key.

    Attributes:
        keys: of the documents' content. label: bool. second: 1, 0, or -1 where nobody asked twice.
        facts: rubric, model and the like, as the file says.
        alike: labelled texts that were left aside, since another one is the same to the classifier.
    """

    keys: list[str]
    sources: list[str]
    origins: list[str]
    texts: list[str]
    label: Array
    second: Array
    facts: dict[str, str]
    alike: int = 0

    @property
    def chars(self) -> int | None:
        """Characters of a text that the model was shown; None: all."""
        return int(self.facts["chars"]) if "chars" in self.facts else None


def read_labels(workspace: Path, name: str) -> Labels:
    """The label set of this name.

    Raises:
        ValueError: nothing is named, it is not there, or its content is not what its name says.
    """
    if not name:
        raise ValueError('it needs labels: run `forge label`, which says what to write, as labels = "NAME"')
    path = workspace / FOLDER / f"{name}.parquet"
    if not path.is_file():
        raise ValueError(f"no labels {name!r} in {FOLDER}; run `forge label`, which says what to write")
    if file_hash(path)[:HASH_DIGITS] != name.rpartition("-")[2]:
        raise ValueError(f"{path.name}: damaged (its content is not what its name says); run `forge label` again")
    return _read(path)


def sides(labels: Labels, *, seed: int) -> Array:
    """By document the side that it is on, as an index into `SIDES`; a function of seed and origin."""
    origins: dict[str, set[str]] = {}
    for source, origin in zip(labels.sources, labels.origins, strict=True):
        origins.setdefault(source, set()).add(origin)
    found = []
    for key, source, origin in zip(labels.keys, labels.sources, labels.origins, strict=True):
        group = origin if len(origins[source]) >= FEW_ORIGINS else key
        tenth = int(stable_id("quality", str(seed), group)[:8], 16) % len(_TENTHS)
        found.append(SIDES.index(_TENTHS[tenth]))
    return np.array(found, np.int64)


def noise(labels: Labels) -> dict[str, Any]:
    """How far the labels that were asked for twice agree.

    Returns:
        ``twice`` (documents), ``disagree`` (share), ``kappa`` (Cohen, 1960), and ``noise``: the chance that one label
        is wrong, if both are wrong with the same chance and independently.
    """
    asked = labels.second >= 0
    count = int(np.count_nonzero(asked))
    if not count:
        return {"twice": 0, "disagree": None, "kappa": None, "noise": None}
    first, second = labels.label[asked], labels.second[asked] == 1
    differ = float(np.mean(first != second))
    chance = float(np.mean(first) * np.mean(second) + np.mean(~first) * np.mean(~second))
    kappa = 1.0 if chance == 1.0 else (1.0 - differ - chance) / (1.0 - chance)
    wrong = 0.5 if differ >= 0.5 else (1.0 - (1.0 - 2.0 * differ) ** 0.5) / 2.0
    return {"twice": count, "disagree": round(differ, 4), "kappa": round(kappa, 4), "noise": round(wrong, 4)}


def _read(path: Path) -> Labels:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    missing = sorted(set(COLUMNS) - set(table.schema.names))
    if missing:
        raise ValueError(f"{path.name}: no column {missing[0]!r}; run `forge label` again")
    table, alike = _distinct(table.sort_by("key"))
    columns = {name: table.column(name).to_pylist() for name in COLUMNS}
    return Labels(
        keys=columns["key"],
        sources=columns["source"],
        origins=columns["origin"],
        texts=columns["text"],
        label=np.array(columns["label"], np.bool_),
        second=np.array([-1 if value is None else int(value) for value in columns["second"]], np.int64),
        facts={key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()},
        alike=alike,
    )


def _distinct(table: "pa.Table") -> tuple["pa.Table", int]:
    """Of rows whose texts are the same to the classifier the first, and how many are left aside."""
    first: dict[bytes, int] = {}
    for row, text in enumerate(table.column("text").to_pylist()):
        first.setdefault(line(text), row)
    return table.take(list(first.values())), table.num_rows - len(first)
