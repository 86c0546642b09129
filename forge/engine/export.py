"""Export: shards of one mix, with their sidecars, tokenizer, dataset card, and the manifest last.

An export is made in a folder beside its place, named by its key, and takes its place in one rename when the manifest is
written; a run that was killed takes up at the first shard that is not whole. The same inputs make the same key, and an
export whose manifest carries that key and whose files have their sizes is left alone.
"""

import dataclasses
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge.diversity import effective_number
from forge.engine.balance import counts, hold_to_limits, largest_providers, provider_tokens
from forge.engine.judging import Judge
from forge.engine.keys import code_version, key_of
from forge.engine.mix import Pool, choose, split
from forge.engine.parts import Part, own_file
from forge.engine.refine import drops_of_domain
from forge.engine.session import Session
from forge.engine.tokens import SIDE_COLUMNS, TokenPart, side_schema
from forge.engine.vocabulary import Vocabulary
from forge.errors import CorpusError
from forge.files import atomic_path, write_bytes, write_text
from forge.manifest import (
    FILE_NAME,
    Drop,
    FileEntry,
    Manifest,
    PluginEntry,
    ShardEntry,
    TokenizerEntry,
    file_entry,
    files_of,
    read_manifest,
    write_manifest,
)
from forge.recipe import ExportTable, parse_mix
from forge.report.card import render_card
from forge.shards import open_shard, shard_files, token_dtype, write_shard

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CARD_NAME = "README.md"
TOLERANCE = 0.005
"""How far a domain's share may lie from the mix, of all tokens, before it is said."""
ENGINE_MODULES = (
    __name__,
    "forge.diversity",
    "forge.engine.balance",
    "forge.licences",
    "forge.engine.mix",
    "forge.shards",
    "forge.manifest",
    "forge.report.card",
)


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """What every export of a run draws on.

    Attributes:
        plugins: that took part. filters: labels in order.
        parts, judges: documents and filters that the tokens were made of.
    """

    words: Vocabulary
    tokens: Sequence[TokenPart]
    filters: Sequence[str]
    plugins: Sequence[PluginEntry]
    parts: Sequence[Part]
    judges: Sequence[Judge]


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """One shard to write: for each document the part it comes from and its row there."""

    prefix: Path
    parts: Sequence[TokenPart]
    part_of: "np.ndarray[Any, Any]"
    row_of: "np.ndarray[Any, Any]"
    dtype: str
    masked: bool


@dataclass(frozen=True, kw_only=True)
class Exported:
    """An export that is in place; ``written`` is False if it already was."""

    name: str
    folder: Path
    manifest: Manifest
    written: bool


@dataclass(frozen=True, kw_only=True)
class _Order:
    """What is to be exported: the token parts drawn on, and the key of it all."""

    name: str
    table: ExportTable
    drawn: Sequence[TokenPart]
    key: str


def export(session: Session, corpus: Corpus, *, name: str, table: ExportTable) -> Exported:
    """Make one export, or find it made.

    Raises:
        CorpusError: the mix cannot be had from the corpus.
        WorkspaceError: the disk is full; finished shards are kept for the next run.
    """
    drawn = [part for part in corpus.tokens if table.sources is None or part.label in table.sources]
    order = _Order(name=name, table=table, drawn=drawn, key=_key(session, corpus, drawn, name=name, table=table))
    target = session.workspace.export(name)
    if (manifest := _standing(target, order.key)) is not None:
        return Exported(name=name, folder=target, manifest=manifest, written=False)
    partial = target.with_name(f".{name}-{order.key[:16]}.partial")
    if _standing(partial, order.key) is None:
        with session.timed("computed", step="export", label=name):
            _write(session, corpus, order=order, partial=partial)
    _swap(partial, target)
    return Exported(name=name, folder=target, manifest=read_manifest(target), written=True)


def _key(session: Session, corpus: Corpus, drawn: Sequence[TokenPart], *, name: str, table: ExportTable) -> str:
    parts = [(part.label, part.key) for part in drawn]
    shape = (sorted(parse_mix(table.mix).items()), table.max_tokens, table.shard_tokens)
    limits = (sorted(table.allow_licences) if table.allow_licences is not None else None, table.max_share_per_provider)
    plugins = [(plugin.name, plugin.version) for plugin in corpus.plugins]
    code = [code_version(module) for module in ENGINE_MODULES]
    return key_of(name, session.recipe.seed, parts, shape, limits, corpus.words.fingerprint, plugins, code)


def _standing(folder: Path, key: str) -> Manifest | None:
    """The manifest of a complete export with this key, all its files being there in their sizes."""
    if not (folder / FILE_NAME).is_file():
        return None
    try:
        manifest = read_manifest(folder)
    except CorpusError:
        return None
    whole = all(_has_size(folder / entry.path, entry.bytes) for entry in files_of(manifest))
    return manifest if whole and manifest.recipe_hash == key else None


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _write(session: Session, corpus: Corpus, *, order: _Order, partial: Path) -> None:
    documents = _documents(order.drawn)
    _check_ids(documents)
    _check_domains(documents, corpus, order.table)
    documents, limits = hold_to_limits(documents, order.table)
    pool = Pool(
        ids=documents.column("id").to_pylist(),
        domains=documents.column("domain").to_pylist(),
        tokens=documents.column("tokens").to_numpy(),
        providers=documents.column("provider").to_pylist(),
    )
    picked = choose(
        pool,
        shares=parse_mix(order.table.mix),
        max_tokens=order.table.max_tokens,
        seed=session.recipe.seed,
        provider_cap=order.table.max_share_per_provider,
    )
    chosen = documents.take(picked)
    tasks = _shard_tasks(chosen, order=order, partial=partial, vocab_size=corpus.words.load().vocab_size)
    _write_shards(session, tasks, chosen=chosen, name=order.name, partial=partial)
    write_bytes(partial / "tokenizer.json", corpus.words.file.read_bytes())
    shards = [_shard_entry(task, chosen.column("tokens").to_numpy()[rows], root=partial) for task, rows in tasks]
    manifest = _manifest(session, corpus, order=order, chosen=chosen, shards=shards, root=partial)
    manifest = dataclasses.replace(manifest, limits=limits)
    _tell_shares(session, manifest)
    write_text(partial / CARD_NAME, render_card(manifest))
    card = file_entry(partial / CARD_NAME, partial)
    write_manifest(partial, dataclasses.replace(manifest, extra_files=[card]))


def _check_domains(documents: "pa.Table", corpus: Corpus, table: ExportTable) -> None:
    """Say which filters took a domain that the mix asks for; one that no source gave is refused by `choose`."""
    import pyarrow.compute as pc

    there = set(pc.unique(documents.column("domain")).to_pylist())
    drawn = [part for part in corpus.parts if table.sources is None or part.label in table.sources]
    for domain, share in parse_mix(table.mix).items():
        if share <= 0 or domain in there:
            continue
        count, drops = drops_of_domain(drawn, corpus.judges, domain=domain)
        if count:
            by = ", ".join(f"{label} {dropped:,}" for label, dropped in drops.items())
            raise CorpusError(
                f"the mix asks for {domain} documents: of {count:,} the filters dropped all ({by}); see `forge status` "
                "and `forge explain ID`, and change the filters' options, add a source, or change the mix"
            )


def _check_ids(documents: "pa.Table") -> None:
    import pyarrow.compute as pc

    counts = pc.value_counts(documents.column("id"))
    repeated = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(repeated):
        twice = documents.filter(pc.equal(documents.column("id"), repeated[0]["values"])).to_pylist()
        places = " and ".join(f"{row['source']} ({row['url'] or 'no address'})" for row in twice[:2])
        raise CorpusError(
            f"two documents have the id {twice[0]['id']}: {places}; "
            "leave one out of the recipe, or mend the source to give each an id of its own"
        )


def _documents(parts: Sequence[TokenPart]) -> "pa.Table":
    """One row a kept document of the parts, with the part it comes from and its row there."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [pa.Table.from_pylist([], side_schema()).append_column("part", pa.array([], pa.int32()))]
    tables[0] = tables[0].append_column("row", pa.array([], pa.int32()))
    for index, part in enumerate(parts):
        with own_file(part.side) as file, pq.ParquetFile(file) as side:
            table = side.read()
        table = table.append_column("part", pa.array(np.full(table.num_rows, index, np.int32)))
        tables.append(table.append_column("row", pa.array(np.arange(table.num_rows, dtype=np.int32))))
    return pa.concat_tables(tables)


def _shard_tasks(chosen: "pa.Table", *, order: _Order, partial: Path, vocab_size: int) -> list[tuple[ShardTask, slice]]:
    masked = any(chosen.column("masked").to_pylist())
    tokens, part_of, row_of = (chosen.column(name).to_numpy() for name in ("tokens", "part", "row"))
    return [
        (
            ShardTask(
                prefix=partial / f"shard-{index:05d}",
                parts=order.drawn,
                part_of=part_of[rows],
                row_of=row_of[rows],
                dtype=token_dtype(vocab_size).str,
                masked=masked,
            ),
            rows,
        )
        for index, rows in enumerate(split(tokens, order.table.shard_tokens))
    ]


def _write_shards(
    session: Session, tasks: Sequence[tuple[ShardTask, slice]], *, chosen: "pa.Table", name: str, partial: Path
) -> None:
    import pyarrow.parquet as pq

    partial.mkdir(parents=True, exist_ok=True)
    todo = [task for task, rows in tasks if not _is_whole(task, chosen.column("tokens").to_numpy()[rows])]
    sizes = [len(task.row_of) for task in todo]
    if todo:
        for _ in session.run(f"export {name}", write_shard_task, todo, sizes=sizes, unit="documents"):
            pass
    for task, rows in tasks:
        with atomic_path(_side(task.prefix)) as temporary:
            pq.write_table(chosen.slice(rows.start, rows.stop - rows.start).select(SIDE_COLUMNS), temporary)


def _is_whole(task: ShardTask, tokens: "np.ndarray[Any, Any]") -> bool:
    """Whether a killed run left this shard complete."""
    try:
        shard = open_shard(task.prefix)
    except CorpusError:
        return False
    return shard.lengths.tolist() == tokens.tolist() and (shard.mask is not None) == task.masked


def write_shard_task(task: ShardTask) -> None:
    """Copy the documents of one shard out of the token parts; runs in a worker."""
    import numpy as np

    write_shard(task.prefix, _slices(task), dtype=np.dtype(task.dtype), masked=task.masked)


def _slices(task: ShardTask) -> Iterator[Any]:
    opened: dict[int, Any] = {}
    for part, row in zip(task.part_of.tolist(), task.row_of.tolist(), strict=True):
        if part not in opened:
            opened[part] = open_shard(task.parts[part].prefix)
        yield opened[part][row], opened[part].mask_of(row)


def _side(prefix: Path) -> Path:
    return prefix.with_name(prefix.name + ".documents.parquet")


def _manifest(
    session: Session,
    corpus: Corpus,
    *,
    order: _Order,
    chosen: "pa.Table",
    shards: Sequence[ShardEntry],
    root: Path,
) -> Manifest:
    encoder = corpus.words.load()
    entry = file_entry(root / "tokenizer.json", root)
    return Manifest(
        name=order.name,
        recipe_hash=order.key,
        seed=session.recipe.seed,
        mix=parse_mix(order.table.mix),
        tokens=sum(shard.tokens for shard in shards),
        documents=chosen.num_rows,
        tokenizer=TokenizerEntry(
            name=corpus.words.step.table.name,
            file=entry,
            fingerprint=entry.sha256,
            vocab_size=encoder.vocab_size,
            eos_id=encoder.eos_id,
            dtype=token_dtype(encoder.vocab_size).name,
        ),
        domains=counts(chosen, "domain"),
        sources=counts(chosen, "source"),
        licences=counts(chosen, "license"),
        providers=largest_providers(chosen),
        effective_providers=effective_number(provider_tokens(chosen)),
        drops=drops(order.drawn, corpus.filters),
        plugins=corpus.plugins,
        shards=shards,
    )


def _shard_entry(task: ShardTask, tokens: "np.ndarray[Any, Any]", *, root: Path) -> ShardEntry:
    paths = [*shard_files(task.prefix, masked=task.masked), _side(task.prefix)]
    files: list[FileEntry] = [file_entry(path, root) for path in paths]
    name = task.prefix.relative_to(root).as_posix()
    return ShardEntry(name=name, tokens=int(tokens.sum()), documents=len(tokens), masked=task.masked, files=files)


def drops(parts: Sequence[TokenPart], filters: Sequence[str]) -> list[Drop]:
    """Documents dropped by filter and reason, in the filters' order, the commonest reason first."""
    totals: Counter[tuple[str, str]] = Counter()
    for part in parts:
        for label, reason, count in part.drops:
            totals[label, reason] += count
    ordered = sorted(totals.items(), key=lambda item: (filters.index(item[0][0]), -item[1], item[0][1]))
    return [Drop(filter=label, reason=reason, documents=count) for (label, reason), count in ordered]


def _tell_shares(session: Session, manifest: Manifest) -> None:
    """Say it when documents are too long for the size asked, so that shares miss the mix.

    Raises:
        CorpusError: not one document fits.
    """
    if not manifest.documents:
        raise CorpusError(f"export {manifest.name}: no document is short enough for this size; raise max_tokens")
    shares = {count.name: count.share for count in manifest.domains}
    missed = [domain for domain, asked in manifest.mix.items() if abs(shares.get(domain, 0.0) - asked) > TOLERANCE]
    for domain in missed:
        session.reporter.log(
            f"export {manifest.name}: {domain} has {shares.get(domain, 0.0):.2%} of the tokens, "
            f"{manifest.mix[domain]:.2%} were asked: so small an export cannot be cut finer into whole documents; "
            "raise max_tokens or add material"
        )
    absent = [domain for domain, asked in manifest.mix.items() if asked and domain not in shares]
    if absent and not missed:
        session.reporter.log(f"export {manifest.name}: the share of {absent[0]} is smaller than any of its documents")


def _swap(partial: Path, target: Path) -> None:
    """Put a finished export in its place; the earlier one is gone only when the new one stands ready."""
    old = target.with_name(f".{target.name}-replaced.partial")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    for leftover in target.parent.glob(f".{target.name}-{'[0-9a-f]' * 16}.partial"):
        shutil.rmtree(leftover, ignore_errors=True)
