"""Orthanc from Debian, as an archive of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dicom_peers import until

USER, PASSWORD = "lungwise", "a secret: with a colon"
PLUGINS = "/usr/share/orthanc/plugins"


@dataclass
class Orthanc:
    """An archive of its own: its DICOM port, and its REST API."""

    folder: Path
    dicom: int
    http: int

    @property
    def name(self) -> str:
        """The archive as a destination."""
        return f"ARCHIVE@127.0.0.1:{self.dicom}"

    @property
    def dicomweb(self) -> str:
        """Its address for DICOMweb."""
        return f"http://127.0.0.1:{self.http}/dicom-web"

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=240) as answer:
            return bytes(answer.read())

    def post(self, path: str, data: object) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", json.dumps(data).encode())
        with urllib.request.urlopen(request, timeout=240) as answer:
            return bytes(answer.read())

    def all(self, level: str) -> list[dict[str, Any]]:
        return [json.loads(self.get(f"/{level}/{key}")) for key in json.loads(self.get(f"/{level}"))]

    @contextmanager
    def running(
        self, node: int = 0, *, routes: bool = False, worklist: Path | None = None, dicomweb: bool = False
    ) -> Iterator[None]:
        """Run it; it may know a node at this port, route all that it stores there, and serve a folder as worklist.

        With DICOMweb it asks for a name and a password: `USER` and `PASSWORD`.
        """
        script = self.folder.with_suffix(".lua")
        script.write_text("function OnStoredInstance(id) SendToModality(id, 'LUNGWISE') end" if routes else "")
        settings = {
            "LuaScripts": [str(script)],
            "DicomModalities": {"LUNGWISE": ["LUNGWISE", "127.0.0.1", node]} if node else {},
            "Name": "ARCHIVE",
            "DicomAet": "ARCHIVE",
            "DicomPort": self.dicom,
            "HttpPort": self.http,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": dicomweb,
            "RegisteredUsers": {USER: PASSWORD},
            "StorageDirectory": str(self.folder),
            "IndexDirectory": str(self.folder),
            "Plugins": [f"{PLUGINS}/libModalityWorklists.so"] * (worklist is not None)
            + [f"{PLUGINS}/libOrthancDicomWeb.so"] * dicomweb,
            "Worklists": {"Enable": worklist is not None, "Database": str(worklist or "")},
            "DicomAlwaysAllowFindWorklist": True,
            "OverwriteInstances": False,
        }
        file = self.folder.with_suffix(".json")
        file.write_text(json.dumps(settings))
        with self.folder.with_suffix(".log").open("w") as log:
            process = subprocess.Popen(["/usr/sbin/Orthanc", str(file)], stdout=log, stderr=log)
        try:
            until(self._answers)
            yield
        finally:
            process.terminate()
            process.wait(240)

    def _answers(self) -> bool:
        return listens(self.dicom) and listens(self.http)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
