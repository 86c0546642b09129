"""Explain: the story of one document, from its source to a shard, or to the filter that dropped it.

Reads what the last run left (`forge.engine.story`) and opens nothing for writing: the corpus for the document, the
verdicts beside it, the rows of its tokens, and the shards' sidecars. Finding a document scans the ids and addresses of
the corpus, about a million documents a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from forge.engine.explain_exports import ExportStory, Subject, explain_exports
from forge.engine.parts import Part, own_file
from forge.engine.story import FilterEntry, Story, read_story
from forge.errors import CorpusError
from forge.recipe import Recipe
from forge.steps import EVIDENCE_FILE
from forge.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

SHORTEST_PREFIX = 4
MOST_CANDIDATES = 8
MOST_EVIDENCE = 20


@dataclass(frozen=True, kw_only=True)
class FilterStory:
    """What one filter said of the document.

    Attributes:
        label: its name in the recipe. name: the plugin's.
        keep, score, reason: its verdict. thresholds: its cuts.
        rewrote: whether it replaced the text. changes: what in it, by kind and number, where the filter says.
        evidence: the rows of its state's ``evidence.parquet`` about the document, the first `MOST_EVIDENCE` of them.
    """

    label: str
    name: str
    keep: bool
    score: float
    reason: str | None
    thresholds: dict[str, Any]
    rewrote: bool = False
    changes: str | None = None
    evidence: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class DocumentStory:
    """All that the last run knows of a document.

    Attributes:
        source: label of the source or renderer. partition: its unit of work that gave the document.
        url: where the original is. api: id of the API record that it was rendered from, or None.
        characters: of the text as collected; ``characters_after`` as the filters leave it.
        dropped_by: label of the first filter that dropped it, or None.
        tokens: its length in tokens, end of text included; None where it has none.
    """

    id: str
    source: str
    partition: str
    domain: str
    kind: str
    url: str | None
    license: str
    provider: str
    api: str | None
    characters: int
    characters_after: int
    meta: dict[str, Any] = field(default_factory=dict)
    filters: list[FilterStory] = field(default_factory=list)
    dropped_by: str | None = None
    tokens: int | None = None
    exports: list[ExportStory] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a document lies: its part and its row there."""

    part: Part
    row: int
    id: str


def explain(workspace: Workspace, recipe: Recipe, word: str) -> DocumentStory:
    """The story of the one document that ``word`` names: its id, the beginning of one, or its address.

    Raises:
        CorpusError: there was no build, nothing is named so now (a record that its source could not read is told
            with the reason), or several documents are.
    """
    story = read_story(workspace)
    if story is None:
        raise CorpusError(f"{workspace.root}: nothing has been built here; run `forge build`")
    place = _find(workspace, story, word.strip())
    row = _row(place.part, place.row)
    said, text = _filters(story.filters, place, text=row["text"])
    dropped_by = next((filter_story.label for filter_story in said if not filter_story.keep), None)
    tokens = _tokens(story, place) if dropped_by is None else None
    meta = orjson.loads(row["meta"] or "{}")
    provider = str(meta.get("provider") or "")
    subject = Subject(
        id=place.id,
        source=row["source"],
        domain=row["domain"],
        license=row["license"],
        provider=provider,
        tokens=tokens,
        dropped_by=dropped_by,
    )
    return DocumentStory(
        id=place.id,
        source=row["source"],
        partition=place.part.name,
        domain=row["domain"],
        kind=row["kind"],
        url=row["url"],
        license=row["license"],
        provider=provider,
        api=meta.get("api"),
        characters=len(row["text"]),
        characters_after=len(text),
        meta={name: value for name, value in meta.items() if name not in ("api", "provider", "loss_spans")},
        filters=said,
        dropped_by=dropped_by,
        tokens=tokens,
        exports=explain_exports(workspace, recipe, subject=subject, made=story.exports),
    )


def _find(workspace: Workspace, story: Story, word: str) -> _Place:
    found: dict[str, _Place] = {}
    exact: list[_Place] = []
    for part in story.parts:
        for place, is_exact in _matches(part, word):
            found[place.id] = place
            if is_exact:
                exact.append(place)
    if len(exact) == 1:
        return exact[0]
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise CorpusError(_absent(workspace, story, word))
    listed = ", ".join(sorted(found)[:MOST_CANDIDATES])
    more = f", and {len(found) - MOST_CANDIDATES:,} more" if len(found) > MOST_CANDIDATES else ""
    raise CorpusError(f"{word!r} names {len(found):,} documents: {listed}{more}; name one by its id")


def _matches(part: Part, word: str) -> list[tuple[_Place, bool]]:
    """Documents of a part whose id begins so or whose address this is, and whether it is the whole id."""
    import pyarrow.compute as pc

    if not word:
        return []
    with own_file(part.path("documents")) as path:
        table = _columns(path, ["id", "url"])
    ids, urls = table.column("id"), table.column("url")
    begins = pc.starts_with(ids, word) if len(word) >= SHORTEST_PREFIX else pc.equal(ids, word)
    rows = pc.indices_nonzero(pc.or_(begins, pc.equal(urls, word).fill_null(False))).to_pylist()
    names = {row: ids[row].as_py() for row in rows}
    return [(_Place(part=part, row=row, id=name), name == word) for row, name in names.items()]


def _absent(workspace: Workspace, story: Story, word: str) -> str:
    """That nothing is named so, that a source could not read it, or that only an earlier build has it."""
    rejected = _rejected(workspace, story, word)
    if rejected:
        return rejected
    current = {part.path("documents") for part in story.parts}
    older = sorted(set((workspace.hidden / "corpus").glob("*/*.documents.parquet")) - current)
    for path in older:
        if _holds(path, word):
            return (
                f"{word!r} is gone: an earlier build had it from {path.parent.name} ({path.name.split('.')[0]}), "
                "and the recipe or its sources give it no longer"
            )
    for path in sorted((workspace.root / "exports").glob("*/*.documents.parquet")):
        if _holds(path, word):
            return (
                f"{word!r} is of an earlier build: it stands in {path.relative_to(workspace.root)}, and in the corpus "
                "no longer; make that export anew with `forge export`"
            )
    return f"no document has the id or address {word[:200]!r}; ids and addresses stand in exports/*/*.documents.parquet"


def _rejected(workspace: Workspace, story: Story, word: str) -> str:
    """Why a source could not read the record at this place, or in this file; empty if it could, or never met it."""
    import pyarrow.compute as pc

    if len(word) < SHORTEST_PREFIX:
        return ""
    current = {(part.label, part.name): part.path("rejects").name for part in story.parts}
    for path in sorted((workspace.hidden / "corpus").glob("*/*.rejects.parquet")):
        partition = (path.parent.name, path.name.rpartition("-")[0])
        if current.get(partition, path.name) != path.name:
            continue  # of an earlier build: the partition has been read again since
        table = _columns(path, ["locator", "reason"])
        found = table.filter(pc.match_substring(table.column("locator"), word))
        if found.num_rows:
            locator, reason = found.column("locator")[0].as_py(), found.column("reason")[0].as_py()
            more = f" (and {found.num_rows - 1:,} more records there)" if found.num_rows > 1 else ""
            return (
                f"{locator} is no document: source {path.parent.name} could not read it: {reason}{more}; "
                f"all that it could not read is in .forge/corpus/{path.parent.name}/*.rejects.parquet"
            )
    return ""


def _holds(path: Path, word: str) -> bool:
    import pyarrow.compute as pc

    table = _columns(path, ["id", "url"])
    begins = pc.starts_with(table.column("id"), word) if len(word) >= SHORTEST_PREFIX else pc.equal(table["id"], word)
    return bool(pc.any(pc.or_(begins, pc.equal(table.column("url"), word).fill_null(False))).as_py())


def _columns(path: Path, columns: Sequence[str]) -> "pa.Table":
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return file.read(columns=list(columns))


def _row(part: Part, row: int) -> dict[str, Any]:
    """One document, whole; reads its row group only."""
    import pyarrow.parquet as pq

    with own_file(part.path("documents")) as path, pq.ParquetFile(path) as file:
        before = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if row < before + rows:
                found: dict[str, Any] = file.read_row_group(group).slice(row - before, 1).to_pylist()[0]
                return found
            before += rows
    raise CorpusError(f"{part.path('documents')}: has no row {row}; run `forge build`")


def _filters(filters: Sequence[FilterEntry], place: _Place, *, text: str) -> tuple[list[FilterStory], str]:
    """What each filter said, and the text that they leave."""
    import pyarrow.parquet as pq

    said = []
    for entry in filters:
        with own_file(entry.verdicts(place.part)) as path, pq.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if name != "text" or entry.rewrites]
            row = file.read(columns=names).slice(place.row, 1).to_pylist()[0]
        replaced = row.get("text")
        rewrote = replaced is not None and replaced != text
        said.append(
            FilterStory(
                label=entry.label,
                name=entry.name,
                keep=row["keep"],
                score=row["score"],
                reason=row["reason"],
                thresholds=entry.thresholds,
                rewrote=rewrote,
                changes=row.get("changes"),
                evidence=_evidence(Path(entry.state), place.id) if entry.state else [],
            )
        )
        text = replaced if rewrote else text
    return said, text


def _evidence(state: Path, document: str) -> list[dict[str, Any]]:
    """What a filter found in the document, where its state says; reads the row groups that may hold it."""
    import pyarrow.parquet as pq

    path = state / EVIDENCE_FILE
    if not path.is_file():
        return []
    rows = pq.read_table(path, filters=[("id", "=", document)], partitioning=None).slice(0, MOST_EVIDENCE).to_pylist()
    return [{name: value for name, value in row.items() if name != "id"} for row in rows]


def _tokens(story: Story, place: _Place) -> int | None:
    """The document's length in tokens, if the last run came so far."""
    import pyarrow.compute as pc

    path = story.tokens.get(f"{place.part.label}/{place.part.name}")
    if path is None or not Path(path).is_file():
        return None
    table = _columns(Path(path), ["id", "tokens"])
    found = table.filter(pc.equal(table.column("id"), place.id)).column("tokens").to_pylist()
    return int(found[0]) if found else None
