"""Renderer ``trajectory-chat``: a trajectory in a chat template with its tools, for instruction tuning.

The loss is taken on exactly what the assistant says (``meta["loss_spans"]``), the end of its turn included, but for
calls at which a fault was put in: those are shown and not learned. Some 0.4 milliseconds a trajectory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from forge.records import Document, JsonObject, Trajectory, stable_id
from forge.steps import option
from forge_trajectories.rendering.chat_template import TEMPLATES, load_template
from forge_trajectories.rendering.dialogue import dialogue_of, faulty_turns
from forge_trajectories.rendering.origin import VERIFY_HELP, facts_of


@dataclass(frozen=True, kw_only=True)
class TrajectoryChat:
    """One ``trajectory`` document a trajectory, with the spans of the assistant's text."""

    name: ClassVar[str] = "trajectory-chat"
    renders: ClassVar[type] = Trajectory

    template: str = option(
        "chatml", help=f"{' or '.join(TEMPLATES)}, or the text of a chat template with generation tags"
    )
    max_chars: int = option(0, help="a longer text is left out; 0 for no limit", unit="characters")
    verify: bool = option(False, help=VERIFY_HELP)

    def __post_init__(self) -> None:
        _template(self.template)

    def render(self, record: Trajectory) -> Iterator[Document]:
        """The trajectory's document; none where the text passes ``max_chars``."""
        found = _template(self.template).render(dialogue_of(record))
        if self.max_chars and len(found.text) > self.max_chars:
            return
        said = (position for position, message in enumerate(record.messages) if message.role == "assistant")
        faulty = faulty_turns(record)
        spans = [list(span) for position, span in zip(said, found.spans, strict=True) if position not in faulty]
        form = self.template if self.template in TEMPLATES else "template"
        meta: JsonObject = {**facts_of(record, verify=self.verify), "form": form, "loss_spans": spans}
        yield Document(
            id=stable_id(self.name, record.id),
            domain="agent",
            kind="trajectory",
            text=found.text,
            source=self.name,
            license=record.license,
            meta=meta,
        )


_template = cache(load_template)
