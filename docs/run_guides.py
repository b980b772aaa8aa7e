"""Runs the guides' blocks, in their order, on a fresh Debian: `make guide`.

Needs Debian, root, `mmdebstrap`, `python3-venv` and `systemd-container`. `mmdebstrap` makes the system from this
machine's own package sources; `systemd-nspawn` starts it with no network but its own, so that units, nginx and the
databases really run. Python packages are fetched beforehand, with this machine's own settings of pip.

A block is a file where the paragraph before it begins with the file's path, and otherwise a script or a statement.
Each section is one shell in a checkout, as for somebody who pastes all its blocks. Blocks marked `example` are not run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from lungwise.cli.synthetic_film import synthetic_jpeg
from lungwise.films.collection import read_collection

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "guide"
GUIDES, PARTS = ROOT / "docs" / "guide", ROOT / "docs" / "guide_run"
ADMINISTRATOR, SEVERAL, DEVELOPER = GUIDES / "administrator.md", GUIDES / "several-machines.md", GUIDES / "developer.md"
REST = "Use the REST API"
LOCKS = ("build", "run", "celery", "gunicorn", "s3")
NEEDED = ("ca-certificates", "curl", "dbus", "iproute2", "openssl", "python3", "systemd-sysv")
"""What a Debian server has, and what the stand-ins of the run need."""
CONTAINERS = "All of it by containers"
NOT_RUN = {"Train, export, evaluate": "it needs a collection of films"}
BEFORE = {
    "doctor.md": """
PATH=/opt/lungwise/bin:$PATH
mkdir -p /tmp/films/folder-of-films && cd /tmp/films
cp /guide/film.jpg . && cp film.jpg folder-of-films/
""",
    "developer.md": """
export SERVER=https://lungwise.example.org
curl --silent --show-error --retry 20 --retry-all-errors --retry-delay 1 --fail-with-body "$SERVER/readyz"
export TOKEN=$(lungwise tokens add ada@example.org --name guide --scope upload --scope conclude --scope export --days 1)
PATH=/opt/lungwise/bin:$PATH
cd "$(mktemp -d)" && cp /guide/film.jpg .
""",
}
"""What a page takes for granted: a film, and where it speaks of the API a server and a token."""
EXPOSURE = 20
"""The highest exposure, of 100, that `systemd-analyze security` may find in a unit."""
POLL_SECONDS = 1
_FENCE = re.compile(r"^```(\w+)( example)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"`(/[\w./@-]+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a guide."""

    section: str
    line: int
    language: str
    path: str
    is_example: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine that a guide sets up: the script of each section, and its unit files."""

    name: str
    scripts: dict[str, str]
    units: list[Path]


def blocks(page: str) -> Iterator[Block]:
    """Find the blocks of a page."""
    for found in _FENCE.finditer(page):
        before = page[: found.start()]
        sections = re.findall(r"^## (.*)$", before, re.MULTILINE)
        path = _PATH.match(before.rstrip().rsplit("\n\n", 1)[-1].lstrip("\n"))
        yield Block(
            section=sections[-1] if sections else "",
            line=before.count("\n") + 1,
            language=found[1],
            path=path[1] if path else "",
            is_example=bool(found[2]),
            text=found[3],
        )


def script(block: Block) -> str:
    """Write what does a block's work in a shell; nothing where the block is not for a shell."""
    heredoc = f" <<'__END__'\n{block.text}__END__\n"
    if block.is_example or block.section in NOT_RUN:
        return ""
    if block.path:
        return f"mkdir -p {shlex.quote(str(Path(block.path).parent))}\ncat > {shlex.quote(block.path)}{heredoc}"
    return {"sh": block.text, "sql": f"mariadb{heredoc}"}.get(block.language, "")


def sections(page: Path, only: str = "") -> dict[str, str]:
    """Write a script for each section of a page that has anything to run, or for the one section named."""
    scripts: dict[str, str] = {}
    for block in blocks(page.read_text(encoding="utf-8")):
        if only in ("", block.section) and (part := script(block)):
            mark = f"echo '--- {page.name}:{block.line}'\n"
            scripts[block.section] = scripts.get(block.section, BEFORE.get(page.name, "")) + mark + part
    return scripts


def units(page: Path) -> list[Path]:
    """Name the unit files of this repository that a page installs."""
    found = re.findall(r'^install -m 644 "?(deploy/\S+\.service)"? ', page.read_text(encoding="utf-8"), re.MULTILINE)
    return [ROOT / unit for unit in found]


def packages(pages: list[Path]) -> list[str]:
    """Name the Debian packages that the pages install."""
    found = [block for page in pages for block in blocks(page.read_text(encoding="utf-8"))]
    text = "\n".join(block.text for block in found if block.language == "sh")
    named = [word for line in re.findall(r"apt-get install -y (.*)", text) for word in shlex.split(line, comments=True)]
    return sorted({*NEEDED, *named})


def _fetch_wheels() -> None:
    """Fetch what the locks name, by the system's own Python, as the new system has it; setuptools builds sources."""
    wheels, pip_folder = CACHE / "wheels", CACHE / "pip"
    wheels.mkdir(parents=True, exist_ok=True)
    _run(["/usr/bin/python3", "-m", "venv", "--clear", str(pip_folder)])
    pip = [str(pip_folder / "bin" / "pip"), "download", "--quiet", "--dest", str(wheels)]
    locks = [f"--requirement={ROOT / 'locks' / name}.txt" for name in LOCKS]
    _run([*pip, "--require-hashes", *locks])
    _run([*pip, "setuptools", "wheel"])


def _make_system(folder: Path, wanted: list[str]) -> None:
    """Make a Debian of this machine's release, from its own package sources."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    sources = [Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")]
    mirror = [str(path) for path in sources if path.is_file()][:1]
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(wanted)}", *_apt_proxy()]
    _run([*command, release["VERSION_CODENAME"].strip('"'), str(folder), *mirror])


def _apt_proxy() -> list[str]:
    asked = subprocess.run(["apt-config", "dump", "Acquire::http::Proxy"], capture_output=True, text=True, check=True)
    return [f"--aptopt={line}" for line in asked.stdout.splitlines() if line.startswith("Acquire::http::Proxy ")]


def _copy_checkout(folder: Path) -> None:
    """Copy what git tracks or would take up."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def _write_run(system: Path, machine: Machine, film: bytes) -> None:
    """Lay the scripts into the system, and the service that runs them at its start."""
    guide = system / "guide"
    guide.mkdir()
    (guide / "film.jpg").write_bytes(film)
    names = []
    for number, (title, text) in enumerate(machine.scripts.items()):
        names.append(f"/guide/{number:02}.sh")
        (system / names[-1].lstrip("/")).write_text(f"echo {shlex.quote(f'=== {title}')}\n. /guide/section.sh\n{text}")
    checks = "".join(
        f"echo '=== {unit.name}'\n! systemd-analyze verify {unit.name.replace('@.', '@0.')} 2>&1 | grep .\n"
        f"systemd-analyze --offline=true --threshold={EXPOSURE} security /etc/systemd/system/{unit.name} | tail -1\n"
        for unit in machine.units
    )
    steps = "".join(f"bash -e {name}\n" for name in ("/guide/stand_ins.sh", *names))
    (guide / "run.sh").write_text(f"set -e -o pipefail\n{steps}{checks}echo done > /guide/result\n")
    for name in ("section.sh", "stand_ins.sh", "docker.py"):
        shutil.copy(PARTS / name, guide / name)
    service = (PARTS / "guide.service").read_text()
    (system / "etc/systemd/system/guide.service").write_text(service)
    wanted = system / "etc/systemd/system/multi-user.target.wants"
    wanted.mkdir(exist_ok=True)
    (wanted / "guide.service").symlink_to("/etc/systemd/system/guide.service")


def _start(system: Path, wheels: Path) -> bool:
    """Start the system, show what its run prints, and return whether it came to its end."""
    log, shown = system / "guide" / "log", 0
    log.touch()
    packages_here = sysconfig.get_paths()["purelib"]
    binds = [f"--bind-ro={wheels}:/guide/wheels", f"--bind-ro={packages_here}:/guide/site-packages"]
    options = ["--register=no", "--keep-unit", "--private-network", "--resolv-conf=off", "--timezone=off"]
    command = ["systemd-nspawn", "--quiet", f"--directory={system}", *options, *binds, "--boot"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            time.sleep(POLL_SECONDS)
            text = log.read_text(errors="replace")
            click.echo(text[shown:], nl=False)
            shown = len(text)
    click.echo(log.read_text(errors="replace")[shown:], nl=False)
    return (system / "guide" / "result").exists()


def _run(command: list[str]) -> None:
    click.echo(f"$ {shlex.join(command)}"[:200])
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _film_beside() -> Path | None:
    """Find a film of the collection that the tests read, which the model does not refuse."""
    table = Path(os.environ.get("LUNGWISE_TEST_FILMS", ROOT.parent / "shared" / "cxr")) / "films.csv"
    return read_collection(table)[0].path if table.is_file() else None


def machines(through_nginx: dict[str, str]) -> list[Machine]:
    """List the machines of the guides, each with what is then asked of it."""
    one = sections(ADMINISTRATOR) | sections(GUIDES / "doctor.md") | through_nginx
    several = sections(SEVERAL)
    containers = {CONTAINERS: several.pop(CONTAINERS)}
    return [
        Machine(name="one-machine", scripts=one, units=units(ADMINISTRATOR)),
        Machine(name="several-machines", scripts=several | through_nginx, units=units(SEVERAL)),
        Machine(name="containers", scripts=containers | through_nginx, units=[]),
    ]


def _succeeds(machine: Machine, base: Path, film: bytes, keep: bool) -> bool:
    """Run a machine's scripts in a copy of the system."""
    system = CACHE / machine.name
    shutil.rmtree(system, ignore_errors=True)
    _run(["cp", "--archive", str(base), str(system)])
    _copy_checkout(system / "root" / "lungwise")
    _write_run(system, machine, film)
    ended = _start(system, CACHE / "wheels")
    if not keep:
        shutil.rmtree(system)
    return ended


@click.command()
@click.option(
    "--film",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=_film_beside,
    help="A film to upload; by default the first one of the tests' collection.",
)
@click.option("--again", is_flag=True, help="Use the system and the packages of the last run.")
@click.option("--only", type=click.Choice(["one-machine", "several-machines", "containers"]), help="One of them alone.")
@click.option("--keep", is_flag=True, help="Leave the systems there, to look into.")
def main(film: Path | None, again: bool, only: str | None, keep: bool) -> None:
    """Run the guides' blocks on a fresh Debian."""
    missing = [name for name in ("mmdebstrap", "systemd-nspawn") if not shutil.which(name)]
    if os.geteuid() or missing:
        raise click.ClickException("Run this as root, after: apt-get install mmdebstrap systemd-container")
    base = CACHE / "system"
    if not again:
        shutil.rmtree(base, ignore_errors=True)
        _fetch_wheels()
        _make_system(base, packages([ADMINISTRATOR, SEVERAL]))
    wanted = [one for one in machines(sections(DEVELOPER, REST) if film else {}) if only in (None, one.name)]
    data = film.read_bytes() if film else synthetic_jpeg(1)
    failed = [machine.name for machine in wanted if not _succeeds(machine, base, data, keep)]
    _report(wanted, {} if film else {REST: "there is no film that the model reads: name one with --film"})
    if failed:
        raise click.ClickException(f"The guide failed for {' and for '.join(failed)}.")


def _report(wanted: list[Machine], further: dict[str, str]) -> None:
    for machine in wanted:
        click.echo(f"{machine.name}: {'; '.join(machine.scripts)}")
    for title, why in (NOT_RUN | further).items():
        click.echo(f"not run: {title}, since {why}")


if __name__ == "__main__":
    main()
