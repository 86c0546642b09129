"""Canaries in a run: planted in a shadow partition, judged like any other, and looked at before anything is exported.

Each filter that has canaries has a shadow partition of its own, so that filters can be added, removed and reordered
without touching what others have judged. It is a part of documents under a label that no recipe can give, kept beside
the corpus and handed to that filter's ``prepare`` and ``judge`` only: vocabulary, tokens, counts and exports are made
from the parts of sources and renderers, of which it is none.

A filter that misses more than its floor allows, or touches an innocent one, ends the run with the numbers. They are
looked at in every run; judging them anew costs a part of some ten documents, and only where filter, options, state or
seed have changed. See `forge.canaries` for the contract.
"""

from collections.abc import Sequence

from forge.canaries import DEFAULT_FLOOR, Canary, Fate, Findings, check_canaries, look, planted
from forge.engine.checks import CanaryCheck, joined, write_checks
from forge.engine.judging import Judge, JudgeTask, judge_part, read_table
from forge.engine.keys import code_version, key_of
from forge.engine.parts import SHADOW, Part, document_batches, read_part, write_part
from forge.engine.session import Session, Step
from forge.errors import StepError, step_context
from forge.records import to_row
from forge.steps import Filter

EXAMPLES = 5
"""So many of what was missed are named in the message."""


def plant(session: Session, step: Step) -> Part | None:
    """Write the shadow partition of a filter, or find it written; None for a filter without canaries.

    Raises:
        StepError: the filter's canaries break their rules.
    """
    canaries = _canaries_of(step.instance, seed=session.recipe.seed)
    if not canaries:
        return None
    documents = list(planted(canaries))
    key = key_of([to_row(document) for document in documents], code_version("forge.engine.parts"))
    folder = str(session.workspace.hidden / "shadow")
    part = Part(label=SHADOW, name=step.label, key=key, folder=folder)
    found = read_part(session.workspace.hidden / "shadow", label=SHADOW, name=step.label, key=key)
    return found or write_part(part, documents, rename=False)


def check(session: Session, judges: Sequence[Judge]) -> dict[str, CanaryCheck]:
    """Have the canaries judged that are not yet, and look at all of them: how each filter that has some did, by label.

    Raises:
        StepError: a filter missed more than its floor allows, or touched an innocent document.
    """
    shadows = [(judge, judge.shadow) for judge in judges if judge.shadow is not None]
    new = [judge.label for judge, part in shadows if not judge.verdicts(part).is_file()]
    tasks = [JudgeTask(part=part, judges=(judge,)) for judge, part in shadows if judge.label in new]
    if tasks:
        sizes = [max(1, task.part.bytes) for task in tasks]
        for _ in session.run("canaries", judge_part, tasks, sizes=sizes):
            pass
    seen: dict[str, CanaryCheck] = {}
    for judge, part in shadows:
        findings = look(_canaries_of(judge.filter, seed=session.recipe.seed), fates(judge, part))
        floor = float(getattr(judge.filter, "canary_floor", DEFAULT_FLOOR))
        found = seen[judge.label] = CanaryCheck.of(findings, floor=floor)
        if judge.label in new or not found.holds:
            _tell(session, judge.label, found)
        if not found.holds:
            write_checks(session.workspace, joined([judge.label for judge in judges], canaries=seen, removals={}))
            judge.verdicts(part).unlink()  # so that the next run looks again, whatever was mended
            judge.scores(part).unlink(missing_ok=True)
            raise StepError(verdict_on(findings, floor=floor), plugin=judge.label, step="judge", record="canaries")
    if new:
        session.reporter.log(f"canaries: {', '.join(new)} did what was expected of them")
    return seen


def _tell(session: Session, label: str, seen: CanaryCheck) -> None:
    session.events.write(
        "canaries", label=label, due=seen.due, caught=seen.caught, innocent=seen.innocent, floor=seen.floor
    )


def verdict_on(findings: Findings, *, floor: float) -> str:
    """Why a filter cannot be trusted, with the numbers and what to do."""
    said = (
        f"caught {findings.caught} of the {findings.due} known bad things planted for it "
        f"({findings.recall:.1%}, floor {floor:.1%})"
    )
    if findings.missed:
        said += f", missed {_some(findings.missed)}"
    if findings.lost:
        said += f", and touched {len(findings.lost)} of {findings.innocent} innocent documents: {_some(findings.lost)}"
    return (
        f"{said}. Nothing is exported: a filter that fails on these fails on the corpus. Loosen or mend the options of "
        "its [[filter]] table (forge plugins NAME lists them), or take the filter out of the recipe"
    )


def fates(judge: Judge, part: Part) -> dict[str, Fate]:
    """What a filter made of the documents of a part, by id; for small parts."""
    verdicts = read_table(judge.verdicts(part))
    texts = {row["id"]: row["text"] for batch in document_batches(part, ["id", "text"]) for row in batch.to_pylist()}
    columns = (verdicts.column(name).to_pylist() for name in ("id", "keep", "text"))
    return {
        document: Fate(keep=keep, text=texts[document] if text is None else text)
        for document, keep, text in zip(*columns, strict=True)
    }


def _canaries_of(judge: Filter, *, seed: int) -> list[Canary]:
    """The filter's canaries, checked; none where it has no such method."""
    method = getattr(judge, "canaries", None)
    if method is None:
        return []
    with step_context(judge.name, step="canaries"):
        canaries = list(method(seed))
        check_canaries(canaries)
    return canaries


def _some(lines: Sequence[str]) -> str:
    rest = len(lines) - EXAMPLES
    return "; ".join(lines[:EXAMPLES]) + (f"; and {rest} more" if rest > 0 else "")
