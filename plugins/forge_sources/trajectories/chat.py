"""Dialogues in the shapes that chat data sets have: OpenAI messages, ShareGPT, ToolACE, Agent-FLAN, xLAM, ToolLLaMA.

They differ in the names of roles, in where tools are listed, and in how a call is written; what is common is a list of
turns. One row is one dialogue. Cost: some 100 microseconds a row.

Sources: the OpenAI chat format; ShareGPT as LLaMA-Factory reads it; the data cards of ToolACE, Agent-FLAN,
xlam-function-calling-60k and hermes-function-calling-v1.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from forge.records import Message, Origin
from forge_sources.trajectories.calls import (
    arguments_of,
    call,
    inferred_tools,
    listed_calls,
    loose_json,
    react_calls,
    tagged_calls,
)
from forge_sources.trajectories.draft import Draft, NotADialogueError
from forge_sources.trajectories.tools import tools_in_prompt, tools_of

Role = Literal["system", "user", "assistant", "tool"]
Extract = Callable[..., tuple[str, list[dict[str, Any]]]]

ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "chatgpt", "bot", "ai", "function_call"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "function_response", "ipython", "environment"), "tool"),
}


@dataclass(kw_only=True)
class _Turns:
    """Collects a dialogue; answers of tools are tied to the calls before them, in order."""

    origin: Origin | None
    messages: list[Message] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def say(self, role: Role, content: str, calls: Sequence[dict[str, Any]] = (), *, answers: str = "") -> None:
        """Add a turn; ``answers`` names the call that a tool's turn answers, if the data set does."""
        if role == "tool":
            known = answers if answers in self.waiting else self.waiting[0] if self.waiting else answers
            if known in self.waiting:
                self.waiting.remove(known)
            self.messages.append(Message(role="tool", content=content, tool_call_id=known or None, origin=self.origin))
            return
        self.calls.extend(calls)
        self.waiting.extend(str(each["id"]) for each in calls)
        self.messages.append(Message(role=role, content=content, tool_calls=list(calls)))

    @property
    def next(self) -> int:
        """Number of the next call."""
        return len(self.calls) + 1


def openai_messages(row: Mapping[str, Any], origin: Origin | None) -> Iterator[Draft]:
    """``{"messages": [{"role", "content", "tool_calls"}], "tools"}``; Hermes tags in the content are read too."""
    turns = _Turns(origin=origin)
    for entry in _entries(row, "messages"):
        role = _role(entry.get("role"))
        content = _text(entry.get("content"))
        calls = [_openai_call(each, number=turns.next + at) for at, each in enumerate(_stated_calls(entry))]
        if role == "assistant" and not calls:
            content, calls = tagged_calls(content, first=turns.next)
        turns.say(role, content, calls, answers=str(entry.get("tool_call_id") or ""))
    yield _draft(turns, tools=tools_of(row.get("tools", row.get("functions"))))


def sharegpt(row: Mapping[str, Any], origin: Origin | None) -> Iterator[Draft]:
    """``{"conversations": [{"from", "value"}], "tools", "system"}``."""
    yield _draft(_shared(row, origin, extract=_any_call), tools=tools_of(row.get("tools")))


def toolace(row: Mapping[str, Any], origin: Origin | None) -> Iterator[Draft]:
    """ShareGPT whose system prompt lists the tools as JSON, and whose calls are ``[Name(key=value)]``."""
    tools = tools_in_prompt(str(row.get("system") or ""))
    names = [str(tool["name"]) for tool in tools]

    def extract(text: str, *, first: int) -> tuple[str, list[dict[str, Any]]]:
        return listed_calls(text, first=first, names=names)

    yield _draft(_shared(row, origin, extract=extract), tools=tools)


def agent_flan(row: Mapping[str, Any], origin: Origin | None) -> Iterator[Draft]:
    """``{"conversation": [{"role", "content", "loss"}]}`` with ReAct steps; what follows a call is its observation."""
    turns = _Turns(origin=origin)
    for entry in _entries(row, "conversation"):
        role, content = _role(entry.get("role")), _text(entry.get("content"))
        calls: list[dict[str, Any]] = []
        if role == "assistant":
            content, calls = react_calls(content, first=turns.next)
        if role == "user" and turns.waiting:
            role = "tool"
        turns.say(role, content, calls)
    yield _draft(turns, tools=())


def xlam(row: Mapping[str, Any], origin: Origin | None) -> Iterator[Draft]:
    """``{"query", "answers", "tools"}``: one turn of calls, never executed."""
    turns = _Turns(origin=origin)
    answers = row.get("answers")
    found = loose_json(answers) if isinstance(answers, str) else answers
    if not isinstance(row.get("query"), str) or not isinstance(found, list):
        raise NotADialogueError("expected a query and a list of answers")
    turns.say("user", row["query"])
    stated = _all_calls(found)
    calls = [call(each.get("name"), each.get("arguments"), number=at) for at, each in enumerate(stated, 1)]
    turns.say("assistant", "", calls)
    yield _draft(turns, tools=tools_of(row.get("tools")))


def _shared(row: Mapping[str, Any], origin: Origin | None, *, extract: Extract) -> _Turns:
    turns = _Turns(origin=origin)
    if isinstance(row.get("system"), str) and row["system"]:
        turns.say("system", row["system"])
    for entry in _entries(row, "conversations"):
        speaker = str(entry.get("from", entry.get("role")) or "").lower()
        role, content = _role(speaker), _text(entry.get("value", entry.get("content")))
        calls: list[dict[str, Any]] = []
        if speaker == "function_call":
            content, calls = _whole_call(content, first=turns.next)
        elif role == "assistant":
            content, calls = extract(content, first=turns.next)
        turns.say(role, content, calls)
    return turns


def _any_call(text: str, *, first: int) -> tuple[str, list[dict[str, Any]]]:
    content, calls = tagged_calls(text, first=first)
    return (content, calls) if calls else react_calls(text, first=first)


def _whole_call(text: str, *, first: int) -> tuple[str, list[dict[str, Any]]]:
    """A turn that is nothing but a call, or a list of calls."""
    value = loose_json(text)
    entries = _mappings(value if isinstance(value, list) else [value])
    if not entries:
        return "", [call("", text, number=first)]
    return "", [call(each.get("name"), each.get("arguments"), number=first + at) for at, each in enumerate(entries)]


def _draft(turns: _Turns, *, tools: Sequence[Mapping[str, Any]]) -> Draft:
    if not any(message.role == "assistant" for message in turns.messages):
        raise NotADialogueError("there is no turn of the assistant")
    offered = list(tools) or tools_in_prompt("\n".join(m.content for m in turns.messages if m.role == "system"))
    if offered:
        return Draft(tools=offered, messages=turns.messages)
    return Draft(
        tools=inferred_tools(turns.calls),
        messages=turns.messages,
        blueprint={"tools": "inferred from the calls"} if turns.calls else None,
    )


def _entries(row: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = row.get(key)
    value = loose_json(found) if isinstance(found, str) else found
    entries = _mappings(value) if isinstance(value, list) else []
    if not isinstance(value, list) or not entries or len(entries) != len(value):
        raise NotADialogueError(f"{key} is no list of turns")
    return entries


def _all_calls(values: Sequence[Any]) -> list[Mapping[str, Any]]:
    """The calls of a list, none of them left out.

    Raises:
        NotADialogueError: an entry is no call.
    """
    found = _mappings(values)
    if len(found) != len(values):
        raise NotADialogueError("a call in it is no object")
    return found


def _mappings(values: Sequence[Any]) -> list[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, Mapping)]


def _role(name: object) -> Role:
    role = ROLES.get(str(name or "").strip().lower())
    if role is None:
        raise NotADialogueError(f"the role {name!r} is none that is known")
    return role


def _text(content: object) -> str:
    """A turn's text; of content in parts, the text parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, Mapping) for part in content):
        return "\n".join(str(part["text"]) for part in content if isinstance(part.get("text"), str))
    return str(arguments_of(content)) if not isinstance(content, Mapping) else _json(content)


def _json(value: object) -> str:
    from forge.records import to_json

    return to_json(value)


def _stated_calls(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = entry.get("tool_calls")
    if isinstance(found, list):
        return _all_calls(found)
    single = entry.get("function_call")
    return [{"function": single}] if isinstance(single, Mapping) else []


def _openai_call(entry: Mapping[str, Any], *, number: int) -> dict[str, Any]:
    inner = entry["function"] if isinstance(entry.get("function"), Mapping) else entry
    made = call(inner.get("name"), inner.get("arguments"), number=number)
    return {**made, "id": str(entry["id"])} if entry.get("id") else made
