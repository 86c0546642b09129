"""Vectors kept by the hash of their text, so that a text is embedded once, whatever corpus it stands in.

A folder for each model (`Encoder.fingerprint`), a Parquet file for each chunk that was embedded, put in place whole: a
run that is cut short loses the chunk at hand, and a corpus that grew has its new documents embedded and no others.
Vectors are kept as float16: 768 bytes a text for 384 numbers. In memory lie the hashes, 24 bytes a text. Nothing is
ever removed: delete the folder to have the room back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge.files import atomic_path

if TYPE_CHECKING:
    import numpy as np

Encode = Callable[[Sequence[str]], "np.ndarray[Any, np.dtype[np.float32]]"]


def text_hash(text: str) -> bytes:
    """Blake2b-128 of a text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """A file: its hashes in ascending order, and the row of each."""

    path: Path
    hashes: "np.ndarray[Any, np.dtype[np.bytes_]]"
    rows: "np.ndarray[Any, np.dtype[np.int64]]"


class VectorCache:
    """The vectors of one model.

    Args:
        folder: where its chunks lie; other processes may write there at the same time.
        encode: asked for what is not there.

    Attributes:
        embedded: texts that ``encode`` was asked for.
    """

    def __init__(self, folder: Path, *, encode: Encode, dimension: int) -> None:
        self.embedded = 0
        self._folder = folder
        self._encode = encode
        self._dimension = dimension
        self._chunks = [_open(path) for path in sorted(folder.glob("*.parquet"))]

    def vectors(self, texts: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.float32]]":
        """One row a text, as float16 holds it; equal texts are embedded once."""
        import numpy as np

        found = np.zeros((len(texts), self._dimension), np.float32)
        if not texts:
            return found
        hashes = np.array([text_hash(text) for text in texts], "S16")
        missing = np.ones(len(texts), np.bool_)
        for chunk in self._chunks:
            self._take(chunk, hashes, found=found, missing=missing)
        if missing.any():
            places = np.flatnonzero(missing)
            _, first = np.unique(hashes[places], return_index=True)
            self._chunks.append(self._embed([texts[place] for place in places[first]]))
            self._take(self._chunks[-1], hashes, found=found, missing=missing)
        return found

    def _take(self, chunk: _Chunk, hashes: Any, *, found: Any, missing: Any) -> None:
        """Fill in what a chunk knows, and clear it from ``missing``."""
        import numpy as np

        wanted = np.flatnonzero(missing)
        places = np.minimum(np.searchsorted(chunk.hashes, hashes[wanted]), len(chunk.hashes) - 1)
        known = chunk.hashes[places] == hashes[wanted]
        if known.any():
            found[wanted[known]] = _read(chunk.path, self._dimension)[chunk.rows[places[known]]]
            missing[wanted[known]] = False

    def _embed(self, texts: Sequence[str]) -> _Chunk:
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        raw = np.ascontiguousarray(self._encode(texts).astype(np.float16))
        self.embedded += len(texts)
        hashes = sorted(map(text_hash, texts))
        by_hash = {text_hash(text): place for place, text in enumerate(texts)}
        raw = raw[[by_hash[name] for name in hashes]]
        width = 2 * self._dimension
        vectors = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(raw), [None, pa.py_buffer(raw.tobytes())])
        table = pa.table({"hash": pa.array(hashes, pa.binary(16)), "vector": vectors})
        path = self._folder / f"{blake2b(b''.join(hashes), digest_size=16).hexdigest()}.parquet"
        with atomic_path(path) as temporary:
            pq.write_table(table, temporary, compression="none", use_dictionary=False)
        return _open(path)


def _open(path: Path) -> _Chunk:
    import numpy as np
    import pyarrow.parquet as pq

    hashes = _bytes(pq.read_table(path, columns=["hash"]).column("hash"), "S16")
    rows = np.argsort(hashes, kind="stable")
    return _Chunk(path=path, hashes=hashes[rows], rows=rows)


def _read(path: Path, dimension: int) -> Any:
    import pyarrow.parquet as pq

    column = pq.read_table(path, columns=["vector"]).column("vector")
    return _bytes(column, "<f2").reshape(-1, dimension)


def _bytes(column: Any, kind: str) -> Any:
    """A column of fixed-size binary as numpy reads its bytes."""
    import numpy as np
    import pyarrow as pa

    array = pa.concat_arrays(column.chunks)
    width = array.type.byte_width
    raw = np.frombuffer(array.buffers()[1], np.uint8, count=len(array) * width, offset=array.offset * width)
    return raw.view(kind)
