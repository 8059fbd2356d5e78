"""Fixtures that the tests share."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from time_server import TimeServer, make_authority, serving
from virtual_dongle.build import NoCompilerError, build
from virtual_dongle.scene import Scene

from dsp import engine

# The gate tries the same examples each time, so that a red one is the change's; a developer's runs look for new ones.
settings.register_profile("gate", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("gate")


@pytest.fixture(autouse=True)
def _no_key_of_the_user(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test seals with the key of whoever runs it, asks his agent, or sends anything to a time server."""
    monkeypatch.setenv("QUIETROOM_KEYS", str(tmp_path_factory.getbasetemp() / "no-keys"))
    for name in (
        "SSH_AUTH_SOCK",
        "QUIETROOM_TIME_SERVER",
        "QUIETROOM_KEY_PASSPHRASE",
        "QUIETROOM_KEY_PASSPHRASE_FILE",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that judge do not inject emitters, which takes longer than all else; tests of that switch it on."""
    monkeypatch.setenv("QUIETROOM_TRIALS", "off")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real recordings by others, beside the repository; they are never copied into it."""
    folder = Path(__file__).resolve().parents[1].parent / "shared/data"
    if not folder.is_dir():
        pytest.skip("the recordings in ../shared/data are not on this machine")
    return folder


@pytest.fixture(scope="session")
def librtlsdr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared library of the virtual dongle, built once for the session."""
    try:
        return build(tmp_path_factory.mktemp("librtlsdr"))
    except NoCompilerError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["scipy", "fftw"])
def each_engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run a test with each FFT engine."""
    previous = engine.engine_name().split()[0]
    if request.param == "fftw":
        pytest.importorskip("pyfftw", reason="the extra 'fast' is not installed")
    engine.use_engine(request.param)
    yield request.param
    engine.use_engine("fftw" if previous == "pyFFTW" else "scipy")


@pytest.fixture
def virtual_dongle(
    librtlsdr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Scene], dict[str, str]]]:
    """Give a function that plugs a scene in.

    It makes this process use the virtual dongle (``open_rtlsdr`` then sees the scene), and returns the environment in
    which a subprocess, be it ours, ``rtl_power`` or ``rtl_tcp``, does so too. Calling it again starts a new scene.
    """
    restart = ctypes.CDLL(str(librtlsdr)).virtual_dongle_restart
    config = tmp_path / "virtual_dongle.txt"

    def plug_in(scene: Scene) -> dict[str, str]:
        config.write_text(scene.text())
        changes = {
            "QUIETROOM_LIBRTLSDR": str(librtlsdr),
            "VIRTUAL_DONGLE_CONFIG": str(config),
            "LD_LIBRARY_PATH": str(librtlsdr.parent),
        }
        for name, value in changes.items():
            monkeypatch.setenv(name, value)
        restart()
        return {**os.environ, **changes}

    yield plug_in
    config.write_text("")
    restart()


@pytest.fixture(scope="session")
def authority_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA and a certificate for time stamps, made once."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tsa")
    make_authority(folder)
    return folder


@pytest.fixture
def time_server(authority_folder: Path) -> Iterator[TimeServer]:
    """A time server that answers as one does."""
    with serving(authority_folder) as server:
        yield server
