"""Environments of the peers that the benchmarks run beside us, one for each, and what is common to running them.

    python benchmarks/peers.py FOLDER [NAME ...]

makes them (all, or those named) with ``venv`` and pip: FOLDER/datatrove, FOLDER/data-juicer, FOLDER/rensa; 7 GB, of
which data-juicer's torch is the most: what its operator misses, it installs by itself while it is measured. Give FOLDER
to a benchmark as ``--peers``. A benchmark that misses an environment says so and goes on without that peer.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PEERS: dict[str, tuple[str, ...]] = {
    "rensa": ("rensa==0.5.*", "pyarrow"),
    "datatrove": (
        *("datatrove==0.10.1", "spacy", "nltk", "regex", "pyarrow", "fasteners", "fasttext-numpy2-wheel", "orjson"),
        *("xxhash<4", "tokenizers", "tldextract", "ftfy"),
    ),
    "data-juicer": ("py-data-juicer==1.6.1", "scipy", "aiohttp", "torch", "ray"),
}


def interpreter(folder: Path | None, name: str) -> str | None:
    """The peer's Python; None, with a line on how to get one, if there is none."""
    if folder is None:
        print(f"{name}: not compared; make its environment with `python {__file__} FOLDER {name}`, give --peers FOLDER")
        return None
    python = folder.absolute() / name / "bin" / "python"
    if not python.is_file():
        print(f"{name}: not compared; {python} is missing: make it with `python {__file__} {folder} {name}`")
        return None
    return str(python)


def better(rounds: int, run: Callable[[], dict[str, Any]], *, by: str = "cpu") -> dict[str, Any]:
    """The round that took the fewest CPU seconds: another's load only ever adds some."""
    return min((run() for _ in range(rounds)), key=lambda found: float(found[by]))


def make(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        place = folder / name
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run([str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *PEERS[name]], check=True)
        print(f"{name}: {place}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PEERS)}")
    options = parser.parse_args()
    if unknown := set(options.names) - set(PEERS):
        parser.error(f"no peer is called {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    make(options.folder, options.names or list(PEERS))


if __name__ == "__main__":
    main()
