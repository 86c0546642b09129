"""Where a document stands in each export, or why it stands in none: read from manifests and sidecars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forge.errors import CorpusError
from forge.licences import AllowList
from forge.manifest import FILE_NAME, Manifest, read_manifest
from forge.recipe import ExportTable, Recipe
from forge.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class ExportStory:
    """A document in one export.

    Attributes:
        shard, row: where it stands, the row counted from 0; None if it does not.
        why: why it is not there; empty if it is.
        is_current: whether the export was made of what stands in the corpus now.
    """

    name: str
    shard: str | None = None
    row: int | None = None
    why: str = ""
    is_current: bool = True


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What of a document bears on exports. ``tokens`` is None where it has none yet."""

    id: str
    source: str
    domain: str
    license: str
    provider: str
    tokens: int | None
    dropped_by: str | None


def explain_exports(
    workspace: Workspace, recipe: Recipe, *, subject: Subject, made: Mapping[str, str]
) -> list[ExportStory]:
    """The document in each export of the recipe.

    Args:
        made: by name, the hash of those made of what stands in the corpus now.
    """
    return [
        _explain(workspace.export(name), name, table=table, subject=subject, made=made)
        for name, table in recipe.exports.items()
    ]


def _explain(folder: Path, name: str, *, table: ExportTable, subject: Subject, made: Mapping[str, str]) -> ExportStory:
    if not (folder / FILE_NAME).is_file():
        why = f"dropped by {subject.dropped_by}" if subject.dropped_by else f"not made yet: run `forge export {name}`"
        return ExportStory(name=name, why=why, is_current=False)
    manifest = read_manifest(folder)
    is_current = made.get(name) == manifest.recipe_hash
    for shard in manifest.shards:
        row = _row_of(folder / f"{shard.name}.documents.parquet", subject.id)
        if row is not None:
            return ExportStory(name=name, shard=shard.name, row=row, is_current=is_current)
    why = _why_not(manifest, folder, table=table, subject=subject)
    if not is_current and not subject.dropped_by:
        why = f"it was made of an earlier build; run `forge export {name}`"
    return ExportStory(name=name, why=why, is_current=is_current)


def _why_not(manifest: Manifest, folder: Path, *, table: ExportTable, subject: Subject) -> str:
    """The first thing that kept it out, in the order in which an export is made."""
    allowed = AllowList(manifest.limits.allow_licences)
    if subject.dropped_by:
        return f"dropped by {subject.dropped_by}"
    if table.sources is not None and subject.source not in table.sources:
        return f"the export draws on {', '.join(table.sources)} only"
    if not allowed.allows(subject.license):
        entries = ", ".join(manifest.limits.allow_licences or ())
        return f"its licence {subject.license} is not in allow_licences ({entries})"
    if not manifest.mix.get(subject.domain):
        return f"the mix takes no {subject.domain}"
    rows = _rows(folder, manifest)
    return _provider_full(rows, manifest, subject=subject) or _no_room(rows, manifest, subject=subject)


def _provider_full(rows: "pa.Table", manifest: Manifest, *, subject: Subject) -> str:
    """That its provider would pass its part with it; empty if it would not."""
    import pyarrow.compute as pc

    cap = manifest.limits.max_share_per_provider
    if cap is None or not subject.provider:
        return ""
    domain = rows.filter(pc.equal(rows.column("domain"), subject.domain))
    own = pc.sum(domain.filter(pc.equal(domain.column("provider"), subject.provider)).column("tokens")).as_py() or 0
    total = pc.sum(domain.column("tokens")).as_py() or 0
    if own + (subject.tokens or 0) <= cap * total:
        return ""
    return (
        f"the share of {subject.provider} is full: {own:,} of {total:,} {subject.domain} tokens, "
        f"at most {cap:.1%} by max_share_per_provider"
    )


def _no_room(rows: "pa.Table", manifest: Manifest, *, subject: Subject) -> str:
    import pyarrow.compute as pc

    total = pc.sum(rows.filter(pc.equal(rows.column("domain"), subject.domain)).column("tokens")).as_py() or 0
    share = manifest.mix[subject.domain]
    return (
        f"the mix had no room: {subject.domain} has {total:,} of {manifest.tokens:,} tokens ({share:.0%} asked), "
        "filled with documents before it in the seeded order; raise max_tokens, or add what the mix is short of"
    )


def _rows(folder: Path, manifest: Manifest) -> "pa.Table":
    import pyarrow as pa

    paths = [folder / f"{shard.name}.documents.parquet" for shard in manifest.shards]
    return pa.concat_tables([_read(path, ["domain", "provider", "tokens"]) for path in paths])


def _row_of(path: Path, document: str) -> int | None:
    import pyarrow.compute as pc

    place = pc.index(_read(path, ["id"]).column("id"), document).as_py()
    return place if place >= 0 else None


def _read(path: Path, columns: Sequence[str]) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, columns=list(columns))
    except (pa.ArrowInvalid, FileNotFoundError) as error:
        raise CorpusError(f"{path}: missing or damaged; make the export again with `forge export`") from error
