"""The funnel from the files that the synthesizer left in its scratch directory."""

from collections import Counter
from pathlib import Path

import orjson

from forge_trajectories.synthesis.attempts import PATTERN, read_attempts
from forge_trajectories.synthesis.author_draft import Bill
from forge_trajectories.synthesis.funnel import Funnel, funnel_of


def read(folder: Path) -> Funnel:
    """The funnel; an empty one where nothing was attempted."""
    import pyarrow.parquet as pq

    ended: Counter[str] = Counter()
    shares: dict[str, float] = {}
    available = 0
    beside = Bill()
    for path in sorted(folder.glob(PATTERN)):
        about = pq.read_schema(path).metadata or {}
        ended[about.get(b"ended", b"").decode()] += 1
        available += int(about.get(b"available", b"0"))
        shares = orjson.loads(about.get(b"shares", b"{}"))
        beside = beside.plus(Bill(**orjson.loads(about.get(b"beside", b"{}"))))
    return funnel_of(read_attempts(folder), shares=shares, ended=ended, available=available, beside=beside)
