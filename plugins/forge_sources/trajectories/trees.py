"""Data sets that are no plain chats: ToolBench's search trees, ToolAlpaca's APIs with instructions, API-Bank's files.

ToolBench: every branch of a depth-first search is one trajectory, the failed ones marked as such by the check
``outcome``; branches share their first steps. ToolAlpaca: every instruction is one, with its golden calls, or with the
steps of a simulated run. API-Bank: every file is one, a line a turn.

Sources: Qin et al., "ToolLLM", 2023; Tang et al., "ToolAlpaca", 2023; Li et al., "API-Bank", 2023; their repositories.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from forge.records import ApiRecord, Message, Origin, to_json
from forge_sources.trajectories.calls import call, inferred_tools
from forge_sources.trajectories.draft import Draft, NotADialogueError
from forge_sources.trajectories.tools import tools_of

FINISH = "Finish"
DEEPEST = 400
"""Nodes on a branch; no search goes so deep, and a deeper tree is refused."""


def toolbench(row: Mapping[str, Any], origin: Origin | None) -> Iterator[Draft]:
    """One draft a leaf of the tree, in the order of the search."""
    answer = row.get("answer_generation")
    tree = row.get("tree")
    root = tree.get("tree") if isinstance(tree, Mapping) else None
    if not isinstance(answer, Mapping) or not isinstance(root, Mapping) or not isinstance(answer.get("query"), str):
        raise NotADialogueError("expected a tree and answer_generation with a query")
    tools = tools_of(answer.get("function"))
    branches = list(_branches(root, []))
    for number, nodes in enumerate(branches, start=1):
        yield _branch(nodes, query=answer["query"], tools=tools, origin=origin, place=(number, len(branches)))


def _branches(node: Mapping[str, Any], above: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    if len(above) > DEEPEST:
        raise NotADialogueError(f"the tree is deeper than {DEEPEST} nodes")
    path = [*above, node]
    below = node.get("children")
    children = below if isinstance(below, list) else []
    if not all(isinstance(child, Mapping) for child in children):
        raise NotADialogueError("a node of the tree is no object")
    if not children:
        yield path
    for child in children:
        yield from _branches(child, path)


def _branch(
    nodes: Sequence[Mapping[str, Any]],
    *,
    query: str,
    tools: Sequence[Mapping[str, Any]],
    origin: Origin | None,
    place: tuple[int, int],
) -> Draft:
    messages = [Message(role="user", content=query)]
    thought, action, calls = "", "", 0
    outcome = "cut off: the search left this branch"
    for node in nodes[1:]:
        text = str(node.get("description") or "")
        if node.get("node_type") == "Thought":
            thought = f"{thought}\n{text}".strip()
            outcome = "ended without a call"
        elif node.get("node_type") == "Action":
            action = text
        elif node.get("node_type") == "Action Input":
            ended = _finished(action, text)
            if ended and ended.get("return_type") == "give_answer":
                messages.append(Message(role="assistant", content=_joined(thought, ended.get("final_answer"))))
                outcome = "give_answer"
            else:
                calls += 1
                made = call(action, text, number=calls)
                messages.append(Message(role="assistant", content=thought, tool_calls=[made]))
                messages.append(_observation(node, made, origin))
                outcome = str(ended.get("return_type")) if ended else f"observation_code {node.get('observation_code')}"
            thought, action = "", ""
    if thought or action:
        messages.append(
            Message(
                role="assistant", content=thought, tool_calls=[call(action, "", number=calls + 1)] if action else ()
            )
        )
    number, count = place
    passed = outcome == "give_answer" and not nodes[-1].get("pruned")
    return Draft(
        tools=tools,
        messages=messages,
        checks=[{"check": "outcome", "passed": passed, "evidence": outcome}],
        blueprint={"branch": number, "branches": count, "pruned": bool(nodes[-1].get("pruned"))},
    )


def _observation(node: Mapping[str, Any], made: Mapping[str, Any], origin: Origin | None) -> Message:
    content = node.get("observation")
    text = content if isinstance(content, str) else to_json(content) if content is not None else ""
    return Message(role="tool", content=text, tool_call_id=str(made["id"]), origin=origin)


def _finished(action: str, text: str) -> Mapping[str, Any] | None:
    """What the call that ends a search says, if this is one."""
    if action != FINISH:
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"return_type": "unreadable Finish"}
    return found if isinstance(found, Mapping) else {"return_type": "unreadable Finish"}


def _joined(thought: str, answer: object) -> str:
    text = answer if isinstance(answer, str) else to_json(answer) if answer is not None else ""
    return text if not thought or thought == text else f"{thought}\n\n{text}".strip()


def toolalpaca(row: Mapping[str, Any], origin: Origin | None) -> Iterator[Draft]:
    """One draft an instruction of the API in ``row``: its golden calls, or the steps of its simulated run."""
    tools = _alpaca_tools(row)
    instances = row.get("Instances")
    if isinstance(instances, list):
        for instance in instances:
            yield _simulated(instance if isinstance(instance, Mapping) else {}, tools=tools, origin=origin)
        return
    instructions, golden = row.get("Instructions"), row.get("Golden_Answers")
    if not isinstance(instructions, list) or not isinstance(golden, list) or len(instructions) != len(golden):
        raise NotADialogueError("expected as many Golden_Answers as Instructions, or Instances")
    for instruction, steps in zip(instructions, golden, strict=True):
        if not isinstance(steps, list) or not all(isinstance(step, Mapping) for step in steps):
            raise NotADialogueError(f"the golden answer to {str(instruction)[:60]!r} is no list of calls")
        calls = [call(s.get("Action"), s.get("Action_Input"), number=at) for at, s in enumerate(steps, start=1)]
        messages = [Message(role="user", content=str(instruction)), Message(role="assistant", tool_calls=calls)]
        yield Draft(tools=tools, messages=messages, blueprint={"api": str(row.get("Name") or ""), "calls": "golden"})


def _simulated(instance: Mapping[str, Any], *, tools: Sequence[Mapping[str, Any]], origin: Origin | None) -> Draft:
    """A run against an API that a language model played: its observations are the model's."""
    messages = [Message(role="user", content=str(instance.get("input") or ""))]
    steps = instance.get("intermediate_steps")
    for number, step in enumerate(steps if isinstance(steps, list) else (), start=1):
        action, observation = step if isinstance(step, list) and len(step) == 2 else ([], "")
        name, arguments, log = (*action, "", "", "")[:3] if isinstance(action, list) else ("", "", "")
        made = call(name, arguments, number=number)
        thought = str(log).partition("ASSISTANT Action:")[0].partition("\nAction:")[0].strip()
        messages.append(Message(role="assistant", content=thought, tool_calls=[made]))
        messages.append(Message(role="tool", content=str(observation), tool_call_id=made["id"], origin=origin or "llm"))
    messages.append(Message(role="assistant", content=str(instance.get("output") or "")))
    return Draft(tools=tools, messages=messages, blueprint={"calls": "simulated"})


def _alpaca_tools(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tools from the OpenAPI document of the row."""
    from forge_sources.openapi.parser import Origin as SpecOrigin
    from forge_sources.openapi.parser import parse

    document = row.get("Documentation")
    if not isinstance(document, str):
        raise NotADialogueError("there is no Documentation")
    origin = SpecOrigin(source="toolalpaca", locator=str(row.get("Name") or ""))
    found = [record for record in parse(document.encode(), origin) if isinstance(record, ApiRecord)]
    if not found:
        raise NotADialogueError("its Documentation is no OpenAPI document")
    return [{"name": r.name, "description": r.description, "parameters": dict(r.parameters)} for r in found]


def api_bank(rows: Sequence[Any], origin: Origin | None) -> Draft:
    """The dialogue of one file: turns of User, AI and API. The files describe no tools: the calls tell of them."""
    messages: list[Message] = []
    calls: list[dict[str, Any]] = []
    for row in rows:
        role = str(row.get("role") or "").lower() if isinstance(row, Mapping) else ""
        if role in ("user", "ai"):
            messages.append(Message(role="user" if role == "user" else "assistant", content=str(row.get("text") or "")))
        elif role == "api":
            made = call(row.get("api_name"), row.get("param_dict"), number=len(calls) + 1)
            calls.append(made)
            messages.append(Message(role="assistant", tool_calls=[made]))
            result = row.get("result")
            content = result if isinstance(result, str) else to_json(result)
            messages.append(Message(role="tool", content=content, tool_call_id=made["id"], origin=origin))
        else:
            raise NotADialogueError(f"a turn has the role {role!r}; expected User, AI or API")
    return Draft(tools=inferred_tools(calls), messages=messages, blueprint={"tools": "inferred from the calls"})
