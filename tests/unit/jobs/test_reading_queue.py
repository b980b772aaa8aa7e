from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, update

from dicom_files import dicom_file
from lungwise.films import Refusal, open_film
from lungwise.jobs.reading_queue import ATTEMPTS, Claim, Jobs, Model
from lungwise.patients.service import PatientFacts
from lungwise.reading.reading import Verdict
from lungwise.store import Database, database_time
from lungwise.studies.dispatch_models import DispatchState
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord, Study, StudyStatus
from synthetic_films import chest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.reading.reading import Reading
    from synthetic_reader import SyntheticReader

SYNTHETIC = Model(name="synthetic", version="1")


def queued(services: Services, *films: bytes) -> Jobs:
    """Queue films and give the queue."""
    services.studies.open(services.person(), PatientFacts(), [(str(n), data) for n, data in enumerate(films)])
    services.session.commit()
    return Jobs(services.session, services.clock, 30)


def claimed(jobs: Jobs) -> Claim:
    (claim,) = jobs.claim(SYNTHETIC)
    return claim


def change(services: Services, **values: Any) -> None:
    """Change every job behind its queue's back, as another process or another clock would."""
    services.session.execute(update(Job).values(**values))
    services.session.expire_all()


def due_in(services: Services, seconds: float) -> None:
    change(services, due_at=database_time(services.session) + timedelta(seconds=seconds))


def the_job(services: Services) -> Job:
    services.session.flush()
    services.session.expire_all()
    return services.session.scalars(select(Job)).one()


def reading_of(data: bytes, reader: SyntheticReader) -> Reading:
    return reader.read(open_film(data))


def test_nobody_claims_what_another_has(either_services: Services, film: Callable[..., bytes]) -> None:
    jobs = queued(either_services, *(film(n) for n in range(4)))
    claims = [jobs.claim(SYNTHETIC) for _ in range(5)]
    assert claims[-1] == []
    assert len({claim.job for batch in claims for claim in batch}) == 4


def test_several_films_are_taken_at_once_the_oldest_first_and_by_nobody_else(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    jobs = queued(either_services, *(film(n) for n in range(5)))
    first, rest = jobs.claim(SYNTHETIC, 3), jobs.claim(SYNTHETIC, 3)
    taken = [claim.job for claim in first + rest]
    assert (len(first), len(rest)) == (3, 2)
    assert taken == sorted(set(taken))


def test_a_film_that_was_tried_before_is_taken_alone(either_services: Services, film: Callable[..., bytes]) -> None:
    jobs = queued(either_services, *(film(n) for n in range(4)))
    second = either_services.session.scalars(select(Job.id).order_by(Job.id)).all()[1]
    either_services.session.execute(update(Job).where(Job.id == second).values(attempts=1))
    batches = [jobs.claim(SYNTHETIC, 4) for _ in range(4)]
    assert [len(batch) for batch in batches] == [1, 1, 2, 0]
    assert batches[1][0].job == second


def test_what_a_dead_reader_had_claimed_goes_before_what_is_queued(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    jobs = queued(either_services, *(film(n) for n in range(4)))
    dead = [claim.job for claim in jobs.claim(SYNTHETIC, 2)]
    due_in(either_services, -1)
    batches = [jobs.claim(SYNTHETIC, 2) for _ in range(3)]
    assert [len(batch) for batch in batches] == [1, 1, 2]
    assert [claim.job for batch in batches[:2] for claim in batch] == dead


def test_a_film_that_the_model_has_read_is_not_taken_with_others(
    services: Services, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    jobs = queued(services, film(1), film(2), film(3))
    _, read, _ = batch = jobs.claim(SYNTHETIC, 3)
    jobs.finish({read: reading_of(film(2), synthetic_reader())})
    change(services, state=JobState.QUEUED, attempts=0)
    due_in(services, 0)
    assert [claim.job for _ in range(2) for claim in jobs.claim(SYNTHETIC, 3)] == [batch[0].job, batch[2].job]


def test_films_are_finished_together_each_with_its_reading_and_every_study_summed_up(
    either_services: Services, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    jobs = queued(either_services, film(1), film(2))
    queued_film(either_services, film(3))
    batch = jobs.claim(SYNTHETIC, 4)
    whole, alone = {claim.study: None for claim in batch}
    outcomes = {
        claim: reading_of(either_services.store.get(claim.study, claim.sha256), synthetic_reader()) for claim in batch
    }
    jobs.finish({batch[0]: outcomes[batch[0]], batch[2]: Refusal("no film", {"sentence": "This is no film."})})
    assert statuses(either_services) == {whole: StudyStatus.WAITING, alone: StudyStatus.REFUSED}
    jobs.finish(outcomes)
    kept = select(FilmRecord.sha256, ReadingRecord.probability).join(ReadingRecord)
    assert dict(either_services.session.execute(kept).all()) == {
        batch[0].sha256: pytest.approx(outcomes[batch[0]].probability),
        batch[1].sha256: pytest.approx(outcomes[batch[1]].probability),
        batch[2].sha256: None,
    }
    highest = max((outcomes[claim] for claim in batch[:2]), key=lambda reading: reading.probability)
    assert statuses(either_services) == {whole: StudyStatus(highest.verdict.value), alone: StudyStatus.REFUSED}


def test_readers_with_films_of_the_same_studies_keep_them_side_by_side(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    database, start = Database(either_services.settings), threading.Barrier(2)

    def finish(claims: list[Claim]) -> None:
        start.wait(60)
        with database.writing() as session:
            jobs = Jobs(session, either_services.clock, 30)
            jobs.finish(dict.fromkeys(claims, Refusal("no film", {"sentence": "This is no film."})))

    with ThreadPoolExecutor(2) as readers:
        for round_ in range(10):
            queued_film(either_services, film(1), film(2), name=f"Ada{round_}")
            queued_film(either_services, film(1), film(2), name=f"Bob{round_}")
            one, two, three, four = Jobs(either_services.session, either_services.clock, 30).claim(SYNTHETIC, 4)
            either_services.session.commit()
            for done in [readers.submit(finish, batch) for batch in ([one, three], [four, two])]:
                done.result(60)
    database.close()
    assert set(statuses(either_services).values()) == {StudyStatus.REFUSED}


def statuses(services: Services) -> dict[str, str]:
    services.session.flush()
    services.session.expire_all()
    return {study.key: study.status for study in services.session.scalars(select(Study))}


def test_a_lease_that_is_renewed_holds_and_one_that_runs_out_does_not(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    jobs = queued(either_services, film(1))
    claim = claimed(jobs)
    due_in(either_services, -1)
    jobs.renew(claim)
    assert jobs.claim(SYNTHETIC) == []
    assert not jobs.any_due()
    due_in(either_services, -1)
    assert jobs.any_due()
    second = claimed(jobs)
    assert (second.job, second.token == claim.token) == (claim.job, False)
    due_in(either_services, -1)
    jobs.renew(claim)  # too late: it is another's
    assert jobs.any_due()


def test_what_was_leased_before_the_clock_was_set_back_is_taken_up(
    either_services: Services, film: Callable[..., bytes]
) -> None:
    jobs = queued(either_services, film(1))
    claimed(jobs)
    due_in(either_services, 86400)
    claimed(jobs)
    change(either_services, state=JobState.QUEUED)
    due_in(either_services, 86400)
    claimed(jobs)


def test_the_first_to_finish_has_finished_whoever_holds_the_lease(
    either_services: Services, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    jobs = queued(either_services, film(1))
    slow = claimed(jobs)
    due_in(either_services, -1)
    quick = claimed(jobs)
    reading = reading_of(film(1), synthetic_reader())
    jobs.finish({slow: reading})
    jobs.finish({quick: reading})
    jobs.fail(quick, "too late")
    assert the_job(either_services).state == JobState.DONE
    assert either_services.session.scalar(select(func.count()).select_from(ReadingRecord)) == 1


def test_who_has_lost_the_lease_neither_fails_nor_returns_the_job(
    services: Services, film: Callable[..., bytes]
) -> None:
    jobs = queued(services, film(1))
    slow = claimed(jobs)
    due_in(services, -1)
    quick = claimed(jobs)
    jobs.fail(slow, "a fault")
    jobs.release(slow)
    job = the_job(services)
    assert (job.state, job.claim, job.attempts) == (JobState.RUNNING, quick.token, 2)


def test_a_fault_is_tried_again_later_and_later_and_then_called_failed(
    services: Services, film: Callable[..., bytes]
) -> None:
    jobs, waits = queued(services, film(1)), []
    for _attempt in range(ATTEMPTS):
        jobs.fail(claimed(jobs), "Fault")
        assert jobs.claim(SYNTHETIC) == []
        waits.append(the_job(services).due_at - database_time(services.session))
        due_in(services, 0)
    job = the_job(services)
    assert (job.state, job.attempts, job.error) == (JobState.FAILED, ATTEMPTS, "Fault")
    assert waits[0] < waits[1] < waits[2]
    assert job.film.study.status == StudyStatus.REFUSED


def test_a_film_that_ends_every_process_is_not_tried_for_ever(services: Services, film: Callable[..., bytes]) -> None:
    jobs = queued(services, film(1))
    for _attempt in range(ATTEMPTS):
        claimed(jobs)
        due_in(services, -1)
    assert jobs.claim(SYNTHETIC) == []
    assert the_job(services).state == JobState.FAILED


def test_what_could_not_be_begun_counts_as_no_attempt(services: Services, film: Callable[..., bytes]) -> None:
    jobs = queued(services, film(1))
    jobs.release(claimed(jobs), pause=2)
    assert jobs.claim(SYNTHETIC) == []
    due_in(services, 0)
    jobs.release(claimed(jobs))
    assert the_job(services).attempts == 0
    claimed(jobs)


def test_new_films_go_before_old_ones_that_are_read_again_and_only_the_named_model_reads_these(
    services: Services, film: Callable[..., bytes]
) -> None:
    jobs = queued(services, film(1))
    jobs.finish({claimed(jobs): Refusal("no film", {"sentence": "This is no film."})})
    services.queue.reread(Model(name="synthetic", version="2"))
    queued_later = queued_film(services, film(2))
    assert claimed(jobs).sha256 == queued_later
    assert jobs.claim(SYNTHETIC) == []
    assert len(jobs.claim(Model(name="synthetic", version="2"))) == 1


def queued_film(services: Services, *films: bytes, name: str = "Bob") -> str:
    """Queue films of another study, and give the first one's hash."""
    study = services.studies.open(services.person(name), PatientFacts(), [("b", data) for data in films])
    services.session.commit()
    return study.films[0].sha256


def test_a_film_that_the_model_has_read_is_not_read_again(
    services: Services, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    jobs = queued(services, film(1))
    jobs.finish({claimed(jobs): reading_of(film(1), synthetic_reader())})
    change(services, state=JobState.QUEUED)
    due_in(services, 0)
    assert jobs.claim(SYNTHETIC) == []
    assert the_job(services).state == JobState.DONE


def test_a_study_whose_verdict_a_second_reading_changes_is_unread_again(
    services: Services, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    jobs = queued(services, film(1))
    jobs.finish({claimed(jobs): reading_of(film(1), synthetic_reader())})
    study = the_job(services).film.study
    study.unread = False
    second = Model(name="synthetic", version="2")
    services.queue.reread(second)
    (claim,) = jobs.claim(second)
    assert study.status not in (StudyStatus.WAITING, StudyStatus.REFUSED)  # the first verdict stands meanwhile
    jobs.finish({claim: Refusal("no film", {"sentence": "This is no film."})})
    assert (study.status, study.unread) == (StudyStatus.REFUSED, True)
    assert [reading.version for reading in study.films[0].readings] == ["1", "2"]


def test_a_second_reading_that_says_the_same_sends_nothing(
    services: Services, synthetic_reader: type[SyntheticReader]
) -> None:
    data = dicom_file(chest_bytes())
    queued(services, data)
    jobs = Jobs(services.session, services.clock, 30, lambda _clinic: ["ARCHIVE@127.0.0.1:104"])
    jobs.finish({claimed(jobs): reading_of(data, synthetic_reader())})
    study = the_job(services).film.study
    (dispatch,) = study.dispatches
    version, dispatch.state = study.report_version, DispatchState.SENT
    second = Model(name="synthetic", version="2")
    services.queue.reread(second)
    (claim,) = jobs.claim(second)
    jobs.finish({claim: reading_of(data, synthetic_reader())})
    services.session.expire_all()
    assert [reading.version for reading in study.films[0].readings] == ["1", "2"]
    assert (study.report_version, [one.state for one in study.dispatches]) == (version, [DispatchState.SENT])


def test_a_film_deleted_while_it_is_read_is_left_alone(services: Services, film: Callable[..., bytes]) -> None:
    person = services.person()
    key = services.studies.open(person, PatientFacts(), [("a", film(1))]).key
    jobs = Jobs(services.session, services.clock, 30)
    claim = claimed(jobs)
    services.studies.delete(person, key)
    jobs.fail(claim, "gone")
    jobs.finish({claim: Refusal("no film", {"sentence": "This is no film."})})
    assert services.session.scalar(select(func.count()).select_from(Job)) == 0


def test_a_reading_keeps_how_its_film_lay(
    services: Services, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    jobs = queued(services, film(1))
    reading = replace(reading_of(film(1), synthetic_reader()), quarter_turns=3)
    jobs.finish({claimed(jobs): reading})
    services.session.commit()
    assert services.session.scalars(select(FilmRecord)).one().quarter_turns == 3


def test_a_study_is_positive_where_one_film_is_by_other_thresholds_than_a_likelier_one(
    services: Services, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    services.studies.open(services.person(), PatientFacts(), [(str(n), film(n)) for n in (1, 2)])
    services.session.commit()
    jobs = Jobs(services.session, services.clock, 30)
    first, second = jobs.claim(SYNTHETIC, 2)
    read = reading_of(film(1), synthetic_reader())
    likelier = replace(read, verdict=Verdict.NEGATIVE, probability=0.28, pattern=None)
    positive = replace(read, verdict=Verdict.POSITIVE, probability=0.2, pattern="COVID-19")
    jobs.finish({first: likelier, second: positive})
    study = services.session.scalars(select(Study)).one()
    assert (study.status, study.probability, study.pattern) == (StudyStatus.POSITIVE, 0.2, "COVID-19")
