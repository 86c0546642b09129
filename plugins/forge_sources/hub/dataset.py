"""Source ``hf-dataset``: documents from data sets of the Hugging Face hub, file by file, within a limit of megabytes.

    [[source]]
    name = "hf-dataset"
    dataset = "fineweb-edu"        # or any owner/name, with text = and domain =
    max_mb = 2000

A branch is resolved to a commit, which is kept until ``--refresh`` and named in every document. Each file is one
partition: it is downloaded when its turn comes (a cut download is taken up where it stopped), compared with the sha256
that the hub states, read row group by row group, and deleted. Cost: the download, and 100 MB of text a second.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from forge.errors import FetchError, StepError
from forge.records import UNKNOWN_LICENSE, Document, Domain, Reject, stable_id
from forge.steps import Context, Partition, option
from forge_sources.hub.presets import POINTERS, PRESETS, Preset

if TYPE_CHECKING:
    from forge_sources.hub.client import Hub
    from forge_sources.hub.listing import Listing, RepoFile
    from forge_sources.rows.columns import Columns


@dataclass(frozen=True, kw_only=True)
class HfDataset:
    """Code and text from data sets of the Hugging Face hub: FineWeb, Wikipedia, StarCoder data, and any other."""

    name: ClassVar[str] = "hf-dataset"

    dataset: str = option("", help=f"owner/name on the hub, or one of {', '.join(PRESETS)}")
    config: str = option("", help="configuration: a dump, language or sample of the data set; empty: its default")
    split: str = option("train", help="split, where the data set's card lists files by split")
    files: tuple[str, ...] = option((), help="globs over the data set's paths, instead of config and split")
    revision: str = option("main", help="branch, tag or commit; refs/convert/parquet is the hub's own conversion")
    domain: Domain | None = option(None, help="agent, code or text; a preset knows its own")
    kind: str = option("", help="kind of the documents; empty: by preset or domain")
    text: str = option("", help="column with the text; empty: the preset's, or text")
    id: str = option("", help="column with the row's own name, kept in meta; empty: the preset's")
    url: str = option("", help="column with the row's address; empty: the preset's")
    license_column: str = option("", help="column with the licence; empty: the preset's, then the card's licence")
    meta: tuple[str, ...] = option((), help="columns kept in meta; empty: the preset's")
    max_files: int = option(0, help="files taken at most, in the order of their paths; 0: any number", unit="files")
    max_mb: int = option(1_000, help="files are taken while they stay within this size together; 0: all", unit="MB")
    limit: int = option(0, help="rows taken of each file, the first ones; 0: all", unit="rows")
    max_document_mb: int = option(10, help="a larger row is rejected", unit="MB")
    keep_files: bool = option(False, help="keep downloaded files in the cache instead of deleting them once read")
    endpoint: str = option("https://huggingface.co", help="address of the hub or a mirror of it")

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: with what to write instead.
        """
        if self.dataset in POINTERS:
            raise ValueError(f"{self.dataset} {POINTERS[self.dataset]}")
        if self.dataset not in PRESETS and self.dataset.count("/") != 1:
            raise ValueError(f"dataset is owner/name, or one of {', '.join(PRESETS)}; this is {self.dataset!r}")
        if self._preset is None and self.domain is None:
            raise ValueError(f"{self.dataset} is no preset: say domain = agent, code or text, and text = its column")
        if min(self.max_files, self.max_mb, self.limit) < 0 or self.max_document_mb < 1:
            raise ValueError("max_files, max_mb and limit are 0 or more, max_document_mb is 1 or more")

    def plan(self, context: Context) -> str:
        """What would be fetched; asks the hub for the list of files, unless the cache holds it."""
        try:
            found, taken, matched = self._selection(context)
        except FetchError as error:
            return f"{self._repository}: the list of files cannot be had now ({error.message})"
        mb, all_mb = (sum(file.size for file in files) / 1e6 for files in (taken, matched))
        kept = "kept in the cache" if self.keep_files else "one at a time, each deleted once it is read"
        gate = "; gated: HF_TOKEN is needed" if found.gated else ""
        return (
            f"fetches {len(taken):,} of {len(matched):,} files, {mb:,.1f} of {all_mb:,.1f} MB, of {self._repository} "
            f"at {found.sha[:12]}, {kept}{gate}"
        )

    def partitions(self, context: Context) -> Sequence[Partition]:
        """One partition a file, by the content that the hub states for it; fetches lists, no data.

        Raises:
            FetchError: the hub cannot be reached, or wants a token.
            StepError: no file matches, or the first is larger than max_mb.
        """
        found, taken, _ = self._selection(context, refresh=context.refresh)
        return [
            Partition(
                key=f"{number:05d}-{stable_id(file.path)[:8]}",
                fingerprint=stable_id(self._repository, found.sha, file.path, file.digest),
                items=(found.sha, file.path, file.digest if file.is_sha256 else "", str(file.size)),
                size=file.size,
            )
            for number, file in enumerate(taken)
        ]

    def records(self, partition: Partition, context: Context) -> Iterator[Document | Reject]:
        """The documents of one file, downloaded for it if the cache does not hold it.

        Raises:
            FetchError: the download failed. StepError: the bytes are not those that the hub states.
        """
        from forge_sources.rows.reader import Piece, rows

        sha, path, _, _ = partition.items
        columns = self._columns(self._listing(context))
        label = f"{self._repository}/{path}"
        with self._downloaded(partition, context) as place:
            for row in rows(
                Piece(path=place, label=label), limit=self.max_document_mb * 1_000_000, columns=columns.names
            ):
                if isinstance(row, Reject):
                    yield row
                elif self.limit and row.number > self.limit:
                    return
                else:
                    yield _at_commit(columns.document(row), sha)

    @property
    def _preset(self) -> Preset | None:
        named = {preset.dataset: preset for preset in PRESETS.values()}
        return PRESETS.get(self.dataset) or named.get(self.dataset)

    @property
    def _repository(self) -> str:
        return PRESETS[self.dataset].dataset if self.dataset in PRESETS else self.dataset

    def _hub(self, context: Context) -> "Hub":
        from forge_sources.hub.client import Hub

        return Hub(endpoint=self.endpoint.rstrip("/"), plugin=self.name, context=context)

    def _listing(self, context: Context, *, refresh: bool = False) -> "Listing":
        from forge_sources.hub.listing import listing

        hub = self._hub(context)
        return listing(hub, self._repository, revision=self.revision, context=context, refresh=refresh)

    def _selection(
        self, context: Context, *, refresh: bool = False
    ) -> "tuple[Listing, list[RepoFile], list[RepoFile]]":
        """The listing, the files to take, and all that match."""
        from forge_sources.hub.listing import chosen

        found = self._listing(context, refresh=refresh)
        patterns = self._patterns(found)
        matched = chosen(found, patterns)
        if not matched:
            some = ", ".join(file.path for file in found.files[:3]) or "no data file at all"
            message = f"{self._repository}: no file matches {', '.join(patterns)}; it has {some}; set files= or config="
            raise StepError(message, plugin=self.name, step="collect")
        taken: list[RepoFile] = []
        room = self.max_mb * 1_000_000 or float("inf")
        for file in matched[: self.max_files or None]:
            room -= file.size
            if room < 0:
                break
            taken.append(file)
        if not taken:
            message = f"{matched[0].path} alone has {matched[0].size / 1e6:,.1f} MB; raise max_mb={self.max_mb}"
            raise StepError(message, plugin=self.name, step="collect")
        return found, taken, matched

    def _patterns(self, found: "Listing") -> list[str]:
        from forge_sources.hub.listing import FORMATS, config_patterns

        if self.files:
            return list(self.files)
        if self._preset is not None and self.revision != "refs/convert/parquet":
            config = self.config.removeprefix("sample-") or self._preset.config
            return [pattern.replace("{config}", config) for pattern in self._preset.files]
        config = self.config or "default"
        if self.revision == "refs/convert/parquet":
            return [f"{config}/*{self.split}/*.parquet"]
        stated = config_patterns(found.card, config=config, split=self.split)
        if stated is not None:
            return stated
        return [f"{self.config}/*{ending}" if self.config else f"*{ending}" for ending in FORMATS]

    def _columns(self, found: "Listing") -> "Columns":
        from forge_sources.hub.license import hub_license
        from forge_sources.rows.columns import Columns

        preset = self._preset
        expression, words = hub_license(found.card.get("license"))
        evidence = f"data set card: license: {words}" if words else ""
        if preset is not None and preset.license != UNKNOWN_LICENSE:
            expression, evidence = preset.license, preset.evidence
        return Columns(
            source=self.name,
            domain=self.domain or (preset.domain if preset else "text"),
            kind=self.kind or (preset.kind if preset else ""),
            text=self.text or (preset.text if preset else "text"),
            id=self.id or (preset.id if preset else ""),
            url=self.url or (preset.url if preset else ""),
            license_column=self.license_column or (preset.license_column if preset else ""),
            license=expression,
            evidence=evidence,
            meta=self.meta or (preset.meta if preset else ()),
        )

    @contextmanager
    def _downloaded(self, partition: Partition, context: Context) -> Iterator[Path]:
        """The partition's file, whole; deleted afterwards unless it is to be kept."""
        from forge_sources.hub.download import download

        sha, path, sha256, size = partition.items
        hub = self._hub(context)
        url = hub.resolved(self._repository, sha, path, kind="datasets/")
        place = (
            context.cache / "hf-dataset" / stable_id(self.endpoint, self._repository, sha, path)[:24] / Path(path).name
        )
        download(hub, url, place, sha256=sha256, size=int(size))
        try:
            yield place
        finally:
            if not self.keep_files:
                place.unlink(missing_ok=True)


def _at_commit(record: Document | Reject, sha: str) -> Document | Reject:
    from dataclasses import replace

    return record if isinstance(record, Reject) else replace(record, meta={**record.meta, "revision": sha})
