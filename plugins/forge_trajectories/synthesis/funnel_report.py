"""What the synthesizer says of itself in an export's report: its funnel, kinds, coverage, who wrote what."""

from forge.steps import Bar, Bars, Section, Table
from forge_trajectories.synthesis.funnel import Funnel


def funnel_section(funnel: Funnel, *, tables: tuple[Table, ...] = (), lines: tuple[str, ...] = ()) -> Section:
    """The section; ``tables`` and ``lines`` come after the funnel's own."""
    return Section(
        title="Synthesised trajectories",
        lines=(*_lines(funnel), *lines),
        warnings=_warnings(funnel),
        bars=(_bars(funnel),),
        tables=(_gates(funnel), _kinds(funnel), _parts(funnel), *tables),
    )


def _lines(funnel: Funnel) -> list[str]:
    lines = [
        f"{funnel.accepted:,} accepted of {funnel.attempts:,} attempts at {funnel.blueprints:,} blueprints, over "
        f"{funnel.apis:,} different APIs; {funnel.by_model:,} have a part that the model wrote, and "
        f"{funnel.assisted:,} attempts took a part that had failed from the blueprint.",
    ]
    if funnel.calls:
        lines.append(
            f"{funnel.calls:,} calls, {funnel.tokens:,} tokens, ${funnel.cost:,.4f}: "
            f"{funnel.tokens_per_accepted:,.0f} tokens and ${funnel.cost_per_accepted:,.5f} an accepted trajectory."
        )
    if funnel.origins:
        total = sum(funnel.origins.values())
        shares = ", ".join(f"{origin} {count / total:.1%}" for origin, count in funnel.origins.items())
        lines.append(f"Observations by origin: {shares}.")
    return lines


def _warnings(funnel: Funnel) -> list[str]:
    short = {how: count for how, count in funnel.ended.items() if how != "target"}
    return [f"{count:,} partitions ended by {how} before their target." for how, count in sorted(short.items())]


def _bars(funnel: Funnel) -> Bars:
    steps = [Bar(label="attempted", value=funnel.attempts)]
    for gate in funnel.gates:
        if gate.stopped:
            note = f"{gate.stopped:,} stopped"
            steps.append(Bar(label=f"passed {gate.check}", value=gate.reached - gate.stopped, note=note))
    if funnel.accepted != steps[-1].value or len(steps) == 1:
        steps.append(Bar(label="accepted", value=funnel.accepted))
    return Bars(title="From attempt to acceptance", unit="attempts", bars=steps)


def _gates(funnel: Funnel) -> Table:
    rows = [
        (gate.check, gate.reached, gate.stopped, ", ".join(f"{code} {count:,}" for code, count in gate.reasons))
        for gate in funnel.gates
    ]
    return Table(title="Gates", columns=("check", "reached", "stopped", "why"), rows=rows)


def _kinds(funnel: Funnel) -> Table:
    rows = [(row.kind, row.attempts, row.accepted, f"{row.target:.1%}", f"{row.achieved:.1%}") for row in funnel.kinds]
    return Table(title="Kinds", columns=("kind", "attempts", "accepted", "share aimed at", "achieved"), rows=rows)


def _parts(funnel: Funnel) -> Table:
    rows = [(row.part, row.written, row.failed, row.accepted) for row in funnel.parts]
    return Table(title="What the model wrote", columns=("part", "attempts", "failed by it", "accepted"), rows=rows)
