"""`handrail promote`: what a name means now is pinned once, goes from environment to environment, and nothing else."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from promoting import ME, Company, digest
from typer.testing import CliRunner

from handrail.cli.app import app
from handrail.core.clock import at
from handrail.core.clock import now as right_now
from handrail.core.errors import DocumentError, HandrailError, RefusedError
from handrail.core.project import Project
from handrail.personas._stack import plan_stack
from handrail.promotion import Record, Resolvers, promote
from handrail.promotion.text import dumps, text
from handrail.releases.writer import copies_folder
from handrail.standards import CONTRACT_VERSION

TAG = "registry.acme.test/payments/checkout:2.7.1"
IMAGE = f"registry.acme.test/payments/checkout@{digest(TAG)}"
NEXT = "registry.acme.test/payments/checkout:2.8.0"


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """The sample company, nothing released yet."""
    return Company.at(tmp_path)


def planned(company: Company, stack: str) -> list[Any]:
    """What a stack registers."""
    plan = plan_stack(Project.find(company.root).stack(stack).config, root=company.root, stack=stack)
    return [resource for prepared in plan.prepared for resource in prepared.plan.resources]


# What is promoted


def test_the_first_environment_pins_what_the_name_means_now(company: Company) -> None:
    """With the record of who, when, by which standards, and what they said."""
    with at(right_now().replace(year=2026, month=11, day=25, hour=12, minute=0, second=0)):
        outcome = company.promote("checkout", "dev")
    found = company.released("dev", "payments", "checkout")
    assert found == outcome.after
    assert (found.image, found.named, found.source, found.by) == (IMAGE, TAG, None, ME)
    assert found.at is not None and found.at.isoformat() == "2026-11-25T12:00:00+00:00"
    assert (found.contract, found.commit) == (CONTRACT_VERSION, company.git("rev-parse", "HEAD"))
    assert found.api is not None and found.api.version == "v2"
    assert found.gates is not None and found.gates.judged == 11
    assert outcome.sentence == f"service checkout in dev becomes checkout@{digest(TAG)[7:19]} (named checkout:2.7.1)"


def test_a_later_environment_gets_the_artifact_of_the_one_before(company: Company) -> None:
    """It is built once: the tag may mean something else by now, and nobody asks."""
    company.through("checkout", "dev")
    company.tags[TAG] = digest("pushed over it")
    company.asked.clear()
    company.through("checkout", "staging", "prod")
    found = company.released("prod", "payments", "checkout")
    assert (found.image, found.named, found.source) == (IMAGE, TAG, "staging")
    assert company.asked == []


def test_promoting_again_what_is_there_writes_nothing(company: Company) -> None:
    """And says so."""
    company.through("checkout", "dev")
    before = (company.root / "releases/dev/payments.yaml").read_bytes()
    outcome = company.promote("checkout", "dev")
    assert outcome.file is None
    assert "nothing changes" in text(outcome)
    assert (company.root / "releases/dev/payments.yaml").read_bytes() == before


def test_a_tag_that_moved_is_promoted_anew(company: Company) -> None:
    """In the first environment, in place of what it meant before."""
    company.through("checkout", "dev")
    company.tags[TAG] = digest("pushed over it")
    outcome = company.promote("checkout", "dev")
    assert f", in place of checkout@{digest(TAG)[7:19]}" in outcome.sentence
    assert company.released("dev", "payments", "checkout").image != IMAGE


def test_an_endpoint_pins_its_model_and_the_image_that_serves_it(company: Company) -> None:
    """The alias by its version, whose files have a digest; the organisation's image for the server where it has none."""
    company.workloads("fraud", "models:/fraud-scorer/12", "models:/fraud-scorer@champion")
    company.workloads(
        "fraud", "environment_image: registry.acme.test/fraud/scoring:3.4.0 # training and serving: one image\n", ""
    )
    company.workloads("fraud", "  retrain:\n", "  retrain:\n    image: registry.acme.test/fraud/scoring:3.4.0\n")
    company.workloads(
        "fraud",
        "  backfill-scores: # on demand: handrail run backfill-scores\n",
        "  backfill-scores:\n    image: registry.acme.test/fraud/scoring:3.4.0\n",
    )
    company.aliases["models:/fraud-scorer@champion"] = "models:/fraud-scorer/13"
    outcome = company.promote("fraud-scorer", "dev")
    found = company.released("dev", "fraud", "fraud-scorer")
    server = "registry.acme.test/ml/mlserver:1.7.1"
    assert (found.model, found.digest) == ("models:/fraud-scorer/13", digest("models:/fraud-scorer/13"))
    assert found.image == f"registry.acme.test/ml/mlserver@{digest(server)}"
    assert found.named == f"models:/fraud-scorer@champion, {server}"
    assert company.asked == [server, "models:/fraud-scorer@champion at http://mlflow.mlflow.svc:5000"]
    assert outcome.sentence.startswith("endpoint fraud-scorer in dev becomes models:/fraud-scorer/13 with mlserver@")


def test_the_tracking_server_that_mlflow_is_told_of_is_asked(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a laptop it is reached elsewhere than from the cluster."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.acme.test")
    company.promote("churn-scorer", "dev")
    assert "models:/churn/4 at https://mlflow.acme.test" in company.asked


def test_a_model_outside_of_a_registry_is_pinned_by_its_address_and_that_is_said(company: Company) -> None:
    """There is nobody who could tell its version."""
    outcome = company.promote("assistant", "dev")
    assert company.released("dev", "assist", "assistant").model == "s3://acme-models/assistant-8b"
    assert "nothing tells when its files change" in text(outcome)


@pytest.mark.parametrize(("name", "team"), [("train", "churn"), ("explore", "churn"), ("evaluate", "assist")])
def test_jobs_and_notebooks_pin_their_image(company: Company, name: str, team: str) -> None:
    """The same verb for every kind of workload."""
    company.through(name, "dev", "staging", "prod")
    assert "@sha256:" in str(company.released("prod", team, name).image)


def test_the_images_of_one_environment_image_are_pinned_each_for_itself(company: Company) -> None:
    """A notebook that is promoted leaves the job of the same image where it is."""
    company.promote("explore", "dev")
    plan = planned(company, "churn-dev")
    images = {each.name: str(each.inputs) for each in plan if each.kind in ("StatefulSet", "CronJob")}
    assert "@sha256:" in images["explore-stateful-set"]
    assert "churn/science:2.1.0'" in images["train-cron-job"]


@pytest.mark.parametrize(
    ("name", "to", "more", "words"),
    [
        ("checkout", "prod", {}, "handrail promote checkout --to staging"),
        ("checkout", "staging", {"image": NEXT}, "built once"),
        ("checkout", "staging", {"image": NEXT}, "--incident INC-123"),
        ("checkout", "dev", {"model": "models:/x/1"}, "a ScalableService has no model"),
        ("checkout", "prd", {}, "did you mean prod?"),
        ("chekout", "dev", {}, "did you mean checkout?"),
        ("fraud/checkout", "dev", {}, "no workload fraud/checkout"),
        ("checkout", "dev", {"weight": 10}, "for a canary to stand beside"),
        ("train", "dev", {"weight": 10}, "no requests of which a canary could get a share"),
    ],
)
def test_what_cannot_be_promoted(company: Company, name: str, to: str, more: dict[str, Any], words: str) -> None:
    """Why, and what to do; nothing is written."""
    with pytest.raises(DocumentError) as raised:
        company.promote(name, to, **more)
    assert words in str(raised.value)
    assert not (company.root / "releases").exists()


def test_a_hotfix_goes_where_it_is_needed_with_the_incident_that_it_answers(company: Company) -> None:
    """And keeps of an endpoint what was not named."""
    company.through("churn-scorer", "dev", "staging", "prod")
    before = company.released("prod", "churn", "churn-scorer")
    company.promote("churn-scorer", "prod", image="registry.acme.test/churn/science:2.1.1", incident="INC-7")
    found = company.released("prod", "churn", "churn-scorer")
    assert (found.model, found.digest, found.incident) == (before.model, before.digest, "INC-7")
    assert found.image == f"registry.acme.test/churn/science@{digest('registry.acme.test/churn/science:2.1.1')}"
    assert found.named == "registry.acme.test/churn/science:2.1.1"


def test_a_team_without_a_stack_in_an_environment_goes_on_from_the_one_before_it(company: Company) -> None:
    """Where the team has no staging, production gets what development has."""
    (file,) = company.root.rglob("Pulumi.churn-staging.yaml")
    file.unlink()
    company.through("train", "dev", "prod")
    assert company.released("prod", "churn", "train").source == "dev"
    with pytest.raises(DocumentError, match=r"Pulumi\.churn-staging\.yaml"):
        company.promote("train", "staging")


def test_where_releases_are_required_the_first_of_a_team_can_be_promoted(company: Company) -> None:
    """Though the others have none yet."""
    company.organisation("cluster: prod, approvals", "cluster: prod, releases: required, approvals")
    company.through("checkout", "dev", "staging", "prod")
    assert company.released("prod", "payments", "checkout").image == IMAGE


def test_a_registry_that_does_not_answer_ends_it(company: Company) -> None:
    """With its own error; nothing is written."""

    def down(_: str) -> str:
        raise HandrailError("the registry does not answer")

    with pytest.raises(HandrailError, match="does not answer"):
        promote(Project.find(company.root), "checkout", "dev", resolvers=Resolvers(image=down))
    assert not (company.root / "releases").exists()


# Gates


def test_a_gate_of_the_target_ends_it_with_all_that_is_wrong(company: Company) -> None:
    """On the very resources that would be created: production asks for two replicas and evidence of a model's training."""
    company.workloads("payments", "scale: {min: 2, max: 6}\n    memory: 512MiB", "scale: {min: 1}\n    memory: 512MiB")
    company.through("ledger", "dev", "staging")
    with pytest.raises(RefusedError) as raised:
        company.promote("ledger", "prod")
    assert "two-replicas" in str(raised.value)
    assert not (company.root / "releases/prod").exists()


def test_a_foreign_image_is_refused_by_the_standard_about_registries(company: Company) -> None:
    """Whatever its name was resolved to."""
    with pytest.raises(RefusedError, match="images-from-registries"):
        company.promote("checkout", "dev", image="docker.io/library/nginx:1.29")


def test_what_is_waived_is_let_pass_and_recorded(company: Company) -> None:
    """By the waiver's id."""
    company.through("refunds", "dev", "staging")
    outcome = company.promote("refunds", "prod")
    found = company.released("prod", "payments", "refunds")
    assert found.gates is not None and len(found.gates.waived) == 1
    assert found.gates.waived[0].startswith("two-replicas by ")
    assert found.gates.waived[0] in text(outcome)


def test_another_workloads_faults_do_not_keep_this_one(company: Company) -> None:
    """They are that one's to mend."""
    company.workloads("payments", "scale: {min: 2, max: 6}\n    memory: 512MiB", "scale: {min: 1}\n    memory: 512MiB")
    company.through("checkout", "dev", "staging", "prod")


def test_a_canary_beyond_the_teams_quota_is_refused_before_it_starts(company: Company) -> None:
    """Its accelerators are counted beside the stable release's."""
    company.through("fraud-scorer", "dev", "staging", "prod")
    company.organisation("accelerators: {l4: 6}", "accelerators: {l4: 5}")
    company.workloads("fraud", "models:/fraud-scorer/12", "models:/fraud-scorer/13")
    company.through("fraud-scorer", "dev", "staging")
    outcome = company.promote("fraud-scorer", "prod", weight=33)
    assert outcome.after is not None and outcome.after.canary is not None
    company.organisation("accelerators: {l4: 5}", "accelerators: {l4: 3}")
    with pytest.raises(RefusedError) as raised:
        company.promote("fraud-scorer", "prod", weight=50)
    assert "quota.l4" in str(raised.value) and "at most 3" in str(raised.value)


# APIs


def documented(company: Company, text: str) -> None:
    """Give checkout an OpenAPI document."""
    file = company.root / "stacks/acme/payments/checkout.openapi.yaml"
    if not file.exists():
        company.workloads("payments", "api: {version: v2}", "api: {version: v2, openapi: checkout.openapi.yaml}")
    file.write_text(text)


def bumped(company: Company, tag: str) -> None:
    """Build another version."""
    workloads = (company.root / "stacks/acme/payments/workloads.yaml").read_text()
    old = next(line for line in workloads.splitlines() if "payments/checkout:" in line)
    company.workloads("payments", old, f"    image: registry.acme.test/payments/checkout:{tag}")


def copies(company: Company, environment: str) -> dict[str, str]:
    """The documents that are kept beside the pins."""
    folder = copies_folder(company.root, environment, "payments")
    return {file.name: file.read_text() for file in sorted(folder.iterdir())} if folder.exists() else {}


def test_a_release_keeps_the_document_of_its_api(company: Company) -> None:
    """By its digest in the pin, as a copy beside it; the next environment gets both."""
    documented(company, "GET /orders\n")
    company.through("checkout", "dev")
    documented(company, "GET /changed-since\n")
    company.through("checkout", "staging")
    for environment in ("dev", "staging"):
        api = company.released(environment, "payments", "checkout").api
        assert api is not None and api.openapi == digest("GET /orders\n")
        assert copies(company, environment) == {"checkout-v2.openapi.yaml": "GET /orders\n"}


def test_what_breaks_callers_needs_a_new_version(company: Company) -> None:
    """Each method and path is named; what is added breaks nothing."""
    documented(company, "GET /orders\nPOST /orders\n")
    company.through("checkout", "dev")
    documented(company, "GET /orders\nPUT /orders\n")
    bumped(company, "2.8.0")
    with pytest.raises(RefusedError) as raised:
        company.promote("checkout", "dev")
    assert "POST /orders: it is gone (api-compatible, required)" in str(raised.value)
    assert "api.version" in str(raised.value)
    documented(company, "GET /orders\nPOST /orders\nPUT /orders\n")
    company.promote("checkout", "dev")
    assert copies(company, "dev") == {"checkout-v2.openapi.yaml": "GET /orders\nPOST /orders\nPUT /orders\n"}


def test_a_document_that_is_left_out_breaks_what_was_promised(company: Company) -> None:
    """Nothing is ignored silently."""
    documented(company, "GET /orders\n")
    company.through("checkout", "dev")
    company.workloads("payments", ", openapi: checkout.openapi.yaml", "")
    bumped(company, "2.8.0")
    with pytest.raises(RefusedError, match="and this has none"):
        company.promote("checkout", "dev")


def test_a_break_that_is_waived_is_let_pass(company: Company) -> None:
    """As any other violation."""
    documented(company, "GET /orders\n")
    company.through("checkout", "dev")
    today = right_now().date()
    waiver = f"""
  - id: nobody-calls-it
    standard: api-compatible
    workload: payments/checkout
    environment: dev
    reason: nobody called it in the last year
    owner: mei@acme.test
    approver: ada@acme.test
    granted: "{today}"
    expires: "{today.replace(year=today.year + (today.month == 12), month=today.month % 12 + 1, day=1)}"
    compensating_control: somebody watches the errors
"""
    company.edit("stacks/acme/platform/acme_platform/waivers.yaml", "waivers:\n", f"waivers:{waiver}\n")
    documented(company, "GET /other\n")
    bumped(company, "2.8.0")
    company.promote("checkout", "dev")
    gates = company.released("dev", "payments", "checkout").gates
    assert gates is not None and gates.waived == ("api-compatible by nobody-calls-it",)


def test_two_versions_are_served_until_the_end_of_the_old_one(company: Company) -> None:
    """The release that last offered it stays pinned beside the new one, with its document."""
    documented(company, "GET /orders\n")
    company.through("checkout", "dev")
    old = company.released("dev", "payments", "checkout")
    later = right_now().date().replace(year=right_now().year + 1)
    company.workloads("payments", "version: v2, openapi", f"version: v3, previous: {{v2: {later}}}, openapi")
    documented(company, "GET /carts\n")
    bumped(company, "3.0.0")
    company.promote("checkout", "dev")
    found = company.released("dev", "payments", "checkout")
    assert found.api is not None and found.api.version == "v3"
    assert found.previous["v2"].image == old.image
    assert copies(company, "dev") == {
        "checkout-v2.openapi.yaml": "GET /orders\n",
        "checkout-v3.openapi.yaml": "GET /carts\n",
    }
    company.workloads("payments", f"previous: {{v2: {later}}}, ", "")
    bumped(company, "3.0.1")
    outcome = company.promote("checkout", "dev")
    assert company.released("dev", "payments", "checkout").previous == {}
    assert "v2 of its API is served no more" in text(outcome)
    assert "payments-dev as it is now cannot be planned" in text(outcome), "a pin that the file no longer keeps"
    assert list(copies(company, "dev")) == ["checkout-v3.openapi.yaml"]


def test_an_artifact_goes_on_as_the_version_that_it_was_released_as(company: Company) -> None:
    """workloads.yaml may say another one by now."""
    company.through("checkout", "dev")
    company.workloads("payments", "api: {version: v2}", "api: {version: v3}")
    with pytest.raises(RefusedError, match="another version of its API"):
        company.promote("checkout", "staging")


def test_a_copy_that_is_gone_is_told(company: Company) -> None:
    """It is in git."""
    documented(company, "GET /orders\n")
    company.through("checkout", "dev")
    (copies_folder(company.root, "dev", "payments") / "checkout-v2.openapi.yaml").write_text("GET /tampered\n")
    bumped(company, "2.8.0")
    with pytest.raises(DocumentError, match=r"git log -- "):
        company.promote("checkout", "dev")


# Canaries


@pytest.fixture
def served(company: Company) -> Company:
    """checkout 2.7.1 in production, 2.8.0 in staging."""
    company.through("checkout", "dev", "staging", "prod")
    bumped(company, "2.8.0")
    company.through("checkout", "dev", "staging")
    company.commit("2.8.0 in staging")
    return company


def test_a_canary_starts_moves_and_ends_as_the_release(served: Company) -> None:
    """Dark, with a share, with a larger one, and alone; the release beside it stays until then."""
    stable = served.released("prod", "payments", "checkout")
    for weight in (0, 5, 50):
        outcome = served.promote("checkout", "prod", weight=weight)
        found = served.released("prod", "payments", "checkout")
        assert found.canary is not None
        assert (found.canary.weight, found.image) == (weight, stable.image)
        assert found.canary.named == NEXT and found.canary.gates is not None
    assert "gets 50% of the requests, 5% until now" in outcome.sentence
    served.promote("checkout", "prod", weight=100)
    found = served.released("prod", "payments", "checkout")
    assert found.canary is None
    assert (found.named, found.source) == (NEXT, "staging")


def test_without_a_weight_a_canary_is_finished(served: Company) -> None:
    """Where it is of the artifact that is promoted."""
    served.promote("checkout", "prod", weight=5)
    served.promote("checkout", "prod")
    assert served.released("prod", "payments", "checkout").canary is None


def test_a_canary_of_another_artifact_is_in_the_way(served: Company) -> None:
    """A weight is about the canary; without one there are two ways, and both are named."""
    served.promote("checkout", "prod", weight=5)
    bumped(served, "2.9.0")
    served.through("checkout", "dev", "staging")
    with pytest.raises(DocumentError) as raised:
        served.promote("checkout", "prod")
    assert "--weight 100" in str(raised.value) and "handrail rollback checkout --in prod" in str(raised.value)
    served.promote("checkout", "prod", weight=25)
    canary = served.released("prod", "payments", "checkout").canary
    assert canary is not None and (canary.named, canary.weight) == (NEXT, 25)


def test_a_canary_of_what_serves_already_is_refused(served: Company) -> None:
    """It would tell nothing."""
    served.promote("checkout", "prod")
    with pytest.raises(DocumentError, match="a canary beside itself"):
        served.promote("checkout", "prod", weight=5)


def test_a_share_that_replicas_cannot_have_is_refused(served: Company) -> None:
    """With those that they can have: ledger has no route that could share its requests."""
    served.through("ledger", "dev", "staging", "prod")
    served.workloads("payments", "ledger:1.12.0", "ledger:1.13.0")
    served.through("ledger", "dev", "staging")
    with pytest.raises(DocumentError, match=r"33 .1 beside 2."):
        served.promote("ledger", "prod", weight=5)


def test_taking_requests_from_a_canary_passes_any_gate(served: Company) -> None:
    """Giving it more does not."""
    served.promote("checkout", "prod", weight=25)
    served.workloads("payments", "scale: {min: 2, max: 20, cpu: 70%}", "scale: {min: 1}")
    with pytest.raises(RefusedError, match="two-replicas"):
        served.promote("checkout", "prod", weight=50)
    served.promote("checkout", "prod", weight=5)
    canary = served.released("prod", "payments", "checkout").canary
    assert canary is not None and canary.weight == 5


def test_a_canarys_document_is_kept_beside_the_stable_ones(company: Company) -> None:
    """And becomes the release's when the canary does."""
    documented(company, "GET /orders\n")
    company.through("checkout", "dev", "staging", "prod")
    documented(company, "GET /orders\nGET /carts\n")
    bumped(company, "2.8.0")
    company.through("checkout", "dev", "staging")
    company.promote("checkout", "prod", weight=5)
    assert copies(company, "prod") == {
        "checkout-v2-canary.openapi.yaml": "GET /orders\nGET /carts\n",
        "checkout-v2.openapi.yaml": "GET /orders\n",
    }
    company.promote("checkout", "prod", weight=100)
    assert copies(company, "prod") == {"checkout-v2.openapi.yaml": "GET /orders\nGET /carts\n"}


# What it says, and what it leaves alone


def test_the_preview_of_its_own_effect(served: Company) -> None:
    """One sentence first; then what changes, in the reader's words, the gates, and whose approval it needs."""
    outcome = served.promote("checkout", "prod", weight=10)
    lines = text(outcome).splitlines()
    assert lines[0].startswith("service checkout in prod: the canary checkout@")
    assert "  created  replicas (Deployment checkout-canary)" in lines
    assert "             spec.rules[0].backendRefs[checkout].weight: 100 → 90" in lines
    assert any("Needs 1 approval in its pull request before it is merged: tomas@acme.test" in line for line in lines)
    assert "mei@acme.test" not in text(outcome), "one's own approval is none"
    assert "  created  Deployment checkout-canary" in text(outcome, "platform-engineer").splitlines()
    data = json.loads(dumps(outcome))
    assert (data["workload"], data["environment"], data["after"]["canary"]["weight"]) == (
        "payments/checkout",
        "prod",
        10,
    )
    assert {each["change"] for each in data["changes"]} == {"created", "changed"}
    finished = text(served.promote("checkout", "prod", weight=100))
    assert "  changed  replicas (Deployment checkout); rolling restart: " in finished


def test_a_promotion_changes_pins_only(company: Company) -> None:
    """Two environments with the same pin differ in what the environments declare, and in nothing else."""
    company.through("checkout", "dev", "staging", "prod")

    def neutral(environment: str, tier: str) -> dict[str, str]:
        """What checkout registers, with what the environment declares taken out."""
        words = {f"-{environment}.{domain}": "-<host>" for domain in (f"{environment}.acme.test", "acme.test")} | {
            f'"{tier}"': f'"{environment}"',
            f'"{environment}"': '"<environment>"',
            f"-{environment}": "-<environment>",
        }
        words |= {f"={environment},": "=<environment>,", f"/{environment}": "/<environment>"}
        found = {}
        for each in planned(company, f"payments-{environment}"):
            if each.name.startswith("checkout-"):
                data = json.dumps(each.inputs, sort_keys=True).replace('\\"', '"')
                for word, neutral in words.items():
                    data = data.replace(word, neutral)
                found[each.name] = data
        return found

    staging, prod = neutral("staging", "staging"), neutral("prod", "production")
    assert staging == prod and len(prod) == 11
    deployment = next(each for each in planned(company, "payments-prod") if each.name == "checkout-deployment")
    assert deployment.inputs["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE
    changed = company.git("status", "--porcelain").splitlines()
    assert changed == ["?? releases/"], "nothing but pins was written"


def test_somebody_elses_promotion_meanwhile_is_not_overwritten(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was judged is what is pinned, or nothing."""
    company.through("checkout", "dev")
    other = Company(company.root, tags={NEXT: digest("the other one")})
    bumped(company, "2.8.0")
    module = sys.modules["handrail.promotion.promote"]
    judged = module.broken_by

    def between(*args: Any) -> Any:
        """The other one is released between this one's reading and its writing."""
        monkeypatch.setattr(module, "broken_by", judged)
        other.promote("checkout", "dev", image=NEXT)
        return judged(*args)

    monkeypatch.setattr(module, "broken_by", between)
    with pytest.raises(DocumentError, match="by somebody else meanwhile"):
        company.promote("checkout", "dev")
    assert company.released("dev", "payments", "checkout").image == other._image(NEXT)


def test_the_pull_request_and_the_incident_are_recorded(company: Company) -> None:
    """Where they are known."""
    link = "https://forge.acme.test/payments/pull/7"
    company.promote("checkout", "dev", record=Record(incident="INC-1", pull_request=link))
    found = company.released("dev", "payments", "checkout")
    assert (found.pull_request, found.incident) == (link, "INC-1")


def test_outside_of_a_repository_the_login_promotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And there is no commit to name."""
    from spine import copy_acme

    monkeypatch.setenv("LOGNAME", "mei")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    copy_acme(tmp_path)
    Company(tmp_path).promote("checkout", "dev")
    found = Company(tmp_path).released("dev", "payments", "checkout")
    assert (found.by, found.commit) == ("mei", None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--weight", "101"], "0 to 100, or auto"),
        (["--weight", "-1"], "0 to 100, or auto"),
        (["--weight", "½"], "0 to 100, or auto"),
        (["--weight", "auto", "--image", "x"], "leave --image and --model"),
        (["--prometheus", "http://x"], "--weight auto alone"),
        (["--weight", "auto"], "has no canary"),
        (["--approvals", "missing.json"], "cannot be read"),
    ],
)
def test_the_command_says_what_is_wrong(company: Company, arguments: list[str], words: str) -> None:
    """Without a traceback, whatever is typed."""
    result = CliRunner().invoke(app, ["promote", "checkout", "--to", "dev", "-C", str(company.root), *arguments])
    assert result.exit_code != 0
    assert words in " ".join(result.output.replace("│", " ").split())
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_the_command_promotes(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """And prints what it did, for people or for programs."""
    monkeypatch.setattr("handrail.releases.registry.resolve_image", company._image)
    command = ["promote", "payments/checkout", "--to", "dev", "-C", str(company.root)]
    result = CliRunner().invoke(app, [*command, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["after"]["image"] == IMAGE
    again = CliRunner().invoke(app, [*command, "--as", "ml-engineer"])
    assert "nothing changes" in again.output
