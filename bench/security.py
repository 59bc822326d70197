"""The security evaluation: review labelled Python files as any change is reviewed, and say how right the agents were.

``python -m bench.security DIR`` takes a folder with a CSV of expected results and the files ``<name>.py`` it names. The
exit code is 0 whatever the agents found, and 2 when there is nothing to evaluate.
"""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.security_expected import BadCases, CaseSet, load
from bench.security_report import Report
from bench.security_review import Reviewed, only, review
from bench.security_score import judge
from quorate.embedded import EmbeddedBroker
from quorate.errors import QuorateError
from quorate.settings import Settings
from quorate.settings import load as load_settings


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 evaluated, 2 not, 130 interrupted."""
    options = _parse(arguments)
    try:
        cases = load(options.folder)
        known = sorted({row.category for row in cases.rows})
        if options.list_wrong not in (None, "all", *known):
            raise BadCases(f"there is no category {options.list_wrong}: choose from all, {', '.join(known)}")
        settings = load_settings()
        if options.agents is not None:
            settings = only(settings, [name.strip() for name in options.agents.split(",") if name.strip()])
        report = evaluate(cases, settings, _say)
        print(report.text())
        if options.list_wrong is not None:
            print("", report.wrong_text(options.list_wrong), sep="\n")
        if options.json is not None:
            options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")
    except QuorateError as error:
        print(f"bench.security: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"bench.security: {error}: nothing was written; choose another place with --json", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def evaluate(cases: CaseSet, settings: Settings, progress: Callable[[str], None]) -> Report:
    """Run the whole system over the cases. Raises QuorateError."""
    with (
        tempfile.TemporaryDirectory(prefix="quorate-security-") as folder,
        EmbeddedBroker(Path(folder, "broker")) as broker,
    ):
        broker.wait_ready()
        reviewed = asyncio.run(review(broker, cases, settings, progress))
    return report_of(cases, reviewed)


def report_of(cases: CaseSet, reviewed: Reviewed) -> Report:
    """Put what was reviewed to the cases' questions."""
    unread = {name: "no agent read it" for name, path in cases.paths.items() if path not in reviewed.read}
    reported = {name: reviewed.reported.get(path, []) for name, path in cases.paths.items()}
    return Report(cases, judge(cases.rows, reported), reviewed, {**cases.skipped, **unread})


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.security", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="Python files and a CSV: name, category, real, cwe")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    parser.add_argument("--agents", metavar="A,B", help="only these agents (default: all that are installed)")
    parser.add_argument("--list-wrong", metavar="CATEGORY", help="show the cases that were judged wrongly; or: all")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    logging.getLogger("quorate").setLevel(logging.ERROR)
    sys.exit(main())
