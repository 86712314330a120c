"""Any YAML, at length: it ends in a value or in an error that a person can use, never in a traceback."""

from collections.abc import Iterator

import pytest
from fuzz.conftest import EXAMPLES, SEED
from hostile import ANY_TEXT, SAMPLES, Reader, check, misshapen, mutated
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

# a third each, of what tests/unit/test_hostile_yaml.py runs briefly
LONG = settings(
    max_examples=-(-EXAMPLES // 3), deadline=None, database=None, print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """Reads as acme's own files are read."""
    with Reader() as made:
        yield made


@seed(SEED)
@LONG
@given(ANY_TEXT, st.sampled_from(sorted(SAMPLES)))
def test_any_text(reader: Reader, text: bytes, name: str) -> None:
    """Bytes, characters, YAML's own signs."""
    check(reader, name, text)


@seed(SEED)
@LONG
@given(mutated())
def test_a_spoilt_sample(reader: Reader, sample: tuple[str, bytes]) -> None:
    """acme's own files, cut, doubled and overwritten."""
    check(reader, *sample)


@seed(SEED)
@LONG
@given(misshapen())
def test_a_sample_with_values_of_the_wrong_kind(reader: Reader, sample: tuple[str, bytes]) -> None:
    """acme's own files, with anything where something else should stand."""
    check(reader, *sample)
