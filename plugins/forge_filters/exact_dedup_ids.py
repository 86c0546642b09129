"""The ids that a deduplication drops, as a file that workers map: sorted, of fixed width, looked up by bisection.

Costs nothing at import; a lookup of n ids among m takes n log m comparisons, within numpy.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Array = np.ndarray[Any, Any]

_SMALL = 1 << 20


def save(values: "Array", path: Path) -> None:
    """Write as ``.npy``; not by `numpy.save`, whose error on a full disk does not say that it is full."""
    from numpy.lib import format as npy

    with path.open("wb") as stream:
        npy.write_array_header_1_0(stream, npy.header_data_from_array_1_0(values))
        stream.write(values.data)


@lru_cache(maxsize=16)
def load(path: Path) -> "Array":
    """An array that `save` wrote, read where it is touched. A state's folder is named by its content: it never changes.

    Raises:
        FileNotFoundError: the state is gone.
    """
    import numpy as np

    array: Array = np.load(path, mmap_mode=None if path.stat().st_size < _SMALL else "r")
    return array


def id_bytes(ids: list[str]) -> "np.ndarray[Any, np.dtype[np.bytes_]]":
    """Ids as fixed-width UTF-8, shape (n,); numpy compares them byte by byte, as DuckDB does."""
    import numpy as np

    raw = [item.encode("utf-8", "surrogatepass") for item in ids]
    return np.array(raw, dtype=np.bytes_) if raw else np.zeros(0, "S1")


def places(known: "Array", wanted: "Array") -> tuple["Array", "Array"]:
    """Where each value of ``wanted`` stands in the sorted array ``known``, and whether it is there at all."""
    import numpy as np

    if not len(known):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
    found = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return found, np.asarray(known[found] == wanted)


def qualities(meta: "pa.Array", key: str) -> "pa.DoubleArray":
    """The number ``key`` of each document's meta (JSON text), float64; null where there is none."""
    import orjson
    import pyarrow as pa
    import pyarrow.compute as pc

    said = pc.match_substring(meta, f'"{key}"').fill_null(False).to_pylist() if key else [False] * len(meta)
    if not any(said):
        return pa.nulls(len(meta), pa.float64())
    values = (orjson.loads(meta[row].as_py()).get(key) if there else None for row, there in enumerate(said))
    return pa.array([float(v) if isinstance(v, (int, float)) else None for v in values], pa.float64())
