"""Parse faults in the form of the command line and of URLs: `corrupt?symbol=BTC/USD&count=3`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from simulator.faults.kinds import FAULTS, AnyFault, Fault, FaultError

_KINDS = {str(kind.__struct_config__.tag): kind for kind in FAULTS}


class UnknownFault(FaultError):
    """The name of a fault that does not exist."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a fault, with a description of its values."""

    name: str
    takes: str
    required: bool
    default: Any


@dataclass(frozen=True)
class Description:
    """A fault in the list of the control port."""

    name: str
    does: str
    parameters: list[Parameter]


def parse_fault(name: str, query: str) -> AnyFault:
    """Return the fault for a name and a query.

    Args:
        name: The name of the fault, such as `corrupt`.
        query: The parameters as in a URL, such as `symbol=BTC/USD&count=3`.

    Returns:
        The fault.

    Raises:
        UnknownFault: There is no fault of this name.
        FaultError: A parameter is wrong; the text names it and its right values.

    """
    kind = _KINDS.get(name)
    if kind is None:
        raise UnknownFault(f"there is no fault {name!r}: use one of {', '.join(_KINDS)}")
    given: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key in given:
            raise FaultError(f"{name}: {key} is given twice: give it once")
        given[key] = value
    _check(name, kind, given)
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise FaultError(f"{name}: {error}") from None


def describe(kinds: Collection[type[Fault]] = FAULTS) -> list[Description]:
    """Return the descriptions of these faults."""
    return [
        Description(name, (kind.__doc__ or "").strip(), _parameters(kind))
        for name, kind in _KINDS.items()
        if kind in kinds
    ]


def name_of(kind: type[Fault]) -> str:
    """Return the name of a kind of faults."""
    return str(kind.__struct_config__.tag)


def _check(name: str, kind: type[AnyFault], given: dict[str, str]) -> None:
    """Raise an error for the first parameter that is wrong."""
    parameters = {item.name: item for item in _parameters(kind)}
    for key in given:
        if key not in parameters:
            takes = f"it takes {', '.join(parameters)}" if parameters else "it takes none"
            raise FaultError(f"{name} has no parameter {key!r}: {takes}")
    for field in msgspec.structs.fields(kind):
        parameter = parameters[field.encode_name]
        if parameter.name not in given:
            if parameter.required:
                raise FaultError(f"{name}: {parameter.name} is missing: it takes {parameter.takes}")
            continue
        value = given[parameter.name]
        try:
            msgspec.convert(value, field.type, strict=False)
        except msgspec.ValidationError:
            raise FaultError(
                f"{name}: {parameter.name}={value}: it takes {parameter.takes}"
            ) from None


def _parameters(kind: type[AnyFault]) -> list[Parameter]:
    struct = inspect.type_info(kind)
    assert isinstance(struct, inspect.StructType)
    return [
        Parameter(
            field.encode_name,
            _takes(field.type),
            field.required,
            None if field.required else field.default,
        )
        for field in struct.fields
    ]


def _takes(kind: inspect.Type) -> str:
    """Return a description of the values of a type."""
    if isinstance(kind, inspect.UnionType):
        return _takes(next(item for item in kind.types if not isinstance(item, inspect.NoneType)))
    if isinstance(kind, inspect.LiteralType):
        return f"one of {', '.join(str(value) for value in kind.values)}"
    assert isinstance(kind, inspect.Metadata)
    return str((kind.extra_json_schema or {})["description"])
