from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, update

from lungwise.films import Refusal, open_film
from lungwise.jobs.reading_queue import ATTEMPTS, Claim, Jobs, Model
from lungwise.patients.service import PatientFacts
from lungwise.store import Database, database_time
from lungwise.studies.models import FilmRecord, Job, JobState, ReadingRecord, Study, StudyStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rooms, SyntheticReader
    from lungwise.reading.reading import Reading

SYNTHETIC = Model("synthetic", "1")


def queued(rooms: Rooms, *films: bytes) -> Jobs:
    """Queue films and give the queue."""
    rooms.studies.open(rooms.person(), PatientFacts(), [(str(n), data) for n, data in enumerate(films)])
    rooms.session.commit()
    return Jobs(rooms.session, rooms.clock, 30)


def claimed(jobs: Jobs) -> Claim:
    (claim,) = jobs.claim(SYNTHETIC)
    return claim


def change(rooms: Rooms, **values: Any) -> None:
    """Change every job behind its queue's back, as another process or another clock would."""
    rooms.session.execute(update(Job).values(**values))
    rooms.session.expire_all()


def due_in(rooms: Rooms, seconds: float) -> None:
    change(rooms, due_at=database_time(rooms.session) + timedelta(seconds=seconds))


def the_job(rooms: Rooms) -> Job:
    rooms.session.flush()
    rooms.session.expire_all()
    return rooms.session.scalars(select(Job)).one()


def reading_of(data: bytes, reader: SyntheticReader) -> Reading:
    return reader.read(open_film(data))


def test_nobody_claims_what_another_has(either_rooms: Rooms, film: Callable[..., bytes]) -> None:
    jobs = queued(either_rooms, *(film(n) for n in range(4)))
    claims = [jobs.claim(SYNTHETIC) for _ in range(5)]
    assert claims[-1] == []
    assert len({claim.job for hand in claims for claim in hand}) == 4


def test_several_films_are_taken_at_once_the_oldest_first_and_by_nobody_else(
    either_rooms: Rooms, film: Callable[..., bytes]
) -> None:
    jobs = queued(either_rooms, *(film(n) for n in range(5)))
    first, rest = jobs.claim(SYNTHETIC, 3), jobs.claim(SYNTHETIC, 3)
    taken = [claim.job for claim in first + rest]
    assert (len(first), len(rest)) == (3, 2)
    assert taken == sorted(set(taken))


def test_a_film_that_was_tried_before_is_taken_alone(either_rooms: Rooms, film: Callable[..., bytes]) -> None:
    jobs = queued(either_rooms, *(film(n) for n in range(4)))
    second = either_rooms.session.scalars(select(Job.id).order_by(Job.id)).all()[1]
    either_rooms.session.execute(update(Job).where(Job.id == second).values(attempts=1))
    hands = [jobs.claim(SYNTHETIC, 4) for _ in range(4)]
    assert [len(hand) for hand in hands] == [1, 1, 2, 0]
    assert hands[1][0].job == second


def test_what_a_dead_reader_had_in_hand_goes_before_what_is_queued(
    either_rooms: Rooms, film: Callable[..., bytes]
) -> None:
    jobs = queued(either_rooms, *(film(n) for n in range(4)))
    dead = [claim.job for claim in jobs.claim(SYNTHETIC, 2)]
    due_in(either_rooms, -1)
    hands = [jobs.claim(SYNTHETIC, 2) for _ in range(3)]
    assert [len(hand) for hand in hands] == [1, 1, 2]
    assert [claim.job for hand in hands[:2] for claim in hand] == dead


def test_a_film_that_the_model_has_read_is_not_taken_with_others(
    rooms: Rooms, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    jobs = queued(rooms, film(1), film(2), film(3))
    _, read, _ = hand = jobs.claim(SYNTHETIC, 3)
    jobs.finish({read: reading_of(film(2), synthetic_reader())})
    change(rooms, state=JobState.QUEUED, attempts=0)
    due_in(rooms, 0)
    assert [claim.job for _ in range(2) for claim in jobs.claim(SYNTHETIC, 3)] == [hand[0].job, hand[2].job]


def test_films_are_finished_together_each_with_its_reading_and_every_study_summed_up(
    either_rooms: Rooms, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    jobs = queued(either_rooms, film(1), film(2))
    queued_film(either_rooms, film(3))
    hand = jobs.claim(SYNTHETIC, 4)
    whole, alone = {claim.study: None for claim in hand}
    outcomes = {
        claim: reading_of(either_rooms.store.get(claim.study, claim.sha256), synthetic_reader()) for claim in hand
    }
    jobs.finish({hand[0]: outcomes[hand[0]], hand[2]: Refusal("no film", {"sentence": "This is no film."})})
    assert standings(either_rooms) == {whole: StudyStatus.WAITING, alone: StudyStatus.REFUSED}
    jobs.finish(outcomes)
    kept = select(FilmRecord.sha256, ReadingRecord.probability).join(ReadingRecord)
    assert dict(either_rooms.session.execute(kept).all()) == {
        hand[0].sha256: pytest.approx(outcomes[hand[0]].probability),
        hand[1].sha256: pytest.approx(outcomes[hand[1]].probability),
        hand[2].sha256: None,
    }
    highest = max((outcomes[claim] for claim in hand[:2]), key=lambda reading: reading.probability)
    assert standings(either_rooms) == {whole: StudyStatus(highest.verdict.value), alone: StudyStatus.REFUSED}


def test_readers_with_films_of_the_same_studies_keep_them_side_by_side(
    either_rooms: Rooms, film: Callable[..., bytes]
) -> None:
    database, start = Database(either_rooms.settings), threading.Barrier(2)

    def finish(claims: list[Claim]) -> None:
        start.wait(60)
        with database.writing() as session:
            jobs = Jobs(session, either_rooms.clock, 30)
            jobs.finish(dict.fromkeys(claims, Refusal("no film", {"sentence": "This is no film."})))

    with ThreadPoolExecutor(2) as readers:
        for round_ in range(10):
            queued_film(either_rooms, film(1), film(2), name=f"Ada{round_}")
            queued_film(either_rooms, film(1), film(2), name=f"Bob{round_}")
            one, two, three, four = Jobs(either_rooms.session, either_rooms.clock, 30).claim(SYNTHETIC, 4)
            either_rooms.session.commit()
            for done in [readers.submit(finish, hand) for hand in ([one, three], [four, two])]:
                done.result(60)
    database.close()
    assert set(standings(either_rooms).values()) == {StudyStatus.REFUSED}


def standings(rooms: Rooms) -> dict[str, str]:
    rooms.session.flush()
    rooms.session.expire_all()
    return {study.key: study.standing for study in rooms.session.scalars(select(Study))}


def test_a_lease_that_is_renewed_holds_and_one_that_runs_out_does_not(
    either_rooms: Rooms, film: Callable[..., bytes]
) -> None:
    jobs = queued(either_rooms, film(1))
    claim = claimed(jobs)
    due_in(either_rooms, -1)
    jobs.renew(claim)
    assert jobs.claim(SYNTHETIC) == []
    assert not jobs.any_due()
    due_in(either_rooms, -1)
    assert jobs.any_due()
    second = claimed(jobs)
    assert (second.job, second.token == claim.token) == (claim.job, False)
    due_in(either_rooms, -1)
    jobs.renew(claim)  # too late: it is another's
    assert jobs.any_due()


def test_what_was_leased_before_the_clock_was_set_back_is_taken_up(
    either_rooms: Rooms, film: Callable[..., bytes]
) -> None:
    jobs = queued(either_rooms, film(1))
    claimed(jobs)
    due_in(either_rooms, 86400)
    claimed(jobs)
    change(either_rooms, state=JobState.QUEUED)
    due_in(either_rooms, 86400)
    claimed(jobs)


def test_the_first_to_finish_has_finished_whoever_holds_the_lease(
    either_rooms: Rooms, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    jobs = queued(either_rooms, film(1))
    slow = claimed(jobs)
    due_in(either_rooms, -1)
    quick = claimed(jobs)
    reading = reading_of(film(1), synthetic_reader())
    jobs.finish({slow: reading})
    jobs.finish({quick: reading})
    jobs.give_up(quick, "too late")
    assert the_job(either_rooms).state == JobState.DONE
    assert either_rooms.session.scalar(select(func.count()).select_from(ReadingRecord)) == 1


def test_who_has_lost_the_lease_neither_fails_nor_returns_the_job(rooms: Rooms, film: Callable[..., bytes]) -> None:
    jobs = queued(rooms, film(1))
    slow = claimed(jobs)
    due_in(rooms, -1)
    quick = claimed(jobs)
    jobs.give_up(slow, "a fault")
    jobs.give_back(slow)
    job = the_job(rooms)
    assert (job.state, job.claim, job.attempts) == (JobState.RUNNING, quick.token, 2)


def test_a_fault_is_tried_again_later_and_later_and_then_called_failed(
    rooms: Rooms, film: Callable[..., bytes]
) -> None:
    jobs, waits = queued(rooms, film(1)), []
    for _attempt in range(ATTEMPTS):
        jobs.give_up(claimed(jobs), "Fault")
        assert jobs.claim(SYNTHETIC) == []
        waits.append(the_job(rooms).due_at - database_time(rooms.session))
        due_in(rooms, 0)
    job = the_job(rooms)
    assert (job.state, job.attempts, job.error) == (JobState.FAILED, ATTEMPTS, "Fault")
    assert waits[0] < waits[1] < waits[2]
    assert job.film.study.standing == StudyStatus.REFUSED


def test_a_film_that_ends_every_process_is_not_tried_for_ever(rooms: Rooms, film: Callable[..., bytes]) -> None:
    jobs = queued(rooms, film(1))
    for _attempt in range(ATTEMPTS):
        claimed(jobs)
        due_in(rooms, -1)
    assert jobs.claim(SYNTHETIC) == []
    assert the_job(rooms).state == JobState.FAILED


def test_what_could_not_be_begun_counts_as_no_attempt(rooms: Rooms, film: Callable[..., bytes]) -> None:
    jobs = queued(rooms, film(1))
    jobs.give_back(claimed(jobs), pause=2)
    assert jobs.claim(SYNTHETIC) == []
    due_in(rooms, 0)
    jobs.give_back(claimed(jobs))
    assert the_job(rooms).attempts == 0
    claimed(jobs)


def test_new_films_go_before_old_ones_that_are_read_again_and_only_the_named_model_reads_these(
    rooms: Rooms, film: Callable[..., bytes]
) -> None:
    jobs = queued(rooms, film(1))
    jobs.finish({claimed(jobs): Refusal("no film", {"sentence": "This is no film."})})
    rooms.queue.reread(Model("synthetic", "2"))
    queued_later = queued_film(rooms, film(2))
    assert claimed(jobs).sha256 == queued_later
    assert jobs.claim(SYNTHETIC) == []
    assert len(jobs.claim(Model("synthetic", "2"))) == 1


def queued_film(rooms: Rooms, *films: bytes, name: str = "Bob") -> str:
    """Queue films of another study, and give the first one's hash."""
    study = rooms.studies.open(rooms.person(name), PatientFacts(), [("b", data) for data in films])
    rooms.session.commit()
    return study.films[0].sha256


def test_a_film_that_the_model_has_read_is_not_read_again(
    rooms: Rooms, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    jobs = queued(rooms, film(1))
    jobs.finish({claimed(jobs): reading_of(film(1), synthetic_reader())})
    change(rooms, state=JobState.QUEUED)
    due_in(rooms, 0)
    assert jobs.claim(SYNTHETIC) == []
    assert the_job(rooms).state == JobState.DONE


def test_a_study_whose_verdict_a_second_reading_changes_is_unread_again(
    rooms: Rooms, film: Callable[..., bytes], synthetic_reader: type[SyntheticReader]
) -> None:
    jobs = queued(rooms, film(1))
    jobs.finish({claimed(jobs): reading_of(film(1), synthetic_reader())})
    study = the_job(rooms).film.study
    study.unread = False
    second = Model("synthetic", "2")
    rooms.queue.reread(second)
    (claim,) = jobs.claim(second)
    assert study.standing not in (StudyStatus.WAITING, StudyStatus.REFUSED)  # the first verdict stands meanwhile
    jobs.finish({claim: Refusal("no film", {"sentence": "This is no film."})})
    assert (study.standing, study.unread) == (StudyStatus.REFUSED, True)
    assert [reading.version for reading in study.films[0].readings] == ["1", "2"]


def test_a_film_deleted_while_it_is_read_is_left_alone(rooms: Rooms, film: Callable[..., bytes]) -> None:
    person = rooms.person()
    key = rooms.studies.open(person, PatientFacts(), [("a", film(1))]).key
    jobs = Jobs(rooms.session, rooms.clock, 30)
    claim = claimed(jobs)
    rooms.studies.delete(person, key)
    jobs.give_up(claim, "gone")
    jobs.finish({claim: Refusal("no film", {"sentence": "This is no film."})})
    assert rooms.session.scalar(select(func.count()).select_from(Job)) == 0
