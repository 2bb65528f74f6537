"""Frozen dataclasses to JSON and back; what does not fit is named together with what came."""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from ml.errors import ContractError

T = TypeVar("T")


class JsonForm:
    """Gives a dataclass `to_json` and the `from_json` that checks every field."""

    __slots__ = ()

    def to_json(self) -> str:
        """Return the value as indented JSON text."""
        return dump(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Build the value from JSON text; `ContractError` names the field that does not fit."""
        return parse(cls, text)


def dump(value: Any) -> str:
    """Return dataclass `value` as indented JSON text, keys in declaration order."""
    return json.dumps(dataclasses.asdict(value), indent=2, ensure_ascii=False) + "\n"


def parse(cls: type[T], text: str | bytes) -> T:
    """Build `cls` from JSON text; `ContractError` names the field that does not fit."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ContractError("not_json", f"The {cls.__name__} is not valid JSON: {error}.") from None
    return build(cls, data, where=cls.__name__)


def build(cls: type[T], data: Any, *, where: str) -> T:
    """Build dataclass `cls` from plain JSON data; `where` opens the messages."""
    if not isinstance(data, Mapping):
        raise _mismatch(where, "an object", data)
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cast("Any", cls))}
    unknown = sorted(set(data) - set(fields))
    if unknown:
        raise _mismatch(where, f"only the fields {', '.join(fields)}", unknown[0])
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = convert(hints[name], data[name], where=f"{where}.{name}")
        elif field.default is field.default_factory is dataclasses.MISSING:
            raise ContractError("invalid_field", f"{where}.{name} is missing.")
    return cls(**values)


def convert(hint: Any, value: Any, *, where: str) -> Any:
    """Return `value` as an instance of type `hint`, or raise `ContractError`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _optional(arguments, value, where)
    if origin is typing.Literal:
        if value not in arguments:
            raise _mismatch(where, " or ".join(map(repr, arguments)), value)
        return value
    if origin is tuple:
        return _tuple(arguments, value, where)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments, value, where)
    if dataclasses.is_dataclass(hint):
        return build(cast("type[Any]", hint), value, where=where)
    return _plain(hint, value, where)


def _optional(arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and types.NoneType in arguments:
        return None
    wanted = [argument for argument in arguments if argument is not types.NoneType]
    for argument in wanted[:-1]:
        try:
            return convert(argument, value, where=where)
        except ContractError:
            continue
    return convert(wanted[-1], value, where=where)


def _tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _mismatch(where, "a list", value)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = (arguments[0],) * len(value)
    if len(arguments) != len(value):
        raise _mismatch(where, f"a list of {len(arguments)}", value)
    pairs = zip(arguments, value, strict=True)
    return tuple(convert(hint, item, where=f"{where}[{i}]") for i, (hint, item) in enumerate(pairs))


def _mapping(arguments: tuple[Any, ...], value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _mismatch(where, "an object", value)
    hint = arguments[1] if arguments else Any
    return {str(key): convert(hint, item, where=f"{where}.{key}") for key, item in value.items()}


def _plain(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if type(value) is hint:
        return value
    raise _mismatch(where, f"of type {getattr(hint, '__name__', hint)}", value)


def _mismatch(where: str, wanted: str, received: Any) -> ContractError:
    return ContractError("invalid_field", f"{where} must be {wanted}. Received: {received!r}.")
