"""The evaluation of deduplication and consensus on reviews by several tools that a judge labelled.

``python -m bench.reviews DATA`` reads a file as ``bench/reviews_data.py`` describes it. Thresholds are chosen on all
repositories but one and reported on that one. The exit code is 0 whatever comes out, and 2 when there is nothing to
measure.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bench.reviews_data import PullRequest, load
from bench.reviews_report import Report, as_json, as_text
from bench.reviews_run import Consensus, Make, Thresholds, choices_of, cluster, consensus, dedup, held_out
from quorate.errors import QuorateError
from quorate_collector.domain.similarity import LEXICAL, Lexical

LEXICAL_GRID = [(average, best) for average in (0.14, 0.17, 0.2, 0.23, 0.26) for best in (0.2, 0.25, 0.3, 0.35, 0.4)]
EMBEDDINGS_GRID = [(average, best) for average in (0.45, 0.5, 0.55, 0.6, 0.65) for best in (0.55, 0.6, 0.65, 0.7, 0.75)]
EMBEDDINGS_DEFAULT = (0.55, 0.65)
SMALL_CREW = 3


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 measured, 2 not."""
    options = _parse(arguments)
    try:
        pulls = load(options.data)
        reports = [measure("lexical", pulls, lambda at: Lexical(*at), LEXICAL_GRID, (LEXICAL.average, LEXICAL.best))]
        if options.embeddings:
            reports.append(_with_embeddings(pulls, options.model))
        print("\n\n".join(as_text(report) for report in reports))
        if options.json is not None:
            content: list[dict[str, Any]] = [as_json(report) for report in reports]
            options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except QuorateError as error:
        print(f"bench.reviews: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"bench.reviews: {error}: nothing was written; choose another place with --json", file=sys.stderr)
        return 2
    return 0


def measure(name: str, pulls: list[PullRequest], make: Make, grid: list[Thresholds], default: Thresholds) -> Report:
    """Everything that is reported of one similarity."""
    clusterings = [cluster(pull.findings, make(default)) for pull in pulls]
    held = held_out(pulls, grid, make)
    threes = [
        sum(
            (
                consensus(pull, [found for found in pull.findings if found.tool in crew], make(default))
                for pull in pulls
            ),
            Consensus(),
        )
        for crew in choices_of(pulls, SMALL_CREW)
    ]
    return Report(
        name=name,
        pulls=len(pulls),
        findings=sum(len(pull.findings) for pull in pulls),
        matched=sum(bool(found.goldens) for pull in pulls for found in pull.findings),
        exact=dedup([cluster(pull.findings, None) for pull in pulls]),
        default=default,
        at_default=dedup(clusterings),
        folds=[(repository, thresholds, dedup(each)) for repository, thresholds, each in held],
        held_out=dedup([clustering for _, _, each in held for clustering in each]),
        everyone=sum((consensus(pull, pull.findings, make(default)) for pull in pulls), Consensus()),
        threes=threes,
    )


def _with_embeddings(pulls: list[PullRequest], model: str) -> Report:
    from bench.reviews_embeddings import ByModel, Embeddings

    embeddings = Embeddings(model)
    return measure(ByModel.name, pulls, lambda at: ByModel(embeddings, *at), EMBEDDINGS_GRID, EMBEDDINGS_DEFAULT)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.reviews", description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA", help="labelled reviews, as JSON")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    parser.add_argument("--embeddings", action="store_true", help="measure a sentence model, too")
    parser.add_argument(
        "--model", default="sentence-transformers/all-MiniLM-L6-v2", metavar="NAME|DIR", help="the sentence model"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
