"""Which files are manifests and locks, and how each is read."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from quorate_worker.checks import node_manifests as node
from quorate_worker.checks import other_manifests as other
from quorate_worker.checks import python_manifests as python
from quorate_worker.checks.requirement import Requirement

Lines = Iterable[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A kind of file that names packages.

    ``read`` reads numbered lines, of the whole file or only some; None if nothing but its single lines is looked at.
    ``read_whole`` is for formats that need the whole text; without it some lines of them say nothing.
    ``family`` joins manifests and locks; ``has_lock`` says that a manifest has one by custom.
    ``pins`` says that a version is expected; ``indexes`` that a line ``url = …`` names an index.
    """

    title: str
    ecosystem: str
    read: Callable[[Lines], list[Requirement]] | None = None
    read_whole: Callable[[str], list[Requirement]] | None = None
    name: str = ""
    family: str = ""
    lock: bool = False
    has_lock: bool = False
    pins: bool = False
    indexes: bool = False

    def lines(self, lines: Lines) -> list[Requirement]:
        """What some lines of the file name, as far as they can be told apart."""
        return self.read(lines) if self.read is not None else []

    def whole(self, text: str) -> list[Requirement]:
        """What the whole file names. An empty text names nothing. Raises what ``read_whole`` does."""
        if not text.strip():
            return []
        if self.read_whole is not None:
            return self.read_whole(text)
        return self.lines(enumerate(text.split("\n"), 1))


def _nothing(_lines: Lines) -> list[Requirement]:
    """Some lines of a lock do not say whose they are."""
    return []


def _by_lines(read: Callable[[Lines], list[Requirement]]) -> Callable[[str], list[Requirement]]:
    return lambda text: read(enumerate(text.split("\n"), 1))


_PYPROJECT = Manifest(
    "Python packages",
    "pypi",
    python.read_toml_lines,
    python.read_pyproject,
    family="python",
    indexes=True,
)
_REQUIREMENTS = Manifest("Python packages", "pypi", python.read_requirements, family="python")
_TOML_LOCK = _by_lines(other.read_toml_lock)
_BY_NAME: dict[str, Manifest] = {
    "pyproject.toml": _PYPROJECT,
    "setup.py": Manifest("Python packages", "pypi", python.read_setup, family="python"),
    "setup.cfg": Manifest("Python packages", "pypi", python.read_setup, family="python"),
    "pipfile": Manifest(
        "Python packages",
        "pypi",
        python.read_toml_lines,
        python.read_pipfile,
        family="python",
        has_lock=True,
        indexes=True,
    ),
    "pipfile.lock": Manifest(
        "Locked Python packages", "pypi", _nothing, python.read_pipfile_lock, family="python", lock=True
    ),
    **{
        name: Manifest("Locked Python packages", "pypi", _nothing, _TOML_LOCK, family="python", lock=True)
        for name in ("poetry.lock", "uv.lock", "pdm.lock")
    },
    "pip.conf": Manifest("Python packages", "pypi"),
    "package.json": Manifest(
        "npm packages",
        "npm",
        node.read_package_lines,
        node.read_package_json,
        name="package.json",
        family="node",
    ),
    **{
        name: Manifest("Locked npm packages", "npm", _nothing, node.read_package_lock, family="node", lock=True)
        for name in ("package-lock.json", "npm-shrinkwrap.json")
    },
    "yarn.lock": Manifest(
        "Locked npm packages", "npm", _nothing, _by_lines(node.read_yarn_lock), family="node", lock=True
    ),
    "pnpm-lock.yaml": Manifest(
        "Locked npm packages", "npm", _nothing, _by_lines(node.read_pnpm_lock), family="node", lock=True
    ),
    ".npmrc": Manifest("npm packages", "npm"),
    ".yarnrc.yml": Manifest("npm packages", "npm"),
    "go.mod": Manifest("Go modules", "go", other.read_go_mod, family="go", has_lock=True),
    "go.sum": Manifest("Locked Go modules", "go", other.read_go_sum, family="go", lock=True),
    "cargo.toml": Manifest("Crates", "crates", python.read_toml_lines, other.read_cargo, family="cargo"),
    "cargo.lock": Manifest("Locked crates", "crates", _nothing, _TOML_LOCK, family="cargo", lock=True),
    "gemfile": Manifest("Gems", "gems", other.read_gemfile, family="ruby", has_lock=True),
    "gemfile.lock": Manifest("Locked gems", "gems", other.read_gemfile_lock, family="ruby", lock=True),
}
_DOCKERFILE = Manifest("Base images", "docker", other.read_dockerfile, pins=True)
_WORKFLOW = Manifest("GitHub actions", "actions", other.read_workflow)
_IS_REQUIREMENTS = re.compile(r"(?:.{0,60}requirements.{0,60}|constraints.{0,60})\.(?:txt|in)|requirements", re.DOTALL)
_IS_DOCKERFILE = re.compile(r"(?:dockerfile|containerfile)(?:\..{1,60})?|.{1,60}\.dockerfile", re.DOTALL)


def manifest_of(path: str) -> Manifest | None:
    """What kind of manifest or lock a path is, by its name and folder."""
    folder, _, name = path.rpartition("/")
    name = name.lower()
    if manifest := _BY_NAME.get(name):
        return manifest
    if _IS_REQUIREMENTS.fullmatch(name) or (
        folder.rpartition("/")[2] == "requirements" and name.endswith((".txt", ".in"))
    ):
        return _REQUIREMENTS
    if _IS_DOCKERFILE.fullmatch(name):
        return _DOCKERFILE
    workflows = f"/{folder}/".endswith("/.github/workflows/") and name.endswith((".yml", ".yaml"))
    if workflows or name in ("action.yml", "action.yaml"):
        return _WORKFLOW
    return None
