"""Blueprints in which something goes wrong: for a while, for good, or until the call is mended.

Each scenario sets one fault at one call and says which recoveries fit. What the assistant needs to recover is there:
the right value in the error's message or with the user, another tool that does the same among those offered.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from forge_trajectories.api_view import as_mapping
from forge_trajectories.blueprint import Blueprint, Fault, Step
from forge_trajectories.execution.opening import open_environment
from forge_trajectories.execution.schemas import fits
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import compact_json
from forge_trajectories.synthesis.facts import is_sayable
from forge_trajectories.synthesis.kinds_calls import chained, offer_around
from forge_trajectories.synthesis.plans import Draft
from forge_trajectories.synthesis.plans_goals import goal
from forge_trajectories.tools.graph import could_do, siblings, walk
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import changes_data, effect_of, is_verb, key_words, nouns_of, things_of
from forge_trajectories.tools.store import Group

FOR_GOOD = 9
"""Calls in a row that fail where no patience helps."""
_PASSING = ("timeout", "rate-limit", "server-error", "truncated")
_REFUSED = ("rate-limit", "server-error")
"""Of what passes those that say that nothing was done: of them alone a call that makes something is made again."""
_LASTING = ("timeout", "server-error", "unauthorized", "forbidden", "not-found")
_REPLACED = ("forbidden", "server-error", "timeout")
"""Faults of one tool; credentials that are not accepted for one are accepted for no other."""
_MILD = ("stale-data", "empty-list", "renamed-field")
_PLAINLY_READING = ("", "GET", "HEAD")
_REPEATABLE = ("PUT", "PATCH")
_LOOKED_UP = frozenset("id name key slug code arn number email account domain symbol user".split())  # noqa: SIM905
# What is done besides what was asked for, and may fail while that is done.
_BESIDES = ("the notification e-mail", "the search index", "the audit log", "the webhook delivery", "the cache refresh")
_MEANT = (
    "{field}: {wrong} is not accepted; did you mean {right}?",
    "{field} {wrong} is not valid here. Use {right}.",
    "{field}: unknown value {wrong}. The closest match is {right}.",
)
_WRITTEN = (
    "{field}: {wrong} is not in the expected form; it is written {right}.",
    "{field} has to be written as {right}, not as {wrong}.",
    "{field} {wrong} is malformed. Write it as {right}.",
)
_UNKNOWN = (
    "Nothing is known under {field} {wrong}.",
    "{field} {wrong} does not exist.",
    "There is no entry for {field} {wrong}.",
)

Scenario = Callable[[Draft], Fault | None]


def error_recovery(group: Group, at: int, picks: Picks) -> Draft | None:
    """One or two calls, of which one fails."""
    draft = Draft(kind="error-recovery", picks=picks)
    chain = walk(group, at, picks, length=2) if picks.below(3) == 0 else None
    if chain is not None:
        if not chained(draft, chain):
            return None
    else:
        operation = draft.add(group.operations[at])
        draft.goals.append(goal(operation))
        if draft.step(operation) is None:
            return None
    places = list(chain.places) if chain is not None else [at]
    placed: tuple[Scenario, ...] = (
        lambda draft: _replaced(draft, group, places[-1]),
        lambda draft: _bent(draft, group, places[-1]),
    )
    scenarios = (_passes, _passes, _lasts, _repaired, _asked, _partly, *placed)
    first = picks.below(len(scenarios))
    in_turn = (*scenarios[first:], *scenarios[:first])
    if changes_data(group.operations[places[-1]]) and picks.below(3) == 0:
        in_turn = (lambda draft: _unheard(draft, group, places[-1]), *in_turn)
    for scenario in in_turn:
        fault = scenario(draft)
        if fault is not None:
            draft.faults.append(fault)
            return offer_around(draft, group, places, count=picks.below(3), least=0)
    return None


def _passes(draft: Draft) -> Fault | None:
    """A fault that a second or third attempt gets past."""
    tool = draft.picks.one(draft.steps).tool
    kind = draft.picks.one(_PASSING if _may_be_repeated(_of(draft, tool)) else _REFUSED)
    times = 1 if kind == "truncated" else 1 + draft.picks.below(2)
    return Fault(kind=kind, tool=tool, times=times, recoveries=("retry",))


def _lasts(draft: Draft) -> Fault | None:
    """A fault that stays: the user is told."""
    may = _may_be_repeated(_of(draft, draft.steps[-1].tool))
    kind = draft.picks.one([kind for kind in _LASTING if may or kind != "timeout"])
    draft.ending = "failure"
    patient = kind in ("timeout", "server-error")
    return Fault(
        kind=kind,
        tool=draft.steps[-1].tool,
        times=FOR_GOOD if patient else 1,
        recoveries=("retry", "failure") if patient else ("failure",),
    )


def _repaired(draft: Draft) -> Fault | None:
    """The server names the value that it takes instead.

    What only reads may be called with it. What changes something is not turned to another thing unasked: the user says
    which one is meant, but where the server only wants the same value written in another way.
    """
    if not changes_data(_of(draft, draft.steps[-1].tool)):
        return _mended(draft, kind="invalid", messages=_MEANT, recoveries=("repair",))
    if draft.picks.below(2):
        written = _mended(draft, kind="invalid", messages=_WRITTEN, recoveries=("repair",), bend=_rewritten)
        if written is not None:
            return written
    return _told_again(draft, _mended(draft, kind="invalid", messages=_MEANT, recoveries=("ask",)))


def _asked(draft: Draft) -> Fault | None:
    """The server does not know what the user named; the user knows better when asked."""
    return _told_again(draft, _mended(draft, kind="not-found", messages=_UNKNOWN, recoveries=("ask",)))


def _told_again(draft: Draft, fault: Fault | None) -> Fault | None:
    """The same fault; the user knows the right value, and tells it when asked."""
    if fault is not None:
        for name, value in fault.details["arguments"].items():
            draft.fact(name, value, told="asked")
    return fault


def _mended(
    draft: Draft,
    *,
    kind: str,
    messages: tuple[str, ...],
    recoveries: tuple[str, ...],
    bend: Callable[[str, Picks], str] | None = None,
) -> Fault | None:
    """The user says a value that is not right, ``bend`` of the right one, which is mistyped if nothing is given."""
    step = draft.steps[-1]
    operation = next(item for item in draft.operations if item.tool == step.tool)
    if effect_of(operation) == "delete" and kind == "not-found":
        return None  # what cannot be found to be deleted counts as gone
    name = _mendable(draft, step, operation)
    if not name:
        return None
    place = step.arguments[name].fact or 0
    right = draft.facts[place].value
    wrong = (bend or _mistyped)(right, draft.picks)
    if wrong == right or not fits(wrong, operation.parameters["properties"][name]) or not is_sayable(wrong):
        return None
    draft.facts[place] = replace(draft.facts[place], value=wrong)
    message = draft.picks.one(messages).format(field=name, wrong=f"'{wrong}'", right=f"'{right}'")
    details: dict[str, Any] = {"field": name, "message": message, "arguments": {name: right}}
    if kind == "invalid":
        details["status"] = (400, 422)[draft.picks.below(2)]
    return Fault(kind=kind, tool=step.tool, recoveries=recoveries, details=details)


def _mendable(draft: Draft, step: Step, operation: Operation) -> str:
    """A required text that names something, that the user says, and that no other call shares."""
    properties = operation.parameters["properties"]
    found = [
        name
        for name, binding in step.arguments.items()
        if binding.source == "user"
        and binding.fact is not None
        and name in operation.parameters.get("required", ())
        and isinstance(draft.facts[binding.fact].value, str)
        and 4 <= len(draft.facts[binding.fact].value) <= 60
        and "enum" not in properties[name]
        and _names_a_thing(name, properties[name], operation)
        and not any(
            other is not step and any(each.fact == binding.fact for each in other.arguments.values())
            for other in draft.steps
        )
    ]
    return draft.picks.one(found) if found else ""


def _of(draft: Draft, tool: str) -> Operation:
    return next(item for item in draft.operations if item.tool == tool)


def _may_be_repeated(operation: Operation) -> bool:
    """Whether a call that may have been carried out can be made again: it reads, or says what is to be."""
    return not changes_data(operation) or operation.method.upper() in (*_REPEATABLE, "DELETE")


def _names_a_thing(name: str, part: Mapping[str, Any], operation: Operation) -> bool:
    """Whether a value is looked up by the server: an id or a name, not a text that anyone may write."""
    parts = key_words(name)
    in_path = part.get("x-in") == "path" or f"{{{name}}}" in operation.path
    makes = effect_of(operation) == "create" and not in_path
    return in_path or (parts[-1:] != () and parts[-1] in _LOOKED_UP and not (makes and parts[-1] == "name"))


def _mistyped(value: str, picks: Picks) -> str:
    """A text with two neighbouring letters or digits exchanged, as happens in typing."""
    fit = [
        place
        for place in range(1, len(value) - 1)
        if value[place].isalnum() and value[place + 1].isalnum() and value[place] != value[place + 1]
    ]
    if not fit:
        return value
    at = picks.one(fit)
    return f"{value[:at]}{value[at + 1]}{value[at]}{value[at + 2 :]}"


def _rewritten(value: str, picks: Picks) -> str:
    """The same text written in another way: in capitals or without, or without what parts it."""
    forms = [value.upper(), value.lower(), value.replace("-", ""), value.replace("-", " "), value.replace("_", "-")]
    forms = [form for form in forms if form != value]
    return picks.one(forms) if forms else value


def _replaced(draft: Draft, group: Group, at: int) -> Fault | None:
    """Another tool reads the same thing, with what is known."""
    step = draft.steps[-1]
    own = group.operations[at]
    if len(draft.steps) > 1 or not _plainly_reads(own):
        return None
    known = {name: draft.facts[part.fact].value for name, part in step.arguments.items() if part.fact is not None}
    for place in siblings(group, at):
        other = group.operations[place]
        may_do = could_do(group.abouts[place], group.abouts[at])
        if not may_do or not _plainly_reads(other) or not _serves(other, own, known):
            continue
        named = draft.add(other)
        kind = draft.picks.one(_REPLACED)
        times = FOR_GOOD if kind in ("server-error", "timeout") else 1
        return Fault(kind=kind, tool=step.tool, times=times, recoveries=("other-tool",), other=named.tool)
    return None


def _unheard(draft: Draft, group: Group, at: int) -> Fault | None:
    """A change is made and its answer lost: another tool, which reads, shows that it is there."""
    step, own = draft.steps[-1], group.operations[at]
    if effect_of(own) not in ("create", "update") or any(
        part.source == "observation" for part in step.arguments.values()
    ):
        return None
    for place in siblings(group, at):
        other = group.operations[place]
        if not _plainly_reads(other) or nouns_of(other)[:1] != nouns_of(own)[:1]:
            continue
        if _shows(draft, step, other):
            repeatable = own.method.upper() in _REPEATABLE
            recoveries = ("other-tool", "retry") if repeatable else ("other-tool",)
            named = draft.add(other)
            return Fault(kind="timeout-after-effect", tool=step.tool, recoveries=recoveries, other=named.tool)
    return None


def _shows(draft: Draft, step: Step, other: Operation) -> bool:
    """Whether a call of another tool, with what is known, shows what the last step leaves behind."""
    values = {name: draft.facts[part.fact].value for name, part in step.arguments.items() if part.fact is not None}
    properties = other.parameters.get("properties", {})
    taken = {name: value for name, value in values.items() if name in properties}
    if any(name not in taken for name in other.parameters.get("required", ())):
        return False
    if not all(fits(value, properties[name]) for name, value in taken.items()):
        return False
    own = next(item for item in draft.operations if item.tool == step.tool)
    environment = open_environment(Blueprint(id="", kind="", seed=0, goals=(), operations=(own, other)))
    given = {name: part.value if part.fact is None else values[name] for name, part in step.arguments.items()}
    before = environment.call(other.tool, taken)
    if not environment.call(step.tool, given).ok:
        return False
    seen = environment.call(other.tool, taken)
    written = [value for name, value in given.items() if name not in taken and isinstance(value, (str, int, float))]
    return seen.ok and seen.content != before.content and any(compact_json(value) in seen.content for value in written)


def _partly(draft: Draft) -> Fault | None:
    """A part of what was asked for is not done, and named: what can be repeated is, once."""
    step = draft.steps[-1]
    operation = next(item for item in draft.operations if item.tool == step.tool)
    if not changes_data(operation) or effect_of(operation) == "delete":
        return None
    again = operation.method.upper() in _REPEATABLE and draft.picks.below(2)
    recoveries = ("retry", "failure") if again else ("failure",)
    details = {"item": draft.picks.one(_BESIDES)}
    return Fault(kind="partial-success", tool=step.tool, recoveries=recoveries, details=details)


def _plainly_reads(operation: Operation) -> bool:
    """Whether a call only reads; of one that is just named so, a server may keep something all the same."""
    return operation.method.upper() in _PLAINLY_READING and not changes_data(operation)


def _serves(other: Operation, own: Operation, known: Mapping[str, Any]) -> bool:
    """Whether the other tool answers about the same thing, from the same values."""
    properties = other.parameters.get("properties", {})
    if not _same_thing(other, own, is_known=bool(known)) or any(name not in properties for name in known):
        return False
    if any(name not in known for name in other.parameters.get("required", ())):
        return False
    same_thing = bool(known) or other.parameters.get("properties", {}).keys() == own.parameters["properties"].keys()
    return same_thing and all(fits(value, properties[name]) for name, value in known.items())


def _same_thing(other: Operation, own: Operation, *, is_known: bool) -> bool:
    """Whether two operations are about one kind of thing.

    One path may say more than the other, but nothing else: fonts are no cards, and a theme's file is not a slide's.
    Where no value says which one is meant, both have to say the same.
    """
    mine, others = nouns_of(own)[:1], nouns_of(other)[:1]
    if not mine or mine != others or is_verb(mine[0]):
        return False
    things, told = things_of(own), things_of(other)
    return things == told or (is_known and (things < told or told < things))


def _is_listing(operation: Operation) -> bool:
    """Whether an answer is one list, or an object around one."""
    returns = as_mapping(operation.returns)
    kinds = [as_mapping(part).get("type") for part in as_mapping(returns.get("properties")).values()]
    return returns.get("type") == "array" or (kinds.count("array") == 1 and effect_of(operation) == "list")


def _bent(draft: Draft, group: Group, at: int) -> Fault | None:
    """An answer that can be read and is not quite as documented."""
    if len(draft.steps) > 1 or not _plainly_reads(group.operations[at]):
        return None
    kind = draft.picks.one([kind for kind in _MILD if kind != "empty-list" or _is_listing(group.operations[at])])
    recoveries = {"stale-data": ("retry", "failure"), "empty-list": ("failure",), "renamed-field": ("failure",)}
    return Fault(kind=kind, tool=draft.steps[-1].tool, recoveries=recoveries[kind])
