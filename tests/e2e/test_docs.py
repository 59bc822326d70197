"""The documentation does what it says: every snippet is run, every link leads somewhere, every page is current.

A document is one session in an empty folder, its blocks in order:

- ``console``: each line after ``$`` is run (``>`` continues it) and must succeed, and what follows must be what it
  prints, with or without its standard error. ``...`` stands for anything; numbers that differ from run to run (times,
  ports, versions) are compared as such.
- ``bash``: run as a whole, and must succeed.
- ``python``: run, and must succeed; with ``file=NAME`` it is written to the folder instead, and an example of that name
  must be the same.
- ``toml``: must be settings that load; with ``file=NAME`` it is written.
- ``json``: must be JSON.
- Everything else is shown only.

``quorate up`` runs beside the rest, ready before the next command, until the document ends. A port that it is given is
replaced by a free one in the whole document.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from quorate.settings import AgentSettings, GitHubSettings, QuorumRule, Settings, ToolSettings, WriterSettings
from quorate.topology import DEFAULT_PARTITIONS, streams
from quorate_cli.meanings import MEANINGS

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *EXAMPLES.glob("*.md")]
    if path.name != "chaos.md"
)
LIMIT_S = 60
RETRIES = 30

VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"), "TIME"),
    (re.compile(r"\b\d+\.\d s\b"), "N s"),
    (re.compile(r"\b\d+ ms\b"), "N ms"),
    (re.compile(r"(127\.0\.0\.1):\d+"), r"\1:PORT"),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r"\b\d+\.\d+\.\d+\b"), "VERSION"),
    (re.compile(r"[ \t]+"), " "),
)


UP = re.compile(r"([A-Z_]+=\S+ )*quorate up\b")


@dataclass(frozen=True)
class Block:
    """A fenced block: ``language`` and ``file`` are its info string, ``line`` is where it begins."""

    language: str
    file: str | None
    text: str
    line: int


def tokens(document: Path) -> list[Token]:
    return MarkdownIt().parse(document.read_text(encoding="utf-8"))


def blocks(document: Path) -> list[Block]:
    found = []
    for token in tokens(document):
        if token.type == "fence":
            language, _, rest = token.info.partition(" ")
            file = rest.removeprefix("file=") if rest.startswith("file=") else None
            found.append(Block(language, file, token.content, token.map[0] + 1 if token.map else 0))
    return found


RUN = {"console", "bash", "python", "toml", "json"}
RUNNABLE = [document for document in DOCUMENTS if any(block.language in RUN for block in blocks(document))]


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def on_free_ports(found: list[Block]) -> list[Block]:
    ports = {port: free_port() for block in found for port in re.findall(r"quorate up .*--port (\d+)", block.text)}
    for port, free in ports.items():
        found = [replace(block, text=re.sub(rf"\b{port}\b", free, block.text)) for block in found]
    return found


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


class Session:
    """A newcomer at a shell: an empty folder, an empty home, and the commands of this installation."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        folder.mkdir()
        home.mkdir()
        (home / ".gitconfig").write_text("[user]\nname = You\nemail = you@example.com\n[init]\ndefaultBranch = main\n")
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
        self._environment = {"PATH": path, "HOME": str(home), "LC_ALL": "C.UTF-8", "COLUMNS": "80"}
        self._services: list[subprocess.Popen[str]] = []

    def run(self, command: str, *, strict: bool = False) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", *(("-euo", "pipefail") if strict else ()), "-c", command],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )

    def up(self, command: str) -> str:
        """Start services; returns what they print until they are ready."""
        service = subprocess.Popen(
            ["bash", "-c", f"exec env {command}"],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._services.append(service)
        assert service.stdout is not None
        printed = ""
        for line in service.stdout:
            printed += line
            if line.startswith("ready:"):
                return printed
        pytest.fail(f"`{command}` ended with {service.wait()}: {printed}")

    def close(self) -> list[int]:
        """Stop the services as Ctrl-C would; their exit codes."""
        for service in reversed(self._services):
            service.send_signal(signal.SIGINT)
        codes = []
        for service in self._services:
            try:
                service.communicate(timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                service.kill()
                service.communicate()
            codes.append(service.returncode)
        return codes


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    opened = Session(tmp_path / "demo", tmp_path / "home")
    try:
        yield opened
    finally:
        opened.close()


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a ``console`` block, each with what the document says it prints."""
    command, shown = "", ""
    for line in block.text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line[2:], ""
        elif command and not shown and line.startswith("> "):
            command += "\n" + line[2:]
        else:
            assert command, f"line {block.line}: a console block begins with `$ `"
            shown += line + "\n"
    yield command, shown


def same(shown: str, printed: str) -> bool:
    """Whether a program printed what the document shows."""
    for pattern, stand_in in VARYING:
        shown, printed = pattern.sub(stand_in, shown), pattern.sub(stand_in, printed)
    parts = (re.escape(part.strip()) for part in re.split(r"(?m)^\s*\.\.\.\s*$|\.\.\.", shown))
    return re.fullmatch(r"\s*" + r"[\s\S]*?".join(rf"\s*{part}\s*" for part in parts) + r"\s*", printed) is not None


def run_console(session: Session, block: Block, where: str) -> None:
    for command, shown in commands(block):
        if UP.match(command):
            printed = session.up(command)
            assert not shown or same(shown, printed), f"{where}: `{command}` printed\n{printed}"
            continue
        done = session.run(command)
        # An event is stored before it is judged, so what became of it may be seen a moment later.
        for _ in range(RETRIES if command == "quorate dead list" else 0):
            if same(shown, done.stdout):
                break
            done = session.run(command)
        output = done.stderr + done.stdout
        assert done.returncode == 0, f"{where}: `{command}` ended with {done.returncode}\n{output}"
        if shown:
            assert same(shown, done.stdout) or same(shown, output), (
                f"{where}: `{command}` printed\n{output}\nnot\n{shown}"
            )


def run_block(session: Session, block: Block, where: str) -> None:
    if block.file is not None:
        example = ROOT / block.file
        if block.file.startswith("examples/"):
            assert block.text == example.read_text(encoding="utf-8"), f"{where}: {block.file} is another one"
        target = session.folder / block.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text, encoding="utf-8")
    match block.language:
        case "console":
            run_console(session, block, where)
        case "bash":
            done = session.run(block.text, strict=True)
            assert done.returncode == 0, f"{where}\n{done.stdout}{done.stderr}"
        case "python" if block.file is None:
            (session.folder / "snippet.py").write_text(block.text, encoding="utf-8")
            done = session.run("python snippet.py && rm snippet.py")
            assert done.returncode == 0, f"{where}\n{done.stdout}{done.stderr}"
        case "toml":
            Settings.model_validate(tomllib.loads(block.text))
        case "json":
            json.loads(block.text)


@pytest.mark.parametrize("document", RUNNABLE, ids=name_of)
def test_every_snippet_of_a_document_does_what_it_says(document: Path, session: Session) -> None:
    found = blocks(document)
    if any("examples/" in block.text and block.file is None for block in found if block.language in RUN):
        shutil.copytree(EXAMPLES, session.folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    for block in on_free_ports(found):
        run_block(session, block, f"{name_of(document)}:{block.line}")
    assert set(session.close()) <= {0}


def heading_anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as forges make them."""
    parsed = tokens(document)
    titles = [parsed[number + 1].content for number, token in enumerate(parsed) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(document: Path) -> Iterator[str]:
    for token in tokens(document):
        for child in token.children or []:
            target = child.attrGet("href" if child.type == "link_open" else "src")
            if target is not None:
                yield str(target)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_inside_the_project_leads_somewhere(document: Path) -> None:
    broken = []
    for link in links(document):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in heading_anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_nothing_is_promised_for_later(document: Path) -> None:
    # "What is to be written" is told of writers.
    promises = re.compile(r"coming soon|stay tuned|\bTBD\b|in a future|(?<!what is\s)to be written", re.IGNORECASE)
    # An agent is called `todo` and looks for such words; a note to oneself has a colon or an owner behind them.
    notes = re.compile(r"\b(?:TODO|FIXME)[:(]")
    text = document.read_text(encoding="utf-8")
    assert promises.findall(text) + notes.findall(text) == []


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, waiting = {ROOT / "README.md"}, [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        for link in links(document):
            target = (document.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file() and target not in reached:
                reached.add(target)
                waiting.append(target)
    assert [name_of(document) for document in DOCUMENTS if document not in reached] == []


def test_the_readme_shows_the_example_agent() -> None:
    shown = [block.text for block in blocks(ROOT / "README.md") if block.file == "examples/own_agent.py"]
    assert shown == [(EXAMPLES / "own_agent.py").read_text(encoding="utf-8")]


def test_the_readme_names_every_agent() -> None:
    pages = {f"docs/reference/agents/{path.name}" for path in (ROOT / "docs/reference/agents").glob("*.md")}
    assert pages - set(links(ROOT / "README.md")) == set()


def test_every_example_is_run_by_some_document() -> None:
    ran = {block.file for document in DOCUMENTS for block in blocks(document) if block.file}
    assert {f"examples/{path.name}" for path in EXAMPLES.glob("*.py")} - ran == set()


def test_the_generated_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "run `python docs/generate.py` and commit"


def test_the_contract_names_every_stream() -> None:
    page = (ROOT / "docs" / "reference" / "contract.md").read_text(encoding="utf-8")
    names = [re.sub("^(KV|OBJ)_", "", config["name"]) for config in streams(Settings(), DEFAULT_PARTITIONS)]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_setting_has_a_meaning_and_no_other() -> None:
    tables = {
        "agents": AgentSettings,
        "tools": ToolSettings,
        "github": GitHubSettings,
        "writers": WriterSettings,
        "quorum": QuorumRule,
    }
    inside = {f"{table}.{name}" for table, fields in tables.items() for name in fields.model_fields}
    assert set(MEANINGS) == set(Settings.model_fields) | inside
