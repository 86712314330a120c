"""YAML text that holds several documents, as `kubectl`, Helm and kustomize write it; positions are the whole text's."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from handrail.core.documents import Document, parse
from handrail.core.errors import DocumentError, Position
from handrail.core.resources import Path

_SEPARATOR = re.compile(rb"---(\s|$)")


def parse_all(text: bytes, file: str) -> Iterator[Document]:
    """Each document of a text; one that is empty is left out.

    Raises:
        DocumentError: one of them is no YAML, or beyond the bounds of `parse`.
    """
    lines = text.splitlines(keepends=True)
    starts = [0, *(index for index, line in enumerate(lines) if _SEPARATOR.match(line)), len(lines)]
    for start, end in itertools.pairwise(starts):
        part = b"".join(lines[start:end])
        try:
            document = parse(part, file)
        except DocumentError as error:
            raise DocumentError(
                replace(each, where=_moved(each.where, start) if each.where else None) for each in error.problems
            ) from None
        if document.data is not None:
            yield Document(file, document.data, _all_moved(document.keys, start), _all_moved(document.values, start))


def _all_moved(positions: Mapping[Path, Position], lines: int) -> dict[Path, Position]:
    return {path: _moved(where, lines) for path, where in positions.items()} if lines else dict(positions)


def _moved(where: Position, lines: int) -> Position:
    return Position(where.file, where.line + lines, where.column)
