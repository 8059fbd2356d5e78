"""Questions to a technician with gloves: a number or Enter, clear defaults, plain lines; or answers from a file."""

from __future__ import annotations

import re
import select
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsp.errors import ParameterError
from sweep.cli.printing import shown, wrapped
from sweep.toml_files import read_toml

__all__ = ["Console", "LeftError", "Option", "read_answers"]

_MAX_TEXT = 200
_KEY = re.compile(r"[a-z]+(?::[^\x00-\x1f]{1,200}?)?(?:\.[a-z]+)?")


class LeftError(Exception):
    """The technician left the visit; all that is finished is kept."""


@dataclass(frozen=True, slots=True)
class Option:
    """One answer.

    Attributes
    ----------
    number : int
        The key to press.
    word : str
        The same in a word, for files of answers.
    text : str
    """

    number: int
    word: str
    text: str


LEAVE = Option(0, "leave", "leave")
_WIDTH = 100
_TURN_S = 0.2


class Console:
    """Asks on standard output and reads standard input, unless the answer is given already.

    Parameters
    ----------
    answers : mapping
        Name of a question to its answer, as it would be typed.
    unattended : bool
        Take the default of every question that has no answer; nobody is asked.
    """

    def __init__(self, answers: Mapping[str, str], *, unattended: bool) -> None:
        self._answers = dict(answers)
        self.unattended = unattended

    @property
    def unused(self) -> list[str]:
        """Answers that no question asked for, which is how a misspelt name shows."""
        return sorted(self._answers)

    def say(self, *texts: str, indent: str = "") -> None:
        """Print lines, broken to the width of a terminal; an empty one stays empty."""
        for text in texts:
            for line in wrapped(shown(text), indent=indent) or [""]:
                print(line, flush=True)

    def choose(self, name: str, options: Sequence[Option], *, default: str, unattended: str | None = None) -> str:
        """Let one of some options be chosen; leaving is always one of them.

        Parameters
        ----------
        name : str
            Of the question, in files of answers.
        options : sequence of Option
        default : str
            Word of the option that Enter takes.
        unattended : str, optional
            Word of the option that is taken where nobody is asked; ``default`` if not given.

        Returns
        -------
        str
            The word.

        Raises
        ------
        LeftError
            The technician leaves, or nobody is there to answer.
        ParameterError
            The answer in the file is none of the options.
        """
        every = (*options, LEAVE)
        for line in _in_lines([f"{o.number}{' or Enter' if o.word == default else ''}: {o.text}" for o in every]):
            print(line)
        while True:
            is_given = name in self._answers or self.unattended
            typed = self._read(name, default=unattended or default)
            word = _matched(typed, every) if typed else default
            if word == LEAVE.word:
                raise LeftError
            if word is not None:
                return word
            said = f"{typed[:40]!r} is none of {', '.join(f'{option.number} {option.word}' for option in every)}"
            if is_given:
                raise ParameterError(f"answer {name}: {said}; correct the file of answers")
            self.say(said)

    def text(self, name: str, question: str, *, presets: Sequence[str] = (), default: str | None = None) -> str:
        """Ask for words; those that are given as presets take one key.

        Raises
        ------
        LeftError
            Nobody is there to answer.
        ParameterError
            The answer in the file is empty or too long.
        """
        self.say(f"{question}{'' if default is None else f' (Enter: {default})'}")
        for line in _in_lines([f"{number}: {preset}" for number, preset in enumerate(presets, 1)]):
            print(line)
        while True:
            is_given = name in self._answers or self.unattended
            typed = self._read(name, default="" if default is None else default) or (default or "")
            if typed.isascii() and typed.isdigit() and 0 < int(typed[:3]) <= len(presets):
                return presets[int(typed) - 1]
            if typed == str(LEAVE.number):
                raise LeftError
            if any(letter.isalpha() for letter in typed) and len(typed) <= _MAX_TEXT and typed.isprintable():
                return typed
            said = f"write a few words, up to {_MAX_TEXT} characters" + (", or a number" if presets else "")
            if is_given:
                raise ParameterError(f"answer {name} is {typed[:40]!r}; {said}")
            self.say(said)

    def _read(self, name: str, *, default: str) -> str:
        given = self._answers.pop(name, None)  # once: asked again, it is another question
        if given is not None:
            print(f"> {shown(given)}", flush=True)
            return given.strip()
        if self.unattended:
            print(f"> {shown(default)}", flush=True)
            return default
        _forget_typed()
        print("> ", end="", flush=True)
        _await_typed()
        line = sys.stdin.readline()
        if not line:  # the terminal is gone, or Ctrl-D
            print(flush=True)
            raise LeftError
        if not sys.stdin.isatty():
            print(shown(line.rstrip("\n")), flush=True)
        return line.strip()


def read_answers(path: Path | None) -> dict[str, str]:
    """Read a file of answers: names of questions and what would be typed, as TOML.

    Raises
    ------
    ParameterError
        It cannot be read, or an answer is no text.
    """
    if path is None:
        return {}
    hint = 'write lines like "position:table" = "do"; see docs/first-visit.md'
    answers = read_toml(path, dict[str, str], hint=hint)
    for name in answers:
        if _KEY.fullmatch(name) is None:
            raise ParameterError(f"{path}: {name[:40]!r} is not the name of a question; {hint}")
    return answers


def _forget_typed() -> None:
    """Keys that were pressed while it worked are no answer to a question that nobody had read."""
    if sys.stdin.isatty():
        import termios  # noqa: PLC0415 - where there is a terminal to ask at, on the systems that have it

        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _await_typed() -> None:
    """Wait in turns for a line to be read: a Ctrl-C just before one began shows at its end, not at the next key."""
    if sys.stdin.isatty():
        while not select.select([sys.stdin], [], [], _TURN_S)[0]:
            continue


def _in_lines(options: Sequence[str]) -> list[str]:
    """Options side by side where a line takes them, else below each other."""
    if not options:
        return []
    line = "  " + "    ".join(options)
    return [line] if len(line) <= _WIDTH else [f"  {option}" for option in options]


def _matched(typed: str, options: Sequence[Option]) -> str | None:
    wanted = typed.lower()
    return next((option.word for option in options if wanted in (str(option.number), option.word)), None)
