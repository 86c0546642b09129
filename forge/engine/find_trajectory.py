"""Finds one trajectory of the corpus by the beginning of its id. Reads ids first: a million in about a second."""

from collections.abc import Iterator
from pathlib import Path

from forge.errors import CorpusError
from forge.records import Trajectory, from_row
from forge.workspace import Workspace

SHORTEST = 4
MOST_CANDIDATES = 8


def find_trajectory(workspace: Workspace, prefix: str) -> Trajectory | None:
    """The trajectory whose id begins with ``prefix``; None if there is none. Of older and newer parts, the newest.

    Raises:
        CorpusError: there are several.
    """
    if len(prefix) < SHORTEST:
        return None
    found: dict[str, tuple[Path, int]] = {}
    for path in _tables(workspace):
        for row, name in _matches(path, prefix):
            found[name] = (path, row)
    if len(found) > 1 and prefix not in found:
        names = ", ".join(sorted(found)[:MOST_CANDIDATES])
        raise CorpusError(f"{prefix!r} begins the ids of {len(found):,} trajectories, write more of it: {names}")
    place = found.get(prefix) or next(iter(found.values()), None)
    return _read(*place) if place is not None else None


def stored_trajectories(workspace: Workspace, label: str) -> Iterator[Trajectory]:
    """Every trajectory of a source as it is stored in the corpus; of one that is in several parts, the newest."""
    import pyarrow.parquet as pq

    seen: set[str] = set()
    for path in reversed(_tables(workspace, label)):
        with pq.ParquetFile(path) as table:
            for batch in table.iter_batches(batch_size=256):
                for row in batch.to_pylist():
                    if row["id"] not in seen:
                        seen.add(row["id"])
                        yield from_row(Trajectory, row)


def _tables(workspace: Workspace, label: str = "*") -> list[Path]:
    """Whole parts' tables, the oldest first."""
    paths = workspace.hidden.glob(f"corpus/{label}/*.trajectories.parquet")
    whole = [path for path in paths if path.with_name(path.name.replace(".trajectories.parquet", ".json")).is_file()]
    return sorted(whole, key=lambda path: (path.stat().st_mtime_ns, path))


def _matches(path: Path, prefix: str) -> Iterator[tuple[int, str]]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    ids = pq.read_table(path, columns=["id"]).column("id")
    hits = pc.indices_nonzero(pc.starts_with(ids, pattern=prefix)).to_pylist()
    yield from ((row, ids[row].as_py()) for row in hits)


def _read(path: Path, row: int) -> Trajectory:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as table:
        start = 0
        for batch in table.iter_batches(batch_size=256):
            if row < start + batch.num_rows:
                found: Trajectory = from_row(Trajectory, batch.slice(row - start, 1).to_pylist()[0])
                return found
            start += batch.num_rows
    raise CorpusError(f"{path}: ends before row {row}; delete it and run `forge build`")
