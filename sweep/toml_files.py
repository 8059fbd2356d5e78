"""Reading TOML that people write: bounded in size and depth, checked against a schema, told of in one line."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from dsp.errors import ParameterError, QuietroomError

__all__ = ["parse_toml", "read_toml"]

T = TypeVar("T")

_MAX_BYTES = 1 << 20
_MAX_DOTS = 2000  # in a line: tomllib takes their square of memory
_MAX_SHOWN = 40
_PLACE = re.compile(r"(.*) - at `\$\.?(.*)`", re.DOTALL)
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_NO_VALUE = object()


def read_toml(path: Path, kind: type[T], *, hint: str, choices: Mapping[str, str] | None = None) -> T:
    """Read a settings file.

    Parameters
    ----------
    path : Path
    kind : type
        A msgspec structure; one that refuses unknown keys does.
    hint : str
        Where the keys are explained, for example "see docs/first-visit.md".
    choices : mapping, optional
        What to say after a wrong value of a key of this name: which values there are.

    Raises
    ------
    ParameterError
        It cannot be read, or is not what ``kind`` says; the message names the file, the key and the value.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1) if path.is_file() else None
    except OSError as error:
        raise ParameterError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    if data is None:
        raise ParameterError(f"{path} is not a plain file; put a TOML file in its place, {hint}")
    if len(data) > _MAX_BYTES:
        raise ParameterError(f"{path} is larger than {_MAX_BYTES} bytes; put a TOML file in its place, {hint}")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ParameterError(f"{path} is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    return parse_toml(text, kind, name=str(path), hint=hint, choices=choices)


def parse_toml(
    text: str,
    kind: type[T],
    *,
    name: str,
    hint: str,
    choices: Mapping[str, str] | None = None,
    error_type: type[QuietroomError] = ParameterError,
) -> T:
    """Convert a TOML text.

    Parameters
    ----------
    text : str
    kind : type
    name, hint : str
        What the text is called in messages, and where its keys are explained.
    choices : mapping, optional
        As for `read_toml`.
    error_type : type
        Of the error that is raised.

    Raises
    ------
    QuietroomError
        It is not TOML, or not what ``kind`` says.

    Examples
    --------
    >>> class Settings(msgspec.Struct):
    ...     passes: int
    >>> parse_toml("passes = 'five'", Settings, name="site.toml", hint="see the manual")
    Traceback (most recent call last):
    ...
    dsp.errors.ParameterError: site.toml: passes = 'five': Expected `int`, got `str`; see the manual
    """
    document: dict[str, Any] = {}
    try:
        if any(line.count(".") > _MAX_DOTS for line in text.splitlines()):
            raise RecursionError
        document = tomllib.loads(text)
        _refuse_non_finite(document, "")
        return msgspec.convert(document, kind)
    except tomllib.TOMLDecodeError as error:
        raise error_type(f"{name} is not TOML: {_one_line(error)}; correct it there") from error
    except RecursionError as error:
        raise error_type(f"{name} is nested too deeply; {hint}") from error
    except (ValueError, OverflowError) as error:  # of msgspec, or a whole number of thousands of digits
        raise error_type(f"{name}: {_explain(error, document, choices or {})}; {hint}") from error


def _explain(error: Exception, document: dict[str, Any], choices: Mapping[str, str]) -> str:
    """Say which key is wrong, its value where it is a plain one, and why."""
    text = _one_line(error)
    match = _PLACE.fullmatch(text)
    if match is None:
        return text
    says, key = match.groups()
    value = _value_at(document, key)
    plain = value is not _NO_VALUE and not isinstance(value, dict | list)
    named = _STEP.findall(key)
    says += next((f", {choices[name]}" for name, _ in reversed(named) if name in choices), "")
    shown = f" = {str(value) if not isinstance(value, str) else repr(value[:_MAX_SHOWN])}" if plain else ""
    says = says.replace(" | null", "")  # TOML has no null
    return f"{key}{shown}: {says}" if key else says


def _value_at(document: Any, key: str) -> Any:
    value = document
    for match in _STEP.finditer(key):
        name, index = match.groups()
        try:
            value = value[int(index)] if index is not None else value[name]
        except (KeyError, IndexError, TypeError):
            return _NO_VALUE
    return value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _refuse_non_finite(value: Any, key: str) -> None:
    # nan passes every comparison of a range check
    if isinstance(value, float) and not math.isfinite(value):
        raise msgspec.ValidationError(f"{value} is not a finite number - at `$.{key}`")
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_non_finite(item, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_non_finite(item, f"{key}[{index}]")
