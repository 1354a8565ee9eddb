"""Settings: what the environment decides at start, and what may change while the server runs.

``Settings`` is built once, in the entry point, and passed down; there is no global instance.
``TranscriptionConfig`` lives in ``transcription_config.json``; every session keeps the one it
started with. May import ``errors`` and ``languages``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from callscribe.languages import LANGUAGES

Backend = Literal["deepgram", "whisper"]
Fallback = Literal["deepgram_rest", "whisper"]


Terms = tuple[Annotated[str, Field(min_length=1, max_length=200)], ...]

SPEAKER = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$"
"""What a speaker's name may look like."""

UNSURE_BELOW: Final = 0.85
"""The mean confidence under which a final is heard again; ``make bench-unsure`` tells why."""

DEEPGRAM_SWITCHES = ("diarize", "numerals", "profanity_filter", "mip_opt_out")
DEEPGRAM_LISTS = ("redact", "replace", "search", "tag")


class Settings(BaseSettings):
    """Deployment settings, read from the environment (``CALLSCRIBE_…``)."""

    model_config = SettingsConfigDict(
        env_prefix="CALLSCRIBE_",
        env_ignore_empty=True,  # a variable that is set to nothing is not set
        frozen=True,
        extra="ignore",
        populate_by_name=True,
    )

    host: str = Field(default="127.0.0.1", description="Address to listen on; loopback by default.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one."
    )
    data_dir: Path = Field(
        default=Path("data"), description="Where configuration and transcripts go."
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), description="Keys that open the API and the sockets, separated by commas."
    )
    listen_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Hosts that `POST /v1/listen` may fetch recordings from, separated by commas.",
    )
    whisper_model: str = Field(
        default="base", description="Whisper model: a size, a hub name, or a folder with the files."
    )
    whisper_threads: int = Field(default=0, ge=0, description="Decoder threads; 0 takes all cores.")
    max_legs: int = Field(
        default=0,
        ge=0,
        description="Legs served at once by Whisper; 0 measures the machine at start.",
    )
    leg_grace: float = Field(
        default=30.0,
        ge=0,
        description="Seconds a dropped leg may take to come back, and a session after all "
        "have hung up.",
    )
    session_idle: float = Field(
        default=300.0, gt=0, description="Seconds that a session without any leg waits for one."
    )
    session_silence: float = Field(
        default=1800.0,
        ge=0,
        description="Seconds without a word after which a session is ended; 0: never.",
    )
    drain: float = Field(
        default=20.0,
        ge=0,
        description="Seconds that calls may go on after SIGTERM; then they are ended.",
    )
    database_url: str = Field(
        default="",
        description="Where calls are kept: `postgresql://…`, `sqlite:///…`; empty: SQLite in the "
        "data folder.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged. Speech appears at debug only."
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="How logs are written."
    )
    deepgram_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="DEEPGRAM_API_KEY",
        description="Key for Deepgram; none: Whisper.",
    )
    deepgram_base_url: str = Field(
        default="wss://api.deepgram.com",
        validation_alias="DEEPGRAM_BASE_URL",
        description="Deepgram's address, or that of a server which speaks its protocol.",
    )
    deepgram_streams: int = Field(
        default=150,
        ge=0,
        description="Streams open at Deepgram at once; further legs begin with the fallback. 0: no "
        "limit.",
    )
    deepgram_requests: int = Field(
        default=50,
        ge=0,
        description="Requests under way at Deepgram at once; further ones wait. 0: no limit.",
    )

    watchlist: str = Field(
        default="",
        description="Phrases that raise an alert, separated by `;`, or a file with one on a line.",
    )
    webhook_url: str = Field(default="", description="Where finals are posted; empty: nowhere.")
    webhook_secret: SecretStr | None = Field(
        default=None, description="Secret that signs what is posted; needed with a webhook."
    )
    summary_url: str = Field(
        default="",
        description="Address of an OpenAI-compatible endpoint, up to `/v1`; empty: no summaries.",
    )
    summary_model: str = Field(default="", description="The endpoint's name for the model.")
    summary_key: SecretStr | None = Field(
        default=None, description="Key for the endpoint, where it wants one."
    )

    public_url: str = Field(
        default="",
        pattern=r"^(https?://[^/?#\s@]+(/[^?#\s]*)?)?$",
        description="The server's address from outside, for example `https://calls.example.com`; "
        "Twilio signs with it.",
    )
    twilio_auth_token: SecretStr | None = Field(
        default=None, description="Twilio's auth token; none: no telephone at `/twilio`."
    )
    twilio_account_sid: str = Field(
        default="",
        pattern=r"^(AC[0-9a-fA-F]{32})?$",
        description="Twilio's account (`AC…`), to start a stream anew that broke off.",
    )
    twilio_dial: str = Field(
        default="",
        description="Whom a call is put through to: a number, `sip:…` or `client:…`; none: nobody.",
    )
    twilio_inbound: str = Field(
        default="technician", pattern=SPEAKER, description="Speaker who calls in by telephone."
    )
    twilio_outbound: str = Field(
        default="agent", pattern=SPEAKER, description="Speaker who is called by telephone."
    )

    @field_validator(
        "deepgram_api_key", "webhook_secret", "summary_key", "twilio_auth_token", mode="before"
    )
    @classmethod
    def _no_blank_key(cls, value: object) -> object:
        return value.strip() or None if isinstance(value, str) else value

    @field_validator("api_keys", "listen_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("public_url")
    @classmethod
    def _no_slash_behind(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("twilio_outbound")
    @classmethod
    def _another_speaker(cls, value: str, info: ValidationInfo) -> str:
        if value == info.data.get("twilio_inbound"):
            raise ValueError("the two sides of a telephone call need names of their own")
        return value

    @property
    def store_url(self) -> str:
        """The address of the store."""
        return self.database_url or f"sqlite:///{self.data_dir / 'callscribe.db'}"

    @property
    def config_file(self) -> Path:
        """Where the runtime configuration is kept."""
        return self.data_dir / "transcription_config.json"


class TranscriptionConfig(BaseModel):
    """How sessions are transcribed; changed at ``/config`` or by the API for the next session."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transcription_backend: Backend = Field(
        default="deepgram",
        description="Engine of the next session; Whisper stands in without a key.",
    )
    transcription_language: str = Field(
        default="fr",
        description="Language code of the speech, or `auto` to detect it once per leg.",
    )
    deepgram_use_streaming: bool = Field(
        default=True,
        description="Deepgram by streaming; off: about 3 s are buffered and sent by REST.",
    )
    transcription_fallback: tuple[Fallback, ...] = Field(
        default=("deepgram_rest", "whisper"),
        description="Which engines listen while the backend cannot, in this order; those that are "
        "not there are left out. Empty: what nobody heard is a gap.",
    )
    deepgram_model: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        default="nova-3", description="Deepgram's model."
    )
    deepgram_diarize: bool = Field(
        default=False,
        description="Deepgram: tell the voices of a leg apart; Whisper does not, and says so.",
    )
    deepgram_numerals: bool = Field(default=False, description="Deepgram: numbers as digits.")
    deepgram_profanity_filter: bool = Field(
        default=False, description="Deepgram: mask swear words with asterisks."
    )
    deepgram_redact: Terms = Field(
        default=(), description="Deepgram: what is taken out: `pci`, `ssn`, `numbers`, …"
    )
    deepgram_replace: Terms = Field(
        default=(), description="Deepgram: `find:replacement`, without a replacement to delete."
    )
    deepgram_search: Terms = Field(
        default=(), max_length=50, description="Deepgram: terms to look for by sound."
    )
    deepgram_tag: Terms = Field(default=(), description="Deepgram: labels for its usage reports.")
    deepgram_mip_opt_out: bool = Field(
        default=False, description="Deepgram: keep the audio out of its model improvement."
    )
    deepgram_mulaw: bool = Field(
        default=True,
        description="Deepgram: pass mu-law of a telephone on as it is; off: as 16-bit PCM.",
    )
    interim_results: bool = Field(default=True, description="Show words before they are final.")
    endpointing_ms: int = Field(
        default=550, ge=200, le=3000, description="Silence that ends an utterance, in milliseconds."
    )
    keyterms: tuple[Annotated[str, Field(min_length=1, max_length=80)], ...] = Field(
        default=(),
        max_length=100,
        description="Names and rare words that the recogniser should expect.",
    )
    low_confidence: float = Field(
        default=0.5, ge=0, le=1, description="Words under this confidence are marked on the page."
    )

    unsure_below: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=lambda: {"*": UNSURE_BELOW},
        description="Finals whose words are less sure than this on the average are marked and "
        "heard again, by language; `*` stands for all others, 0 switches it off. "
        'For example {"*": 0.85, "en": 0.6}.',
    )

    @property
    def deepgram_query(self) -> tuple[tuple[str, str], ...]:
        """What the configuration adds to Deepgram's query, as pairs on the wire."""
        switches = [(n, "true") for n in DEEPGRAM_SWITCHES if getattr(self, f"deepgram_{n}")]
        lists = [(n, v) for n in DEEPGRAM_LISTS for v in getattr(self, f"deepgram_{n}")]
        return (*switches, *lists)

    @field_validator("unsure_below", mode="before")
    @classmethod
    def _by_language(cls, value: object) -> object:
        if not isinstance(value, dict):
            raise ValueError(  # noqa: TRY004 - it becomes an answer to whoever asked
                'must give a threshold for each language, for example {"*": 0.85, "en": 0.6}'
            )
        return value

    @field_validator("unsure_below")
    @classmethod
    def _known_languages(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = [name for name in value if name != "*" and name not in LANGUAGES]
        if unknown:
            raise ValueError(
                f"unknown language {unknown[0]!r}; right keys are * and codes such as fr, en, de"
            )
        return value

    @field_validator("transcription_language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        if value != "auto" and value not in LANGUAGES:
            raise ValueError(
                f"unknown language {value!r}; right values are auto, {', '.join(LANGUAGES)}"
            )
        return value
