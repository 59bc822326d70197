"""JSON Schema of every message: ``python -m quorate.contract.schema [DIR]`` writes one file each.

Results are described as they are written, everything else as it is read: a field that may be left out is optional.
"""

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from quorate.contract.agents import AgentHeartbeat
from quorate.contract.facts import FACTS
from quorate.contract.health import Health
from quorate.contract.history import History, TrackRecord
from quorate.contract.ledger import LedgerEntry
from quorate.contract.progress import Progress
from quorate.contract.result import Result
from quorate.contract.task import CodeReviewInput, ReviewCommandInput, TaskEvent
from quorate.contract.work import Assignment

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DEFAULT_FOLDER = Path("docs/reference/schema")

MESSAGES: dict[str, type[BaseModel]] = {
    "task-event": TaskEvent,
    "code-review-input": CodeReviewInput,
    "review-command-input": ReviewCommandInput,
    **{f"fact-{type}": fact for type, fact in FACTS.items()},
    "assignment": Assignment,
    "result": Result,
    "progress": Progress,
    "agent-heartbeat": AgentHeartbeat,
    "health": Health,
    "history": History,
    "track-record": TrackRecord,
    "ledger-entry": LedgerEntry,
}
"""Every message that crosses a process boundary, by the name of its schema."""


def schema(name: str) -> str:
    """One schema as the text of its file; the same models always give the same text."""
    model = MESSAGES[name]
    described = model.model_json_schema(mode="serialization" if model is Result else "validation")
    return json.dumps({"$schema": DIALECT, **described}, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> list[Path]:
    """Write all schemas and return their paths. The folder is made where it is missing; other files in it stay."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in MESSAGES:
        path = folder / f"{name}.json"
        path.write_text(schema(name), encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    paths = write(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER)
    sys.stdout.write(f"{len(paths)} schemas in {paths[0].parent}\n")
