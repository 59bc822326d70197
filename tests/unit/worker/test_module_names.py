"""Which module each changed Python file is."""

import pytest

from quorate_worker.adapters.module_names import module_files


@pytest.mark.parametrize(
    ("files", "places"),
    [
        ({"a/b.py": ""}, ["a/b.py"]),
        ({"src/app/m.py": "", "src/app/n.py": "from app.m import f\n"}, ["app/m.py", "app/n.py"]),
        ({"src/app/m.py": "", "t/n.py": "from app import (m, o)\n"}, ["app/m.py", "t/n.py"]),
        ({"src/app/__init__.py": "", "t/n.py": "import os, app\n"}, ["src/app/__init__.py", "t/n.py"]),
        ({"s/a.py": "", "s/b.py": "import a\n"}, ["a.py", "s/b.py"]),
        ({"pkg/yaml.py": "import yaml\n", "x.py": "import yaml\n"}, ["pkg/yaml.py", "x.py"]),
        (
            {"typing.py": "", "os/path.py": "", "a.py": "import typing\n"},
            ["reviewed_/typing.py", "reviewed_/os/path.py", "a.py"],
        ),
        ({"a.py": "from ..x import y\n"}, ["reviewed_/reviewed_/a.py"]),
        ({"my-app/a b.py": "", "9/class.pyw": "", "é/ü.py": ""}, ["my_app/a_b.py", "_9/_class.py", "_/_.py"]),
    ],
)
def test_the_folders_are_packages_as_the_imports_say(files: dict[str, str], places: list[str]) -> None:
    placed = module_files(files)

    assert [placed[path] for path in files] == places


def test_no_two_files_are_one_module() -> None:
    paths = [
        "a/conftest.py",
        "b/conftest.py",
        "x.py",
        "x.pyi",
        "x/__init__.py",
        "X.py",
        "a-b.py",
        "a_b.py",
        "a b.py",
        "src/app/m.py",
        "lib/app/m.py",
    ]

    placed = module_files(dict.fromkeys(paths, "import app.m\n"))

    modules = [place.rpartition(".")[0].removesuffix("/__init__").lower() for place in placed.values()]
    assert sorted(placed) == sorted(paths)
    assert len(set(modules)) == len(paths)
    assert placed["lib/app/m.py"] == "app/m.py"
    assert not any(place.startswith(("/", ".")) or ".." in place for place in placed.values())


def test_dots_without_end_make_no_folders_without_end() -> None:
    [place] = module_files({"a.py": "from " + "." * 100_000 + " import b\n"}).values()

    assert len(place) < 1_000
