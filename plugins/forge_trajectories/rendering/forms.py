"""The surface forms of a trajectory for pre-training: JSON, Python, ReAct, Hermes tags, documentation and then use.

Each has variants, so that a model learns what a call is and not one layout. Each is plain text, and is read back to the
dialogue that it was written from: `read_form`. Some 50 microseconds a dialogue.
"""

import ast
import keyword
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from forge.records import JsonObject
from forge_trajectories.plain_text import compact_json
from forge_trajectories.rendering.blocks import Block, Markers
from forge_trajectories.rendering.dialogue import Dialogue, Turn

SYSTEM, TOOLS, USER, SAY, THINK, CALL, RESULT = "system", "tools", "user", "say", "think", "call", "result"
"""Kinds of blocks: ``think`` is what the assistant says with a call, ``say`` what it says without one."""
_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Form:
    """One variant of a surface form: its markers, and how tools and calls are spelled."""

    name: str
    markers: Markers
    write_tools: Callable[[Sequence[JsonObject]], Iterable[str]]
    read_tools: Callable[[Sequence[str]], list[JsonObject]]
    write_call: Callable[[JsonObject], str]
    read_call: Callable[[str], JsonObject]

    def write(self, dialogue: Dialogue) -> str:
        """The dialogue as text."""
        return self.markers.write(self._blocks(dialogue))

    def read(self, text: str) -> Dialogue:
        """The dialogue that ``text`` was written from.

        Raises:
            ValueError: it was not written in this form.
        """
        tools: list[str] = []
        turns: list[Turn] = []
        before = ""
        for block in self.markers.read(text):
            if block.kind == TOOLS:
                tools.append(block.text)
            elif block.kind == CALL:
                _add_call(turns, self.read_call(block.text), joins=before in (THINK, CALL))
            elif block.kind == THINK:
                turns.append(Turn(role="assistant", content=block.text))
            else:
                roles = {SYSTEM: "system", USER: "user", SAY: "assistant", RESULT: "tool"}
                turns.append(Turn(role=roles[block.kind], content=block.text))
            before = block.kind
        return Dialogue(tools=tuple(self.read_tools(tools)), turns=tuple(turns))

    def _blocks(self, dialogue: Dialogue) -> Iterator[Block]:
        if dialogue.tools:
            yield from (Block(kind=TOOLS, text=text) for text in self.write_tools(dialogue.tools))
        for turn in dialogue.turns:
            if turn.role == "assistant":
                if turn.content or not turn.calls:
                    yield Block(kind=THINK if turn.calls else SAY, text=turn.content)
                yield from (Block(kind=CALL, text=self.write_call(call)) for call in turn.calls)
            else:
                kinds = {"system": SYSTEM, "user": USER, "tool": RESULT}
                yield Block(kind=kinds[turn.role], text=turn.content)


def _add_call(turns: list[Turn], call: JsonObject, *, joins: bool) -> None:
    """Add a call to the assistant's turn that it belongs to, or begin one."""
    if joins:
        turns[-1] = Turn(role="assistant", content=turns[-1].content, calls=(*turns[-1].calls, call))
    else:
        turns.append(Turn(role="assistant", calls=(call,)))


def read_form(text: str, form: str) -> Dialogue:
    """Read back what was written in the form of that name.

    Raises:
        ValueError: there is no such form, or the text was not written in it.
    """
    found = next((known for known in FORMS if known.name == form), None)
    if found is None:
        raise ValueError(f"no form is called {form!r}; there are {', '.join(known.name for known in FORMS)}")
    return found.read(text)


def _json_lines(tools: Sequence[JsonObject]) -> list[str]:
    return ["\n".join(compact_json(tool) for tool in tools)]


def _read_json_lines(texts: Sequence[str]) -> list[JsonObject]:
    return [orjson.loads(line) for text in texts for line in text.split("\n")]


def _json_call(call: JsonObject) -> str:
    return compact_json({"name": call["name"], "arguments": call["arguments"]})


def _read_json_call(text: str) -> JsonObject:
    found: JsonObject = orjson.loads(text)
    return found


def _python_tools(tools: Sequence[JsonObject]) -> list[str]:
    return ["[\n" + "".join(f"    {dict(tool)!r},\n" for tool in tools) + "]"]


def _read_python_tools(texts: Sequence[str]) -> list[JsonObject]:
    return [tool for text in texts for tool in ast.literal_eval(text)]


def _python_call(call: JsonObject) -> str:
    """``name(key=value)``; ``call("na-me", {...})`` where name or keys are no Python names."""
    name, arguments = call["name"], call["arguments"]
    if isinstance(arguments, Mapping) and all(_is_name(word) for word in (name, *arguments)):
        return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
    return f"call({name!r}, {dict(arguments) if isinstance(arguments, Mapping) else arguments!r})"


def _is_name(word: Any) -> bool:
    return isinstance(word, str) and word.isidentifier() and word.isascii() and not keyword.iskeyword(word)


def _read_python_call(text: str) -> JsonObject:
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"no call: {text[:60]!r}") from error
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise ValueError(f"no call: {text[:60]!r}")  # noqa: TRY004  (the text is wrong, not its type)
    if node.args:
        name, arguments = (ast.literal_eval(argument) for argument in node.args)
        return {"name": name, "arguments": arguments}
    arguments = {word.arg: ast.literal_eval(word.value) for word in node.keywords if word.arg is not None}
    return {"name": node.func.id, "arguments": arguments}


def _named_call(middle: str) -> tuple[Callable[[JsonObject], str], Callable[[str], JsonObject]]:
    """A call as its name and its arguments with ``middle`` between; names have neither blanks nor line ends."""

    def write(call: JsonObject) -> str:
        return f"{call['name']}{middle}{compact_json(call['arguments'])}"

    def read(text: str) -> JsonObject:
        name, _, arguments = text.partition(middle)
        return {"name": name, "arguments": orjson.loads(arguments)}

    return write, read


def _pages(tools: Sequence[JsonObject]) -> list[str]:
    """A page of documentation a tool: name, description, parameters as a schema."""
    return [
        f"{tool['name']}\n\n{tool.get('description', '')}\n\nParameters: {compact_json(tool.get('parameters', {}))}"
        for tool in tools
    ]


def _read_pages(texts: Sequence[str]) -> list[JsonObject]:
    tools: list[JsonObject] = []
    for text in texts:
        name, _, rest = text.partition("\n\n")
        about, _, schema = rest.rpartition("\n\nParameters: ")
        tools.append({"name": name, "description": about, "parameters": orjson.loads(schema)})
    return tools


def _markers(*before: str, after: Mapping[str, str] = _NONE, between: str = "\n") -> Markers:
    """Markers in the order of `SYSTEM` ... `RESULT`."""
    kinds = (SYSTEM, TOOLS, USER, SAY, THINK, CALL, RESULT)
    return Markers(before=dict(zip(kinds, before, strict=True)), after=after, between=between)


def _json_form(number: int, markers: Markers) -> Form:
    return Form(
        name=f"json/{number}",
        markers=markers,
        write_tools=_json_lines,
        read_tools=_read_json_lines,
        write_call=_json_call,
        read_call=_read_json_call,
    )


def _hermes_form(number: int, system: str, user: str, *, assistant: str, thinks: str) -> Form:
    markers = _markers(
        system,
        "<tools>\n",
        user,
        assistant,
        thinks,
        "<tool_call>\n",
        "<tool_response>\n",
        after={TOOLS: "\n</tools>", CALL: "\n</tool_call>", RESULT: "\n</tool_response>"},
    )
    return Form(**{**vars(_json_form(number, markers)), "name": f"hermes/{number}"})


def _python_form(number: int, markers: Markers) -> Form:
    return Form(
        name=f"python/{number}",
        markers=markers,
        write_tools=_python_tools,
        read_tools=_read_python_tools,
        write_call=_python_call,
        read_call=_read_python_call,
    )


def _worded_form(name: str, markers: Markers, *, middle: str, pages: bool) -> Form:
    write, read = _named_call(middle)
    return Form(
        name=name,
        markers=markers,
        write_tools=_pages if pages else _json_lines,
        read_tools=_read_pages if pages else _read_json_lines,
        write_call=write,
        read_call=read,
    )


FORMS: Sequence[Form] = (
    _json_form(
        1, _markers("System: ", "Tools:\n", "User: ", "Assistant: ", "Assistant thinks: ", "Call: ", "Result: ")
    ),
    _json_form(
        2,
        _markers(
            "### Instructions\n",
            "### Functions\n",
            "### Request\n",
            "### Response\n",
            "### Reasoning\n",
            "### Function call\n",
            "### Function result\n",
            between="\n\n",
        ),
    ),
    _json_form(
        3, _markers("[system]\n", "[tools]\n", "[user]\n", "[answer]\n", "[thought]\n", "[call]\n", "[result]\n")
    ),
    _python_form(
        1,
        _markers("# Context: ", "tools = ", "# User: ", "# Assistant: ", "# Thinking: ", "In [{n}]: ", "Out[{n}]: "),
    ),
    _python_form(
        2, _markers("CONTEXT\n", "TOOLS = ", "USER\n", "ASSISTANT\n", "NOTE\n", ">>> ", "<<< ", between="\n\n")
    ),
    _worded_form(
        "react/1",
        _markers(
            "Context: ",
            "You can use these tools:\n",
            "Question: ",
            "Final Answer: ",
            "Thought: ",
            "Action: ",
            "Observation: ",
        ),
        middle="\nAction Input: ",
        pages=False,
    ),
    _worded_form(
        "react/2",
        _markers("Setting: ", "Tools: \n", "Task: ", "Answer: ", "Reason: ", "Act: ", "Observe: ", between="\n\n"),
        middle=" with ",
        pages=False,
    ),
    _hermes_form(1, "System: ", "User: ", assistant="Assistant: ", thinks="Thought: "),
    _hermes_form(2, "# System\n", "# User\n", assistant="# Assistant\n", thinks="# Thought\n"),
    _worded_form(
        "documentation/1",
        _markers(
            "Note: ",
            "## ",
            "A user writes: ",
            "The assistant answers: ",
            "The assistant thinks: ",
            "It calls ",
            "It gets ",
        ),
        middle=" with ",
        pages=True,
    ),
    _worded_form(
        "documentation/2",
        _markers(
            "Remark\n", "Function: ", "Request\n", "Reply\n", "Considered\n", "Usage: ", "Returned\n", between="\n\n"
        ),
        middle="\n",
        pages=True,
    ),
)
"""All variants of all forms."""
