"""The API does what its document says: schemathesis asks what it allows, and much that it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import lungwise
from live_server import live_server
from lungwise.cli.synthetic_film import as_jpeg, synthetic_film
from lungwise.client import Client

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
HERE = Path(__file__).parent
FILMS = [as_jpeg(synthetic_film(seed, 4)) for seed in (3, 4)]


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    paths = os.pathsep.join([str(HERE), str(Path(lungwise.__file__).parents[1])])
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "api_hooks", "PYTHONPATH": paths}
    dhis2 = {"dhis2_data_elements": "films=aBcDeFgHiJ1", "dhis2_org_units": "aBcDeFgHiJ1"}
    with live_server(tmp_path / "data", api_rate=1_000_000, **dhis2) as server:
        client = Client(server.address, server.token)
        environment["LUNGWISE_STUDIES"] = " ".join(client.read([film]).key for film in FILMS)
        command = [str(SCHEMATHESIS), "run", f"{server.address}/api/v1/openapi.json", "--checks", "all"]
        command += ["--header", f"Authorization: Bearer {server.token}", "--max-examples", "15", "--seed", "1"]
        # It makes few studies of its own: none would be left to ask for. test_api.py deletes.
        command += ["--exclude-operation-id", "delete_study", "--exclude-operation-id", "delete_patient"]
        command += ["--exclude-operation-id", "get_service_request"]  # of which it knows no key: test_fhir.py does
        found = subprocess.run(
            [*command, "--no-color"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
        )
    said = found.stdout + found.stderr
    assert found.returncode == 0, said
    assert "No issues found" in said, said
    for phase in ("Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in said, said
