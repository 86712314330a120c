"""The files that a folder or a bucket, as a state backend, keeps of every update: found by name, read alone."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from handrail.core.errors import EngineError, Problem

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_NAME = re.compile(r"(?P<start>[^/]*-(?P<time>\d+))\.history\.json(?P<packed>\.gz|\.zst)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS, _RETRIES = "20s", 2
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """What there is of one update: when it ended, and its two files."""

    ended: datetime
    history: str
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one backend; every fault is an EngineError about `stack`."""

    store: ObjectStore
    url: str
    stack: str

    def kept(self, folder: str) -> list[Kept]:
        """What there is of each update, oldest first; nothing is read but names."""
        import obstore

        with self._told():
            listed = {each["path"] for chunk in obstore.list(self.store, prefix=folder) for each in chunk}
        names = [name for path in listed if (name := _NAME.fullmatch(path.removeprefix(f"{folder}/")))]
        found = (
            Kept(
                _moment(name["time"]),
                f"{folder}/{name[0]}",
                f"{folder}/{name['start']}.checkpoint.json{name['packed'] or ''}",
            )
            for name in names
        )
        # an engine that was killed between the two left no state: as if it had written neither
        return sorted(each for each in found if each.checkpoint in listed)

    def read(self, path: str) -> Any:
        """What a file holds; raises ValueError where it is no JSON."""
        import obstore

        with self._told():
            content = bytes(obstore.get(self.store, path).bytes())
        if content.startswith(_ZSTD):
            raise ValueError(f"{path} is compressed by zstd, which is not read here; gzip is")
        return json.loads(gzip.decompress(content) if content.startswith(_GZIP) else content)

    @contextmanager
    def _told(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise EngineError(_unread(self.stack, self.url, said)) from None


def open_files(url: str, stack: str) -> Files:
    """The files of the backend at an address of Pulumi's, as `s3://bucket?region=eu-west-1`; raises EngineError."""
    from obstore.exceptions import BaseError
    from obstore.store import LocalStore, S3Store

    parts = urlsplit(url)
    given = {word: values[-1] for word, values in parse_qs(parts.query).items()}
    try:
        if parts.scheme == "file":
            return Files(LocalStore(unquote(parts.path)), url, stack)
        if parts.scheme == "s3":
            options: Any = {word: given[word] for word in ("region", "endpoint") if word in given}
            options["client_options"] = {"timeout": _SECONDS, "allow_http": True}
            prefix = "/".join(filter(None, (parts.path.strip("/"), given.get("prefix", "").strip("/"))))
            store = S3Store(parts.netloc, prefix=prefix or None, retry_config={"max_retries": _RETRIES}, **options)
            return Files(store, url, stack)
    except (BaseError, OSError, ValueError) as error:
        raise EngineError(_unread(stack, url, str(error))) from None
    remedy = "its updates, without what they deployed: `pulumi stack history`"
    fault = f"the history of stack {stack} is in a backend that is not read here"
    raise EngineError(Problem(fault, given=url, allowed="file://, s3://, Pulumi Cloud", remedy=remedy))


def _moment(nanoseconds: str) -> datetime:
    return _EPOCH + timedelta(microseconds=int(nanoseconds) // 1000)


def _unread(stack: str, url: str, said: str) -> Problem:
    remedy = "check the backend's address and network"
    if not url.startswith("file:"):
        remedy += ", and its credentials: a bucket is read with those in the environment, as AWS_ACCESS_KEY_ID"
    return Problem(f"the history of stack {stack} cannot be read: {said}", given=url, remedy=remedy)
