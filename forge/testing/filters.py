"""`check_filter`: the rules of the filter contract, tried on a batch of documents."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge.records import Document, arrow_schema
from forge.steps import Context, Filter, ScoredFilter, Verdicts
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


def check_filter(judge: Filter, batch: "pa.RecordBatch", context: Context | None = None) -> Verdicts:
    """Judge a batch as the engine would, whole and in pieces, and hold the filter to its contract.

    Verdicts are of the right types and lengths, with a reason for what is dropped and none for what stays. A document's
    verdict is the same alone, in reverse order, and by a copy as in another process. What is kept stays kept when
    judged again, replaced text included. A scored filter's verdicts are its decision on its scores.

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
        _check_again(judge, batch, state, rows=rows)
        _check_scores(judge, batch, state, rows=rows)
    return verdicts


def _check_columns(judge: Filter) -> None:
    known = arrow_schema(Document).names
    unknown = [name for name in judge.columns if name not in known]
    if not judge.columns or unknown or isinstance(judge.columns, str):
        raise broken(judge, f"columns is a tuple of names out of {', '.join(known)}; this is {judge.columns!r}")


def _prepare(judge: Filter, batch: "pa.RecordBatch", given: Context | None, *, folder: Path) -> Path | None:
    """The state for judging; prepared with a scratch directory of its own, as the engine gives one."""
    own = given or context(folder)
    scratch = folder / "state"
    scratch.mkdir()
    state = judge.prepare(MemoryCorpus(batch), replace(own, scratch=scratch))
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

    expected = {"keep": pa.bool_(), "score": pa.float64(), "reason": pa.string(), "text": pa.string()}
    for name, kind in expected.items():
        column = getattr(verdicts, name)
        if column is not None and not (isinstance(column, pa.Array) and column.type == kind):
            found = column.type if isinstance(column, pa.Array) else type(column).__name__
            raise broken(judge, f"{name} is a {kind} array; this is {found}")
    for name in ("keep", "score"):
        if getattr(verdicts, name).null_count:
            raise broken(judge, f"{name} holds a null; every document gets a verdict and a score")


def _rows(judge: Filter, verdicts: Verdicts) -> list[_Row]:
    texts = [None] * len(verdicts.keep) if verdicts.text is None else verdicts.text.to_pylist()
    columns = (verdicts.keep.to_pylist(), verdicts.score.to_pylist(), verdicts.reason.to_pylist(), texts)
    rows = [_Row(keep, repr(score), reason, text) for keep, score, reason, text in zip(*columns, strict=True)]
    for number, row in enumerate(rows):
        if row.keep == (row.reason is not None) or row.reason == "":
            verb = "kept, with" if row.keep else "dropped, with"
            raise broken(
                judge, f"row {number} is {verb} the reason {row.reason!r}; what is dropped has one, the rest null"
            )
    return rows


def _check_pieces(judge: Filter, batch: "pa.RecordBatch", state: Path | None, *, rows: Sequence[_Row]) -> None:
    """The same verdicts alone, in reverse, by a copy in another process, and none for an empty batch."""

    def verdicts(by: Any, piece: "pa.RecordBatch") -> list[_Row]:
        return _rows(judge, _judge(by, piece, state))

    if verdicts(judge, batch.slice(0, 0)):
        raise broken(judge, "an empty batch gets no verdicts")
    alone = [row for number in range(len(batch)) for row in verdicts(judge, batch.slice(number, 1))]
    _compare(judge, rows, alone, how="judged alone")
    backwards = batch.take(list(range(len(batch)))[::-1])
    _compare(judge, rows, verdicts(judge, backwards)[::-1], how="judged in reverse order")
    _compare(judge, rows, verdicts(copied(judge), batch), how="judged by a copy, as in another process")


def _check_again(judge: Filter, batch: "pa.RecordBatch", state: Path | None, *, rows: Sequence[_Row]) -> None:
    """What stays, with its text replaced, stays as it is when judged again."""
    import pyarrow as pa

    kept = [number for number, row in enumerate(rows) if row.keep]
    if not kept:
        return
    table = batch.take(kept)
    old = table.column("text").to_pylist()
    new = [text if rows[number].text is None else rows[number].text for number, text in zip(kept, old, strict=True)]
    position = table.schema.get_field_index("text")
    table = table.set_column(position, "text", pa.array(new, pa.string()))
    again = _rows(judge, _judge(judge, table, state))
    for number, text, row in zip(kept, new, again, strict=True):
        if not row.keep or row.text not in (None, text):
            raise broken(
                judge,
                f"row {number} is kept at first, and {'dropped' if not row.keep else 'changed'} when judged again",
            )


def _check_scores(judge: Filter, batch: "pa.RecordBatch", state: Path | None, *, rows: Sequence[_Row]) -> None:
    if isinstance(judge, ScoredFilter):
        decided = judge.decide(judge.score(batch.select(list(judge.columns)), state))
        _compare(judge, rows, _rows(judge, decided), how="decided on its scores")


def _compare(judge: Filter, rows: Sequence[_Row], others: Sequence[_Row], *, how: str) -> None:
    if len(rows) != len(others):
        raise broken(judge, f"{len(others)} verdicts instead of {len(rows)} when {how}")
    for number, (row, other) in enumerate(zip(rows, others, strict=True)):
        if row != other:
            raise broken(judge, f"row {number} gets another verdict when {how}: {row} and {other}")
