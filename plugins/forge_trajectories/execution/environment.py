"""The one interface behind which calls are executed.

An environment is a function of its operations, its seed and the calls made so far: the same calls in the same order get
the same answers, on any machine. That is how a stored trajectory is executed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from forge.records import JsonObject, Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What came back from a call.

    Attributes:
        content: the text that the assistant reads: JSON, unless a fault broke it.
        status: as an HTTP server would answer; 0 for a call that got no answer at all (a timeout).
        origin: where it comes from.
        value: the JSON value of ``content``; None where it is none.
        fault: the kind of the fault that was put in; empty if none was.
    """

    content: str
    status: int
    origin: Origin
    value: Any = None
    fault: str = ""

    @property
    def ok(self) -> bool:
        """Whether the call did what it was to do."""
        return 200 <= self.status < 300


class Environment(Protocol):
    """Where calls of one trajectory are executed."""

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Observation:
        """Execute one call; what is wrong with it is answered as a server would answer, never raised."""
        ...

    def state(self) -> JsonObject:
        """What the calls so far left behind, canonical; equal states are equal JSON."""
        ...
