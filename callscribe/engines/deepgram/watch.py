"""What one connection to Deepgram owes us, and when that is too much: it is dead then.

The socket may say otherwise: a server that is gone without a word leaves it open.

Counts samples and looks at a clock that is handed in. Imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

STALL: Final = 20.0
"""Seconds of audio that may go unanswered, for as many seconds; Deepgram answers to silence too,
every few seconds."""

FINALIZE_PATIENCE: Final = 2.0
"""Seconds that a Finalize may go without an answer; where nothing was open, none comes."""

DEAF: Final = 2.5
"""Seconds that speech may be heard here while Results do not advance; with interims Deepgram sends
one a second, words or none."""

QUICK: Final = 1.5
"""The same for a server that has always answered quickly, at least ``OFTEN`` times. Of 606 answers
on eight legs, by Whisper on two cores that others did not use, the slowest took 1.2 s."""

DOUBT: Final = 2 / 3
"""The part of its patience from which on another connection is worth having ready, at the latest.
"""

SLOWER: Final = 1.3
"""Times that it may wait as long as it lately had to before that is so; what is usual is no doubt.
"""

OFTEN: Final = 10
UNUSUAL: Final = 2.5
"""Times that it may wait as long as it lately had to: more is no habit of the server's."""
FORGETTING: Final = 0.95
"""What is left of how long it had to wait with each answer that comes."""

PATIENCES: Final = 10.0
"""What ``DEAF`` grows to at most for a leg whose speech no connection has heard."""

DEAF_AUDIO: Final = 2.0
"""Seconds of audio that must have come behind the Results by then, if it is not sooner: who gets
none owes none."""

UNANSWERED: Final = 0.75
"""Seconds without Results from which on it is worth to listen for speech here."""

LATE: Final = 2.0
"""Seconds by which it may be told late that somebody spoke; audio may also come in a burst."""

LAG: Final = 0.2
"""Seconds by which speech may reach beyond the Results that cover it."""

MUTE: Final = 5.0
"""Seconds without any message behind which speech of a stream that was ended is not waited for."""

QUIET: Final = 3.0
"""Seconds without audio behind which it may be dead, but nobody is kept waiting."""

BLOCKED: Final = 10.0
"""Seconds that sending may take while nobody speaks; else as long as speech may go unanswered."""


class Watch:
    """Sees whether anything comes back for the audio, and for a Finalize."""

    def __init__(
        self,
        rate: int,
        monotonic: Callable[[], float],
        patience: Callable[[], float] = lambda: DEAF,
    ) -> None:
        """``patience`` is asked for how long speech may go unanswered, until the server answers.

        Until then another connection of the leg may learn more about that.
        """
        self._ask_patience = patience
        self._patience = DEAF
        self.advanced = False
        """Results have come."""
        self.received = 0
        """Samples."""
        self.finalize_due: float | None = None
        """When the answer to a Finalize is given up, on the monotonic clock."""
        self._finalized_at = 0.0
        self._rate = rate
        self._monotonic = monotonic
        self._answered = 0
        """Samples that had been received when the last message came."""
        self._audio_at = monotonic()
        """When audio came last."""
        self._asked_at = monotonic()
        """Since when an answer is waited for."""
        self._heard_at = monotonic()
        """When the last message came."""
        self._advanced_at = monotonic()
        self._covered = 0.0
        """Leg seconds up to which Results reach."""
        self._spoken = 0.0
        """Leg seconds up to which speech was heard here."""
        self._spoken_at = float("-inf")
        self._deaf_since: float | None = None
        """Since when speech is waiting for Results; a Result that advances begins it anew."""
        self._answers = 0
        """Results that advanced."""
        self._waited = 0.0
        """How long speech has lately had to wait for them."""
        self._sending_since: float | None = None
        self._ended_at: float | None = None
        """When the stream was ended."""

    @property
    def patience(self) -> float:
        """Seconds that speech may go unanswered."""
        if not self.advanced:
            self._patience = self._ask_patience()
        return self._patience

    @property
    def seconds(self) -> float:
        """How much audio has been received."""
        return self.received / self._rate

    def audio(self, samples: int, now: float) -> float:
        """Notes audio that came in ``now`` (monotonic s); how many seconds that makes."""
        if self._answered == self.received:
            self._asked_at = now
        self.received += samples
        self._audio_at = now
        return self.received / self._rate

    def answer(self) -> None:
        """Notes a message of the server."""
        self._answered = self.received
        self._asked_at = self._heard_at = self._monotonic()

    def results(self, until: float) -> None:
        """Notes Results that reach to ``until`` (leg seconds), words or none."""
        if not self.advanced:
            self._patience, self.advanced = self._ask_patience(), True
        if until > self._covered:
            self._answers += 1
            self._waited *= FORGETTING
            self._advanced_at = now = self._monotonic()
            if self._deaf_since is not None:
                self._waited = max(now - self._deaf_since, self._waited)
            self._covered = until
            self._deaf_since = self._advanced_at if self._spoken > until + LAG else None

    def speech(self, until: float) -> None:
        """Notes that speech was heard here, up to ``until`` (leg seconds)."""
        self._spoken = max(self._spoken, until)
        # It may be told late: what was said then was said as long ago as audio has come since.
        late = min(max(self.seconds - until, 0.0), LATE)
        self._spoken_at = self._monotonic() - late
        if self._deaf_since is None and self._spoken > self._covered + LAG:
            self._deaf_since = max(self._advanced_at, self._spoken_at - LAG)

    @property
    def is_waiting(self) -> bool:
        """Whether audio has come, and Results have not, for long enough to wonder."""
        behind = self.seconds - self._covered > UNANSWERED
        return behind and self._monotonic() - self._advanced_at > UNANSWERED

    def sending(self) -> None:
        """Notes that something is given to the socket."""
        self._sending_since = self._monotonic()

    def sent(self) -> None:
        """Notes that the socket has taken it."""
        self._sending_since = None

    def ended(self) -> None:
        """Notes that the stream was ended: what is still open is answered now, or never."""
        self._ended_at = self._monotonic()

    def finalize(self) -> None:
        """Notes that a final was asked for; where one is waited for already, it is that one."""
        if self.finalize_due is None:
            self._finalized_at = self._monotonic()
            self.finalize_due = self._finalized_at + FINALIZE_PATIENCE

    @property
    def finalize_is_overdue(self) -> bool:
        """Whether the answer to a Finalize is to be given up."""
        return self.finalize_due is not None and self._monotonic() >= self.finalize_due

    @property
    def is_silent_since_finalize(self) -> bool:
        """Whether no message has come since a final was asked for, and one is waited for."""
        return self.finalize_due is not None and self._heard_at < self._finalized_at

    def wait_as_for_speech(self) -> bool:
        """Waits for the answer to a Finalize as long as speech may wait, if that is not over."""
        due = self._finalized_at + min(self._due, DEAF)
        if self._monotonic() >= due:
            return False
        self.finalize_due = due
        return True

    @property
    def unanswered(self) -> float:
        """Seconds of audio since the last message."""
        return (self.received - self._answered) / self._rate

    @property
    def is_stalled(self) -> bool:
        """Whether the server takes audio and gives nothing back."""
        # Both, for a minute that was kept elsewhere may come in one burst.
        return self.unanswered > STALL and self._monotonic() - self._asked_at > STALL

    @property
    def deaf_for(self) -> float:
        """Seconds that speech has waited for Results."""
        return 0.0 if self._deaf_since is None else self._monotonic() - self._deaf_since

    @property
    def is_deaf(self) -> bool:
        """Whether somebody spoke, and the server makes nothing of the audio it gets."""
        return self._deaf_since is not None and self._is_deaf_for(self._due)

    @property
    def is_doubtful(self) -> bool:
        """Whether speech has waited for longer than it usually does, and more audio comes."""
        if self._deaf_since is None or self._monotonic() - self._audio_at >= QUIET:
            return False
        return self._is_deaf_for(self._doubtful_from)

    @property
    def next_look(self) -> float:
        """Seconds until it may become doubtful, or deaf; infinite where no speech waits."""
        if self._deaf_since is None:
            return inf
        waits = [due - self.deaf_for for due in (self._doubtful_from, self._due)]
        return min((w for w in waits if w > 0), default=inf)

    @property
    def _due(self) -> float:
        """Seconds that speech may wait now."""
        if self._is_known:
            return min(self.patience, max(QUICK, self._waited * UNUSUAL))
        return self.patience

    @property
    def _is_known(self) -> bool:
        """Whether the server has answered often enough to know how long it takes."""
        return self._answers >= OFTEN and self.patience <= DEAF

    @property
    def _doubtful_from(self) -> float:
        """Seconds that speech has waited when another connection is worth having ready."""
        latest = self._due * DOUBT
        if self._is_known:
            return min(latest, max(QUICK * DOUBT, self._waited * SLOWER))
        return latest

    def _is_deaf_for(self, seconds: float) -> bool:
        # As much audio has come behind the Results, but for what a patient watch need not see.
        audio = seconds * min(1.0, DEAF_AUDIO / self._due)
        return self.deaf_for >= seconds and self.seconds - self._covered >= audio

    @property
    def is_mute(self) -> bool:
        """Whether speech has waited at the end of the stream, and not a word comes any more."""
        since, ended = self._deaf_since, self._ended_at
        if since is None or ended is None or self.patience > DEAF:
            return False
        return self._monotonic() - max(since, ended, self._heard_at) >= MUTE

    @property
    def blocked_for(self) -> float:
        """Seconds that the socket has not taken what it was given."""
        return 0.0 if self._sending_since is None else self._monotonic() - self._sending_since

    @property
    def is_blocked(self) -> bool:
        """Whether the socket takes nothing any more."""
        since = self._sending_since
        spoken = since is not None and self._spoken_at >= since
        return self.blocked_for >= (min(self.patience, BLOCKED) if spoken else BLOCKED)

    @property
    def next_patience(self) -> float | None:
        """The patience for the leg's next connection; None where this one says nothing about it."""
        if self.advanced:
            return DEAF
        return min(self.patience * 2, PATIENCES) if self.is_deaf else None
