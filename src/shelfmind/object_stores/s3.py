"""Objects of S3 and of S3-compatible stores, by boto3: galleries use the same client and configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from shelfmind.errors import UserError
from shelfmind.machine.packages import missing
from shelfmind.object_stores.store import StoredObject, StoreError, precise_time

GONE = frozenset({"404", "NoSuchKey", "NotFound"})
_CHANGED = frozenset({"412", "PreconditionFailed"})
_PASSING = re.compile(
    r"5\d\d|SlowDown|Throttling.*|RequestTimeout|InternalError|ServiceUnavailable|RequestLimitExceeded"
)
_REFUSED = frozenset({"403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
_MD5 = re.compile(r"[0-9a-f]{32}")
_BLOCK_BYTES = 2**20
_CONNECTIONS = 64
_LOG_IN = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, to credentials that may read it"


def s3_client() -> Any:
    """A client whose endpoint, region and credentials come from boto3's configuration.

    Raises `UserError` if boto3 is missing or cannot be configured.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise missing("boto3") from error
    try:
        return boto3.client("s3", config=Config(max_pool_connections=_CONNECTIONS))
    except (BotoCoreError, ValueError) as error:
        raise UserError(f"S3 cannot be used: {error}") from error


def error_code(error: Any) -> str:
    """The code of a botocore `ClientError`, such as ``NoSuchKey``."""
    return str(error.response["Error"]["Code"])


class S3Store:
    """Objects of all buckets that the configured user can read."""

    def __init__(self) -> None:
        self._client = s3_client()

    def listed(self, prefix: str) -> Iterator[StoredObject]:
        """All objects whose keys start with the prefix ``BUCKET/...``."""
        bucket, _, below = prefix.partition("/")
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below))
        while True:
            with _translated():
                page = next(pages, None)
            if page is None:
                return
            for each in page.get("Contents", ()):
                yield _stored(f"{bucket}/{each['Key']}", each["Size"], each)

    def status(self, key: str) -> StoredObject:
        """The present version of an object. Raises `FileNotFoundError`."""
        bucket, _, name = key.partition("/")
        if not name:  # a bucket is a folder
            raise FileNotFoundError(key)
        with _translated():
            found = self._client.head_object(Bucket=bucket, Key=name)
        return _stored(key, found["ContentLength"], found)

    def fetch(self, wanted: StoredObject, stream: IO[bytes]) -> str | None:
        """Write the object to the stream; boto3 verifies the checksum that most objects are stored with."""
        bucket, _, name = wanted.key.partition("/")
        with _translated():
            found = self._client.get_object(Bucket=bucket, Key=name, IfMatch=f'"{wanted.tag}"')
            while block := found["Body"].read(_BLOCK_BYTES):
                stream.write(block)
        own_key = found.get("SSECustomerAlgorithm") or found.get("ServerSideEncryption", "AES256") != "AES256"
        return None if own_key or not _MD5.fullmatch(wanted.tag) else wanted.tag  # else the tag is no MD5


def _stored(key: str, size: int, facts: dict[str, Any]) -> StoredObject:
    tag = str(facts.get("ETag", "")).strip('"')
    return StoredObject(key, int(size), precise_time(facts["LastModified"].timestamp(), tag), tag)


@contextmanager
def _translated() -> Iterator[None]:
    """Raise botocore's errors as `StoreError` or `FileNotFoundError`."""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        ParamValidationError,
        PartialCredentialsError,
    )

    try:
        yield
    except ClientError as error:
        code = error_code(error)
        if code in GONE:
            raise FileNotFoundError(code) from None
        if code in _CHANGED:
            raise StoreError("it was changed while it was being read; run the command again", False) from error
        reason = error.response["Error"].get("Message") or code
        refused = f"; {_LOG_IN}" if code in _REFUSED else ""
        raise StoreError(f"{reason.rstrip('.')}{refused}", bool(_PASSING.fullmatch(code))) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise StoreError(f"{str(error).rstrip('.')}: {_LOG_IN}", False) from error
    except ParamValidationError as error:  # such as the name of a bucket
        raise StoreError(str(error.kwargs["report"]), False) from error
    except BotoCoreError as error:  # no connection, or one that broke
        raise StoreError(str(error), True) from error
