"""The ``schedule:`` section: functions that run at given times."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo, model_validator

from gramex_twisted.config.cron import FIELDS, Cron, check_field, cron, parse_every
from gramex_twisted.config.model import Model


def _field(value: Any, info: ValidationInfo) -> str:
    return check_field(info.field_name or "", value)


CronField = Annotated[str | None, BeforeValidator(_field, json_schema_input_type=int | str | list[int])]
Every = Annotated[float | None, BeforeValidator(parse_every, json_schema_input_type=float | str)]


class Times(Model):
    """When something runs: by a cron line's fields, or every so often, or at the start."""

    minutes: CronField = Field(default=None, description="Minutes, 0-59: `0`, `0,30`, `*/5`, `10-20/2`; default: all.")
    hours: CronField = Field(default=None, description="Hours, 0-23.")
    dates: CronField = Field(default=None, description="Days of the month, 1-31; `L` is the last.")
    months: CronField = Field(default=None, description="Months, 1-12 or jan-dec.")
    weekdays: CronField = Field(
        default=None, description="Days of the week, 0-6 or sun-sat; `L5` is the last Friday of a month."
    )
    years: CronField = Field(default=None, description="Years.")
    every: Every = Field(
        default=None, description="Instead of those: every so often. `1 hour`, `3h 30m`, `90s` or seconds."
    )
    utc: bool = Field(default=False, description="The times are of UTC; default: of the system's time zone.")
    startup: bool | Literal["*"] = Field(
        default=False, description="true: run when the server starts. `*`: after each reload too."
    )
    thread: bool | None = Field(
        default=None,
        description="false: run on the reactor; true: in a thread; default: in a thread unless it cannot block.",
    )
    _cron: Cron | None = PrivateAttr(default=None)

    @property
    def cron(self) -> Cron | None:
        """The cron line; None where there is none, or `every` counts instead."""
        return self._cron

    @property
    def timed(self) -> bool:
        """Whether it ever runs by itself."""
        return bool(self.every or self._cron or self.startup)

    @property
    def both(self) -> bool:
        """Whether there are fields of a cron line that have no effect, since there is `every`."""
        return self.every is not None and any(getattr(self, name) for name in FIELDS)

    @model_validator(mode="after")
    def _possible(self) -> Times:
        fields = {name: value for name in FIELDS if (value := getattr(self, name)) is not None}
        if fields and self.every is None:
            self._cron = cron(fields, self.utc)
        return self


class Schedule(Times):
    """One entry of ``schedule:``."""

    function: str | list[Any] = Field(
        description="What runs: an expression such as `mymodule.report()`, or a pipeline."
    )
    args: Any = Field(default=None, description="Its positional arguments, one or a list.")
    kwargs: dict[str, Any] = Field(default={}, description="Its keyword arguments.")

    @model_validator(mode="after")
    def _needs_times(self) -> Schedule:
        if not self.timed and "startup" not in self.model_fields_set:
            raise ValueError(f"says not when: write every:, startup: or some of {', '.join(FIELDS)}")
        return self
