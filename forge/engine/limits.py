"""Removal rates: what each filter took out of the whole corpus, held to the limits of the recipe.

A filter that deletes nine tenths of a corpus, and one that ran and deleted nothing, both end "successfully". Here the
first ends the run with the numbers, before anything is exported, and the second is said in one line. The verdicts stay:
after a change of the limit nothing is judged again.

A rate is the share that a filter drops of the documents that reach it, which the filters before it left. Without a
limit in the recipe a filter's own holds (the class attribute ``max_drop_rate``), else `DEFAULT_MAX_DROP_RATE`, and only
from `LEAST_DOCUMENTS` on: of ten documents any share may go. A filter that rewrites may take no larger share of the
text either (UTF-8 bytes, lost with dropped documents or cut out of those that stay; what it adds elsewhere makes up for
nothing), or a hundredth of it where its limit is lower. Costs one read of the verdicts' flags after a change, and
nothing in a run that finds all as it was.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from forge.engine.checks import CUT_ALLOWANCE, CanaryCheck, Removal, RemovalCheck, joined, write_checks
from forge.engine.judging import SIZES, Judge
from forge.engine.keys import code_version, key_of
from forge.engine.parts import Part, own_file, read_marker
from forge.engine.session import Session, Step
from forge.errors import StepError
from forge.files import write_bytes

if TYPE_CHECKING:
    import pyarrow as pa

DEFAULT_MAX_DROP_RATE = 0.5
LEAST_DOCUMENTS = 100
EXAMPLES = 3


def hold_to_rates(
    session: Session,
    steps: Sequence[Step],
    judges: Sequence[Judge],
    *,
    parts: Sequence[Part],
    canaries: Mapping[str, CanaryCheck],
) -> None:
    """Count what every filter removed, write it down beside its canaries, and hold it to its limits.

    All verdicts must be there.

    Raises:
        StepError: a filter dropped more or less than it may, with the numbers, some ids, and the key to change.
    """
    removals, is_new = _removals(session, judges, parts=parts)
    checks = {step.label: _check(step, removal) for step, removal in zip(steps, removals, strict=True)}
    write_checks(session.workspace, joined([step.label for step in steps], canaries=canaries, removals=checks))
    for step, removal in zip(steps, removals, strict=True):
        _hold(step, removal, checks[step.label])
        if is_new and removal.reached and not removal.dropped and not removal.changed:
            session.reporter.log(f"filter {step.label}: dropped and changed none of {removal.reached:,} documents")


def _removals(session: Session, judges: Sequence[Judge], *, parts: Sequence[Part]) -> tuple[list[Removal], bool]:
    """What each filter removed, and whether that had to be counted anew."""
    path = session.workspace.state("removals") / "removals.json"
    judged = [(judge.label, judge.key) for judge in judges]
    key = key_of([(part.label, part.key) for part in parts], judged, code_version(__name__))
    facts = read_marker(path)
    if facts is not None and facts.get("key") == key:
        return msgspec.convert(facts["removals"], list[Removal]), False
    removals = _count(judges, parts=parts)
    write_bytes(path, msgspec.json.encode({"key": key, "removals": removals}))
    return removals, True


def _count(judges: Sequence[Judge], *, parts: Sequence[Part]) -> list[Removal]:
    import pyarrow as pa
    import pyarrow.compute as pc

    removals = [Removal(label=judge.label) for judge in judges]
    for part in parts:
        keep = pa.array([True] * part.rows["documents"], pa.bool_())
        for judge, removal in zip(judges, removals, strict=True):
            table, changed = _flags(judge, part)
            verdict = table.column("keep").combine_chunks()
            removal.reached += pc.sum(keep).as_py() or 0
            removal.changed += changed
            _take(removal, table.filter(pc.and_not(keep, verdict)))
            if judge.rewrites:
                _weigh(removal, table.filter(keep))
            keep = pc.and_(keep, verdict)
    for removal in removals:
        removal.reasons = dict(sorted(removal.reasons.items(), key=lambda item: (-item[1], item[0])))
    return removals


def _take(removal: Removal, dropped: "pa.Table") -> None:
    """Count the rows that a filter dropped of one part."""
    removal.dropped += dropped.num_rows
    for reason in dropped.column("reason").fill_null("dropped").to_pylist():
        removal.reasons[reason] = removal.reasons.get(reason, 0) + 1
    room = EXAMPLES - len(removal.examples)
    removal.examples += dropped.column("id").slice(0, room).to_pylist() if room > 0 else []


def _weigh(removal: Removal, reached: "pa.Table") -> None:
    """Count the text that came to a filter which rewrites, and what of it went."""
    import pyarrow.compute as pc

    before, after = (reached.column(name) for name in SIZES)
    keep = reached.column("keep")
    cut = pc.max_element_wise(pc.subtract(before, after), 0)
    removal.bytes += pc.sum(before).as_py() or 0
    removal.bytes_gone += pc.sum(pc.if_else(keep, cut, before)).as_py() or 0
    room = EXAMPLES - len(removal.shortened)
    if room > 0:
        shorter = reached.column("id").filter(pc.and_(keep, pc.greater(cut, 0)))
        removal.shortened += shorter.slice(0, room).to_pylist()


def _flags(judge: Judge, part: Part) -> "tuple[pa.Table, int]":
    """The verdicts without texts, and how many texts were replaced, which the file's own statistics say."""
    import pyarrow.parquet as pq

    with own_file(judge.verdicts(part)) as path, pq.ParquetFile(path) as file:
        table = file.read(columns=["id", "keep", "reason", *(SIZES if judge.rewrites else ())])
        if not judge.rewrites:
            return table, 0
        column = file.schema_arrow.get_field_index("text")
        groups = [file.metadata.row_group(group).column(column) for group in range(file.num_row_groups)]
        return table, sum(group.num_values - group.statistics.null_count for group in groups)


def _check(step: Step, removal: Removal) -> RemovalCheck:
    """The rate with its limits: the recipe's, or the filter's own where enough documents reached it."""
    most = step.table.max_drop_rate
    if most is None and removal.reached >= LEAST_DOCUMENTS:
        most = float(getattr(step.instance, "max_drop_rate", DEFAULT_MAX_DROP_RATE))
    return RemovalCheck(
        reached=removal.reached,
        dropped=removal.dropped,
        changed=removal.changed,
        least=step.table.min_drop_rate,
        most=most,
        bytes=removal.bytes,
        bytes_gone=removal.bytes_gone,
    )


def _hold(step: Step, removal: Removal, check: RemovalCheck) -> None:
    if check.is_too_low:
        said = f"{_said(removal)}, less than min_drop_rate = {check.least:g}; {_advice(step, 'min_drop_rate')}"
    elif check.is_too_high:
        said = f"{_said(removal)}, more than max_drop_rate = {check.most:g} allows; {_advice(step, 'max_drop_rate')}"
    elif check.takes_too_much:
        least = "" if (check.most or 0.0) >= CUT_ALLOWANCE else f" ({CUT_ALLOWANCE:.0%} may always go)"
        said = f"{_taken(removal)}, more than max_drop_rate = {check.most:g} allows{least}; "
        said += _advice(step, "max_drop_rate")
    else:
        return
    raise StepError(said, plugin=step.label, step="judge")


def _said(removal: Removal) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in list(removal.reasons.items())[:5])
    reasons += f"; for example {', '.join(removal.examples)}" if removal.examples else ""
    said = f"dropped {removal.dropped:,} of the {removal.reached:,} documents that reached it ({removal.rate:.1%}"
    return f"{said}: {reasons})" if reasons else f"{said})"


def _taken(removal: Removal) -> str:
    shortened = f", for example {', '.join(removal.shortened)}" if removal.shortened else ""
    return (
        f"took {removal.bytes_gone / removal.bytes:.1%} of the text of the {removal.reached:,} documents that reached "
        f"it ({removal.bytes_gone:,} of {removal.bytes:,} bytes: it dropped {removal.dropped:,} documents and rewrote "
        f"{removal.changed:,}{shortened})"
    )


def _advice(step: Step, key: str) -> str:
    return (
        f"nothing was exported; what was judged is kept. See why with `forge explain ID`; if this is what you want, "
        f'change {key} in {step.table.key} (name = "{step.table.name}"), else the filter\'s options'
    )
