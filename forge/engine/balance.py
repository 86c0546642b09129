"""What an export is made of: counts by any column, who dominates, and what its limits leave out.

Works on the rows of the token parts' documents (`forge.engine.tokens.SIDE_COLUMNS`), in Arrow; a million rows take less
than a second.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forge.errors import CorpusError
from forge.licences import AllowList
from forge.manifest import LARGEST_PROVIDERS, Count, Limits, Manifest
from forge.recipe import ExportTable

if TYPE_CHECKING:
    import pyarrow as pa


def hold_to_limits(documents: "pa.Table", table: ExportTable) -> "tuple[pa.Table, Limits]":
    """The documents whose licence the export allows, and what is to be said of the rest.

    Raises:
        CorpusError: none is left.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    limits = Limits(allow_licences=table.allow_licences, max_share_per_provider=table.max_share_per_provider)
    if table.allow_licences is None:
        return documents, limits
    stated = documents.column("license")
    allowed = AllowList(table.allow_licences).allowed_of(stated.to_pylist())
    passes = pc.is_in(stated, value_set=pa.array(sorted(allowed), pa.string()))
    if documents.num_rows and not pc.any(passes).as_py():
        found = ", ".join(count.name for count in counts(documents, "license")[:5])
        raise CorpusError(f"no document has an allowed licence; there are {found}: allow one of them")
    total = max(1, pc.sum(documents.column("tokens")).as_py() or 0)
    withheld = counts(documents.filter(pc.invert(passes)), "license", total=total)
    limits = Limits(
        allow_licences=table.allow_licences, max_share_per_provider=table.max_share_per_provider, withheld=withheld
    )
    return documents.filter(passes), limits


def verify_licences(folder: Path, manifest: Manifest) -> None:
    """Check that every document in the shards has a licence which the export allows; reads their sidecars.

    Raises:
        CorpusError: naming the shard, the document and its licence.
    """
    import pyarrow.parquet as pq

    allowed = AllowList(manifest.limits.allow_licences)
    if allowed.everything:
        return
    for shard in manifest.shards:
        path = folder / f"{shard.name}.documents.parquet"
        for row in pq.read_table(path, columns=["id", "license"]).to_pylist():
            if not allowed.allows(row["license"]):
                raise CorpusError(
                    f"{path}: document {row['id']} has the licence {row['license']}, which the export does not allow; "
                    "run `forge export` again"
                )


def counts(documents: "pa.Table", column: str, *, total: int | None = None) -> list[Count]:
    """Tokens and documents by the values of a column, the largest first.

    Args:
        total: tokens that shares are of; None: those of the table.
    """
    whole = max(1, sum(documents.column("tokens").to_pylist())) if total is None else total
    grouped = documents.group_by(column).aggregate([("tokens", "sum"), ("tokens", "count")]).to_pylist()
    found = [
        Count(
            name=row[column] or "unknown",
            tokens=row["tokens_sum"],
            documents=row["tokens_count"],
            share=row["tokens_sum"] / whole,
        )
        for row in grouped
    ]
    return sorted(found, key=lambda count: (-count.tokens, count.name))


def largest_providers(documents: "pa.Table") -> Sequence[Count]:
    """The largest providers; shares are of the tokens that have one."""
    import pyarrow.compute as pc

    return counts(documents.filter(pc.not_equal(documents.column("provider"), "")), "provider")[:LARGEST_PROVIDERS]


def provider_tokens(documents: "pa.Table") -> list[int]:
    """Tokens of every provider."""
    grouped = documents.group_by("provider").aggregate([("tokens", "sum")]).to_pylist()
    return [row["tokens_sum"] for row in grouped if row["provider"]]
