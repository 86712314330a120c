"""YAML with positions, and hostile YAML."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handrail.core import clock
from handrail.core.documents import MAX_BYTES, MAX_DEPTH, load, parse
from handrail.core.errors import DocumentError, Position


def problem(text: str | bytes) -> str:
    """The error that `text` ends in."""
    with pytest.raises(DocumentError) as caught:
        parse(text, "f.yaml")
    return str(caught.value)


def test_every_key_and_value_knows_where_it_stands() -> None:
    """Lines and columns count from 1; a list item's key is the item."""
    document = parse("a:\n  b: 70%\n  c: [x, {d: 1}]\n", "f.yaml")
    assert document.data == {"a": {"b": "70%", "c": ["x", {"d": 1}]}}
    assert document.where(("a", "b")) == Position("f.yaml", 2, 6)
    assert document.where(("a", "b"), key=True) == Position("f.yaml", 2, 3)
    assert document.where(("a", "c", 1, "d")) == Position("f.yaml", 3, 14)
    assert document.where(("a", "c", 1, "nothing")) == Position("f.yaml", 3, 10)


def test_scalars_follow_the_core_schema_of_yaml_1_2() -> None:
    """`no`, `on` and dates are text; numbers and truth values are what they look like; quotes make text."""
    text = "[no, on, yes, 2024-01-01, 0o17, 0x1f, 012, 1e3, -.inf, true, ~, null, '', '7', 1:30]"
    assert parse(text, "f").data == [
        "no", "on", "yes", "2024-01-01", 15, 31, 12, 1000.0, float("-inf"), True, None, None, "", "7", "1:30",
    ]  # fmt: skip


def test_anchors_and_merge_keys_work() -> None:
    """What is written beside a merge key wins over what is merged, whatever the order."""
    document = parse("a: &x {b: 1, c: 2}\nd:\n  c: 3\n  <<: *x\n", "f")
    assert document.data["d"] == {"b": 1, "c": 3}
    assert document.where(("d",)) == Position("f", 3, 3)


def test_what_is_merged_stands_where_it_was_written() -> None:
    """Of two sources the one that wins; a key of the mapping's own wins over both; an alias stands at its anchor."""
    text = "a: &a\n  x: 1\n  y: 2\nb: &b {y: 3, z: 4}\nc:\n  z: 5\n  <<: [*a, *b]\nd: *b\n"
    document = parse(text, "f")
    assert document.data["c"] == {"x": 1, "y": 2, "z": 5}
    places = {"x": (2, 6), "y": (3, 6), "z": (6, 6)}
    assert {key: document.where(("c", key)) for key in "xyz"} == {
        key: Position("f", *place) for key, place in places.items()
    }
    assert document.where(("d", "y")) == Position("f", 4, 11)
    assert document.where(("c", "x"), key=True) == Position("f", 2, 3)


def test_what_a_text_does_not_have_stands_at_the_nearest_thing_around_it() -> None:
    """A word in a list, an entry that is too far, something below text; in an empty text at its start."""
    document = parse("a: [x]\n", "f", line=7)
    assert {document.where(("a", *more)) for more in (("b",), (1,), (0, "c"), ("b", "c"))} == {
        Position("f", 7, 4), Position("f", 7, 5),
    }  # fmt: skip
    assert document.where(("b",), key=True) == document.start == Position("f", 7)
    assert parse("# nothing", "f").where(("a",)) == Position("f", 1)


def test_all_problems_at_once() -> None:
    """A key written twice and a tag that means nothing are both said."""
    assert problem("a: 1\na: 2\nb: !!python/object:os.system {}\nc: !x 1\n") == (
        "f.yaml:2:1: a: is written twice, first on line 1\nf.yaml:4:4: c: has a tag that means nothing here: !x"
    )


HOSTILE = [
    ("a: [1", "f.yaml:2:1: is not YAML: did not find expected ',' or ']'"),
    ("[" * 100_000, f"f.yaml:1:{MAX_DEPTH + 1}: is nested too deeply\n    allowed: {MAX_DEPTH} levels"),
    ("a: &a [*a]", "f.yaml:1:4: a[0]: contains itself through an alias"),
    ("? [1]\n: 2", "f.yaml:1:3: a key must be text"),
    (b"\xff\xfe\x00", "f.yaml:1:1: is not UTF-8 text (byte 0)"),
    ("--- 1\n--- 2\n", "f.yaml:2:1: is not YAML: but found another document"),
    ("a: *nowhere", "f.yaml:1:4: is not YAML: found undefined alias"),
    ("a: !!int x", "f.yaml:1:4: a: is not a int\n    given:   x"),
    (b"x" * (MAX_BYTES + 1), "f.yaml:1:1: is too large\n    allowed: at most 4 MiB"),
]


@pytest.mark.parametrize(("text", "message"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_ends_in_a_clear_error(text: str | bytes, message: str) -> None:
    """Broken, deep, cyclic, binary and huge input each get a sentence."""
    assert problem(text) == message


def test_a_bomb_of_aliases_is_bounded() -> None:
    """Nine levels of nine aliases would be 400 million values."""
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "holds too many values" in problem("\n".join(levels))
    merges = ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 9)]
    assert "holds too many values" in problem("\n".join(merges))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """The reason is the system's own."""
    with pytest.raises(DocumentError) as caught:
        load(tmp_path / "none.yaml")
    assert str(caught.value).endswith("none.yaml:1:1: cannot be read: No such file or directory")


@given(
    st.one_of(
        st.text(max_size=300), st.binary(max_size=300), st.text(alphabet="{}[]:,&*!|>-'\"#%@` \n\tab1", max_size=200)
    )
)
@example("\x85")
@example("a: \U0001f600\n? : ?")
def test_any_text_is_a_document_or_a_document_error(text: str | bytes) -> None:
    """No input raises anything else."""
    try:
        parse(text, "f.yaml")
    except DocumentError as error:
        assert str(error).startswith("f.yaml:")


def test_the_clock_can_be_set() -> None:
    """Inside `at`, now is that moment; it needs a time zone."""
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    with clock.at(moment):
        assert clock.now() == moment
    assert clock.now() != moment
    with pytest.raises(ValueError, match="time zone"), clock.at(datetime(2030, 1, 1)):
        pass
