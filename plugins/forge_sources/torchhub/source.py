"""Source ``torchhub``: models that torch.hub loads, from ``hubconf.py`` files and from APIBench's rows.

    [[source]]
    name = "torchhub"
    repositories = ["pytorch/vision:v0.20.0"]       # fetched from GitHub as archives, once
    paths = ["checkouts/*", "torchhub_api.jsonl"]

A repository (folder, .tar.gz, .zip) is read as text and syntax trees; nothing of it is run. A jsonl file is taken for
APIBench, one API a row. Cost: a second for a repository of a thousand modules; 20 milliseconds for a hundred rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from forge.errors import StepError
from forge.records import ApiRecord, Reject, stable_id
from forge.steps import Context, HttpRequest, Partition, option

ARCHIVES = (".tar.gz", ".tgz", ".zip", ".tar")
ROWS = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json")
ROW_BYTES = 2_000_000
ARCHIVE_BYTES = 500_000_000


@dataclass(frozen=True, kw_only=True)
class TorchHub:
    """Models of torch.hub: entry points of hubconf.py with signature and docstring, and rows of APIBench."""

    name: ClassVar[str] = "torchhub"

    repositories: tuple[str, ...] = option(
        (), help="GitHub repositories as owner/name or owner/name:ref, fetched as archives"
    )
    paths: tuple[str, ...] = option(
        (),
        help="repository folders and archives, and APIBench jsonl files; owner/name=path where the name is not plain",
    )
    archives: str = option(
        "https://codeload.github.com/{repo}/tar.gz/{ref}", help="address of a repository's archive; for mirrors"
    )

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: with what to write instead.
        """
        if not self.repositories and not self.paths:
            raise ValueError(
                "name something to read: repositories = ['pytorch/vision'], or paths = ['torchhub_api.jsonl']"
            )
        wrong = [repo for repo in self.repositories if repo.partition(":")[0].count("/") != 1]
        if wrong:
            raise ValueError(f"a repository is owner/name or owner/name:ref; this is {wrong[0]!r}")

    def plan(self, context: Context) -> str:
        """What would be fetched and read."""
        missing = [repo for repo in self.repositories if not self._archive(repo, context).is_file()]
        fetched = f"fetches {len(missing)} archives of some 1 to 50 MB each" if missing else "fetches nothing"
        return f"reads {len(self.repositories)} repositories and {len(self._local(context))} local paths; {fetched}"

    def partitions(self, context: Context) -> Sequence[Partition]:
        """One partition a repository or file, by content; fetches the archives that the cache does not hold.

        Raises:
            FetchError: an archive cannot be had. StepError: a path matches nothing, or a name comes twice.
        """
        from forge_sources.torchhub.repository import content_hash

        found = [("repository", name, self._fetched(name, context)) for name in self.repositories]
        found += [(_kind(path), name, path) for name, path in self._local(context)]
        labels = [f"{kind} {name}" for kind, name, _ in found]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice:
            raise StepError(f"{twice} is there twice; name each once", plugin=self.name, step="collect")
        return [
            Partition(
                key=f"{kind}-{stable_id(name)[:12]}",
                fingerprint=stable_id(kind, name, content_hash(path)),
                items=(kind, name, _relative(path, context)),
                size=path.stat().st_size if path.is_file() else 0,
            )
            for kind, name, path in found
        ]

    def records(self, partition: Partition, context: Context) -> Iterator[ApiRecord | Reject]:
        """The entry points of a repository in the order of their names, or the rows of a file in theirs."""
        kind, name, place = partition.items
        path = context.workspace / place
        if kind == "rows":
            yield from self._rows(path, label=name)
            return
        from forge_sources.torchhub.repository import read_repository

        repository, _, ref = name.partition(":")
        yield from read_repository(path, name=repository, ref=ref, source=self.name)

    def _rows(self, path: Path, *, label: str) -> Iterator[ApiRecord | Reject]:
        from forge_sources.rows.reader import Piece, rows
        from forge_sources.torchhub.apibench import api_of_row

        for row in rows(Piece(path=path, label=label), limit=ROW_BYTES):
            yield row if isinstance(row, Reject) else api_of_row(row, source=self.name)

    def _local(self, context: Context) -> list[tuple[str, Path]]:
        """Names and paths of what lies on disk."""
        from forge_sources.torchhub.repository import repository_name

        found: list[tuple[str, Path]] = []
        for given in self.paths:
            named, equals, pattern = given.partition("=")
            where = context.workspace / (pattern if equals else given)
            matches = [where] if where.exists() else sorted(_glob(where))
            wanted = [path for path in matches if path.is_dir() or path.name.endswith((*ARCHIVES, *ROWS))]
            if not wanted:
                message = f"{given}: no folder, archive or jsonl file there; mend paths="
                raise StepError(message, plugin=self.name, step="collect")
            found += [(named if equals else repository_name(path, endings=ARCHIVES), path) for path in wanted]
        return found

    def _archive(self, repo: str, context: Context) -> Path:
        return context.cache / "torchhub" / f"{stable_id(self.archives, repo)[:24]}.tar.gz"

    def _fetched(self, repo: str, context: Context) -> Path:
        """The archive of a repository in the cache; fetched if it is not there, or anew on a refresh."""
        place = self._archive(repo, context)
        if not place.is_file() or context.refresh:
            name, _, ref = repo.partition(":")
            place.parent.mkdir(parents=True, exist_ok=True)
            url = self.archives.replace("{repo}", name).replace("{ref}", ref or "HEAD")
            context.log(f"{self.name}: fetching {repo}")
            context.http.download(HttpRequest(url=url, limit=ARCHIVE_BYTES), place)
        return place


def _kind(path: Path) -> str:
    return "rows" if path.name.endswith(ROWS) and path.is_file() else "repository"


def _glob(pattern: Path) -> Iterator[Path]:
    """What a pattern with ``*`` in it finds, hidden entries left out."""
    fixed = next((at for at, part in enumerate(pattern.parts) if any(sign in part for sign in "*?[")), None)
    if fixed is None:
        return
    found = Path(*pattern.parts[:fixed]).glob("/".join(pattern.parts[fixed:]))
    yield from (path for path in found if not path.name.startswith("."))


def _relative(path: Path, context: Context) -> str:
    inside = path.is_relative_to(context.workspace)
    return str(path.relative_to(context.workspace) if inside else path)
