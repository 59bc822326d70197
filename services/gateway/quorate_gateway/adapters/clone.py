"""A pull request by git: of a repository that is not ours, so nothing that it brings is run.

Into an empty repository of our own, without hooks, templates or configuration of anybody, come first the trees of the
two commits (``--filter=blob:none``), and then only the contents that differ between them: a small change in a huge
repository stays small. A server that knows no filters sends all of both trees, up to the limit. There is no working
tree, so no filter, no LFS and no submodule has a part; an ``info/attributes`` of ours outranks those of the tree.

The token is in the environment of the fetching processes only, bound to the server's address, and no redirect is
followed.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from quorate.diff import NotADiff
from quorate.errors import Rejected, Retryable
from quorate.github.errors import readable
from quorate_gateway.domain.source import MAX_DIFF, MAX_FILE, MAX_TEXTS, Draft, draft_of, is_binary, wanted

MAX_READ = 3_000
"""The most files that are read whole; there is no request for each, so ``max_files`` has no say."""

_OPTIONS = (
    "--no-pager",
    "--literal-pathspecs",
    "--no-replace-objects",
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.quotePath=false"),
    *("-c", "core.bigFileThreshold=8m"),  # larger ones are never in memory whole, and shown as binary files
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "fetch.unpackLimit=1"),  # one pack, whose size can be watched
    *("-c", "fetch.fsckObjects=false"),
    *("-c", "fetch.recurseSubmodules=false"),
    *("-c", "http.followRedirects=false"),
    *("-c", "http.lowSpeedLimit=1000"),
    *("-c", "http.lowSpeedTime=30"),
    *("-c", "credential.helper="),
)
_FETCH = (
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-recurse-submodules",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--filter=blob:none",
    "--stdin",
)
_DIFF = (
    *("diff-tree", "-r", "--raw", "--patch", "-z", "--no-abbrev"),
    *("--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--ws-error-highlight=none"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--inter-hunk-context=0", "--find-renames"),
    *("--ignore-submodules=dirty", "--submodule=short"),
)
# How a server is reached is the operator's matter and stays; everything else of the environment does not.
_KEPT = (
    *("http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "ALL_PROXY", "all_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"),
)
_ATTRIBUTES = "* !filter !diff\n"  # "!diff" also lifts a "-diff" that would hide a file from its review
_WATCH_S = 0.2


class CloneFailed(Retryable):
    """git could not fetch: the server may be away, or the time was too short."""


class CloneRefused(Rejected):
    """The change is too large to be fetched, or git is not installed."""


@dataclass(frozen=True)
class Caps:
    """Sizes in bytes. ``fetched_bytes`` is what may come over the network, ``seconds`` what all of it may take."""

    fetched_bytes: int = 512 * 1024 * 1024
    diff_bytes: int = MAX_DIFF
    objects: int = 20_000
    seconds: float = 180.0


@dataclass(frozen=True)
class Remote:
    """Where to fetch from. ``authorization`` is the value of a header, for HTTP only."""

    url: str
    authorization: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Cloned:
    """The diff of two commits, and the whole new contents of its changed text files by path."""

    draft: Draft
    files: Mapping[str, str]
    unread: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Raw:
    """One record of git's raw format."""

    old_mode: str
    new_mode: str
    old: str
    new: str
    status: str
    path: bytes


async def clone(remote: Remote, base: str, head: str, caps: Caps | None = None) -> Cloned:
    """What differs between two commits. Raises CloneFailed and CloneRefused."""
    caps = caps or Caps()
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="quorate-", ignore_cleanup_errors=True)
    try:
        async with asyncio.timeout(caps.seconds):
            return await _Clone(Path(folder.name), remote, caps).compare(base, head)
    except TimeoutError:
        raise CloneFailed(f"git did not fetch the change within {caps.seconds:g} s") from None
    finally:
        await asyncio.shield(asyncio.to_thread(folder.cleanup))


class _Clone:
    def __init__(self, folder: Path, remote: Remote, caps: Caps) -> None:
        self._folder = folder
        self._remote = remote
        self._caps = caps
        # A relative entry of PATH would be looked up in the folder that git is started in.
        places = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if place[:1] == "/"]
        programs = (Path(place) / "git" for place in places)
        program = next((path for path in programs if os.access(path, os.X_OK) and path.is_file()), None)
        if program is None:
            raise CloneRefused("git is not installed where the gateway runs: install it, or set github.clone to never")
        self._program = str(program)
        self._environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
            "PATH": os.pathsep.join(places),
            "HOME": str(folder),
            "LC_ALL": "C",
            "GIT_DIR": str(folder / "git"),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "/bin/false",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_ALLOW_PROTOCOL": "",
        }

    async def compare(self, base: str, head: str) -> Cloned:
        await self._git("init", "--quiet", "--bare", "--template=", cwd=self._folder)
        info = self._folder / "git" / "info"
        info.mkdir(exist_ok=True)
        (info / "attributes").write_text(_ATTRIBUTES)
        await self._fetch([base, head], "--depth=1")
        listing = await self._git("diff-tree", "-r", "--raw", "-z", "--no-abbrev", "--no-renames", base, head)
        await self._fetch_contents(_records(listing)[0])
        output = await self._git(*_DIFF, base, head, limit=self._caps.diff_bytes)
        records, patch = _records(output)
        draft = await asyncio.to_thread(_draft, patch)
        files, unread = await self._contents(records, draft)
        return Cloned(draft, files, unread)

    async def _fetch_contents(self, records: Sequence[_Raw]) -> None:
        sides = ((record.old_mode, record.old) for record in records)
        others = ((record.new_mode, record.new) for record in records)
        needed = {sha for mode, sha in (*sides, *others) if mode.startswith(("100", "120"))}
        if len(needed) > self._caps.objects:
            raise CloneRefused(
                f"the change has {len(needed):,} contents, more than the {self._caps.objects:,} that are fetched"
            )
        if needed:
            await self._fetch(sorted(needed))

    async def _contents(self, records: Sequence[_Raw], draft: Draft) -> tuple[dict[str, str], dict[str, str]]:
        """The new contents of the files in the draft; the reasons for those that are left out."""
        shas = {record.path.decode("utf-8", "replace"): record.new for record in records}
        paths, unread = wanted(draft.changes, MAX_READ)
        sizes = await self._sizes(sorted({shas[path] for path in paths}))
        chosen: dict[str, str] = {}
        room = MAX_TEXTS
        for path in paths:
            size = sizes.get(shas[path])
            if size is None:
                unread[path] = "not read whole: git did not fetch its content"
            elif size > MAX_FILE:
                unread[path] = f"not read whole: larger than {MAX_FILE:,} bytes"
            elif size > room:
                unread[path] = "not read whole: the change is too large for the contents of all its files"
            else:
                room -= size
                chosen[path] = shas[path]
        texts = await self._read(chosen)
        return {path: text for path, text in texts.items() if not is_binary(text)}, unread

    async def _sizes(self, shas: Sequence[str]) -> dict[str, int]:
        """Of the objects that are here, their sizes."""
        if not shas:
            return {}
        told = await self._git("cat-file", "--batch-check", "--buffer", stdin=_names(shas))
        fields = [line.split(" ") for line in told.decode("ascii").splitlines()]
        return {line[0]: int(line[2]) for line in fields if len(line) == 3}

    async def _read(self, chosen: Mapping[str, str]) -> dict[str, str]:
        if not chosen:
            return {}
        limit = MAX_TEXTS + 200 * len(chosen)
        output = await self._git("cat-file", "--batch", "--buffer", stdin=_names(list(chosen.values())), limit=limit)
        texts: dict[str, str] = {}
        pos = 0
        for path in chosen:
            end = output.index(b"\n", pos)
            size = int(output[pos:end].split(b" ")[2])
            texts[path] = output[end + 1 : end + 1 + size].decode("utf-8", "replace")
            pos = end + size + 2
        return texts

    async def _fetch(self, shas: Sequence[str], *options: str) -> None:
        parts = urlsplit(self._remote.url)
        variables = {"GIT_ALLOW_PROTOCOL": parts.scheme}
        if self._remote.authorization is not None and parts.scheme in ("http", "https"):
            variables |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
                "GIT_CONFIG_VALUE_0": f"Authorization: {self._remote.authorization}",
            }
        await self._git(*_FETCH, *options, self._remote.url, stdin=_names(shas), variables=variables)

    async def _git(
        self,
        *arguments: str,
        cwd: Path | None = None,
        stdin: bytes = b"",
        variables: Mapping[str, str] | None = None,
        limit: int = MAX_DIFF,
    ) -> bytes:
        """Run git to its end; its output. Raises CloneFailed, and CloneRefused for too much of anything."""
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as errors:
            source.write(stdin)
            source.seek(0)
            process = await asyncio.create_subprocess_exec(
                *(self._program, *_OPTIONS, *arguments),
                cwd=cwd or self._folder / "git",
                env={**self._environment, **(variables or {})},
                stdin=source,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
            watching = asyncio.create_task(self._watch(process))
            try:
                output = await _output(process, limit)
                code = await process.wait()
            finally:
                _kill(process)
                watching.cancel()
                await process.wait()
            if output is None:
                raise CloneRefused(f"the change is larger than {limit:,} bytes: git {arguments[0]} was stopped")
            if await asyncio.to_thread(_size, self._folder) > self._caps.fetched_bytes:
                raise CloneRefused(f"the change takes more than {self._caps.fetched_bytes:,} bytes to fetch")
            if code != 0:
                errors.seek(0)
                said = readable(errors.read(10_000).decode("utf-8", "replace"))
                if self._remote.authorization:
                    said = said.replace(self._remote.authorization, "…")
                raise CloneFailed(f"git {arguments[0]} failed with {code}: {said or 'without a word'}")
            return output

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Stop git when it has fetched too much: it has no limit of its own."""
        while process.returncode is None:
            await asyncio.sleep(_WATCH_S)
            if await asyncio.to_thread(_size, self._folder) > self._caps.fetched_bytes:
                _kill(process)
                return


async def _output(process: asyncio.subprocess.Process, limit: int) -> bytes | None:
    """All that a process writes; None, with the process ended, where that is more than ``limit`` bytes."""
    assert process.stdout is not None  # noqa: S101 a pipe
    data = bytearray()
    while piece := await process.stdout.read(1 << 16):
        data += piece
        if len(data) > limit:
            _kill(process)
            return None
    return bytes(data)


def _kill(process: asyncio.subprocess.Process) -> None:
    """End a process and those that it started, while it is ours."""
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(place) / name).lstat().st_size
    return total


def _names(shas: Sequence[str]) -> bytes:
    return "".join(f"{sha}\n" for sha in shas).encode()


def _draft(patch: bytes) -> Draft:
    if not patch:
        return Draft("", ())
    try:
        return draft_of(patch.decode("utf-8", "replace"))
    except NotADiff as error:
        raise CloneRefused(f"git's diff is not understood: {error}") from error


def _records(output: bytes) -> tuple[list[_Raw], bytes]:
    """git's raw records, and the patch that follows them."""
    records: list[_Raw] = []
    pos = 0
    while output.startswith(b":", pos):
        end = output.index(b"\0", pos)
        old_mode, new_mode, old, new, status = output[pos + 1 : end].decode("ascii").split(" ")
        for _ in range(2 if status[0] in "RC" else 1):
            pos, end = end + 1, output.index(b"\0", end + 1)
        records.append(_Raw(old_mode, new_mode, old, new, status[0], output[pos:end]))
        pos = end + 1
    return records, output[pos:].removeprefix(b"\0")
