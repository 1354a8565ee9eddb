"""The checks of ``callscribe doctor``; each looks at one thing and never raises.

May import everything that it looks at.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import av

from callscribe.cli.deepgram_checks import check_deepgram
from callscribe.cli.findings import Finding, Guide, State
from callscribe.cli.house_checks import check_house
from callscribe.cli.output import read_settings
from callscribe.cli.serve import bind, page_address
from callscribe.engines.whisper.inspection import find_model, inspect_model, is_installed
from callscribe.engines.whisper.models import known_model, misnamed
from callscribe.errors import CallscribeError, ConfigurationError
from callscribe.settings import Settings, TranscriptionConfig

PACKAGES = (
    "alembic", "asyncpg", "av", "dateparser", "deepgram-sdk", "fastapi",
    "faster-whisper", "h11", "httptools", "httpx", "msgspec", "numpy", "onnxruntime",
    "phonenumbers", "picows", "pydantic", "pydantic-settings", "pysubs2", "rapidfuzz", "rich",
    "soxr", "sqlalchemy", "structlog", "text2num", "threadpoolctl", "twilio", "typer", "uvicorn",
    "websockets",
)  # fmt: skip
"""What has to be installed."""

MODULES = {"text2num": "text_to_num"}
"""How packages are imported whose name does not tell."""

DECODERS = ("aac", "flac", "mp3", "opus", "pcm_alaw", "pcm_mulaw", "pcm_s16le", "vorbis")
"""Codecs of the recordings that people have."""

MEMORY = 2.0
"""GiB that Whisper base needs with a few calls, and some room."""


def examine() -> list[Finding]:
    """Runs all checks. Without valid settings those that need none."""
    findings = [check() for check in (check_python, check_machine, check_packages, check_codecs)]
    try:
        settings = read_settings()
    except ConfigurationError as error:
        advice = "correct the variable in the environment"
        findings.append(Finding("Settings", State.BAD, error.message, advice, Guide.SETTINGS))
        return findings
    checks: tuple[Callable[[Settings], Finding], ...] = (
        check_configuration,
        check_data_dir,
        check_model,
        check_access,
        check_address,
    )
    findings.extend(check(settings) for check in checks)
    findings.extend(check_house(settings))
    config = read_configuration(settings)
    findings.extend(check_voices(settings, config))
    findings.extend(check_deepgram(settings, config))
    findings.append(check_browser())
    return findings


def check_python() -> Finding:
    """Python is new enough."""
    version = platform.python_version()
    if sys.version_info < (3, 11):  # noqa: UP036 - someone may run an older one all the same
        return Finding("Python", State.BAD, version, "install Python 3.11 or later")
    return Finding("Python", State.GOOD, f"{version} on {platform.system()} {platform.machine()}")


def check_machine() -> Finding:
    """Cores and memory."""
    cores = os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        return Finding("Machine", State.GOOD, f"{cores} cores")
    detail = f"{cores} cores, {memory:.1f} GiB of memory"
    if memory < MEMORY:
        return Finding(
            "Machine", State.NOTE, detail, f"less than {MEMORY:g} GiB is little for Whisper base"
        )
    return Finding("Machine", State.GOOD, detail)


def check_packages() -> Finding:
    """What has to be installed is, and can be imported."""
    missing = []
    for package in PACKAGES:
        try:
            name = MODULES.get(package, package.removesuffix("-sdk").replace("-", "_"))
            importlib.import_module(name)
            importlib.metadata.version(package)
        except ImportError as error:
            missing.append(f"{package} ({error})")
    if missing:
        return Finding(
            "Packages", State.BAD, f"missing: {', '.join(missing)}",
            "make setup, or pip install -r requirements.txt",
        )  # fmt: skip
    versions = (f"{name} {importlib.metadata.version(name)}" for name in ("faster-whisper", "av"))
    return Finding("Packages", State.GOOD, f"{len(PACKAGES)} in place, {', '.join(versions)}")


def check_codecs() -> Finding:
    """Recordings of the usual kinds can be read."""
    missing = [name for name in DECODERS if name not in av.codecs_available]
    if missing:
        return Finding(
            "Codecs", State.NOTE, f"cannot read {', '.join(missing)}",
            "install PyAV as a wheel: pip install --only-binary av av",
        )  # fmt: skip
    return Finding("Codecs", State.GOOD, ", ".join(DECODERS))


def check_configuration(settings: Settings) -> Finding:
    """The file of the runtime configuration can be used, if there is one."""
    try:
        config = _configuration(settings.config_file)
    except (OSError, ValueError) as error:
        first = next(iter(str(error).splitlines()), "")
        return Finding(
            "Configuration", State.BAD, f"{settings.config_file}: {first}",
            "correct or delete the file", Guide.CONFIGURATION,
        )  # fmt: skip
    return Finding(
        "Configuration",
        State.GOOD,
        f"{config.transcription_backend}, language {config.transcription_language}",
    )


def read_configuration(settings: Settings) -> TranscriptionConfig:
    """The runtime configuration; the defaults where the file cannot be used."""
    try:
        return _configuration(settings.config_file)
    except (OSError, ValueError):
        return TranscriptionConfig.model_validate({})


def _configuration(path: Path) -> TranscriptionConfig:
    try:
        return TranscriptionConfig.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return TranscriptionConfig.model_validate({})


def check_voices(settings: Settings, config: TranscriptionConfig) -> list[Finding]:
    """Voices on one line are told apart where that is asked for; nothing where it is not."""
    if not config.deepgram_diarize:
        return []
    if config.transcription_backend == "deepgram" and settings.deepgram_api_key is not None:
        way = "" if config.deepgram_use_streaming else ", within each piece of about 3 s only"
        return [Finding("Voices", State.GOOD, f"told apart by Deepgram{way}", guide=Guide.VOICES)]
    return [
        Finding(
            "Voices", State.NOTE, "deepgram_diarize is on, and Whisper does not tell voices apart",
            "let Deepgram listen, or give each person a leg", Guide.VOICES,
        )
    ]  # fmt: skip


def check_data_dir(settings: Settings) -> Finding:
    """Transcripts can be written."""
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        free = shutil.disk_usage(folder).free / 2**30
    except OSError as error:
        return Finding(
            "Data", State.BAD, f"{folder} cannot be written: {error.strerror}",
            "give this user the right to write there, or set CALLSCRIBE_DATA_DIR",
        )  # fmt: skip
    return Finding("Data", State.GOOD, f"{folder} can be written, {free:.1f} GiB free")


def check_model(settings: Settings) -> Finding:
    """The Whisper model is there and right to the byte."""
    name = settings.whisper_model
    folder = find_model(name, settings.data_dir / "models")
    if folder is not None:
        problems = inspect_model(name, folder)
        if problems:
            own = known_model(name) is None and folder == Path(name).expanduser()
            advice = (
                "put the right file there, or name another model with CALLSCRIBE_WHISPER_MODEL"
                if own
                else f"delete {folder}, then: python -m callscribe models fetch"
            )
            return Finding("Model", State.BAD, "; ".join(problems), advice, Guide.MODEL)
        return Finding("Model", State.GOOD, f"Whisper {name}, checked, in {folder}")
    if is_installed(name):
        return Finding(
            "Model", State.GOOD, f"Whisper {name} as packages; the first start unpacks it"
        )
    if why := misnamed(name):
        problem, _, advice = why.partition("; ")
        return Finding(
            "Model", State.BAD, problem, f"set CALLSCRIBE_WHISPER_MODEL: {advice}", Guide.MODEL
        )
    return Finding(
        "Model",
        State.BAD,
        f"Whisper {name} is not on this machine",
        "python -m callscribe models fetch",
        Guide.MODEL,
    )


def check_access(settings: Settings) -> Finding:
    """Who can reach the server: without keys it does not start beyond this machine."""
    from callscribe.web.server import check_exposure  # loads the server

    try:
        check_exposure(settings)
    except ConfigurationError as error:
        problem, _, advice = error.message.partition("; ")
        return Finding("Access", State.BAD, f"no keys: {problem}", advice, Guide.SHARE)
    count = len(settings.api_keys)
    keys = f"{count} key{'s' if count > 1 else ''}" if count else "no keys: this machine only"
    return Finding("Access", State.GOOD, f"{settings.host}, {keys}")


def check_address(settings: Settings) -> Finding:
    """The server can listen where it is told to."""
    try:
        bind(settings).close()
    except CallscribeError as error:
        if _is_callscribe(settings):
            page = page_address(settings.host, settings.port)
            return Finding("Port", State.GOOD, f"Callscribe is running at {page}")
        return Finding("Port", State.BAD, error.message, guide=Guide.SETTINGS)
    return Finding("Port", State.GOOD, f"{settings.host}:{settings.port} is free")


def _is_callscribe(settings: Settings) -> bool:
    """Whether it is Callscribe itself that holds the port."""
    address = page_address(settings.host, settings.port, "/healthz")
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310 - http, see above
            return bool(json.load(answer) == {"status": "ok"})
    except urllib.error.HTTPError as error:
        return error.code == 503 and b'"draining"' in error.read(1000)  # it is about to end
    except (OSError, ValueError):
        return False


def check_browser() -> Finding:
    """Chromium for the tests of the pages."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return Finding("Chromium", State.GOOD, path)
    return Finding(
        "Chromium", State.NOTE, "not found: only tests of the pages need it",
        "on Debian: apt-get install chromium",
    )  # fmt: skip
