"""The generated arguments and classes: fresh, complete, and readable by Pulumi's own analyzer."""

from pathlib import Path

import pytest
from pulumi.provider.experimental.analyzer import Analyzer

from handrail import components
from handrail.components import _args, _codegen
from handrail.components._catalogue import definitions
from handrail.core.models import descriptions

NAMES = sorted(definitions())


def test_generated_files_are_fresh() -> None:
    """`make generate` would change nothing."""
    here = Path(_codegen.__file__).parent
    assert (here / "_args.py").read_text() == _codegen.args_module()
    assert (here / "_resources.py").read_text() == _codegen.resources_module()


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_the_specs_fields(name: str) -> None:
    """The same keys, the same ones required."""
    args, spec = getattr(_args, f"{name}Args"), definitions()[name].spec
    assert set(args.__annotations__) == set(spec.model_fields)
    assert args.__required_keys__ == {key for key, field in spec.model_fields.items() if field.is_required()}


def test_pulumi_reads_every_component() -> None:
    """Its analyzer finds types, required inputs, outputs and docstrings."""
    found = Analyzer("handrail").analyze([getattr(components, name) for name in NAMES])["component_definitions"]
    assert sorted(found) == NAMES
    service = found["ScalableService"]
    assert service.inputs["image"].description == "The container image, as registry.acme.test/payments/checkout:1.4.2."
    assert sorted(service.outputs) == ["namespace", "serviceAccount", "url"]
    assert not service.inputs["image"].optional
    assert service.inputs["cpuLimit"].optional


def test_every_field_and_output_is_documented() -> None:
    """The docstrings are what users read."""
    for definition in definitions().values():
        assert definition.spec.__doc__
        assert descriptions(definition.spec).keys() >= definition.spec.model_fields.keys()
        assert all(definition.outputs.values())


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        _ = components.Nonsense
