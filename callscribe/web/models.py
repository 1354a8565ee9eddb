"""The forms of the HTTP API, as its OpenAPI description shows them. May import core."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

CallState = Literal["running", "interrupted", "ended"]
FormatName = Literal["text", "json", "srt", "vtt", "deepgram"]


class Problem(BaseModel):
    """What every failed request is answered with."""

    code: str = Field(description="A stable name for programs.")
    message: str = Field(description="A sentence for people that says what to do.")
    retryable: bool = Field(description="Whether the same request may succeed later.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "code": "no_such_session",
                "message": "there is no session call-7",
                "retryable": False,
            }
        }
    )


class Detail(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str | int] = Field(description="Where it is.")
    msg: str = Field(description="What is wrong, and which values are right.")
    type: str = Field(description="The kind of mistake.")


class InvalidRequest(Problem):
    """What a request with wrong values is answered with."""

    detail: list[Detail]


class BackendStatus(BaseModel):
    """An engine."""

    name: str
    available: bool = Field(description="Whether it can take a leg now.")
    reason: str = Field(description="Why not; empty when it can.")
    loading: bool = Field(description="Whether it is still being loaded.")


class BudgetInfo(BaseModel):
    """Something that an engine may use only so much of."""

    engine: str = Field(examples=["deepgram"])
    name: str = Field(examples=["streams"])
    used: int = Field(description="How many are in use.")
    most: int = Field(description="How many may be; 0: no limit.")
    waiting: int = Field(description="How many wait for their turn.")


class LanguageInfo(BaseModel):
    """A language that can be spoken."""

    code: str
    name: str = Field(description="Its English name.")
    native: str = Field(description="Its own name.")
    flag: str = Field(description="The flag of the country it is most associated with.")


class Status(BaseModel):
    """What this server is and can do."""

    version: str
    backends: list[BackendStatus]
    languages: list[LanguageInfo]
    legs: int = Field(description="Legs that are open or wait for their client.")
    max_legs: int = Field(description="Legs that are taken at once; 0: not known yet.")
    auth_required: bool = Field(description="Whether the API and the sockets want a key.")
    model: str = Field(description="The Whisper model.")
    budgets: list[BudgetInfo] = Field(description="What engines may use only so much of.")


class NewSession(BaseModel):
    """A session to begin."""

    session_id: str | None = Field(
        None, description="Its id; none: one is made.", examples=["call-7"]
    )


class LegInfo(BaseModel):
    """One speaker's audio."""

    speaker: str = Field(examples=["technician"])
    state: str = Field(description="`open`, `detached` or `ended`.")
    sample_rate: int = Field(description="Hz.")
    encoding: str = Field(
        "", description="`linear16` or `mulaw`; empty where an older version did not note it."
    )
    language: str
    engine: str = Field(description="Who listens; empty while nobody does.")
    received: int = Field(description="Samples that have arrived.")
    duration: float = Field(description="Seconds of audio that have arrived.")
    recording: str = Field("", description="The client's name for what it records.")
    first: int = Field(0, description="The sample of it that is the leg's first.")
    settled: int | None = Field(
        None, description="Samples that are written down, or told as gaps; null where not known."
    )


class WordInfo(BaseModel):
    """A word as shown, punctuation included."""

    text: str
    start: float = Field(description="Seconds on the call clock.")
    end: float
    confidence: float = Field(description="0 to 1.")
    speaker_label: str | None = Field(
        None, description="Which of several people on this line, where they are told apart."
    )


class UtteranceInfo(BaseModel):
    """What one speaker said up to an endpoint."""

    utterance_id: str
    speaker: str
    text: str
    start: float = Field(description="Seconds on the call clock.")
    end: float
    confidence: float = Field(description="0 to 1.")
    language: str | None
    unsure: bool = Field(False, description="Some of it is less sure than `unsure_below` asks for.")
    heard_again: str = Field(
        "", description="The engine that heard some of it again and was surer; both are kept."
    )
    words: list[WordInfo]


class GapInfo(BaseModel):
    """A stretch of a leg that nobody heard, and that has not been repaired."""

    speaker: str
    start: float = Field(description="Seconds on the call clock.")
    end: float
    reason: str = Field(examples=["network"])


class TranscriptInfo(BaseModel):
    """What has been said so far."""

    session_id: str
    duration: float = Field(description="The end of what was said, or not heard, seconds.")
    speakers: list[str]
    utterances: list[UtteranceInfo]
    gaps: list[GapInfo] = Field([], description="What nobody heard, in order.")


class MatchInfo(BaseModel):
    """An utterance that holds what was searched for."""

    utterance_id: str
    speaker: str
    start: float = Field(description="Seconds on the call clock.")
    text: str


class SessionSummary(BaseModel):
    """A call in the list."""

    session_id: str
    state: CallState = Field(
        description="`interrupted`: its server died, and its legs may come back."
    )
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    duration: float = Field(description="The end of what was said, or not heard, seconds.")
    utterances: int = Field(description="How many there are.")
    coverage_percent: float = Field(100.0, description="How much of its audio was heard.")
    legs: list[LegInfo]
    matches: list[MatchInfo] = Field([], description="Where the words searched for are.")


class SessionInfo(SessionSummary):
    """A call with its transcript."""

    transcript: TranscriptInfo
    gaps: list[GapInfo] = []
    stats: dict[str, Any] = Field(
        {}, description="Talk ratio, talk-over, dead air, coverage: see the reference."
    )


class SessionList(BaseModel):
    """Calls, the latest first."""

    sessions: list[SessionSummary]


class Swap(BaseModel):
    """Two speakers who exchange their names."""

    speakers: tuple[str, str] = Field(examples=[["technician", "agent"]])


class ResultInfo(BaseModel):
    """What an agent found."""

    agent: str
    kind: str = Field(examples=["alert"])
    key: str = Field(description="Unique for the agent within the call.")
    utterance_ids: list[str] = Field(description="The words it came from.")
    body: dict[str, Any]
    at: float = Field(description="UNIX time.")


class ResultList(BaseModel):
    """What the agents found in a call, in order."""

    results: list[ResultInfo]


class EventList(BaseModel):
    """A session's durable events; `docs/reference/sockets.md` describes each type."""

    events: list[dict[str, Any]]


class AgentInfo(BaseModel):
    """An agent at work."""

    name: str
    running: int = Field(description="Calls that it is at.")
    waiting: int = Field(description="Calls that wait for it.")
    handled: int = Field(description="Finals it has handled since the start.")
    told: int = Field(description="Results it has told.")
    retried: int = Field(description="Finals that were tried again.")
    failed: int = Field(description="Finals that became dead letters.")


class AgentList(BaseModel):
    """The agents."""

    agents: list[AgentInfo]


class LetterInfo(BaseModel):
    """What an agent could not handle."""

    letter_id: str
    agent: str
    session_id: str
    seq: int = Field(description="The event.")
    error: str
    attempts: int
    at: float = Field(description="UNIX time.")


class LetterList(BaseModel):
    """Dead letters, the oldest first."""

    letters: list[LetterInfo]


class Replayed(BaseModel):
    """What came of another try."""

    handled: bool = Field(description="False: it failed again, and the letter stays.")
