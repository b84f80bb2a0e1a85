"""Read settings from environment variables and `.env` into typed values, once.

A program derives one class from `EnvironmentSettings`. Each field is one variable and has the type
that the program needs; `parsed_by` converts the variable's text. `read_settings` ends the process
with one line per wrong or misspelt variable, or with one about `.env`.
"""

from __future__ import annotations

import ast
import inspect
import os
import sys
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NoReturn, TypeVar

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from kraken_book.redis_url import without_password
from runtime.env_file import find_env_file_fault
from runtime.log_levels import LogLevels, parse_levels
from runtime.printable import printable
from runtime.redis.url import check_redis_url
from runtime.retired_settings import RETIRED, RetiredSetting, new_values
from runtime.setting_names import find_unknown_settings, is_service_link

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]

SETTINGS_VERSION = 1
"""It grows if a setting gets another meaning, or if an old name is not accepted any more."""

ENV_FILE = ".env"
# Some editors begin a file with a byte order mark.
_ENV_FILE_ENCODING = "utf-8-sig"


def parsed_by(parse: Callable[[str], object]) -> PlainValidator:
    """Return the validator of a field that converts its text with `parse`.

    The field also needs `NoDecode` if pydantic-settings would read its type as JSON.

    Args:
        parse: Returns the value, or raises ValueError with a message that names valid values.
    """
    return PlainValidator(lambda value: parse(value) if isinstance(value, str) else value)


def _known_version(version: int) -> int:
    if version > SETTINGS_VERSION:
        raise ValueError(
            f"these settings are for a newer release; this one knows version {SETTINGS_VERSION}"
        )
    return version


class EnvironmentSettings(BaseSettings):
    """Settings from variables of the environment or `.env`, named like the fields in capitals.

    The docstring below a field is its line in `--help`.
    """

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding=_ENV_FILE_ENCODING,
        extra="ignore",
        env_ignore_empty=True,
        frozen=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_other_encodings(cls, value: object) -> object:
        # Python decodes bytes of the environment that are not UTF-8 to lone surrogates.
        if isinstance(value, str) and any("\ud800" <= each <= "\udfff" for each in value):
            raise ValueError("the value must be UTF-8")
        return value

    @model_validator(mode="before")
    @classmethod
    def _ignore_service_links(cls, values: Any) -> Any:
        return {name: value for name, value in values.items() if not is_service_link(name, value)}

    HIDDEN: ClassVar[frozenset[str]] = frozenset()
    """Fields whose values are in no error, because a secret may be given by mistake."""

    def is_given(self, field: str) -> bool:
        """Return whether the environment or `.env` has a value for `field`."""
        return field in self.model_fields_set


class RedisSettings(EnvironmentSettings):
    """Settings of a program that needs Redis."""

    redis_url: Annotated[str, AfterValidator(check_redis_url)] = "redis://127.0.0.1:6379/0"
    """also rediss://, unix://, redis+sentinel:// and redis+cluster://"""


class LogSettings(EnvironmentSettings):
    """Settings of a program that logs."""

    kraken_book_settings: Annotated[int, Field(ge=1), AfterValidator(_known_version)] = 1
    """version of the settings for which the values were written"""
    log_level: Annotated[LogLevels, NoDecode, parsed_by(parse_levels)] = parse_levels("info")
    """lowest level to log, also per module: info,collector.kraken=debug"""
    log_format: Literal["console", "json"] | None = None
    """console or json; if unset, console on a terminal and json elsewhere"""


class ServiceSettings(LogSettings, RedisSettings):
    """Settings of every service."""


Settings = TypeVar("Settings", bound=EnvironmentSettings)


def read_settings(
    kind: type[Settings], retired: Mapping[str, RetiredSetting] = RETIRED
) -> Settings:
    """Return the settings of a program; print one line per wrong setting and exit with 2.

    Args:
        kind: The class of the settings.
        retired: The old names that are still accepted.
    """
    if fault := find_env_file_fault(Path(ENV_FILE)):
        _exit_with([f"{ENV_FILE}: {fault}"])
    try:
        variables = all_variables()
        unknown = find_unknown_settings(variables, retired)
        settings = kind(**new_values(variables, kind.model_fields, retired))
    except ValidationError as error:
        _exit_with(unknown + describe_errors(error, kind.HIDDEN))
    except (OSError, UnicodeError, SettingsError) as error:
        _exit_with([f"{ENV_FILE}: cannot be read ({error}); each line must be NAME=value in UTF-8"])
    if unknown:
        _exit_with(unknown)
    return settings


def all_variables() -> dict[str, str | None]:
    """Return the variables of the environment and of `.env`; the environment has priority."""
    return {**_env_file_variables(), **os.environ}


def _env_file_variables() -> dict[str, str | None]:
    # Not those of a pipe, which can be read only once.
    if not Path(ENV_FILE).is_file():
        return {}
    return dotenv_values(ENV_FILE, encoding=_ENV_FILE_ENCODING)


def _exit_with(lines: list[str]) -> NoReturn:
    for line in lines:
        print(printable(line), file=sys.stderr)  # noqa: T201 - logging is not configured yet
    sys.exit(2)


def describe_errors(error: ValidationError, hidden: Collection[str] = ()) -> list[str]:
    """Return one line per wrong setting: the variable, its value, and the valid values.

    Args:
        error: The errors of all settings.
        hidden: The fields whose values are left out.
    """
    return [
        f"{_variable(item)}{_value(item, hidden)}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    ]


def _value(item: ErrorDetails, hidden: Collection[str]) -> str:
    if _variable(item).lower() in hidden:
        return ""
    return f"={without_password(str(item['input']))}"


def _variable(item: ErrorDetails) -> str:
    return "_".join(str(part) for part in item["loc"]).upper()


def describe_fields(kind: type[EnvironmentSettings]) -> dict[str, str]:
    """Return the docstring of each field of a class and its bases; "" if it has none.

    Only `--help` needs them. Pydantic's `use_attribute_docstrings` would parse the source whenever
    the class is created, and so slow every start down.
    """
    docs = dict.fromkeys(kind.model_fields, "")
    for each in kind.__mro__:
        if issubclass(each, EnvironmentSettings):
            docs |= {name: doc for name, doc in _attribute_docs(each).items() if name in docs}
    return docs


def _attribute_docs(kind: type) -> dict[str, str]:
    (definition,) = (
        each
        for each in _module_source(kind.__module__)
        if isinstance(each, ast.ClassDef) and each.name == kind.__name__
    )
    return {
        field.target.id: inspect.cleandoc(doc)
        for field, text in zip(definition.body, definition.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(doc := text.value.value, str)
    }


@cache
def _module_source(name: str) -> list[ast.stmt]:
    return ast.parse(inspect.getsource(sys.modules[name])).body
