"""How often a cron schedule comes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

HOURS: Final = 730
"""The hours of a month: a year's 8,760 by twelve."""
_WORDS: Final = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_YEAR: Final = 2027  # 365 days; a whole year has every month and every weekday


def runs_per_month(schedule: Any) -> float | None:
    """How many dates a schedule has in a month, a year's by twelve; None where that cannot be told."""
    from cronsim import CronSim, CronSimError

    if not isinstance(schedule, str):
        return None
    words = _WORDS.get(schedule.strip(), schedule).split()
    if len(words) != 5:
        return None
    try:
        # the days by the library's own rules, the times of a day by counting: a year of minutes takes seconds
        times = CronSim(" ".join(words), datetime(_YEAR, 1, 1))
        days = CronSim(f"0 0 {' '.join(words[2:])}", datetime(_YEAR, 1, 1) - timedelta(minutes=1))
        end = datetime(_YEAR + 1, 1, 1)
        count = 0
        for each in days:
            if each >= end:
                break
            count += 1
    except (CronSimError, StopIteration):
        return None
    return count * len(times.minutes) * len(times.hours) / 12
