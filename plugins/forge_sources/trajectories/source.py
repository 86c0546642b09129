"""Source ``trajectories``: the data sets of tool use that others published, as one kind of record.

    [[source]]
    name = "trajectories"
    paths = ["data/toolbench/answer/**/*.json"]
    license = "Apache-2.0"
    license_evidence = "LICENSE of the repository"

Reads ToolBench's search trees (failed branches kept as such), ToolAlpaca, API-Bank, ShareGPT, ToolACE, Agent-FLAN,
xLAM, and messages as OpenAI and Hermes write them; jsonl, json and parquet, packed or not. The format of each row is
found by its keys, unless ``format`` names it. Nothing is corrected: an argument list that is no JSON stays as it was
written, for a check to find. Cost: some 100 microseconds a dialogue.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from forge.records import UNKNOWN_LICENSE, Origin, Reject, Trajectory, stable_id, to_json
from forge.steps import Context, Partition, option

if TYPE_CHECKING:
    from forge_sources.rows.reader import Piece
    from forge_sources.trajectories.draft import Draft

ORIGINS: tuple[str, ...] = ("", "real", "replay", "mock", "llm")
FORMATS: Mapping[str, str] = {
    "toolbench": "search trees of ToolBench, one trajectory a branch",
    "toolalpaca": "APIs with instructions and golden calls, or simulated runs",
    "api-bank": "files of turns with the roles User, AI and API",
    "toolace": "ShareGPT with calls as [Name(key=value)]",
    "sharegpt": "conversations of from and value, with tags, ReAct steps or turns of function_call",
    "agent-flan": "conversation of role, content and loss, with ReAct steps",
    "xlam": "query, tools and answers",
    "messages": "messages of role, content and tool_calls, as OpenAI and Hermes write them",
}
"""The formats by name, with what they hold."""
SPLIT = 64_000_000
_KEYS: Sequence[tuple[str, frozenset[str]]] = (
    ("toolbench", frozenset({"tree", "answer_generation"})),
    ("toolalpaca", frozenset({"Documentation", "Golden_Answers"})),
    ("toolalpaca", frozenset({"Documentation", "Instances"})),
    ("xlam", frozenset({"query", "answers", "tools"})),
    ("messages", frozenset({"messages"})),
    ("sharegpt", frozenset({"conversations"})),
    ("agent-flan", frozenset({"conversation"})),
    ("api-bank", frozenset({"role", "text"})),
    ("api-bank", frozenset({"role", "api_name"})),
)
"""Keys by which a row is known, the first match counting."""


@dataclass(frozen=True, kw_only=True)
class Trajectories:
    """Dialogues with tool calls from published data sets, in eight formats."""

    name: ClassVar[str] = "trajectories"

    paths: tuple[str, ...] = option((), help="files, folders and globs (** crosses folders), relative to the workspace")
    format: str = option("", help=f"one of {', '.join(FORMATS)}; empty: found row by row")
    license: str = option(UNKNOWN_LICENSE, help="SPDX licence of the data set; needs license_evidence")
    license_evidence: str = option("", help="where that licence is stated, in words")
    observations: str = option(
        "", help="where tools' answers come from: real, replay, mock or llm; empty: as the format's authors say"
    )
    max_row_mb: int = option(20, help="a larger row is rejected", unit="MB")

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: with what to write instead.
        """
        if not self.paths:
            raise ValueError("paths is empty; name files, folders or globs: paths = ['data/*.jsonl']")
        if self.format and self.format not in FORMATS:
            raise ValueError(f"format is one of {', '.join(FORMATS)}, or empty; this is {self.format!r}")
        if self.observations not in ORIGINS:
            raise ValueError(f"observations is one of {', '.join(ORIGINS[1:])}, or empty")
        if self.license != UNKNOWN_LICENSE and not self.license_evidence:
            raise ValueError("license= needs license_evidence=, which says where that licence is stated")
        if self.max_row_mb < 1:
            raise ValueError("max_row_mb is 1 or more")

    def plan(self, context: Context) -> str:
        """What would be read."""
        from forge_sources.rows.pieces import plan_of

        return plan_of(self.paths, context.workspace)

    def partitions(self, context: Context) -> Sequence[Partition]:
        """Pieces of large files and buckets of small ones, by content; reads every byte once to hash it.

        Raises:
            StepError: a pattern matches nothing.
        """
        from forge_sources.rows.pieces import cuts, find_files, partitions_of

        files = find_files(self.paths, context.workspace)
        return partitions_of(cuts(files, form="", split=SPLIT), workspace=context.workspace)

    def records(self, partition: Partition, context: Context) -> Iterator[Trajectory | Reject]:
        """The trajectories of the partition's files, in the order of files, rows and branches."""
        from forge_sources.rows.pieces import piece_of

        for item in partition.items:
            yield from self._piece(piece_of(item, workspace=context.workspace))

    def _piece(self, piece: "Piece") -> Iterator[Trajectory | Reject]:
        from forge_sources.rows.reader import rows

        if piece.format not in ("jsonl", "json", "parquet"):
            yield Reject(locator=piece.label, reason="holds no rows: expected jsonl, json or parquet")
            return
        turns: list[Any] = []
        row: Any = None
        for row in rows(piece, limit=self.max_row_mb * 1_000_000):
            if isinstance(row, Reject):
                yield row
            elif (self.format or format_of_row(row.value)) == "api-bank":
                turns.append(row.value)
            else:
                yield from self._row(row.value, locator=row.locator)
        if row is None:
            yield Reject(locator=piece.label, reason="the file holds no row")
        if turns:
            yield from self._made(lambda: iter([_api_bank(turns, self._origin("real"))]), "api-bank", piece.label)

    def _row(self, value: Any, *, locator: str) -> Iterator[Trajectory | Reject]:
        form = self.format or format_of_row(value)
        if form is None or not isinstance(value, Mapping):
            yield Reject(locator=locator, reason=f"its keys fit no format that is known: {', '.join(FORMATS)}")
            return
        reader, origin = _reader(form)
        yield from self._made(lambda: reader(value, self._origin(origin)), form, locator)

    def _made(self, read: Callable[[], "Iterator[Draft]"], form: str, locator: str) -> Iterator[Trajectory | Reject]:
        from forge_sources.trajectories.draft import NotADialogueError

        try:
            for number, draft in enumerate(read(), start=1):
                yield self._trajectory(draft, form=form, locator=locator, number=number)
        except NotADialogueError as error:
            yield Reject(locator=locator, reason=f"not {form}: {error}")

    def _trajectory(self, draft: "Draft", *, form: str, locator: str, number: int) -> Trajectory:
        facts = {"format": form, "locator": locator, **(draft.blueprint or {})}
        if self.license_evidence:
            facts["license_evidence"] = self.license_evidence
        content = to_json([[m.role, m.content, m.tool_calls] for m in draft.messages])
        return Trajectory(
            id=stable_id(self.name, locator, str(number), content),
            tools=draft.tools,
            messages=draft.messages,
            checks=draft.checks,
            blueprint=facts,
            source=self.name,
            license=self.license,
        )

    def _origin(self, usual: Origin) -> Origin:
        return cast("Origin", self.observations) if self.observations else usual


def format_of_row(value: Any) -> str | None:
    """The format of a row by its keys; None if they fit none."""
    if not isinstance(value, Mapping):
        return None
    keys = set(value)
    for form, needed in _KEYS:
        if needed <= keys:
            return "toolace" if form == "sharegpt" and _lists_functions(value.get("system")) else form
    return None


def _lists_functions(system: Any) -> bool:
    """Whether a system prompt is one of ToolACE's, which hold a JSON list of functions."""
    return isinstance(system, str) and '[{"' in system and "<tools>" not in system and "func_name1(" in system


def _reader(form: str) -> "tuple[Callable[[Mapping[str, Any], Origin | None], Iterator[Draft]], Origin]":
    """What reads a row of a format, and where the format's observations usually come from."""
    from forge_sources.trajectories import chat, trees

    readers: dict[str, Any] = {
        "toolbench": (trees.toolbench, "real"),
        "toolalpaca": (trees.toolalpaca, "llm"),
        "toolace": (chat.toolace, "llm"),
        "sharegpt": (chat.sharegpt, "llm"),
        "agent-flan": (chat.agent_flan, "replay"),
        "xlam": (chat.xlam, "llm"),
        "messages": (chat.openai_messages, "llm"),
    }
    return cast("tuple[Callable[[Mapping[str, Any], Origin | None], Iterator[Draft]], Origin]", readers[form])


def _api_bank(turns: Sequence[Any], origin: Origin) -> "Draft":
    from forge_sources.trajectories.trees import api_bank

    return api_bank(turns, origin)
