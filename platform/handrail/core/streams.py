"""YAML text that holds several documents, as `kubectl`, Helm and kustomize write it; positions are the whole text's."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from handrail.core.documents import Document, parse
from handrail.core.errors import Position

_SEPARATOR = re.compile(rb"---(\s|$)")


def parts(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Each document of a text as it stands there, with the number of its first line."""
    lines = text.splitlines(keepends=True)
    starts = [0, *(index for index, line in enumerate(lines) if _SEPARATOR.match(line)), len(lines)]
    for start, end in itertools.pairwise(starts):
        yield start + 1, b"".join(lines[start:end])


def parse_all(text: bytes, file: str, known: Sequence[Any] | None = None) -> Iterator[Document]:
    """Each document of a text; one that is empty is left out.

    Args:
        known: the data of each part, where somebody has parsed them.

    Raises:
        DocumentError: one of them is no YAML, or beyond the bounds of `parse`.
    """
    for index, (line, part) in enumerate(parts(text)):
        document = parse(part, file, line=line) if known is None else Document(known[index], Position(file, line), part)
        if document.data is not None:
            yield document
