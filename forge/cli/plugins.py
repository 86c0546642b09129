"""`forge plugins`: what is installed, what failed, and the options of one."""

from dataclasses import is_dataclass
from typing import Annotated, Any

import typer

from forge.cli.options import AsJson, Directory, print_json, print_table


def plugins(
    name: Annotated[
        str | None, typer.Argument(help="Show the options of the source, filter, ... of this name.")
    ] = None,
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """List plugins and their state, or one's options."""
    from forge.host import PluginHost, plugin_rows

    del directory  # plugins belong to the environment; -C is taken so that every command takes it
    host = PluginHost()
    if name is not None:
        _show_options(host, name, as_json=as_json)
        return
    rows = plugin_rows(host)
    if as_json:
        print_json(rows)
        return
    head = ["name", "kind", "distribution", "version", "state", "failure"]
    print_table([[row[column] for column in head] for row in rows], head=head)


def _show_options(host: object, name: str, *, as_json: bool) -> None:
    from forge.errors import PluginError
    from forge.host import PluginHost
    from forge.options import describe_options, nearest

    assert isinstance(host, PluginHost)

    def options(step: type[Any]) -> list[dict[str, str]]:
        return describe_options(step) if is_dataclass(step) else []  # an executor need not be one

    found = [offer for offer in host.offers() if offer.name == name]
    if not found:
        names = sorted({offer.name for offer in host.offers()})
        raise PluginError(f"no plugin offers {name!r}: {nearest(name, names)}")
    facts = [
        {
            "name": offer.name,
            "kind": offer.kind,
            "about": (offer.step.__doc__ or "").strip().split("\n")[0],
            "distribution": offer.origin.distribution,
            "options": options(offer.step),
        }
        for offer in found
    ]
    if as_json:
        print_json(facts)
        return
    for offer in facts:
        typer.echo(f"{offer['name']} ({offer['kind']}, from {offer['distribution']}): {offer['about']}")
        for option in options(found[facts.index(offer)].step):
            unit = f" [{option['unit']}]" if option["unit"] else ""
            typer.echo(f"  {option['name']} = {option['default']}{unit}")
            typer.echo(f"      {option['help']} ({option['type']})")
