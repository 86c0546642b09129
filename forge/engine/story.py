"""The story: which parts, filters, tokens and exports the last run was made of, for `forge explain`.

``.forge/story.json`` names the files that belong together: beside them lie those of earlier runs, which nobody may take
for the present ones. Written when the verdicts stand, so that a run that its limits ended can be explained too, and
again with tokens and exports. No decision rests on it. Some 300 bytes a part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from forge.engine.judging import Judge, verdicts_path
from forge.engine.keys import plain
from forge.engine.parts import Part
from forge.engine.session import Session
from forge.files import write_bytes
from forge.options import key_options
from forge.workspace import Workspace

NAME = "story.json"


@dataclass(frozen=True, kw_only=True)
class FilterEntry:
    """A filter as it judged.

    Attributes:
        label: its name in the recipe. name: the plugin's. folder, key: of its verdicts.
        thresholds: its cuts, as they were. state: what its ``prepare`` left, or empty.
    """

    label: str
    name: str
    folder: str
    key: str
    rewrites: bool = False
    thresholds: dict[str, Any] = field(default_factory=dict)
    state: str = ""

    def verdicts(self, part: Part) -> Path:
        """Where its verdicts on a part lie."""
        return verdicts_path(Path(self.folder), part, key=self.key)


@dataclass(frozen=True, kw_only=True)
class Story:
    """What the last run was made of.

    Attributes:
        parts: those that hold documents. filters: in order.
        tokens: by ``label/name`` of a part, the file with one row a kept document; none before the tokens are made.
        exports: by name, the recipe's hash of those that were made of just these parts and filters.
    """

    parts: list[Part] = field(default_factory=list)
    filters: list[FilterEntry] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)


def read_story(workspace: Workspace) -> Story | None:
    """The story of the last run; None if there was none."""
    try:
        return msgspec.json.decode((workspace.hidden / NAME).read_bytes(), type=Story)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_story(session: Session, judges: Sequence[Judge], *, parts: Sequence[Part]) -> None:
    """Begin the story of this run; what an equal run before it left of tokens and exports stays."""
    filters = [
        FilterEntry(
            label=judge.label,
            name=judge.filter.name,
            folder=str(judge.folder),
            key=judge.key,
            rewrites=judge.rewrites,
            thresholds=_thresholds(judge.filter),
            state="" if judge.state is None else str(judge.state),
        )
        for judge in judges
    ]
    story = Story(parts=[replace(part, first_rejects=[]) for part in parts], filters=filters)
    before = read_story(session.workspace)
    if before is None or (before.parts, before.filters) != (story.parts, story.filters):
        _write(session.workspace, story)


def tell_tokens(workspace: Workspace, tokens: dict[str, str]) -> None:
    """Add the files with the kept documents; exports made of others are not of this story."""
    story = read_story(workspace) or Story()
    if story.tokens != tokens:
        _write(workspace, replace(story, tokens=tokens, exports={}))


def tell_export(workspace: Workspace, name: str, *, recipe_hash: str) -> None:
    """Add an export that stands."""
    story = read_story(workspace) or Story()
    if story.exports.get(name) != recipe_hash:
        _write(workspace, replace(story, exports={**story.exports, name: recipe_hash}))


def _write(workspace: Workspace, story: Story) -> None:
    write_bytes(workspace.hidden / NAME, msgspec.json.encode(story))


def _thresholds(judge: Any) -> dict[str, Any]:
    scored = key_options(judge, thresholds=False)
    return {name: plain(value) for name, value in key_options(judge).items() if name not in scored}
