"""A repository by GitHub's REST API: what it is, the tree of a commit, and the files that are wanted.

Three requests tell commit, tree and licence. A few files are asked for one by one; many come with one tarball of the
commit. Where a tree is cut short by the server, the folders that can hold documentation are listed one by one. Each
file's bytes are held against the hash that the tree gives them. The rate limit's headers are obeyed: a short wait is
waited for, a long one ends the run with what was had kept.

Source: GitHub REST API, version 2022-11-28: repositories, commits, git trees, git blobs, rate limits.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from forge.errors import FetchError
from forge.steps import Context, HttpRequest, HttpResponse

TOKEN = "GITHUB_TOKEN"
BLOBS_AT_MOST = 40
LONGEST_WAIT = 300.0
MOST_TREES = 200
_VERSION = {"x-github-api-version": "2022-11-28"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file of a tree: its path, the hash of its blob, its size in bytes, and whether it is a symbolic link."""

    path: str
    sha: str
    size: int
    is_link: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository at a commit.

    Attributes:
        name: ``owner/name``, as it is called now. page: its address for people. homepage: as its owner states it.
        license: SPDX expression that GitHub detected, empty if none.
    """

    name: str
    page: str
    homepage: str
    license: str
    commit: str
    tree: str


class Rest:
    """Asks one server's API.

    Args:
        base: ``https://api.github.com``, or ``https://HOST/api/v3`` of an Enterprise server.
    """

    def __init__(self, base: str, context: Context) -> None:
        self.base = base.rstrip("/")
        self.context = context
        self._wait_until = 0.0

    def repository(self, name: str, ref: str) -> Repository:
        """The repository and the commit that ``ref`` (empty: the default branch) stands for.

        Raises:
            FetchError: there is none of that name, or the server refuses.
        """
        about = self._json(f"/repos/{name}", what=f"repository {name}")
        full = str(about.get("full_name") or name)
        wanted = ref or str(about.get("default_branch") or "HEAD")
        commit = self._json(f"/repos/{full}/commits/{quote(wanted, safe='')}", what=f"{full}@{wanted}")
        detected = (about.get("license") or {}).get("spdx_id") or ""
        return Repository(
            name=full,
            page=str(about.get("html_url") or ""),
            homepage=str(about.get("homepage") or ""),
            license="" if detected == "NOASSERTION" else detected,
            commit=str(commit["sha"]),
            tree=str(commit["commit"]["tree"]["sha"]),
        )

    def tree(self, repository: Repository, is_folder_wanted: Callable[[str], bool]) -> list[Entry]:
        """The files of the commit; of a tree too large for one answer, those at its root and in wanted folders."""
        whole = self._tree(repository, repository.tree, recursive=True)
        if not whole.get("truncated"):
            return list(_files(whole, ""))
        found: list[Entry] = []
        folders = [("", repository.tree)]
        for _ in range(MOST_TREES):
            if not folders:
                break
            prefix, sha = folders.pop(0)
            listed = self._tree(repository, sha, recursive=False)
            found += _files(listed, prefix)
            folders += [
                (f"{prefix}{entry['path']}/", entry["sha"])
                for entry in listed.get("tree", ())
                if entry.get("type") == "tree" and is_folder_wanted(f"{prefix}{entry['path']}/")
            ]
        if folders:
            self.context.log(
                f"{repository.name}: more than {MOST_TREES} folders of documentation; the rest is left out"
            )
        return found

    def contents(
        self, repository: Repository, entries: Sequence[Entry], *, limit: int
    ) -> Iterator[tuple[Entry, bytes]]:
        """The bytes of files, one by one or from the commit's tarball.

        Raises:
            FetchError: the server refuses, or a file's bytes are not those of its hash.
        """
        if len(entries) > BLOBS_AT_MOST:
            yield from self._from_tarball(repository, entries, limit=limit)
            return
        for entry in entries:
            path = f"/repos/{repository.name}/git/blobs/{entry.sha}"
            body = self._ask(path, what=entry.path, accept="application/vnd.github.raw+json", limit=limit).body
            yield entry, _checked(entry, body)

    def _from_tarball(
        self, repository: Repository, entries: Sequence[Entry], *, limit: int
    ) -> Iterator[tuple[Entry, bytes]]:
        from forge_sources.cache_folder import temporary_folder
        from forge_sources.packages.archive import members

        wanted = {entry.path: entry for entry in entries}
        with temporary_folder(self.context.cache / "github") as folder:
            archive = folder / "commit.tar.gz"
            request = self._request(f"/repos/{repository.name}/tarball/{repository.commit}", accept="", limit=None)
            self.context.http.download(request, archive)
            for member in members(archive, wanted=wanted.__contains__, limit=limit):
                entry = wanted[member.path]
                if not member.problem:
                    yield entry, _checked(entry, member.data)

    def _tree(self, repository: Repository, sha: str, *, recursive: bool) -> Mapping[str, Any]:
        query = "?recursive=1" if recursive else ""
        return self._json(f"/repos/{repository.name}/git/trees/{sha}{query}", what=f"tree of {repository.name}")

    def _json(self, path: str, *, what: str) -> Mapping[str, Any]:
        answer = self._ask(path, what=what, accept="application/vnd.github+json", limit=100_000_000)
        try:
            read = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise FetchError(f"{self.base}{path}: no JSON ({error}); is api= the address of a GitHub API?") from error
        if not isinstance(read, dict):
            raise FetchError(f"{self.base}{path}: an answer of another form; is api= the address of a GitHub API?")
        return read

    def _ask(self, path: str, *, what: str, accept: str, limit: int | None) -> HttpResponse:
        """An answer of status 200, after the waits that the rate limit asks for."""
        for attempt in range(3):
            self._pause()
            request = self._request(path, accept=accept, limit=limit, refresh=attempt > 0 or self.context.refresh)
            answer = self.context.http.fetch(request)
            is_limited = self._note_limits(answer)
            if answer.status == 200:
                return answer
            if not is_limited:
                raise FetchError(_refusal(answer.status, what))
        raise FetchError(f"{what}: the API's rate limit holds; what was had is kept: run the same command again later")

    def _request(self, path: str, *, accept: str, limit: int | None, refresh: bool = False) -> HttpRequest:
        token = self.context.secret(TOKEN)
        return HttpRequest(
            url=f"{self.base}{path}",
            headers={**_VERSION, **({"accept": accept} if accept else {})},
            secret_headers={"authorization": f"Bearer {token}"} if token else {},
            limit=limit,
            refresh=refresh,
        )

    def _note_limits(self, answer: HttpResponse) -> bool:
        """Remember when the next request may be made; whether this one was refused for the rate limit."""
        left, reset = answer.headers.get("x-ratelimit-remaining"), answer.headers.get("x-ratelimit-reset", "")
        after = answer.headers.get("retry-after", "")
        is_refused = answer.status in (403, 429) and (left == "0" or after.isdecimal())
        if is_refused and after.isdecimal():
            self._wait_until = time.time() + int(after)
        elif left == "0" and reset.isdecimal() and (is_refused or answer.status == 200):
            self._wait_until = float(reset) + 0.5
        return is_refused

    def _pause(self) -> None:
        wait = self._wait_until - time.time()
        self._wait_until = 0.0
        if wait > LONGEST_WAIT:
            hint = "" if self.context.secret(TOKEN) else f", or set {TOKEN}, which allows 5,000 an hour instead of 60"
            raise FetchError(
                f"{self.base}: no request left for {wait / 60:.0f} min; what was had is kept: "
                f"run the same command again after that{hint}"
            )
        if wait > 0:
            self.context.log(f"waiting {wait:.0f} s for the API's rate limit")
            time.sleep(wait)


def _files(listed: Mapping[str, Any], prefix: str) -> Iterator[Entry]:
    for entry in listed.get("tree", ()):
        if entry.get("type") == "blob":
            yield Entry(
                path=f"{prefix}{entry['path']}",
                sha=str(entry["sha"]),
                size=int(entry.get("size") or 0),
                is_link=entry.get("mode") == "120000",
            )


def blob_hash(data: bytes) -> str:
    """The hash that git gives to a file's bytes."""
    return hashlib.sha1(b"blob %d\x00" % len(data) + data, usedforsecurity=False).hexdigest()


def _checked(entry: Entry, data: bytes) -> bytes:
    """The bytes, if they are those of the tree's hash; SHA-256 repositories have longer ones, which are not checked."""
    if len(entry.sha) == 40 and blob_hash(data) != entry.sha:
        raise FetchError(f"{entry.path}: not the bytes that the tree names; run the same command again")
    return data


def _refusal(status: int, what: str) -> str:
    advice = {
        401: f"the key in {TOKEN} is not valid; renew it or unset it",
        403: f"the server refuses it; a private repository needs {TOKEN} with read access",
        404: f"not found; check the spelling, and for a private repository set {TOKEN}",
        409: "the repository is empty",
        451: "taken down for legal reasons",
    }
    return f"{what}: {advice.get(status, f'the server answered {status}')}"


def parse_repository(text: str) -> tuple[str, str]:
    """``owner/name`` and the ref of ``owner/name@ref`` or of a repository's address.

    Raises:
        ValueError: it names none, with the form that was expected.
    """
    name, _, ref = text.strip().partition("@")
    name = name.removesuffix(".git").rstrip("/")
    if "://" in name:
        name = "/".join(name.partition("://")[2].split("/")[1:3])
    parts = name.split("/")
    if len(parts) != 2 or not all(part and part.strip(".") and _is_plain(part) for part in parts):
        raise ValueError(
            f"{text!r} names no repository; write OWNER/NAME or OWNER/NAME@REF, for example psf/requests@v2.32.0"
        )
    return name, ref


def _is_plain(part: str) -> bool:
    return part.isascii() and part.replace("-", "").replace("_", "").replace(".", "").isalnum()
