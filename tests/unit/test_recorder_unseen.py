"""What only a deployment can show is listed, and the program goes on as well as it can."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from handrail.core.errors import RecorderError
from handrail.recorder import SECRET, UNKNOWN, Record, Unseen, record


def run(directory: Path, source: str, **options: object) -> Record:
    (directory / "__main__.py").write_text(dedent(source))
    return record(directory, project="shop", stack="dev", **options)  # type: ignore[arg-type]


def test_an_invoke_is_listed_and_its_output_unknown(tmp_path: Path) -> None:
    """The output form knows "unknown"; what is computed from it is unknown as well."""
    made = run(
        tmp_path,
        """
        import pulumi
        answer = pulumi.runtime.invoke_output("aws:index/getRegion:getRegion", {})
        pulumi.CustomResource("a:b:C", "c", {"region": answer["name"], "text": answer.apply(lambda a: a["name"])})
        """,
    )
    assert made.unseen == (Unseen("invoke", "aws:index/getRegion:getRegion"),)
    assert not made.complete
    assert made.registrations[-1].inputs == {"region": UNKNOWN, "text": UNKNOWN}


def test_a_plain_invoke_is_empty_and_has_a_line(tmp_path: Path) -> None:
    """A plain invoke cannot be unknown."""
    made = run(
        tmp_path,
        """
        import pulumi
        pulumi.export("answer", pulumi.runtime.invoke("a:b:f", {"x": 1}).value)
        """,
    )
    assert made.unseen == (Unseen("invoke", "a:b:f", "__main__.py:3"),)
    assert made.outputs.values == {"answer": {}}


def test_a_program_that_fails_on_an_empty_invoke_is_told_why(tmp_path: Path) -> None:
    """The error names the invoke that had no answer here."""
    with pytest.raises(RecorderError) as raised:
        run(tmp_path, 'import pulumi\npulumi.runtime.invoke("a:b:f", {}).value["x"]\n')
    text = str(raised.value)
    assert "__main__.py:2:" in text
    assert "KeyError: 'x'" in text
    assert "invoke a:b:f" in text


def test_a_stack_reference_is_listed_and_unknown(tmp_path: Path) -> None:
    """Its outputs belong to another stack's state."""
    made = run(
        tmp_path,
        """
        import pulumi
        other = pulumi.StackReference("acme/network/prod")
        pulumi.CustomResource("a:b:C", "c", {"vpc": other.get_output("vpc"), "zone": other.require_output("zone")})
        """,
    )
    assert [(item.kind, item.what) for item in made.unseen] == [("stack reference", "acme/network/prod")]
    assert made.registrations[-1].inputs == {"vpc": UNKNOWN, "zone": UNKNOWN}


def test_reading_an_existing_resource_is_listed(tmp_path: Path) -> None:
    """What a resource has become is in the cloud."""
    made = run(
        tmp_path,
        """
        import pulumi
        class Bucket(pulumi.CustomResource):
            arn: pulumi.Output[str]
            def __init__(self, name, opts):
                super().__init__("aws:s3/bucket:Bucket", name, {"arn": None}, opts)
        found = Bucket("b", pulumi.ResourceOptions(id="acme-lake"))
        pulumi.CustomResource("a:b:C", "c", {"arn": found.arn}, pulumi.ResourceOptions(parent=found))
        """,
    )
    urn = "urn:pulumi:dev::shop::aws:s3/bucket:Bucket::b"
    assert made.unseen == (Unseen("read", "aws:s3/bucket:Bucket acme-lake", urn),)
    child = made.registrations[-1]
    assert (child.parent, child.inputs) == (urn, {"arn": UNKNOWN})


def test_a_remote_components_children_are_listed_as_unseen(tmp_path: Path) -> None:
    """Another process would register them."""
    made = run(
        tmp_path,
        """
        import pulumi
        class Vpc(pulumi.ComponentResource):
            vpc_id: pulumi.Output[str]
            def __init__(self, name):
                super().__init__("awsx:ec2:Vpc", name, {"cidr": "10.0.0.0/16", "vpc_id": None}, None, True)
        vpc = Vpc("vpc")
        pulumi.CustomResource("a:b:C", "c", {"vpc": vpc.vpc_id})
        """,
    )
    found = {item.name: item for item in made.registrations}
    assert found["vpc"].remote
    assert found["c"].inputs == {"vpc": UNKNOWN}
    assert made.unseen == (Unseen("remote component", "awsx:ec2:Vpc", found["vpc"].urn),)


def test_a_call_is_listed_and_unknown(tmp_path: Path) -> None:
    """A method of a remote component."""
    made = run(
        tmp_path,
        """
        import pulumi
        result = pulumi.runtime.call("eks:index:Cluster/getKubeconfig", {})
        pulumi.CustomResource("a:b:C", "c", {"result": result})
        """,
    )
    assert made.unseen == (Unseen("call", "eks:index:Cluster/getKubeconfig"),)
    assert made.registrations[-1].inputs == {"result": UNKNOWN}


def test_encrypted_config_reads_as_a_secret_placeholder(tmp_path: Path) -> None:
    """Within structured config only what is encrypted is replaced."""
    made = run(
        tmp_path,
        """
        import pulumi
        config = pulumi.Config()
        password = config.require_secret("password")
        pulumi.CustomResource("a:b:C", "c", {"password": password, "plain": config.get("plain")})
        pulumi.export("database", config.require_object("database"))
        """,
        config={
            "shop:password": '{"secure":"AAAB+cipher"}',
            "shop:plain": "yes",
            "shop:database": '{"host":"db","password":{"secure":"AAAB+cipher"}}',
        },
        encrypted=["shop:password", "shop:database"],
    )
    assert made.registrations[-1].inputs == {"password": SECRET, "plain": "yes"}
    assert made.outputs.values == {"database": {"host": "db", "password": "[encrypted shop:database]"}}
    assert made.unseen == (Unseen("encrypted config", "shop:database"), Unseen("encrypted config", "shop:password"))
    assert "cipher" not in made.to_json()


def test_a_parameterized_package_is_answered(tmp_path: Path) -> None:
    """Its reference is the same for the same package, and carries the resources' options."""
    made = run(
        tmp_path,
        """
        import pulumi
        from pulumi.runtime import register_package
        async def package():
            return await register_package("terraform-provider", "1.0.0", "", "random", "3.0.0", "e30=")
        class R(pulumi.CustomResource):
            def __init__(self, name):
                super().__init__("random:index:R", name, {}, None, package_ref=package())
        R("one"), R("two")
        """,
    )
    one, two = made.registrations[-2:]
    assert one.options["package_ref"] == two.options["package_ref"] == "random-0"


def test_hooks_do_not_make_a_record_incomplete(tmp_path: Path) -> None:
    """They run at deployment, and register nothing."""
    made = run(
        tmp_path,
        """
        import pulumi
        hooks = pulumi.ResourceHookBinding(before_create=[lambda args: None])
        pulumi.CustomResource("a:b:C", "c", {}, pulumi.ResourceOptions(hooks=hooks))
        """,
    )
    assert made.complete
    assert made.registrations[-1].options["hooks"] == {"beforeCreate": ["a:b:C_c_before_create_0"]}


def test_resources_made_in_an_apply_on_something_unknown_are_not_in_the_record(tmp_path: Path) -> None:
    """As in a preview, where the callback does not run."""
    made = run(
        tmp_path,
        """
        import pulumi
        one = pulumi.CustomResource("a:b:C", "one", {"x": 1})
        one.id.apply(lambda id: pulumi.CustomResource("a:b:C", "hidden", {}))
        one.x.apply(lambda x: pulumi.CustomResource("a:b:C", "shown", {}))
        """,
    )
    assert [item.name for item in made.registrations] == ["shop-dev", "one", "shown"]
