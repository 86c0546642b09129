"""The check of the data flow: each way in which a blueprint cannot be done is found, before a dialogue is paid for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from forge_trajectories.blueprint import Binding, Blueprint, Fact, Fault
from forge_trajectories.synthesis.dataflow import gives, problems
from forge_trajectories.synthesis.sampling import sample
from forge_trajectories.tools.graph import ToolGraph
from forge_trajectories.tools.operation import Operation


@pytest.fixture(scope="module")
def chain(shop_graph: ToolGraph) -> Blueprint:
    """Two calls, the second with a value from the answer to the first, and one from the user at the first."""
    for number in range(60):
        found = sample(shop_graph, kind="sequential", number=number, seed=3)
        if found is not None and len(found.plan) == 2 and found.plan[0].arguments and found.facts:
            return found
    raise AssertionError("none of sixty will do")


def arguments(blueprint: Blueprint, at: int, **more: Binding | None) -> Blueprint:
    """The blueprint with other bindings at a step; None takes one away."""
    step = blueprint.plan[at]
    kept = {name: binding for name, binding in {**step.arguments, **more}.items() if binding is not None}
    plan = list(blueprint.plan)
    plan[at] = replace(step, arguments=kept)
    return replace(blueprint, plan=tuple(plan))


def fed(blueprint: Blueprint) -> str:
    """The parameter of the second step that the first answers."""
    return next(name for name, each in blueprint.plan[1].arguments.items() if each.source == "observation")


def test_nothing_stands_against_what_was_sampled(chain: Blueprint) -> None:
    assert problems(chain) == []


BROKEN: dict[str, tuple[Callable[[Blueprint], Blueprint], str]] = {
    "nobody gives it": (lambda b: arguments(b, 1, **{fed(b): None}), "which nobody gives"),
    "no such parameter": (lambda b: arguments(b, 0, colour=Binding(source="user", fact=0)), "no parameter colour"),
    "no such fact": (lambda b: arguments(b, 1, **{fed(b): Binding(source="user", fact=99)}), "no such fact"),
    "not answered": (
        lambda b: arguments(b, 1, **{fed(b): Binding(source="observation", step="s1", pointer="/nowhere")}),
        "no /nowhere in the answer",
    ),
    "answered later": (
        lambda b: arguments(b, 1, **{fed(b): Binding(source="observation", step="s9", pointer="/id")}),
        "is not there by then",
    ),
    "not waited for": (
        lambda b: replace(b, plan=(b.plan[0], replace(b.plan[1], after=()))),
        "is not there by then",
    ),
    "no default": (lambda b: arguments(b, 1, **{fed(b): Binding(source="default", value="x")}), "no such default"),
    "a model's guess": (lambda b: arguments(b, 1, **{fed(b): Binding(source="candidate", value="x")}), "no source"),
    "wrong order": (lambda b: replace(b, plan=b.plan[::-1]), "does not come before"),
    "twice the same step": (lambda b: replace(b, plan=(*b.plan, b.plan[0])), "is there twice"),
    "no plan": (lambda b: replace(b, plan=(), needed=()), "there is no plan"),
    "another kind": (lambda b: replace(b, kind="dance"), "is none of"),
    "wrong ending": (lambda b: replace(b, ending="no-call"), "does not end in"),
    "withheld": (lambda b: replace(b, withheld=(b.plan[0].tool,)), "not offered"),
    "not needed": (lambda b: replace(b, needed=(b.plan[0].tool,)), "needed are"),
    "no goal": (lambda b: replace(b, goals=(" ",)), "has no goal"),
    "later request": (lambda b: replace(b, facts=(replace(b.facts[0], turn=1), *b.facts[1:])), "goals, and something"),
    "idle fact": (lambda b: replace(b, facts=(*b.facts, Fact(name="colour", value="red"))), "nothing asks for it"),
    "unsayable": (lambda b: replace(b, facts=(replace(b.facts[0], value="a\nb"), *b.facts[1:])), "nobody could say"),
    "kept back": (lambda b: replace(b, facts=(replace(b.facts[0], told="asked"), *b.facts[1:])), "only when asked"),
    "unfit": (lambda b: replace(b, facts=(replace(b.facts[0], value=[{"x": 1}]), *b.facts[1:])), "does not fit"),
    "a fault": (
        lambda b: replace(b, faults=(Fault(kind="timeout", tool=b.needed[0], recoveries=("retry",)),)),
        "something goes wrong",
    ),
    "the same tool twice": (lambda b: replace(b, operations=(*b.operations, b.operations[0])), "is there 2 times"),
    "material": (lambda b: replace(b, material="x"), "nobody asks about"),
    "unfit call": (
        lambda b: replace(b, plan=(replace(b.plan[0], expected={"colour": 1}), b.plan[1])),
        "does not take",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_said(chain: Blueprint, name: str) -> None:
    change, said = BROKEN[name]
    assert any(said in problem for problem in problems(change(chain))), problems(change(chain))


def test_faults_need_a_way_out(shop_graph: ToolGraph) -> None:
    found = sample(shop_graph, kind="error-recovery", number=0, seed=3)
    assert found is not None
    fault = found.faults[0]

    def against(changed: Any) -> list[str]:
        return problems(replace(found, faults=changed))

    assert any("nothing goes wrong" in each for each in against(()))
    assert any("nothing can be done" in each for each in against((replace(fault, recoveries=()),)))
    assert any("which is not called" in each for each in against((replace(fault, tool="dance"),)))
    assert any("stand in" in each for each in against((replace(fault, recoveries=("other-tool",), other="dance"),)))


def test_of_candidates_one_is_right(shop_graph: ToolGraph) -> None:
    found = sample(shop_graph, kind="decision-contrast", number=0, seed=3)
    assert found is not None
    all_right = tuple(replace(item, right=True) for item in found.candidates)
    assert any("exactly one" in each for each in problems(replace(found, candidates=all_right)))
    stranger = replace(found.candidates[0], tool="dance")
    assert any("not offered" in each for each in problems(replace(found, candidates=(stranger, *found.candidates))))


@pytest.mark.parametrize(
    ("pointer", "kind", "is_given"),
    [
        ("/items/0/id", "string", True),
        ("/items/0/id", "integer", False),
        ("/items/id", "string", False),
        ("/n", "number", True),
    ],
)
def test_an_answer_gives_what_its_schema_says(pointer: str, kind: str, is_given: bool) -> None:
    items = {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}}}}
    returns = {"type": "object", "properties": {"items": items, "n": {"type": "integer"}}}
    operation = Operation(tool="t", api="t", provider="p", returns=returns)
    assert gives(operation, pointer, {"type": kind}) is is_given
