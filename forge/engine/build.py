"""Build: the whole road from sources to exports, each stage resuming where it was.

What a build found is summed up in ``.forge/build.json``, from which `forge status` and the report read: it holds counts
and no decision rests on it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from forge.catalog import CatalogCounts, SnapshotView
from forge.engine.checks import FilterCheck, read_checks
from forge.engine.collect import collect
from forge.engine.export import Corpus, Exported, export
from forge.engine.keys import code_version, key_of
from forge.engine.parts import Part
from forge.engine.refine import refine
from forge.engine.render import render, snapshot
from forge.engine.sections import sections_of, source_sections_of
from forge.engine.session import Session, Step
from forge.engine.story import tell_export, tell_tokens
from forge.engine.tokens import TokenPart, tokenize
from forge.engine.vocabulary import vocabulary
from forge.errors import CorpusError, step_context
from forge.files import write_bytes, write_text
from forge.manifest import PluginEntry
from forge.recipe import ExportTable
from forge.report.data import FilterRow, ReportData, SourceRow, TripwireRow, read_training
from forge.report.page import render_report
from forge.sections import Section
from forge.workspace import Workspace

SUMMARY_NAME = "build.json"
REPORT_NAME = "report.html"


@dataclass(frozen=True, kw_only=True)
class LabelSummary:
    """What one source or renderer gave: parts, records and rejects, documents before and after the filters, tokens."""

    label: str
    parts: int
    records: int
    rejects: int
    documents: int
    kept: int
    tokens: int
    tokens_by_domain: dict[str, int]
    text_bytes: int
    drops: list[tuple[str, str, int]]
    first_rejects: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What the last build found.

    Attributes:
        filters: labels in order. checks: what their tripwires said. sections: by label, what they say of themselves.
    """

    labels: list[LabelSummary] = field(default_factory=list)
    filters: list[str] = field(default_factory=list)
    checks: list[FilterCheck] = field(default_factory=list)
    sections: dict[str, Section] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Steps:
    """All steps of a recipe, checked before the first runs."""

    sources: Sequence[Step]
    renderers: Sequence[Step]
    filters: Sequence[Step]
    tokenizer: Step


def check(session: Session) -> Steps:
    """Make every step of the recipe.

    Raises:
        PluginError, RecipeError: a name or option is wrong; nothing has run yet.
    """
    recipe = session.recipe
    return Steps(
        sources=session.steps("source", recipe.sources),
        renderers=session.steps("renderer", recipe.renderers),
        filters=session.steps("filter", recipe.filters),
        tokenizer=session.step("tokenizer", recipe.tokenizer),
    )


def gather(session: Session, steps: Steps) -> list[Part]:
    """Bring catalogue and corpus up to the recipe."""
    late = [step for step in steps.sources if _reads_catalog(step)]
    parts = collect(session, [step for step in steps.sources if not _reads_catalog(step)])
    view = _load_catalog(session, parts)
    parts += collect(session, late, catalog=view) if late else []
    return parts + render(session, steps.renderers, view=view, parts=parts)


def catalog_view(session: Session) -> SnapshotView | None:
    """Bring the catalogue up to the recipe's sources of APIs; None if they give none."""
    steps = session.steps("source", session.recipe.sources)
    return _load_catalog(session, collect(session, [step for step in steps if not _reads_catalog(step)]))


def gather_one(session: Session, label: str) -> list[Part]:
    """Bring the catalogue up to the recipe, and of the sources that read it the one with this label."""
    view = catalog_view(session)
    steps = session.steps("source", [table for table in session.recipe.sources if table.label == label])
    return collect(session, steps, catalog=view)


def _reads_catalog(step: Step) -> bool:
    return bool(getattr(step.instance, "reads_catalog", False))


def prepare(session: Session) -> Corpus:
    """Bring catalogue, corpus, verdicts and tokens up to the recipe.

    Raises:
        CorpusError: nothing in the recipe gave a document.
    """
    steps = check(session)
    parts = gather(session, steps)
    written = [part for part in parts if part.rows.get("documents")]
    if not written:
        raise CorpusError("the sources and renderers gave no document; add one to the recipe: see `forge plugins`")
    judges = refine(session, steps.filters, parts=written)
    words = vocabulary(session, steps.tokenizer, parts=written, judges=judges)
    tokens = tokenize(session, words, parts=written, judges=judges)
    tell_tokens(session.workspace, {f"{part.label}/{part.name}": str(part.side) for part in tokens})
    labels = [step.label for step in steps.filters]
    sections = {**source_sections_of(session, steps.sources), **sections_of(judges)}
    _write_summary(session.workspace, parts=parts, tokens=tokens, filters=labels, sections=sections)
    return Corpus(words=words, tokens=tokens, filters=labels, plugins=_plugins(steps), parts=written, judges=judges)


def build(session: Session, *, exports: Mapping[str, ExportTable]) -> list[Exported]:
    """Run the recipe and make the named exports; without any, stop when catalogue and corpus stand.

    Raises:
        ForgeError: whatever was finished is kept; the same command takes up where this one ended.
    """
    if not exports:
        parts = gather(session, check(session))
        _write_summary(session.workspace, parts=parts, tokens=[], filters=[])
        return []
    corpus = prepare(session)
    done = []
    for name, table in exports.items():
        made = export(session, corpus, name=name, table=table)
        if made.written or not (made.folder / REPORT_NAME).is_file():
            write_report(session.workspace, made, counts=_counts(session))
        _tell_plugins(session, made)
        tell_export(session.workspace, name, recipe_hash=made.manifest.recipe_hash)
        done.append(made)
    return done


def _tell_plugins(session: Session, made: Exported) -> None:
    """Call ``forge_export_finished`` once an export: a run that ends before every plugin was told tells them again."""
    told = session.workspace.state("told") / f"{made.name}-{made.manifest.recipe_hash}"
    if told.is_file():
        return
    with step_context("forge_export_finished", step="export", record=made.name):
        session.host.hook.forge_export_finished(folder=made.folder)
    write_text(told, "")


def write_report(workspace: Workspace, made: Exported, *, counts: CatalogCounts | None) -> Path:
    """Write ``report.html`` beside an export's manifest, with the loss curves of a training run if there is one."""
    summary = read_summary(workspace)
    drawn = {count.name for count in made.manifest.sources}
    rows = [label for label in summary.labels if label.label in drawn or not label.documents]
    available: Counter[str] = Counter()
    for label in rows:
        available.update(label.tokens_by_domain)
    data = ReportData(
        manifest=made.manifest,
        catalog=counts,
        sources=[_source_row(label) for label in rows],
        filters=_funnel([label for label in rows if label.documents], summary.filters),
        tripwires=[_tripwire_row(check) for check in summary.checks],
        sections=summary.sections,
        available=available,
        training=read_training(workspace.training / "metrics.jsonl"),
    )
    path = made.folder / REPORT_NAME
    write_text(path, render_report(data))
    return path


def read_summary(workspace: Workspace) -> Summary:
    """What the last build found; empty if there was none."""
    path = workspace.hidden / SUMMARY_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Summary)
    except (FileNotFoundError, msgspec.DecodeError):
        return Summary()


def _load_catalog(session: Session, parts: Sequence[Part]) -> SnapshotView | None:
    """Bring the catalogue up to the collected parts; None if no source gave an API."""
    with_apis = [part for part in parts if part.rows.get("apis")]
    if not with_apis:
        return None
    rule = code_version(f"{type(session.catalog).__module__}")
    fingerprint = key_of([(part.label, part.key) for part in with_apis], rule)
    if session.catalog.fingerprint() != fingerprint:
        rows = sum(part.rows["apis"] for part in with_apis)
        with session.reporter.track("catalogue", rows, "records") as bar, session.timed("computed", step="catalog"):
            session.catalog.load([part.path("apis") for part in with_apis], fingerprint=fingerprint)
            bar.advance(rows)
    return snapshot(session)


def _counts(session: Session) -> CatalogCounts | None:
    return session.catalog.counts() if session.catalog.fingerprint() is not None else None


def _plugins(steps: Steps) -> list[PluginEntry]:
    used = {step.origin for step in (*steps.sources, *steps.renderers, *steps.filters, steps.tokenizer)}
    entries = [PluginEntry(name=o.plugin, distribution=o.distribution, version=o.version) for o in used]
    return sorted(entries, key=lambda entry: (entry.name, entry.distribution))


def _write_summary(
    workspace: Workspace,
    *,
    parts: Sequence[Part],
    tokens: Sequence[TokenPart],
    filters: list[str],
    sections: dict[str, Section] | None = None,
) -> None:
    labels = [
        _summarise(label, [p for p in parts if p.label == label], [t for t in tokens if t.label == label])
        for label in dict.fromkeys(part.label for part in parts)
    ]
    checks = [check for check in read_checks(workspace) if check.label in filters]
    summary = Summary(labels=labels, filters=filters, checks=checks, sections=sections or {})
    write_bytes(workspace.hidden / SUMMARY_NAME, msgspec.json.encode(summary))


def _summarise(label: str, parts: Sequence[Part], tokens: Sequence[TokenPart]) -> LabelSummary:
    domains: Counter[str] = Counter()
    dropped: Counter[tuple[str, str]] = Counter()
    for token_part in tokens:
        domains.update(token_part.tokens_by_domain)
        dropped.update({(name, reason): count for name, reason, count in token_part.drops})
    rejects = [reject for part in parts for reject in part.first_rejects]
    return LabelSummary(
        label=label,
        parts=len(parts),
        records=sum(count for part in parts for table, count in part.rows.items() if table != "rejects"),
        rejects=sum(part.rows.get("rejects", 0) for part in parts),
        documents=sum(part.rows.get("documents", 0) for part in parts),
        kept=sum(token_part.documents for token_part in tokens),
        tokens=sum(token_part.tokens for token_part in tokens),
        tokens_by_domain=dict(sorted(domains.items())),
        text_bytes=sum(part.bytes for part in parts),
        drops=[(name, reason, count) for (name, reason), count in sorted(dropped.items())],
        first_rejects=rejects[:5],
    )


def _source_row(label: LabelSummary) -> SourceRow:
    return SourceRow(
        label=label.label,
        partitions=label.parts,
        records=label.records,
        rejects=label.rejects,
        rejects_sample=label.first_rejects,
        documents=label.documents,
        bytes=label.text_bytes,
    )


def _funnel(labels: Sequence[LabelSummary], filters: Sequence[str]) -> list[FilterRow]:
    """One row a filter: what came to it, what left it, and why the rest did not."""
    seen = sum(label.documents for label in labels)
    rows = []
    for name in filters:
        reasons: Counter[str] = Counter()
        for label in labels:
            reasons.update({reason: count for by, reason, count in label.drops if by == name})
        kept = seen - sum(reasons.values())
        rows.append(FilterRow(label=name, seen=seen, kept=kept, reasons=dict(reasons)))
        seen = kept
    return rows


def _tripwire_row(check: FilterCheck) -> TripwireRow:
    removal, canaries = check.removal, check.canaries
    return TripwireRow(
        label=check.label,
        reached=removal.reached if removal else 0,
        dropped=removal.dropped if removal else 0,
        changed=removal.changed if removal else 0,
        least=removal.least if removal else None,
        most=removal.most if removal else None,
        text_rate=removal.text_rate if removal else None,
        has_canaries=canaries is not None,
        due=canaries.due if canaries else 0,
        caught=canaries.caught if canaries else 0,
        floor=canaries.floor if canaries else 0.0,
        innocent=canaries.innocent if canaries else 0,
        touched=canaries.touched if canaries else 0,
    )
