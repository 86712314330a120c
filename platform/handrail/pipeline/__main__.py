"""`python -m handrail.pipeline review|comment|approvals`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from handrail.core.errors import HandrailError


def _review(given: argparse.Namespace) -> bool:
    from handrail.core.project import Project
    from handrail.pipeline.review import Outputs, review

    summary = given.summary or Path(os.environ.get("GITHUB_STEP_SUMMARY") or "handrail-preview.md")
    return review(Project.find(), given.base, Outputs(given.report, summary, given.junit), given.format, print)


def _comment(given: argparse.Namespace) -> bool:
    from handrail.pipeline.comment import post
    from handrail.pipeline.github import GitHub

    print(post(given.report, GitHub.of_job()))
    return True


def _approvals(_: argparse.Namespace) -> bool:
    from handrail.pipeline.approvals import decide
    from handrail.pipeline.github import GitHub

    print(decide(GitHub.of_job(), Path.cwd()))
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m handrail.pipeline", description="What the jobs of a pipeline run.")
    commands = parser.add_subparsers(required=True)
    review = commands.add_parser("review", help="compare a pull request with its base, and judge it; needs no token")
    review.add_argument("--base", required=True, help="the revision that it would be merged into")
    review.add_argument("--report", type=Path, default=Path("handrail-preview.json"), help="where the report goes")
    review.add_argument("--summary", type=Path, help="where Markdown is added; default: the step's summary")
    review.add_argument("--junit", type=Path, help="where the findings go as JUnit's XML; default: nowhere")
    review.add_argument("--format", default="github", choices=["github", "text"], help="how findings are said")
    review.set_defaults(run=_review)
    comment = commands.add_parser("comment", help="write the report of an untrusted job as a comment")
    comment.add_argument("report", type=Path, help="the report")
    comment.set_defaults(run=_comment)
    approvals = commands.add_parser("approvals", help="set the status that says whether its promotions are approved")
    approvals.set_defaults(run=_approvals)
    return parser


def main() -> int:
    """The exit code: 0, or 1 where something is refused or cannot be done."""
    given = _parser().parse_args()
    try:
        return 0 if given.run(given) else 1
    except HandrailError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
