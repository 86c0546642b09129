"""Things that go wrong on purpose, what may be done about each, and the environment in which they happen.

A fault happens at the n-th call of a tool, for so many calls in a row; the same calls meet the same faults on every
machine. Nothing is changed behind a fault unless its kind says so. A fault costs a copy of the session's store where it
shows a bent answer, and nothing where it does not trigger.
"""

import copy
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from forge.records import JsonObject, stable_id, to_json
from forge_trajectories.blueprint import Fault
from forge_trajectories.execution.environment import Environment, Observation
from forge_trajectories.execution.faults_bent import emptied, partial, renamed, stale, truncated
from forge_trajectories.execution.refusals import refusal
from forge_trajectories.picking import Picks


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """One way in which a call can go wrong.

    Attributes:
        about: in words.
        status: of a refusal; 0 for no answer. An answer that is bent keeps its own, but for 207.
        recoveries: what may be done about it, the best first: ``retry`` (the same call after a wait), ``repair`` (the
            call with other arguments), ``other-tool``, ``ask`` (the user), ``failure`` (say that it could not be done).
        permanent: from its first call on it happens at every call of the tool, however often it is repeated.
        same_call: happens again whenever the same arguments come again; other arguments are let through.
        takes_effect: the call does what it does although its answer tells otherwise, or less.
        bends: makes the answer out of the right one; the others refuse.
        messages: what a refusal says.
    """

    about: str
    status: int
    recoveries: tuple[str, ...]
    permanent: bool = False
    same_call: bool = False
    takes_effect: bool = False
    bends: Callable[[Observation, Mapping[str, Any], Picks], Observation] | None = None
    messages: tuple[str, ...] = ()


FAULTS: Mapping[str, FaultKind] = {
    "timeout": FaultKind(
        about="no answer in time; nothing was done",
        status=0,
        recoveries=("retry", "other-tool", "failure"),
        messages=("Request timed out after {} seconds", "No response within {} seconds", "Read timed out ({} s)"),
    ),
    "timeout-after-effect": FaultKind(
        about="no answer in time, but the call was carried out: look before repeating it",
        status=0,
        recoveries=("other-tool", "retry", "ask", "failure"),
        takes_effect=True,
        messages=("Request timed out after {} seconds", "No response within {} seconds", "Read timed out ({} s)"),
    ),
    "rate-limit": FaultKind(
        about="429: too many requests; the answer says how long to wait",
        status=429,
        recoveries=("retry", "failure"),
        messages=("Rate limit exceeded. Retry after {} seconds.", "Too many requests; try again in {} seconds"),
    ),
    "unauthorized": FaultKind(
        about="401: the credentials are not accepted",
        status=401,
        recoveries=("ask", "other-tool", "failure"),
        permanent=True,
        messages=("Invalid or expired access token", "Authentication is required", "The API key is not valid"),
    ),
    "forbidden": FaultKind(
        about="403: the caller may not do this",
        status=403,
        recoveries=("other-tool", "ask", "failure"),
        permanent=True,
        messages=("You do not have permission to perform this action", "Access denied", "Insufficient scope"),
    ),
    "not-found": FaultKind(
        about="404: there is no such thing",
        status=404,
        recoveries=("repair", "other-tool", "ask", "failure"),
        same_call=True,
        messages=("The requested resource was not found", "Not found", "No such resource"),
    ),
    "invalid": FaultKind(
        about="400 or 422: an argument is refused, and named",
        status=400,
        recoveries=("repair", "ask", "failure"),
        same_call=True,
        messages=("The value is not accepted", "Invalid value", "Validation failed"),
    ),
    "server-error": FaultKind(
        about="500 or 503, then fine",
        status=500,
        recoveries=("retry", "other-tool", "failure"),
        messages=("Internal server error", "An unexpected error occurred", "Service temporarily unavailable"),
    ),
    "truncated": FaultKind(
        about="the answer's JSON breaks off",
        status=200,
        recoveries=("retry", "other-tool", "failure"),
        bends=truncated,
    ),
    "empty-list": FaultKind(
        about="nothing is found",
        status=200,
        recoveries=("repair", "other-tool", "ask", "failure"),
        same_call=True,
        bends=emptied,
    ),
    "renamed-field": FaultKind(
        about="a field has another name than documented",
        status=200,
        recoveries=("repair", "failure"),
        same_call=True,
        takes_effect=True,
        bends=renamed,
    ),
    "stale-data": FaultKind(
        about="the answer is from before the session's changes, and says so",
        status=200,
        recoveries=("retry", "other-tool", "failure"),
        bends=stale,
    ),
    "partial-success": FaultKind(
        about="207: done, but for a part that is named",
        status=207,
        recoveries=("repair", "retry", "ask", "failure"),
        takes_effect=True,
        bends=partial,
    ),
}
"""What can go wrong, by the name that `Fault.kind` has."""


class FaultyEnvironment:
    """An environment in which things go wrong as planned."""

    def __init__(
        self, inner: Environment, faults: Sequence[Fault], *, providers: Mapping[str, str] | None = None
    ) -> None:
        self._inner = inner
        self._faults = tuple(faults)
        unknown = [fault.kind for fault in self._faults if fault.kind not in FAULTS]
        if unknown:
            raise ValueError(f"no fault is called {unknown[0]!r}; there are {', '.join(FAULTS)}")
        self._providers = providers or {}
        self._calls: Counter[str] = Counter()
        self._met: set[str] = set()
        self._first = copy.deepcopy(inner) if any(fault.kind == "stale-data" for fault in faults) else inner

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Observation:
        """Execute one call, or let it go wrong."""
        ordinal = self._calls[tool]
        self._calls[tool] += 1
        for number, fault in enumerate(self._faults):
            if fault.tool == tool and self._triggers(number, fault, ordinal, arguments):
                return self._broken(number, fault, arguments)
        return self._inner.call(tool, arguments)

    def state(self) -> JsonObject:
        """The inner environment's."""
        return self._inner.state()

    def _triggers(self, number: int, fault: Fault, ordinal: int, arguments: Mapping[str, Any]) -> bool:
        kind = FAULTS[fault.kind]
        if fault.ordinal <= ordinal < fault.ordinal + fault.times:
            return True
        if kind.permanent:
            return ordinal >= fault.ordinal
        return kind.same_call and f"{number} {to_json(arguments)}" in self._met

    def _broken(self, number: int, fault: Fault, arguments: Mapping[str, Any]) -> Observation:
        kind = FAULTS[fault.kind]
        picks = Picks(stable_id(fault.kind, fault.tool, to_json(fault.details)))
        if kind.bends is None:
            if kind.takes_effect:
                self._inner.call(fault.tool, arguments)
            elif kind.same_call:
                plain = copy.deepcopy(self._inner).call(fault.tool, arguments)
                if not plain.ok:
                    return plain
            self._met.add(f"{number} {to_json(arguments)}")
            return replace(self._refused(fault, picks), fault=fault.kind)
        there = self._first if fault.kind == "stale-data" else self._inner
        plain = (there if kind.takes_effect else copy.deepcopy(there)).call(fault.tool, arguments)
        if not plain.ok:
            return plain
        self._met.add(f"{number} {to_json(arguments)}")
        return replace(kind.bends(plain, fault.details, picks), fault=fault.kind)

    def _refused(self, fault: Fault, picks: Picks) -> Observation:
        kind = FAULTS[fault.kind]
        wait = fault.details.get("retry_after", (2, 5, 10, 30)[picks.below(4)])
        message = str(fault.details.get("message") or picks.one(kind.messages)).replace("{}", str(wait))
        provider = self._providers.get(fault.tool, "")
        if kind.status == 0:
            return Observation(content=f"Error: {message}", status=0, origin="mock")
        status = int(fault.details.get("status", kind.status))
        if fault.kind == "server-error" and "unavailable" in message and "status" not in fault.details:
            status = 503
        if fault.kind == "rate-limit":
            return refusal(provider, status, message, more={"retry_after": wait})
        field = fault.details.get("field")
        if fault.kind == "invalid" and isinstance(field, str):
            message = message if field in message else f"{field}: {message}"
            found = refusal(provider, status, message)
            body = {**found.value, "field": field}
            return replace(found, content=orjson.dumps(body).decode(), value=body)
        return refusal(provider, status, message)
