"""Writes the reference pages that follow from the code: `python docs/generate.py [--check]`.

The pages are command-line.md, settings.md, messages.md and those of agents/ in docs/reference. With ``--check`` nothing
is written, and the exit code is 1 when a page is not what the code says. A page of an agent that is gone is removed.
"""

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import agents
import click
from pydantic import BaseModel

from quorate.contract.result import Result
from quorate.contract.schema import MESSAGES
from quorate.settings import (
    AgentSettings,
    GitHubSettings,
    Quorum,
    QuorumRule,
    Settings,
    ToolSettings,
    WriterSettings,
)
from quorate_cli.main import quorate
from quorate_cli.meanings import MEANINGS

FOLDER = Path(__file__).parent / "reference"
HELP_COLUMNS = 88
NOTE = "<!-- Written by docs/generate.py from the code: change the code, then run `python docs/generate.py`. -->"

TABLES: dict[str, tuple[str, type[BaseModel]]] = {
    "agents": ("agents.NAME", AgentSettings),
    "tools": ("tools.NAME", ToolSettings),
    "github": ("github", GitHubSettings),
    "writers": ("writers.NAME", WriterSettings),
    "quorum": ("quorum.SEVERITY", QuorumRule),
}
"""Tables of the settings: how each is headed, and what it takes."""

SUBJECTS = {
    "task-event": "subject `quorate.submit.<kind>`",
    "code-review-input": "`input` of a task event of kind `code-review`",
    "review-command-input": "`input` of a task event of kind `review-command`",
    "fact-submitted": "subject `quorate.log.<task>.submitted.task`",
    "fact-planned": "subject `quorate.log.<task>.planned.plan`",
    "fact-assigned": "subject `quorate.log.<task>.assigned.<run>`",
    "fact-contribution": "subject `quorate.log.<task>.contribution.<agent>.<run>`",
    "fact-outcome": "subject `quorate.log.<task>.outcome.<run>`",
    "fact-timer": "subject `quorate.log.<task>.timer.<run>`",
    "fact-cancel": "subject `quorate.log.<task>.cancel.request`",
    "fact-failed": "subject `quorate.log.<task>.failed.<service>`",
    "fact-concluded": "subject `quorate.log.<task>.concluded.task`",
    "fact-written": "subject `quorate.log.<task>.written.<writer>`",
    "assignment": "subject `quorate.work.<agent>`",
    "result": "subject `quorate.results.<kind>.<task>`",
    "progress": "subject `quorate.events.<task>`",
    "agent-heartbeat": "bucket `QUORATE_AGENTS`, key `<agent>.<instance>`",
    "history": "bucket `QUORATE_LEDGER`, key `history.<series>`",
    "track-record": "bucket `QUORATE_LEDGER`, key `record.<tenant>`",
    "ledger-entry": "bucket `QUORATE_LEDGER`, key `writes.<writer>.<place>`",
    "health": "reply to a request on `quorate.health`",
}


def command_line() -> str:
    """Every command with its own help."""
    lines = [
        "# Command line",
        "",
        NOTE,
        "",
        "The commands of `quorate`, as `quorate COMMAND --help` prints them.",
        "",
        "| exit code | meaning |",
        "|---|---|",
        "| 0 | Done. For `review`: nothing at or above `--fail-on`. |",
        "| 1 | `review`: a confirmed finding at or above `--fail-on`. |",
        "| 2 | Wrong usage or settings, or an input that cannot be reviewed. |",
        "| 3 | It could not be completed: no agent answered, a required agent is missing, or no broker. |",
        "| 130, 143 | Stopped with Ctrl-C, or by SIGTERM. `up` ends with 0 then. |",
        "",
    ]
    for path, command in _commands(("quorate",), quorate):
        context = click.Context(
            command, info_name=" ".join(path), terminal_width=HELP_COLUMNS, help_option_names=["-h", "--help"]
        )
        lines += [f"## {' '.join(path)}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines)


def settings() -> str:
    """Every setting with its type, default and meaning."""
    lines = [
        "# Settings",
        "",
        NOTE,
        "",
        "[How to configure](../how-to/configure.md) says where settings come from. Top-level settings have a variable,",
        "`QUORATE_` and the name in capitals; lists are written with commas there. Tables stand in the file only.",
        "",
        "| setting | type | default | meaning |",
        "|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        if name in TABLES:
            shown, default = "table", ""
        else:
            shown, default = _type(_property(Settings, name)), _default(field.default)
        lines.append(f"| `{name}` | {shown} | {default} | {MEANINGS[name]} |")
    for table, (head, model) in TABLES.items():
        lines += ["", f"## `[{head}]`", "", "| setting | type | default | meaning |", "|---|---|---|---|"]
        for name, field in model.model_fields.items():
            default = "**required**" if field.is_required() else _default(field.get_default(call_default_factory=True))
            lines.append(f"| `{name}` | {_type(_property(model, name))} | {default} | {MEANINGS[f'{table}.{name}']} |")
    lines += [
        "",
        "A number in place of a table is its `lineages`. What is not confirmed is demoted by default: it is shown, and",
        "counts neither in the verdict nor in the exit code.",
        "",
        "| severity | lineages by default |",
        "|---|---|",
        *(f"| `{name}` | {field.default.lineages} |" for name, field in Quorum.model_fields.items()),
        "",
    ]
    return "\n".join(lines)


def messages() -> str:
    """Every message with its subject, its fields and its schema."""
    lines = [
        "# Messages",
        "",
        NOTE,
        "",
        "Every message that crosses a process boundary. The linked files are JSON Schema (draft 2020-12). Task events",
        "and inputs, which people and other programs write, are strict: an unknown field is an error. All other",
        "messages ignore fields that they do not know, so that a service can read what a newer one wrote.",
        "",
        "`<run>` is the name of a step, with `~2` and so on appended when the step is tried again.",
        "",
    ]
    parts: dict[str, dict[str, Any]] = {}
    for name, model in MESSAGES.items():
        described = model.model_json_schema(mode="serialization" if model is Result else "validation")
        lines += [
            f"## {name}",
            "",
            f"Where: {SUBJECTS[name]}. [Schema](schema/{name}.json).",
            "",
            _doc(model.__doc__),
            "",
            *_fields(described),
            "",
        ]
        for title, part in described.get("$defs", {}).items():
            parts.setdefault(title, part)
    lines += ["## Parts", "", "What the messages above have in common.", ""]
    for title in sorted(parts):
        lines += [f"### {title}", "", _doc(parts[title].get("description")), "", *_fields(parts[title]), ""]
    return "\n".join(lines)


def _fields(described: dict[str, Any]) -> Iterator[str]:
    yield "| field | type | default |"
    yield "|---|---|---|"
    required = described.get("required", [])
    for name, field in described["properties"].items():
        default = _default(field["default"]) if "default" in field else "**required**" if name in required else ""
        yield f"| `{name}` | {_type(field)} | {default} |"


def _commands(path: tuple[str, ...], command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _commands((*path, name), inner)


def _property(model: type[BaseModel], name: str) -> dict[str, Any]:
    described: dict[str, Any] = model.model_json_schema()["properties"][name]
    return described


def _type(described: dict[str, Any]) -> str:
    """A JSON Schema type in a word or two."""
    if "$ref" in described:
        return f"`{described['$ref'].rpartition('/')[2]}`"
    if "const" in described:
        return f"`{json.dumps(described['const'])}`"
    if "enum" in described:
        return ", ".join(f"`{value}`" for value in described["enum"])
    if "anyOf" in described:
        return " or ".join(_type(each) for each in described["anyOf"] if each.get("type") != "null")
    if described.get("type") == "array":
        return f"list of {_type(described.get('items', {}))}"
    if described.get("type") == "object":
        values = described.get("additionalProperties")
        return f"object of {_type(values)}" if isinstance(values, dict) else "object"
    return str(described.get("type", "any JSON value"))


def _default(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (tuple, list)):
        return ", ".join(f"`{item}`" for item in value) or "empty"
    if isinstance(value, dict):
        return "empty" if not value else "see there"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f"`{value}`" if value else "empty"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _doc(text: str | None) -> str:
    """A docstring as Markdown: its lines without their indent, its code with single backticks."""
    return "\n".join(line.strip() for line in (text or "").strip().splitlines()).replace("``", "`")


def agent_pages() -> dict[str, Callable[[], str]]:
    """The index of the agents and a page for each, by file."""
    found = {f"agents/{page.name}.md": partial(_noted, page.text) for page in agents.pages()}
    return {"agents/README.md": partial(agents.index, NOTE), **found}


def _noted(text: str) -> str:
    title, _, rest = text.partition("\n")
    return f"{title}\n\n{NOTE}\n{rest}"


PAGES: dict[str, Callable[[], str]] = {
    "command-line.md": command_line,
    "settings.md": settings,
    "messages.md": messages,
    **agent_pages(),
}


def main(check: bool) -> int:
    stale = []
    for name, page in PAGES.items():
        path, text = FOLDER / name, page()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
    orphans = [path for path in sorted((FOLDER / "agents").glob("*.md")) if f"agents/{path.name}" not in PAGES]
    if not check:
        for path in orphans:
            path.unlink()
    stale += [f"agents/{path.name}" for path in orphans]
    if stale:
        sys.stdout.write(f"{'not current' if check else 'written or removed'}: {', '.join(stale)}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
