"""Renderer ``trajectory-text``: a trajectory as plain text for pre-training, in one of several surface forms.

The form follows from the trajectory's id, and is named in ``meta["form"]``; `read_form` reads the text back. What was
written is read back at once: a form that a dialogue does not survive is passed over for the next. Some 0.4 milliseconds
a trajectory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from forge.records import Document, JsonObject, Trajectory, stable_id
from forge.steps import option
from forge_trajectories.picking import Picks
from forge_trajectories.rendering.dialogue import Dialogue, dialogue_of
from forge_trajectories.rendering.forms import FORMS, Form
from forge_trajectories.rendering.origin import VERIFY_HELP, facts_of

FORM_NAMES = tuple(dict.fromkeys(form.name.partition("/")[0] for form in FORMS))


@dataclass(frozen=True, kw_only=True)
class TrajectoryText:
    """One ``trajectory`` document a trajectory."""

    name: ClassVar[str] = "trajectory-text"
    renders: ClassVar[type] = Trajectory

    forms: list[str] = option(list(FORM_NAMES), help="surface forms to choose from")
    max_chars: int = option(0, help="a longer text is left out; 0 for no limit", unit="characters")
    verify: bool = option(False, help=VERIFY_HELP)

    def __post_init__(self) -> None:
        unknown = [name for name in self.forms if name not in FORM_NAMES]
        if unknown or not self.forms:
            raise ValueError(f"forms holds some of {', '.join(FORM_NAMES)}; found {', '.join(unknown) or 'none'}")

    def render(self, record: Trajectory) -> Iterator[Document]:
        """The trajectory's document; none where the text passes ``max_chars`` or no form can hold the dialogue."""
        written = self._written(dialogue_of(record), record.id)
        if written is None:
            return
        form, text = written
        if self.max_chars and len(text) > self.max_chars:
            return
        meta: JsonObject = {**facts_of(record, verify=self.verify), "form": form.name}
        yield Document(
            id=stable_id(self.name, record.id),
            domain="agent",
            kind="trajectory",
            text=text,
            source=self.name,
            license=record.license,
            meta=meta,
        )

    def _written(self, dialogue: Dialogue, seed: str) -> tuple[Form, str] | None:
        """The dialogue in the first form, from the one that the seed chooses, from which it can be read back."""
        forms = [form for form in FORMS if form.name.partition("/")[0] in self.forms]
        first = Picks(f"form/{seed}").below(len(forms))
        for form in (*forms[first:], *forms[:first]):
            text = form.write(dialogue)
            if _is_kept(form, text, dialogue):
                return form, text
        return None


def _is_kept(form: Form, text: str, dialogue: Dialogue) -> bool:
    try:
        return form.read(text) == dialogue
    except (ValueError, KeyError, TypeError):
        return False
