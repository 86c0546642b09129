"""`forge status`: what the workspace holds."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from forge.cli.options import AsJson, Directory, print_json, print_table, shown, workspace_of
from forge.workspace import Workspace

if TYPE_CHECKING:
    from forge.catalog import CatalogCounts
    from forge.engine.checks import FilterCheck, RemovalCheck


NEAR_RULES = {
    "structure": "structure (method, path, parameters and description)",
    "wording": "wording (a provider's same description)",
}
SHOWN_GROUPS = 3
CHECK_HEAD = (
    "filter",
    "reached it",
    "dropped",
    "rate",
    "limits",
    "rewritten",
    "text gone",
    "canaries caught",
    "innocent left",
)


def status(context: typer.Context, directory: Directory = None, as_json: AsJson = False) -> None:
    """Count APIs, documents, tokens and exports, and say how the filters did against their limits and canaries.

    APIs are counted by four rules, from all rows to the strictest; each is printed in words.
    """
    from forge.engine.build import read_summary
    from forge.engine.checks import read_checks
    from forge.recipe import load_recipe

    workspace = workspace_of(context, directory)
    recipe = load_recipe(workspace.recipe)
    counts = _counts(workspace)
    labels = read_summary(workspace).labels
    checks = read_checks(workspace)
    exports = [_export(workspace, name) for name in recipe.exports]
    if as_json:
        corpus = {
            label.label: {
                "partitions": label.parts,
                "records": label.records,
                "rejects": label.rejects,
                "documents": label.documents,
                "kept": label.kept,
                "tokens": label.tokens,
                "text_bytes": label.text_bytes,
            }
            for label in labels
        }
        filters = [_check_facts(check) for check in checks]
        print_json({"catalog": _catalog_facts(counts), "corpus": corpus, "filters": filters, "exports": exports})
        return
    _print_catalog(counts)
    if labels:
        typer.echo("\nCorpus, at the last build")
        head = ["source", "records", "rejects", "documents", "kept", "tokens", "text"]
        rows = [
            [
                label.label,
                f"{label.records:,}",
                f"{label.rejects:,}",
                f"{label.documents:,}",
                f"{label.kept:,}",
                f"{label.tokens:,}",
                f"{label.text_bytes / 1e6:.1f} MB",
            ]
            for label in labels
        ]
        print_table(rows, head=head)
    _print_checks(checks)
    typer.echo("\nExports")
    rows = [[item["name"], item["state"], f"{item['tokens']:,}", shown(Path(item["folder"]))] for item in exports]
    print_table(rows, head=["export", "state", "tokens", "folder"])


def _check_facts(check: "FilterCheck") -> dict[str, Any]:
    facts = dataclasses.asdict(check)
    if check.removal is not None:
        facts["removal"] |= {"rate": check.removal.rate, "text_rate": check.removal.text_rate}
    return {**facts, "holds": check.holds}


def _print_checks(checks: Sequence["FilterCheck"]) -> None:
    """Removal rates and canaries of the last run, which a filter may have ended, with their limits."""
    if not checks:
        return
    typer.echo("\nFilters, at the last run")
    print_table([_check_row(check) for check in checks], head=list(CHECK_HEAD))
    for check in checks:
        if not check.holds:
            typer.echo(f"{check.label}: {_failing(check)}, so that nothing was exported; `forge build` says more")


def _failing(check: "FilterCheck") -> str:
    """Which tripwire a filter touched; canaries are looked at first, and the run ends there."""
    canaries, removal = check.canaries, check.removal
    if canaries is not None and canaries.recall < canaries.floor:
        return "it missed its canaries"
    if canaries is not None and canaries.touched:
        return "it touched innocent canaries"
    if removal is not None and removal.takes_too_much and not removal.is_too_high:
        return "it took more of the text than its limits allow"
    return "outside its limits"


def _check_row(check: "FilterCheck") -> list[str]:
    from forge.figures import percent

    removal, canaries = check.removal, check.canaries
    row = [check.label, "-", "-", "-", "-", "-", "-", "none", "-"]
    if removal is not None:
        rate = percent(removal.rate) if removal.reached else "-"
        mark = " (!)" if removal.is_too_low or removal.is_too_high else ""
        row[1:4] = [f"{removal.reached:,}", f"{removal.dropped:,}", f"{rate}{mark}"]
        row[4:6] = [_limits(removal), f"{removal.changed:,}"]
        if removal.text_rate is not None:
            row[6] = percent(removal.text_rate) + (" (!)" if removal.takes_too_much else "")
    if canaries is not None:
        mark = "" if canaries.holds else " (!)"
        row[7] = f"{canaries.caught} of {canaries.due}, floor {percent(canaries.floor)}{mark}"
        row[8] = f"{canaries.innocent - canaries.touched} of {canaries.innocent}"
    return row


def _limits(removal: "RemovalCheck") -> str:
    from forge.figures import percent

    if removal.least is None:
        return "none" if removal.most is None else f"at most {percent(removal.most)}"
    most = "" if removal.most is None else f" to {percent(removal.most)}"
    return f"{percent(removal.least)}{most}" if most else f"at least {percent(removal.least)}"


def _counts(workspace: Workspace) -> "CatalogCounts | None":
    from forge_registry import DuckCatalog

    return DuckCatalog(workspace.catalog).counts() if workspace.catalog.is_file() else None


def _catalog_facts(counts: "CatalogCounts | None") -> dict[str, Any] | None:
    if counts is None:
        return None
    from forge.catalog import IDENTITY_RULE, RAW_RULE, STRICT_RULE

    return {
        "raw": counts.raw,
        "distinct": counts.distinct,
        "distinct_documented": counts.distinct_documented,
        "strict": counts.strict,
        "rule": counts.rule,
        "rules": {
            "raw": RAW_RULE,
            "distinct": IDENTITY_RULE,
            "distinct_documented": counts.rule,
            "strict": STRICT_RULE,
        },
        "near": dict(counts.near),
        "near_duplicates": [dataclasses.asdict(group) for group in counts.near_duplicates],
        "by_source": dict(counts.by_source),
        "by_provider": dict(counts.by_provider),
        "by_licence": dict(counts.by_licence),
    }


def _print_catalog(counts: "CatalogCounts | None") -> None:
    if counts is None:
        typer.echo("There is no catalogue yet: run `forge build`.")
        return
    _print_rules(counts)
    typer.echo("  rows by source:")
    for source, rows in counts.by_source.items():
        typer.echo(f"    {rows:>9,}  {source}")
    typer.echo("  largest providers:")
    for provider, rows in list(counts.by_provider.items())[:8]:
        typer.echo(f"    {rows:>9,}  {provider}")
    _print_near(counts)


def _print_rules(counts: "CatalogCounts") -> None:
    from forge.catalog import IDENTITY_RULE, RAW_RULE, STRICT_RULE

    typer.echo(f"{counts.distinct_documented:,} distinct documented APIs")
    typer.echo(f"  by this rule: {counts.rule}")
    typer.echo(f"  raw: {counts.raw:,}: {RAW_RULE}")
    typer.echo(f"  distinct: {counts.distinct:,}: {IDENTITY_RULE}")
    if counts.strict is None:
        typer.echo("  strict: not counted yet: the next `forge build` does it")
    else:
        typer.echo(f"  strict: {counts.strict:,}: {STRICT_RULE}")


def _print_near(counts: "CatalogCounts") -> None:
    for rule, meaning in NEAR_RULES.items():
        groups = [group for group in counts.near_duplicates if group.rule == rule]
        if not groups:
            continue
        typer.echo(
            f"  near-duplicates by {meaning}: {counts.near.get(rule, 0):,} beyond the first; the largest groups:"
        )
        for group in groups[:SHOWN_GROUPS]:
            others = f" and {group.providers - 1} more" if group.providers > 1 else ""
            said = group.description if len(group.description) <= 60 else f"{group.description[:57]}..."
            typer.echo(f"    {group.apis:>9,}  {group.provider}{others}: {group.name[:60]}: {said}")


def _export(workspace: Workspace, name: str) -> dict[str, Any]:
    from forge.errors import CorpusError
    from forge.manifest import read_manifest

    folder = workspace.export(name)
    try:
        manifest = read_manifest(folder)
    except CorpusError:
        return {"name": name, "state": "not made", "tokens": 0, "documents": 0, "folder": str(folder)}
    return {
        "name": name,
        "state": "complete",
        "tokens": manifest.tokens,
        "documents": manifest.documents,
        "folder": str(folder),
    }
