"""The OpenAPI document that goes with a release: where it stands, and the copy that is kept beside the pin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from handrail.components._definition import Prepared
from handrail.core.documents import MAX_BYTES, display
from handrail.core.errors import DocumentError, HandrailError, Position, Problem
from handrail.promotion.places import Place
from handrail.releases import Api, Pin, Release
from handrail.releases.writer import copies_folder

Digest = Callable[[bytes], str]


def offered(place: Place, prepared: Prepared, digest: Digest) -> tuple[Api | None, bytes | None]:
    """The API that a workload's file says it offers, and its document.

    Raises:
        DocumentError: the document cannot be read, or is none.
    """
    spec = getattr(prepared.workload.spec, "api", None)
    if spec is None:
        return None, None
    named: str | None = getattr(spec, "openapi", None)
    if named is None:
        return Api(version=spec.version), None
    document = _read(place.file.parent / named, f"{place.workload}.api.openapi")
    return Api(version=spec.version, openapi=digest(document)), document


def _read(file: Path, path: str) -> bytes:
    try:
        with file.open("rb") as stream:
            found = stream.read(MAX_BYTES + 1)
    except OSError as error:
        remedy = "name the document's file, from the folder of workloads.yaml"
        raise DocumentError(
            Problem(f"cannot be read: {error.strerror}", path, given=display(file), remedy=remedy)
        ) from None
    if len(found) > MAX_BYTES:
        where = Position(display(file), 1)
        raise DocumentError(Problem("is too large", path, where, allowed=f"at most {MAX_BYTES // 1024**2} MiB"))
    return found


def copy_of(place: Place, pin: Pin | None, digest: Digest) -> bytes | None:
    """The document that a pin names by its digest; None where it names none.

    Raises:
        DocumentError: no file beside the pin is that document.
    """
    if pin is None or pin.api is None or pin.api.openapi is None:
        return None
    files = list(_copies(place))
    found = among((file.read_bytes() for file in files), pin.api.openapi, digest)
    if found is None:
        folder = copies_folder(place.root, place.environment, place.context.team)
        name = folder / copy_name(place.workload, pin.api, b"")
        raise DocumentError(
            Problem(
                "the OpenAPI document that was released is not there", f"{place.workload}.api.openapi",
                given=", ".join(map(display, files)) or "no file", allowed=f"{display(name)}, {pin.api.openapi}",
                remedy=f"git log -- {display(name)} has it; check it out",
            )
        )  # fmt: skip
    return found


def among(documents: Iterable[bytes], wanted: str, digest: Digest) -> bytes | None:
    """The document that has a digest; None: none has."""
    for document in documents:
        with suppress(HandrailError):
            if digest(document) == wanted:
                return document
    return None


def copy_name(workload: str, api: Api, document: bytes, *, canary: bool = False) -> str:
    """What a document's copy is called."""
    end = "json" if document.lstrip()[:1] == b"{" else "yaml"
    return f"{workload}-{api.version}{'-canary' if canary else ''}.openapi.{end}"


def copies(
    place: Place, release: Release, more: Iterable[bytes], digest: Digest
) -> tuple[dict[str, bytes], frozenset[str]]:
    """The copies that a release needs and that are not there, by file name; the names of those that it does not need.

    Args:
        more: documents that may be needed, besides the copies that are there.
    """
    there = {file.name: file.read_bytes() for file in _copies(place)}
    documents: dict[str, bytes] = {}
    for document in (*there.values(), *more):
        with suppress(HandrailError):
            documents[digest(document)] = document
    wanted = {
        copy_name(place.workload, pin.api, documents[pin.api.openapi], canary=pin is release.canary): documents[
            pin.api.openapi
        ]
        for pin in (release, release.canary, *release.previous.values())
        if pin and pin.api and pin.api.openapi in documents
    }
    new = {name: document for name, document in wanted.items() if there.get(name) != document}
    return new, frozenset(there.keys() - wanted.keys())


def _copies(place: Place) -> Iterator[Path]:
    """The workload's copies, and not those of one whose name begins with it."""
    folder = copies_folder(place.root, place.environment, place.context.team)
    for file in sorted(folder.glob(f"{place.workload}-v*.openapi.*")):
        if file.name.removeprefix(f"{place.workload}-v").partition(".")[0].removesuffix("-canary").isdigit():
            yield file
