"""The documentation site: it builds without a warning, its links lead somewhere, every code block works."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import typer.main
import yaml
from documentation import build
from planned import acme, context_of

from handrail.cli.app import app
from handrail.components._catalogue import definitions
from handrail.components._definition import Prepared, prepare
from handrail.core.errors import HandrailError
from handrail.core.project import Project
from handrail.personas._workloads import read_workloads
from handrail.preview.read import record_stack

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ACME = ROOT / "stacks" / "acme" / "platform" / "acme_platform"
PAGES = sorted(DOCS.rglob("*.md"))
ABOUT = [ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md")]
"""Pages that stand beside the site, and are read on the forge."""
WRITE = "uv run python docs/_generate.py"
ORGANISATION = "handrail:organisation: ./o, handrail:team: payments, handrail:environment: dev"


# What is generated


def generator() -> ModuleType:
    """docs/_generate.py."""
    spec = importlib.util.spec_from_file_location("_generate", DOCS / "_generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    """What the code says today."""
    assert generator().main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_page_is_told_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And is fresh afterwards."""
    module = generator()
    monkeypatch.setattr(module, "REFERENCE", tmp_path)
    (tmp_path / "cli.md").write_text("# An older page\n")
    assert module.main(["--check"]) == 1
    assert f"docs/reference/cli.md is stale: run `{WRITE}`" in capsys.readouterr().err
    assert module.main([]) == 0
    assert module.main(["--check"]) == 0


def test_a_setting_has_its_range_its_default_and_both_types() -> None:
    """A number, a quantity, one that nests, one with a pattern."""
    text = (DOCS / "reference" / "components.md").read_text("utf-8")
    assert "| `parallel` | a whole number, 1 to 1000<br>`int` | 1 | How many pods share the work" in text
    assert (
        "| `deadline` | a number and ms, s, m, h or d, as 300ms or 2h<br>`str` | 24h | How long a run may take" in text
    )
    assert "| `scale.min` | a whole number, from 1<br>`int` | 2 (cdk8s-plus), so that" in text
    assert "| `api.version` | text, like `^v[1-9][0-9]*$`<br>`str` | required | The API's major version" in text


# The site


@dataclass(frozen=True)
class Built:
    """A page as a browser gets it.

    Args:
        ids: what a link may end in.
        links: what it points to.
        loads: what it loads to be shown: scripts, styles, pictures, fonts.
    """

    ids: frozenset[str]
    links: tuple[str, ...]
    loads: tuple[str, ...]


class _Reader(HTMLParser):
    """Collects ids and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element."""
        given = {name: value for name, value in attrs if value is not None}
        self.ids += [given[name] for name in ("id", "name") if name in given]
        self.links += [given["href"]] if tag == "a" and "href" in given else []
        loaded = ("src", "srcset", "data", "poster", "action", "xlink:href", *(() if tag == "a" else ("href",)))
        self.loads += [given[name] for name in loaded if name in given]


def built(file: Path) -> Built:
    """A page of the site, taken apart."""
    reader = _Reader()
    reader.feed(file.read_text("utf-8"))
    return Built(frozenset(reader.ids), tuple(reader.links), tuple(reader.loads))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Built]:
    """The site, built strictly: file → page."""
    folder = tmp_path_factory.mktemp("site")
    assert "WARNING" not in build(folder)
    return {file: built(file) for file in folder.rglob("*.html")}


def home(site: dict[Path, Built]) -> Path:
    """The folder of the site."""
    return min((file.parent for file in site), key=lambda folder: len(folder.parts))


def test_every_page_is_in_the_site(site: dict[Path, Built]) -> None:
    """And what makes them is not."""
    folder = home(site)
    names = {str(path.relative_to(DOCS).with_suffix(".html")) for path in PAGES}
    assert {str(file.relative_to(folder)) for file in site} == {*names, "404.html"}
    assert not [*folder.rglob("*.py"), *folder.rglob("*.pyc")]


def lost(file: Path, address: str, folder: Path, pages: dict[Path, Built]) -> bool:
    """Whether an address of a page leads to no file, or to no anchor in it."""
    parts = urlsplit(address)
    path = unquote(parts.path)
    target = file if not path else folder / path.lstrip("/") if path.startswith("/") else Path(file.parent, path)
    target = Path(os.path.normpath(target))
    if target.is_dir():
        target /= "index.html"
    if not target.is_file() or not target.is_relative_to(folder):
        return True
    return bool(parts.fragment) and target in pages and unquote(parts.fragment) not in pages[target].ids


def test_every_link_and_anchor_resolves(site: dict[Path, Built]) -> None:
    """In the pages as they are built: the theme's own links as well."""
    folder = home(site)
    wrong = [
        f"{file.relative_to(folder)}: {address}"
        for file, page in site.items()
        for address in (*page.links, *page.loads)
        if not urlsplit(address).scheme and not address.startswith("//") and lost(file, address, folder, site)
    ]
    assert not wrong


def test_a_lost_link_is_found(tmp_path: Path) -> None:
    """The check itself works."""
    text = '<h2 id="here">x</h2><a href="#here">a</a><a href="b.html#there">b</a><img src="c.png"><a href="../d">d</a>'
    for name in ("a.html", "b.html"):
        (tmp_path / name).write_text(text)
    pages = {tmp_path / name: built(tmp_path / name) for name in ("a.html", "b.html")}
    page = pages[tmp_path / "a.html"]
    found = [each for each in (*page.links, *page.loads) if lost(tmp_path / "a.html", each, tmp_path, pages)]
    assert found == ["b.html#there", "../d", "c.png"]


def test_nothing_is_asked_of_another_host(site: dict[Path, Built]) -> None:
    """No style, script, font or picture; pages are read in closed networks."""
    folder = home(site)
    elsewhere = [
        f"{file.relative_to(folder)}: {address}"
        for file, page in site.items()
        for address in page.loads
        if urlsplit(address).netloc or urlsplit(address).scheme not in ("", "data")
    ]
    elsewhere += [
        f"{file.relative_to(folder)}: {address}"
        for file in folder.rglob("*.css")
        for address in re.findall(r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')]+)", file.read_text("utf-8"))
    ]
    assert not elsewhere


@pytest.mark.parametrize("file", sorted(DOCS.rglob("*.svg")), ids=lambda file: str(file.name))
def test_a_picture_is_whole(file: Path) -> None:
    """Well-formed, told to those who cannot see it, and complete in itself."""
    text = file.read_text("utf-8")
    root = ElementTree.fromstring(text)
    names = {element.tag.rpartition("}")[2] for element in root}
    assert {"title", "desc"} <= names
    assert "href" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")


# Pages beside the site


def slugs(text: str) -> set[str]:
    """The anchors that a forge gives the headings of a page."""
    headings = re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", [*ABOUT, *PAGES], ids=lambda file: str(file.relative_to(ROOT)))
def test_links_between_files_resolve(file: Path) -> None:
    """Files and headings of the repository, as a forge shows them."""
    wrong = []
    for address in re.findall(r"\]\(([^)\s]+)\)", file.read_text("utf-8")):
        path, _, anchor = address.partition("#")
        if urlsplit(address).scheme:
            continue
        target = (file.parent / path).resolve() if path else file
        if not target.exists() or (anchor and anchor not in slugs(target.read_text("utf-8"))):
            wrong.append(address)
    assert not wrong


# Code blocks


@dataclass(frozen=True)
class Block:
    """A code block of a page.

    Args:
        language: as the fence says; of a block without one, as it reads.
        title: the file that it is, where the page says so.
    """

    page: str
    line: int
    language: str
    title: str
    text: str
    fenced: bool


_TOOLS = ("handrail", "make", "source", "export", "kubectl", "curl", "pulumi")


def blocks(file: Path) -> Iterator[Block]:
    """The code blocks of a page, fenced or indented."""
    name = str(file.relative_to(ROOT))
    lines = file.read_text("utf-8").split("\n")
    at = 0
    while at < len(lines):
        start = at
        if found := re.match(r"```+(\S*)(?: title=\"(.*)\")?$", lines[at]):
            end = next(index for index in range(at + 1, len(lines)) if lines[index] == "```")
            text = "\n".join(lines[at + 1 : end]) + "\n"
            yield Block(name, start + 1, found[1], found[2] or "", text, fenced=True)
            at = end
        elif lines[at].startswith("    ") and not lines[at - 1] and not re.match(r" *([-*]|\d+\.) ", lines[at]):
            while lines[at].startswith("    ") or (
                not lines[at] and lines[at + 1 : at + 2] and lines[at + 1][:4] == "    "
            ):
                at += 1
            text = "\n".join(line[4:] for line in lines[start:at]) + "\n"
            yield Block(name, start + 1, language(text), "", text, fenced=False)
        at += 1


def language(text: str) -> str:
    """What a block without a language is."""
    if text.startswith("persona:"):
        return "yaml"
    if text.split(maxsplit=1)[0] in _TOOLS:
        return "bash"
    try:
        ast.parse(text)
    except SyntaxError:
        return "text"
    return "python"


BLOCKS = [block for file in (*ABOUT, *PAGES) for block in blocks(file)]


def of(*languages: str, page: str = "") -> list[Any]:
    """The blocks in a language, as parameters of a test."""
    return [
        pytest.param(block, id=f"{block.page}:{block.line}")
        for block in BLOCKS
        if block.language in languages and block.page.startswith(page)
    ]


def test_every_block_says_its_language() -> None:
    """One that something here, or test_docs.py, tries; in the site all are fenced."""
    unknown = [
        f"{block.page}:{block.line}"
        for block in BLOCKS
        if block.language not in ("bash", "json", "promql", "python", "text", "yaml")
        or (not block.fenced and block.page.startswith("docs/"))
    ]
    assert not unknown


# Commands


def parse(line: str) -> None:
    """A `handrail ...`, as the command line reads it; nothing is run."""
    words = shlex.split(line, comments=True)[1:]
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        assert words, line
        assert words[0] in command.commands, line
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)


def test_a_command_with_a_misspelt_option_is_found() -> None:
    """The check itself works."""
    parse("handrail up --environment dev --yes  # a comment")
    for wrong in ("handrail up --enviroment dev", "handrail upp", "handrail engine", "handrail why"):
        with pytest.raises(Exception, match=r".") as caught:
            parse(wrong)
        assert type(caught.value).__name__ in ("AssertionError", "NoSuchOption", "MissingParameter"), wrong


@pytest.mark.parametrize("block", of("bash"))
def test_commands_parse(block: Block) -> None:
    """Each line is the shell's, each `handrail` the command line's, each target in the Makefile."""
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    targets = re.findall(r"^([a-z]\w*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for line in block.text.replace("\\\n", " ").splitlines():
        first, *rest = shlex.split(line, comments=True) or [""]
        if first == "handrail":
            parse(line)
        elif first == "make":
            assert set(rest) <= set(targets), line
        elif first:
            assert first in _TOOLS or re.match(r"\w+=\$\(", first), f"{line}: a tool that nothing here tries"


# Python


def runs_in_a_pulumi_program(block: Block, folder: Path, _: pytest.MonkeyPatch) -> None:
    """A program of a team's own, recorded; README's own workloads.yaml lies beside it."""
    head = (
        'import pulumi\nfrom types import SimpleNamespace\nimage = SimpleNamespace(uri="registry.acme.test/shop:1")\n'
    )
    workloads = next(each.text for each in BLOCKS if each.page == "README.md" and each.language == "yaml")
    for path, text in {
        "Pulumi.yaml": "name: team\nruntime: python\n",
        "Pulumi.dev.yaml": f"config: {{{ORGANISATION}}}\n",
        "o/organisation.yaml": (ACME / "organisation.yaml").read_text("utf-8"),
        "workloads.yaml": workloads,
        "__main__.py": head + block.text,
    }.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    found = record_stack(Project.find(folder), "dev")
    assert found.complete, found.unseen
    assert [each for each in found.registrations if each.type == "kubernetes:apps/v1:Deployment"]
    assert found.outputs.values


def runs_the_recorder(block: Block, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a program that reads what the page passes."""
    monkeypatch.chdir(folder)
    (folder / "infra").mkdir()
    (folder / "infra" / "__main__.py").write_text(
        "import pulumi\nconfig = pulumi.Config()\n"
        'metadata = {"name": config.require("size"), "labels": {"x": config.require_secret("password")}}\n'
        'pulumi.CustomResource("kubernetes:core/v1:ConfigMap", "settings", {"metadata": metadata})\n'
    )
    names: dict[str, Any] = {}
    exec(block.text, names)
    assert [item.name for item in names["made"].registrations if item.type.endswith(":ConfigMap")] == ["settings"]
    assert not names["made"].complete


def calls_an_endpoint(block: Block, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the token that lies in its pod, at the address that the endpoint has."""
    (name, host), *_ = re.findall(r"os\.environ\['((\w+)_HOST)'\]", block.text) or [("", "")]
    posts: list[tuple[str, dict[str, Any]]] = []
    tables: list[str] = []
    fakes = {
        "requests": SimpleNamespace(post=lambda url, **given: posts.append((url, given))),
        "mlflow": SimpleNamespace(start_run=nullcontext),
        "pandas": SimpleNamespace(read_parquet=tables.append),
    }
    for module, fake in fakes.items():
        monkeypatch.setitem(sys.modules, module, fake)
    if not name:
        monkeypatch.setenv("DATASETS_READ", "s3://acme-lake/customers s3://acme-lake/events")
        exec(block.text, {})
        assert tables == ["s3://acme-lake/customers"]
        return
    url = endpoint(host.lower().replace("_", "-")).plan.outputs["url"]
    (folder / "token").write_text("secret")
    monkeypatch.setenv(f"{host}_TOKEN_FILE", str(folder / "token"))
    monkeypatch.setenv(name, urlsplit(url).netloc)
    exec(block.text, {"body": {"inputs": []}})
    ((asked, given),) = posts
    assert (asked, given["headers"]) == (url, {"Authorization": "Bearer secret"})


def runs_on_a_cluster(block: Block, *_: object) -> None:
    """What the page shows is a test; tests/e2e/cluster runs it on a control plane."""
    names: dict[str, Any] = {}
    exec(block.text, names)
    assert [name for name in names if name.startswith("test_")] == ["test_a_namespace_is_admitted"]


def tells_a_risk(block: Block, *_: object) -> None:
    """What it prints stands on the page."""
    said: list[str] = []
    exec(block.text, {"print": lambda *words: said.append(" ".join(map(str, words)))})
    assert said
    assert "\n".join(said) in (ROOT / block.page).read_text()


def endpoint(name: str) -> Prepared:
    """The endpoint that a guide calls: acme's, or one like the guide's own."""
    for team in ("fraud", "churn"):
        _, found = read_workloads(ROOT / "stacks" / "acme" / team / "workloads.yaml", context_of(team), {})
        for each in found:
            if each.name == name:
                return each
    given = {"model": f"models:/{name}/1", "accelerator": "l4", "image": "registry.acme.test/fraud/scorer:1"}
    return prepare(definitions()["GpuInferenceEndpoint"], name, given, context_of("fraud"))


Runner = Callable[[Block, Path, pytest.MonkeyPatch], None]
RUNNERS: dict[str, Runner] = {
    "README.md": runs_in_a_pulumi_program,
    "docs/recorder.md": runs_the_recorder,
    "docs/risk.md": tells_a_risk,
    "docs/cluster.md": runs_on_a_cluster,
    "docs/ml-engineer.md": calls_an_endpoint,
    "docs/data-scientist.md": calls_an_endpoint,
}
"""Page → how its Python is run; extending.md's blocks belong together and have a test of their own."""


@pytest.mark.parametrize("block", [each for each in of("python") if "extending" not in str(each.id)])
def test_python_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands on the page."""
    RUNNERS[block.page](block, tmp_path, monkeypatch)


# YAML that test_docs.py does not try


@pytest.mark.parametrize("block", of("yaml", page="README.md"))
def test_workloads_of_the_readme_plan(block: Block, tmp_path: Path) -> None:
    """In every environment, and before production they keep the standards: there more words are asked for."""
    file = tmp_path / "workloads.yaml"
    file.write_text(block.text, "utf-8")
    for environment in acme().environments:
        context = context_of(yaml.safe_load(block.text)["team"], environment)
        _, found = read_workloads(file, context, {}, refuses=environment != "prod")
        assert found


@pytest.mark.parametrize("block", of("text", page="README.md"))
def test_the_mistake_of_the_readme_reads_so(block: Block, tmp_path: Path) -> None:
    """Word for word, all of it, with the lines in the sample's file; what is wrong in it is in the error itself."""
    found = re.match(r"(?P<file>\S+?):\d+:\d+: (?P<path>\S+): .*\n +given: +(?P<given>\w+)\n", block.text)
    assert found
    near = re.search(r"did you mean (\w+)\?", block.text)
    assert near
    name = found["path"].split(".")[1]
    text = (ROOT / found["file"]).read_text("utf-8")
    head, _, tail = text.partition(f"\n  {name}:\n")
    file = tmp_path / "workloads.yaml"
    mistaken = tail.replace(f"{near[1]}:", f"{found['given']}:", 1)
    file.write_text(f"{head}\n  {name}:\n{mistaken}", "utf-8")
    with pytest.raises(HandrailError) as caught:
        read_workloads(file, context_of("payments"), {})
    said = "\n".join(map(str, caught.value.problems))
    assert re.sub(r"^\S*workloads\.yaml", found["file"], said, flags=re.MULTILINE) == block.text.rstrip("\n")


def test_pulumis_words_on_the_engines_page_are_yaml() -> None:
    """Another tool's: test_docs.py tries those of ours."""
    (block,) = [block for block in BLOCKS if block.page == "docs/engine.md" and block.language == "yaml"]
    assert yaml.safe_load(block.text)["plugins"]["providers"][0]["name"] == "kubernetes"


def test_no_yaml_is_tried_by_nobody() -> None:
    """A page with a title on a block is not read by test_docs.py; test_check.py tries those of standards,
    test_release_files.py and test_approvals.py those of promotions, test_pipeline_workflows.py the pipeline's."""
    titled = {block.page for block in BLOCKS if block.language == "yaml" and block.title}
    pages = ("concepts", "engine", "extending", "pipeline", "promotion", "standards")
    assert titled <= {f"docs/{page}.md" for page in pages}
    assert {block.page for block in BLOCKS if block.language == "json"} == {"docs/promotion.md"}


# extending.md


@pytest.mark.parametrize("block", of("python", page="docs/extending.md"))
def test_an_example_is_linted(block: Block) -> None:
    """As a file of the repository is, and as narrow as the page shows without scrolling."""
    name = block.title if block.title.endswith(".py") else "stacks/program.py"
    # what is no file yet counts as somebody else's package, so the order of imports is not judged
    command = [sys.executable, "-m", "ruff", "check", "--extend-ignore", "I001", "--stdin-filename", name, "-"]
    done = subprocess.run(command, input=block.text, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in block.text.splitlines() if len(line) > 82] == []


CHECKS = """
import json
from pathlib import Path

from handrail.core.project import Project
from handrail.personas._persona import personas
from handrail.preview.read import record_stack
from handrail.testing import plan

HERE = Path(__file__).parents[2]


def test_the_program_registers_the_component():
    found = record_stack(Project.find(HERE / "program"), "dev")
    assert found.complete, found.unseen
    (made,) = [each for each in found.registrations if each.type == "kubernetes:core/v1:ConfigMap"]
    assert json.loads(made.inputs["data"]["flags.json"]) == {"new-basket": True}
    assert made.inputs["data"]["refresh-seconds"] == "120"
    assert set(found.outputs.values) == {"config_map"}


def test_the_persona_reads_its_file():
    found = plan(HERE / "team", "dev")
    made = {each.name: each for each in found.prepared}
    assert list(made) == ["checkout-switches", "daily-sales", "monthly-sales"]
    specs = {name: each.workload.spec for name, each in made.items()}
    assert specs["checkout-switches"].flags == {"new-basket": True, "gift-cards": False}
    assert [specs[name].schedule for name in ("daily-sales", "monthly-sales")] == ["0 6 * * *", "0 6 1 * *"]
    assert specs["daily-sales"].retries == 0
    assert specs["daily-sales"].image == "registry.acme.test/payments/reports:1.2.0"
    roles = {r.name.removeprefix(f"{each.name}-") for each in found.prepared for r in each.plan.resources}
    assert personas()["product-owner"].parts.keys() <= roles
"""


def test_the_examples_of_extending_work(tmp_path: Path) -> None:
    """In a copy of the packages they are put into: generated, linted, tested, read and registered."""
    page = [block for block in BLOCKS if block.page == "docs/extending.md" and block.language in ("python", "yaml")]
    titles = {
        "a Pulumi program": "program/__main__.py",
        "workloads.yaml": "team/workloads.yaml",
    }
    for part in ("components/handrail/components", "personas/handrail/personas", "platform/handrail/standards"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    files = {titles.get(block.title, block.title): block.text for block in page}
    assert all((ROOT / path).parent.is_dir() for path in files if path not in titles.values())
    assert not [path for path in files if (ROOT / path).exists()]
    for folder in ("program", "team"):
        files[f"{folder}/Pulumi.yaml"] = "name: team\nruntime: python\n"
        files[f"{folder}/Pulumi.dev.yaml"] = f"config: {{{ORGANISATION}}}\n"
        files[f"{folder}/o/organisation.yaml"] = (ACME / "organisation.yaml").read_text("utf-8")
    files["tests/unit/conftest.py"] = (ROOT / "tests" / "unit" / "conftest.py").read_text("utf-8")
    files["tests/unit/test_page.py"] = CHECKS
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    (tmp_path / "stacks").symlink_to(ROOT / "stacks")
    roots = [str(tmp_path / part) for part in ("components", "personas", "platform")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*roots, os.environ.get("PYTHONPATH", "")]).rstrip(":")}
    for command in (
        ["handrail.components._codegen"],
        ["handrail.components._codegen", "--check"],
        ["pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", "tests/unit"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
