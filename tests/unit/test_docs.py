"""The guides: their examples work, their commands exist, their tables and numbers are what the code says.

`python tests/unit/test_docs.py --write` rewrites the parts of docs/*.md that stand between markers.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any

# run by itself, it has none of pytest's paths
sys.path += [str(Path(__file__).parents[2] / folder) for folder in ("docs", "tests")]

import _words
import promql_parser
import pytest
import typer.main
import yaml
from _words import own_first, told
from planned import acme, context_of
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from handrail.cli.app import app
from handrail.components._catalogue import definitions
from handrail.components._data import data_environment
from handrail.components._definition import Prepared
from handrail.components._servers import SERVERS
from handrail.components._telemetry.indicators import Indicator, of_organisation
from handrail.components._telemetry.rules import BURNS, PERIOD_DAYS
from handrail.core.errors import HandrailError
from handrail.core.models import described, models_in
from handrail.core.resources import Resource
from handrail.organisation import Context, RequestMetrics
from handrail.organisation.load import FILE, load_organisation
from handrail.organisation.model import Organisation
from handrail.personas._persona import Persona, personas
from handrail.personas._workloads import read_workloads

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ORGANISATION = ROOT / "stacks" / "acme" / "platform" / "acme_platform"
WRITE = "python tests/unit/test_docs.py --write"
LONGEST = 125
GUIDES = ("app-developer", "ml-engineer", "data-scientist")
PAGES = (*GUIDES, "by-hand", "telemetry", "organisation")
TEAMS = {"app-developer": "payments", "ml-engineer": "fraud", "data-scientist": "churn"}
"""Persona → the team of acme that its fragments are tried as."""
SAMPLES = {"app-developer": "checkout", "ml-engineer": "fraud-scorer", "data-scientist": "explore"}
"""Persona → the workload of that team that by-hand.md looks at."""
BASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "app-developer": ("services", "receipts", {"image": "registry.acme.test/payments/receipts:1.0.0", "port": 8080}),
    "ml-engineer": ("endpoints", "scorer", {"model": "models:/scorer/1", "server": "mlserver", "accelerator": "l4"}),
    "data-scientist": ("notebooks", "explore", {}),
}
"""Persona → the workload that a fragment without a section belongs to."""
NOT_OURS, REFUSED, RENDERED = "# not ours", "# refused", "# rendered"
"""First lines of YAML blocks: another tool's, one that must fail, and a piece of what is rendered."""


def page(name: str) -> str:
    """The text of a page."""
    return (DOCS / f"{name}.md").read_text("utf-8")


def workloads(file: Path, team: str, environment: str, *, refuses: bool = True) -> dict[str, Prepared]:
    """The prepared workloads of a file, by name."""
    _, prepared = read_workloads(file, context_of(team, environment), {}, refuses=refuses)
    return {each.name: each for each in prepared}


def of_acme(team: str, environment: str = "prod") -> dict[str, Prepared]:
    """The workloads of one of acme's teams, by name."""
    return workloads(ROOT / "stacks" / "acme" / team / "workloads.yaml", team, environment, refuses=False)


# Tables of words, out of the models


@dataclass(frozen=True, slots=True)
class Word:
    """A row of a table."""

    path: str
    meaning: str
    default: str


def word(path: str, field: FieldInfo) -> Word:
    """A field as a row."""
    return Word(path, *told(field))


def words(model: type[BaseModel], only: Iterable[str] | None = None, prefix: str = "") -> Iterator[Word]:
    """The rows of a model and of what it holds; a mapping's keys are written `<name>`."""
    for name in own_first(model):
        if only is not None and name not in only:
            continue
        field = described(model).model_fields[name]
        yield word(f"{prefix}{name}", field)
        for inner in models_in(field.annotation):
            yield from words(inner, prefix=f"{prefix}{name}{_between(field)}")


def _between(field: FieldInfo) -> str:
    text = str(field.annotation)
    return ".<name>." if text.startswith("dict[") else "[]." if text.startswith("tuple[") else "."


def table(rows: Iterable[Word]) -> str:
    """Rows as Markdown."""
    return _words.table(("word", "meaning", "default"), ((f"`{row.path}`", row.meaning, row.default) for row in rows))


def persona_words(persona: Persona) -> str:
    """Every word of a persona's file, section by section."""
    head = [
        Word("persona", f"Whose words the file is in: `{persona.name}`.", "required"),
        Word("team", "The team that owns it; the same as the stack's.", "required"),
        *(Word(name, f"What `{field}` is where a workload names none.", "none") for name, field in persona.shared.items()),
        *(Word(name, f"The {section.noun}s, by name.", "none") for name, section in persona.sections.items()),
    ]  # fmt: skip
    parts = [f"### The file\n\n{table(head)}"]
    for name, section in persona.sections.items():
        spec = definitions()[section.component].spec
        rows = [
            Word(row.path, row.meaning, str(section.defaults.get(row.path, row.default)))
            for row in words(spec, section.words)
        ]
        parts.append(f"### `{name}`\n\n{table(rows)}")
    return "\n\n".join(parts)


def organisation_words() -> str:
    """Every word of organisation.yaml, section by section."""
    simple = [name for name, field in Organisation.model_fields.items() if not models_in(field.annotation)]
    parts = [f"### Single words\n\n{table(words(Organisation, simple))}"]
    for name, field in Organisation.model_fields.items():
        if models_in(field.annotation):
            rows = list(words(Organisation, [name]))
            parts.append(f"### `{name}`\n\n{table(rows)}")
    return "\n\n".join(parts)


# by-hand.md, out of the plans


_OPAQUE = ("labels", "annotations", "matchLabels", "data", "env", "secrets")
"""In mappings below these, keys are names that somebody chose and no fields."""


def manifest(resource: Resource) -> dict[str, Any]:
    """A planned resource as `kubectl` reads it."""
    group, _, kind = resource.type.removeprefix("kubernetes:").rpartition(":")
    version = group.removeprefix("core/")
    return {"apiVersion": version, "kind": kind, **resource.inputs}


def dumped(value: Any) -> str:
    """YAML as people write it, a string on one line."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=10**9))


class _Dumper(yaml.SafeDumper):
    """Writes a value out wherever it stands."""

    def ignore_aliases(self, data: Any) -> bool:
        """No anchors in manifests."""
        return True


def lines_of(resource: Resource) -> int:
    """Lines of YAML; a file inside a ConfigMap counts as one."""
    made = manifest(resource)
    if "data" in made and isinstance(made["data"], Mapping):
        made = {**made, "data": dict.fromkeys(made["data"], "…")}
    return len(dumped(made).splitlines())


def fields_of(value: Any) -> set[str]:
    """The names of fields in a manifest, or in a workload as its team writes it."""
    if isinstance(value, Mapping):
        inside = (fields_of(item) for key, item in value.items() if key not in _OPAQUE or not isinstance(item, Mapping))
        return set(value).union(*inside)
    if isinstance(value, list | tuple):
        return set().union(*map(fields_of, value))
    return set()


def source(persona: str) -> str:
    """The sample's own part of its team's file, as a whole file."""
    text = (ROOT / "stacks" / "acme" / TEAMS[persona] / "workloads.yaml").read_text("utf-8")
    lines = text.splitlines()
    start = lines.index(f"  {SAMPLES[persona]}:")
    end = next((at for at in range(start + 1, len(lines)) if not lines[at].startswith("    ")), len(lines))
    head = lines[: next(at for at, line in enumerate(lines) if not line.strip())]
    section = next(line for line in reversed(lines[:start]) if line and not line.startswith(" "))
    return "\n".join([*head, "", section, *lines[start:end]])


def sample(persona: str) -> Prepared:
    """The sample, planned for production."""
    return of_acme(TEAMS[persona])[SAMPLES[persona]]


def comparison(persona: str) -> str:
    """The numbers of one sample."""
    resources = sample(persona).plan.resources
    written = source(persona).splitlines()
    mine = written[written.index(f"  {SAMPLES[persona]}:") :]
    rules = [resource for resource in resources if resource.kind == "PrometheusRule"]
    kinds = sorted({resource.kind for resource in resources})
    fields = set().union(*(fields_of(manifest(resource)) for resource in resources))
    given = yaml.safe_load(source(persona))
    chosen = next(value for value in given.values() if isinstance(value, dict))[SAMPLES[persona]]
    rows = [
        ("lines", len(mine), sum(map(lines_of, resources))),
        ("of which alerts and recording rules", 0, sum(map(lines_of, rules))),
        ("objects", 1, len(resources)),
        ("kinds of objects", 1, len(kinds)),
        ("different field names", len(fields_of(chosen)), len(fields)),
    ]
    lines = [f"| {name} | {ours} | {theirs:,} |" for name, ours, theirs in rows]
    head = f"| `{SAMPLES[persona]}` | {persona}'s file | by hand |"
    return "\n".join([head, "|---|---:|---:|", *lines, "", fill(f"The kinds: {', '.join(kinds)}.", 120)])


def fence(text: str, language: str = "yaml") -> str:
    """A code block."""
    return f"```{language}\n{text.rstrip()}\n```"


def excerpt(persona: str, role: str, *path: str | int) -> str:
    """A piece of what is rendered."""
    name = f"{SAMPLES[persona]}-{role}"
    resource = next(each for each in sample(persona).plan.resources if each.name == name)
    value: Any = manifest(resource)
    for part in path:
        value = value[part]
    where = f" {'.'.join(map(str, path))}" if path else ""
    return fence(f"{RENDERED}: {resource.kind} {SAMPLES[persona]}{where}\n{dumped(value)}")


# telemetry.md, out of the code


def burn_rates() -> str:
    """When an error budget burns too fast."""
    hours = {"m": 1 / 60, "h": 1, "d": 24}
    lines = []
    for burn in BURNS:
        share = float(burn.factor) * int(burn.long[:-1]) * hours[burn.long[-1]] / (PERIOD_DAYS * 24)
        lines.append(f"| {burn.severity} | {burn.factor} | {burn.long} | {burn.short} | {share:.0%} |")
    head = f"| severity | times too fast | over | and still over | share of {PERIOD_DAYS} days' budget gone by then |"
    return "\n".join([head, "|---|---:|---|---|---:|", *lines])


def rules(prepared: Prepared) -> Iterator[dict[str, Any]]:
    """Every rule of a workload."""
    for resource in prepared.plan.resources:
        if resource.kind == "PrometheusRule":
            for group in resource.inputs["spec"]["groups"]:
                yield from group["rules"]


def recorded() -> str:
    """The names of the recording rules."""
    names = dict.fromkeys(rule["record"] for rule in rules(sample("app-developer")) if "record" in rule)
    return "\n".join(f"- `{name}`" for name in names)


def metric_sources() -> str:
    """What each source counts."""
    checkout = sample("app-developer").workload
    lines = []
    for kind in RequestMetrics:
        telemetry = acme().telemetry.model_copy(update={"requests": kind, "latency_buckets": None})
        organisation = acme().model_copy(update={"telemetry": telemetry})
        context = Context(organisation, "prod", "payments", ROOT, "payments-prod")
        workload = type(checkout)(checkout.name, checkout.spec, context)
        indicator = of_organisation(workload, routed=True)
        assert indicator
        lines.append(_indicator_row(f"`{kind}`", indicator))
    for server, preset in SERVERS.items():
        if preset.indicator:
            lines.append(_indicator_row(f"{server}'s own (endpoints)", preset.indicator))
    return "\n".join(["| source | requests | failed | latency | its buckets |", "|---|---|---|---|---|", *lines])


def _indicator_row(name: str, indicator: Indicator) -> str:
    requests = ", ".join(f"`{each}`" for each in indicator.requests)
    errors = ", ".join(f"`{matcher}`" if matcher else f"`{each}`" for each, matcher in indicator.errors)
    latency = f"`{indicator.latency}`" if indicator.latency else "none: promise availability alone"
    buckets = ", ".join(map(str, indicator.buckets)) or "none"
    return f"| {name} | {requests} | {errors} | {latency} | {buckets} |"


# The parts between markers


GENERATED: dict[tuple[str, str], Callable[[], str]] = {
    **{(name, "words"): partial(lambda name: persona_words(personas()[name]), name) for name in GUIDES},
    ("organisation", "words"): organisation_words,
    **{("by-hand", f"{name}-file"): partial(lambda name: fence(source(name)), name) for name in GUIDES},
    **{("by-hand", f"{name}-numbers"): partial(comparison, name) for name in GUIDES},
    ("by-hand", "app-developer-excerpt"): partial(excerpt, "app-developer", "network-policy", "spec", "ingress"),
    ("by-hand", "ml-engineer-excerpt"): partial(
        excerpt, "ml-engineer", "deployment", "spec", "template", "spec", "containers", 1
    ),
    ("by-hand", "data-scientist-excerpt"): partial(
        excerpt, "data-scientist", "stateful-set", "spec", "template", "spec", "containers", 0, "command"
    ),
    ("telemetry", "burn-rates"): burn_rates,
    ("telemetry", "recorded"): recorded,
    ("telemetry", "sources"): metric_sources,
}
"""(page, part) → what makes it."""


def _markers(part: str) -> tuple[str, str]:
    return f"<!-- {part}: written by `{WRITE}` -->", f"<!-- end of {part} -->"


def split(name: str, part: str) -> tuple[str, str, str]:
    """A page before, in and after one of its parts."""
    begin, end = _markers(part)
    before, found, rest = page(name).partition(f"{begin}\n")
    inside, closed, after = rest.partition(f"\n{end}")
    assert found and closed, f"docs/{name}.md lacks the markers {begin} and {end}"
    return before + found, inside, closed + after


def write() -> list[str]:
    """Rewrite what is stale; the pages that changed."""
    changed = []
    for (name, part), make in GENERATED.items():
        before, inside, after = split(name, part)
        if inside != (text := make()):
            (DOCS / f"{name}.md").write_text(before + text + after, "utf-8")
            changed.append(name)
    return sorted(set(changed))


@pytest.mark.parametrize(("name", "part"), list(GENERATED))
def test_generated_parts_are_fresh(name: str, part: str) -> None:
    """Tables and numbers are what the code says today."""
    assert split(name, part)[1] == GENERATED[name, part](), f"stale: run `{WRITE}`"


def test_a_words_default_gets_its_own_column() -> None:
    """In whichever way the description says it."""
    spec = described(definitions()["BatchJob"].spec).model_fields
    assert word("retries", spec["retries"]) == Word(
        "retries",
        "How often a failed pod is tried again. Evictions do not count, a missing command is not retried.",
        "2",
    )
    assert word("image", spec["image"]).default == "required"
    assert (word("env", spec["env"]).default, word("writes", spec["writes"]).default) == ("none", "none")


def test_a_table_has_every_word_of_its_persona() -> None:
    """Nested ones included, and no other's."""
    text = persona_words(personas()["app-developer"])
    for section in personas()["app-developer"].sections.values():
        assert all(f"| `{name}` |" in text for name in section.words)
    assert "| `scale.min` |" in text
    assert "accelerator" not in text


# Examples


_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(name: str, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return [text for found, text in _FENCE.findall(page(name)) if found == language]


def _cases(*names: str) -> list[Any]:
    found = [(name, text) for name in names if (DOCS / f"{name}.md").exists() for text in blocks(name, "yaml")]
    return [pytest.param(name, text, id=f"{name}-{index}") for index, (name, text) in enumerate(found)]


def whole(name: str, text: str) -> tuple[str, str]:
    """A block as a whole file, and its team.

    A fragment gets the head of its page's persona; where it has no section, it is laid over the page's own workload.
    """
    given: dict[str, Any] = yaml.safe_load(text)
    if "persona" in given:
        return text, str(given["team"])
    persona, team = personas()[name], TEAMS[name]
    if not given.keys() & {*persona.sections, *persona.shared}:
        section, workload, base = BASES[name]
        given = {section: {workload: {**base, **given}}}
    head = {"persona": name, "team": team}
    shared = dict.fromkeys(persona.shared, f"registry.acme.test/{team}/science:2.1.0")
    return dumped({**head, **shared, **given}), team


@pytest.mark.parametrize(("name", "text"), _cases(*GUIDES, "by-hand", "telemetry"))
def test_examples_of_workloads_work(name: str, text: str, tmp_path: Path) -> None:
    """Each is a whole file, or a fragment of one; it plans in every environment, and before production keeps the rules."""
    if text.startswith((NOT_OURS, RENDERED)):
        assert yaml.safe_load(text)
        return
    file = tmp_path / "workloads.yaml"
    content, team = whole(name, text)
    file.write_text(content)
    for environment in acme().environments:
        if text.startswith(REFUSED):
            with pytest.raises(HandrailError):
                workloads(file, team, environment)
        else:
            assert workloads(file, team, environment, refuses=environment != "prod")


_POSITION = re.compile(r"^\S*workloads\.yaml:\d+:\d+: ", re.MULTILINE)
_REFUSALS = [
    pytest.param(name, yaml_block, said, id=f"{name}-{index}")
    for name in GUIDES
    if (DOCS / f"{name}.md").exists()
    for index, (yaml_block, said) in enumerate(
        re.findall(rf"^```yaml\n({REFUSED}.*?)^```\n+```text\n(.*?)^```$", page(name), re.MULTILINE | re.DOTALL)
    )
]


@pytest.mark.parametrize(("name", "text", "said"), _REFUSALS)
def test_errors_say_what_the_guides_show(name: str, text: str, said: str, tmp_path: Path) -> None:
    """Word for word; the place in the file is left out."""
    file = tmp_path / "workloads.yaml"
    content, team = whole(name, text)
    file.write_text(content)
    with pytest.raises(HandrailError) as caught:
        workloads(file, team, "dev")
    assert _POSITION.sub("", str(caught.value)) == said.rstrip("\n")


def merged(under: Any, over: Any) -> Any:
    """Mappings merged, everything else replaced."""
    if isinstance(under, dict) and isinstance(over, dict):
        return {**under, **{key: merged(under.get(key), value) for key, value in over.items()}}
    return over


@pytest.mark.parametrize(("name", "text"), _cases("organisation"))
def test_examples_of_organisations_work(name: str, text: str, tmp_path: Path) -> None:
    """A whole organisation.yaml starts with its name; a fragment is laid over acme's."""
    if text.startswith(NOT_OURS):
        assert yaml.safe_load(text)
        return
    given = yaml.safe_load(text)
    under = {} if text.startswith("name:") else yaml.safe_load((ORGANISATION / FILE).read_text("utf-8"))
    (tmp_path / FILE).write_text(yaml.safe_dump(merged(under, given)))
    assert load_organisation(tmp_path)


def test_no_yaml_block_is_left_out() -> None:
    """A page with YAML that nothing tries would go stale unseen."""
    known = {*GUIDES, "by-hand", "telemetry", "organisation", "standards"}  # test_check.py tries those of standards
    assert {path.stem for path in DOCS.glob("*.md") if blocks(path.stem, "yaml")} <= known


@pytest.mark.parametrize("text", blocks("telemetry", "promql") if (DOCS / "telemetry.md").exists() else [])
def test_promql_parses(text: str) -> None:
    """Every query that a page shows."""
    assert promql_parser.parse(text)


# Commands


def commands() -> dict[str, set[str]]:
    """Every command, as `engine install` → its options."""

    every = _words.commands(typer.main.get_command(app))
    return {name: {option for each in found.params for option in each.opts} | {"--help"} for name, found in every}


def mentioned() -> Iterator[tuple[str, str]]:
    """Page → each `handrail ...` that it names, in code of either kind."""
    for path in (ROOT / "README.md", *sorted(DOCS.glob("*.md"))):
        text = path.read_text("utf-8")
        for found in re.findall(r"`handrail ([^`\n]+)`|^(?: {4,}|\$ )?handrail (\S[^\n#]*)", text, re.MULTILINE):
            yield path.name, next(filter(None, found)).strip()


def test_every_command_in_the_docs_exists() -> None:
    """With its options."""
    known = commands()
    wrong = []
    for name, line in mentioned():
        parts = shlex.split(line.partition("|")[0], comments=True)
        command = next((each for length in (3, 2, 1) if (each := " ".join(parts[:length])) in known), None)
        options = {part.partition("=")[0] for part in parts if part.startswith("-") and part != "-"}
        if command is None or not options <= known[command]:
            wrong.append(f"{name}: handrail {line}")
    assert not wrong


def test_every_command_is_in_the_docs() -> None:
    """What nobody describes is found by nobody."""
    lines = [line for _, line in mentioned()]
    assert not [command for command in commands() if not any(f"{line} ".startswith(f"{command} ") for line in lines)]


# What telemetry.md must name


def test_every_alert_is_explained() -> None:
    """With its severity, and what to do."""
    text = page("telemetry")
    for team in acme().teams:
        for prepared in of_acme(team).values():
            for rule in rules(prepared):
                if "alert" in rule:
                    assert f"| `{rule['alert']}` | {rule['labels']['severity']} |" in text


def test_every_variable_is_explained() -> None:
    """What the platform puts into the environment of workloads."""
    text = page("telemetry")
    for name in data_environment(sample("data-scientist").workload, ["s3://a/b"], ["s3://a/c"]):
        assert f"`{name}`" in text


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_narrow(name: str) -> None:
    """As the other pages; rows of generated tables cannot be broken."""
    lines = page(name).splitlines()
    assert not [line for line in lines if len(line) > LONGEST and not line.startswith("|")]


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    """Pages and files that a page points to."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", page(name))
    assert not [target for target in targets if not (DOCS / target).exists()]


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(f"usage: {WRITE}")
    print("\n".join(f"docs/{name}.md" for name in write()) or "nothing was stale")
