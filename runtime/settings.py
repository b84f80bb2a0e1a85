"""Settings from environment variables and `.env`, checked at start.

A service declares one class on `ServiceSettings` and reads it once with `read_settings`, which ends
the process with one line per wrong variable, or with one about `.env`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn, TypeVar

from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from runtime.env_file import why_unusable
from runtime.logs import parse_levels
from runtime.printable import printable
from runtime.redis.url import check_redis_url, without_password

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]

ENV_FILE = ".env"


def _checked_levels(text: str) -> str:
    parse_levels(text)
    return text


class EnvironmentSettings(BaseSettings):
    """Settings whose fields' names in capitals are variables of the environment or of `.env`."""

    # A mark at the beginning, which some editors write, is no part of the first name.
    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding="utf-8-sig",
        extra="ignore",
        env_ignore_empty=True,
        frozen=True,
        use_attribute_docstrings=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_other_encodings(cls, value: object) -> object:
        # Python keeps bytes of the environment that are not UTF-8 as lone surrogates.
        if isinstance(value, str) and any("\ud800" <= each <= "\udfff" for each in value):
            raise ValueError("it is not UTF-8")
        return value


class RedisSettings(EnvironmentSettings):
    """Settings of a program that needs Redis."""

    redis_url: Annotated[str, AfterValidator(check_redis_url)] = "redis://127.0.0.1:6379/0"
    """also rediss://, unix://, redis+sentinel:// and redis+cluster://"""


class LogSettings(EnvironmentSettings):
    """Settings of a program that logs."""

    log_level: Annotated[str, AfterValidator(_checked_levels)] = "info"
    """least level of what is logged, also per module: info,collector.kraken=debug"""
    log_format: Literal["console", "json"] | None = None
    """console or json; unset, console on a terminal and json elsewhere"""


class ServiceSettings(LogSettings, RedisSettings):
    """Settings of every service."""


Settings = TypeVar("Settings", bound=EnvironmentSettings)


def read_settings(kind: type[Settings]) -> Settings:
    """Return the settings of a program; if one is wrong, say which in a line, and exit with 2."""
    if reason := why_unusable(Path(ENV_FILE)):
        _give_up([f"{ENV_FILE}: {reason}"])
    try:
        return kind()
    except ValidationError as error:
        _give_up(describe_errors(error))
    except (OSError, UnicodeError, SettingsError) as error:
        _give_up([f"{ENV_FILE}: it cannot be read ({error}): it takes NAME=value lines in UTF-8"])


def _give_up(lines: list[str]) -> NoReturn:
    for line in lines:
        print(printable(line), file=sys.stderr)  # noqa: T201 - the log is not set up yet
    sys.exit(2)


def describe_errors(error: ValidationError) -> list[str]:
    """Return one line per wrong setting: the variable, what was given, what it takes."""
    return [
        f"{_variable(item)}={without_password(str(item['input']))}: "
        f"{item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    ]


def _variable(item: ErrorDetails) -> str:
    return "_".join(str(part) for part in item["loc"]).upper()
