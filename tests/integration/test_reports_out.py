"""Reports on their way to a system that is no archive, from processes that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from conftest import Clock, open_services
from forked import start
from lungwise.patients.service import PatientFacts
from lungwise.settings import Settings
from lungwise.store import Database, utc_now
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.models import Dispatch
from lungwise.studies.service import Conclusion
from lungwise.wiring import Wiring
from processes import SYNTHETIC, environment
from report_receiver import answering, receiver


def run(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*SYNTHETIC, *words]
    return subprocess.run(command, env=environment(settings), capture_output=True, text=True, timeout=240)


def test_a_kill_before_the_acknowledgement_loses_no_report_and_sends_none_under_two_keys(
    settings: Settings, migrate: Callable[[Settings], None], film: Callable[..., bytes]
) -> None:
    migrate(settings)
    with receiver() as there:
        settings = there.set_up(settings)
        for services in open_services(settings, Clock(utc_now())):
            person = services.person()
            key = services.studies.open(person, PatientFacts(identifier="7"), [("film", film())]).key
            services.read_all()
            services.session.commit()
        process = start([*SYNTHETIC, "send"], environment(settings))

        def kill(_request: BaseHTTPRequestHandler) -> None:
            os.kill(process.pid, signal.SIGKILL)

        there.answer = kill
        process.communicate(timeout=240)
        assert len(there.got) == 1
        there.answer = answering(200)
        waiting = run(settings, "unsent", "--json", "--late", "60")
        line = json.loads(waiting.stdout)
        assert (line["study"], line["archive"], line["state"]) == (key, "webhook", "sending")

        database = Database(settings)
        with database.writing() as session:
            session.query(Dispatch).update({"due_at": utc_now()})  # the lease of who died has ended
            studies = Wiring(settings, services.store).over(session).studies
            studies.conclude(person, key, Conclusion(conclusion=Diagnosis.TUBERCULOSIS))
        database.close()
        sent = run(settings, "send")
        assert sent.returncode == 0, sent.stdout + sent.stderr
        assert [got.headers["Idempotency-Key"] for got in there.got] == [f"{key}-1", f"{key}-2"]
        assert json.loads(there.got[1].body)["report"]["study"]["conclusion"] == "tuberculosis"
        again = run(settings, "send", key)
        assert (again.returncode, len({got.headers["Idempotency-Key"] for got in there.got})) == (0, 2), again.stderr
        assert len(there.got) == 3  # somebody asked for it once more
