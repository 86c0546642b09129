"""A small shop behind five tools, and trajectories played in it: what the tests of the ladder are made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from forge.records import Message, Trajectory, stable_id
from forge_trajectories.blueprint import Binding, Blueprint, Candidate, Fact, Fault, Step, from_object, to_object
from forge_trajectories.execution.environment import Observation
from forge_trajectories.execution.opening import open_environment
from forge_trajectories.tools.operation import Operation

ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "item": {"type": "string"},
        "quantity": {"type": "integer"},
        "status": {"type": "string", "enum": ["pending", "shipped", "delivered"]},
    },
    "required": ["id", "item", "quantity", "status"],
}


def tool(name: str, method: str, path: str, properties: Mapping[str, Any], **more: Any) -> Operation:
    """An operation of the shop."""
    required = [key for key in properties if not key.startswith("_")]
    schema = {
        "type": "object",
        "properties": {key.lstrip("_"): value for key, value in properties.items()},
        "required": required,
    }
    return Operation(
        tool=name,
        api=stable_id(name),
        provider="shop.example",
        method=method,
        path=path,
        parameters=schema,
        **more,
    )


ID = {"type": "string", "x-in": "path", "description": "Identifier of the order."}
CREATE = tool(
    "create_order",
    "POST",
    "/orders",
    {
        "item": {"type": "string", "x-in": "body"},
        "quantity": {"type": "integer", "minimum": 1, "x-in": "body"},
        "_priority": {"type": "string", "enum": ["low", "normal", "high"], "default": "normal", "x-in": "body"},
    },
    description="Create an order for an item.",
    returns=ORDER,
)
GET = tool("get_order", "GET", "/orders/{order_id}", {"order_id": ID}, description="Get an order.", returns=ORDER)
CANCEL = tool("cancel_order", "DELETE", "/orders/{order_id}", {"order_id": ID}, description="Cancel an order.")
NOTE = tool(
    "add_note",
    "POST",
    "/orders/{order_id}/notes",
    {"order_id": ID, "text": {"type": "string", "x-in": "body"}},
    description="Add a note to an order.",
    returns={"type": "object", "properties": {"id": {"type": "string"}, "text": {"type": "string"}}},
)
STOCK = tool(
    "get_stock",
    "GET",
    "/stock/{item}",
    {"item": {"type": "string", "x-in": "path"}},
    description="Get how much of an item there is.",
    returns={"type": "object", "properties": {"item": {"type": "string"}, "count": {"type": "integer"}}},
)
SHOP = (CREATE, GET, CANCEL, NOTE, STOCK)

Words = str | Callable[[list[Observation]], str]
Call = tuple[str, Mapping[str, Any] | Callable[[list[Observation]], Mapping[str, Any]]]


def user(place: int) -> Binding:
    """An argument that the user's fact of that number gives."""
    return Binding(source="user", fact=place)


def answered(step: str, pointer: str) -> Binding:
    """An argument that is taken from an answer."""
    return Binding(source="observation", step=step, pointer=pointer)


def blueprint(kind: str, goals: Sequence[str], **fields: Any) -> Blueprint:
    """A blueprint over the whole shop, unless other operations are given."""
    operations = fields.pop("operations", SHOP)
    return Blueprint(
        id=stable_id("case", kind, *goals), kind=kind, seed=7, goals=goals, operations=operations, **fields
    )


def play(plan: Blueprint, *moves: Any) -> Trajectory:
    """A trajectory from moves: ``("user", text)``, ``("say", text)``, ``("call", thought, call, ...)``.

    A text and a call's arguments may be functions of the observations so far. The environment's state at the end
    becomes the blueprint's final state, unless it has one.
    """
    plan = from_object(to_object(plan))  # as it will be stored
    environment = open_environment(plan)
    messages: list[Message] = []
    seen: list[Observation] = []
    count = 0
    for role, text, *calls in moves:
        said = text(seen) if callable(text) else text
        if role != "call":
            messages.append(Message(role="user" if role == "user" else "assistant", content=said))
            continue
        made = []
        for name, given in calls:
            count += 1
            made.append({"id": f"c{count}", "name": name, "arguments": given(seen) if callable(given) else given})
        messages.append(Message(role="assistant", content=said, tool_calls=made))
        for call in made:
            found = environment.call(call["name"], call["arguments"])
            seen.append(found)
            messages.append(Message(role="tool", content=found.content, tool_call_id=call["id"], origin=found.origin))
    if count and plan.final_state is None:
        plan = replace(plan, final_state=environment.state())
    offered = [] if plan.ending == "text" else [operation.offered() for operation in plan.offered()]
    key = orjson.dumps([[each.role, each.content] for each in messages]).decode()
    return Trajectory(
        id=stable_id("case", plan.id, key), tools=offered, messages=messages, blueprint=to_object(plan), source="test"
    )


def order_text(found: Observation) -> str:
    """What an answer says of an order."""
    return f"The order {found.value['id']} is for {found.value['quantity']} and its status is {found.value['status']}."


STEP_CREATE = Step(id="s1", tool="create_order", arguments={"item": user(0), "quantity": user(1)})
STEP_GET = Step(id="s2", tool="get_order", arguments={"order_id": answered("s1", "/id")}, after=("s1",))
FACTS = (Fact(name="item", value="desk lamp"), Fact(name="quantity", value=3))
ORDERED = {"item": "desk lamp", "quantity": 3}
ASKED = "Please create an order with item desk lamp and quantity 3."


def single() -> Trajectory:
    """One call."""
    plan = blueprint("single", ["Create an order."], facts=FACTS, plan=(STEP_CREATE,), needed=("create_order",))
    return play(
        plan, ("user", ASKED), ("call", "", ("create_order", ORDERED)), ("say", lambda seen: order_text(seen[0]))
    )


def choice() -> Trajectory:
    """One call among many that could be made, with an argument that is one of a few words."""
    facts = (*FACTS, Fact(name="priority", value="high"))
    step = replace(STEP_CREATE, arguments={**STEP_CREATE.arguments, "priority": user(2)})
    plan = blueprint("choice", ["Create an order."], facts=facts, plan=(step,), needed=("create_order",))
    return play(
        plan,
        ("user", f"{ASKED} Its priority is high."),
        ("call", "create_order does this.", ("create_order", {**ORDERED, "priority": "high"})),
        ("say", lambda seen: order_text(seen[0])),
    )


def sequential() -> Trajectory:
    """A call that takes its id from the one before."""
    plan = blueprint("sequential", ["Create an order and get it."], facts=FACTS, plan=(STEP_CREATE, STEP_GET))
    return play(
        plan,
        ("user", f"{ASKED} Then get it back."),
        ("call", "First the order.", ("create_order", ORDERED)),
        ("call", "", ("get_order", lambda seen: {"order_id": seen[0].value["id"]})),
        ("say", lambda seen: order_text(seen[1])),
    )


def parallel() -> Trajectory:
    """Two calls at once."""
    facts = (Fact(name="item", value="desk lamp"), Fact(name="item", value="A4 paper"))
    steps = tuple(Step(id=f"s{n}", tool="get_stock", arguments={"item": user(n)}) for n in range(2))
    plan = blueprint("parallel", ["Get the stock of two items."], facts=facts, plan=steps)
    return play(
        plan,
        ("user", "How much is there of desk lamp and of A4 paper?"),
        ("call", "", ("get_stock", {"item": "desk lamp"}), ("get_stock", {"item": "A4 paper"})),
        ("say", lambda seen: f"The count is {seen[0].value['count']} and {seen[1].value['count']}."),
    )


def multi_turn() -> Trajectory:
    """Two requests, the second about what the first made."""
    note = Step(
        id="s2",
        tool="add_note",
        arguments={"order_id": answered("s1", "/id"), "text": user(2)},
        after=("s1",),
        turn=1,
    )
    facts = (*FACTS, Fact(name="text", value="ring twice", turn=1))
    plan = blueprint("multi-turn", ["Create an order.", "Add a note to it."], facts=facts, plan=(STEP_CREATE, note))
    return play(
        plan,
        ("user", ASKED),
        ("call", "", ("create_order", ORDERED)),
        ("say", lambda seen: order_text(seen[0])),
        ("user", 'Add a note to it: "ring twice".'),
        ("call", "", ("add_note", lambda seen: {"order_id": seen[0].value["id"], "text": "ring twice"})),
        ("say", 'I added the note "ring twice".'),
    )


def missing_parameter() -> Trajectory:
    """The user leaves out the quantity."""
    facts = (FACTS[0], replace(FACTS[1], told="asked"))
    plan = blueprint("missing-parameter", ["Create an order."], facts=facts, plan=(STEP_CREATE,))
    return play(
        plan,
        ("user", "Please create an order with item desk lamp."),
        ("say", "What quantity should I order?"),
        ("user", "The quantity is 3."),
        ("call", "", ("create_order", ORDERED)),
        ("say", lambda seen: order_text(seen[0])),
    )


def missing_tool() -> Trajectory:
    """The tool that would do is not offered."""
    plan = blueprint("missing-tool", ["Cancel an order."], withheld=("cancel_order",), ending="no-call")
    return play(
        plan,
        ("user", "Please cancel an order."),
        ("say", "I can't cancel an order: none of the tools I have does that."),
    )


def decision_contrast() -> Trajectory:
    """Two candidates are weighed."""
    candidates = (
        Candidate(tool="get_stock", arguments={"item": "desk lamp"}, right=True, why="it tells the stock of an item"),
        Candidate(tool="get_order", arguments={"order_id": "desk lamp"}, right=False, why="it needs an order's id"),
    )
    step = Step(id="s1", tool="get_stock", arguments={"item": user(0)})
    plan = blueprint(
        "decision-contrast", ["Get the stock of an item."], facts=FACTS[:1], plan=(step,), candidates=candidates
    )
    thought = (
        'The candidates:\n1. get_stock({"item": "desk lamp"}): it tells the stock of an item.\n'
        '2. get_order({"order_id": "desk lamp"}): it needs an order\'s id.\nSo I call get_stock.'
    )
    return play(
        plan,
        ("user", "What is the stock of item desk lamp?"),
        ("call", thought, ("get_stock", {"item": "desk lamp"})),
        ("say", lambda seen: f"The count is {seen[0].value['count']}."),
    )


def planning() -> Trajectory:
    """A plan from documentation."""
    material = "\n".join(f"{each.method} {each.path} ({each.tool}): {each.description}" for each in SHOP)
    plan = blueprint(
        "planning",
        ["Create an order and get it."],
        facts=FACTS,
        plan=(STEP_CREATE, STEP_GET),
        material=material,
        ending="text",
        withheld=tuple(each.tool for each in SHOP),
        needed=("create_order", "get_order"),
    )
    text = (
        '1. Call create_order: create the order.\n{"name": "create_order", "arguments": {"item": "desk lamp", '
        '"quantity": 3}}\n2. Call get_order with its id.\n{"name": "get_order", "arguments": {"order_id": "$1.id"}}'
    )
    return play(plan, ("user", f"{ASKED} Then get it. Plan only.\n\n{material}"), ("say", text))


def documentation() -> Trajectory:
    """Documentation from code."""
    code = 'requests.post("https://shop.example/orders", json={"item": item, "quantity": 2})'
    plan = blueprint(
        "code-to-documentation",
        ["Document the API."],
        operations=(CREATE,),
        withheld=("create_order",),
        needed=("create_order",),
        material=code,
        ending="text",
    )
    text = (
        "# Create order\n\n`POST /orders`\n\nCreate an order for an item.\n\nParameters:\n\n"
        "- `item` (string, required)\n- `quantity` (integer, required): at least 1\n- `priority` (string, optional)"
    )
    return play(plan, ("user", f"Document the API that this code calls.\n\n{code}"), ("say", text))


def refused(kind: str, *, recoveries: Sequence[str]) -> Blueprint:
    """A blueprint in which getting an order goes wrong: once, or for good where only an honest failure is left."""
    fails = tuple(recoveries) == ("failure",)
    fault = Fault(kind=kind, tool="get_order", times=9 if fails else 1, recoveries=recoveries)
    ending = "failure" if fails else "answer"
    step = Step(id="s1", tool="get_order", arguments={"order_id": user(0)})
    facts = (Fact(name="order_id", value="ORD-7731"),)
    return blueprint(
        "error-recovery",
        ["Get an order."],
        facts=facts,
        plan=(step,),
        faults=(fault,),
        ending=ending,
        needed=("get_order",),
    )


GET_7731: Call = ("get_order", {"order_id": "ORD-7731"})
ASK_7731 = ("user", "Please get the order with order id ORD-7731.")


def retried() -> Trajectory:
    """A rate limit, waited for."""
    plan = refused("rate-limit", recoveries=("retry", "failure"))
    again = ("call", "I wait a moment and call again.", GET_7731)
    return play(plan, ASK_7731, ("call", "", GET_7731), again, ("say", lambda seen: order_text(seen[1])))


def failed() -> Trajectory:
    """A call that is forbidden, and told to be."""
    plan = refused("forbidden", recoveries=("failure",))
    return play(plan, ASK_7731, ("call", "", GET_7731), ("say", "I could not get the order: access was denied."))


CASES: Mapping[str, Callable[[], Trajectory]] = {
    "single": single,
    "choice": choice,
    "sequential": sequential,
    "parallel": parallel,
    "multi-turn": multi_turn,
    "missing-parameter": missing_parameter,
    "missing-tool": missing_tool,
    "decision-contrast": decision_contrast,
    "retried": retried,
    "failed": failed,
    "planning": planning,
    "code-to-documentation": documentation,
}
"""A good trajectory of each kind, and two in which something goes wrong."""
