"""What an entry of the source ``openapi`` names: a file, a folder, a glob, an address, or files of a package.

    specs/billing.yaml    specs/**/*.json    https://host/openapi.json?key=${API_KEY}
    npm:@octokit/openapi@23.0.2/generated/api.github.com.json    pip:NAME==VERSION/data/*.yaml

Pure text work. Secrets come from environment variables that an entry or a header names; what is shown of an entry never
holds their values.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from forge.errors import StepError
from forge.secrets import redact_url
from forge_sources.packages.spec import REGISTRIES, PackageSpec, parse_spec

PLUGIN = "openapi"

_PACKAGE = re.compile(rf"(?P<spec>(?:{'|'.join(REGISTRIES)}):(?:@[^/]+/)?[^/]+)/(?P<pattern>.+)")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_AROUND = re.compile(r"[A-Za-z]{0,12} ?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFiles:
    """Files of one package: those whose path, without the archive's top folder, matches ``pattern``."""

    spec: PackageSpec
    pattern: str


def is_address(entry: str) -> bool:
    """Whether an entry is an http(s) address."""
    return entry.startswith(("https://", "http://"))


def package_files(entry: str) -> PackageFiles | None:
    """The files of a package that an entry names; None if it names none.

    Raises:
        ValueError: it begins like one and is none, with the form that was expected.
    """
    match = _PACKAGE.fullmatch(entry)
    if match is not None:
        pattern = match["pattern"]
        if ".." in pattern.split("/") or pattern.startswith("/"):
            raise ValueError(f"{entry!r}: the path within the package may not lead out of it")
        return PackageFiles(spec=parse_spec(match["spec"]), pattern=pattern)
    if entry.partition(":")[0] in REGISTRIES:
        raise ValueError(f"{entry!r} names no file of a package; write for example npm:NAME@1.2.3/openapi.json")
    return None


def shown(entry: str) -> str:
    """An entry as it may be written down."""
    return redact_url(entry) if is_address(entry) else entry


def check_header(name: str, value: str) -> None:
    """Whether a header's value names an environment variable.

    Raises:
        ValueError: it does not; the message leaves the value out, since it may be a secret.
    """
    names = _VARIABLE.findall(value)
    around = _VARIABLE.sub("", value)
    if not _NAME.fullmatch(value) and (len(names) != 1 or not _AROUND.fullmatch(around)):
        raise ValueError(
            f"headers.{name}: write the name of an environment variable, such as API_TOKEN, or Bearer ${{API_TOKEN}}"
        )


def secret_headers(headers: Mapping[str, str], secret: Callable[[str], str | None]) -> dict[str, str]:
    """The headers to send.

    Raises:
        StepError: a variable is not set.
    """
    return {name: filled(value if "${" in value else f"${{{value}}}", secret) for name, value in headers.items()}


def address_of(entry: str, secret: Callable[[str], str | None]) -> str:
    """The address to fetch, its variables filled in.

    Raises:
        StepError: a variable is not set, or stands where its value would be written down.
    """
    address = filled(entry, secret)
    for name in _VARIABLE.findall(entry):
        if (secret(name) or "") in redact_url(address):
            message = f"${{{name}}} may stand in the user part or in a query value named like a key; or use headers"
            raise StepError(message, plugin=PLUGIN, step="collect", record=shown(entry))
    return address


def filled(text: str, secret: Callable[[str], str | None]) -> str:
    """``text`` with each ``${NAME}`` replaced by that environment variable.

    Raises:
        StepError: a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        found = secret(match[1])
        if found is None:
            message = f"the environment variable {match[1]} is not set; set it and run the same command again"
            raise StepError(message, plugin=PLUGIN, step="collect")
        return found

    return _VARIABLE.sub(value, text)
