"""From the items of benchmarks to the index: what is too short or too general to tell a leak by is left out, and named.

Some 4 seconds and 400 MB for BFCL and MMLU together.
"""

from collections.abc import Iterable

from forge_filters.benchmarks_items import Item
from forge_filters.decontaminate_measure import Built
from forge_filters.decontaminate_structures import add_structures
from forge_filters.decontaminate_texts import add_texts


def build(items: Iterable[Item], *, ngram: int, min_words: int) -> Built:
    """Entries and pointers for all items; of equal ones the first stands for all."""
    built = Built()
    texts: list[Item] = []
    structures: list[Item] = []
    for item in items:
        (structures if item.leaves or item.function else texts).append(item)
    add_texts(built, texts, ngram=ngram, min_words=min_words)
    add_structures(built, structures)
    return built
