"""The last rung: a model is asked several small questions about a trajectory that passed everything else.

It can only reject, and overrules nothing: `synthesis.driver` asks it about nothing that failed a deterministic check.
How far a judge is to be trusted is measured: `agreement` compares its verdicts with a labelled set, accepted
trajectories and corrupted ones.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from forge.llm import Answer, Call, Failure, Result
from forge.records import JsonObject, Message, Trajectory
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.mutations import MUTATIONS, mutate
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import clip, compact_json

ANSWER: JsonObject = {
    "type": "object",
    "properties": {"why": {"type": "string", "maxLength": 300}, "answer": {"type": "string", "enum": ["yes", "no"]}},
    "required": ["why", "answer"],
    "additionalProperties": False,
}
"""What a judge answers with; the reason comes first, so that the verdict follows from it."""
MAX_TOKENS = 160
ROOM = 6_000
"""Characters of dialogue that a judge is shown; each message is cut alike where there are more."""

_NO_CALLS = frozenset({"missing-tool", "irrelevance"})
_TEXTS = frozenset({"planning", "code-to-documentation"})
_SYSTEM = (
    "You check dialogues between a user and an assistant that calls tools. You are asked one question about one "
    "dialogue. Say why in one sentence, then answer yes or no. Answer as JSON."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing that a judge is asked; ``yes`` is what a good dialogue gets.

    Attributes:
        kinds: it is asked of; empty for all but ``not_kinds``.
    """

    name: str
    text: str
    kinds: frozenset[str] = frozenset()
    not_kinds: frozenset[str] = frozenset()

    def applies(self, kind: str) -> bool:
        """Whether it is asked of trajectories of a kind."""
        return kind in self.kinds if self.kinds else kind not in self.not_kinds


QUESTIONS: Sequence[Question] = (
    Question(name="natural", text="Could a real person have written the user's messages?"),
    Question(
        name="fitting",
        text="Do the assistant's calls do what the user asks for, no more and no less?",
        not_kinds=_NO_CALLS | _TEXTS,
    ),
    Question(
        name="answered",
        text="Does the assistant's last message answer the user's last request, or say honestly why it cannot?",
        not_kinds=_TEXTS,
    ),
    Question(
        name="faithful",
        text="Is everything that the assistant states supported by the tools' answers or by the user?",
        not_kinds=_TEXTS,
    ),
    Question(name="declined", text="Is it right that none of the tools offered can do this?", kinds=_NO_CALLS),
    Question(name="complete", text="Is the assistant's text complete, and is all of it right?", kinds=_TEXTS),
)


def questions(trajectory: Trajectory) -> list[Question]:
    """What is asked about a trajectory."""
    kind = str((trajectory.blueprint or {}).get("kind", ""))
    return [question for question in QUESTIONS if question.applies(kind)]


def judge_calls(trajectory: Trajectory) -> list[Call]:
    """The calls, one a question, in the order of `questions`; they begin alike, so that a provider's cache hits."""
    shown = _dialogue_text(trajectory)
    return [
        Call(
            messages=[
                {"role": "system", "content": _SYSTEM},
                {"role": "user", "content": f"{shown}\n\nQuestion: {question.text}"},
            ],
            max_tokens=MAX_TOKENS,
            schema=ANSWER,
            group=trajectory.id,
        )
        for question in questions(trajectory)
    ]


def verdict(trajectory: Trajectory, results: Sequence[Result]) -> Check:
    """The judge's check: failed by one ``no``; without a verdict where a question got no answer.

    Args:
        trajectory: that was asked about.
        results: of `judge_calls`, in their order.
    """
    unanswered = ""
    for question, result in zip(questions(trajectory), results, strict=True):
        if isinstance(result, Failure):
            unanswered = unanswered or f"{question.name}: {result.reason}"
        elif _says_no(result):
            why = clip(str(result.value.get("why", "")), 200)
            return Check.failure(f"judge:{question.name}", f"{question.text} No: {why}")
    if unanswered:
        return Check(check="judge", passed=None, evidence=clip(f"no answer to {unanswered}", 200))
    return Check(check="judge", passed=True)


def _says_no(result: Answer) -> bool:
    return isinstance(result.value, Mapping) and result.value.get("answer") == "no"


def _dialogue_text(trajectory: Trajectory) -> str:
    """The dialogue as a judge reads it: the tools' names and descriptions, then message by message."""
    tools = "\n".join(
        f"- {tool.get('name')}: {clip(str(tool.get('description', '')), 160)}" for tool in trajectory.tools
    )
    each = max(ROOM // max(len(trajectory.messages), 1), 200)
    lines = [_message_text(message, each) for message in trajectory.messages if message.role != "system"]
    return f"Tools:\n{tools or 'none'}\n\nDialogue:\n" + "\n".join(lines)


def _message_text(message: Message, room: int) -> str:
    calls = [f"calls {call.get('name')}({compact_json(call.get('arguments'))})" for call in message.tool_calls]
    said = " ".join(part for part in (message.content, *calls) if part)
    return f"{message.role}: {clip(said, room)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How a judge's verdicts agree with labels.

    Attributes:
        right_accepted, right_rejected, wrong_accepted, wrong_rejected: how many, of those that got a verdict.
        silent: how many got none.
    """

    right_accepted: int = 0
    right_rejected: int = 0
    wrong_accepted: int = 0
    wrong_rejected: int = 0
    silent: int = 0

    @property
    def count(self) -> int:
        """How many got a verdict."""
        return self.right_accepted + self.right_rejected + self.wrong_accepted + self.wrong_rejected

    def plus(self, other: "Agreement") -> "Agreement":
        """Both counts together."""
        return Agreement(
            right_accepted=self.right_accepted + other.right_accepted,
            right_rejected=self.right_rejected + other.right_rejected,
            wrong_accepted=self.wrong_accepted + other.wrong_accepted,
            wrong_rejected=self.wrong_rejected + other.wrong_rejected,
            silent=self.silent + other.silent,
        )

    @property
    def accuracy(self) -> float:
        """The share of verdicts that are the label's; 0 without any."""
        return (self.right_accepted + self.right_rejected) / self.count if self.count else 0.0

    @property
    def kappa(self) -> float:
        """Cohen's kappa (Cohen, 1960): agreement beyond chance, 1 at best; 0 where chance alone explains it."""
        if not self.count:
            return 0.0
        good = self.right_accepted + self.wrong_rejected
        said = self.right_accepted + self.wrong_accepted
        chance = (good * said + (self.count - good) * (self.count - said)) / self.count**2
        return (self.accuracy - chance) / (1 - chance) if chance < 1 else 0.0


def agreement(labels: Iterable[bool], verdicts: Iterable[Check]) -> Agreement:
    """Compare verdicts with labels: True for a trajectory that is good."""
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    silent = 0
    for label, check in zip(labels, verdicts, strict=True):
        if check.passed is None:
            silent += 1
        else:
            counts[label, check.passed] += 1
    return Agreement(
        right_accepted=counts[True, True],
        right_rejected=counts[False, False],
        wrong_accepted=counts[False, True],
        wrong_rejected=counts[True, False],
        silent=silent,
    )


def labelled(trajectories: Sequence[Trajectory], *, seed: int = 0) -> list[tuple[Trajectory, bool]]:
    """A labelled set: each accepted trajectory as it is (True), and once with a corruption (False)."""
    found: list[tuple[Trajectory, bool]] = []
    for trajectory in trajectories:
        found.append((trajectory, True))
        picks = Picks(f"{trajectory.id}/labelled/{seed}")
        start = picks.below(len(MUTATIONS))
        kinds = [*list(MUTATIONS)[start:], *list(MUTATIONS)[:start]]
        broken = (mutate(trajectory, kind, seed) for kind in kinds)
        first = next((each for each in broken if each is not None), None)
        if first is not None:
            found.append((first, False))
    return found
