"""Refine: filters in the recipe's order, to verdicts beside the corpus.

Nothing is deleted: a drop is a row with a reason. Every filter judges every document, so that its verdicts depend on
the text alone; what stands is kept by all. A filter that needs the whole corpus (``prepare``) is shown what the filters
before it left. Filters that do not are fused into one pass over each part.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from forge.catalog import SnapshotView
from forge.engine import canaries
from forge.engine.checks import CanaryCheck
from forge.engine.judging import Judge, JudgeTask, judge_part, read_table, replace_text
from forge.engine.keys import code_version, key_of, step_key
from forge.engine.limits import hold_to_rates
from forge.engine.parts import Part, document_batches, read_marker
from forge.engine.render import snapshot
from forge.engine.session import Session, Step
from forge.engine.story import write_story
from forge.errors import step_context
from forge.files import file_hash, write_bytes

if TYPE_CHECKING:
    import pyarrow as pa


def refine(session: Session, steps: Sequence[Step], *, parts: Sequence[Part]) -> list[Judge]:
    """Let every filter judge every part that holds documents, now or before.

    Raises:
        StepError: a filter failed, naming filter and part; or it failed on its canaries, or dropped more or fewer
            documents than it may.
    """
    judges: list[Judge] = []
    for step in steps:
        judges.append(_ready(session, step, parts=parts, before=judges))
    seen = settle(session, judges, parts=parts)
    write_story(session, judges, parts=parts)
    hold_to_rates(session, steps, judges, parts=parts, canaries=seen)
    return judges


def _ready(session: Session, step: Step, *, parts: Sequence[Part], before: Sequence[Judge]) -> Judge:
    shadow = canaries.plant(session, step)
    corpus = CorpusBefore(session, parts=parts, judges=before, shadow=shadow)
    score_base = step_key(step.instance, thresholds=False)
    view = _view(session, step)
    given = [*([view.fingerprint] if view is not None else []), *_inputs(session, step)]
    state_key = key_of(score_base, corpus.fingerprint, session.recipe.seed, *given)
    state = _prepare(session, step, corpus=corpus, folder=session.workspace.state(step.label) / state_key)
    chain = [judge.key for judge in before if judge.rewrites]
    common = (state_key if state is not None else "", chain, code_version("forge.engine.judging"))
    return Judge(
        label=step.label,
        filter=step.instance,
        folder=session.workspace.verdicts(step.label),
        state=state,
        key=key_of(step_key(step.instance), *common),
        score_key=key_of(score_base, *common),
        shadow=shadow,
    )


def _inputs(session: Session, step: Step) -> list[str]:
    """Hashes of the files that a filter reads besides the corpus; of one that is not there ``prepare`` will say so."""
    method = getattr(step.instance, "inputs", None)
    if method is None:
        return []
    with step_context(step.table.name, step="inputs"):
        paths: Sequence[Path] = method(session.workspace.root)
        return [file_hash(path) if path.is_file() else "" for path in paths]


def _view(session: Session, step: Step) -> SnapshotView | None:
    """The catalogue, for a filter that reads it; None where the recipe's sources give no API."""
    if not getattr(step.instance, "reads_catalog", False) or session.catalog.fingerprint() is None:
        return None
    return snapshot(session)


def _prepare(session: Session, step: Step, *, corpus: "CorpusBefore", folder: Path) -> Path | None:
    method = getattr(step.instance, "prepare", None)
    if method is None:
        return None
    marker = folder / "prepared.json"
    facts = read_marker(marker)
    if facts is not None and facts["files"] == _sizes(folder):
        return folder / str(facts["state"])
    context = session.context(step.label, scratch=folder, catalog=_view(session, step))
    with session.timed("prepared", label=step.label), step_context(step.table.name, step="prepare"):
        state: Path | None = method(corpus, context)
    if state is None:
        folder.rmdir() if not any(folder.iterdir()) else None
        return None
    session.events.write("computed", step="prepare", label=step.label)
    facts = {"state": str(state.relative_to(folder)), "files": _sizes(folder)}
    write_bytes(marker, msgspec.json.encode(facts))
    return state


def _sizes(folder: Path) -> dict[str, int]:
    """Sizes of the files that a filter left, by path: a state that lost one is prepared again."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "prepared.json")
    return {str(path.relative_to(folder)): path.stat().st_size for path in sorted(files)}


def settle(session: Session, judges: Sequence[Judge], *, parts: Sequence[Part]) -> dict[str, CanaryCheck]:
    """Make sure that every judge's verdicts on every part are there; its canaries go first, and how they fared returns.

    Raises:
        StepError: a filter failed, on its canaries or on a part.
    """
    seen = canaries.check(session, judges)
    tasks = []
    for part in parts:
        last = max((index for index, judge in enumerate(judges) if not judge.verdicts(part).is_file()), default=None)
        if last is not None:
            tasks.append(JudgeTask(part=part, judges=tuple(judges[: last + 1])))
    if not tasks:
        return seen
    missing = {judge.label: None for task in tasks for judge in task.judges if not judge.verdicts(task.part).is_file()}
    sizes = [max(1, task.part.bytes) for task in tasks]
    for position, done in session.run(f"filter {', '.join(missing)}", judge_part, tasks, sizes=sizes):
        part = tasks[position].part
        for label, action in done.items():
            session.events.write("computed", step=action, label=label, part=f"{part.label}/{part.name}")
    return seen


class CorpusBefore:
    """The documents as earlier filters left them; judged only if somebody reads it. See `forge.steps.Corpus`.

    Args:
        shadow: the canaries of the filter that reads it, served last, as they are.
    """

    def __init__(
        self, session: Session, *, parts: Sequence[Part], judges: Sequence[Judge], shadow: Part | None = None
    ) -> None:
        self._session = session
        self._parts = parts
        self._judges = list(judges)
        self._shadow = shadow
        self.fingerprint = key_of([part.key for part in parts], [judge.key for judge in judges])
        if shadow is not None:
            self.fingerprint = key_of(self.fingerprint, shadow.key)

    def batches(self, columns: Sequence[str]) -> "Iterator[pa.RecordBatch]":
        """Batches of the named columns, part by part."""
        settle(self._session, self._judges, parts=self._parts)
        total = sum(part.bytes for part in self._parts)
        with self._session.reporter.track("read the corpus", max(1, total), "bytes") as bar:
            for part in self._parts:
                yield from kept_batches(part, judges=self._judges, columns=columns)
                bar.advance(part.bytes)
        if self._shadow is not None:
            yield from document_batches(self._shadow, list(columns))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What all filters together made of a part.

    Attributes:
        keep: boolean array, one value a document. text: replaced text or null, or None if nobody rewrites.
        drops: documents by (label of the first filter that dropped them, reason).
    """

    keep: "pa.BooleanArray"
    text: "pa.StringArray | None"
    drops: Counter[tuple[str, str]]


def outcome(part: Part, judges: Sequence[Judge], *, among: "pa.BooleanArray | None" = None) -> Outcome:
    """The verdicts on a part taken together; reads the verdict files only.

    Args:
        among: which of its documents to look at, one value a document; None for all. The others are neither kept nor
            counted.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    keep = pa.array([True] * part.rows["documents"], pa.bool_()) if among is None else among
    text: pa.StringArray | None = None
    drops: Counter[tuple[str, str]] = Counter()
    for judge in judges:
        table = read_table(judge.verdicts(part))
        verdict = table.column("keep").combine_chunks()
        dropped = pc.and_not(keep, verdict)
        reasons = table.column("reason").combine_chunks().filter(dropped).fill_null("dropped")
        drops.update((judge.label, reason) for reason in reasons.to_pylist())
        keep = pc.and_(keep, verdict)
        if judge.rewrites:
            replaced = table.column("text").combine_chunks()
            text = replaced if text is None else pc.coalesce(replaced, text)
    return Outcome(keep=keep, text=text, drops=drops)


def drops_of_domain(parts: Sequence[Part], judges: Sequence[Judge], *, domain: str) -> tuple[int, Counter[str]]:
    """Documents of one domain before the filters, and how many each filter dropped; reads domains and verdicts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    documents = 0
    drops: Counter[str] = Counter()
    for part in parts:
        if domain not in part.text_bytes:
            continue
        batches = [pc.equal(batch.column("domain"), domain) for batch in document_batches(part, ["domain"])]
        among = pa.concat_arrays(batches)
        documents += among.true_count
        for (label, _), count in outcome(part, judges, among=among).drops.items():
            drops[label] += count
    return documents, drops


def kept_batches(
    part: Part, *, judges: Sequence[Judge], columns: Sequence[str], result: Outcome | None = None
) -> "Iterator[pa.RecordBatch]":
    """The documents of a part that all judges keep, with their final text."""
    result = result or outcome(part, judges)
    offset = 0
    for batch in document_batches(part, list(columns)):
        rows = batch.num_rows
        text = None if result.text is None else result.text.slice(offset, rows)
        kept = replace_text(batch, text).filter(result.keep.slice(offset, rows))
        offset += rows
        if kept.num_rows:
            yield kept
