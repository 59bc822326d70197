"""Settings from the operator's file and the environment."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from quorate.contract.finding import SEVERITIES
from quorate.errors import Misconfigured
from quorate.settings import AgentSettings, Quorum, Settings, config_path, load


def environment(tmp_path: Path, text: str, **further: str) -> dict[str, str]:
    """An environment whose ``QUORATE_CONFIG`` names a file with this text."""
    path = tmp_path / "quorate.toml"
    path.write_text(text, encoding="utf-8")
    return {"QUORATE_CONFIG": str(path), **further}


def test_without_a_file_and_variables_everything_has_its_default(tmp_path: Path) -> None:
    assert load({"HOME": str(tmp_path)}) == Settings()


def test_a_file_sets_what_it_names(tmp_path: Path) -> None:
    settings = load(
        environment(
            tmp_path,
            """
            tenant = "größe"
            partitions = 4
            required_agents = ["ruff"]
            [quorum]
            critical = 3
            [agents.my-agent]
            lineage = "gpt"
            enabled = false
            """,
        )
    )
    assert settings == Settings(
        tenant="größe",
        partitions=4,
        required_agents=("ruff",),
        quorum=Quorum(critical=3),
        agents={"my-agent": AgentSettings(lineage="gpt", enabled=False)},
    )


def test_a_variable_overrides_the_file(tmp_path: Path) -> None:
    assert load(environment(tmp_path, "partitions = 4", QUORATE_PARTITIONS="8")).partitions == 8


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("NATS_URL", "nats://broker:4222", {"nats_url": "nats://broker:4222"}),
        ("ACK_WAIT_S", "0.5", {"ack_wait_s": 0.5}),
        ("WORKER_CONCURRENCY", "16", {"worker_concurrency": 16}),
        ("BUILTIN_AGENTS", "false", {"builtin_agents": False}),
        ("MEMORY_STORAGE", "1", {"memory_storage": True}),
        ("REQUIRED_AGENTS", "ruff", {"required_agents": ("ruff",)}),
        ("REQUIRED_AGENTS", "ruff,bandit", {"required_agents": ("ruff", "bandit")}),
        ("REQUIRED_AGENTS", "ruff, bandit", {"required_agents": ("ruff", "bandit")}),
        ("AGENT_MODULES", "", {"agent_modules": ()}),
        ("SOMETHING_ELSE", "x", {}),
    ],
)
def test_a_variable_is_read_by_the_type_of_its_setting(
    tmp_path: Path, variable: str, text: str, expected: dict[str, object]
) -> None:
    found = load({"HOME": str(tmp_path), f"QUORATE_{variable}": text})
    assert found == Settings.model_validate(expected)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("partitons = 4", "partitons"),
        ("partitions = 0", "partitions"),
        ("partitions = 257", "partitions"),
        ("ack_wait_s = 0.1", "ack_wait_s"),
        ("[quorum]\ncritical = 0", "quorum.critical.lineages"),
        ("[quorum]\nblocker = 1", "quorum.blocker"),
        ("[agents.ruff]\nlinage = 'x'", "agents.ruff.linage"),
        ("partitions =", "could not be read"),
    ],
)
def test_a_wrong_file_is_refused_by_its_name_and_the_setting(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        load(environment(tmp_path, text))
    assert named in str(raised.value)
    assert "quorate.toml" in str(raised.value)


def test_a_file_that_is_not_text_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "quorate.toml").write_bytes(b"tenant = '\xff'")
    with pytest.raises(Misconfigured, match=r"quorate\.toml could not be read"):
        load({"QUORATE_CONFIG": str(tmp_path / "quorate.toml")})


def test_a_wrong_variable_is_refused_by_its_setting(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"environment are wrong: partitions"):
        load({"HOME": str(tmp_path), "QUORATE_PARTITIONS": "many"})


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="not a file"):
        load({"QUORATE_CONFIG": str(tmp_path / "missing.toml")})


@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME"])
def test_the_file_in_the_users_configuration_folder_is_found(tmp_path: Path, variable: str) -> None:
    folder = tmp_path / (".config" if variable == "HOME" else "") / "quorate"
    folder.mkdir(parents=True)
    (folder / "quorate.toml").touch()
    assert config_path({variable: str(tmp_path), "HOME": str(tmp_path)}) == folder / "quorate.toml"


def test_a_file_in_the_working_folder_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "quorate.toml").write_text("partitions = 4")
    monkeypatch.chdir(tmp_path)
    assert load({"HOME": str(tmp_path / "home")}).partitions is None


def test_only_critical_findings_need_two_lineages_by_default() -> None:
    assert {severity: Quorum().of(severity).lineages for severity in SEVERITIES} == {
        "critical": 2,
        "high": 1,
        "medium": 1,
        "low": 1,
        "info": 1,
    }


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().tenant = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"command": ["x"]}, "files"),
        ({"command": ["x", "--paths={files}"], "files": ["*.tf"]}, "an argument of its own"),
        ({"command": ["x"], "files": ["*.tf"], "per_file": True}, "`per_file` needs `{files}`"),
        ({"command": ["x"], "files": ["*.tf"], "pattern": "("}, "not a regular expression"),
        ({"command": ["x"], "files": ["*.tf"], "pattern": "(?P<path>.)"}, "it needs the group"),
    ],
)
def test_a_tool_that_cannot_work_is_refused(table: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate({"tools": {"mine": table}})


def test_the_program_of_an_agent_is_named_by_its_whole_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/you")

    assert AgentSettings(command="~/bin/tool").command == "/home/you/bin/tool"
    with pytest.raises(ValidationError, match="give the whole path of the program"):
        AgentSettings(command="bin/tool")


@pytest.mark.parametrize(
    ("api_url", "clone_url"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://API.GitHub.com", "https://GitHub.com"),
        ("https://api.octo.ghe.com", "https://octo.ghe.com"),
        ("https://github.example.org/api/v3", "https://github.example.org"),
        ("https://github.example.org:8443/api/v3", "https://github.example.org:8443"),
        ("http://api.example.org", "http://api.example.org"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_repositories_are_cloned_from_where_the_api_is(tmp_path: Path, api_url: str, clone_url: str) -> None:
    """Else the token of one server would be sent to another."""
    settings = load({"HOME": str(tmp_path), "GITHUB_API_URL": api_url})
    assert settings.github.clone_url == clone_url


def test_where_to_clone_from_can_be_set(tmp_path: Path) -> None:
    text = '[github]\ngit_url = "https://git.example.org"'
    settings = load(environment(tmp_path, text, GITHUB_API_URL="https://github.example.org/api/v3"))
    assert settings.github.clone_url == "https://git.example.org"
