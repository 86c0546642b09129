"""Tokens: every kept document encoded once for a tokenizer, part by part.

A part's tokens lie in the layout of `forge.shards`, with a Parquet row a document beside them, so that an export of any
mix or size is a copy of slices and never encodes again. Each document ends with the end-of-text token. Where a document
says on which characters the loss is taken, its text is encoded in pieces cut at those characters, so that no token
straddles the border and the mask is exact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from forge.engine.judging import Judge
from forge.engine.keys import code_version, key_of, step_key
from forge.engine.parts import Part, read_marker
from forge.engine.refine import kept_batches, outcome
from forge.engine.session import Session
from forge.engine.vocabulary import Vocabulary
from forge.errors import CorpusError, StepError, step_context
from forge.files import atomic_path, write_bytes
from forge.shards import open_shard, token_dtype, write_shard
from forge.steps import Encoder, Tokenizer

if TYPE_CHECKING:
    import numpy as np

    Tokens = np.ndarray[Any, Any]

COLUMNS = ["id", "domain", "kind", "source", "url", "license", "meta", "text"]
CODE = (__name__, "forge.shards", "forge.bpe", "forge.engine.parts", "forge.engine.refine")
SIDE_COLUMNS = ("id", "domain", "kind", "source", "provider", "url", "license", "tokens", "masked")


@dataclass(frozen=True, kw_only=True)
class TokenPart:
    """The tokens of one part.

    Attributes:
        label: of the source or renderer. name, key: as of a `Part`; the key covers filters and tokenizer.
        folder: where its files lie.
        seen: documents before the filters. documents, tokens: what was kept.
        tokens_by_domain: of what was kept.
        drops: rows of filter label, reason, documents.
        masked: whether any document has a loss mask.
    """

    label: str
    name: str
    key: str
    folder: str
    seen: int = 0
    documents: int = 0
    tokens: int = 0
    tokens_by_domain: dict[str, int] = field(default_factory=dict)
    drops: list[tuple[str, str, int]] = field(default_factory=list)
    masked: bool = False

    @property
    def prefix(self) -> Path:
        """Prefix of the token files."""
        return Path(self.folder) / f"{self.name}-{self.key[:16]}"

    @property
    def side(self) -> Path:
        """The Parquet file with one row a document."""
        return self.prefix.with_name(self.prefix.name + ".documents.parquet")

    @property
    def marker(self) -> Path:
        """The marker."""
        return self.prefix.with_name(self.prefix.name + ".json")


@dataclass(frozen=True, kw_only=True)
class TokenTask:
    """A part to encode."""

    part: Part
    judges: Sequence[Judge]
    tokenizer: Tokenizer
    tokenizer_folder: Path
    target: TokenPart


def tokenize(session: Session, words: Vocabulary, *, parts: Sequence[Part], judges: Sequence[Judge]) -> list[TokenPart]:
    """The tokens of all parts, each of which holds documents, encoded now or before."""
    code = [code_version(module) for module in CODE]
    base = key_of(words.fingerprint, step_key(words.step.instance), [(j.label, j.key) for j in judges], code)
    tasks = []
    for part in parts:
        folder = str(session.workspace.state("tokens") / part.label)
        target = TokenPart(label=part.label, name=part.name, key=key_of(base, part.key), folder=folder)
        task = TokenTask(
            part=part, judges=tuple(judges), tokenizer=words.step.instance, tokenizer_folder=words.folder, target=target
        )
        tasks.append(task)
    found = [_read(task.target) for task in tasks]
    todo = [index for index, tokens in enumerate(found) if tokens is None]
    if todo:
        chosen = [tasks[index] for index in todo]
        sizes = [max(1, task.part.bytes) for task in chosen]
        for position, tokens in session.run("tokenize", tokenize_part, chosen, sizes=sizes):
            session.events.write("computed", step="tokenize", label=tokens.label, part=tokens.name)
            found[todo[position]] = tokens
    return [tokens for tokens in found if tokens is not None]


def _read(target: TokenPart) -> TokenPart | None:
    facts = read_marker(target.marker)
    if facts is None or not target.side.is_file():
        return None
    part = msgspec.convert({**msgspec.to_builtins(target), **facts}, TokenPart)
    try:
        shard = open_shard(part.prefix)
    except CorpusError:
        return None
    whole = len(shard.tokens) == part.tokens and (shard.mask is not None) == part.masked
    return part if whole else None


def tokenize_part(task: TokenTask) -> TokenPart:
    """Encode the kept documents of one part; runs in a worker."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    result = outcome(task.part, task.judges)
    with step_context(task.tokenizer.name, step="tokenize", record=str(task.tokenizer_folder)):
        encoder = task.tokenizer.load(task.tokenizer_folder)
    batches = kept_batches(task.part, judges=task.judges, columns=COLUMNS, result=result)
    rows: list[dict[str, Any]] = []
    encoded = _encoded(batches, encoder=encoder, rows=rows)
    has_masks = any(_may_mask(batch) for batch in kept_batches(task.part, judges=task.judges, columns=["meta"]))
    with step_context(task.tokenizer.name, step="tokenize", record=f"{task.part.label}/{task.part.name}"):
        write_shard(task.target.prefix, encoded, dtype=token_dtype(encoder.vocab_size), masked=has_masks)
    domains: dict[str, int] = {}
    for row in rows:
        domains[row["domain"]] = domains.get(row["domain"], 0) + row["tokens"]
    with atomic_path(task.target.side) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, side_schema()), temporary, compression="zstd")
    facts = {
        "seen": task.part.rows["documents"],
        "documents": len(rows),
        "tokens": sum(domains.values()),
        "tokens_by_domain": dict(sorted(domains.items())),
        "drops": sorted((label, reason, count) for (label, reason), count in result.drops.items()),
        "masked": has_masks,
    }
    write_bytes(task.target.marker, msgspec.json.encode(facts))
    return msgspec.convert({**msgspec.to_builtins(task.target), **facts}, TokenPart)


def side_schema() -> Any:
    """Columns of a document's row: what it is, whence, about whose API, under which licence, its length in tokens."""
    import pyarrow as pa

    kinds = {"tokens": pa.int32(), "masked": pa.bool_()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in SIDE_COLUMNS])


def _may_mask(batch: Any) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring(batch.column("meta"), '"loss_spans"')).as_py())


def _encoded(
    batches: Iterator[Any], *, encoder: Encoder, rows: list[dict[str, Any]]
) -> "Iterator[tuple[Tokens, Tokens | None]]":
    """Token ids and masks document by document; leaves one row each in ``rows``."""
    for batch in batches:
        documents = batch.to_pylist()
        pieces: list[list[tuple[str, bool]]] = []
        for document in documents:
            meta = orjson.loads(document["meta"] or "{}")
            spans = meta.get("loss_spans")
            document["provider"] = str(meta.get("provider") or "")
            document["masked"] = spans is not None
            pieces.append(cut(document["text"], spans))
        ids = iter(encoder.encode_batch([text for cuts in pieces for text, _ in cuts]))
        for document, cuts in zip(documents, pieces, strict=True):
            tokens, mask = _join([(next(ids), loss) for _, loss in cuts], encoder.eos_id)
            document["tokens"] = len(tokens)
            rows.append({name: document[name] for name in SIDE_COLUMNS})
            yield tokens, mask if document["masked"] else None


def cut(text: str, spans: Sequence[Sequence[int]] | None) -> list[tuple[str, bool]]:
    """Cut ``text`` at the borders of its loss spans: pieces with whether the loss is taken on them.

    Args:
        spans: ``[start, end)`` character offsets, ascending and apart; None takes the loss everywhere.

    Raises:
        StepError: spans overlap, run backwards, or leave the text.
    """
    if spans is None:
        return [(text, True)]
    pieces = []
    position = 0
    for start, end in spans:
        if not position <= start <= end <= len(text):
            raise StepError(f"loss span [{start}, {end}) does not fit a text of {len(text)} characters")
        pieces.extend([(text[position:start], False), (text[start:end], True)])
        position = end
    pieces.append((text[position:], False))
    return [piece for piece in pieces if piece[0]]


def _join(pieces: "Sequence[tuple[Tokens, bool]]", eos: int) -> "tuple[Tokens, Tokens]":
    """One document's tokens and mask; the end of text counts when the last piece does."""
    import numpy as np

    tokens = np.concatenate([*(ids for ids, _ in pieces), np.array([eos], np.uint32)])
    flags = [np.full(len(ids), loss, np.uint8) for ids, loss in pieces]
    last = bool(pieces[-1][1]) if pieces else True
    return tokens, np.concatenate([*flags, np.array([last], np.uint8)])
