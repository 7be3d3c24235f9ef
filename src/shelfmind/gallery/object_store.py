"""A gallery's files in a bucket on S3, or on any S3-compatible store with conditional writes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from shelfmind.errors import UserError
from shelfmind.object_stores.s3 import GONE, error_code, s3_client

_TAKEN = {"412", "PreconditionFailed"}
_CONFLICT = {"409", "ConditionalRequestConflict"}
"""A concurrent conditional write of the same name is in progress, and its outcome is still open."""
ATTEMPTS = 20


class BucketFiles:
    """The files below a prefix of a bucket. Endpoint, region and credentials come from boto3's configuration."""

    def __init__(self, place: str) -> None:
        """`place` is ``BUCKET`` or ``BUCKET/PREFIX``. Raises `UserError` if boto3 is missing or has no region."""
        bucket, _, prefix = place.strip("/").partition("/")
        if not bucket:
            raise UserError("s3:// needs a bucket, as in s3://BUCKET/PREFIX")
        self.bucket, self.prefix = bucket, f"{prefix}/" if prefix else ""
        self.client = s3_client()

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def read(self, name: str) -> bytes:
        """Return the content of an object. Raises `FileNotFoundError`, and `UserError` if access is denied."""
        with self._translated_errors(f"{self}/{name} cannot be read"):
            try:
                content: bytes = self.client.get_object(Bucket=self.bucket, Key=self.prefix + name)["Body"].read()
                return content
            except self.client.exceptions.ClientError as error:
                if error_code(error) in GONE:
                    raise FileNotFoundError(name) from None
                raise

    def has(self, name: str) -> bool:
        """Whether the object exists."""
        with self._translated_errors(f"{self}/{name} cannot be read"):
            try:
                self.client.head_object(Bucket=self.bucket, Key=self.prefix + name)
            except self.client.exceptions.ClientError as error:
                if error_code(error) in GONE:
                    return False
                raise
        return True

    def create(self, name: str, content: bytes) -> bool:
        """Create an object atomically. Returns False if the name exists; the store decides who is first.

        An object with this very content counts as created: botocore repeats a request whose answer was lost, and then
        finds the object that the first one made. A change's content has its author and time; other names are checksums.
        """
        with self._translated_errors(f"{self}/{name} cannot be written", "; nothing was changed"):
            for attempt in range(ATTEMPTS):
                try:
                    self.client.put_object(Bucket=self.bucket, Key=self.prefix + name, Body=content, IfNoneMatch="*")
                    return True
                except self.client.exceptions.ClientError as error:
                    if error_code(error) in _TAKEN:
                        return self._has_content(name, content)
                    if error_code(error) not in _CONFLICT or attempt == ATTEMPTS - 1:
                        raise
                    time.sleep(0.05 * (attempt + 1))
        raise AssertionError

    def _has_content(self, name: str, content: bytes) -> bool:
        try:
            return self.read(name) == content
        except FileNotFoundError:  # deleted since
            return False

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of all objects below a folder."""
        return [name for name, _ in self._listed(folder)]

    def old(self, folder: str, seconds: float) -> list[str]:
        """Return the names of older objects below a folder, by the clocks of the store and this machine."""
        return [name for name, put in self._listed(folder) if time.time() - put.timestamp() > seconds]

    def _listed(self, folder: str) -> list[tuple[str, datetime]]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{self.prefix}{folder}/"
        )
        with self._translated_errors(f"{self} cannot be read"):
            objects = [each for page in pages for each in page.get("Contents", ())]
        return sorted((each["Key"][len(self.prefix) :], each["LastModified"]) for each in objects)

    def delete(self, name: str) -> None:
        """Delete an object if it exists."""
        with self._translated_errors(f"{self}/{name} cannot be deleted"):
            self.client.delete_object(Bucket=self.bucket, Key=self.prefix + name)

    @contextmanager
    def _translated_errors(self, what: str, ending: str = "") -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            reason = error.response["Error"].get("Message") or error_code(error)
            raise UserError(f"{what}: {reason.rstrip('.')}{ending}") from error
        except BotoCoreError as error:  # no credentials, no connection
            raise UserError(f"{what}: {error}{ending}") from error
