from __future__ import annotations

from typing import Any

import boto3
import pytest

from lungwise.settings import Settings
from lungwise.store.bucket import Bucket


def test_objects_lie_under_the_prefix_and_nothing_else_is_touched(in_bucket: Settings) -> None:
    name, _, prefix = in_bucket.films_url.removeprefix("s3://").partition("/")
    keys = {
        "aws_access_key_id": in_bucket.s3_access_key.get_secret_value(),
        "aws_secret_access_key": in_bucket.s3_secret_key.get_secret_value(),
    }
    client: Any = boto3.client("s3", endpoint_url=in_bucket.s3_endpoint, region_name=in_bucket.s3_region, **keys)
    client.put_object(Bucket=name, Key="ab/ab12/elsewhere", Body=b"of somebody else")
    bucket = Bucket(in_bucket)
    bucket.write("ab/ab12/film", b"film")
    assert [path for path, _time in bucket.files()] == ["ab/ab12/film"]
    bucket.delete("ab/ab12")
    assert [item["Key"] for item in client.list_objects_v2(Bucket=name)["Contents"]] == ["ab/ab12/elsewhere"]
    assert prefix


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"s3_endpoint": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"films_url": "s3://no-such-bucket"}, "answers"),
    ],
)
def test_its_errors_are_a_disks(change: dict[str, str], error: str, in_bucket: Settings) -> None:
    bucket = Bucket(in_bucket.model_copy(update=change))
    with pytest.raises(OSError, match=error):
        bucket.write("ab/ab12/film", b"film")
    assert not bucket.writable()


def test_an_object_that_is_not_there_is_a_file_that_is_not_there(in_bucket: Settings) -> None:
    with pytest.raises(FileNotFoundError, match="does not hold"):
        Bucket(in_bucket).read("ab/ab12/film")
