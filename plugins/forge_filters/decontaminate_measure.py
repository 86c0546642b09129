"""What building the index rests on: texts measured by their words, and the index in the making. About a second."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from forge_filters.benchmarks_items import Item
from forge_filters.decontaminate_index import Entry, Pointers
from forge_filters.decontaminate_words import Words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNIT = 1 << 16
"""The weight of what a single task has."""

ANCHOR_WORDS = 3


@dataclass(slots=True)
class Built:
    """An index in the making.

    Attributes:
        entries: so far. left_out: items that are too short or too general to tell a leak by.
    """

    entries: list[Entry] = field(default_factory=list)
    left_out: list[Item] = field(default_factory=list)
    keys: "list[NDArray[np.uint64]]" = field(default_factory=list)
    targets: "list[NDArray[np.int64]]" = field(default_factory=list)
    weights: "list[NDArray[np.int64]]" = field(default_factory=list)
    lengths: set[int] = field(default_factory=set)

    def point(self, keys: "NDArray[np.uint64]", targets: "NDArray[np.int64]", weights: "NDArray[np.int64]") -> None:
        """Let each key point to the entry beside it."""
        self.keys.append(keys)
        self.targets.append(targets)
        self.weights.append(weights)

    def pointers(self) -> Pointers:
        """All of them."""
        import numpy as np

        return Pointers(
            keys=np.concatenate([np.zeros(0, np.uint64), *self.keys]),
            targets=np.concatenate([np.zeros(0, np.int64), *self.targets]),
            weights=np.concatenate([np.zeros(0, np.int64), *self.weights]),
            lengths=frozenset(self.lengths),
        )


def written(text: str) -> list[str]:
    """The text, and as JSON writes it with its characters escaped, where that differs in its words."""
    return [text] if text.isascii() else [text, escaped(text)]


def escaped(text: str) -> str:
    """The text within JSON that is ASCII only."""
    units = text.encode("utf-16-be", "replace")
    codes = [int.from_bytes(units[place : place + 2], "big") for place in range(0, len(units), 2)]
    return "".join(chr(code) if code < 0x80 else f"\\u{code:04x}" for code in codes)


def entry_of(item: Item, **more: Any) -> Entry:
    """The entry of an item; ``more`` is what the item does not say."""
    return Entry(benchmark=item.benchmark, item=item.item, field=item.field, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Of texts in their order: number of words, bytes in them, key of the whole, key of the first few; shape (n,)."""

    counts: "NDArray[np.int64]"
    sizes: "NDArray[np.int64]"
    keys: "NDArray[np.uint64]"
    heads: "NDArray[np.uint64]"

    @classmethod
    def of(cls, pieces: Sequence[Words]) -> "Measured":
        """Measure the texts of some pieces."""
        import numpy as np

        counts, sizes, keys, heads = [], [], [], []
        for words in pieces:
            begins, ends = words.all_bounds()
            lengths = np.concatenate([[0], np.cumsum(words.ends - words.starts)])
            usable = np.minimum(begins, max(len(words) - 1, 0))
            counts.append(ends - begins)
            sizes.append(lengths[ends] - lengths[begins])
            if len(words):
                keys.append(words.run_keys(usable, np.maximum(ends, usable)))
                heads.append(words.run_keys(usable, np.maximum(np.minimum(ends, usable + ANCHOR_WORDS), usable)))
            else:
                keys.append(np.zeros(len(begins), np.uint64))
                heads.append(np.zeros(len(begins), np.uint64))
        return cls(
            counts=np.concatenate(counts),
            sizes=np.concatenate(sizes).astype(np.int64),
            keys=np.concatenate(keys),
            heads=np.concatenate(heads),
        )
