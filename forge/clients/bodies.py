"""Bodies, bounded: decompressed piece by piece and counted as they come.

A compressed body that unfolds to gigabytes ends at the limit with no more than a quarter of a megabyte beyond it in
memory. Only gzip is asked for, hence only gzip is understood. Speed is zlib's, some 300 MB a second.
"""

import time
import zlib
from collections.abc import Iterable, Iterator

from forge.clients.failures import Again, Final

ASKED_FOR = "gzip"
_STEP = 1 << 18
_GZIP = 31


def too_large(limit: int) -> Final:
    """The refusal of a body over the limit."""
    return Final(f"larger than {limit / 1e6:g} MB")


def check_length(header: str | None, limit: int) -> None:
    """Refuse a body whose announced length is over the limit, before a byte of it is read."""
    if header and header.strip().isdecimal() and int(header) > limit:
        raise too_large(limit)


def capped(chunks: Iterable[bytes], *, limit: int, seconds: float | None = None) -> Iterator[bytes]:
    """The chunks, as long as they come to no more than ``limit`` bytes and take no longer than ``seconds``.

    Raises:
        Final: more bytes. Again: more seconds.
    """
    count, deadline = 0, None if seconds is None else time.monotonic() + seconds
    for chunk in chunks:
        count += len(chunk)
        if count > limit:
            raise too_large(limit)
        if deadline is not None and time.monotonic() > deadline:
            raise Again(f"cannot be reached (the body took more than {seconds:g} s)")
        yield chunk


def decoded(chunks: Iterable[bytes], encoding: str | None) -> Iterator[bytes]:
    """The chunks without their ``Content-Encoding``.

    Raises:
        Final: an encoding that was not asked for, or no gzip. Again: the compressed body ends early.
    """
    names = [name.strip().lower() for name in (encoding or "").split(",")]
    wanted = [name for name in names if name not in ("", "identity")]
    if not wanted:
        return iter(chunks)
    if wanted not in (["gzip"], ["x-gzip"]):
        raise Final(f"the server sends content encoding {', '.join(wanted)!r}, which was not asked for")
    return _gunzip(chunks)


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    engine, begun = zlib.decompressobj(_GZIP), False
    for chunk in chunks:
        data = chunk
        while data:
            if engine.eof:  # a further member, or the zeros that some servers pad with
                data = data.lstrip(b"\0")
                if not data:
                    break
                engine = zlib.decompressobj(_GZIP)
            begun = True
            yield from _pieces(engine, data)
            data = engine.unused_data
    if begun and not engine.eof:
        raise Again("the compressed body ends early")


def _pieces(engine: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    """What ``data`` unfolds to, at most `_STEP` bytes at a time."""
    while not engine.eof:
        try:
            piece = engine.decompress(data, _STEP)
        except zlib.error as error:
            raise Final("the body is said to be gzip and is none") from error
        if piece:
            yield piece
        data = engine.unconsumed_tail
        if not data and len(piece) < _STEP:
            return
