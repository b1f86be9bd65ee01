"""The base of every table of the settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Settings do not change, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
