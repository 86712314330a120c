"""Hostile YAML: a value or an error that a person can use, in bounded time and memory, never a traceback."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import ANY_TEXT, SAMPLES, Reader, check, misshapen, mutated
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.core.documents import MAX_BYTES, MAX_DEPTH, MAX_KEY, MAX_PROBLEMS, parse
from handrail.core.errors import DocumentError, HandrailError
from handrail.organisation.load import FILE

SHORT = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """Reads as acme's own files are read."""
    with Reader() as made:
        yield made


@SHORT
@given(ANY_TEXT, st.sampled_from(sorted(SAMPLES)))
def test_any_text(reader: Reader, text: bytes, name: str) -> None:
    """Bytes, characters, YAML's own signs."""
    check(reader, name, text)


@SHORT
@given(mutated())
def test_a_spoilt_sample(reader: Reader, sample: tuple[str, bytes]) -> None:
    """acme's own files, cut, doubled and overwritten."""
    check(reader, *sample)


@SHORT
@given(misshapen())
def test_a_sample_with_values_of_the_wrong_kind(reader: Reader, sample: tuple[str, bytes]) -> None:
    """acme's own files, with anything where something else should stand."""
    check(reader, *sample)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_samples_themselves_are_read(reader: Reader, name: str) -> None:
    """Or the tests above would test nothing."""
    text = SAMPLES[name].encode()
    assert (reader.organisation(text) if name == FILE else reader.workloads(text, name)) is None


HEAD = "persona: app-developer\nteam: payments\n"
ALIASES = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
)
NESTED_ALIASES = "\n".join(["a0: &a0 x", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 600))])
NESTED_MERGES = "\n".join(["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: *a{n - 1}}}" for n in range(1, 600))])

# what → the text, and what the error says
HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "alias bomb": (ALIASES, "holds too many values"),
    "quadratic aliases": ("a: &a [" + "x, " * 2000 + "]\nb: [" + "*a, " * 2000 + "]", "holds too many values"),
    "one large text, many aliases": (f"a: &a {'x' * 1_000_000}\nb: [{'*a, ' * 1000}]", "holds too much text"),
    "recursive alias": ("a: &a {b: *a}", "contains itself through an alias"),
    "recursive merge": ("a: &a {<<: *a}", "contains itself through an alias"),
    "aliases nested in aliases": (NESTED_ALIASES, "is nested too deeply"),
    "merges nested in merges": (NESTED_MERGES, "is nested too deeply"),
    "binary": (bytes(range(256)) * 100, "is not UTF-8 text"),
    "a NUL": (b"a: b\x00c", "is not YAML"),
    "an escape": ("a: \x1b[31m", "is not YAML"),
    "UTF-16": ("a: b".encode("utf-16"), "is not UTF-8 text"),
    "UTF-16 without a mark": ("a: b".encode("utf-16-le"), "is not YAML"),
    "UTF-32": ("a: b".encode("utf-32"), "is not UTF-8 text"),
    "Latin-1": ("a: é".encode("latin-1"), "is not UTF-8 text"),
    "overlong UTF-8": (b"a: \xc0\xaf", "is not UTF-8 text"),
    "a lone surrogate": (b"a: \xed\xa0\x80", "is not UTF-8 text"),
    "a lone surrogate, as text": ("a: \ud800", "is not YAML"),
    "a lone surrogate, escaped": ('a: "\\ud800"', "is not YAML"),
    "100,000 brackets": ("[" * 100_000, "is nested too deeply"),
    "100,000 braces": ("{" * 100_000, "is nested too deeply"),
    "100,000 dashes": ("- " * 100_000, "is nested too deeply"),
    "100,000 questions": ("? " * 100_000, "is nested too deeply"),
    "many small values": ("-\n" * (MAX_BYTES // 2), "holds too many values"),
    "many keys": ("".join(f"k{n}: 1\n" for n in range(MAX_BYTES // 12)), "holds too many values"),
    "a long key": (f"? {'k' * (MAX_KEY + 1)}\n: 1", "is no key"),
    "a key that turns the line round": ('"a\\u202eb": 1', "is no key"),
    "a key that writes to the terminal": ('"a\\e]0;x\\ab": 1', "given:   a\\x1b]0;x\\x07b"),
    "duplicate keys": ("a: 1\nb: 2\na: 3", "a: is written twice, first on line 1"),
    "a merge of a list of text": ("<<: [x]", "<< merges mappings only"),
    "a Python object": ("a: !!python/object/apply:os.system [id]\nb: !!python/name:os.system ''", "has a tag"),
    "a long tag": ("!" * 100_000, "!!!!…"),
    "a tag that writes to the terminal": ("a: !<%1B]0;x%07> b", "has a tag that means nothing here: \\x1b]0;x\\x07"),
    "an integer of 5,000 digits": ("a: " + "9" * 5000, "is not a int"),
    "a hexadecimal of 100,000 digits": ("a: 0x" + "f" * 100_000, "is not a int"),
    "an octal of 100,000 digits": ("a: 0o" + "7" * 100_000, "is not a int"),
    "two documents": ("a: 1\n---\nb: 2", "but found another document"),
    "a tab for a space": ("a:\n\tb: 1", "is not YAML"),
    "a key that is a list": ("? [a]\n: 1", "a key must be text"),
    "too large": (b"#" * (MAX_BYTES + 1), "is too large"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_text_is_a_clear_error(what: str, reader: Reader) -> None:
    """The sentence stands in it; it is short, and all of it can be printed."""
    text, say = HOSTILE[what]
    with pytest.raises(DocumentError) as caught:
        parse(text, "f.yaml")
    assert say in str(caught.value)
    assert str(caught.value).startswith("f.yaml:")
    assert len(str(caught.value)) < 1000
    assert all(line.isprintable() for line in str(caught.value).splitlines())
    written = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    assert reader.workloads(written) is not None
    assert reader.organisation(written) is not None


RIGHT = {
    "a mark in front": (b"\xef\xbb\xbfa: 1", {"a": 1}),
    "yes and no": (b"[yes, no, on, off, y, n]", ["yes", "no", "on", "off", "y", "n"]),
    "octal": (b"[010, 0o10, 08]", [10, 8, 8]),
    "sexagesimal": (b"[1:30, 190:20:30]", ["1:30", "190:20:30"]),
    "dates": (b"[2024-01-01, 2024-01-01T00:00:00Z]", ["2024-01-01", "2024-01-01T00:00:00Z"]),
    "large integers": (b"[9223372036854775808, 1_000]", [2**63, "1_000"]),
    "infinity": (b"[.inf, -.INF, 1e400]", [float("inf"), float("-inf"), float("inf")]),
    "merge": (b"a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}", {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}),
    "line ends of Unicode": ("a: 'x\u2028y\u2029z'".encode(), {"a": "x\u2028y\u2029z"}),
    "a next line": ("a: 'x\x85y'".encode(), {"a": "x y"}),
    "bidirectional text in a value": ("a: x\u202ey".encode(), {"a": "x\u202ey"}),
    "deep, but not too deep": (("[" * MAX_DEPTH + "]" * MAX_DEPTH).encode(), None),
    "a long text": (b"a: " + b"x" * 1_000_000, None),
    "nothing": (b"", None),
    "one document with its marks": (b"---\na: 1\n...\n", {"a": 1}),
}


@pytest.mark.parametrize("what", RIGHT)
def test_odd_text_that_is_right_has_its_value(what: str) -> None:
    """As YAML 1.2's core schema has it."""
    text, value = RIGHT[what]
    found = parse(text, "f.yaml").data
    assert value is None or found == value


def test_a_file_of_problems_tells_the_first_of_them(reader: Reader) -> None:
    """Not 40 MB of them."""
    with pytest.raises(DocumentError) as caught:
        parse("a: 1\n" * 10_000, "f.yaml")
    assert len(caught.value.problems) == MAX_PROBLEMS + 1
    error = reader.organisation(("teams: {" + "".join(f"t{n}: {{x{n}: 1}}, " for n in range(5000)) + "}").encode())
    assert isinstance(error, HandrailError)
    assert len(error.problems) == MAX_PROBLEMS + 1
    assert "more problems after these" in str(error)


LIMITED = """
import resource, sys
from pathlib import Path
from handrail.core.documents import load
from handrail.core.errors import HandrailError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load(Path(sys.argv[1]))
except HandrailError as error:
    print(str(error)[:300])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
LARGE = {
    "100 MB": (b"a: 1\n" * 20_000_000, "is too large"),
    "alias bomb": (ALIASES.encode(), "holds too many values"),
    "small values": (b"[" + b"a," * (MAX_BYTES // 2 - 1) + b"]", "holds too many values"),
    "the most values there may be": (b"- a\n" * 199_000, ""),
    "problems": (b"a: 1\n" * (MAX_BYTES // 5), "holds too many values"),
    "brackets": (b"[" * MAX_BYTES, "is nested too deeply"),
    "one text": (b"a: " + b"x" * (MAX_BYTES - 10), ""),
    "comments": (b"#\n" * (MAX_BYTES // 2), ""),
    "documents": (b"---\n" * (MAX_BYTES // 4), "holds too many values"),
    "anchors": (b"[" + b",".join(b"&a%d x" % n for n in range(300_000)) + b"]", "holds too many values"),
}


@pytest.mark.parametrize("what", LARGE)
def test_memory_and_time_are_bounded(what: str, tmp_path: Path) -> None:
    """Less than 500 MB more than before and a minute on any machine, in a process of its own."""
    text, say = LARGE[what]
    (tmp_path / "f.yaml").write_bytes(text)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "f.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 * 1024**3, 3 * 1024**3)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert say in done.stdout
    assert int(done.stdout.splitlines()[-1]) < (50 if what == "100 MB" else 500)
