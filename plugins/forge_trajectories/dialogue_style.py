"""How a dialogue is written down: five layouts in plain text, none with a token that a base model has never seen.

Every marker of the assistant ends its line, so that the assistant's text begins a line of its own: it is cut into
tokens there as it would be when a model is asked to go on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TOOLS, USER, ASSISTANT, RESULT = "tools", "user", "assistant", "result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What stands before each kind of turn; ``between`` parts the turns."""

    name: str
    tools: str
    user: str
    assistant: str
    result: str
    between: str = "\n\n"

    def marker(self, role: str) -> str:
        """The marker of a role."""
        markers: Mapping[str, str] = {
            TOOLS: self.tools,
            USER: self.user,
            ASSISTANT: self.assistant,
            RESULT: self.result,
        }
        return markers[role]


STYLES: Sequence[Style] = (
    Style(name="colon", tools="Tools:\n", user="User: ", assistant="Assistant:\n", result="Tool: ", between="\n"),
    Style(
        name="heading",
        tools="### Available functions\n",
        user="### Request\n",
        assistant="### Response\n",
        result="### Function result\n",
    ),
    Style(
        name="bracket",
        tools="[tools]\n",
        user="[user]\n",
        assistant="[assistant]\n",
        result="[tool]\n",
        between="\n",
    ),
    Style(
        name="capitals",
        tools="FUNCTIONS\n",
        user="USER\n",
        assistant="ASSISTANT\n",
        result="FUNCTION OUTPUT\n",
    ),
    Style(
        name="human",
        tools="You can call this function:\n",
        user="Human: ",
        assistant="AI:\n",
        result="Observation: ",
        between="\n",
    ),
)


def lay_out(turns: Sequence[tuple[str, str]], style: Style) -> tuple[str, list[list[int]]]:
    """The text of ``turns``, each a role and its text, and the ``[start, end)`` spans of the assistant's."""
    parts: list[str] = []
    spans: list[list[int]] = []
    length = 0
    for role, text in turns:
        lead = (style.between if parts else "") + style.marker(role)
        parts += [lead, text]
        start = length + len(lead)
        length = start + len(text)
        if role == ASSISTANT:
            spans.append([start, length])
    return "".join(parts), spans
