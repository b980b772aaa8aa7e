#!/usr/bin/python3
"""Stands in for Docker while the guide runs, on a machine of its own.

`docker compose up` carries out the image's steps on this fresh Debian. What runs in the image then starts with its
command, user, environment and files from the Compose file, as a unit that may write no more than the container. The
other parts are Debian's: MariaDB and Redis with the Compose file's options and files, nginx with its file; another
program speaks S3.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.append("/guide/site-packages")
import yaml  # type: ignore[import-untyped]

PASSWORD = "correct horse battery staple 7"
CONTEXT = Path("/root/lungwise")
FOLDER = CONTEXT / "deploy" / "containers"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
TRIES = 60
AFTER_THE_FIRST_ACCOUNT = ("node",)
"""What begins anew until there is a clinic."""


class Image:
    """What an image's steps leave behind: its environment, user and folder."""

    def __init__(self) -> None:
        self.environment: dict[str, str] = {}
        self.user, self.folder = "root", Path("/")

    def build(self, *, run: bool) -> None:
        """Go through the steps; carry them out, or only note what they leave behind."""
        text = (FOLDER / "Containerfile").read_text().replace("\\\n", " ")
        for step in filter(None, (line.partition("#")[0].strip() for line in text.splitlines())):
            word, _, rest = step.partition(" ")
            if word == "ENV":
                self.environment |= dict(part.split("=", 1) for part in shlex.split(rest))
            elif word == "USER":
                self.user = rest
            elif word == "WORKDIR":
                self.folder = Path(rest)
            elif run:
                self._carry_out(word, rest)

    def _carry_out(self, word: str, rest: str) -> None:
        print(f"    {word} {' '.join(rest.split())}", flush=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        if word == "RUN":
            subprocess.run(["/bin/sh", "-c", rest], cwd=self.folder, check=True)
        elif word == "COPY" and not rest.startswith("--from="):  # both stages are this system
            *names, target = rest.split()
            for name in names:
                source, there = CONTEXT / name, self.folder / target
                if source.is_dir():
                    shutil.copytree(source, there, dirs_exist_ok=True)
                else:
                    shutil.copy(source, there)


def words_of(command: str | list[str]) -> list[str]:
    """Return a command's words, as Compose reads them."""
    words = command if isinstance(command, list) else shlex.split(command)
    return [word.replace("$$", "$") for word in words]


def in_container(name: str, command: list[str], image: Image, *, wait: bool) -> None:
    """Run a command as a container would: with its user, files and environment, and read-only but for its volumes."""
    service = SERVICES[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    environment = image.environment | service.get("environment", {})
    options = [
        f"--uid={image.user}",
        f"--working-directory={image.folder}",
        *(f"--property={one}" for one in ("ProtectSystem=strict", "CapabilityBoundingSet=", "NoNewPrivileges=yes")),
        *(f"--setenv={key}={value}" for key, value in environment.items()),
        *(f"--property=ReadWritePaths={volume.split(':')[1]}" for volume in service["volumes"]),
        *(f"--property=BindReadOnlyPaths={FOLDER / file}:{target}" for file, target in files_of(service)),
    ]
    for folder in service["tmpfs"]:
        Path(folder).mkdir(exist_ok=True)
        options.append(f"--property=TemporaryFileSystem={folder}:mode=1777")
    again = ["--property=Restart=always", "--property=RestartSec=2"]
    how = ["--wait", "--pipe", "--collect"] if wait else [f"--unit=container-{name}", *again]
    subprocess.run(["systemd-run", "--quiet", *how, *options, "/usr/bin/env", *command], check=True)


def files_of(service: dict[str, Any]) -> list[tuple[str, str]]:
    """List a container's secrets: the file, and where it sees it."""
    pairs = [one if isinstance(one, dict) else {"source": one} for one in service["secrets"]]
    return [
        (COMPOSE["secrets"][one["source"]]["file"], one.get("target", f"/run/secrets/{one['source']}")) for one in pairs
    ]


def start_parts() -> None:
    """Start Debian's own parts in the place of the other images."""
    with Path("/etc/hosts").open("a") as hosts:
        hosts.write(f"127.0.0.1 {' '.join(name for name in SERVICES if 'image' in SERVICES[name])}\n")
    subprocess.run(["systemctl", "stop", "nginx", "redis-server", "mariadb"], check=True)
    start_database(SERVICES["database"])
    broker = [f"--property=BindReadOnlyPaths={FOLDER / file}:{to}" for file, to in files_of(SERVICES["broker"])]
    started(["--uid=redis", *broker, *words_of(SERVICES["broker"]["command"])])
    for file, _target in files_of(SERVICES["storage"]):
        json.loads((FOLDER / file).read_text())
    storage = ["--setenv=S3_IGNORE_SUBDOMAIN_BUCKETNAME=true", "--setenv=PYTHONPATH=/guide/site-packages"]
    started([*storage, "python3", "-c", "from moto.server import main; main()", "-H", "0.0.0.0", "-p", "8333"])


def start_database(service: dict[str, Any]) -> None:
    """Start MariaDB with the container's options, and make the database and user that its image would make."""
    options = "\n".join(word.removeprefix("--") for word in words_of(service["command"]))
    Path("/etc/mysql/mariadb.conf.d/90-container.cnf").write_text(f"[mysqld]\nbind-address=0.0.0.0\n{options}\n")
    subprocess.run(["systemctl", "start", "mariadb"], check=True)
    given = service["environment"]
    password = (FOLDER / "made" / Path(given["MARIADB_PASSWORD_FILE"]).name).read_text().strip()
    name, user = given["MARIADB_DATABASE"], f"'{given['MARIADB_USER']}'@'%'"
    statements = (
        f"CREATE DATABASE {name}; CREATE USER {user} IDENTIFIED BY '{password}'; GRANT ALL ON {name}.* TO {user}"
    )
    subprocess.run(["mariadb", "--execute", statements], check=True)


def start_proxy() -> None:
    """Start nginx with the container's files."""
    Path("/etc/nginx/sites-enabled/default").unlink(missing_ok=True)
    for file, target in files_of(SERVICES["proxy"]):
        shutil.copy(FOLDER / file, target)
    started(["--property=StandardOutput=append:/guide/nginx.log", "nginx", "-g", "daemon off;"])


def started(words: list[str]) -> None:
    """Start a unit."""
    subprocess.run(["systemd-run", "--quiet", *words], check=True)


def is_healthy(name: str, image: Image) -> bool:
    """Say whether a container's own check succeeds."""
    kind, *words = words_of(SERVICES[name]["healthcheck"]["test"])
    try:
        if name in ("database", "storage", "proxy"):
            return True  # the checks are those images' own programs
        if name == "broker":
            return (
                subprocess.run(["/bin/sh", "-c", at_hand(words[0])], check=False, capture_output=True).returncode == 0
            )
        in_container(name, words if kind == "CMD" else ["/bin/sh", "-c", words[0]], image, wait=True)
    except subprocess.CalledProcessError:
        return False
    return True


def at_hand(command: str) -> str:
    """Return a command that reads a secret where it lies on this machine."""
    return command.replace("/run/secrets/", f"{FOLDER}/made/")


def up() -> None:
    """Build the image and start all parts, in the order that the Compose file asks for."""
    image = Image()
    image.build(run=True)
    start_parts()
    ours = {
        name: service
        for name, service in SERVICES.items()
        if service["image"] == "lungwise" and "profiles" not in service
    }
    for name, service in sorted(ours.items(), key=lambda one: one[1]["restart"] != "no"):
        print(f"    {name}: {service['command']}"[:120], flush=True)
        in_container(name, words_of(service["command"]), image, wait=service["restart"] == "no")
    start_proxy()
    for name, service in SERVICES.items():
        if "healthcheck" in service and "profiles" not in service and name not in AFTER_THE_FIRST_ACCOUNT:
            await_health(name, image)
    command = Path("/usr/local/bin/lungwise")
    command.write_text('#!/bin/sh\nexec docker compose exec pages lungwise "$@"\n')
    command.chmod(0o755)


def up_too(profile: str) -> None:
    """Start the parts of a profile."""
    image = Image()
    image.build(run=False)
    for name in (name for name, service in SERVICES.items() if profile in service.get("profiles", ())):
        in_container(name, words_of(SERVICES[name]["command"]), image, wait=False)
        await_health(name, image)


def await_health(name: str, image: Image) -> None:
    """Wait until a container's own check succeeds."""
    for _ in range(TRIES):
        if is_healthy(name, image):
            print(f"    {name} is healthy", flush=True)
            return
        time.sleep(1)
    subprocess.run(["journalctl", "--no-pager", "--lines=50", f"--unit=container-{name}"], check=False)
    raise SystemExit(f"{name} does not become healthy")


def execute(name: str, words: list[str]) -> None:
    """Run a command in a container; the prompt for a password is answered."""
    image = Image()
    image.build(run=False)
    if words[:3] == ["lungwise", "users", "add"] and "--password" not in words:
        words = [*words, "--password", PASSWORD]
    in_container(name, words, image, wait=True)
    for other in AFTER_THE_FIRST_ACCOUNT if words[:3] == ["lungwise", "users", "add"] else ():
        await_health(other, image)


if __name__ == "__main__":
    os.umask(0o022)
    match sys.argv[1:]:
        case ["compose", "up", "--detach", "--build"]:
            up()
        case ["compose", "--profile", profile, "up", "--detach"]:
            up_too(profile)
        case ["compose", "exec", name, *words]:
            execute(name, words)
        case _:
            raise SystemExit(f"This stand-in knows nothing of: docker {shlex.join(sys.argv[1:])}")
