"""What the project's own plugins offer, with their options: the same facts that `forge plugins NAME` prints."""

import inspect

from forge.host import KINDS, OWN_DISTRIBUTION, Offer, PluginHost
from forge.options import describe_options
from reference_markdown import docstring, table

HEADINGS = {
    "source": "Sources",
    "filter": "Filters",
    "renderer": "Renderers",
    "tokenizer": "Tokenizers",
    "executor": "Executors",
}


def shipped() -> str:
    """A part a kind, a section a plugin. Executors have no options in the recipe and are named only."""
    host = PluginHost()
    failed = [failure for failure in host.failures if failure.origin.distribution == OWN_DISTRIBUTION]
    if failed:
        raise SystemExit(f"the plugin {failed[0].origin.plugin} did not load: {failed[0].reason}")
    parts = []
    for kind in KINDS:
        own = [offer for offer in host.offers(kind) if offer.origin.distribution == OWN_DISTRIBUTION]
        parts.append("\n\n".join([f"## {HEADINGS[kind]}", *(_section(offer) for offer in own)]))
    return "\n\n".join(parts)


def _section(offer: Offer) -> str:
    lines = [f"### {offer.name}", docstring(offer.step)]
    module = inspect.getdoc(inspect.getmodule(offer.step)) or ""
    cost = next((part for part in module.split("\n\n") if part.startswith("Cost")), "")
    if cost:
        lines.append(" ".join(cost.split()).replace("``", "`"))
    for program, how in sorted(getattr(offer.step, "requires", {}).items()):
        lines.append(f"Runs `{program}`. Where it is missing: {how}.")
    if getattr(offer.step, "reads_catalog", False):
        lines.append("Runs after the catalogue is loaded, and reads it.")
    if offer.kind != "executor":
        lines.append(_options(offer))
    return "\n\n".join(line for line in lines if line)


def _options(offer: Offer) -> str:
    rows = [
        [f"`{row['name']}`", f"`{row['type']}`", _default(row["default"]), row["unit"], row["help"]]
        for row in describe_options(offer.step)
    ]
    return table(["option", "type", "default", "unit", "meaning"], rows) if rows else "It has no options."


def _default(shown: str) -> str:
    return shown if shown == "required" else f"`{shown}`"
