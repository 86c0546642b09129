"""Exact nearest neighbours, the same to the last bit in any order and on any machine, for `semantic_match`.

Faiss (``IndexFlatIP``) compares everything with everything. Two things are added. Vectors are rounded to whole
multiples of a unit so chosen that every sum of a dot product is a whole number below 2^24: float32 then holds it
exactly, and no library's order of summation can change it (the rounding moves a cosine by some 0.0002, a tenth of what
bfloat16 does).
And ties, which texts with the same beginning make common, go to the smaller id.

Costs 2 * seeds * documents * dimension floating-point operations, twice; memory 4 * dimension bytes a seed and some 40
bytes for each of a seed's best.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float32]]
    Ids = np.ndarray[Any, np.dtype[np.bytes_]]

LEVELS = 2_048
"""Units in the length of the longest seed, rounded up to a power of two."""


def unit_of(seeds: "Floats") -> float:
    """The unit for vectors that are compared with ``seeds``; exact for those up to four times as long."""
    import numpy as np

    longest = float(np.sqrt(np.square(seeds, dtype=np.float64).sum(axis=1)).max())
    return float(2.0 ** np.ceil(np.log2(max(longest, 1e-6) - 1e-3 * longest))) / LEVELS


def in_units(vectors: "Floats", unit: float) -> "Floats":
    """Vectors as whole multiples of ``unit``, float32."""
    import numpy as np

    return np.ascontiguousarray(np.rint(vectors / np.float32(unit)).astype(np.float32))


def ranked(base: "Floats", queries: "Floats", *, k: int) -> "tuple[Floats, Any]":
    """The best ``k`` rows of ``base`` for each query: dot products and places, each (queries, min(k, rows)).

    In descending order; of equal ones the smaller place comes first.
    """
    import numpy as np

    count, more = min(k, len(base)), min(k + 1, len(base))
    index = _faiss().IndexFlatIP(base.shape[1])
    index.add(base)
    values, places = index.search(queries, more)
    order = np.lexsort((places, -values), axis=1)
    values, places = np.take_along_axis(values, order, 1), np.take_along_axis(places, order, 1)
    # Where the last that is taken ties with the first that is not, faiss may know of more than it has shown.
    if more > count:
        for query in np.flatnonzero(values[:, count - 1] == values[:, count]):
            every = base @ queries[query]
            places[query, :count] = np.argsort(-every, kind="stable")[:count]
            values[query, :count] = every[places[query, :count]]
    return values[:, :count], places[:, :count]


class BestOfSeeds:
    """The ``top_k`` documents nearest to each seed, of documents that come in any order.

    Args:
        seeds: in units, one row a seed.
    """

    def __init__(self, seeds: "Floats", *, top_k: int) -> None:
        import numpy as np

        self._seeds = seeds
        self._top_k = top_k
        self._values = np.zeros((len(seeds), 0), np.float32)
        self._ids = np.zeros((len(seeds), 0), "S1")

    def add(self, ids: "Ids", documents: "Floats") -> None:
        """Take documents into account; ids ascend."""
        import numpy as np

        values, places = ranked(documents, self._seeds, k=self._top_k)
        if self._values.shape[1] < self._top_k:
            changed = np.arange(len(self._seeds))
        else:
            changed = np.flatnonzero(values[:, 0] >= self._values[:, -1])
        values = np.concatenate((self._values[changed], values[changed]), axis=1)
        names = np.concatenate((self._ids[changed], ids[places[changed]]), axis=1)
        order = np.lexsort((names, -values), axis=1)[:, : self._top_k]
        values, names = np.take_along_axis(values, order, 1), np.take_along_axis(names, order, 1)
        if len(changed) == len(self._seeds):
            self._values, self._ids = values, names
        else:
            self._ids = self._ids.astype(np.promote_types(self._ids.dtype, names.dtype))
            self._values[changed], self._ids[changed] = values, names

    def ids(self) -> "Ids":
        """Ids of documents that are among the best of any seed, ascending."""
        import numpy as np

        return np.unique(self._ids)

    def floors(self) -> "Floats":
        """By seed, the dot product that its best reach; minus infinity while there is room for any."""
        import numpy as np

        if self._values.shape[1] < self._top_k:
            return np.full(len(self._seeds), -np.inf, np.float32)
        return self._values[:, -1]


def _faiss() -> Any:
    """Faiss, whose wrapper warns about itself when it is imported on newer Pythons."""
    import warnings

    from forge.errors import StepError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            import faiss
        except ImportError as error:
            raise StepError("faiss is not installed; run `pip install 'hephaestus-forge[embed]'`") from error
    return faiss
