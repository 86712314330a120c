"""What Pulumi's component host does wrong today, each with the line of ours that is there because of it.

A test that fails here is good news: the SDK mended a trap, and the message says what can go.
"""

# no `from __future__ import annotations`: one of the traps

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    NotRequired,
    Optional,
    TypedDict,
    TypeVar,
    Union,
    get_type_hints,
)

import pulumi
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.errors import InputPropertiesError, InputPropertyError
from pulumi.provider.experimental.analyzer import Analyzer
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError, ProviderServicer
from pulumi.runtime import proto, rpc
from pydantic import BaseModel, ConfigDict, Field, PydanticUserError

ROOT = Path(__file__).parents[2]
CODEGEN = "components/handrail/components/_codegen.py"
INPUT: Any = pulumi.Input
T = TypeVar("T")


@contextmanager
def trap(file: str, line: str, mended: str) -> Iterator[None]:
    """Asserts what the SDK does wrong; `mended` says what of the guard at `line` of `file` can go when it does not."""
    numbers = [number for number, text in enumerate((ROOT / file).read_text().splitlines(), 1) if line in text]
    assert len(numbers) == 1, f"{file} guards no more with: {line}"
    try:
        yield
    except (AssertionError, pytest.fail.Exception) as error:
        pytest.fail(f"the SDK mended this: {mended} ({file}:{numbers[0]})\n{error}")


class Mode(Enum):
    """A mode."""

    FAST = "fast"


class ProbeArgs(TypedDict):
    """A probe."""

    path: pulumi.Input[str]
    """Its path."""
    period_seconds: NotRequired[int]
    """Its period."""


class LongerArgs(ProbeArgs):
    """A longer probe."""

    host: str
    """Its host."""


class Seen(Exception):  # noqa: N818
    """Carries what a component was given."""


def component(arguments: Any) -> type[pulumi.ComponentResource]:
    """A component with these arguments, which only tells what it is given."""

    class Trapped(pulumi.ComponentResource):
        def __init__(self, name: str, args: Any, opts: pulumi.ResourceOptions | None = None) -> None:
            raise args if isinstance(args, Exception) else Seen(args)

    Trapped.__init__.__annotations__["args"] = arguments
    return Trapped


def holding(annotation: Any) -> Any:
    """Arguments with one field, of this type."""
    return TypedDict("Args", {"x": annotation})  # type: ignore[operator]  # pyright: ignore[reportArgumentType]


def analysed(arguments: Any) -> Any:
    """The schema that the SDK's analyzer makes of a component with these arguments."""
    return Analyzer("handrail").analyze([component(arguments)])["component_definitions"]["Trapped"]


async def arrived(given: Mapping[str, Any]) -> Any:
    """What a provider is handed when the engine sends `given`."""
    sent = Struct()
    sent.update(given)
    return await ProviderServicer._construct_inputs(sent, {})


def constructed(arguments: Any, given: Mapping[str, Any]) -> Any:
    """What the component is given when the engine sends `given`; outputs are awaited."""

    async def construct() -> Any:
        inputs = await arrived(given)
        try:
            ComponentProvider([component(arguments)], "handrail").construct("a", "handrail:index:Trapped", inputs)
        except ComponentInitError as error:
            (found,) = error.inner.args
            outputs = isinstance(found, dict)
            return (
                {key: await pulumi.Output.from_input(value).future() for key, value in found.items()}
                if outputs
                else found
            )

    return asyncio.run(construct())


def secret(value: Any) -> dict[str, Any]:
    """A secret, as the engine sends it."""
    return {rpc._special_sig_key: rpc._special_secret_sig, "value": value}


def test_a_whole_number_arrives_as_a_float() -> None:
    """The SDK converts it and overwrites the result with the raw value in the next line."""
    mended = "a wrong number is told as it was written, and pydantic need not be lax for the plugin's sake"
    with trap("platform/handrail/core/models.py", "model_config = ConfigDict(frozen=True", mended):
        assert str(constructed(holding(int), {"x": 3})["x"]) == "3.0"


@pytest.mark.parametrize("value", [secret(3), rpc.UNKNOWN])
@pytest.mark.parametrize("kind", [int, INPUT[int]])
def test_a_number_that_is_secret_or_unknown_breaks_the_host(kind: Any, value: Any) -> None:
    """Of an Input as well: the SDK calls int() on an Output, and expects a ValueError only."""
    with (
        trap(
            CODEGEN,
            "if Given in arguments:",
            "a number may be an Input, and the plugin need refuse none",
        ),
        pytest.raises(TypeError, match=r"int\(\) argument must be"),
    ):
        constructed(holding(kind), {"x": value})


def test_an_enum_that_is_secret_is_refused() -> None:
    """With the sentence of an Output that was made a string."""
    with (
        trap(CODEGEN, "issubclass(annotation, Quantity | Enum)", "an enum may be an Input of its own type"),
        pytest.raises(InputPropertyError, match="Calling __str__ on an Output"),
    ):
        constructed(holding(INPUT[Mode]), {"x": secret("fast")})


def test_a_nested_argument_that_is_secret_is_called_missing() -> None:
    """Its fields are looked for in the Output."""
    with (
        trap(CODEGEN, "if issubclass(annotation, Spec):", "nested arguments may be Inputs"),
        pytest.raises(InputPropertyError, match=r"Missing required input 'x\.path'"),
    ):
        constructed(holding(INPUT[ProbeArgs]), {"x": secret({"path": "/"})})


class LimitsArgs(TypedDict):
    """Limits."""

    most: NotRequired[int]
    """The most."""


def test_a_nested_argument_that_is_secret_is_silently_none() -> None:
    """Where none of its fields is required: what was written is lost without a word."""
    mended = "the plugin need not refuse outputs itself"
    with trap("components/__main__.py", "def map_input_properties(", mended):
        assert constructed(holding(INPUT[LimitsArgs]), {"x": secret({"most": 3})}) == {"x": {}}


@pytest.mark.parametrize("sent", [secret, lambda _: rpc.UNKNOWN])
@pytest.mark.parametrize(("path", "value"), [("port", 8080), ("scale", {"min": 3}), ("scale.min", 3)])
def test_our_plugin_refuses_what_the_sdk_loses(path: str, value: Any, sent: Callable[[Any], Any]) -> None:
    """With the field that must be known."""
    spec = spec_from_file_location("plugin", ROOT / "components" / "__main__.py")
    assert spec
    assert spec.loader
    plugin = module_from_spec(spec)
    spec.loader.exec_module(plugin)
    field, _, inner = path.partition(".")
    given = {"image": "r/api:1", "port": 80, field: {inner: sent(value)} if inner else sent(value)}

    async def construct() -> None:
        plugin.provider().construct("api", "handrail:index:ScalableService", await arrived(given))

    with pytest.raises(InputPropertiesError, match=rf"{field}(\.{inner})?: must be known when the program runs"):
        asyncio.run(construct())


def test_a_list_of_nested_arguments_that_is_secret_keeps_foreign_names() -> None:
    """camelCase inside an Output; a plain list has Python's names."""
    given = [{"path": "/", "periodSeconds": 3}]
    kind = holding(INPUT[list[ProbeArgs]])
    assert constructed(kind, {"x": given}) == {"x": [{"path": "/", "period_seconds": 3}]}
    with trap(CODEGEN, 'return f"list[{_type(arguments[0])}]"', "lists of nested arguments may be Inputs"):
        assert constructed(kind, {"x": secret(given)}) == {"x": given}


def test_an_error_in_a_component_loses_its_kind() -> None:
    """Whatever it is, the SDK wraps it, and then shows it with a traceback."""

    class Raising(pulumi.ComponentResource):
        def __init__(self, name: str, args: ProbeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
            raise InputPropertiesError("all that is wrong", [])

    with (
        trap("components/__main__.py", "class Provider(ComponentProvider):", "the plugin needs no provider of its own"),
        pytest.raises(ComponentInitError),
    ):
        ComponentProvider([Raising], "handrail").construct("a", "handrail:index:Raising", {"path": "/"})


def test_a_key_that_is_unknown_is_dropped() -> None:
    """So a typo is no error of the component's, unless the caller's language checks it."""
    mended = "the component itself refuses a misspelt argument in every language"
    with trap("README.md", "Pulumi's SDK drops unknown keys", mended):
        assert constructed(holding(INPUT[str]), {"x": "a", "y": "b"}) == {"x": "a"}


class PlainArgs:
    """Arguments as a class."""

    x: int = 3


@dataclass
class DataArgs:
    """Arguments as a dataclass."""

    x: int = 3


class ModelArgs(BaseModel):
    """Arguments as a model."""

    x: int = Field(3, description="Its x.")


CLASSES = [PlainArgs, DataArgs, ModelArgs]
TYPED_DICT = "class {_args_name(spec)}(TypedDict):"


@pytest.mark.parametrize("arguments", CLASSES)
def test_only_typed_dicts_are_given_as_what_they_are(arguments: Any) -> None:
    """The analyzer takes a class, and the component gets a dict all the same."""
    with trap(CODEGEN, TYPED_DICT, "Specs can be the arguments themselves, and _args.py can go"):
        assert type(constructed(arguments, {"x": 3})) is dict


@pytest.mark.parametrize("arguments", CLASSES)
def test_a_classes_default_and_description_are_not_read(arguments: Any) -> None:
    """What has a default is required."""
    with trap(CODEGEN, TYPED_DICT, "Specs can be the arguments themselves, and _args.py can go"):
        found = analysed(arguments).inputs["x"]
        assert (found.optional, found.description) == (False, None)


def test_a_nested_dataclass_is_described_by_its_signature() -> None:
    """Which Python writes where there is no docstring."""

    @dataclass
    class Bare:
        y: int

    with trap(CODEGEN, TYPED_DICT, "dataclasses are described as TypedDicts are"):
        types = Analyzer("handrail").analyze([component(holding(Bare))])["type_definitions"]
        assert types["Bare"].description == "Bare(y: int)"


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (Union[str, int], "if origin in (Union, UnionType):"),  # noqa: UP007
        (INPUT[Union[str, int]], "if origin in (Union, UnionType):"),  # noqa: UP007
        (tuple[str, ...], "if origin in (list, tuple):"),
        (list, "if origin in (list, tuple):"),
        (set[str], "return _PLAIN[annotation]"),
        (Literal["a"], "return _PLAIN[annotation]"),
        (dict[int, str], "if origin is dict:"),
        (Annotated[int, Field(ge=1)], "if origin is Annotated:"),
    ],
)
def test_types_that_the_analyzer_refuses(kind: Any, line: str) -> None:
    """Some with a sentence, some with Python's own on issubclass."""
    with (
        trap(CODEGEN, line, f"{kind} may be the type of an argument"),
        pytest.raises(Exception, match=r"issubclass|not supported|Unsupported|map keys|list types"),
    ):
        analysed(holding(kind))


PARAMETERS = 'parameters = f"self, name: str, args:'
OUTPUT = 'lines += [f"    {name}: pulumi.Output[str]"'


@pytest.mark.parametrize("arguments", [ProbeArgs.__name__, Optional[ProbeArgs]])  # noqa: UP045
def test_arguments_that_are_optional_or_named_break_the_analyzer(arguments: Any) -> None:
    """A name is what `from __future__ import annotations` leaves of every annotation."""
    line = "# no `from __future__ import annotations` below" if isinstance(arguments, str) else PARAMETERS
    mended = "a component may be made without {}, and generated files may postpone annotations"
    with trap(CODEGEN, line, mended), pytest.raises(AttributeError, match="__mro__"):
        analysed(arguments)


def test_generic_arguments_break_the_analyzer() -> None:
    """Each type of argument needs a class of its own."""

    class Of(TypedDict, Generic[T]):
        x: T

    mended = "arguments of several components may share a generic class"
    with trap(CODEGEN, TYPED_DICT, mended), pytest.raises(AttributeError, match="__mro__"):
        analysed(Of[str])


def test_arguments_that_are_any_mapping_are_none_at_all() -> None:
    """Silently: so no component may inherit the base class's __init__."""
    with trap(CODEGEN, PARAMETERS, "a component's class needs no __init__ of its own"):
        assert analysed(dict[str, str]).inputs == {}


def test_arguments_must_be_called_args() -> None:
    """Any other name is an error."""

    class Other(pulumi.ComponentResource):
        def __init__(self, name: str, spec: ProbeArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    mended = "the parameter may have any name"
    with trap(CODEGEN, PARAMETERS, mended), pytest.raises(Exception, match="requires an argument named 'args'"):
        Analyzer("handrail").analyze([Other])


def test_an_inherited_field_loses_its_description() -> None:
    """It keeps its type."""
    with trap(CODEGEN, "for name, field in spec.model_fields.items():", "the generated arguments may inherit"):
        found = analysed(LongerArgs).inputs
        assert {name: field.description for name, field in found.items()} == {
            "path": None, "periodSeconds": None, "host": "Its host.",
        }  # fmt: skip


def test_a_class_variable_breaks_the_analyzer() -> None:
    """On a component, unless it starts with an underscore."""

    class Constant(pulumi.ComponentResource):
        unit: ClassVar[str] = "s"

        def __init__(self, name: str, args: ProbeArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    mended = "components may have class variables"
    with trap(CODEGEN, OUTPUT, mended), pytest.raises(TypeError, match="issubclass"):
        Analyzer("handrail").analyze([Constant])


def test_another_component_may_not_be_an_output() -> None:
    """Of the same package: the analyzer takes it for one of a package that it cannot find."""

    class Inner(pulumi.ComponentResource):
        def __init__(self, name: str, args: ProbeArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    class Outer(pulumi.ComponentResource):
        inner: Inner

        def __init__(self, name: str, args: ProbeArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    mended = "a component may be another's output or argument"
    with trap(CODEGEN, OUTPUT, mended), pytest.raises(Exception, match=r"'Inner\.pulumi_type' is not defined"):
        Analyzer("handrail").analyze([Inner, Outer])


def test_a_property_is_no_output() -> None:
    """Silently: only annotations of the class are read."""

    class Computed(pulumi.ComponentResource):
        def __init__(self, name: str, args: ProbeArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

        @property
        def url(self) -> pulumi.Output[str]:
            """Its URL."""
            return pulumi.Output.from_input("")

    with trap(CODEGEN, OUTPUT, "outputs may be properties of the base class"):
        assert Analyzer("handrail").analyze([Computed])["component_definitions"]["Computed"].outputs == {}


def test_a_type_stands_in_the_module_index() -> None:
    """No other module is taken."""
    line = 'return f"handrail:index:{name}"'
    with (
        trap("components/handrail/components/_definition.py", line, "a type token may name its module"),
        pytest.raises(ValueError, match="expected index"),
    ):
        ComponentProvider.validate_resource_type("handrail", "handrail:components:BatchJob")


def test_the_type_hints_of_arguments_cannot_be_resolved() -> None:
    """Input holds the name of a class that stands in the SDK only."""
    with (
        trap("tests/unit/test_codegen.py", "set(args.__annotations__)", "get_type_hints reads the arguments"),
        pytest.raises(NameError, match="Output"),
    ):
        get_type_hints(holding(INPUT[str]))


def test_an_input_cannot_be_the_field_of_a_model() -> None:
    """For the same reason: so a Spec has tokens of its own where an output may stand."""

    class Holding(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        x: pulumi.Input[str]

    with (
        trap(
            "components/handrail/components/_definition.py", "Text = str | Given", "a Spec could hold Inputs themselves"
        ),
        pytest.raises(PydanticUserError, match="not fully defined"),
    ):
        Holding(x="a")


def test_a_plugin_is_not_told_where_the_project_is() -> None:
    """The program is: `get_root_directory`."""
    mended = "a relative organisation path needs no search for Pulumi.yaml from the working directory"
    with trap("components/handrail/components/_component.py", "return Path(told) if told else", mended):
        assert [name for name in proto.ConstructRequest.DESCRIPTOR.fields_by_name if "root" in name.lower()] == []
