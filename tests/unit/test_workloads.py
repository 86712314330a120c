"""workloads.yaml in its persona's words."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.components._definition import Prepared
from handrail.core.errors import HandrailError
from handrail.organisation import Context, Organisation
from handrail.personas._stack import is_plain, plan_stack
from handrail.personas._workloads import read_workloads

HEAD = "persona: app-developer\nteam: payments\n"
TWO = (
    HEAD + "services:\n"
    "  checkout: {image: registry.acme.test/checkout:1, port: 8080, calls: [ledger]}\n"
    "  ledger:\n    image: registry.acme.test/ledger:1\n    port: 9000\n    callers: [storefront/web]\n"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the text goes."""
    return tmp_path / "workloads.yaml"


def read(file: Path, text: str, context: Context) -> dict[str, Prepared]:
    """The prepared workloads of a text, by name."""
    file.write_text(text)
    return {prepared.name: prepared for prepared in read_workloads(file, context, {})[1]}


def refusal(file: Path, text: str, context: Context) -> str:
    """The error of a text, without its directory."""
    with pytest.raises(HandrailError) as caught:
        read(file, text, context)
    return str(caught.value).replace(f"{file.parent}/", "")


def test_every_setting_knows_its_source(file: Path, context: Context) -> None:
    """Line and column where it was written, or whose default it is."""
    sources = read(file, TWO, context)["ledger"].sources
    assert str(sources["port"]).endswith("workloads.yaml:7:11")
    assert str(sources["scale.min"]) == "default of ScalableService"
    assert (sources["port"].chosen, sources["scale.min"].chosen) == (True, False)


def test_callers_in_the_same_file_need_no_mention(file: Path, context: Context) -> None:
    """`calls` of one opens the network of the other."""
    ledger = read(file, TWO, context)["ledger"]
    assert ledger.workload.spec.callers == ["storefront/web", "checkout"]
    assert str(ledger.sources["callers"]) == "derived from calls"


@pytest.mark.parametrize("wrong", ["1", "null", "web", "{a: 1}"])
def test_callers_of_the_wrong_kind_are_said_where_others_call(wrong: str, file: Path, context: Context) -> None:
    """What is derived from calls is not mixed with what is no list."""
    text = TWO.replace("callers: [storefront/web]", f"callers: {wrong}")
    assert "services.ledger.callers: must be" in refusal(file, text, context)


def test_all_problems_of_a_file_at_once(file: Path, context: Context) -> None:
    """Over workloads and kinds of problems, each with its line."""
    text = HEAD + (
        "services:\n"
        "  checkout: {image: r/c, prot: 8080}\n"
        "  ledger: {image: r/l, port: 99999, calls: [fraud/x]}\n"
        "  bad: [1]\n"
        "joobs: {train: {}}\n"
        "notebooks: {explore: {}}\n"
    )
    found = refusal(file, text, context)
    assert "workloads.yaml:4:26: services.checkout.prot: is no word of app-developer that may stand here" in found
    assert "did you mean port?" in found
    assert "workloads.yaml:4:3: services.checkout.port: is required" in found
    assert "workloads.yaml:5:30: services.ledger.port: must be less than or equal to 65535\n    given:   99999" in found
    assert "workloads.yaml:6:8: services.bad: must hold settings by name" in found
    assert "workloads.yaml:7:1: joobs: is no word that may stand here" in found
    assert "did you mean jobs?" in found
    assert "workloads.yaml:8:1: notebooks: is a word of data-scientist, not of app-developer" in found


def test_a_word_of_another_persona_says_whose_it_is(file: Path, context: Context) -> None:
    """For the same thing where somebody has it there, else for another thing; a word of nobody's is a misspelling."""
    text = HEAD + (
        "services:\n  ledger: {image: registry.acme.test/l:1, port: 80, accelerator: l4}\n"
        "jobs:\n  night: {image: registry.acme.test/n:1, command: [x], notebook: n.ipynb, frehsness: 2d}\n"
    )
    found = refusal(file, text, context)
    owners = "data-scientist (for jobs, endpoints) and ml-engineer (for endpoints, jobs)"
    assert f"services.ledger.accelerator: is a word of {owners}, not of app-developer for services" in found
    owners = "data-scientist (for jobs) and ml-engineer (for jobs)"
    assert f"jobs.night.notebook: is a word of {owners}, not of app-developer for jobs" in found
    assert "jobs.night.frehsness: is no word of app-developer that may stand here" in found
    assert "did you mean freshness?" in found


def test_the_files_image_is_every_workloads(file: Path, acme: Organisation) -> None:
    """`environment_image` is the default of image in every section; a workload's own wins; its line is known."""
    text = (
        "persona: data-scientist\nteam: churn\nenvironment_image: registry.acme.test/science:1\n"
        "notebooks: {explore: {}}\njobs: {train: {notebook: a.ipynb}, own: {image: registry.acme.test/own:2, command: [x]}}\n"
        "endpoints: {scorer: {model: models:/c/1, accelerator: l4}}\n"
    )
    found = read(file, text, Context(acme, "dev", "churn", file.parent, "churn-dev"))
    assert {name: each.workload.spec.image for name, each in found.items()} == {
        "explore": "registry.acme.test/science:1", "train": "registry.acme.test/science:1", "own": "registry.acme.test/own:2", "scorer": "registry.acme.test/science:1",
    }  # fmt: skip
    assert str(found["explore"].sources["image"]).endswith("workloads.yaml:3:20")
    wrong = refusal(
        file,
        text.replace("registry.acme.test/science:1", "[1]"),
        Context(acme, "dev", "churn", file.parent, "churn-dev"),
    )
    assert "workloads.yaml:3:20: environment_image: must be text" in wrong


def test_the_file_must_be_the_stacks_teams(file: Path, context: Context) -> None:
    """A file of another team is not deployed into this one's namespace."""
    found = refusal(file, "persona: app-developr\nteam: storefront\n", context)
    assert "workloads.yaml:1:10: persona: is no persona that may stand here" in found
    assert "did you mean app-developer?" in found
    assert "workloads.yaml:2:7: team: is no team that stack payments-dev deploys" in found


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "persona: app-developer", "persona: [1]\nteam: {}\n", HEAD + "services: 3\n"]
)
def test_any_wrong_shape_is_an_error_with_a_place(file: Path, text: str, context: Context) -> None:
    """Never a traceback."""
    assert "workloads.yaml:" in refusal(file, text, context)


def test_an_empty_file_of_a_persona_is_fine(file: Path, context: Context) -> None:
    """A team that has no workload yet."""
    assert read(file, HEAD, context) == {}
    assert read(file, HEAD + "services: {}\n", context) == {}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.sampled_from(
    ["image", "port", "api", "scale", "cpu", "env", "secrets", "health", "calls", "callers", "egress", "nope"]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(WORDS, VALUES, max_size=6))
def test_any_settings_are_a_plan_or_an_error(file: Path, context: Context, content: dict[str, object]) -> None:
    """No value under a known word raises anything but an error of ours."""
    import yaml

    text = HEAD + yaml.safe_dump({"services": {"x": content}}, allow_unicode=True)
    try:
        read(file, text, context)
    except HandrailError as error:
        assert "workloads.yaml" in str(error) or "x" in str(error)


def test_a_stack_plans_what_its_config_names(context: Context) -> None:
    """The platform team's stack has a workspace for each team, and what they share."""
    root = context.root
    config = {"handrail:organisation": "./stacks/acme/platform/acme_platform", "handrail:environment": "prod"}
    platform = plan_stack(config | {"handrail:team": "platform"}, root=root, stack="platform-prod")
    teams = ["payments", "storefront", "fraud", "assist", "churn"]
    assert [prepared.name for prepared in platform.prepared] == ["flavors", "priorities", *teams, "admission"]
    team = config | {"handrail:team": "storefront", "handrail:workloads": "stacks/acme/storefront/workloads.yaml"}
    assert [p.name for p in plan_stack(team, root=root, stack="storefront-prod").prepared] == [
        "web",
        "catalogue",
        "search",
        "reindex",
    ]


@pytest.mark.parametrize(
    ("program", "plain"),
    [
        ('"""Doc."""\nfrom handrail.personas import deploy\n\ndeploy()\n', True),
        ("from handrail.personas import deploy\nimport os\ndeploy()\n", False),
        ("from handrail.personas import deploy\ndeploy()\nprint(1)\n", False),
        ("def (", False),
    ],
)
def test_only_a_program_that_does_nothing_else_is_plain(program: str, plain: bool, tmp_path: Path) -> None:
    """Anything more must be run to be known."""
    (tmp_path / "__main__.py").write_text(program)
    assert is_plain(tmp_path) is plain


def test_a_call_that_cannot_be_meant_is_refused(file: Path, context: Context) -> None:
    """A misspelling of a neighbour, oneself, the same one twice; what is like no neighbour may be in another program."""
    text = TWO.replace("calls: [ledger]", "calls: [legder, checkout, refunds, refunds]")
    found = refusal(file, text, context)
    assert "services.checkout.calls[0]: is no workload of this file that may stand here" in found
    assert "did you mean ledger?" in found
    assert "services.checkout.calls[1]: is the workload itself" in found
    assert "services.checkout.calls[3]: stands here twice" in found
    assert "calls[2]" not in found


def test_a_caller_is_told_where_its_callees_are(file: Path, context: Context) -> None:
    """Host and token file of each, in this environment; the workload's own setting wins."""
    text = TWO.replace("calls: [ledger]", "calls: [ledger, fraud/fraud-scorer], env: {LEDGER_HOST: mine}")
    deployment = next(r for r in read(file, text, context)["checkout"].plan.resources if r.kind == "Deployment")
    found = {v["name"]: v["value"] for v in deployment.inputs["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert found["FRAUD_SCORER_HOST"] == "fraud-scorer.fraud-dev.svc"
    assert found["FRAUD_SCORER_TOKEN_FILE"] == "/var/run/secrets/handrail.dev/fraud/fraud-scorer"
    assert found["LEDGER_HOST"] == "mine"


def test_mistakes_of_form_are_sentences(file: Path, context: Context) -> None:
    """No type of ours, no regular expression, no Python dict in what a person reads."""
    text = HEAD + (
        "services:\n  a: {image: 5, port: 80}\n  b: {image: registry.acme.test/b:1, port: 80, api: v2}\n"
        "  c: {image: registry.acme.test/c:1, port: 80, cpu: 2, cpu_limit: 1}\n  d: {image: registry.acme.test/d:1, port: 80, health: no-slash}\n"
    )
    found = refusal(file, text, context)
    assert "services.a.image: must be a valid string\n    given:   5" in found
    assert "services.b.api: must hold settings by name\n    given:   v2" in found
    assert "services.c: cpu_limit (1) is less than cpu (2)" in found
    assert (
        "services.d.health: is not written as it must be\n    given:   no-slash\n    do:      write health: The path"
        in found
    )
    assert not [word for word in ("Given", "Spec", "pattern", "{'") if word in found]


def test_two_callees_of_one_name_are_told_apart(file: Path, context: Context) -> None:
    """By their teams; the same callee written in two ways is one."""
    text = TWO.replace("calls: [ledger]", "calls: [ledger, payments/ledger, fraud/scorer, churn/scorer]")
    deployment = next(r for r in read(file, text, context)["checkout"].plan.resources if r.kind == "Deployment")
    pod = deployment.inputs["spec"]["template"]["spec"]
    found = {v["name"]: v["value"] for v in pod["containers"][0]["env"]}
    assert found["FRAUD_SCORER_HOST"] == "scorer.fraud-dev.svc"
    assert found["CHURN_SCORER_HOST"] == "scorer.churn-dev.svc"
    assert "SCORER_HOST" not in found
    tokens = next(volume for volume in pod["volumes"] if volume["name"] == "tokens")["projected"]["sources"]
    assert [t["serviceAccountToken"]["path"] for t in tokens] == ["payments/ledger", "fraud/scorer", "churn/scorer"]
