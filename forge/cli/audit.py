"""`forge audit`: who dominates the catalogue or an export, and what a cap would change."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge.cli.options import AsJson, Directory, print_json, print_table, workspace_of

if TYPE_CHECKING:
    from forge.workspace import Workspace

Facets = Mapping[str, Mapping[str, int]]

CAPS = (0.3, 0.2, 0.1, 0.05, 0.02)
LANGUAGE_SAMPLE = 3_000
SURE = 0.9


def audit(
    context: typer.Context,
    export: Annotated[
        str | None, typer.Option("--export", metavar="NAME", help="Audit the tokens of an export, not the catalogue.")
    ] = None,
    rule: Annotated[
        str, typer.Option("--rule", help="Which APIs count: raw, distinct, documented or strict; see `forge status`.")
    ] = "documented",
    top: Annotated[int, typer.Option("--top", min=1, help="How many of each kind to show.")] = 10,
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """Say who dominates, and what a cap on providers would keep.

    Shares by provider, category, kind, source, licence and language, and the effective number of providers: how many
    of equal size would be as diverse.
    """
    workspace = workspace_of(context, directory)
    if export is not None:
        title, unit, facets = f"export {export}", "tokens", _of_export(workspace, export)
    else:
        title, unit, facets = f"catalogue ({rule} APIs)", "APIs", _of_catalog(workspace, rule)
    if as_json:
        print_json({"of": title, "unit": unit, **_facts(facets)})
    else:
        _print(title, unit, facets, top=top)


def _of_catalog(workspace: "Workspace", rule: str) -> Facets:
    from forge.errors import RecipeError
    from forge.options import nearest
    from forge_registry.audit import RULES, descriptions, shares

    if rule not in RULES:
        raise RecipeError(f"no rule {rule!r}: {nearest(rule, list(RULES))}", key="--rule")
    found = shares(workspace.catalog, rule=rule)
    return {**found, "language": _languages(descriptions(workspace.catalog, rule=rule, most=LANGUAGE_SAMPLE))}


def _of_export(workspace: "Workspace", name: str) -> Facets:
    """Tokens by columns of the shards' sidecars; only documents that have a provider count towards providers."""
    import pyarrow.parquet as pq

    from forge.manifest import read_manifest

    folder = workspace.export(name)
    columns = {"provider": "provider", "domain": "domain", "kind": "kind", "source": "source", "licence": "license"}
    facets: dict[str, Counter[str]] = {facet: Counter() for facet in columns}
    for shard in read_manifest(folder).shards:
        table = pq.read_table(folder / f"{shard.name}.documents.parquet", columns=["tokens", *columns.values()])
        for facet, column in columns.items():
            for row in table.group_by(column).aggregate([("tokens", "sum")]).to_pylist():
                facets[facet][row[column] or ""] += row["tokens_sum"]
    facets["provider"].pop("", None)
    return {facet: dict(sorted(found.items(), key=lambda item: (-item[1], item[0]))) for facet, found in facets.items()}


def _languages(texts: Sequence[str]) -> dict[str, int]:
    """Texts by their likely natural language."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found: Counter[str] = Counter()
    for text in texts:
        language, probability = model.classify(text)
        found[language if probability >= SURE else "(unsure)"] += 1
    return dict(found.most_common())


def _facts(facets: Facets) -> dict[str, Any]:
    from forge.diversity import effective_number, effective_number_of_large, most_under_cap

    sizes = list(facets["provider"].values())
    return {
        "total": sum(sizes),
        "providers": len(sizes),
        "effective_providers": round(effective_number(sizes), 2),
        "effective_large_providers": round(effective_number_of_large(sizes), 2),
        "largest_share": max(sizes, default=0) / max(1, sum(sizes)),
        "caps": {f"{cap:g}": most_under_cap(sizes, cap=cap) for cap in CAPS},
        "shares": {facet: dict(found) for facet, found in facets.items()},
    }


def _print(title: str, unit: str, facets: Facets, *, top: int) -> None:
    facts = _facts(facets)
    typer.echo(f"{title}: {facts['total']:,} {unit} of {facts['providers']:,} providers")
    typer.echo(
        f"as diverse as {facts['effective_providers']:,.1f} providers of equal size would be "
        f"(exp of the Shannon entropy; {facts['effective_large_providers']:,.1f} by the inverse Simpson index)"
    )
    for facet, found in facets.items():
        typer.echo("")
        _print_facet(facet, found, unit=unit, top=top)
    typer.echo(f"\nWhat max_share_per_provider in an [export.NAME] table leaves of these {unit} at most:")
    rows = [[f"  {float(cap):.2f}", f"{left:,}"] for cap, left in facts["caps"].items()]
    print_table(rows, head=["  cap", unit])


def _print_facet(facet: str, found: Mapping[str, int], *, unit: str, top: int) -> None:
    total = max(1, sum(found.values()))
    shown = dict(list(found.items())[:top])
    rows = [_row(label, size, total) for label, size in shown.items()]
    if len(found) > top:
        rows.append(_row(f"({len(found) - top:,} others)", total - sum(shown.values()), total))
    print_table(rows, head=[f"by {facet}", "descriptions" if facet == "language" else unit, "share", ""])
    if facet == "language":
        error = 1.96 * math.sqrt(0.25 / total)
        typer.echo(f"(a sample of {total:,} descriptions: shares are right within {error:.1%}, 95 times of 100)")


def _row(label: str, size: int, total: int) -> list[str]:
    return [label[:44], f"{size:,}", f"{size / total:.1%}", "#" * round(size / total * 40)]
