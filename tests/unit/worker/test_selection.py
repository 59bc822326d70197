"""Which files are an analyzer's business."""

import pytest

from quorate_worker.adapters.selection import Selection

SHELL = Selection(noun="shell script", suffixes=frozenset({".sh"}), interpreters=frozenset({"sh", "bash"}))
DOCKER = Selection(noun="Dockerfile", patterns=("Dockerfile", "Dockerfile.*", "*.dockerfile"))
WORKFLOWS = Selection(noun="workflow", patterns=(".github/workflows/*.yml",))


@pytest.mark.parametrize(
    ("selection", "path", "text", "selected"),
    [
        (SHELL, "a.sh", "", True),
        (SHELL, "deep/er/A.SH", "", True),
        (SHELL, "run", "#!/bin/bash\n", True),
        (SHELL, "run", "#! /usr/bin/env -S bash -e\n", True),
        (SHELL, "run", "#!/usr/bin/env python3\n", False),
        (SHELL, "run", "#!/opt/bashful/x\n", False),
        (SHELL, "run", "echo '#!/bin/sh'\n", False),
        (SHELL, "run", "", False),
        (DOCKER, "Dockerfile", "", True),
        (DOCKER, "images/dockerfile", "", True),
        (DOCKER, "Dockerfile.dev", "", True),
        (DOCKER, "web.dockerfile", "", True),
        (DOCKER, "Dockerfiles", "", False),
        (WORKFLOWS, ".github/workflows/ci.yml", "", True),
        (WORKFLOWS, "x/.github/workflows/ci.yml", "", False),
        (WORKFLOWS, "ci.yml", "", False),
        (Selection(), "anything", "", True),
        (Selection.of_languages("python"), "a.pyi", "", True),
        (Selection.of_languages("python"), "a.py.txt", "", False),
    ],
)
def test_a_file_is_selected_by_name_or_first_line(selection: Selection, path: str, text: str, selected: bool) -> None:
    assert (path in selection.of({path: text})) is selected


def test_languages_give_the_noun() -> None:
    assert Selection.of_languages("javascript", "typescript").noun == "Javascript or Typescript file"
    assert Selection.of_languages("go", noun="Go source").noun == "Go source"
