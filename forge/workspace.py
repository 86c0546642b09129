"""A workspace: a folder with a recipe, and where everything in it lies.

    forge.toml                     the recipe
    .forge/catalog.duckdb          the catalogue
    .forge/corpus/LABEL/           records by partition (Parquet), each with a marker that is written last
    .forge/verdicts/LABEL/         what each filter said of each partition
    .forge/state/STEP/KEY/         models, indexes, token caches
    .forge/http/                   fetched material
    .forge/runs/RUN.jsonl          events
    exports/NAME/                  shards, manifest.json, README.md, report.html

One process at a time may change a workspace: it holds ``.forge/lock``, which the operating system lets go of when the
process dies, however it dies.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from forge.errors import WorkspaceError
from forge.files import sweep
from forge.recipe import FILE_NAME


@dataclass(frozen=True)
class Workspace:
    """Paths of the workspace at ``root``."""

    root: Path

    @property
    def recipe(self) -> Path:
        """``forge.toml``."""
        return self.root / FILE_NAME

    @property
    def hidden(self) -> Path:
        """``.forge``, all of which can be made again."""
        return self.root / ".forge"

    @property
    def catalog(self) -> Path:
        """The catalogue's file."""
        return self.hidden / "catalog.duckdb"

    @property
    def cache(self) -> Path:
        """Fetched material."""
        return self.hidden / "http"

    @property
    def journal(self) -> Path:
        """Answers of language models, and what they cost."""
        return self.hidden / "llm.sqlite"

    @property
    def runs(self) -> Path:
        """Event logs."""
        return self.hidden / "runs"

    @property
    def training(self) -> Path:
        """Where a trainer's plan beside the recipe writes by default; the report looks for its metrics here."""
        return self.root / "training"

    def corpus(self, label: str) -> Path:
        """Records of a source or renderer."""
        return self.hidden / "corpus" / label

    def verdicts(self, label: str) -> Path:
        """Verdicts of a filter."""
        return self.hidden / "verdicts" / label

    def state(self, step: str) -> Path:
        """State of a step, one folder a key."""
        return self.hidden / "state" / step

    def scratch(self, label: str) -> Path:
        """Private folder of a source or renderer, where it finds again what it left."""
        return self.state(label) / "scratch"

    def export(self, name: str) -> Path:
        """An export."""
        return self.root / "exports" / name

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        """Hold the workspace for the length of the block; sweeps what killed processes left half written.

        Raises:
            WorkspaceError: another process holds it, naming that process and its command, or the folder cannot be
                written.
        """
        holder = self.hidden / "holder"
        try:
            self.hidden.mkdir(parents=True, exist_ok=True)
            guard = FileLock(self.hidden / "lock", timeout=0)
            guard.acquire()
        except Timeout:
            other = holder.read_text(encoding="utf-8").strip() if holder.is_file() else "another process"
            raise WorkspaceError(
                f"{self.root}: the workspace is in use by {other}; wait for it to end, or stop it"
            ) from None
        except OSError as error:
            raise WorkspaceError(f"{self.root}: cannot be written: {error.strerror}; use another folder") from error
        try:
            holder.write_text(f"process {os.getpid()} (forge {command})\n", encoding="utf-8")
            sweep([self.hidden, self.root / "exports"])
            yield
        finally:
            holder.unlink(missing_ok=True)
            guard.release()
