"""Source ``files``: documents from the user's own jsonl, json, parquet, WARC and text files, by path or glob.

    [[source]]
    name = "files"
    paths = ["data/*.jsonl.zst"]
    domain = "code"
    text = "content"

Rows become documents by the names of their columns; a text file is one document; a WARC or WET record is one page.
Nothing is held whole: a file of 300 MB takes 25 MB of memory as jsonl, 120 MB as parquet. Cost: 100 MB of text a
second and core, packed or not; 30 MB of one json array; 20 MB of HTML for WARC.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from forge.records import UNKNOWN_LICENSE, Document, Domain, Reject, stable_id
from forge.steps import Context, Partition, option

if TYPE_CHECKING:
    from forge_sources.rows.columns import Columns
    from forge_sources.rows.reader import Piece
    from forge_sources.rows.warc import WebPage

FORMATS = ("", "jsonl", "json", "parquet", "text", "warc")


@dataclass(frozen=True, kw_only=True)
class Files:
    """Code and text from files on disk: jsonl, json, parquet, WARC, plain text; gzip and zstd unpacked on the way."""

    name: ClassVar[str] = "files"

    paths: tuple[str, ...] = option((), help="files, folders and globs (** crosses folders), relative to the workspace")
    domain: Domain = option("text", help="which share of the mix the documents count towards: agent, code, text")
    kind: str = option("", help="kind of the documents; empty: code, prose, api_doc by domain, web for WARC")
    format: str = option("", help="jsonl, json, parquet, text or warc; empty: by the file's name, then its first bytes")
    text: str = option("text", help="column with the text; dots lead into nested fields")
    id: str = option("", help="column with the row's own name, kept in meta; empty: none")
    url: str = option("", help="column with the row's address; empty: none")
    license_column: str = option("", help="column with the licence: SPDX, a hub identifier, or a list of them")
    license: str = option(UNKNOWN_LICENSE, help="SPDX licence of all that states none of its own; needs evidence")
    license_evidence: str = option("", help="where license= is stated, in words: 'LICENSE of the repository X'")
    meta: tuple[str, ...] = option((), help="columns kept in the document's meta")
    max_document_mb: int = option(10, help="a larger row, page or file is rejected", unit="MB")
    limit: int = option(0, help="rows taken of each file, the first ones; 0: all", unit="rows")
    split_rows_mb: int = option(64, help="jsonl and parquet files are cut into partitions of this size", unit="MB")

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: with what to write instead.
        """
        if not self.paths:
            raise ValueError("paths is empty; name files, folders or globs: paths = ['data/*.jsonl']")
        if self.format not in FORMATS:
            raise ValueError(f"format is one of {', '.join(FORMATS[1:])}, or empty; this is {self.format!r}")
        if self.license != UNKNOWN_LICENSE and not self.license_evidence:
            raise ValueError("license= needs license_evidence=, which says where that licence is stated")
        if min(self.max_document_mb, self.split_rows_mb) < 1 or self.limit < 0:
            raise ValueError("max_document_mb and split_rows_mb are 1 or more, limit is 0 or more")

    def plan(self, context: Context) -> str:
        """What would be read."""
        from forge_sources.rows.pieces import plan_of

        return plan_of(self.paths, context.workspace)

    def partitions(self, context: Context) -> Sequence[Partition]:
        """Pieces of large files and buckets of small ones, by content; reads every byte once to hash it.

        Raises:
            StepError: a pattern matches nothing.
        """
        from forge_sources.rows.pieces import cuts, find_files, partitions_of

        files = find_files(self.paths, context.workspace)
        found = cuts(files, form=self.format, split=self.split_rows_mb * 1_000_000)
        wanted = [cut for cut in found if not self.limit or cut.piece.first <= self.limit]
        return partitions_of(wanted, workspace=context.workspace)

    def records(self, partition: Partition, context: Context) -> Iterator[Document | Reject]:
        """The documents of the partition's pieces, in the order of their files and rows."""
        from forge_sources.rows.pieces import piece_of

        for item in partition.items:
            piece = piece_of(item, workspace=context.workspace)
            if piece.format == "warc":
                yield from self._pages(piece)
            elif piece.format == "text":
                yield self._whole(piece)
            else:
                yield from self._rows(piece)

    @property
    def _most(self) -> int:
        return self.max_document_mb * 1_000_000

    def _columns(self) -> "Columns":
        from forge_sources.rows.columns import Columns

        return Columns(
            source=self.name,
            domain=self.domain,
            kind=self.kind,
            text=self.text,
            id=self.id,
            url=self.url,
            license_column=self.license_column,
            license=self.license,
            evidence=self.license_evidence,
            meta=self.meta,
        )

    def _rows(self, piece: "Piece") -> Iterator[Document | Reject]:
        from forge_sources.rows.reader import rows

        columns = self._columns()
        for row in rows(piece, limit=self._most, columns=columns.names):
            if isinstance(row, Reject):
                yield row
            elif self.limit and row.number > self.limit:
                return
            else:
                yield columns.document(row)

    def _pages(self, piece: "Piece") -> Iterator[Document | Reject]:
        from forge_sources.rows.warc import warc_pages

        for number, page in enumerate(warc_pages(piece, limit=self._most), start=1):
            if self.limit and number > self.limit:
                return
            yield page if isinstance(page, Reject) else self._page_document(page)

    def _page_document(self, page: "WebPage") -> Document:
        own = page.license != UNKNOWN_LICENSE
        evidence = page.license_evidence if own else self.license_evidence
        facts = {"date": page.date, "record_id": page.record_id, "title": page.title, "license_evidence": evidence}
        return Document(
            id=stable_id(self.name, self.domain, page.locator),
            domain=self.domain,
            kind=self.kind or "web",
            text=page.text,
            source=self.name,
            url=page.url or None,
            license=page.license if own else self.license,
            meta={"locator": page.locator, **{key: value for key, value in facts.items() if value}},
        )

    def _whole(self, piece: "Piece") -> Document | Reject:
        """A text file as one document; of an HTML file in the text domain, the main content."""
        from forge_sources.packages.text import language_of
        from forge_sources.rows.columns import KINDS

        text = _text_of_file(piece, limit=self._most)
        if isinstance(text, Reject):
            return text
        language = language_of(piece.label.removesuffix(".gz").removesuffix(".zst"))
        if language == "html" and self.domain == "text":
            from forge_sources.rows.warc import main_text

            text, _title = main_text(text)
        if not text.strip():
            return Reject(locator=piece.label, reason="holds no text")
        evidence = {"license_evidence": self.license_evidence} if self.license_evidence else {}
        return Document(
            id=stable_id(self.name, self.domain, piece.label),
            domain=self.domain,
            kind=self.kind or KINDS[self.domain],
            text=text,
            source=self.name,
            url=piece.label,
            license=self.license,
            meta={"path": piece.label, "language": language, **evidence},
        )


def _text_of_file(piece: "Piece", *, limit: int) -> str | Reject:
    from forge_sources.packages.text import decoded
    from forge_sources.rows.reader import unpacked, why

    try:
        with unpacked(piece.path) as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        return Reject(locator=piece.label, reason=f"cannot be read: {why(error)}")
    if len(data) > limit:
        return Reject(locator=piece.label, reason=f"larger than {limit / 1e6:g} MB; raise max_document_mb")
    text = decoded(data)
    return Reject(locator=piece.label, reason="is not UTF-8 text") if text is None else text
