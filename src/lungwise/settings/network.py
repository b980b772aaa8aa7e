"""The settings of the hospital's network: the DICOM node, the archives, DICOMweb, and systems that get reports."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from lungwise.settings.checks import (
    PORT,
    USUAL_OBJECTS,
    listed,
    only_an_archive,
    only_origins,
    only_result_objects,
    only_with,
)
from lungwise.settings.destinations import DESTINATIONS, Destinations
from lungwise.settings.hl7 import Hl7Settings


class NetworkSettings(Destinations, Hl7Settings, use_attribute_docstrings=True):
    """What comes from machines and archives, and goes to them."""

    node_ae_title: str = Field(default="LUNGWISE", pattern="^[ -\\[\\]-~]{1,16}$")
    """AE title of the DICOM node, and of the sender: 16 letters, digits and signs at most, no backslash."""
    node_clinic: str = ""
    """Clinic that films of the DICOM node belong to. Empty: the only one there is."""
    node_host: str = "127.0.0.1"
    """Address that the DICOM node listens on; 0.0.0.0 for the whole network."""
    node_port: int = Field(default=11112, ge=0, le=65535)
    """Port of the DICOM node; 0 for any free one."""
    node_callers: str = ""
    """AE titles that may send films to the node, separated by commas. Empty: any."""
    node_associations: int = Field(default=8, ge=1, le=100)
    """Associations that the node holds at once."""
    node_wait_seconds: int = Field(default=20, ge=0, le=120)
    """Seconds that a peer beyond these waits for a place before it is rejected."""
    node_idle_seconds: int = Field(default=30, ge=1, le=3600)
    """Seconds of silence after which the node ends an association."""
    node_megabytes: int = Field(default=64, ge=1, le=256)
    """Largest object that the node takes."""
    node_tls_certificate: Path | None = None
    """Certificate of the DICOM node; with it the node speaks TLS alone."""
    node_tls_key: Path | None = None
    """Key of that certificate."""
    node_tls_client_ca: Path | None = None
    """Certificate authority that the senders' own certificates must come from."""
    node_commitment_to: str = Field(default="", pattern=DESTINATIONS)
    """Senders that ask whether their films are safe (storage commitment), each where it awaits the answer, as
    AE@host:port, separated by commas. One that is not named is answered only while its association stays open."""
    node_worklist: bool = False
    """Whether the DICOM node gives X-ray machines the open orders of its clinic, as a modality worklist."""
    dicomweb_origins: Annotated[str, AfterValidator(only_origins)] = ""
    """Web pages elsewhere that may ask DICOMweb with a token, such as a viewer's: their origins, as
    https://viewer.example.org, separated by commas. Empty: none."""
    send_objects: Annotated[str, AfterValidator(only_result_objects)] = Field(
        default="", pattern=r"^$|^[^=,]{1,16}=[A-Z+]+( *, *[^=, ][^=,]{0,15}=[A-Z+]+)*$"
    )
    """Objects that an archive gets, as AE=SR+PDF, separated by commas: SR (structured report), GSPS (presentation
    state: outlines of the heat map that a viewer draws on the film itself), SEG (segmentation: the same regions as a
    mask), SC (heat map over the film), PDF (report). An archive that is not named gets all of them but the
    segmentation, and no presentation state that it does not take."""
    send_tls_ca: Path | None = None
    """Certificate authority of the archives, and of all peers that Lungwise calls; with it results go over TLS, with
    the node's certificate."""
    send_commitment: str = Field(default="", pattern=r"^$|^[^@=,]{1,16}( *, *[^@=, ][^@=,]{0,15})*$")
    """Archives, by their AE titles, separated by commas, that confirm what they keep (storage commitment): results
    count as sent once the archive has said so to `lungwise node`."""
    send_commitment_minutes: int = Field(default=60, ge=1, le=1440)
    """Minutes that such an archive has to confirm results before it is asked again; the third time they are sent
    again."""
    priors_from: Annotated[str, AfterValidator(only_an_archive)] = ""
    """Archive that patients' earlier chest films are fetched from once a film of theirs arrives, as AE@host:port, or by
    DICOMweb as https://archive.example.org/dicom-web (http only on this machine). `lungwise node` fetches them, to
    compare with: they are not read. Empty: none are fetched."""
    priors_by: Literal["C-MOVE", "C-GET"] = "C-MOVE"
    """How that archive hands films out: C-MOVE, for which it must know the node's AE title and address, or C-GET."""
    priors_user: str = Field(default="", pattern=r"^[^:\x00-\x1f]*$")
    """Lungwise's name at an archive that is asked by DICOMweb (HTTP Basic)."""
    priors_password: SecretStr = SecretStr("")
    """Its password there."""
    priors_token_file: Path | None = None
    """File that holds a bearer token for that archive instead, read anew for each patient."""
    priors_films: int = Field(default=6, ge=1, le=50)
    """Most earlier films of one patient that are kept."""
    priors_megabytes: int = Field(default=200, ge=1, le=5000)
    """Most megabytes of earlier films of one patient that are kept."""
    priors_years: int = Field(default=5, ge=1, le=100)
    """Years that an earlier film goes back at most."""
    worklist_from: str = Field(default="", pattern=rf"^$|^[^@,]{{1,16}}@[^@,]+:{PORT}$")
    """The hospital's modality worklist, as AE@host:port. `lungwise node` asks it for the accession number of a DICOM
    film that arrives without one. Empty: none is asked."""
    clinic_destinations: dict[str, Destinations] = Field(default={})
    """Where the results of each clinic go, where clinics are of several hospitals: a table (JSON in the environment) of
    clinics, each with its own `send_to`, `report_webhook_url`, `fhir_url`, `hl7_results_to` and what belongs to these.
    Those of the installation are left empty then, and a clinic that is not named sends nothing."""

    @model_validator(mode="after")
    def _takes_films_by_tls(self) -> Self:
        only_with(self, "node_tls_certificate", "node_tls_key", "node_tls_client_ca")
        return self

    @model_validator(mode="after")
    def _sends_each_result_to_its_hospital(self) -> Self:
        if self.clinic_destinations and self.own_destinations:
            raise ValueError(
                f"clinic_destinations says for each clinic where results go: set {self.own_destinations[0]} there"
            )
        return self

    def for_clinic(self, clinic: str) -> Self:
        """Return the settings as they are for a clinic: with its own destinations, where these are by clinic."""
        if not self.clinic_destinations:
            return self
        own = self.clinic_destinations.get(clinic, Destinations())
        return self.model_copy(update={name: getattr(own, name) for name in Destinations.model_fields})

    @property
    def own_destinations(self) -> list[str]:
        """The settings by which results of the whole installation go somewhere."""
        sending = ("send_to", "report_webhook_url", "fhir_url", "hl7_results_to")
        return [name for name in sending if getattr(self, name)]

    @property
    def all_send_to(self) -> list[str]:
        """The archives that results of any clinic are sent to."""
        return _once(one.send_to_list for one in (self, *self.clinic_destinations.values()))

    @property
    def all_report_to(self) -> list[str]:
        """The systems beside archives that get reports of any clinic, by the names of their kinds."""
        return _once(one.report_to_list for one in (self, *self.clinic_destinations.values()))

    @property
    def destinations(self) -> list[str]:
        """Wherever results of any clinic are sent."""
        return [*self.all_send_to, *self.all_report_to]

    @property
    def node_callers_list(self) -> list[str]:
        """The AE titles that may send films to the node; none named is all."""
        return listed(self.node_callers)

    @property
    def node_commitment_to_list(self) -> list[str]:
        """Where senders await what is said of their films."""
        return listed(self.node_commitment_to)

    @property
    def send_commitment_list(self) -> list[str]:
        """The AE titles of the archives that confirm what they keep."""
        return listed(self.send_commitment)

    @property
    def dicomweb_origins_list(self) -> list[str]:
        """The origins of web pages that may ask DICOMweb."""
        return listed(self.dicomweb_origins)

    def objects_for(self, title: str) -> frozenset[str]:
        """Return the kinds of objects that an archive gets: SR, GSPS, SEG, SC, PDF."""
        named = self._named_objects()
        return frozenset(named[title].split("+")) if title in named else USUAL_OBJECTS

    def names_objects_of(self, title: str) -> bool:
        """Return whether it is set which kinds of objects an archive gets."""
        return title in self._named_objects()

    def _named_objects(self) -> dict[str, str]:
        return dict(one.split("=", 1) for one in listed(self.send_objects))


def _once(lists: Iterable[list[str]]) -> list[str]:
    return list(dict.fromkeys(chain.from_iterable(lists)))
