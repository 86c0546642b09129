"""The rung ``duplicate``: the same tools with the same calls, and requests that are nearly the same words.

Near-duplicates are found by Jaccard similarity of word shingles (Broder, 1997): candidates by MinHash bands, each then
compared exactly, so that nothing is called a duplicate that is none; of pairs at the threshold some 2 in 100 are
missed. `Seen` holds some 2 kB a trajectory; adding one costs some 100 microseconds.
"""

from collections import defaultdict
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import orjson

from forge.records import Trajectory, stable_id
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.dialogue import Dialogue, read
from forge_trajectories.ladder.plans import planned_calls
from forge_trajectories.ladder.reading import loose

if TYPE_CHECKING:
    import numpy as np

WORDS = 3
"""Words a shingle."""
THRESHOLD = 0.85
BANDS, ROWS = 8, 4
_MASK = (1 << 61) - 1


class Seen:
    """Accepted trajectories, as far as it takes to know another as a duplicate."""

    def __init__(self) -> None:
        self._calls: dict[str, str] = {}
        self._shingles: list[tuple[str, frozenset[int]]] = []
        self._bands: dict[tuple[int, ...], list[int]] = defaultdict(list)

    def check(self, trajectory: Trajectory, dialogue: Dialogue | None = None) -> Check:
        """Whether a trajectory is a duplicate of one that was added."""
        known = dialogue if dialogue is not None else read(trajectory)
        same = self._calls.get(calls_key(known))
        if same is not None and same != trajectory.id:
            return _duplicate("same-calls", f"the same tools and calls as {same}")
        shingles = _shingles(query_of(known))
        for band in _bands(shingles):
            for number in self._bands.get(band, ()):
                other, theirs = self._shingles[number]
                share = _jaccard(shingles, theirs)
                if share >= THRESHOLD and other != trajectory.id:
                    return _duplicate("same-words", f"{share:.2f} of its request's words are those of {other}")
        return Check(check="duplicate", passed=True)

    def add(self, trajectory: Trajectory, dialogue: Dialogue | None = None) -> None:
        """Remember a trajectory."""
        known = dialogue if dialogue is not None else read(trajectory)
        self._calls.setdefault(calls_key(known), trajectory.id)
        shingles = _shingles(query_of(known))
        for band in _bands(shingles):
            self._bands[band].append(len(self._shingles))
        self._shingles.append((trajectory.id, shingles))


def _duplicate(code: str, evidence: str) -> Check:
    return Check.failure(f"duplicate:{code}", evidence)


def calls_key(dialogue: Dialogue) -> str:
    """32 hex digits for tools and calls; for the request too where there is no call."""
    blueprint = dialogue.blueprint
    tools = (
        [each.tool for each in blueprint.operations]
        if blueprint
        else [str(each.get("name")) for each in dialogue.tools]
    )
    calls = [[made.tool, made.arguments] for made in dialogue.calls]
    if not calls and dialogue.messages:
        calls = [[made.tool, made.arguments] for made in planned_calls(dialogue.messages[-1].content).calls]
    text = "" if calls else query_of(dialogue)
    made_of = orjson.dumps([sorted(tools), calls, text], option=orjson.OPT_SORT_KEYS)
    return stable_id(made_of.decode())


def query_of(dialogue: Dialogue) -> str:
    """Everything that the user asks for, without the material to work on."""
    material = dialogue.blueprint.material if dialogue.blueprint is not None else ""
    text = "\n".join(dialogue.messages[index].content for index, _ in dialogue.asked)
    if not material:
        return text
    bare = text.replace(material, "")
    return f"{bare}\n{material[:2000]}" if dialogue.kind == "code-to-documentation" else bare


def _shingles(text: str) -> frozenset[int]:
    words = loose(text).split()
    if len(words) < WORDS:
        return frozenset({_hash(" ".join(words))}) if words else frozenset()
    return frozenset(_hash(" ".join(words[at : at + WORDS])) for at in range(len(words) - WORDS + 1))


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") & _MASK


def _coefficients() -> list[tuple[int, int]]:
    return [(_hash(f"a{number}") | 1, _hash(f"b{number}")) for number in range(BANDS * ROWS)]


_COEFFICIENTS = _coefficients()


def _bands(shingles: frozenset[int]) -> list[tuple[int, ...]]:
    if not shingles:
        return []
    lows = _lows(shingles)
    return [(band, *lows[band * ROWS : band * ROWS + ROWS]) for band in range(BANDS)]


def _lows(shingles: frozenset[int]) -> list[int]:
    """The smallest value of each hash function: unsigned arithmetic wraps at 2^64, which a mask of 61 bits forgives."""
    import numpy as np

    factors = _factors()
    items = np.fromiter(shingles, dtype=np.uint64, count=len(shingles))
    hashed = (factors[:, :1] * items + factors[:, 1:]) & np.uint64(_MASK)
    lows: list[int] = hashed.min(axis=1).tolist()
    return lows


@cache
def _factors() -> "np.ndarray[tuple[int, ...], np.dtype[np.uint64]]":
    import numpy as np

    return np.array(_COEFFICIENTS, dtype=np.uint64)


def _jaccard(left: frozenset[int], right: frozenset[int]) -> float:
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared) if left or right else 1.0
