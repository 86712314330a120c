"""Quantities as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.core.units import Cpu, Duration, Memory, Percent, Quantity

WRITTEN = [
    (Percent, "70%", 700_000, "70%"),
    (Percent, "99.95%", 999_500, "99.95%"),
    (Percent, "100 %", 1_000_000, "100%"),
    (Duration, "300ms", 300, "300ms"),
    (Duration, "2h", 7_200_000, "2h"),
    (Duration, "1h30m", 5_400_000, "90m"),
    (Duration, "0.5s", 500, "500ms"),
    (Memory, "16GiB", 16 * 1024**3, "16Gi"),
    (Memory, "16Gi", 16 * 1024**3, "16Gi"),
    (Memory, "1.5GiB", 1536 * 1024**2, "1536Mi"),
    (Memory, "1GB", 10**9, "1000000000"),
    (Cpu, "1500m", 1500, "1500m"),
    (Cpu, 2, 2000, "2"),
    (Cpu, 0.5, 500, "500m"),
    (Cpu, 3.0, 3000, "3"),
]


@pytest.mark.parametrize(("unit", "written", "amount", "spelled"), WRITTEN)
def test_is_read_once_and_spelled_for_kubernetes(
    unit: type[Quantity], written: object, amount: int, spelled: str
) -> None:
    """What people write becomes a whole number of the base unit, and Kubernetes' spelling of it."""
    quantity = unit.parse(written)
    assert (quantity.amount, str(quantity)) == (amount, spelled)


REFUSED = [
    (Percent, "70", "has no unit: write a number and %, as 70%"),
    (Percent, "170%", "is more than 100%"),
    (Percent, -1, "is not a percentage: write a number and %, as 70%"),
    (Duration, "2 fortnights", "has the unit fortnights: write a number and ms, s, m, h or d, as 300ms or 2h"),
    (Duration, "2w", "has the unit w: write a number and ms, s, m, h or d, as 300ms or 2h"),
    (Memory, 16, "has no unit: write a number and MiB, GiB or TiB, as 512MiB or 16GiB"),
    (Memory, "16G", "has the unit G: write a number and MiB, GiB or TiB, as 512MiB or 16GiB"),
    (Cpu, True, "is not an amount of cpu: write cores or thousandths, as 2, 0.5 or 1500m"),
    (Cpu, "0.5m", "is finer than an amount of cpu can be: write cores or thousandths, as 2, 0.5 or 1500m"),
    (Cpu, None, "is not an amount of cpu: write cores or thousandths, as 2, 0.5 or 1500m"),
]


@pytest.mark.parametrize(("unit", "written", "message"), REFUSED)
def test_says_what_is_wrong_and_what_to_write(unit: type[Quantity], written: object, message: str) -> None:
    """A refusal names the right way to write it."""
    with pytest.raises(ValueError) as caught:
        unit.parse(written)
    assert str(caught.value) == message


@given(st.sampled_from([Percent, Duration, Memory, Cpu]), st.text(max_size=40))
def test_any_text_is_a_quantity_or_a_value_error(unit: type[Quantity], text: str) -> None:
    """No text raises anything else."""
    try:
        assert unit.parse(text).amount >= 0
    except ValueError as error:
        assert "write" in str(error) or "more than" in str(error)


@given(st.sampled_from([Duration, Memory, Cpu]), st.integers(0, 10**12))
def test_what_is_spelled_reads_back(unit: type[Quantity], amount: int) -> None:
    """The spelling loses nothing, where it has a unit."""
    quantity = unit(amount)
    if unit is not Memory or not str(quantity).isdigit():
        assert unit.parse(str(quantity)) == quantity


def test_a_limit_never_becomes_zero_seconds() -> None:
    """Whole seconds are rounded up."""
    assert [Duration.parse(text).seconds for text in ("300ms", "1s", "1.2s")] == [1, 1, 2]


def test_quantities_compare() -> None:
    """More is more, within a unit."""
    assert Memory.parse("1GiB") > Memory.parse("512MiB")
