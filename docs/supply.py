"""What Lungwise is made of: a bill of materials (CycloneDX 1.6), and the licences of all that runs with it.

`make docs` writes the bill to `docs/sbom.cdx.json`; `make licences` lists the licences and fails where one is not
allowed. Both go by the lock files of what runs: the product and its optional parts, without tests and training.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, metadata
from pathlib import Path

import click
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement

import lungwise

ROOT = Path(__file__).parents[1]
RUNNING = ("run", "onnxruntime", "s3", "gunicorn", "celery")
"""The locks of what runs."""
WEIGHTS = ROOT / "src" / "lungwise" / "weights"
ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0",
        "Unlicense", "Zlib", "ZPL-2.1",
    }
)  # fmt: skip
"""Licences (SPDX) under which a clinic may use and pass on what runs, without opening what is its own."""
_WORDS = {
    "apache": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "isc": "ISC",
    "mit": "MIT",
    "mozilla": "MPL-2.0",
    "unlicense": "Unlicense",
    "zope": "ZPL-2.1",
    "zpl": "ZPL-2.1",
}
"""What a licence is called in older metadata. "BSD" alone is taken for the three-clause one, the stricter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package as a lock file pins it."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The package's name."""
        return self.requirement.name

    @property
    def version(self) -> str:
        """The version that is pinned."""
        return next(iter(self.requirement.specifier)).version

    @property
    def is_here(self) -> bool:
        """Whether this platform needs it."""
        marker = self.requirement.marker
        return marker is None or marker.evaluate()


def locked(lock: Path) -> Iterator[Package]:
    """Read the packages of a lock file."""
    for entry in re.split(r"\n(?=\w)", re.sub(r"(?m)^\s*#.*\n", "", lock.read_text(encoding="utf-8"))):
        requirement = entry.split("\\")[0].strip()
        yield Package(
            requirement=Requirement(requirement), hashes=tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))
        )


_OF_SOME_PYTHONS = {"async-timeout": "Apache-2.0"}
"""Licences of packages that run with some versions of Python alone, so that all write the same bill."""


def running() -> list[Package]:
    """List every package that runs with Lungwise, each pin once, by name."""
    packages = [package for name in RUNNING for package in locked(ROOT / f"locks/{name}.txt")]
    return sorted(
        {str(package.requirement): package for package in packages}.values(), key=lambda one: (one.name, one.version)
    )


def licence_of(package: PackageMetadata) -> str:
    """Give a package's licence as an SPDX expression; as the package words it where that says nothing to us."""
    for expression in package.get_all("License-Expression") or ():
        return str(expression)
    classifiers = [name for name in package.get_all("Classifier") or () if name.startswith("License ::")]
    stated = " ".join([*classifiers, *(text[:60] for text in package.get_all("License") or ())]).casefold()
    known = sorted({licence for word, licence in _WORDS.items() if re.search(rf"\b{word}\b", stated)})
    return " OR ".join(known) or stated or "unknown"


def is_allowed(licence: str) -> bool:
    """Say whether an SPDX expression can be met with allowed licences alone."""
    choices = (re.split(r"\s+AND\s+", choice) for choice in re.split(r"\s+OR\s+", licence.strip("()")))
    return any(all(part.strip("()") in ALLOWED for part in choice) for choice in choices)


def licences() -> dict[str, str]:
    """Give the licence of every package that runs with Lungwise on this platform."""
    names = [package.name for package in running() if package.is_here]
    return {name: licence_of(metadata(name)) for name in names}


def bill() -> str:
    """Write the bill of materials: the packages with their hashes and licences, and the model."""
    known = _OF_SOME_PYTHONS | licences()
    product = Component(
        type=ComponentType.APPLICATION,
        name="lungwise",
        version=lungwise.__version__,
        bom_ref="lungwise",
        licenses=[DisjunctiveLicense(id="Apache-2.0")],
    )
    parts = [_component(package, known.get(package.name)) for package in running()]
    bom = Bom(components=[*parts, _model()], serial_number=uuid.UUID(int=0))
    bom.metadata.component = product
    bom.register_dependency(product, [*parts])
    written = json.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())
    del written["serialNumber"], written["metadata"]["timestamp"]  # the same materials make the same file
    return json.dumps(written, indent=1, sort_keys=True) + "\n"


def _component(package: Package, licence: str | None) -> Component:
    name = package.name
    return Component(
        name=name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{name}@{package.version}",  # one package may be pinned twice, for different Pythons
        purl=PackageURL("pypi", None, name, package.version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=content) for content in package.hashes],
        licenses=[_license(licence)] if licence else [],
    )


def _license(licence: str) -> License:
    if re.search(r"\b(AND|OR)\b", licence):
        return LicenseExpression(licence)
    return DisjunctiveLicense(id=licence) if licence in ALLOWED else DisjunctiveLicense(name=licence)


def _model() -> Component:
    card = json.loads((WEIGHTS / "card.json").read_text(encoding="utf-8"))
    weights = (WEIGHTS / "inception_v3.onnx").read_bytes()
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=card["name"],
        version=card["version"],
        bom_ref="model",
        description=card["intended_use"],
        supplier=OrganizationalEntity(name="Lungwise"),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(weights).hexdigest())],
        licenses=[DisjunctiveLicense(name="Learnt from films that are in part for research use alone; see the card")],
    )


@click.group()
def main() -> None:
    """Say what Lungwise is made of."""


@main.command("bill")
def write_bill() -> None:
    """Write the bill of materials anew."""
    (ROOT / "docs" / "sbom.cdx.json").write_text(bill(), encoding="utf-8")


@main.command("licences")
def list_licences() -> None:
    """List the licences of all that runs; fails where one is not allowed."""
    refused = 0
    for name, licence in licences().items():
        refused += not is_allowed(licence)
        click.echo(f"{name:28} {licence}{'' if is_allowed(licence) else '   not allowed'}")
    if refused:
        raise click.ClickException(f"{refused} licences are not allowed. Replace these packages, or see ALLOWED.")


if __name__ == "__main__":
    main()
