"""A report in the formats that people, code hosts and programs read."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

from rich.console import Console

from handrail.preview.comparison_text import show
from handrail.preview.markdown import render
from handrail.preview.report import Report

_WIDTH = 120  # of text in a file


def as_text(report: Report) -> str:
    """For a file or a log."""
    text = io.StringIO()
    show(report, Console(file=text, width=_WIDTH))
    return text.getvalue()


def as_json(report: Report) -> str:
    """For programs."""
    return report.model_dump_json(indent=2) + "\n"


FORMATS: Mapping[str, Callable[[Report], str]] = {"text": as_text, "markdown": render, "json": as_json}
