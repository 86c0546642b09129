"""Source ``botocore``: every AWS operation, from the service models in the installed botocore package.

The models are read as files (``SERVICE/VERSION/service-2.json.gz``, the newest version of each), without botocore's
loader, which keeps all it has read. Services fall into 16 buckets by the hash of their name. Fetches nothing.

Cost: about 5 CPU seconds for 440 services and 20,000 operations, one service in memory at a time.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import orjson

from forge.errors import StepError
from forge.records import UNKNOWN_LICENSE, ApiRecord, Reject
from forge.steps import Context, Partition, option
from forge_sources import spec_files

BUCKETS = 16
LARGEST_MODEL = 100_000_000
MODEL_NAMES = ("service-2.json.gz", "service-2.json")
EXAMPLE_NAMES = ("examples-1.json", "examples-1.json.gz")


@dataclass(frozen=True, kw_only=True)
class Botocore:
    """AWS operations from the service models of the installed botocore package."""

    name: ClassVar[str] = "botocore"

    services: tuple[str, ...] = option((), help="take only these services, by folder name, such as s3; empty: all")
    path: str = option("", help="another folder of service models; empty: that of the installed botocore")

    def plan(self, context: Context) -> str:
        """What would be read."""
        where = "the installed botocore package"
        if self.path:
            from forge_sources.spec_files import told

            where = told(context.workspace / self.path, self.path, plugin=self.name)
        return f"reads AWS service models from {where}; fetches nothing"

    def partitions(self, context: Context) -> Sequence[Partition]:
        """One partition a bucket, by the content of the models and their examples.

        Raises:
            StepError: botocore is not installed, or the folder holds no such service.
        """
        root = self._root(context)
        found = {service: files for service in self._services(root) if (files := _files(root, service))}
        missing = [service for service in self.services if service not in found]
        if missing or not found:
            what = f"no service model {', '.join(missing)}" if missing else "no service model"
            raise StepError(f"{what} in {self.path or 'botocore'}", plugin=self.name, step="collect")
        paths = [root / file for files in found.values() for file in files]
        known = dict(zip(paths, spec_files.hashes(paths), strict=True))
        members: dict[int, list[str]] = {}
        for service in found:
            members.setdefault(spec_files.bucket_of(service, BUCKETS), []).append(service)
        partitions = []
        for bucket, services in sorted(members.items()):
            files = [file for service in services for file in found[service]]
            hashes = [known[root / file] for file in files]
            parts = (part for file, (digest, _) in zip(files, hashes, strict=True) for part in (file, digest))
            partitions.append(
                Partition(
                    key=f"services-{bucket:02d}",
                    fingerprint=spec_files.combined(parts),
                    items=tuple(services),
                    size=sum(size for _, size in hashes),
                )
            )
        return partitions

    def records(self, partition: Partition, context: Context) -> Iterator[ApiRecord | Reject]:
        """The operations of the partition's services."""
        from forge_sources.botocore.model import records

        root = self._root(context)
        stated = (UNKNOWN_LICENSE, "") if self.path else _license()
        for service in partition.items:
            model_file, *example_files = _files(root, service)
            model = _load(root, model_file)
            if isinstance(model, Reject):
                yield model
                continue
            examples: Any = {}
            for file in example_files:
                examples = _load(root, file)
                if isinstance(examples, Reject):
                    yield examples
                    examples = {}
            yield from records(model, examples, folder=service, source=self.name, stated=stated)

    def _services(self, root: Path) -> list[str]:
        folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
        return [folder for folder in folders if not self.services or folder in self.services]

    def _root(self, context: Context) -> Path:
        if self.path:
            root = context.workspace / self.path
            if not root.is_dir():
                raise StepError(f"path={self.path}: there is no such folder", plugin=self.name, step="collect")
            return root
        found = importlib.util.find_spec("botocore")
        if found is None or not found.submodule_search_locations:
            raise StepError("botocore is not installed: pip install botocore", plugin=self.name, step="collect")
        return Path(found.submodule_search_locations[0]) / "data"


def _license() -> tuple[str, str]:
    """The licence that botocore's own metadata states, as an SPDX expression, and the words that state it."""
    from importlib.metadata import PackageNotFoundError, metadata

    from forge_sources.licenses import spdx

    try:
        found = metadata("botocore")
    except PackageNotFoundError:  # importable without having been installed
        return UNKNOWN_LICENSE, ""
    for key in ("License-Expression", "License"):
        words = " ".join(" ".join(found.get_all(key) or ()).split())[:200]
        if words:
            expression = words if key == "License-Expression" else spdx({"name": words})
            return expression, f"metadata of botocore: {key}: {words}"
    return UNKNOWN_LICENSE, ""


def _files(root: Path, service: str) -> list[str]:
    """Relative paths of the newest model of a service and of its examples, if any; none where there is no model."""
    for version in sorted((entry for entry in (root / service).iterdir() if entry.is_dir()), reverse=True):
        models = [version / name for name in MODEL_NAMES if (version / name).is_file()]
        if models:
            examples = [version / name for name in EXAMPLE_NAMES if (version / name).is_file()]
            return [path.relative_to(root).as_posix() for path in models[:1] + examples[:1]]
    return []


def _load(root: Path, file: str) -> Any:
    """The parsed file, or the `Reject` that says why there is none."""
    try:
        data = orjson.loads(spec_files.read(root / file, limit=LARGEST_MODEL))
    except spec_files.UnreadableSpec as error:
        return Reject(locator=file, reason=str(error))
    except orjson.JSONDecodeError as error:
        return Reject(locator=file, reason=f"not JSON: {error}")
    return data if isinstance(data, dict) else Reject(locator=file, reason="not a service model: no JSON object")
