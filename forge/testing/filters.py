"""`check_filter`: the rules of the filter contract, tried on a batch of documents."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge.canaries import DEFAULT_FLOOR, Canary, Fate, check_canaries, look, planted
from forge.records import Document, arrow_schema, to_row
from forge.steps import Context, Filter, ScoredFilter, Section, Verdicts
from forge.testing.fakes import MemoryCorpus, context
from forge.testing.rules import broken, check_step, copied

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class _Row:
    """One document's verdict, comparable: scores by ``repr``, so that NaN equals itself."""

    keep: bool
    score: str
    reason: str | None
    text: str | None
    changes: str | None


def check_filter(judge: Filter, batch: "pa.RecordBatch", context: Context | None = None) -> Verdicts:
    """Judge a batch as the engine would, whole and in pieces, and hold the filter to its contract.

    Verdicts are of the right types and lengths, with a reason for what is dropped and none for what stays. A document's
    verdict is the same alone, in reverse order, by a copy as in another process, and by one that was shown the corpus
    backwards and in small pieces. What is kept stays kept when judged again, replaced text included, also by one that
    was prepared on what is left. A scored filter's verdicts are its decision on its scores. A filter that has canaries
    catches them, planted beside the batch as the engine plants them, and leaves the innocent as they are.

    Args:
        judge: the filter.
        batch: documents, all columns of their schema; see `documents`. Give it some to keep and some to drop.
        context: what ``prepare`` gets; by default one in a temporary folder, without a network.

    Returns:
        The verdicts on the whole batch.

    Raises:
        PluginError: a rule is broken; the message says which, and on which row.
    """
    check_step(judge)
    _check_columns(judge)
    with tempfile.TemporaryDirectory() as folder:
        state = _prepare(judge, batch, context, folder=Path(folder))
        verdicts = _judge(judge, batch, state)
        rows = _rows(judge, verdicts)
        _check_pieces(judge, batch, state, rows=rows)
        left = _left(batch, rows)
        _check_again(judge, left, state, how="judged again")
        if state is not None:
            _check_corpus_order(judge, batch, context, rows=rows, folder=Path(folder) / "backwards")
            again = _prepare(judge, left, context, folder=Path(folder) / "again")
            _check_again(judge, left, again, how="the filter is applied to what it left")
        _check_scores(judge, batch, state, rows=rows)
        _check_report(judge, state)
        _check_canaries(judge, batch, context, folder=Path(folder) / "canaries")
    return verdicts


def _check_columns(judge: Filter) -> None:
    known = arrow_schema(Document).names
    unknown = [name for name in judge.columns if name not in known]
    if not judge.columns or unknown or isinstance(judge.columns, str):
        raise broken(judge, f"columns is a tuple of names out of {', '.join(known)}; this is {judge.columns!r}")


def _prepare(
    judge: Filter, batch: "pa.RecordBatch", given: Context | None, *, folder: Path, pieces: int = 1000
) -> Path | None:
    """The state for judging; prepared with a scratch directory of its own, as the engine gives one."""
    own = given or context(folder)
    scratch = folder / "state"
    scratch.mkdir(parents=True)
    method = getattr(judge, "prepare", None)
    if method is None:
        return None
    state: Path | None = method(MemoryCorpus(batch, rows=pieces), replace(own, scratch=scratch))
    if state is not None and not (state.is_dir() and state.is_relative_to(scratch)):
        raise broken(judge, f"prepare returns a directory under context.scratch, or None; it returned {state}")
    return state


def _judge(judge: Filter, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
    """Judge with the declared columns and no others, as the engine projects."""
    try:
        verdicts = judge.judge(batch.select(list(judge.columns)), state)
    except KeyError as error:
        raise broken(judge, f"it reads a column that columns does not name: {error}") from error
    if not isinstance(verdicts, Verdicts):
        raise broken(judge, f"judge returns Verdicts; it returned {type(verdicts).__name__}")
    _check_types(judge, verdicts)
    if len(verdicts.keep) != len(batch):
        raise broken(judge, f"{len(verdicts.keep)} verdicts for {len(batch)} documents")
    if verdicts.text is not None and not getattr(judge, "rewrites", False):
        raise broken(judge, "it replaces text; say so in the class: rewrites: ClassVar[bool] = True")
    return verdicts


def _check_types(judge: Filter, verdicts: Verdicts) -> None:
    import pyarrow as pa

    expected = {
        "keep": pa.bool_(),
        "score": pa.float64(),
        "reason": pa.string(),
        "text": pa.string(),
        "changes": pa.string(),
    }
    for name, kind in expected.items():
        column = getattr(verdicts, name)
        if column is not None and not (isinstance(column, pa.Array) and column.type == kind):
            found = column.type if isinstance(column, pa.Array) else type(column).__name__
            raise broken(judge, f"{name} is a {kind} array; this is {found}")
    for name in ("keep", "score"):
        if getattr(verdicts, name).null_count:
            raise broken(judge, f"{name} holds a null; every document gets a verdict and a score")


def _rows(judge: Filter, verdicts: Verdicts) -> list[_Row]:
    absent = [None] * len(verdicts.keep)
    texts, changes = (absent if column is None else column.to_pylist() for column in (verdicts.text, verdicts.changes))
    columns = (verdicts.keep.to_pylist(), verdicts.score.to_pylist(), verdicts.reason.to_pylist(), texts, changes)
    rows = [_Row(keep, repr(score), *said) for keep, score, *said in zip(*columns, strict=True)]
    for number, row in enumerate(rows):
        if row.keep == (row.reason is not None) or row.reason == "":
            verb = "kept, with" if row.keep else "dropped, with"
            raise broken(
                judge, f"row {number} is {verb} the reason {row.reason!r}; what is dropped has one, the rest null"
            )
        if verdicts.changes is not None and (row.changes is None) != (row.text is None):
            raise broken(judge, f"row {number}: changes says what was replaced where text is, and is null elsewhere")
    return rows


def _check_pieces(judge: Filter, batch: "pa.RecordBatch", state: Path | None, *, rows: Sequence[_Row]) -> None:
    """The same verdicts alone, in reverse, by a copy in another process, and none for an empty batch."""
    import pyarrow as pa

    def verdicts(by: Any, piece: "pa.RecordBatch") -> list[_Row]:
        return _rows(judge, _judge(by, piece, state))

    if verdicts(judge, batch.slice(0, 0)):
        raise broken(judge, "an empty batch gets no verdicts")
    alone = [row for number in range(len(batch)) for row in verdicts(judge, batch.slice(number, 1))]
    _compare(judge, rows, alone, how="judged alone")
    backwards = batch.take(pa.array(range(len(batch)), pa.int64())[::-1])
    _compare(judge, rows, verdicts(judge, backwards)[::-1], how="judged in reverse order")
    _compare(judge, rows, verdicts(copied(judge), batch), how="judged by a copy, as in another process")


def _check_corpus_order(
    judge: Filter, batch: "pa.RecordBatch", given: Context | None, *, rows: Sequence[_Row], folder: Path
) -> None:
    """The same verdicts whatever order and pieces the corpus came in."""
    import pyarrow as pa

    backwards = batch.take(pa.array(range(len(batch)), pa.int64())[::-1])
    state = _prepare(judge, backwards, given, folder=folder, pieces=3)
    _compare(judge, rows, _rows(judge, _judge(judge, batch, state)), how="prepared on the corpus in reverse order")


def _left(batch: "pa.RecordBatch", rows: Sequence[_Row]) -> "pa.RecordBatch":
    """What stays of a batch, with its text replaced."""
    import pyarrow as pa

    kept = [number for number, row in enumerate(rows) if row.keep]
    left = batch.take(pa.array(kept, pa.int64()))
    old = left.column("text").to_pylist()
    new = [text if rows[number].text is None else rows[number].text for number, text in zip(kept, old, strict=True)]
    return left.set_column(left.schema.get_field_index("text"), "text", pa.array(new, pa.string()))


def _check_again(judge: Filter, left: "pa.RecordBatch", state: Path | None, *, how: str) -> None:
    """What stays, with its text replaced, stays as it is."""
    texts = left.column("text").to_pylist()
    again = _rows(judge, _judge(judge, left, state))
    for number, (text, row) in enumerate(zip(texts, again, strict=True)):
        if not row.keep or row.text not in (None, text):
            raise broken(
                judge, f"of what is kept at first, row {number} is {'changed' if row.keep else 'dropped'} when {how}"
            )


def _check_scores(judge: Filter, batch: "pa.RecordBatch", state: Path | None, *, rows: Sequence[_Row]) -> None:
    if isinstance(judge, ScoredFilter):
        decided = judge.decide(judge.score(batch.select(list(judge.columns)), state))
        _compare(judge, rows, _rows(judge, decided), how="decided on its scores")


def _check_report(judge: Filter, state: Path | None) -> None:
    method = getattr(judge, "report", None)
    section = method(state) if method is not None else None
    if section is not None and not isinstance(section, Section):
        raise broken(judge, f"report returns a Section or None; it returned {type(section).__name__}")


def _check_canaries(judge: Filter, batch: "pa.RecordBatch", given: Context | None, *, folder: Path) -> None:
    """What the filter says it must catch it catches, with the batch for a corpus."""
    import pyarrow as pa

    seed = 0 if given is None else given.seed
    canaries = _canaries(judge, seed=seed)
    if not canaries:
        return
    rows = [to_row(document) for document in planted(canaries)]
    shadow = pa.RecordBatch.from_pylist(rows, schema=batch.schema)
    both = pa.Table.from_batches([batch, shadow]).combine_chunks().to_batches()[0]
    state = _prepare(judge, both, given, folder=folder)
    judged = _rows(judge, _judge(judge, shadow, state))
    fates = {
        str(row["id"]): Fate(keep=verdict.keep, text=str(row["text"]) if verdict.text is None else verdict.text)
        for row, verdict in zip(rows, judged, strict=True)
    }
    findings = look(canaries, fates)
    floor = float(getattr(judge, "canary_floor", DEFAULT_FLOOR))
    if findings.recall < floor:
        missed = "; ".join(findings.missed)
        raise broken(judge, f"of its canaries it catches {findings.recall:.1%}, its floor is {floor:.1%}: {missed}")
    if findings.lost:
        raise broken(judge, f"it touches innocent canaries: {'; '.join(findings.lost)}")


def _canaries(judge: Filter, *, seed: int) -> list[Canary]:
    """The filter's canaries, made twice, so that they are seen to rest on options and seed alone."""
    method = getattr(judge, "canaries", None)
    if method is None:
        return []
    canaries, again = list(method(seed)), list(method(seed))
    if canaries != again:
        raise broken(judge, "its canaries differ from call to call; make them from options and seed alone")
    try:
        check_canaries(canaries)
    except ValueError as error:
        raise broken(judge, str(error)) from error
    return canaries


def _compare(judge: Filter, rows: Sequence[_Row], others: Sequence[_Row], *, how: str) -> None:
    if len(rows) != len(others):
        raise broken(judge, f"{len(others)} verdicts instead of {len(rows)} when {how}")
    for number, (row, other) in enumerate(zip(rows, others, strict=True)):
        if row != other:
            raise broken(judge, f"row {number} gets another verdict when {how}: {row} and {other}")
