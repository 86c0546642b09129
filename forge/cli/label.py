"""`forge label`: labels for a sample of the corpus from a language model, for the filter ``quality``."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge.cli.options import AsJson, Directory, MaxTokens, MaxUsd, Quiet, Workers, print_json, workspace_of

if TYPE_CHECKING:
    from forge.clients.llm_open import Endpoint
    from forge.engine.labels import Sample
    from forge.engine.session import Session
    from forge.llm import Answer, Call, Caps, Failure, Prices
    from forge_filters.rubrics import Rubric

LABELS = "labels"
PromptUsd = Annotated[
    float | None,
    typer.Option("--prompt-usd", min=0, help="Price of a million tokens of prompts. Default: [llm.prices]."),
]
CompletionUsd = Annotated[
    float | None,
    typer.Option("--completion-usd", min=0, help="Price of a million tokens of answers. Default: [llm.prices]."),
]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", min=1, help="Most calls under way at once. Default: [llm].")
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", min=1, help="Seconds to wait for an answer. Default: [llm].")
]


def label(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Option("--model", help="The model's name at the endpoint. Default: the recipe's [llm] model.")
    ] = None,
    rubric: Annotated[
        str, typer.Option("--rubric", help="What to look for: agent-relevant, general, or a TOML file.")
    ] = "agent-relevant",
    sample: Annotated[int, typer.Option("--sample", min=1, help="Documents to label.")] = 2_000,
    twice: Annotated[
        float, typer.Option("--twice", min=0, max=1, help="Share that is asked about twice, to measure noise.")
    ] = 0.1,
    domain: Annotated[
        list[str] | None, typer.Option("--domain", help="Domains to draw from; repeat it. Default: text.")
    ] = None,
    chars: Annotated[int, typer.Option("--chars", min=100, help="Characters of a document that are shown.")] = 4_000,
    max_calls: Annotated[int | None, typer.Option("--max-calls", min=1, help="Most calls, over all runs.")] = None,
    max_tokens: MaxTokens = None,
    max_usd: MaxUsd = None,
    prompt_usd: PromptUsd = None,
    completion_usd: CompletionUsd = None,
    concurrency: Concurrency = None,
    timeout: Timeout = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only say what would be asked and what it costs.")
    ] = False,
    workers: Workers = None,
    directory: Directory = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Ask a model which documents of the corpus are good, for the filter `quality` to learn from.

    The endpoint is OPENAI_BASE_URL with OPENAI_API_KEY, any that speaks OpenAI's chat protocol. Answers are kept in
    .forge/llm.sqlite: what was answered is never asked, or paid, again, and a run that was stopped takes up where it
    was.
    """
    from forge.cli.compose import open_session
    from forge.engine import labels
    from forge.llm import Caps

    looked_for = _rubric(rubric)
    workspace = workspace_of(context, directory)
    with open_session(workspace, command="label", workers=workers, quiet=quiet) as session:
        model = _model(model, session)
        prices = _prices(prompt_usd, completion_usd, model=model, session=session, max_usd=max_usd)
        given = {"prices": {model: prices}, "concurrency": concurrency, "timeout": timeout}
        way = _endpoint(session, model, scope=f"label {looked_for.name} {model}", given=given)
        drawn = labels.draw(
            _parts(session), count=sample, domains=domain or ["text"], seed=session.recipe.seed, chars=chars
        )
        _check(drawn, domain or ["text"])
        asked = labels.questions(drawn, looked_for, twice=twice, seed=session.recipe.seed)
        if estimate:
            return _say_estimate(len(drawn), len(asked), new=_not_answered(asked, way), way=way, as_json=as_json)
        results = _ask(session, asked, way, caps=Caps(calls=max_calls, tokens=max_tokens, usd=max_usd))
        facts = _keep(session, drawn, results, rubric=looked_for, model=model, chars=chars)
        facts["usd"] = _paid(results, prices)
    return print_json(facts) if as_json else _print(facts)


def _rubric(name: str) -> "Rubric":
    from forge.errors import RecipeError
    from forge_filters.rubrics import read_rubric

    try:
        return read_rubric(name)
    except ValueError as error:
        raise RecipeError(str(error), key="--rubric") from error


def _model(named: str | None, session: "Session") -> str:
    from forge.clients.llm_open import need_model

    model = named or session.recipe.llm.model
    return need_model(model, recipe=session.recipe.path, instead="give --model", key="--model")


def _prices(
    prompt: float | None, completion: float | None, *, model: str, session: "Session", max_usd: float | None
) -> "Prices":
    """The prices, those of the recipe where none is given; a limit in money needs both, or it would hold nothing."""
    from forge.clients.llm_open import need_prices
    from forge.llm import Prices

    known = session.recipe.llm.prices.get(model)
    if known is not None:
        prompt = known.prompt if prompt is None else prompt
        completion = known.completion if completion is None else completion
    prices = Prices(prompt=prompt or 0.0, completion=completion or 0.0)
    if max_usd is not None:
        whole = prices if prompt is not None and completion is not None else None
        instead = "give --prompt-usd and --completion-usd, US dollars for a million tokens"
        need_prices(whole, model=model, recipe=session.recipe.path, instead=instead, key="--max-usd")
    return prices


def _endpoint(session: "Session", model: str, *, scope: str, given: Mapping[str, Any]) -> "Endpoint":
    """The recipe's way to the model, with what was given for it on the command line; None is not given."""
    from dataclasses import replace

    from forge.clients.llm_open import Endpoint

    said = {name: value for name, value in given.items() if value is not None}
    settings = replace(session.recipe.llm, model=model, **said)
    return Endpoint(journal=session.workspace.journal, scope=scope, settings=settings, recipe=session.recipe.path)


def _parts(session: "Session") -> list[Any]:
    """The corpus, brought up to the recipe; without its filters, one of which may wait for these labels."""
    from forge.engine.build import Steps, gather

    recipe = session.recipe
    steps = Steps(
        sources=session.steps("source", recipe.sources),
        renderers=session.steps("renderer", recipe.renderers),
        filters=[],
        tokenizer=session.step("tokenizer", recipe.tokenizer),
    )
    return [part for part in gather(session, steps) if part.rows.get("documents")]


def _check(drawn: Sequence["Sample"], domains: Sequence[str]) -> None:
    from forge.errors import CorpusError

    if not drawn:
        raise CorpusError(f"the corpus has no document of the domain {' or '.join(domains)}: see --domain")


def _ask(
    session: "Session", asked: Mapping[tuple[str, int], "Call"], way: "Endpoint", *, caps: "Caps"
) -> dict[tuple[str, int], "Answer | Failure"]:
    import asyncio

    from forge.llm import LlmOptions

    with (
        way.open(LlmOptions(caps=caps)) as client,
        session.reporter.track("label", len(asked), "calls") as bar,
        session.timed("labelled", scope=way.scope) as facts,
    ):
        results = asyncio.run(client.ask_many(list(asked.values()), lambda *_: bar.advance()))
        spent = client.spent()
        facts.update(calls=len(asked), spent_calls=spent.calls, spent_tokens=spent.tokens)
    return dict(zip(asked, results, strict=True))


def _keep(
    session: "Session",
    drawn: Sequence["Sample"],
    results: Mapping[tuple[str, int], "Answer | Failure"],
    *,
    rubric: "Rubric",
    model: str,
    chars: int,
) -> dict[str, Any]:
    """Write the label set; returns what there is to say of it."""
    from forge.engine.labels import collect_labels, write_labels
    from forge.errors import StepError
    from forge.llm import Answer, Failure
    from forge_filters.quality_labels import noise, read_labels

    labelled = collect_labels(drawn, results)
    answers = [result for result in results.values() if isinstance(result, Answer)]
    failures = [result for result in results.values() if isinstance(result, Failure)]
    answered = any(failure.answers for failure in failures)
    if not labelled:
        way = "; answers are kept and not asked for again: try another model or rubric" if answered else ""
        raise StepError(f"no document was labelled: {failures[0].kind}: {failures[0].reason}{way}", step="label")
    name = write_labels(labelled, session.workspace.state(LABELS), rubric=rubric, model=model, chars=chars)
    found = read_labels(session.workspace.root, name)
    return {
        "labels": name,
        "documents": len(labelled),
        "good": round(float(found.label.mean()), 4),
        "levels": dict(sorted(Counter(item.level for item in labelled).items())),
        **noise(found),
        "paid_calls": sum(result.answers for result in results.values() if result.paid),
        # Answers that fitted no schema were paid for like the others.
        "tokens": sum(result.prompt_tokens + result.completion_tokens for result in results.values() if result.paid),
        "repaired": sum(answer.repaired for answer in answers),
        "failures": dict(sorted(Counter(failure.kind for failure in failures).items())),
        "first_failure": failures[0].reason if failures else None,
    }


def _paid(results: Mapping[Any, "Answer | Failure"], prices: "Prices") -> float:
    """What the answers of this run cost, US dollars, useless ones included; one out of the journal costs nothing."""
    paid = [result for result in results.values() if result.paid]
    cost = prices.cost(sum(one.prompt_tokens for one in paid), sum(one.completion_tokens for one in paid))
    return round(cost, 6)


def _not_answered(asked: Mapping[Any, "Call"], way: "Endpoint") -> list["Call"]:
    """The calls that the journal has no answer to, as they would be sent."""
    from forge.clients.llm_journal import Journal
    from forge.llm import as_sent

    journal = Journal(way.journal)
    try:
        calls = [as_sent(call, way.thinking) for call in asked.values()]
        return [call for call in calls if journal.answer(call.key(way.model())) is None]
    finally:
        journal.close()


def _say_estimate(documents: int, calls: int, *, new: Sequence["Call"], way: "Endpoint", as_json: bool) -> None:
    """Calls, tokens and cost before anything is sent: a token is some four bytes of English, and at least one.

    Answers, and what is thought before them, are counted as long as they may be.
    """
    from forge.llm import Prices

    prices = way.prices("") or Prices()
    worst = [call.worst_tokens() for call in new]
    prompt, completion = sum(pair[0] for pair in worst), sum(pair[1] for pair in worst)
    facts: dict[str, Any] = {
        "documents": documents,
        "calls": calls,
        "answered_before": calls - len(new),
        "tokens_about": prompt // 4 + completion,
        "tokens_at_most": prompt + completion,
    }
    if prices.prompt or prices.completion:
        facts["usd_about"] = round(prices.cost(prompt // 4, completion), 6)
        facts["usd_at_most"] = round(prices.cost(prompt, completion), 6)
    if as_json:
        return print_json(facts)
    before = f", {facts['answered_before']:,} of them answered before" if facts["answered_before"] else ""
    typer.echo(
        f"{calls:,} calls about {documents:,} documents{before}: about {facts['tokens_about']:,} tokens, at most "
        f"{facts['tokens_at_most']:,} without repairs"
    )
    if way.thinking and new:
        typer.echo(f"{len(new) * way.thinking:,} of the tokens are for thinking, which may take less")
    if "usd_about" in facts:
        typer.echo(f"about {facts['usd_about']:,.4f} US dollars, at most {facts['usd_at_most']:,.4f} without repairs")
    return typer.echo("nothing was sent")


def _print(facts: Mapping[str, Any]) -> None:
    typer.echo(f"{facts['documents']:,} documents labelled, {facts['good']:.1%} of them good; ", nl=False)
    money = f", {facts['usd']:,.4f} US dollars" if facts["usd"] else ""
    typer.echo(f"{facts['paid_calls']:,} calls paid now, {facts['tokens']:,} tokens{money}")
    levels = ", ".join(f"{level}: {count:,}" for level, count in facts["levels"].items())
    typer.echo(f"levels {levels}; {facts['repaired']:,} answers were repaired")
    if facts["twice"]:
        typer.echo(
            f"{facts['twice']:,} were asked about twice: {facts['disagree']:.1%} disagree, kappa {facts['kappa']:.2f}, "
            f"so that about {facts['noise']:.1%} of the labels are wrong"
        )
    if facts["failures"]:
        counts = ", ".join(f"{count:,} {kind}" for kind, count in facts["failures"].items())
        typer.echo(f"without an answer: {counts} ({facts['first_failure']})")
    typer.echo(f'\nThe recipe\'s filter takes them so:\n\n[[filter]]\nname = "quality"\nlabels = "{facts["labels"]}"')
