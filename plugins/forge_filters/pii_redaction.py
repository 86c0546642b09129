"""Replacing what was found in texts by placeholders: the shared half of the filters ``pii`` and ``secrets``.

A placeholder says what stood there and the how-manieth of its kind it was in the document: ``[EMAIL_1]``. The same
value gets the same placeholder wherever it stands in the document; the number is no hash, so that nothing leads back.
In a document with loss spans (a dialogue) each placeholder is as long as what it replaces (``[EMAIL_1_______]``), so
that every span still cuts where it did.

Arrow kernels decide which documents and then which of their lines Python sees: a text without a candidate costs one
pass of RE2, some 500 MB a second; a line with one, some 20 microseconds.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from forge.records import Document
from forge.steps import Canary, Context, Corpus, Verdicts, canary_text, option

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROUNDS = 8
SEPARATORS = ("\n", ',"')
"""Where texts are cut: lines, then members of compact JSON, whose one line may be megabytes long. No find holds one."""


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a text to be replaced; ``value`` is what it says in one spelling, equal for equal values."""

    start: int
    end: int
    kind: str
    value: str


Finder = Callable[[str], Iterable[Span]]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What to look for.

    Attributes:
        kinds: names in the order in which changes list them.
        finders: each with its prefilter (RE2; what it does not match holds nothing for this finder), the first to win
            where two find what overlaps. A finder gets a piece of a line and names spans in any order. No placeholder
            may make a prefilter match what it did not match before.
        block: RE2 for documents that ``block_finder`` sees whole, for what runs over lines; empty if there is none.
    """

    kinds: Sequence[str]
    finders: Sequence[tuple[str, Finder]]
    block: str = ""
    block_finder: Finder | None = None

    @property
    def prefilter(self) -> str:
        """What no finder and no block can do without."""
        return "|".join([prefilter for prefilter, _ in self.finders] + ([self.block] if self.block else []))


@dataclass(frozen=True, kw_only=True)
class Redacted:
    """What was found in n texts: places a text (float64), what they were (``email 2, ip 1``), and the new texts."""

    found: "pa.DoubleArray"
    changes: "pa.StringArray"
    text: "pa.StringArray"
    kinds: "pa.StringArray"


@dataclass(slots=True)
class _Numbers:
    """The placeholders of one document."""

    same_length: bool
    taken: dict[str, int] = field(default_factory=dict)
    known: dict[tuple[str, str], int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def placeholder(self, span: Span) -> str:
        label = span.kind.upper().replace(" ", "_")
        key = (span.kind, span.value)
        if key not in self.known:
            self.taken[label] = self.known[key] = self.taken.get(label, 0) + 1
        self.counts[span.kind] += 1
        return self._written(label, self.known[key], span.end - span.start)

    def _written(self, label: str, number: int, room: int) -> str:
        text = f"[{label}_{number}"
        if not self.same_length:
            return text + "]"
        if len(text) >= room:
            text = f"[{label[0]}{number}"
        return text[: room - 1].ljust(room - 1, "_") + "]"

    def replaced(self, text: str, finders: Sequence[Finder]) -> str:
        """``text`` with everything found replaced, again until nothing is: what two values hid may come to light."""
        for _ in range(MAX_ROUNDS):
            spans = _apart(span for finder in finders for span in finder(text))
            if not spans:
                break
            parts, position = [], 0
            for span in spans:
                parts += [text[position : span.start], self.placeholder(span)]
                position = span.end
            text = "".join((*parts, text[position:]))
        return text

    def listed(self, kinds: Sequence[str]) -> str:
        return ", ".join(f"{kind} {self.counts[kind]}" for kind in kinds if self.counts[kind])


@dataclass(frozen=True, kw_only=True)
class Redacting:
    """What both filters share: the options for what becomes of a find, the verdicts, and how canaries are laid out."""

    name: ClassVar[str]
    columns: ClassVar[tuple[str, ...]] = ("text", "meta")
    rewrites: ClassVar[bool] = True

    action: Literal["redact", "drop"] = option("redact", help="redact: put placeholders; drop: drop the document")
    drop_above: int | None = option(None, help="drop, and do not redact, a document with more finds", unit="finds")

    def __post_init__(self) -> None:
        if self.drop_above is not None and self.drop_above < 0:
            raise ValueError(f"drop_above = {self.drop_above} is no number of finds; give 0 or more")

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:  # noqa: ARG002
        """Needs none."""
        return None

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:  # noqa: ARG002
        """Score: how many finds. A dropped document's reason is the first of its kinds, in the order of the rules."""
        found = redact(batch.column("text"), batch.column("meta"), self._rules())
        return verdicts(found, most=0 if self.action == "drop" else self.drop_above)

    def canaries(self, seed: int) -> Sequence[Canary]:
        """One document for each value to be found, and one that holds documentation's own."""
        values, innocent = self._planted(seed)
        made = [
            Canary(name=name, documents=[self._document(seed, name, value)], gone={name: [value]})
            for name, value in values.items()
        ]
        kept = self._document(seed, "innocent", innocent)
        return [*made, Canary(name="innocent", documents=[kept], kept=["innocent"])]

    def _rules(self) -> Rules:
        """What to look for."""
        raise NotImplementedError

    def _planted(self, seed: int) -> tuple[Mapping[str, str], str]:
        """For canaries: by name the values to be found, and a text in which nothing is."""
        raise NotImplementedError

    def _document(self, seed: int, name: str, value: str) -> Document:
        """A canary's document with ``value`` in it."""
        raise NotImplementedError


def framed(seed: int, name: str, value: str, *, apart: str) -> str:
    """``value`` between two texts like no other, each ``apart`` from it."""
    return apart.join((canary_text(seed, name, words=60), value, canary_text(seed, f"{name} after", words=60)))


def redact(texts: "pa.StringArray", meta: "pa.StringArray", rules: Rules) -> Redacted:
    """Look through n texts; ``meta`` is their documents' meta as JSON, which says where the loss is taken."""
    import pyarrow as pa
    import pyarrow.compute as pc

    hits = pc.match_substring_regex(texts, rules.prefilter).fill_null(False)
    rows = pc.indices_nonzero(hits)
    spans = pc.match_substring(meta.filter(hits), '"loss_spans"').fill_null(False).to_pylist()
    chosen = texts.filter(hits)
    numbers = [_Numbers(same_length=fixed) for fixed in spans]
    _skip_taken(chosen, rules.kinds, numbers)
    chosen = _blocks(chosen, rules, numbers)
    chosen = _lines(chosen, rules, numbers)
    found = [float(number.counts.total()) for number in numbers]
    said = [number.listed(rules.kinds) or None for number in numbers]
    first = [next((kind for kind in rules.kinds if number.counts[kind]), None) for number in numbers]
    changed = pc.is_valid(pa.array(said, pa.string()))
    return Redacted(
        found=_spread(pa.array(found, pa.float64()), rows, len(texts)).fill_null(0.0),
        changes=_spread(pa.array(said, pa.string()), rows, len(texts)),
        text=_spread(pc.if_else(changed, chosen, pa.scalar(None, pa.string())), rows, len(texts)),
        kinds=_spread(pa.array(first, pa.string()), rows, len(texts)),
    )


def _spread(values: "pa.Array", rows: "pa.Array", length: int) -> "pa.Array":
    """``values`` at ``rows`` of an array of ``length``, null elsewhere."""
    import numpy as np
    import pyarrow as pa

    places = np.full(length, -1, np.int64)
    places[rows.to_numpy()] = np.arange(len(rows))
    return values.take(pa.array(places, mask=places < 0))


def _skip_taken(texts: "pa.Array", kinds: Sequence[str], numbers: Sequence[_Numbers]) -> None:
    """Numbers that a text's own placeholders bear, from an earlier run for example, are not given again."""
    import pyarrow.compute as pc

    labels = "|".join(kind.upper().replace(" ", "_") for kind in kinds)
    pattern = rf"\[({labels})_([0-9]{{1,9}})_*\]"
    for row in pc.indices_nonzero(pc.match_substring_regex(texts, pattern)).to_pylist():
        for label, number in re.findall(pattern, texts[row].as_py()):
            numbers[row].taken[label] = max(int(number), numbers[row].taken.get(label, 0))


def _blocks(texts: "pa.Array", rules: Rules, numbers: Sequence[_Numbers]) -> "pa.Array":
    """Replace what runs over several lines; such documents are few."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if rules.block_finder is None:
        return texts
    mask = pc.match_substring_regex(texts, rules.block)
    finder = rules.block_finder
    new = [numbers[row].replaced(texts[row].as_py(), [finder]) for row in pc.indices_nonzero(mask).to_pylist()]
    return pc.replace_with_mask(texts, mask, pa.array(new, pa.string()))


def _lines(
    texts: "pa.Array", rules: Rules, numbers: Sequence[_Numbers], separators: Sequence[str] = SEPARATORS
) -> "pa.Array":
    """Replace what stands within a line, and there within a member of compact JSON: only pieces that the prefilter
    matches are cut further or looked at, in their order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not separators or not len(texts):
        return pa.array(_pieces(texts, rules, numbers), pa.string())
    lists = pc.split_pattern(texts, separators[0])
    pieces, parents = lists.flatten(), pc.list_parent_indices(lists)
    mask = pc.match_substring_regex(pieces, rules.prefilter)
    owners = [numbers[parent] for parent in parents.filter(mask).to_pylist()]
    old = pieces.filter(mask)
    new = _lines(old, rules, owners, separators[1:])
    if new.equals(old):
        return texts
    starts = pc.subtract(lists.offsets, lists.offsets[0])
    joined = pa.ListArray.from_arrays(starts, pc.replace_with_mask(pieces, mask, new))
    return pc.binary_join(joined, separators[0])


def _pieces(texts: "pa.Array", rules: Rules, numbers: Sequence[_Numbers]) -> list[str]:
    """Each text with its finds replaced by those finders whose own prefilter it matches."""
    import pyarrow.compute as pc

    flags = [pc.match_substring_regex(texts, prefilter).to_pylist() for prefilter, _ in rules.finders]
    found = []
    for row, text in enumerate(texts.to_pylist()):
        chosen = [finder for flag, (_, finder) in zip(flags, rules.finders, strict=True) if flag[row]]
        found.append(numbers[row].replaced(text, chosen))
    return found


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Spans by position; of two that overlap, the one named first."""
    kept: list[Span] = []
    for span in spans:
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)


def verdicts(found: Redacted, *, most: int | None) -> Verdicts:
    """Keep the redacted text; drop what holds more than ``most`` finds, with the first kind as the reason."""
    import pyarrow as pa
    import pyarrow.compute as pc

    nothing = pa.scalar(None, pa.string())
    drop = pa.repeat(pa.scalar(False), len(found.found)) if most is None else pc.greater(found.found, float(most))
    return Verdicts(
        keep=pc.invert(drop),
        score=found.found,
        reason=pc.if_else(drop, found.kinds, nothing),
        text=pc.if_else(drop, nothing, found.text),
        changes=pc.if_else(drop, nothing, found.changes),
    )
