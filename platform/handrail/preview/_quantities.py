"""Kubernetes' quantities as numbers: `250m`, `16Gi`, `1e3`."""

from __future__ import annotations

import re
from typing import Any, Final

_QUANTITY: Final = re.compile(
    r"(\+?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18}))(?:([eE][+-]?\d{1,2})|([a-zA-Z]{0,2}))", re.ASCII
)
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_FACTORS: Final = {
    **{suffix: 10.0**power for suffix, power in _DECIMAL.items()},
    **{f"{prefix}i": 1024.0**power for power, prefix in enumerate("KMGTPE", 1)},
}


def quantity(value: Any) -> float | None:
    """The number of a quantity in its base unit (cores, bytes, pieces); None where it is none or not known."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    found = _QUANTITY.fullmatch(str(value).strip())
    if found is None:
        return None
    number, exponent, suffix = found.groups()
    factor = float(f"1{exponent}") if exponent else _FACTORS.get(suffix or "")
    return None if factor is None else float(number) * factor
