"""Settings from environment variables and `.env`, checked at start.

A service declares one class on `ServiceSettings` and reads it once with `read_settings`, which ends
the process with one line per wrong variable.
"""

from __future__ import annotations

import sys
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.logs import parse_levels
from service.redis_url import check_redis_url, without_password

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _checked_levels(text: str) -> str:
    parse_levels(text)
    return text


class ServiceSettings(BaseSettings):
    """What every service takes; each field's name in capitals is its variable."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", env_ignore_empty=True, frozen=True
    )

    redis_url: Annotated[str, AfterValidator(check_redis_url)] = "redis://127.0.0.1:6379/0"
    log_level: Annotated[str, AfterValidator(_checked_levels)] = "info"
    log_format: Literal["console", "json"] | None = None


Settings = TypeVar("Settings", bound=ServiceSettings)


def read_settings(kind: type[Settings]) -> Settings:
    """The settings of a service; on wrong ones, says which and what they take, and exits with 2."""
    try:
        return kind()
    except ValidationError as error:
        for line in describe_errors(error):
            print(line, file=sys.stderr)  # noqa: T201 - the log is not set up yet
        sys.exit(2)


def describe_errors(error: ValidationError) -> list[str]:
    """One line per wrong setting: the variable, what was given, what it takes."""
    return [
        f"{_variable(item)}={without_password(str(item['input']))}: "
        f"{item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    ]


def _variable(item: ErrorDetails) -> str:
    return "_".join(str(part) for part in item["loc"]).upper()
