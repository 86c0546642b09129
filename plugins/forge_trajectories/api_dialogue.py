"""Renderer ``api-dialogue``: short dialogues made from an API's documented examples, for instruction tuning.

A tool is offered, a user asks, the assistant answers with the call as JSON; where the documentation has the call's
answer, the tool gives it and the assistant says what it was. Calls, values and answers are documented ones: an example
that breaks the record's own schema is passed over, and a record without a usable example yields nothing. The loss is
taken on the assistant's turns only (``meta["loss_spans"]``). Some 0.1 milliseconds a dialogue.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from forge.records import ApiRecord, Document, stable_id
from forge.steps import option
from forge_trajectories.api_view import ApiView, as_list, as_mapping, view
from forge_trajectories.call_answer import closing, shortened
from forge_trajectories.call_check import checked_arguments
from forge_trajectories.call_request import request
from forge_trajectories.dialogue_style import ASSISTANT, RESULT, STYLES, TOOLS, USER, lay_out
from forge_trajectories.form_schema import object_schema, tool_name
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import bounded, clip, compact_json, fit_for_arrow

MIN_CHARS = 300
_ABSENT = object()
_CUT_SAID = ("(shortened)", "[cut here]", "(only a part is shown)", "... (more follows)")


@dataclass(frozen=True, kw_only=True)
class ApiDialogue:
    """Zero or more ``dialogue`` documents a record."""

    name: ClassVar[str] = "api-dialogue"
    renders: ClassVar[type] = ApiRecord

    max_dialogues: int = option(2, help="most dialogues made from one record", unit="dialogues")
    max_chars: int = option(1_500, help="an example that needs a longer dialogue is passed over", unit="characters")

    def __post_init__(self) -> None:
        if self.max_dialogues < 1:
            raise ValueError(f"max_dialogues = {self.max_dialogues} makes none; give 1 or more")
        if self.max_chars < MIN_CHARS:
            raise ValueError(f"max_chars = {self.max_chars} holds no dialogue; give {MIN_CHARS} or more")

    def render(self, record: ApiRecord) -> Iterator[Document]:
        """The dialogues of the record's usable examples, in their order."""
        api: ApiView | None = None
        made = 0
        for example in as_list(record.examples):
            call = _call(example, record)
            if call is None:
                continue
            api = api or view(record)
            document = self._dialogue(api, record, call, number=made)
            if document is not None:
                yield document
                made += 1
            if made >= self.max_dialogues:
                return

    def _dialogue(
        self, api: ApiView, record: ApiRecord, call: tuple[dict[str, Any], object], *, number: int
    ) -> Document | None:
        picks = Picks(f"{record.id}/{number}")
        style = picks.one(STYLES)
        turns = [(role, fit_for_arrow(text)) for role, text in _turns(api, call, picks, self.max_chars)]
        text, spans = lay_out(turns, style)
        if len(text) > self.max_chars:
            return None
        return Document(
            id=stable_id(self.name, record.id, str(number)),
            domain="agent",
            kind="dialogue",
            text=text,
            source=self.name,
            url=record.url,
            license=record.license,
            meta={"api": record.id, "provider": record.provider, "form": style.name, "loss_spans": spans},
        )


def _call(example: object, record: ApiRecord) -> tuple[dict[str, Any], object] | None:
    """The example's arguments and result, if a caller could have passed them.

    Only a call that reads may go without arguments: one that writes would say nothing of what it writes.
    """
    if not isinstance(example, Mapping):
        return None
    arguments = checked_arguments(example.get("arguments", {}), as_mapping(record.parameters))
    result = example.get("result", _ABSENT)
    if result is None:
        result = _ABSENT
    if arguments is None or (not arguments and (result is _ABSENT or record.method not in ("GET", ""))):
        return None
    if any(isinstance(value, str) and "{{" in value for value in arguments.values()):
        return None  # a template that nobody filled in
    return arguments, result


def _turns(api: ApiView, call: tuple[dict[str, Any], object], picks: Picks, room: int) -> Iterator[tuple[str, str]]:
    arguments, result = call
    name = tool_name(api.name)
    yield TOOLS, _offer(api, name, arguments, picks=picks, room=room * 3 // 10)
    yield USER, request(api, arguments, picks)
    yield ASSISTANT, compact_json({"name": name, "arguments": arguments})
    if result is _ABSENT:
        return
    shown, was_cut = shortened(result, room * 3 // 10)
    yield RESULT, f"{compact_json(shown)}{' ' + picks.one(_CUT_SAID) if was_cut else ''}"
    yield ASSISTANT, closing(shown, picks, was_cut=was_cut)


def _offer(api: ApiView, name: str, arguments: Mapping[str, Any], *, picks: Picks, room: int) -> str:
    """The tool in a line or two: name, parameters, what it does; those parameters first that the call passes."""
    about = clip(api.summary, 140) if api.summary != api.name else ""
    ordered = sorted(api.parameters, key=lambda field: (not field.required, field.name not in arguments))
    layout = picks.below(3)
    if layout == 0:
        schema, left = object_schema(ordered, room=room - len(about))
        if not left:
            return compact_json({"name": name, "description": about, "parameters": schema})
    listed = [f"{field.name}{'' if field.required else '?'}: {field.type}" for field in ordered]
    shown = ", ".join(bounded(listed, room=room - len(about), more="... {} more"))
    return f"{'- ' if layout == 1 else ''}{name}({shown}){': ' if about else ''}{about}"
