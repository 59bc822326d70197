"""What manifests and locks say differently, what is risky about it, and what is ordinary."""

import json

import pytest

from quorate_worker.checks import dependencies
from tests.unit.worker.checks.changed import found, in_change, review_of

WORKFLOW = ".github/workflows/ci.yml"


def summary(path: str, before: str | None, after: str | None, *, send_files: bool = True) -> str:
    """The message that lists what is different in one file; empty without one."""
    old = {} if before is None else {path: before}
    new = {} if after is None else {path: after}
    review = review_of(old, new, send_files=send_files)
    messages = [f.message for f in in_change(dependencies, review) if f.rule == "dependencies-changed"]
    assert len(messages) <= 1
    return messages[0] if messages else ""


def risks(path: str, before: str | None, after: str | None, *, send_files: bool = True) -> set[str]:
    """Rule and line of every finding but the summary."""
    old = {} if before is None else {path: before}
    new = {} if after is None else {path: after}
    everything = found(dependencies, old, new, send_files=send_files)
    return {text.replace(f" {path}", "") for text in everything if not text.startswith("dependencies-changed ")}


def package(**fields: object) -> str:
    return json.dumps(fields, indent=2) + "\n"


LOCK = """\
version = 1

[[package]]
name = "click"
version = "8.1.0"
source = { registry = "https://pypi.org/simple" }
dependencies = [
    { name = "colorama" },
]

[package.optional-dependencies]
version = "no version"

[[package]]
name = "mine"
version = "1"
source = { editable = "." }
"""
YARN = """\
# yarn lockfile v1

"@types/a@^1.0.0", "@types/a@^1.1.0":
  version "1.1.0"
  resolved "https://registry.yarnpkg.com/@types/a/-/a-1.1.0.tgz#abc"

b@^2.0.0:
  version "2.0.0"
  resolved "https://registry.yarnpkg.com/b/-/b-2.0.0.tgz#abc"
"""
PNPM = """\
lockfileVersion: '9.0'

importers:
  .: {}

packages:

  '@types/a@1.0.0':
    resolution: {integrity: x}

  b@2.0.0(peer@1.0.0):
    resolution: {integrity: x}
"""
PIPFILE_LOCK = '{"default": {"a": {"version": "==1"}}}'
NPM_LOCK = {
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "mine"},
        "node_modules/a": {"version": "1.0.0", "resolved": "https://registry.npmjs.org/a/-/a-1.0.0.tgz"},
    },
}


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        (
            "requirements.txt",
            "a==1.0\nb>=2\nc\n",
            "# hello\na==1.1  # why\nB>=1 ; python_version > '3'\nd[x]~=3.0 \\\n    --hash=sha256:abc\n",
            "Python packages: adds d ~=3.0; removes c; upgraded a ==1.0 → ==1.1; downgraded b >=2 → >=1",
        ),
        ("requirements/dev.in", "a\n", "a\nb\n", "Python packages: adds b"),
        ("constraints.txt", "a==1\n", "a==2\n", "Python packages: upgraded a ==1 → ==2"),
        (
            "pyproject.toml",
            '[project]\ndependencies = ["a>=1", "b"]\n',
            '[project]\ndependencies = [\n  "a>=2,<3",\n]\n[project.optional-dependencies]\nx = ["c"]\n'
            '[dependency-groups]\ny = ["d==1", {include-group = "x"}]\n[build-system]\nrequires = ["e"]\n',
            "Python packages: adds e, c, d ==1; removes b; upgraded a >=1 → <3,>=2",
        ),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\npython = "^3.9"\na = "^1.0"\n',
            '[tool.poetry.dependencies]\npython = "^3.10"\na = {version = "^1.2", extras = ["x"]}\n'
            '[tool.poetry.group.dev.dependencies]\nb = "*"\n',
            "Python packages: adds b *; upgraded a ^1.0 → ^1.2",
        ),
        ("setup.py", "setup(\n  x=[\n    'a>=1',\n  ])\n", "setup(\n  x=[\n    'a>=2',\n  ])\n", "a >=1 → >=2"),
        ("setup.cfg", "[options]\nx =\n    a>=1\n", "[options]\nx =\n    a>=2\n", "a >=1 → >=2"),
        ("Pipfile", '[packages]\na = "==1"\n', '[packages]\na = "==2"\n', "upgraded a ==1 → ==2"),
        ("uv.lock", LOCK, LOCK.replace("8.1.0", "8.2.0"), "Locked Python packages: upgraded click 8.1.0 → 8.2.0"),
        ("Cargo.lock", LOCK, None, "Locked crates: removes click 8.1.0"),
        (
            "package.json",
            package(version="1.0.0", dependencies={"a": "^1.0.0"}, devDependencies={"b": "~2.0.0"}),
            package(version="2.0.0", dependencies={"a": "^2.0.0"}, peerDependencies={"c": "*"}),
            "npm packages: adds c *; removes b ~2.0.0; upgraded a ^1.0.0 → ^2.0.0",
        ),
        ("yarn.lock", YARN, YARN.replace('"2.0.0"', '"2.0.1"'), "Locked npm packages: upgraded b 2.0.0 → 2.0.1"),
        ("pnpm-lock.yaml", PNPM, PNPM.replace("b@2.0.0", "b@2.1.0"), "Locked npm packages: upgraded b 2.0.0 → 2.1.0"),
        ("pnpm-lock.yaml", PNPM, PNPM.replace("a@1.0", "a@1.1"), "upgraded @types/a 1.0.0 → 1.1.0"),
        (
            "package-lock.json",
            json.dumps(NPM_LOCK),
            json.dumps(NPM_LOCK).replace("1.0.0", "1.2.0"),
            "Locked npm packages: upgraded a 1.0.0 → 1.2.0",
        ),
        (
            "package-lock.json",
            '{"dependencies": {"a": {"version": "1.0.0"}}}',
            '{"dependencies": {"a": {"version": "1.0.0", "dependencies": {"b": {"version": "2.0.0"}}}}}',
            "Locked npm packages: adds b 2.0.0",
        ),
        ("Pipfile.lock", PIPFILE_LOCK, PIPFILE_LOCK.replace("==1", "==2"), "upgraded a ==1 → ==2"),
        (
            "go.mod",
            "module x\n\ngo 1.21\n\nrequire (\n\tgithub.com/a/b v1.0.0\n\tc.d/e v0.0.0-2020 // indirect\n)\n",
            "module x\n\ngo 1.22\n\nrequire github.com/a/b v1.2.0\n",
            "Go modules: removes c.d/e v0.0.0-2020; upgraded github.com/a/b v1.0.0 → v1.2.0",
        ),
        ("go.sum", "a/b v1.0.0 h1:x=\na/b v1.0.0/go.mod h1:y=\n", "a/b v1.1.0 h1:x=\n", "a/b v1.0.0 → v1.1.0"),
        (
            "Cargo.toml",
            '[package]\nversion = "1.0.0"\n[dependencies]\na = "1.0"\n',
            '[package]\nversion = "1.1.0"\n[dependencies]\na = { version = "1.1", features = ["x"], path = "../a" }\n'
            '[target."cfg(unix)".dependencies]\nb = "2"\n[dev-dependencies]\nc.workspace = true\n',
            "Crates: adds b 2; upgraded a 1.0 → 1.1",
        ),
        ("Gemfile", "gem 'a', '~> 1.0'\n", "gem 'a', '~> 2'\ngem \"b\"\n", "Gems: adds b; upgraded a ~> 1.0 → ~> 2"),
        ("Gemfile.lock", "GEM\n  specs:\n    a (1.0)\n      b (>= 1)\n", "GEM\n  specs:\n    a (1.1)\n", "a 1.0 → 1.1"),
        (
            "Dockerfile",
            "FROM python:3.11-slim AS build\nFROM build\nFROM scratch\n",
            "FROM --platform=x reg:5000/python:3.12@sha256:0123456789abcdef AS build\nFROM $BASE\n"
            "FROM python:3.12-slim\n",
            "Base images: adds reg:5000/python 3.12 sha256:0123456789ab; upgraded python 3.11-slim → 3.12-slim",
        ),
        (
            WORKFLOW,
            "    - uses: actions/checkout@v3\n      - uses: ./local\n",
            f"    - uses: actions/checkout@v4\n      - uses: a/b@{'c' * 40} # v2.1\n      - uses: docker://x\n",
            "GitHub actions: adds a/b ccccccccc v2.1; upgraded actions/checkout v3 → v4",
        ),
    ],
)  # fmt: skip
def test_what_is_different_is_listed_for_each_kind_of_file(
    path: str, before: str, after: str | None, expected: str
) -> None:
    message = summary(path, before, after)

    assert message.endswith(expected), message


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        ("requirements.txt", "a==1\nb==1\n", "a==2\nb==1\n", "Python packages: upgraded a ==1 → ==2"),
        ("pyproject.toml", 'dependencies = [\n    "a>=1",\n]\n', 'dependencies = [\n    "a>=2",\n]\n', "a >=1 → >=2"),
        ("pyproject.toml", '[x]\na = "^1.0"\n', '[x]\na = "^1.1"\n', "upgraded a ^1.0 → ^1.1"),
        ("package.json", package(dependencies={"a": "^1.0"}), package(dependencies={"a": "^1.1"}), "^1.0 → ^1.1"),
        ("Cargo.toml", '[x]\na = { version = "1.0" }\n', '[x]\na = { version = "1.1" }\n', "1.0 → 1.1"),
        ("uv.lock", LOCK, LOCK.replace("8.1.0", "8.2.0"), ""),
    ],
)  # fmt: skip
def test_without_the_content_of_the_file_its_changed_lines_are_read(
    path: str, before: str, after: str, expected: str
) -> None:
    message = summary(path, before, after, send_files=False)

    assert message.endswith(expected)
    assert bool(message) == bool(expected)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("requirements.txt", "a==1\nb==1\n", "b==1\n\n# sorted\na==1\n"),
        ("requirements.txt", "zope.interface==1\n", "Zope_Interface==1\n"),
        ("pyproject.toml", '[project]\nversion = "1"\nname = "x"\n', '[project]\nversion = "2"\nname = "x"\n'),
        ("pyproject.toml", "[tool.ruff]\nline-length = 80\n", "[tool.ruff]\nline-length = 120\n"),
        ("package.json", package(version="1.0.0", scripts={"x": "a"}), package(version="1.0.1", scripts={"x": "b"})),
        ("setup.py", "setup(\n  url='https://a.b',\n)\n", "setup(\n  url='https://a.c',\n)\n"),
        ("README.md", "a==1\n", "a==2\n"),
        ("vendor/x/package.json", package(dependencies={}), package(dependencies={"a": "*"})),
        ("tests/fixtures/requirements.txt", "a==1\n", "a==2\n"),
        ("src/requirements.py", "'a==1'\n", "'a==2'\n"),
    ],
)  # fmt: skip
def test_what_depends_on_nothing_else_is_no_finding(path: str, before: str, after: str) -> None:
    assert found(dependencies, {path: before}, {path: after}) == set()


def test_a_long_list_is_cut_and_says_so() -> None:
    text = "".join(f"package-{number}==1\n" for number in range(1_000))
    message = summary("requirements.txt", None, text)

    assert message.endswith(", package-29 ==1, and 970 more")


def test_a_manifest_that_cannot_be_parsed_is_read_line_by_line() -> None:
    assert summary("package.json", '{\n  "a": "^1.0.0"\n', '{\n  "a": "^1.1.0"\n').endswith("^1.0.0 → ^1.1.0")
    assert summary("pyproject.toml", 'x = [\n  "a>=1",\n', 'x = [\n  "a>=2",\n').endswith("a >=1 → >=2")
    assert summary("package.json", "[]\n", "[1]\n") == ""
    assert summary("pyproject.toml", "project = 1\n", "project = 2\n") == ""


PINNED = "a==1\nb==1\nc==1\nd==1\n"
RANGED = "a>=1\nb>=1\nc>=1\nd>=1\n"
NPM = {"a": "1.0.0", "b": "1.0.0", "c": "1.0.0"}


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        # How much a version is tied down
        ("requirements.txt", PINNED, PINNED + "e\n", {"unpinned:5"}),
        ("requirements.txt", PINNED, PINNED + "e>=1\n", {"unpinned:5"}),
        ("requirements.txt", PINNED, PINNED.replace("b==1", "b"), {"unpinned:2"}),
        ("requirements.txt", RANGED, RANGED + "e\n", {"unpinned:5"}),
        ("requirements.txt", RANGED, RANGED + "e>=1\n", set()),
        ("requirements.txt", PINNED, PINNED + "e==1.*\n", {"unpinned:5"}),
        ("requirements.txt", "a\nb\nc\nd==1\n", "a\nb\nc\nd==1\ne\n", set()),
        ("requirements.txt", PINNED + "e\n", PINNED + "e\nf==1\n", set()),
        ("package.json", package(dependencies={}), package(dependencies={"a": "*"}), {"unpinned:3"}),
        ("package.json", package(dependencies={}), package(dependencies={"a": "latest"}), {"unpinned:3"}),
        ("package.json", package(dependencies=NPM), package(dependencies=NPM | {"d": "^1.0.0"}), {"unpinned:6"}),
        ("package.json", package(), package(peerDependencies={"a": "*"}), set()),
        ("package.json", package(), package(dependencies={"a": "workspace:*"}), set()),
        ("Dockerfile", "FROM a:1\n", "FROM b\n", {"unpinned:1"}),
        ("Dockerfile", "FROM a:1\n", "FROM b:latest\n", {"unpinned:1"}),
        ("Dockerfile", "FROM a:1\n", "FROM a:2\n", set()),
        ("Dockerfile", "FROM a:1\n", "FROM localhost:5000/a@sha256:abc\n", set()),
        # Where it comes from
        ("requirements.txt", "", "a @ https://x.y/a-1.0.whl\n", {"from-url:1"}),
        ("requirements.txt", "", "https://x.y/a-1.0.whl\n", {"from-url:1"}),
        ("requirements.txt", "", "git+https://x.y/a.git\n", {"from-git:1"}),
        ("requirements.txt", "", "-e git+https://x.y/a@main#egg=a\n", {"from-git:1"}),
        ("requirements.txt", "", "git+https://git@x.y/a.git@v1.0\n", {"from-git:1"}),
        ("requirements.txt", "", "-e .\n", set()),
        ("requirements.txt", "", "-r other.txt\n-c c.txt\n", set()),
        ("requirements.txt", "", "./local\n", {"from-path:1"}),
        ("package.json", package(), package(dependencies={"a": "github:x/a#main"}), {"from-git:3"}),
        ("package.json", package(), package(dependencies={"a": "x/a"}), {"from-git:3"}),
        ("package.json", package(), package(dependencies={"a": "https://x.y/a.tgz"}), {"from-url:3"}),
        ("package.json", package(), package(dependencies={"a": "file:../a"}), {"from-path:3"}),
        ("Cargo.toml", "", '[dependencies]\na = { git = "https://x.y/a", branch = "main" }\n', {"from-git:2"}),
        ("Cargo.toml", "", '[dependencies]\na = { path = "../a" }\n', {"from-path:2"}),
        ("pyproject.toml", "", '[tool.uv.sources]\na = { git = "https://x.y/a" }\n', {"from-git:2"}),
        ("pyproject.toml", "", "[tool.uv.sources]\na = { workspace = true }\n", set()),
        ("Gemfile", "", "gem 'a', github: 'x/a', branch: 'main'\n", {"from-git:1", "manifest-without-lock"}),
        ("go.mod", "module x\n", "module x\nreplace a.b/c => ../c\n", {"from-path:2", "manifest-without-lock"}),
        # The index
        ("requirements.txt", "", "--extra-index-url https://x.y/simple\na==1\n", {"extra-index:1"}),
        ("requirements.txt", "", "--index-url http://x.y/simple\n", {"insecure-index:1"}),
        ("requirements.txt", "", "--trusted-host x.y\n", {"insecure-index:1"}),
        ("requirements.txt", "", "--index-url https://x.y/simple\n", set()),
        ("requirements.txt", "", "-i http://127.0.0.1:8080/simple\n", set()),
        ("requirements.txt", "", "# --trusted-host x.y\n", set()),
        ("Dockerfile", "", "RUN pip install --extra-index-url https://x.y a\n", {"extra-index:1"}),
        ("pip.conf", "", "[global]\ntrusted-host = x.y\n", {"insecure-index:2"}),
        (".npmrc", "", "registry=http://x.y/\n", {"insecure-index:1"}),
        (".npmrc", "", "strict-ssl=false\n", {"insecure-index:1"}),
        (".npmrc", "", "registry=https://x.y/\n", set()),
        ("pyproject.toml", "", '[[tool.uv.index]]\nurl = "http://x.y"\n', {"insecure-index:2"}),
        # Back, and by mistake
        ("requirements.txt", "a==2.1\n", "a==1.9\n", {"major-downgrade:1"}),
        ("requirements.txt", "a==2.1\n", "a==2.0\n", set()),
        ("requirements.txt", "a==2024.1\n", "a==2.0\n", set()),
        ("requirements.txt", "", "reqeusts==2.0\n", {"typo-name:1"}),
        ("requirements.txt", "", "requests==2.0\n", set()),
        ("requirements.txt", "requests==1\n", "requests==1\nrequest==2.0\n", set()),
        ("package.json", package(), package(dependencies={"loadsh": "^1.0.0"}), {"typo-name:3"}),
        ("package.json", package(), package(dependencies={"preact": "^1.0.0"}), set()),
        # What runs
        ("package.json", package(), package(scripts={"postinstall": "x"}), {"install-script:3"}),
        ("package.json", package(scripts={"install": "x"}), package(scripts={"install": "y"}), {"install-script:3"}),
        ("package.json", package(), package(scripts={"prepare": "husky", "test": "x"}), set()),
        (WORKFLOW, "", "- uses: a/b@main\n", {"action-by-branch:1"}),
        (WORKFLOW, "", "- uses: a/b\n", {"action-by-branch:1"}),
        (WORKFLOW, "", "- uses: a/b@release/v1\n", set()),
        (WORKFLOW, "", "- uses: a/b@v1\n", set()),
        (WORKFLOW, "", f"- uses: a/b/c@{'a1' * 20}\n", set()),
        (WORKFLOW, "- uses: a/b@main\n", "- uses: a/b@main\nx: y\n", set()),
        ("action.yml", "", "- uses: a/b@master\n", {"action-by-branch:1"}),
    ],
)  # fmt: skip
def test_risks_are_found_and_the_ordinary_is_left_alone(path: str, before: str, after: str, expected: set[str]) -> None:
    assert risks(path, before, after) == expected


@pytest.mark.parametrize(
    ("spec", "severity"),
    [("#main", "medium"), ("", "medium"), ("#v1.2", "low"), (f"#{'a1' * 20}", "info"), ("#semver:^1.0", "medium")],
)
def test_a_git_dependency_is_as_risky_as_its_reference_can_move(spec: str, severity: str) -> None:
    review = review_of({}, {"package.json": package(dependencies={"a": f"git+https://x.y/a.git{spec}"})})

    assert [f.severity for f in in_change(dependencies, review) if f.rule == "from-git"] == [severity]


def test_a_password_in_an_address_is_not_repeated() -> None:
    secret = "hunter2"
    files = {
        "requirements.txt": f"a @ git+https://user:{secret}@x.y/a.git\nb @ https://{secret}@x.y/b.whl\n",
        "package.json": package(
            dependencies={"c": f"https://user:{secret}@x.y/c.tgz", "d": f"git+https://{secret}@x.y/d"}
        ),
        "Cargo.toml": f'[dependencies]\ne = {{ git = "https://{secret}@x.y/e" }}\n',
        "Gemfile": f"gem 'f', git: 'https://{secret}@x.y/f'\n",
    }
    findings = in_change(dependencies, review_of({}, files))

    assert len([finding for finding in findings if finding.rule.startswith("from-")]) == 6
    assert secret not in "".join(finding.model_dump_json() for finding in findings)


def test_a_lock_that_fetches_from_another_host_is_found() -> None:
    added = (
        LOCK + '\n[[package]]\nname = "x"\nversion = "1"\nsource = { registry = "https://elsewhere.example/simple" }\n'
    )
    other = json.loads(json.dumps(NPM_LOCK))
    other["packages"]["node_modules/b"] = {
        "version": "1.0.0",
        "resolved": "https://elsewhere.example/b.tgz",
        "hasInstallScript": True,
    }

    assert risks("uv.lock", LOCK, added) == {"other-host", "lock-without-manifest"}
    assert risks("package-lock.json", json.dumps(NPM_LOCK), json.dumps(other)) == {
        "other-host",
        "install-script",
        "lock-without-manifest",
    }
    assert risks("uv.lock", LOCK, added.replace("elsewhere.example", "pypi.org")) == {"lock-without-manifest"}


GO_MOD = "module x\n\nrequire a.b/c v1.0.0\n"
GO_SUM = "a.b/c v1.0.0 h1:x=\n"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"go.mod": GO_MOD}, {"go.mod": GO_MOD.replace("1.0", "1.1")}, {"manifest-without-lock go.mod"}),
        ({"go.sum": GO_SUM}, {"go.sum": GO_SUM.replace("1.0", "1.1")}, {"lock-without-manifest go.sum"}),
        (
            {"go.mod": GO_MOD, "go.sum": GO_SUM},
            {"go.mod": GO_MOD.replace("1.0", "1.1"), "go.sum": GO_SUM.replace("1.0", "1.1")},
            set(),
        ),
        ({"go.mod": GO_MOD}, {"go.mod": GO_MOD + "// x\n"}, set()),
        ({"pyproject.toml": ""}, {"pyproject.toml": '[project]\ndependencies = ["a>=1"]\n'}, set()),
        (
            {"uv.lock": LOCK, "a/b/pyproject.toml": ""},
            {"uv.lock": LOCK.replace("8.1", "8.2"), "a/b/pyproject.toml": '[project]\ndependencies = ["click>=8.2"]\n'},
            set(),
        ),
        (
            {"a/uv.lock": LOCK, "b/pyproject.toml": ""},
            {"a/uv.lock": LOCK.replace("8.1", "8.2"), "b/pyproject.toml": '[project]\ndependencies = ["click>=8.2"]\n'},
            {"lock-without-manifest a/uv.lock", "manifest-without-lock b/pyproject.toml"},
        ),
    ],
)
def test_manifests_and_locks_change_together(before: dict[str, str], after: dict[str, str], expected: set[str]) -> None:
    everything = found(dependencies, before, after)

    assert {text for text in everything if not text.startswith("dependencies-changed ")} == expected


@pytest.mark.parametrize(
    ("address", "severity"),
    [
        ("git+https://git@x.y/a.git@v1.0", "low"),
        ("git+ssh://git@x.y/a.git", "medium"),
        ("git+https://x.y/a.git@feature/one", "medium"),
        (f"a @ git+https://x.y/a.git@{'a1' * 20}#egg=a", "info"),
    ],
)
def test_the_user_of_a_git_address_is_no_reference(address: str, severity: str) -> None:
    findings = in_change(dependencies, review_of({}, {"requirements.txt": address + "\n"}))

    assert [finding.severity for finding in findings if finding.rule == "from-git"] == [severity]


def summaries(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    """What lists the differences, by path."""
    findings = in_change(dependencies, review_of(before, after))
    return {f.path: f.message for f in findings if f.rule == "dependencies-changed"}


def test_what_moves_from_one_manifest_to_another_is_not_new() -> None:
    before = {"requirements.txt": "a>=1\nb>=1\nc>=1\nd\n", "pyproject.toml": "[project]\nname = 'x'\n"}
    moved = "[project]\nname = 'x'\ndependencies = [\n  'a>=1',\n  'b>=1',\n  'c>=1',\n  'd',\n  'e>=1',\n]\n"

    assert summaries(before, {"pyproject.toml": moved}) == {
        "pyproject.toml": "Python packages: takes over 4 from requirements.txt; adds e >=1"
    }
    assert not any("unpinned" in said for said in found(dependencies, before, {"pyproject.toml": moved}))
    setup = {"setup.py": 'setup(install_requires=["a>=1", "b>=1", "c>=1", "d"])\n', **before}
    del setup["requirements.txt"]
    assert not any("unpinned" in said for said in found(dependencies, setup, {"pyproject.toml": moved}))
    new = {**before, "pyproject.toml": moved}
    assert any("unpinned" in said for said in found(dependencies, before, new))


def test_files_that_go_and_files_that_say_the_same_are_one_finding_each() -> None:
    gone = {f"requirements/{name}.txt": f"{name}==1\nshared==1\n" for name in ("a", "b", "c", "d")}

    assert summaries(gone, {}) == {
        "requirements/a.txt": "Python packages: 4 files that named 5 of them are deleted: "
        "requirements/a.txt, requirements/b.txt, requirements/c.txt and 1 more"
    }
    before, after = ({f"{name}/requirements.txt": f"x=={at}\n" for name in ("a", "b")} for at in (1, 2))
    assert summaries(before, after) == {
        "a/requirements.txt": "Python packages: upgraded x ==1 → ==2 (and the same in b/requirements.txt)"
    }
