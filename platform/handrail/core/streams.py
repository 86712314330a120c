"""YAML text that holds several documents, as `kubectl`, Helm and kustomize write it; positions are the whole text's."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from handrail.core.documents import Document, parse

_SEPARATOR = re.compile(rb"---(\s|$)")


def parse_all(text: bytes, file: str) -> Iterator[Document]:
    """Each document of a text; one that is empty is left out.

    Raises:
        DocumentError: one of them is no YAML, or beyond the bounds of `parse`.
    """
    lines = text.splitlines(keepends=True)
    starts = [0, *(index for index, line in enumerate(lines) if _SEPARATOR.match(line)), len(lines)]
    for start, end in itertools.pairwise(starts):
        document = parse(b"".join(lines[start:end]), file, line=start + 1)
        if document.data is not None:
            yield document
