"""Judging one part: the worker's side of refine.

Filters that need no whole-corpus state run in one pass over a part: its columns are read once and every batch goes
through all of them. Verdicts lie beside the corpus, row for row with the documents, one file a filter and part. The
scores of a `ScoredFilter` have a file of their own, so that a changed threshold is a pass over numbers.

What a filter answers is held to its contract before it is written: a verdict and a score for every document, a reason
for every drop, a replaced text only from a filter that says that it rewrites. A null where a verdict is due would
delete a document that no tripwire counts. Costs a few null counts a batch.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from forge.engine.keys import key_of
from forge.engine.parts import Part, document_batches, own_file
from forge.errors import StepError, step_context
from forge.files import atomic_path
from forge.steps import Filter, ScoredFilter, Verdicts

if TYPE_CHECKING:
    import pyarrow as pa

NO_FIELD = re.compile(r'Field "(.+)" does not exist in schema')
"""What pyarrow says of a column that a batch has not."""
SIZES = ("bytes_before", "bytes_after")
"""Columns of a verdict file: UTF-8 bytes of the text as a rewriting filter saw it and as it left it; else null."""


@dataclass(frozen=True, kw_only=True)
class Judge:
    """A filter ready to judge.

    Attributes:
        label: its name in the recipe. folder: where its verdicts lie.
        state: what its ``prepare`` left, or None.
        key: of options, code, state and of the rewriting filters before it; ``score_key`` without the thresholds.
        shadow: its canaries, or None; see `forge.engine.canaries`.
    """

    label: str
    filter: Filter
    folder: Path
    state: Path | None
    key: str
    score_key: str
    shadow: Part | None = None

    @property
    def rewrites(self) -> bool:
        """Whether later filters see a text that this one has changed."""
        return bool(getattr(self.filter, "rewrites", False))

    def verdicts(self, part: Part) -> Path:
        """Where the verdicts on a part lie."""
        return verdicts_path(self.folder, part, key=self.key)

    def scores(self, part: Part) -> Path:
        """Where the scores of a part lie."""
        return self.folder / f"{part.label}-{part.name}-{key_of(part.key, self.score_key)[:16]}.scores.parquet"


def verdicts_path(folder: Path, part: Part, *, key: str) -> Path:
    """Where the verdicts of the filter with this key on a part lie in the filter's folder."""
    return folder / f"{part.label}-{part.name}-{key_of(part.key, key)[:16]}.parquet"


@dataclass(frozen=True, kw_only=True)
class JudgeTask:
    """A part and the filters up to the last that has not judged it."""

    part: Part
    judges: Sequence[Judge]


def judge_part(task: JudgeTask) -> dict[str, str]:
    """Judge one part; runs in a worker. Returns by label what was done: ``judged``, ``scored`` or ``decided``."""
    done: dict[str, str] = {}
    running = [
        _Running(judge=judge, part=task.part)
        for judge in task.judges
        if judge.rewrites or not judge.verdicts(task.part).is_file()
    ]
    columns = {"id", *(column for run in running if run.reads_text for column in run.judge.filter.columns)}
    if any(run.judge.rewrites for run in running):
        columns |= {"text", "meta"}
    for offset, batch in _offsets(document_batches(task.part, sorted(columns))):
        current = batch
        for run in running:
            with step_context(run.judge.filter.name, step="judge", record=f"{task.part.label}/{task.part.name}"):
                verdicts = run.judge_batch(current, offset)
                hold_spans(current, verdicts.text)
            current = replace_text(current, verdicts.text)
    for run in running:
        if not run.already:
            run.write()
            done[run.judge.label] = run.action
    return done


class _Running:
    """One filter on its way through a part."""

    def __init__(self, *, judge: Judge, part: Part) -> None:
        self.judge = judge
        self._part = part
        self._rows: list[pa.RecordBatch] = []
        self._scores: list[pa.Array] = []
        self.already = judge.verdicts(part).is_file()
        self._stored: pa.Table | None = None
        scored = isinstance(judge.filter, ScoredFilter)
        self.action = "scored" if scored else "judged"
        if self.already:
            self._stored = read_table(judge.verdicts(part))
        elif scored and judge.scores(part).is_file():
            self._stored = read_table(judge.scores(part))
            self.action = "decided"

    @property
    def reads_text(self) -> bool:
        """Whether the filter itself must see the documents."""
        return self._stored is None

    def judge_batch(self, batch: "pa.RecordBatch", offset: int) -> Verdicts:
        """Verdicts for the batch that begins at row ``offset`` of the part."""
        rows = batch.num_rows
        if self.already:
            assert self._stored is not None
            piece = self._stored.slice(offset, rows)
            known = [field.name for field in fields(Verdicts) if field.name in piece.column_names]
            return Verdicts(**{name: _flat(piece, name) for name in known})
        if self._stored is not None:
            assert isinstance(self.judge.filter, ScoredFilter)
            verdicts = self.judge.filter.decide(_flat(self._stored.slice(offset, rows), "score"))
        else:
            verdicts = self._ask(batch.select(list(self.judge.filter.columns)))
        if len(verdicts.keep) != rows:
            raise StepError(f"answered {len(verdicts.keep)} verdicts for {rows} documents")
        hold_verdicts(batch, verdicts, rewrites=self.judge.rewrites)
        self._rows.append(_verdict_batch(batch, verdicts, rewrites=self.judge.rewrites))
        return verdicts

    def _ask(self, view: "pa.RecordBatch") -> Verdicts:
        """What the filter says of documents of which it sees the columns that it names."""
        asked = self.judge.filter
        try:
            if not isinstance(asked, ScoredFilter):
                return asked.judge(view, self.judge.state)
            scores = asked.score(view, self.judge.state)
        except KeyError as error:
            missing = NO_FIELD.search(str(error))
            if missing is None:
                raise
            named = ", ".join(view.schema.names)
            raise StepError(
                f"it reads the column {missing[1]!r}, which its class attribute columns does not name ({named}); add it"
            ) from error
        self._scores.append(scores)
        return asked.decide(scores)

    def write(self) -> None:
        """Put the verdicts in place, and before them the scores they rest on."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._scores:
            with atomic_path(self.judge.scores(self._part)) as temporary:
                pq.write_table(pa.table({"score": pa.chunked_array(self._scores)}), temporary, compression="zstd")
        with atomic_path(self.judge.verdicts(self._part)) as temporary:
            pq.write_table(pa.Table.from_batches(self._rows, verdict_schema()), temporary, compression="zstd")


def verdict_schema() -> "pa.Schema":
    """Columns of a verdict file."""
    import pyarrow as pa

    return pa.schema(
        [
            ("id", pa.string()),
            ("keep", pa.bool_()),
            ("score", pa.float64()),
            ("reason", pa.string()),
            ("text", pa.string()),
            ("changes", pa.string()),
            *((name, pa.int64()) for name in SIZES),
        ]
    )


def hold_verdicts(batch: "pa.RecordBatch", verdicts: Verdicts, *, rewrites: bool) -> None:
    """Refuse verdicts that leave open what becomes of a document, or replace text unannounced.

    Raises:
        StepError: a null in ``keep`` or ``score``, a drop without a reason, or text from one that does not rewrite.
    """
    import pyarrow.compute as pc

    for name in ("score", "keep"):  # a null verdict often comes of a null score, which is then what to mend
        column = getattr(verdicts, name)
        if column.null_count:
            raise _refused(
                batch,
                pc.is_null(column),
                said="gave no verdict (a null in keep)" if name == "keep" else "gave no score (a null in score)",
                rule=f"{name} has a value for every document: fill nulls in the filter (pyarrow.compute.fill_null)",
            )
    unsaid = pc.equal(pc.fill_null(verdicts.reason, ""), "")
    silent = pc.and_not(unsaid, verdicts.keep)
    if pc.any(silent).as_py():
        raise _refused(batch, silent, said="gave no reason for a drop", rule="what is dropped has one, the rest null")
    if verdicts.text is not None and not rewrites and verdicts.text.null_count < len(verdicts.text):
        raise _refused(
            batch,
            pc.is_valid(verdicts.text),
            said="replaced the text",
            rule="a filter that rewrites says so in its class, rewrites: ClassVar[bool] = True, else its text is lost",
        )


def _refused(batch: "pa.RecordBatch", wrong: "pa.BooleanArray", *, said: str, rule: str) -> StepError:
    """The error for rows that break a rule, with their number and one of them."""
    import pyarrow.compute as pc

    rows = pc.indices_nonzero(wrong)
    return StepError(
        f"it {said} for {len(rows):,} of {batch.num_rows:,} documents of a batch; {rule}. Mend the filter "
        "(forge.testing.check_filter holds it to all rules) or take it out of the recipe",
        record=batch.column("id")[rows[0].as_py()].as_py(),
    )


def hold_spans(batch: "pa.RecordBatch", text: "pa.StringArray | None") -> None:
    """Refuse a replaced text of another length where the document says on which characters the loss is taken.

    Raises:
        StepError: loss spans would no longer cut where they did.
    """
    import pyarrow.compute as pc

    if text is None or text.null_count == len(text):
        return
    has_spans = pc.match_substring(batch.column("meta"), '"loss_spans"').fill_null(False)
    moved = pc.not_equal(pc.utf8_length(text), pc.utf8_length(batch.column("text"))).fill_null(False)
    wrong = pc.indices_nonzero(pc.and_(has_spans, moved))
    if len(wrong):
        raise StepError(
            "it changed the length of a document with loss spans, which no longer fit; "
            "a filter that rewrites must keep the length of such documents, or drop them",
            record=batch.column("id")[wrong[0].as_py()].as_py(),
        )


def replace_text(batch: "pa.RecordBatch", text: "pa.StringArray | None") -> "pa.RecordBatch":
    """The batch with its text replaced where ``text`` is not null."""
    import pyarrow.compute as pc

    if text is None or text.null_count == len(text) or "text" not in batch.schema.names:
        return batch
    index = batch.schema.get_field_index("text")
    return batch.set_column(index, batch.schema.field(index), pc.coalesce(text, batch.column(index)))


def read_table(path: Path) -> "pa.Table":
    """A Parquet file of the engine's own, whole, in one chunk a column."""
    import pyarrow.parquet as pq

    with own_file(path) as file, pq.ParquetFile(file) as table:
        return table.read().combine_chunks()


def _verdict_batch(batch: "pa.RecordBatch", verdicts: Verdicts, *, rewrites: bool) -> "pa.RecordBatch":
    import pyarrow as pa

    absent = pa.nulls(batch.num_rows, pa.string())
    text = absent if verdicts.text is None else verdicts.text
    changes = absent if verdicts.changes is None else verdicts.changes
    sizes = [pa.nulls(batch.num_rows, pa.int64())] * len(SIZES)
    if rewrites:
        sizes = [_sizes(batch), _sizes(replace_text(batch, text))]
    columns = [batch.column("id"), verdicts.keep, verdicts.score, verdicts.reason, text, changes, *sizes]
    return pa.RecordBatch.from_arrays(columns, schema=verdict_schema())


def _sizes(batch: "pa.RecordBatch") -> "pa.Int64Array":
    """UTF-8 bytes of each text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.cast(pc.binary_length(batch.column("text")), pa.int64())


def _flat(table: "pa.Table", name: str) -> "pa.Array":
    import pyarrow as pa

    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.nulls(0, column.type)])


def _offsets(batches: "Iterator[pa.RecordBatch]") -> "Iterator[tuple[int, pa.RecordBatch]]":
    offset = 0
    for batch in batches:
        yield offset, batch
        offset += batch.num_rows
