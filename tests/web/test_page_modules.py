"""The parts of the pages that can be tried alone, in Chromium: arithmetic, memory, the leg."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, Route
from websockets.sync.client import connect

from callscribe.settings import Settings
from tests import killable
from tests.engines_for_tests import EnergyConnection, tones
from tests.serving import Served
from tests.web.browsing import Cable, cable_to

pytestmark = pytest.mark.browser

RESAMPLE = """async ({from, to, frequency, seconds, block}) => {
    const { Resampler } = await import("/static/js/resampler.js");
    const resampler = new Resampler(from, to);
    const count = Math.round(from * seconds);
    const input = Float32Array.from({ length: count },
        (_, i) => Math.sin(2 * Math.PI * frequency * i / from));
    const output = [];
    for (let at = 0, n = 0; at < count; n += 1) {
        const size = block || 1 + (n * 37) % 700;
        output.push(...resampler.push(input.subarray(at, at + size)));
        at += size;
    }
    output.push(...resampler.flush());
    return output;
}"""

LEG = """async ({audio, step, pause, speaker, sessionId}) => {
    const { Leg } = await import("/static/js/leg.js");
    const { KeptAudio } = await import("/static/js/kept-audio.js");
    const bytes = Uint8Array.from(atob(audio), (char) => char.charCodeAt(0));
    const pcm = new Int16Array(bytes.buffer);
    const kept = new KeptAudio(600 * 16000);
    const seen = { states: [], warnings: [], sessions: [] };
    const come = (moment) => {
        const due = (window.acts || []).filter(({ after }) => after === moment);
        window.acts = (window.acts || []).filter(({ after }) => after !== moment);
        for (const { act, wait } of due)
            setTimeout(() => fetch(`/meddle/${act}`).catch(() => {}), wait);
    };
    return await new Promise((resolve) => {
        const leg = new Leg(kept, { sessionId, speaker }, {
            onstate: (state) => {
                seen.states.push(state);
                come(state);
                if (state === "ended") resolve({ ...seen, unsent: kept.end - kept.first });
            },
            onsession: (id) => { if (!seen.sessions.includes(id)) seen.sessions.push(id); },
            onlag: () => {},
            onwarning: ({ code }) => { seen.warnings.push(code); come(code); },
            onfailure: ({ code }) => resolve({ ...seen, failure: code }),
        });
        window.leg = leg;
        leg.open();
        let at = 0;
        const clock = setInterval(() => {
            kept.append(pcm.slice(at, at + step));
            at += step;
            leg.pump();
            if (at >= pcm.length) { clearInterval(clock); leg.stop(); come("stopped"); }
        }, pause);
    });
}"""

STOPPED = """async () => {
    while (!window.leg.stopping) await new Promise((next) => setTimeout(next, 20));
}"""


@pytest.fixture
def grace() -> float:
    """Seconds for which a leg waits for its page; more than a busy machine takes to come back."""
    return 60.0


@pytest.fixture
def settings(settings: Settings, grace: float) -> Settings:
    return settings.model_copy(update={"leg_grace": grace})


@pytest.fixture
def here(page: Page, cable: Cable) -> Page:
    """A page that asks for nothing by itself; the server's modules can be imported there."""
    page.goto(f"{cable.http}/healthz")
    return page


def resampled(page: Page, **how: float) -> np.ndarray:
    asked = {"from": 48_000, "to": 16_000, "seconds": 0.2, "block": 128, **how}
    return np.array(page.evaluate(RESAMPLE, asked))


def decibels(signal: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(2 * np.mean(signal**2)) + 1e-12))


def test_a_tone_comes_through_in_place(here: Page) -> None:
    for rate in (8_000, 22_050, 44_100, 48_000, 96_000):
        heard = resampled(here, **{"from": rate}, frequency=1000)
        assert heard.size == 0.2 * 16_000, rate
        expected = np.sin(2 * np.pi * 1000 * np.arange(heard.size) / 16_000)
        middle = slice(400, -400)  # the beginning and the end of a tone are no tone
        assert decibels((heard - expected)[middle]) < -80, rate


def test_what_16_khz_cannot_hold_does_not_fold_back(here: Page) -> None:
    for rate in (44_100, 48_000):
        for frequency in (8_200, 9_000, 12_000, 15_900, 20_000):
            heard = resampled(here, **{"from": rate}, frequency=frequency)
            assert decibels(heard[400:-400]) < -80, (rate, frequency)


def test_how_the_stream_is_cut_changes_nothing(here: Page) -> None:
    whole = resampled(here, **{"from": 44_100}, frequency=440, block=128)
    pieces = resampled(here, **{"from": 44_100}, frequency=440, block=0)
    assert np.array_equal(whole, pieces)


def test_the_length_is_exact(here: Page) -> None:
    for count in (0, 1, 2, 3, 441, 1000):
        seconds = count / 44_100
        heard = resampled(here, **{"from": 44_100}, frequency=440, seconds=seconds)
        assert heard.size == -(-count * 160 // 441)


def test_kept_audio_is_bounded_and_keeps_its_place(here: Page) -> None:
    kept = here.evaluate("""async () => {
        const { KeptAudio } = await import("/static/js/kept-audio.js");
        const kept = new KeptAudio(10);
        kept.append(Int16Array.of(0, 1, 2, 3));
        kept.append(Int16Array.of(4, 5, 6, 7));
        kept.forget(2);
        const across = [...kept.read(3, 3)];
        kept.append(Int16Array.of(8, 9, 10, 11, 12, 13));
        const { first, end, dropped } = kept;
        const old = [...kept.read(2, 6)], rest = [...kept.read(12, 99)];
        const none = kept.read(14, 5).length;
        kept.deliver(12);
        const { unsent } = kept;
        kept.append(new Int16Array(8));
        const had = kept.dropped;
        kept.append(new Int16Array(4));
        return { across, first, end, dropped, old, rest, none, unsent, had, lacked: kept.dropped };
    }""")
    assert (kept["unsent"], kept["had"], kept["lacked"]) == (12, 2, 6)
    assert kept["across"] == [3, 4, 5]
    assert (kept["first"], kept["end"], kept["dropped"]) == (4, 14, 2)
    assert kept["old"] == [0, 0, 4, 5, 6, 7]  # what had to go is silence
    assert (kept["rest"], kept["none"]) == ([12, 13], 0)


def test_what_had_to_go_unheard_is_not_said_to_be_written_down(here: Page) -> None:
    """Else a server would close the gap that it is."""
    told = here.evaluate("""async () => {
        const { KeptAudio } = await import("/static/js/kept-audio.js");
        const { Leg } = await import("/static/js/leg.js");
        const handlers = { onstate() {}, onsession() {}, onlag() {} };
        const ready = (leg, skip) => {
            leg.base = leg.kept.first;
            leg.resume = "";
            leg.begin({ session_id: "call", resume: "r", received: 0, engine: "e", skip });
        };
        const settled = [];
        for (const skip of [0, 2]) {
            const kept = new KeptAudio(10);
            const leg = new Leg(kept, { sessionId: "call", speaker: "agent" }, handlers);
            kept.append(new Int16Array(20));
            ready(leg, skip);
            settled.push([leg.base, leg.settled]);
            leg.acknowledge({ received: 5, lag_ms: null, settled: 0 });
            settled.push([leg.base, leg.settled]);
            leg.acknowledge({ received: 5, lag_ms: null, settled: 4 });
            settled.push([kept.first, leg.settled]);
        }
        return settled;
    }""")
    assert told == [[10, 0], [10, 0], [14, 14], [12, 12], [12, 12], [16, 16]]


def test_a_wav_file_can_be_read(here: Page) -> None:
    data = here.evaluate("""async () => {
        const { wavFile } = await import("/static/js/wav.js");
        const bytes = await wavFile(Int16Array.of(1, -2, 3), 16000).arrayBuffer();
        return [...new Uint8Array(bytes)];
    }""")
    assert bytes(data[:4]) == b"RIFF"
    assert int.from_bytes(bytes(data[24:28]), "little") == 16_000
    assert list(np.frombuffer(bytes(data[44:]), "<i2")) == [1, -2, 3]


def talk(
    page: Page, audio: bytes, pause: float = 20, speaker: str = "agent", session_id: str = ""
) -> dict[str, Any]:
    """Has a leg of the page send audio in steps of 32 ms; what it told the page."""
    asked = {
        "audio": base64.b64encode(audio).decode(),
        "step": 512,
        "pause": pause,
        "speaker": speaker,
        "sessionId": session_id,
    }
    told: dict[str, Any] = page.evaluate(LEG, asked)
    return told


def heard(served: Served, number: int = 0) -> bytes:
    connection: EnergyConnection = served.engine.connections[number]
    return bytes(connection._audio)


def later(page: Page, milliseconds: int, act: str, after: str = "recording") -> None:
    """Has the page ask for something while a leg of it is talking; see ``meddling``.

    So long after the leg first was in a state, gave a warning, or was ``stopped``: a busy machine
    may take seconds to come that far.
    """
    asked = json.dumps({"act": act, "after": after, "wait": milliseconds})
    page.evaluate(f"(window.acts ??= []).push({asked})")


def test_a_call_that_is_deleted_ends_the_leg(here: Page, served: Served) -> None:
    """In words, and not in a new session."""
    httpx.post(f"{served.http}/api/sessions", json={"session_id": "call"})
    here.route("**/meddle/delete", lambda route: (route.abort(), deleted.append(delete_call())))
    deleted: list[int] = []

    def delete_call() -> int:
        return httpx.delete(f"{served.http}/api/sessions/call", timeout=20).status_code

    later(here, 800, "delete")
    told = talk(here, tones(*range(400, 1200, 80)), session_id="call")
    assert deleted == [204]
    assert told["failure"] == "session_deleted"
    assert told["sessions"] == ["call"]
    assert told["warnings"] == []
    title = here.evaluate("""async () => {
        const { Trouble } = await import("/static/js/trouble.js");
        return new Trouble("session_deleted", "").title;
    }""")
    assert title == "The call was deleted"


@pytest.fixture
def meddling(here: Page, cable: Cable) -> Page:
    return able_to_meddle(here, cable)


def able_to_meddle(here: Page, cable: Cable) -> Page:
    """The page can pull its own cable: requests to ``/meddle/…`` are acted on and go nowhere."""
    acts = {
        "cut": cable.cut,
        "pull": cable.pull,
        "plug": lambda: setattr(cable, "plugged", True),
        "deaden": cable.deaden,
    }

    def meddle(route: Any) -> None:
        acts[route.request.url.rsplit("/", 1)[1]]()
        route.abort()

    here.route("**/meddle/*", meddle)
    # Loaded before the cable is pulled: a page in use has its scripts.
    here.evaluate("import('/static/js/leg.js').then(() => true)")
    return here


def test_every_sample_arrives_once(here: Page, served: Served) -> None:
    audio = tones(400, 600)
    told = talk(here, audio)
    assert told["states"] == ["connecting", "recording", "ended"]
    assert told["unsent"] == 0
    assert heard(served) == audio


def test_cut_again_and_again_every_sample_arrives_once(meddling: Page, served: Served) -> None:
    audio = tones(*range(400, 1200, 80))
    for moment in (500, 1500, 1700, 3000):
        later(meddling, moment, "cut")
    told = talk(meddling, audio)
    assert told["states"].count("reconnecting") >= 3
    assert told["states"][-1] == "ended"
    assert told["warnings"] == []
    assert len(served.engine.connections) == 1
    assert heard(served) == audio


def test_away_for_a_while_every_sample_arrives_once(meddling: Page, served: Served) -> None:
    audio = tones(*range(400, 1200, 80))
    later(meddling, 800, "pull")
    later(meddling, 1000, "plug", after="server_gone")
    told = talk(meddling, audio)
    assert told["states"][:3] == ["connecting", "recording", "reconnecting"]
    assert told["states"][-2:] == ["recording", "ended"]
    assert "server_gone" in told["warnings"]
    assert heard(served) == audio


def test_a_network_that_comes_and_goes_opens_one_socket_at_a_time(
    meddling: Page, served: Served
) -> None:
    """The browser says "online" while the leg still asks whether the server is there."""
    audio = tones(*range(400, 1200, 80))
    meddling.evaluate("setInterval(() => window.dispatchEvent(new Event('online')), 15)")
    for moment in (600, 1400, 2200):
        later(meddling, moment, "pull")
        later(meddling, moment + 400, "plug")
    told = talk(meddling, audio)
    assert told["states"][-1] == "ended"
    assert told["unsent"] == 0
    assert len(served.engine.connections) == 1
    assert heard(served) == audio


def test_cut_while_it_ends_every_sample_arrives_once(meddling: Page, served: Served) -> None:
    served.engine.close_delay = 1.5
    audio = tones(400, 600)
    later(meddling, 700, "cut", after="stopped")
    told = talk(meddling, audio)
    assert told["states"][-2:] == ["reconnecting", "ended"]
    assert len(served.engine.connections) == 1
    assert heard(served) == audio


@pytest.mark.parametrize("grace", [5.0])
def test_a_server_that_gave_up_gets_the_rest(meddling: Page, served: Served) -> None:
    """The leg's grace is over: what has not arrived goes to a new leg of the same session."""
    audio = tones(*range(400, 2000, 80))
    later(meddling, 800, "pull")
    later(meddling, 7500, "plug")
    told = talk(meddling, audio)
    assert told["states"][-1] == "ended"
    assert len(told["sessions"]) == 1
    assert heard(served, 0) + heard(served, 1) == audio


def test_a_server_that_dies_gets_what_it_had_not_written_down(page: Page, tmp_path: Path) -> None:
    """Killed without a warning, twice, under two speakers: each tone is there once, and no gap."""
    frequencies = [*range(400, 2000, 80)]
    servers = [killable.start(tmp_path, tones=True)]
    httpx.post(f"{servers[0].http}/api/sessions", json={"session_id": "call"})
    audio = base64.b64encode(tones(*frequencies)).decode()
    asked = [
        {"audio": audio, "step": 512, "pause": 32, "speaker": speaker, "sessionId": "call"}
        for speaker in ("agent", "technician")
    ]
    with cable_to(servers[0].port) as cable:

        def die() -> None:
            cable.plugged = False
            servers[-1].kill()
            servers.append(killable.start(tmp_path, tones=True))
            cable.serve(servers[-1].port)
            cable.plugged = True

        deaths = [Timer(seconds, die) for seconds in (3.0, 10.0)]
        try:
            page.goto(f"{cable.http}/healthz")
            for death in deaths:
                death.start()
            told = page.evaluate(f"(asked) => Promise.all(asked.map({LEG}))", asked)
            call = httpx.get(f"{servers[-1].http}/api/sessions/call").json()
        finally:
            for death in deaths:
                death.cancel()
                death.join()
            servers[-1].kill()
    assert len(servers) == 3
    for leg in told:
        assert leg["states"][-1] == "ended"
        assert leg["sessions"] == ["call"]
    for speaker in ("agent", "technician"):
        utterances = [u for u in call["transcript"]["utterances"] if u["speaker"] == speaker]
        assert [u["text"] for u in utterances] == [f"f{frequency}" for frequency in frequencies]
    assert call["gaps"] == []
    assert call["coverage_percent"] == 100.0


def hold(page: Page, address: str, act: Callable[[], object]) -> None:
    """Has something happen while a request of the page is on its way, and a second pass."""

    def slowly(route: Route) -> None:
        act()
        page.wait_for_timeout(1000)
        route.continue_()

    page.route(address, slowly, times=1)


def online(page: Page) -> None:
    page.evaluate("window.dispatchEvent(new Event('online'))")


def test_back_while_the_page_asks_what_is_wrong_it_connects_once(
    meddling: Page, cable: Cable, served: Served
) -> None:
    audio = tones(*range(400, 1200, 80))

    def back() -> None:
        cable.plugged = True
        online(meddling)

    hold(meddling, "**/api/sessions", back)
    later(meddling, 800, "pull")
    told = talk(meddling, audio)
    assert "failure" not in told
    assert told["states"].count("recording") == 2
    assert told["states"][-1] == "ended"
    assert told["warnings"] == []
    assert heard(served) == audio


def test_stopped_while_the_page_asks_what_is_wrong_it_connects_once(
    meddling: Page, cable: Cable, served: Served
) -> None:
    served.engine.close_delay = 3.0
    audio = tones(*range(400, 1200, 80))

    def back() -> None:
        cable.plugged = True
        meddling.evaluate(STOPPED)

    hold(meddling, "**/api/sessions", back)
    later(meddling, 800, "pull")
    told = talk(meddling, audio)
    assert told["states"].count("recording") == 2
    assert told["states"][-1] == "ended"
    assert len(served.engine.connections) == 1
    assert heard(served) == audio


def test_a_leg_is_not_begun_afresh_before_it_is_known_where(
    meddling: Page, cable: Cable, served: Served
) -> None:
    """The server has ended the leg: the rest goes to a new one, which begins where that ended."""
    audio = tones(*range(400, 880, 80))
    service = served.context.service

    def end() -> None:
        (session,) = service.sessions()
        loop = served.server.servers[0].get_loop()
        asyncio.run_coroutine_threadsafe(session.end_leg("agent"), loop).result(10)
        cable.plugged = True

    hold(meddling, "**/api/sessions", end)
    hold(meddling, "**/api/sessions/*", lambda: online(meddling))
    later(meddling, 800, "pull")
    told = talk(meddling, audio, 32)
    assert "failure" not in told
    assert len(told["sessions"]) == 1
    assert len(served.engine.connections) == 2
    assert heard(served, 0) + heard(served, 1) == audio
    (session,) = service.sessions()
    first, second = session.legs.all
    assert second.offset == pytest.approx(first.seconds, abs=1.2)  # not when it came


def test_what_was_kept_while_the_server_was_away_has_its_place(
    meddling: Page, cable: Cable, served: Served
) -> None:
    """The page's speaker begins soon after the agent, and is heard seconds later."""
    with connect(f"{served.ws}/ws/audio") as agent:
        agent.send(json.dumps({"type": "start", "speaker": "agent"}))
        session_id = json.loads(agent.recv())["session_id"]
        began = time.monotonic()
        agent.send(bytes(640))  # has just been spoken
        meddling.evaluate("import('/static/js/leg.js')")
        meddling.evaluate("import('/static/js/kept-audio.js')")
        cable.pull()
        later(meddling, 3500, "plug", after="connecting")
        late = time.monotonic() - began
        told = talk(meddling, tones(*[400] * 6), 32, "technician", session_id)
        assert told["states"][-1] == "ended"
    (session,) = served.context.service.sessions()
    offset = session.legs.of("technician").offset
    assert offset == pytest.approx(late, abs=1.5)


def impatient(page: Page) -> None:
    """Silence of two seconds, not of eight, is that of a dead connection."""

    def serve(route: Route) -> None:
        answer = route.fetch()
        assert answer.text().count("SILENCE = 8_000;") == 1
        route.fulfill(
            response=answer, body=answer.text().replace("SILENCE = 8_000;", "SILENCE = 2_000;")
        )

    page.route("**/static/js/leg.js", serve)


@pytest.mark.slow
def test_a_dead_connection_is_noticed(here: Page, cable: Cable, served: Served) -> None:
    impatient(here)
    meddling = able_to_meddle(here, cable)
    audio = tones(*range(400, 2400, 60))
    later(meddling, 800, "deaden")
    began = time.monotonic()
    told = talk(meddling, audio)
    assert "reconnecting" in told["states"]
    assert time.monotonic() - began < 40
    assert heard(served) == audio


def test_events_become_rows(here: Page) -> None:
    """The fold: an utterance grows by finals, interims restate it, empty ones take it back."""
    rows = here.evaluate("""async () => {
        const { TranscriptModel, rowPieces } = await import("/static/js/transcript.js");
        const model = new TranscriptModel();
        const word = (text, start) => ({ text, start, end: start + 0.4, confidence: 0.8 });
        const say = (type, id, text, words, more = {}) => model.apply({ type, speaker: "agent",
            utterance_id: id, text, words, start: words[0]?.start ?? 0,
            end: words.at(-1)?.end ?? 0, speech_final: true, ...more });
        model.apply({ type: "leg_started", speaker: "agent", engine: "whisper", language: "fr" });
        say("interim", "agent-1", "Bon", [word("Bon", 0)]);
        say("final", "agent-1", "Bonjour,", [word("Bonjour,", 0)], { speech_final: false });
        say("interim", "agent-1", "Bonjour, je vous", [word("Bonjour,", 0), word("je", 1),
            word("vous", 2)]);
        const open = rowPieces(model.rows[0]).map(({ text, interim }) => [text, interim]);
        say("interim", "agent-2", "euh", [word("euh", 5)]);
        const two = model.rows.length;
        say("final", "agent-2", "", []);
        model.apply({ type: "final", speaker: "technician", utterance_id: "technician-1",
            text: "Avant", words: [], start: -1, end: 0, speech_final: true });
        model.nextSession();
        say("final", "agent-1", "Encore", [word("Encore", 0)]);
        return { open, two, order: model.rows.map(({ final }) => final.text) };
    }""")
    assert rows["open"] == [
        ["Bonjour,", False],
        [" ", False],
        ["je", True],
        [" ", False],
        ["vous", True],
    ]
    assert rows["two"] == 2
    assert rows["order"] == ["Avant", "Bonjour,", "Encore"]


MODEL = """
    const { TranscriptModel, rowPieces } = await import("/static/js/transcript.js");
    const model = new TranscriptModel();
    let seq = 0;
    const word = (text, start) => ({ text, start, end: start + 0.4, confidence: 0.8 });
    const tell = (type, event) => model.apply({ type, seq: (seq += 1), ...event });
    const say = (id, text, start, more = {}) => tell("final", { speaker: id.split("-")[0],
        utterance_id: id, text, words: text.split(" ").map((part, n) => word(part, start + n)),
        start, end: start + 1, speech_final: true, ...more });
    const found = (kind, id, key, body) => tell("agent_result", { agent: kind, kind, key,
        utterance_ids: id ? [id] : [], body });
    const shown = () => model.rows.map(({ speaker, final }) => [speaker, final.text]);
"""


def folded(page: Page, script: str) -> Any:
    return page.evaluate(f"async () => {{ {MODEL} {script} }}")


def test_a_revision_replaces_its_utterance(here: Page) -> None:
    rows = folded(
        here,
        """
        say("agent-1", "un deux", 1);
        say("agent-2", "trois", 5);
        tell("speech_started", { speaker: "agent", utterance_id: "agent-3", start: 8 });
        say("agent-1", "deux", 6, { revision: 1 });
        return { shown: shown(), speaking: model.legs.get("agent").speaking };
        """,
    )
    assert rows["shown"] == [["agent", "trois"], ["agent", "deux"]]
    assert rows["speaking"] is True  # what is corrected does not end what is being said


def test_a_leak_goes_and_comes_back(here: Page) -> None:
    seen = folded(
        here,
        """
        say("agent-1", "bonjour", 1);
        say("technician-1", "bonjour", 1);
        const both = shown().length;
        say("agent-1", "bonjour", 1, { revision: 1, leak_of: "technician-1" });
        tell("interim", { speaker: "agent", utterance_id: "agent-1", text: "bon", words: [],
            start: 1, end: 2 });
        const one = shown();
        const source = model.rowOf("agent-1").utteranceId;
        say("agent-1", "bonsoir", 1, { revision: 2 });
        return { both, one, source, then: shown().length, own: model.rowOf("agent-1").utteranceId };
        """,
    )
    assert seen["both"] == seen["then"] == 2
    assert seen["one"] == [["technician", "bonjour"]]
    assert (seen["source"], seen["own"]) == ("technician-1", "agent-1")


def test_swapped_names_and_what_comes_afterwards(here: Page) -> None:
    seen = folded(
        here,
        """
        tell("leg_started", { speaker: "agent", engine: "whisper", language: "fr" });
        tell("leg_started", { speaker: "technician", engine: "whisper", language: "fr" });
        say("agent-1", "un", 1);
        tell("gap", { speaker: "technician", start: 2, end: 3.5, reason: "server_died" });
        tell("call_stats", { stats: { speakers: { agent: { words: 1 }, technician: {} } } });
        tell("roles_swapped", { speakers: ["agent", "technician"] });
        say("agent-2", "deux", 4, { speaker: "technician" });
        return { shown: shown(), legs: [...model.legs.keys()], stats: model.stats.speakers };
        """,
    )
    assert seen["shown"] == [
        ["technician", "un"],
        ["agent", "Not heard 2.0–3.5 s: the server died"],
        ["technician", "deux"],
    ]
    assert seen["legs"] == ["technician", "agent"]
    assert seen["stats"] == {"technician": {"words": 1}, "agent": {}}


def test_who_listens_is_who_was_told_last(here: Page) -> None:
    seen = folded(
        here,
        """
        const { LegsView } = await import("/static/js/legs-view.js");
        const { notHeard } = await import("/static/js/format.js");
        const list = document.createElement("ul");
        const view = new LegsView(list, model);
        const said = [];
        const hear = (type, event) => {
            tell(type, { speaker: "agent", ...event });
            view.update();
            said.push(list.querySelector(".detail").textContent);
        };
        hear("leg_started", { engine: "deepgram", language: "fr" });
        hear("notice", { code: "engine_taken_over", engine: "whisper", message: "a" });
        hear("notice", { code: "words_lost", engine: "", message: "b" });
        hear("notice", { code: "engine_away", engine: "", message: "c" });
        hear("notice", { code: "engine_back", engine: "deepgram_rest", message: "d" });
        hear("notice", { code: "engine_lost", engine: "", message: "e" });
        hear("notice", { code: "engine_late", engine: "deepgram", message: "f" });
        hear("leg_ended", {});
        return { said, reason: notHeard(1, 2, "DEEPGRAM_API_KEY is not set") };
        """,
    )
    assert seen["said"] == [
        "On the line · Deepgram",
        "On the line · Whisper",
        "On the line · Whisper",
        "On the line · nobody listens",
        "On the line · Deepgram, by requests",
        "On the line · nobody listens",
        "On the line · Deepgram",
        "Has left · Deepgram",
    ]
    assert seen["reason"] == "Not heard 1.0–2.0 s: DEEPGRAM_API_KEY is not set"


def test_a_gap_that_is_repaired(here: Page) -> None:
    seen = folded(
        here,
        """
        tell("leg_started", { speaker: "agent", engine: "whisper", language: "fr" });
        say("agent-1", "un", 1);
        const gap = { speaker: "agent", start: 2, end: 3.5, reason: "network" };
        const row = tell("gap", gap)[0];
        const gapSeq = Number(row.id.split("-").pop());
        say("agent-2", "trois", 4, { speech_final: false });
        const speaking = model.legs.get("agent").speaking;
        say("agent-3", "deux", 2.5, { repairs: gapSeq });
        const both = shown().length;
        const gone = tell("gap_repaired", { ...gap, of_seq: gapSeq, utterance_ids: ["agent-3"] });
        return { both, gone: gone[0] === row, shown: shown(),
            later: model.rows.map((each) => each.later),
            speaking: [speaking, model.legs.get("agent").speaking],
            unknown: tell("gap_repaired", { ...gap, of_seq: 999 }).length };
        """,
    )
    assert seen == {
        "both": 4,
        "gone": True,
        "shown": [["agent", "un"], ["agent", "deux"], ["agent", "trois"]],
        "later": [False, True, False],
        "speaking": [True, True],
        "unknown": 0,
    }


def test_what_is_unsure_and_what_was_heard_again(here: Page) -> None:
    seen = folded(
        here,
        """
        tell("leg_started", { speaker: "agent", engine: "whisper", language: "fr" });
        say("agent-1", "bonjour Adam", 1, { unsure: true });
        const [before] = model.rows.map(({ unsure, again, former }) => [unsure, again, former]);
        say("agent-2", "un moment", 4, { speech_final: false });
        const speaking = model.legs.get("agent").speaking;
        say("agent-1", "bonjour madame", 1, { revision: 1, heard_again: "whisper" });
        const [after] = model.rows.map(({ unsure, again, former }) => [unsure, again, former]);
        return { before, after, shown: shown(),
            speaking: [speaking, model.legs.get("agent").speaking] };
        """,
    )
    assert seen == {
        "before": [True, "", ""],
        "after": [False, "whisper", "bonjour Adam"],
        "shown": [["agent", "bonjour madame"], ["agent", "un moment"]],
        "speaking": [True, True],
    }


def test_a_server_that_died_leaves_nothing_open(here: Page) -> None:
    seen = folded(
        here,
        """
        tell("leg_started", { speaker: "agent", engine: "whisper", language: "fr" });
        say("agent-1", "un", 1, { speech_final: false });
        for (const id of ["agent-1", "agent-2"]) tell("interim", { speaker: "agent",
            utterance_id: id, text: "un peut-être", words: [], start: 1, end: 2 });
        const gone = tell("session_interrupted", {}).length;
        const left = [shown().slice(0, 1), model.interrupted, model.legs.get("agent").state];
        say("agent-2", "autre", 9);
        tell("leg_started", { speaker: "agent", engine: "whisper", language: "fr" });
        return { gone, left, then: shown().length, interrupted: model.interrupted,
            open: rowPieces(model.rows[0]).map(({ text }) => text).join("") };
        """,
    )
    assert seen["gone"] == 3  # two that were open, and the line that says so
    assert seen["left"] == [[["agent", "un"]], True, "detached"]
    assert (seen["then"], seen["interrupted"], seen["open"]) == (3, False, "un")


def test_what_agents_find_belongs_to_its_words(here: Page) -> None:
    seen = folded(
        here,
        """
        const early = found("alert", "agent-1", "a", { phrase: "gaz" }).length;
        say("agent-1", "du gaz", 1);
        const told = found("entity", "agent-1", "b", { value: "1" }).length;
        found("entity", "agent-1", "b", { value: "1" });
        found("summary", "agent-1", "final", { final: true, sentences: [{ text: "all" }] });
        found("summary", "agent-1", "rolling:9", { final: false, sentences: [{ text: "late" }] });
        found("delivery", "", "c", { status: 200 });
        found("mood", "", "d", { text: "good" });
        const { findings } = model;
        return { early, told, beside: findings.of(model.rows[0].id).map(({ kind }) => kind),
            summary: findings.summary.body.sentences[0].text, delivered: findings.delivered,
            loose: findings.loose.length };
        """,
    )
    assert (seen["early"], seen["told"]) == (0, 1)
    assert seen["beside"] == ["alert", "entity"]
    assert (seen["summary"], seen["delivered"], seen["loose"]) == ("all", 1, 1)


def test_the_words_searched_for_are_marked(here: Page) -> None:
    seen = here.evaluate("""async () => {
        const { marks, excerpt } = await import("/static/js/marking.js");
        const marked = (text, search) => marks(text, search).filter((piece) => piece.marked)
            .map((piece) => piece.text);
        const long = `${"avant ".repeat(80)}la chaudière ${"après ".repeat(80)}`;
        const cut = excerpt(long, "chaud");
        return {
            plain: marked("Cœur, L'ÉCRAN de cœurs", "coeur ecran"),
            begins: marked("série sérieux asérie", "seri"),
            signs: marked("今日は天気がいい", "天"),
            whole: marks("a.b", "b").map(({ text }) => text).join(""),
            nothing: marked("a b", "?!"),
            cut: cut.map(({ text }) => text).join(""),
            found: cut.filter((piece) => piece.marked).map(({ text }) => text),
            endless: excerpt("x".repeat(1000), "x").map(({ text }) => text).join("").length,
        };
    }""")
    assert seen["plain"] == ["Cœur", "ÉCRAN", "cœurs"]
    assert seen["begins"] == ["série", "sérieux"]
    assert seen["signs"] == ["天"]
    assert (seen["whole"], seen["nothing"]) == ("a.b", [])
    assert seen["cut"].startswith("… ")
    assert seen["cut"].endswith(" …")
    assert len(seen["cut"]) < 260
    assert (seen["found"], seen["endless"] < 260) == (["chaudière"], True)


def test_voices_on_one_line_are_shown_where_they_change(here: Page) -> None:
    shown = folded(
        here,
        """
        const voiced = (id, text, start, labels) => say(id, text, start, {
            words: text.split(" ").map((part, n) =>
                ({ ...word(part, start + n), speaker_label: labels[n] })) });
        const { TranscriptView } = await import("/static/js/transcript-view.js");
        const list = document.createElement("ol");
        const view = new TranscriptView(list, model);
        const tellAll = (rows) => { for (const row of rows) view.update(row); };
        const texts = () => [...list.querySelectorAll(".said")].map((said) => said.textContent);
        tellAll(say("agent-1", "Bonjour", 0));
        tellAll(voiced("technician-1", "Oui allô", 2, "00"));
        const alone = texts();
        tellAll(voiced("technician-2", "Je passe Paul ici Paul", 5, "00011"));
        const several = texts();
        const marks = list.querySelectorAll(".said .voice").length;
        return { alone, several, marks };
        """,
    )
    assert shown["alone"] == ["Bonjour", "Oui allô"]
    assert shown["several"] == [
        "Bonjour",
        "Voice 0 Oui allô",
        "Voice 0 Je passe Paul Voice 1 ici Paul",
    ]
    assert shown["marks"] == 3
