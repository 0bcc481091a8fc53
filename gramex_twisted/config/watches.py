"""The ``watch:`` section (functions that run when files change) and ``eventlog:``."""

from __future__ import annotations

from pydantic import Field, model_validator

from gramex_twisted.config.model import Model
from gramex_twisted.config.settings import Texts

EVENTS = ("on_modified", "on_created", "on_deleted", "on_moved", "on_any_event")


class Watch(Model):
    """One entry of ``watch:``."""

    paths: Texts = Field(
        min_length=1, description="Files and folders, one or a list. Of a folder, all files below it count."
    )
    on_modified: str | None = Field(default=None, description="Function of `event`, when a file has other content.")
    on_created: str | None = Field(default=None, description="Function of `event`, when there is a new file.")
    on_deleted: str | None = Field(default=None, description="Function of `event`, when a file is gone.")
    on_moved: str | None = Field(
        default=None, description="Accepted for Gramex 1.x: a file that moves is one deleted and one created."
    )
    on_any_event: str | None = Field(default=None, description="Function of `event`, for each of these.")

    @model_validator(mode="after")
    def _does_something(self) -> Watch:
        if not any(getattr(self, name) for name in EVENTS):
            raise ValueError(f"has no function: write {', '.join(EVENTS[:-1])} or {EVENTS[-1]}")
        return self


class EventLog(Model):
    """The ``eventlog:`` section."""

    path: str | None = Field(
        default=None, description="SQLite file with the table `events`: when the server started and stopped."
    )
