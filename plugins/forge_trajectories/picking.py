"""Choices that follow from a record's id alone: the same id chooses the same way on every machine and in every run.

A `Picks` costs one short hash; a choice costs one division.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")

_LOW = 1 << 32  # below this a state has too few bits left for an even choice


class Picks:
    """A stream of even choices, drawn from a hash of ``seed``."""

    __slots__ = ("_state",)

    def __init__(self, seed: str) -> None:
        self._state = _hash(seed.encode("utf-8", "surrogatepass"))

    def below(self, count: int) -> int:
        """The next number from 0 to ``count`` - 1."""
        if self._state < _LOW:
            self._state = _hash(self._state.to_bytes(16, "little"))
        self._state, number = divmod(self._state, count)
        return number

    def one(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.below(len(options))]


def _hash(raw: bytes) -> int:
    # The top bit is set, so that even a hash of zeros leaves a state to draw from.
    return int.from_bytes(blake2b(raw, digest_size=16).digest(), "little") | 1 << 127
