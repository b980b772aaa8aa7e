"""Films in S3-compatible storage. Needs the extra `s3`."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lungwise.settings import Settings

_PROBE = "writable"


class Bucket:
    """A prefix of an S3 bucket."""

    def __init__(self, settings: Settings) -> None:
        self.url = settings.films_url
        self._settings = settings
        self._name, _, prefix = self.url.removeprefix("s3://").partition("/")
        self._prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""

    def write(self, path: str, data: bytes) -> None:
        """Put an object; when this returns, the storage has confirmed exactly these bytes."""
        check = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        with self._as_os_errors():
            self._client.put_object(**self._object(path), Body=data, ContentMD5=check)

    def read(self, path: str) -> bytes:
        """Get an object."""
        return self._get(path)

    def head(self, path: str, count: int) -> bytes:
        """Get an object's first bytes."""
        return self._get(path, Range=f"bytes=0-{count - 1}")

    def holds(self, path: str) -> bool:
        """Return whether there is such an object."""
        try:
            with self._as_os_errors():
                self._client.head_object(**self._object(path))
        except FileNotFoundError:
            return False
        return True

    def remove(self, path: str) -> None:
        """Delete an object, if it exists."""
        with self._as_os_errors():
            self._client.delete_object(**self._object(path))

    def delete(self, folder: str) -> None:
        """Delete every object under a folder's name."""
        with self._as_os_errors():
            for page in self._pages(f"{folder}/"):
                keys = [{"Key": item["Key"]} for item in page]
                answer = self._client.delete_objects(Bucket=self._name, Delete={"Objects": keys, "Quiet": True})
                if answer.get("Errors"):
                    raise OSError(f"{self.url} keeps {len(answer['Errors'])} films that were to be deleted.")

    def files(self, prefix: str = "") -> Iterator[tuple[str, datetime]]:
        """Yield the path and the time of every object whose path has a film's form after a prefix."""
        form = re.compile(re.escape(prefix) + "[^/]{2}/[^/]+/[^/]+")
        with self._as_os_errors():
            for item in chain.from_iterable(self._pages(prefix)):
                path = str(item["Key"]).removeprefix(self._prefix)
                if form.fullmatch(path):
                    yield path, item["LastModified"]

    def move(self, path: str, to: str) -> None:
        """Move an object to another path; its time becomes now."""
        with self._as_os_errors():
            self._client.copy_object(**self._object(to), CopySource=self._object(path))
            self._client.delete_object(**self._object(path))

    def writable(self) -> bool:
        """Return whether an object could be put now."""
        try:
            self.write(_PROBE, b"")
        except OSError:
            return False
        return True

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """The connections, made by the process that uses them and never before a fork."""
        settings = self._settings
        return boto3.session.Session().client(
            "s3",
            endpoint_url=settings.s3_endpoint or None,
            region_name=settings.s3_region or None,
            aws_access_key_id=settings.s3_access_key.get_secret_value() or None,
            aws_secret_access_key=settings.s3_secret_key.get_secret_value() or None,
            config=Config(
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "max_attempts": 3},
                max_pool_connections=settings.threads + settings.readers,
                request_checksum_calculation="when_required",  # not every compatible storage supports the newer ones
                response_checksum_validation="when_required",
            ),
        )

    def _get(self, path: str, **more: str) -> bytes:
        with self._as_os_errors():
            data: bytes = self._client.get_object(**self._object(path), **more)["Body"].read()
        return data

    def _object(self, path: str) -> dict[str, str]:
        return {"Bucket": self._name, "Key": self._prefix + path}

    def _pages(self, prefix: str) -> Iterator[list[dict[str, Any]]]:
        """List objects, up to a thousand at a time, which is also how many one request may delete."""
        paginator = self._client.get_paginator("list_objects_v2")
        for page in paginator.paginate(Bucket=self._name, Prefix=self._prefix + prefix):
            if page.get("Contents"):
                yield page["Contents"]

    @contextmanager
    def _as_os_errors(self) -> Iterator[None]:
        """Raise a bucket's errors as a disk's."""
        try:
            yield
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                raise FileNotFoundError(f"{self.url} does not hold this film.") from error
            raise OSError(f"{self.url} answers: {error}") from error
        except BotoCoreError as error:
            raise OSError(f"{self.url} cannot be reached: {error}") from error
