"""Writes the generated parts of ``docs/``, or with ``--check`` says which of them are out of date.

    python scripts/generate_docs.py            # write
    python scripts/generate_docs.py --check    # exit status 1 and one line a stale file

A generated part stands in a page between ``<!-- generated: NAME -->`` and ``<!-- end generated -->``; what is around it
is written by hand and left alone. The parts depend on the code only: no version, date, or path of this machine.
Costs about a second, most of it importing the plugins.
"""

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from reference_cli import forge_reference, trainer_reference
from reference_contract import hooks, protocols
from reference_plan import plan_keys
from reference_plugins import shipped

ROOT = Path(__file__).resolve().parent.parent
PARTS: Mapping[str, Callable[[], str]] = {
    "forge": forge_reference,
    "forge-trainer": trainer_reference,
    "hooks": hooks,
    "protocols": protocols,
    "plugins": shipped,
    "plan": plan_keys,
}
PAGES = ("docs/cli.md", "docs/hooks.md", "docs/plugins.md", "docs/training.md")
REGION = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n)(?P<body>.*?)(<!-- end generated -->)", re.DOTALL)


def renewed(page: str, parts: Mapping[str, Callable[[], str]] = PARTS) -> str:
    """The page with its generated parts as they should be.

    Raises:
        KeyError: the page asks for a part that there is none of.
    """
    return REGION.sub(lambda match: f"{match[1]}\n{parts[match['name']]()}\n\n{match[4]}", page)


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write or check the pages under ``root``; returns the exit status."""
    parser = argparse.ArgumentParser(description="Write the generated parts of docs/.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")
    options = parser.parse_args(arguments)
    stale = []
    for name in PAGES:
        path = root / name
        found = path.read_text(encoding="utf-8")
        wanted = renewed(found)
        if wanted == found:
            continue
        stale.append(name)
        if not options.check:
            path.write_text(wanted, encoding="utf-8")
    for name in stale:
        print(f"{name}: out of date; run `make docs`" if options.check else f"{name}: written")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
