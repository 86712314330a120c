"""The pins that a pull request changes, and whether as many people approved it as their environments ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from handrail.check.model import APPROVALS, Checked
from handrail.core.documents import display, load
from handrail.core.errors import HandrailError, Position
from handrail.core.project import Project
from handrail.core.revisions import checked_revision, unpack
from handrail.organisation import Organisation, find_organisation, load_organisation
from handrail.promotion import records
from handrail.promotion.approvals import Approvals, Approved, counted, may_approve
from handrail.promotion.pins import told
from handrail.releases import Release, read_document
from handrail.standards import Finding, Severity, Verdict
from handrail.standards.base import bases

FOLDER = "releases"


@dataclass(frozen=True, slots=True)
class ChangedPin:
    """A pin that is another one than in the base revision.

    Args:
        file: the releases file, as errors show it.
        where: its line; None where it is gone.
    """

    environment: str
    team: str
    workload: str
    before: Release | None
    after: Release | None
    file: str
    where: Position | None = None


def approval_findings(
    project: Project, revision: str, approvals: Approvals | None, organisation: str | None = None
) -> Iterator[Checked]:
    """What is to be said of the approvals of each changed pin in an environment that asks for some.

    Refused with too few; undecided where nobody brought the forge's word. How many are needed, and who may approve, is
    what the base revision's organisation says.

    Raises:
        HandrailError: the revision is none, or a releases file that is here cannot be read.
    """
    directory = find_organisation(project, organisation, project.root)
    changed = list(changed_pins(project.root, revision))
    if directory is None or not changed:
        return
    with bases(revision, project.root) as base_of:
        base = base_of(directory)
        judges = base.organisation if base else load_organisation(directory)
        for pin in changed:
            if pin.environment in judges.environments and judges.environments[pin.environment].approvals:
                yield from _weighed(pin, judges, approvals, records.heads(project.root))


def changed_pins(root: Path, revision: str) -> Iterator[ChangedPin]:
    """Every pin below a directory that differs from a revision's: new, changed, or gone.

    Raises:
        HandrailError: the revision is none, or a releases file that is here cannot be read.
    """
    checked_revision(revision, root)
    with TemporaryDirectory(prefix="handrail-releases-") as name:
        there = Path(name)
        unpack(revision, root, there, only=FOLDER)
        for file in sorted({each.relative_to(base) for base in (there, root) for each in _files(base)}):
            before: dict[str, Release] = {}
            with suppress(HandrailError):  # what nobody could read pinned nothing
                before = _read(there / file)[0]
            after, places = _read(root / file)
            for workload in sorted(before.keys() | after.keys()):
                old, new = before.get(workload), after.get(workload)
                if old != new:
                    yield ChangedPin(
                        file.parent.name, file.stem, workload, old, new, display(root / file), places.get(workload)
                    )


def _files(base: Path) -> Iterable[Path]:
    return (base / FOLDER).glob("*/*.yaml")


def _read(file: Path) -> tuple[dict[str, Release], Mapping[str, Position]]:
    if not file.is_file():
        return {}, {}
    document = load(file)
    found = read_document(document)
    return found, {name: document.where((name,), key=True) for name in found}


def _weighed(
    pin: ChangedPin, organisation: Organisation, approvals: Approvals | None, heads: tuple[str, ...]
) -> Iterator[Checked]:
    found = counted(approvals, organisation=organisation, team=pin.team, environment=pin.environment, heads=heads)
    if found.enough:
        return
    verdict = Verdict.VIOLATION if approvals else Verdict.UNKNOWN
    whose = f"{pin.team}/{pin.workload}"
    may = may_approve(organisation, pin.team, approvals.author if approvals else None)
    finding = Finding(
        APPROVALS, verdict, f"{whose} in {pin.environment}", pin.workload, _said(pin, found, approvals),
        given=", ".join(found.counted) or "nobody" if approvals else None,
        remedy=f"have it approved: {', '.join(may) or 'nobody may'}",
        severity=Severity.NON_NEGOTIABLE, workload=whose,
    )  # fmt: skip
    yield Checked(finding, pin.file, pin.where)


def _said(pin: ChangedPin, found: Approved, approvals: Approvals | None) -> str:
    people = "1 approval" if found.needed == 1 else f"{found.needed} approvals"
    what = f"{told(pin.before)} becomes {told(pin.after)}, which needs {people}"
    if approvals is None:
        return f"{what}: the forge's word (--approvals) decides"
    refused = f" ({'; '.join(found.not_counted)})" if found.not_counted else ""
    return f"{what} and has {len(found.counted)}{refused}"
