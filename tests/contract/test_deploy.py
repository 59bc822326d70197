"""The deployment files, as far as they can be checked without a container engine.

Real tools read them: hadolint the Dockerfile, nats-server the broker's configuration. The compose file
is held against the JSON Schema of the Compose Specification. No image is built and no container is started.
"""

import json
import re
import socket
import subprocess
import sys
import sysconfig
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from quorate.bus import connect
from quorate.provision import provision
from quorate.settings import Settings

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))
NATS_CONF = ROOT / "deploy" / "nats.conf"
PASSWORD = "12345"  # only digits: what an unquoted value would turn into a number
PINNED_TAG = re.compile(r"^[a-z0-9./-]+:\d+\.\d+[a-z0-9.-]*$")

DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVICES = sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["quorate.services"])


def instructions(keyword: str) -> list[str]:
    return re.findall(rf"^{keyword}\s+(.+)$", DOCKERFILE, re.MULTILINE)


def target(name: str) -> str:
    """The text of one stage of the Dockerfile, without its FROM line."""
    stages = re.split(r"^FROM .+ AS (\w+)$", DOCKERFILE, flags=re.MULTILINE)
    return dict(zip(stages[1::2], stages[2::2], strict=True))[name]


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    lint = subprocess.run(
        [SCRIPTS / "hadolint", "--failure-threshold", "style", ROOT / "Dockerfile"],
        capture_output=True,
        text=True,
    )
    assert (lint.returncode, lint.stdout) == (0, "")


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_target_that_runs_it(service: str) -> None:
    assert f'ENTRYPOINT ["quorate", "up", "{service}"]' in target(service)


def test_the_images_run_as_a_numeric_user_that_is_not_root() -> None:
    user = re.findall(r"^USER (.+)$", target("base"), re.MULTILINE)[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    for service in SERVICES:
        assert re.findall(r"^USER (.+)$", target(service), re.MULTILINE)[-1:] in ([], [user])


def test_the_images_start_from_a_pinned_tag() -> None:
    images = [source.split()[0] for source in instructions("FROM")]
    stages = re.findall(r" AS (\w+)$", DOCKERFILE, re.MULTILINE)
    outside = {image for image in images if image not in stages}
    assert outside
    assert all(PINNED_TAG.match(image) for image in outside)


def test_the_images_install_nothing_without_a_hash() -> None:
    installs = [step for run in instructions("RUN") for step in run.split("&&") if "pip install" in step]
    assert len(installs) == 2
    for step in installs:
        assert "--require-hashes -r requirements/run.txt" in step or "--no-deps --no-build-isolation" in step


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_asks_for_the_health_of_its_own_service_only(service: str) -> None:
    asked = ["quorate", "doctor", "--service", service]
    assert f"CMD {json.dumps(asked)}" in target(service)
    assert CONTAINERS[service]["healthcheck"]["test"] == ["CMD", *asked]


def test_the_build_context_holds_what_the_dockerfile_copies_and_no_more() -> None:
    copied = {source for copy in instructions("COPY") if not copy.startswith("--from") for source in copy.split()[:-1]}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert copied == {line[1:] for line in ignored if line.startswith("!")}
    assert [source for source in copied if not (ROOT / source).exists()] == []


def test_the_compose_file_fits_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    check = subprocess.run([*command, ROOT / "docker-compose.yml"], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout


def test_the_compose_file_holds_the_broker_the_stores_and_every_service() -> None:
    assert set(CONTAINERS) == {"nats", "mongodb", "neo4j", *SERVICES}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_is_confined_watched_and_restarted(name: str) -> None:
    container = CONTAINERS[name]
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["restart"] == "unless-stopped"
    assert {"test", "interval", "timeout", "retries"} <= set(container["healthcheck"])
    # Neo4j's image writes its configuration file at start.
    assert container.get("read_only", False) is (name != "neo4j")


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_comes_from_a_pinned_image_or_a_target_of_the_dockerfile(name: str) -> None:
    container = CONTAINERS[name]
    if name in SERVICES:
        assert container["build"] == {"context": ".", "target": name}
    else:
        assert PINNED_TAG.match(container["image"])


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_waits_for_a_healthy_broker(service: str) -> None:
    assert CONTAINERS[service]["depends_on"] == {"nats": {"condition": "service_healthy"}}
    assert "@nats:4222" in CONTAINERS[service]["environment"]["QUORATE_NATS_URL"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_folder_a_service_writes_to_is_writable_for_its_user(service: str) -> None:
    (workdir,) = instructions("WORKDIR")[1:]
    uid = instructions("USER")[0].split(":")[0]
    mounts = dict(mount.split(":", 1) for mount in CONTAINERS[service]["tmpfs"])
    assert f"uid={uid}" in mounts[workdir].split(",")


def test_ports_are_published_to_this_machine_only() -> None:
    published = [port for container in CONTAINERS.values() for port in container.get("ports", [])]
    assert published == ["127.0.0.1:4222:4222", "127.0.0.1:8080:8080"]


def test_no_password_has_a_default() -> None:
    required = re.compile(r"\$\{(\w+):\?[^}]+\}")
    for container in CONTAINERS.values():
        for name, value in container.get("environment", {}).items():
            if re.search("PASSWORD|AUTH|URL", name) and value is not None:
                assert required.search(value), name
    named = set(required.findall((ROOT / "docker-compose.yml").read_text()))
    example = (ROOT / "deploy" / "env.example").read_text()
    assert set(re.findall(r"^(\w+)=$", example, re.MULTILINE)) == named


def test_the_broker_reads_the_mounted_configuration_and_keeps_its_data() -> None:
    volumes = dict(volume.split(":", 1) for volume in CONTAINERS["nats"]["volumes"])
    mounted_at = volumes["./deploy/nats.conf"].removesuffix(":ro")
    assert CONTAINERS["nats"]["command"] == ["-c", mounted_at]
    assert volumes["nats-data"] in re.findall(r'store_dir: "(.+)"', NATS_CONF.read_text())
    assert "nats-data" in COMPOSE["volumes"]


class Broker(NamedTuple):
    address: str
    monitoring: str


def environment() -> dict[str, str]:
    """What the compose file hands to the broker: its own quoting around the password."""
    value: str = CONTAINERS["nats"]["environment"]["QUORATE_NATS_PASSWORD"]
    return {"QUORATE_NATS_PASSWORD": re.sub(r"\$\{[^}]+\}", PASSWORD, value)}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real server with deploy/nats.conf; only the addresses and the data folder are other ones."""
    folder = tmp_path_factory.mktemp("nats")
    conf = folder / "nats.conf"
    conf.write_text(NATS_CONF.read_text().replace('store_dir: "/data"', f'store_dir: "{folder}"'))
    here = ["--addr", "127.0.0.1", "--port", "-1", "--http_port", "-1"]
    with subprocess.Popen(
        [SCRIPTS / "nats-server", "-c", conf, *here],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        log = ""
        for line in server.stderr:
            log += line
            if "Server is ready" in line:
                break
        try:
            clients = re.search(r"client connections on (\S+)", log)
            monitor = re.search(r"http monitor on (\S+)", log)
            assert clients, log
            assert monitor, log
            yield Broker(clients[1], monitor[1])
        finally:
            server.terminate()


def test_the_server_accepts_its_configuration() -> None:
    check = subprocess.run(
        [SCRIPTS / "nats-server", "-t", "-c", NATS_CONF], env=environment(), capture_output=True, text=True
    )
    assert check.returncode == 0, check.stderr


def test_the_server_refuses_to_start_without_a_password() -> None:
    check = subprocess.run([SCRIPTS / "nats-server", "-t", "-c", NATS_CONF], env={}, capture_output=True, text=True)
    assert check.returncode != 0
    assert "QUORATE_NATS_PASSWORD" in check.stderr


def test_the_broker_writes_to_disk_before_it_acknowledges(deployed: Broker) -> None:
    with urllib.request.urlopen(f"http://{deployed.monitoring}/varz") as reply:
        settings = json.load(reply)["jetstream"]["config"]
    assert settings["sync_always"] is True


def test_the_path_of_the_health_check_answers(deployed: Broker) -> None:
    url: str = CONTAINERS["nats"]["healthcheck"]["test"][-1]
    with urllib.request.urlopen(url.replace("127.0.0.1:8222", deployed.monitoring)) as reply:
        assert json.load(reply) == {"status": "ok"}


async def test_the_broker_lets_the_services_in_and_has_room_for_their_streams(deployed: Broker) -> None:
    url: str = CONTAINERS["router"]["environment"]["QUORATE_NATS_URL"]
    url = re.sub(r"\$\{[^}]+\}", PASSWORD, url).replace("nats:4222", deployed.address)
    bus = await connect(url, name="deploy-test")
    try:
        stands = await provision(bus, Settings())
    finally:
        await bus.close()
    assert stands.drift == ()


def test_the_broker_lets_nobody_else_in(deployed: Broker) -> None:
    host, port = deployed.address.split(":")
    with socket.create_connection((host, int(port))) as connection, connection.makefile("r") as replies:
        connection.sendall(b'CONNECT {"verbose": false}\r\nPING\r\n')
        assert replies.readline().startswith("INFO")
        assert replies.readline() == "-ERR 'Authorization Violation'\n"
