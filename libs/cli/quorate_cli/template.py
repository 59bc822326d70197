"""The settings file that `quorate init` writes: every setting with its meaning, its default commented out.

It follows from the settings themselves. A line that begins with ``#`` and no blank is a setting with its default; all
other comments are for reading.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from quorate.settings import QuorumRule, Settings
from quorate_cli.meanings import MEANINGS

WIDTH = 100

HEAD = """\
Settings of Quorate. They are yours, or your server's: a file like this one in a reviewed repository is never read.

Each setting stands here with its default. To change one, remove the # before it.
For every setting that is not in a table, a variable QUORATE_<NAME> counts more than this file.
"""

EXAMPLES: Mapping[str, str] = {
    "nats_url": 'nats_url = "nats://127.0.0.1:4222"',
    "nats_credentials": 'nats_credentials = "/etc/quorate/nats.creds"',
    "partitions": "partitions = 16",
    "tool_processes": "tool_processes = 2",
    "cache_dir": 'cache_dir = "/var/cache/quorate"',
    "agents": '[agents.bandit]\nlineage = "our-security-team"\nenabled = true',
    "writers": '[writers.archive]\nfolder = "/var/lib/quorate/results"',
    "tools": '[tools.tflint]\ncommand = ["tflint", "--format=sarif"]\nfiles = ["*.tf"]',
}
"""For settings without a default that could stand there."""


def template() -> str:
    """The text of the file."""
    blocks = [_comment(HEAD)]
    # In TOML whatever follows the head of a table belongs to it: so tables come last.
    tables = {name: field for name, field in Settings.model_fields.items() if _is_table(field)}
    for name, field in Settings.model_fields.items():
        if name not in tables:
            blocks.append("\n".join(_setting(name, field)))
    for name, field in tables.items():
        blocks.append("\n".join(_table(name, field)))
    return "\n\n".join(blocks) + "\n"


def _setting(name: str, field: FieldInfo) -> Iterator[str]:
    yield _comment(_meaning(name))
    default = field.get_default(call_default_factory=True)
    if default is None:
        yield _comment(f"Not set. An example:\n{EXAMPLES[name]}")
    else:
        yield f"#{name} = {_toml(default)}"


def _table(name: str, field: FieldInfo) -> Iterator[str]:
    yield _comment(_meaning(name))
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        yield f"#[{name}]"
        for inner in type(default).model_fields:
            value = getattr(default, inner)
            said = f" {_meaning(f'{name}.{inner}')}" if f"{name}.{inner}" in MEANINGS else ""
            if value is None:
                yield _comment(f"{inner}:{said} Not set.", indent="    ")
                continue
            if said:
                yield _comment(f"{inner}:{said}", indent="    ")
            yield f"#{inner} = {_toml(value)}"
        return
    yield "#"
    (model,) = (kind for kind in get_args(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel))
    for inner, entry in model.model_fields.items():
        value = entry.get_default(call_default_factory=True)
        shown = "" if value is None or value is PydanticUndefined else f" Default: {_toml(value)}."
        yield _comment(f"{inner}: {_meaning(f'{name}.{inner}')}{shown}", indent="    ")
    yield _comment(f"An example:\n{EXAMPLES[name]}")


def _meaning(name: str) -> str:
    return MEANINGS[name].replace("`", "").replace("; see below", "")


def _is_table(field: FieldInfo) -> bool:
    kind = field.annotation
    return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, BaseModel))


def _toml(value: Any) -> str:
    if isinstance(value, QuorumRule):
        return _toml(value.lineages)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + " }" if value else "{}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:_}"
    return str(value) if isinstance(value, float) else json.dumps(value)


def _comment(text: str, indent: str = "") -> str:
    """The text as comment lines, each paragraph filled; further lines of an entry are indented."""
    lines: list[str] = []
    for paragraph in text.strip("\n").split("\n"):
        lines += textwrap.wrap(paragraph, WIDTH, subsequent_indent=indent, break_on_hyphens=False) or [""]
    return "\n".join(f"# {line}".rstrip() for line in lines)
