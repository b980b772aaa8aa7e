"""What `deploy/` holds for a service or for containers fits what Lungwise understands, and fits together."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
import yaml  # type: ignore[import-untyped]
from run_guides import EXPOSURE

from lungwise.cli import COMMANDS, main
from lungwise.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*/*.service"))
CONTAINERFILE = (DEPLOY / "containers" / "Containerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "containers" / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "lungwise"}
BROUGHT = {"lungwise.pem", "lungwise.key"}
"""What an administrator brings: a certificate and its key."""


def words_of(service: dict[str, Any]) -> list[str]:
    command = service.get("command", [])
    return command if isinstance(command, list) else shlex.split(command)


def commands() -> Iterator[list[str]]:
    for unit in UNITS:
        (line,) = re.findall(r"^ExecStart=/opt/lungwise/bin/(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
        yield shlex.split(line)
    yield from map(words_of, OURS.values())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepare the containers in a copy, twice: what is made stays."""
    copy = tmp_path_factory.mktemp("checkout") / "deploy"
    shutil.copytree(DEPLOY, copy, ignore=shutil.ignore_patterns("made"))
    texts = []
    for _ in range(2):
        subprocess.run([str(copy / "containers" / "prepare.sh"), "xray.example.net"], check=True)
        made = copy / "containers" / "made"
        texts.append({path.name: path.read_text() for path in made.iterdir()})
    assert texts[0] == texts[1]
    return made


@pytest.fixture
def settings(made: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Read the settings that the containers have."""
    monkeypatch.delenv("LUNGWISE_DATA_FOLDER", raising=False)
    monkeypatch.setenv("LUNGWISE_SETTINGS", str(made / "settings.toml"))
    return Settings()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: f"{unit.parent.name}/{unit.name}")
def test_a_service_is_little_exposed(unit: Path) -> None:
    if not shutil.which("systemd-analyze"):
        if os.environ.get("CI") == "true":
            pytest.fail("There is no systemd-analyze: apt-get install systemd")
        pytest.skip("there is no systemd-analyze")
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done.stdout
    assert re.search(r"Overall exposure level for lungwise\S*: [01]\.\d ", done.stdout)


def test_there_is_a_unit_for_each_part() -> None:
    assert len(UNITS) == 7
    assert len(OURS) == 7


def test_every_command_of_units_and_containers_exists_with_its_options() -> None:
    for words in commands():
        if words[0] in ("gunicorn", "python3"):
            assert words[-1] == "lungwise.cli.wsgi:application()" or words[1] == "-c"
            continue
        with click.Context(main, info_name="lungwise") as context:
            command = main.get_command(context, words[1])
            assert command is not None and words[1] in COMMANDS
            options = {option for one in command.params for option in one.opts}
        assert {word for word in words[2:] if word.startswith("--")} <= options


def test_every_setting_of_units_and_containers_exists() -> None:
    texts = [*(unit.read_text(encoding="utf-8") for unit in UNITS), yaml.safe_dump(SERVICES), CONTAINERFILE]
    named = {name.lower() for text in texts for name in re.findall(r"\bLUNGWISE_([A-Z0-9_]+)", text)}
    assert {"readers", "node_host", "settings"} <= named
    assert named - {"settings"} <= set(Settings.model_fields)


def test_the_containers_settings_are_valid_and_name_the_containers(settings: Settings, made: Path) -> None:
    assert set(re.findall(r"^(\w+) = ", (made / "settings.toml").read_text(), re.MULTILINE)) <= set(
        Settings.model_fields
    )
    assert settings.public_url == "https://xray.example.net"
    assert settings.data_folder == Path("/var/lib/lungwise")
    places = {urlsplit(url).hostname for url in (settings.database, settings.broker, settings.s3_endpoint)}
    assert places == {"database", "broker", "storage"}
    assert all(SERVICES[place]["networks"] == ["inside"] for place in places if place)
    assert f"-s3.port={urlsplit(settings.s3_endpoint).port}" in words_of(SERVICES["storage"])
    assert urlsplit(settings.database).password == (made / "database-password").read_text().strip()
    assert f"requirepass {urlsplit(settings.broker).password}\n" in (made / "redis.conf").read_text()
    assert f'"secretKey": "{settings.s3_secret_key.get_secret_value()}"' in (made / "storage.json").read_text()


def test_each_secret_is_a_file_that_is_made_or_brought(made: Path) -> None:
    files = {name: secret["file"] for name, secret in COMPOSE["secrets"].items()}
    assert {Path(file).name for file in files.values()} == {path.name for path in made.iterdir()} | BROUGHT
    used = [one for service in SERVICES.values() for one in service["secrets"]]
    assert {one["source"] if isinstance(one, dict) else one for one in used} == set(files)
    asked = set(re.findall(r"/run/secrets/([\w.-]+)", yaml.safe_dump(SERVICES) + CONTAINERFILE))
    assert asked < set(files)
    assert made.stat().st_mode & 0o777 == 0o700
    assert "PASSWORD:" not in yaml.safe_dump(SERVICES)


def test_nginx_in_a_container_has_the_guides_file_and_reaches_the_pages(made: Path) -> None:
    text = (made / "nginx.conf").read_text()
    guides = (DEPLOY / "several-machines" / "nginx.conf").read_text(encoding="utf-8")
    guides = guides.replace("lungwise.example.org", "xray.example.net")
    assert text.endswith(guides.replace("/var/log/nginx/lungwise.log", "/dev/stdout"))
    (server,) = re.findall(r"server (\S+:\d+);", text.removesuffix(guides))
    host, port = server.split(":")
    assert f"0.0.0.0:{port}" in words_of(SERVICES[host])
    mounted = {one["target"] for one in SERVICES["proxy"]["secrets"]}
    assert set(re.findall(r"ssl_certificate(?:_key)? (\S+);", text)) < mounted
    assert SERVICES["proxy"]["ports"] == ["80:80", "443:443"]


def test_ports_agree() -> None:
    for name in ("pages", "worker-0", "node", "hl7"):
        check = SERVICES[name]["healthcheck"]["test"][-1]
        (asked,) = re.findall(r"127\.0\.0\.1(?::|', )(\d+)", check)
        if "ports" in SERVICES[name]:
            assert asked == str(Settings.model_fields[f"{name}_port"].default)
            assert SERVICES[name]["ports"] == [f"{asked}:{asked}"]
        else:
            assert f":{asked}" in " ".join(words_of(SERVICES[name]))


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_few_rights_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service and "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "healthcheck" in service or service["restart"] == "no"
    assert service["image"] == "lungwise" or re.search(r":\d+\.\d+(\.\d+)?(-\w+)?$", service["image"])


def test_the_image_is_pinned_and_gives_up_root() -> None:
    bases = re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE)
    assert len(set(bases)) == 1 and re.fullmatch(r"debian:12\.\d+-slim", bases[0])
    assert CONTAINERFILE.rstrip().endswith("USER lungwise")
    assert "--require-hashes" in CONTAINERFILE
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", CONTAINERFILE, re.MULTILINE)
    assert all((ROOT / name).exists() for names in copied for name in names.split())
    locks = re.findall(r"-r (locks/\S+)", CONTAINERFILE)
    assert len(locks) == 5 and all((ROOT / lock).is_file() for lock in locks)
