from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from lungwise.errors import Rejected
from lungwise.receiving.quota import Quota, UploadDay
from lungwise.receiving.uploads import Limits, Upload

if TYPE_CHECKING:
    from conftest import Services


def films(count: int, size: int = 10) -> list[Upload]:
    return [Upload(data=b"x" * size, kind="JPEG", header=None)] * count


def test_an_account_uploads_so_much_in_a_day(either_services: Services) -> None:
    services = either_services
    limits = Limits(films=50, film_bytes=100, total_bytes=100, account_films=3, account_bytes=60)
    quota, ada, bob = Quota(services.session, services.clock, limits), services.person(), services.person("Bob")
    quota.check(ada, films(3))
    quota.count(ada, films(2))
    services.session.commit()
    for look in (quota.check, quota.count):
        with pytest.raises(Rejected, match="would have sent 4 films today, and 3 are allowed"):
            look(ada, films(2))
        services.session.rollback()
    quota.count(ada, films(1))
    with pytest.raises(Rejected, match="GB today"):
        quota.check(bob, films(1, size=61))
    services.clock.forward(days=3)
    quota.count(ada, films(3))
    assert services.session.query(UploadDay).count() == 1


def test_more_than_is_allowed_never_looks_like_what_is_allowed(services: Services) -> None:
    gigabyte = 1 << 30
    limits = Limits(films=50, film_bytes=100, total_bytes=100, account_bytes=2 * gigabyte)
    quota, ada = Quota(services.session, services.clock, limits), services.person()
    quota.count(ada, [])
    services.session.execute(update(UploadDay).values(size=2 * gigabyte + gigabyte // 100))
    with pytest.raises(Rejected, match=r"would have sent 2\.01 GB today, and 2\.00 are allowed"):
        quota.check(ada, films(1))


def test_a_node_and_an_installation_without_a_quota_count_nothing(services: Services) -> None:
    limits = Limits(films=50, film_bytes=100, total_bytes=100, account_films=1)
    quota, ada = Quota(services.session, services.clock, limits), services.person()
    quota.check(replace(ada, id=None), films(5))
    quota.count(replace(ada, id=None), films(5))
    assert services.session.query(UploadDay).count() == 0
    unlimited = Quota(services.session, services.clock, replace(limits, account_films=0))
    unlimited.check(ada, films(500))
