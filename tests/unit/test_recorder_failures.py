"""A program that fails gives one error: what, where in the program, and what to do; never a traceback."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from handrail.core.errors import RecorderError
from handrail.recorder import record


def failure(directory: Path, source: str, **options: object) -> str:
    (directory / "__main__.py").write_text(dedent(source))
    with pytest.raises(RecorderError) as raised:
        record(directory, project="shop", stack="dev", **options)  # type: ignore[arg-type]
    text = str(raised.value)
    assert "Traceback" not in text
    return text


def test_a_run_error_is_just_its_message(tmp_path: Path) -> None:
    """Its author has already said all."""
    source = """
        import pulumi
        raise pulumi.RunError("scale.min is above scale.max")
        """
    assert failure(tmp_path, source) == "scale.min is above scale.max"


def test_a_run_error_inside_an_apply(tmp_path: Path) -> None:
    """The same, when it comes later."""
    source = """
        import pulumi
        def refuse(_):
            raise pulumi.RunError("no")
        pulumi.CustomResource("a:b:C", "c", {"x": pulumi.Output.from_input(1).apply(refuse)})
        """
    assert failure(tmp_path, source) == "no"


def test_an_exception_names_the_programs_innermost_line(tmp_path: Path) -> None:
    """Not the library's line that raised it."""
    (tmp_path / "helper.py").write_text("import json\n\n\ndef read():\n    return json.loads('nonsense')\n")
    text = failure(tmp_path, "import helper\nhelper.read()\n")
    assert "helper.py:5:12: JSONDecodeError: Expecting value" in text


def test_an_exception_in_an_apply_names_its_line(tmp_path: Path) -> None:
    """The callback's own line."""
    source = """
        import pulumi
        pulumi.export("x", pulumi.Output.from_input(1).apply(
            lambda x: x / 0))
        """
    text = failure(tmp_path, source)
    assert "__main__.py:4:" in text
    assert "ZeroDivisionError: division by zero" in text


def test_a_syntax_error_has_its_position(tmp_path: Path) -> None:
    """File, line and column."""
    assert "__main__.py:2:5: SyntaxError: invalid syntax" in failure(tmp_path, "x = 1\ny = = 2\n")


def test_a_missing_module_is_named_with_the_remedy(tmp_path: Path) -> None:
    """It belongs into the program's environment, not into Handrail's."""
    text = failure(tmp_path, "import no_such_module_anywhere\n")
    assert "__main__.py:1:1: the module no_such_module_anywhere is missing" in text
    assert "in the program's environment" in text


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """Before anything is started."""
    with pytest.raises(RecorderError) as raised:
        record(tmp_path, project="shop", stack="dev")
    assert "there is no program" in str(raised.value)
    assert "__main__.py" in str(raised.value)


def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    """An environment that was never created."""
    text = failure(tmp_path, "", python=tmp_path / ".venv" / "bin" / "python")
    assert "there is no interpreter" in text
    assert "create the program's environment" in text


@pytest.mark.parametrize(("call", "shown"), [("sys.exit(3)", "with exit code 3"), ('sys.exit("no")', "saying: no")])
def test_leaving_with_an_error_is_an_error(tmp_path: Path, call: str, shown: str) -> None:
    """SystemExit, with a code or a text."""
    assert f"the program ended itself {shown}" in failure(tmp_path, f"import sys\n{call}\n")


def test_leaving_with_zero_is_success(tmp_path: Path) -> None:
    """As the language host sees it."""
    (tmp_path / "__main__.py").write_text('import sys, pulumi\npulumi.export("x", 1)\nsys.exit(0)\n')
    assert record(tmp_path, project="shop", stack="dev").outputs.values == {"x": 1}


def test_leaving_without_a_word_is_an_error(tmp_path: Path) -> None:
    """os._exit takes the record with it."""
    text = failure(tmp_path, "import os\nprint('last words', flush=True)\nos._exit(7)\n")
    assert "left before it was done, with exit code 7" in text
    assert "last words" in text


def test_a_crash_names_the_signal(tmp_path: Path) -> None:
    """As from a broken extension module."""
    text = failure(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    assert "was ended by the signal SIGSEGV" in text


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    """With the limit and what to do."""
    text = failure(tmp_path, "import time\ntime.sleep(60)\n", timeout_seconds=2)
    assert "did not end within 2 seconds" in text
    assert "allow it more seconds" in text


def test_a_program_that_needs_too_much_memory_is_ended(tmp_path: Path) -> None:
    """With the limit."""
    text = failure(tmp_path, "kept = [bytes(2**20) for _ in range(2000)]\n", memory_gib=0.5)
    assert "needed more than 0.5 GiB of memory" in text


def test_a_resource_that_cannot_be_serialized_is_named(tmp_path: Path) -> None:
    """The SDK's own sentence says which."""
    text = failure(tmp_path, 'import pulumi\npulumi.CustomResource("a:b:C", "broken", {"x": object()})\n')
    assert "broken" in text


def test_a_secret_in_an_error_is_hidden(tmp_path: Path) -> None:
    """As in every other text."""
    source = """
        import pulumi
        pulumi.CustomResource("a:b:C", "c", {"x": pulumi.Output.secret("correct horse")})
        async def main():
            raise ValueError("correct horse")
        pulumi.run(main)
        """
    text = failure(tmp_path, source)
    assert "[secret]" in text
    assert "correct horse" not in text


def test_a_circular_dependency_is_an_error_not_a_hang(tmp_path: Path) -> None:
    """The SDK finds it."""
    source = """
        import pulumi
        class C(pulumi.ComponentResource):
            def __init__(self, name, opts=None):
                super().__init__("a:b:C", name, None, opts)
        parent = C("parent")
        pulumi.CustomResource("a:b:D", "d", {}, pulumi.ResourceOptions(parent=parent, depends_on=[parent]))
        """
    assert "circular dependency" in failure(tmp_path, source, timeout_seconds=20)
