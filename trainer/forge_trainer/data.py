"""Samples from shards, in an order that is a pure function of (seed, sample index).

The state of the loader is one integer: the index of the next sample. An epoch is all documents once, in a permutation
drawn from Philox keyed by (seed, epoch); laid end to end they are cut into rows of ``sequence_length + 1`` tokens, each
beginning at the last token of the row before, so that every token but an epoch's first is predicted once. What is left
at the epoch's end and fills no row is dropped. The rows are read in a second permutation: in the order of the documents
a batch would hold little but one long document. Cost: 16 bytes a document and 8 bytes a row in memory for the epoch at
hand; a row costs the pages its documents lie on.

Documents in one row do not see each other: position ids begin at 0 with each document, which is how `transformers`
tells packed documents apart if it is given no attention mask. No loss is taken on a document's first token, which
would have to be guessed from its neighbour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forge.errors import CorpusError
from forge.manifest import Manifest
from forge.shards import Shard, open_shard

IGNORED = -100
"""Label of a token on which no loss is taken, as torch has it."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Packed rows.

    Attributes:
        tokens: inputs, int64 of shape (rows, sequence_length).
        positions: distance of each token from its document's start, or the row's; the same shape.
        labels: the token to predict at each place, or `IGNORED`; the same shape.
    """

    tokens: Array
    positions: Array
    labels: Array


def open_shards(folder: Path, manifest: Manifest, *, masked: bool) -> list[Shard]:
    """Open every shard that the manifest names.

    Args:
        folder: where the manifest lies.
        manifest: what to open.
        masked: the loss masks are needed.

    Raises:
        CorpusError: a shard is missing or damaged, holds other than the manifest says, or has no mask.
    """
    shards = []
    for entry in manifest.shards:
        shard = open_shard(folder / entry.name)
        if len(shard) != entry.documents or len(shard.tokens) != entry.tokens:
            raise CorpusError(
                f"{folder / entry.name}: expected {entry.documents} documents of {entry.tokens} tokens by the "
                f"manifest, found {len(shard)} of {len(shard.tokens)}; run `forge export` again"
            )
        if masked and shard.mask is None:
            raise CorpusError(
                f'{folder / entry.name}: loss_mask = "assistant" needs a shard with a loss mask (.mask.bin); '
                'train on an export of dialogues, or write loss_mask = "all"'
            )
        shards.append(shard)
    return shards


class Packer:
    """Rows of one stage.

    Args:
        shards: see `open_shards`.
        sequence_length: tokens a row.
        seed: of the permutations.
        masked: take the loss only where the shards' masks say so.

    Raises:
        CorpusError: an epoch does not fill one row.
    """

    def __init__(self, shards: Sequence[Shard], *, sequence_length: int, seed: int, masked: bool) -> None:
        self.shards = shards
        self.sequence_length = sequence_length
        self.seed = seed
        self.masked = masked
        self.firsts = np.cumsum([0, *(len(shard) for shard in shards)])
        lengths = [shard.lengths for shard in shards] or [np.zeros(0, np.int32)]
        self.lengths = np.concatenate(lengths).astype(np.int64)
        self.rows_per_epoch = max(0, int(self.lengths.sum()) - 1) // sequence_length
        if not self.rows_per_epoch:
            raise CorpusError(
                f"the export holds {int(self.lengths.sum())} tokens, which do not fill one row of {sequence_length}; "
                "shorten sequence_length or export more"
            )
        self._epoch: tuple[int, Array, Array, Array] | None = None

    def rows(self, samples: Sequence[int]) -> Rows:
        """The samples of these indices, in this order; epochs follow each other without end."""
        parts = [self._row(sample) for sample in samples]
        return Rows(
            tokens=np.stack([part[0] for part in parts]),
            positions=np.stack([part[1] for part in parts]),
            labels=np.stack([part[2] for part in parts]),
        )

    def _row(self, sample: int) -> tuple[Array, Array, Array]:
        epoch, place_in_epoch = divmod(sample, self.rows_per_epoch)
        order, ends, rows = self._order(epoch)
        begin = int(rows[place_in_epoch]) * self.sequence_length
        end = begin + self.sequence_length + 1
        tokens = np.empty(end - begin, np.int64)
        positions = np.empty(end - begin, np.int64)
        learn = np.ones(end - begin, np.bool_)
        place, at = int(np.searchsorted(ends, begin, side="right")), begin
        while at < end:
            document, stop = int(order[place]), min(int(ends[place]), end)
            start = int(ends[place]) - int(self.lengths[document])
            span, source = slice(at - begin, stop - begin), slice(at - start, stop - start)
            self._copy(document, source, tokens[span], learn[span])
            positions[span] = np.arange(stop - at)
            if at == start:
                learn[at - begin] = False
            place, at = place + 1, stop
        labels = np.where(learn, tokens, IGNORED)
        return tokens[:-1], positions[:-1], labels[1:]

    def _copy(self, document: int, source: slice, tokens: Array, learn: Array) -> None:
        number = int(np.searchsorted(self.firsts, document, side="right")) - 1
        shard, local = self.shards[number], document - int(self.firsts[number])
        tokens[:] = shard[local][source]
        mask = shard.mask_of(local) if self.masked else None
        if mask is not None:
            learn[:] = mask[source] != 0

    def _order(self, epoch: int) -> tuple[Array, Array, Array]:
        """The epoch's permutation of non-empty documents, where each ends in the stream, and the rows' permutation."""
        if self._epoch is None or self._epoch[0] != epoch:
            generator = np.random.Generator(np.random.Philox(key=np.array([self.seed, epoch], np.uint64)))
            order = generator.permutation(len(self.lengths))
            order = order[self.lengths[order] > 0]
            ends = np.cumsum(self.lengths[order])
            self._epoch = (epoch, order, ends, generator.permutation(self.rows_per_epoch))
        return self._epoch[1:]


def samples_of(*, step: int, batch: int, micro_batch: int, rank: int, world_size: int) -> list[list[int]]:
    """Sample indices that one process reads in one optimizer step, a list a forward pass.

    Over all processes these are the samples ``step * batch`` up to ``(step + 1) * batch``, whatever the world size.
    """
    first = step * batch
    stride = micro_batch * world_size
    return [
        list(range(begin, begin + micro_batch)) for begin in range(first + rank * micro_batch, first + batch, stride)
    ]
