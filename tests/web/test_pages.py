"""The pages as people use them: real Chromium, a microphone that speaks French, real sockets.

The local engine writes down what is said where the words matter; elsewhere the server hears tones,
which is quicker.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import (
    Browser,
    Locator,
    Page,
    Playwright,
    Request,
    Route,
    WebSocket,
    expect,
)

from callscribe.engines import create_engine
from callscribe.engines.base import TranscriptionEngine
from callscribe.settings import Settings
from tests.engines_for_tests import energy_factory
from tests.serving import Served, serving
from tests.speech import MODELS, recall, script
from tests.web.browsing import Cable, cable_to, launch, picture, state, trouble
from tests.web.conftest import SPOKEN
from tests.web.speaking import Join, ask

pytestmark = pytest.mark.browser

EXPECTED = " ".join(
    spoken.text for spoken in script("fr") if spoken.speaker == "agent" and spoken.end < SPOKEN
)
"""What the microphone says."""


def said(page: Page) -> str:
    """The words on the page, without those of notices."""
    return " ".join(page.locator(".row.utterance .said").all_inner_texts())


def only_session(served: Served) -> dict[str, Any]:
    (session,) = ask(f"{served.http}/api/sessions")["sessions"]
    found: dict[str, Any] = ask(f"{served.http}/api/sessions/{session['session_id']}")
    return found


# French, from the microphone to the page.


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the real local engine."""
    data = tmp_path_factory.mktemp("data")
    (data / "models").symlink_to(MODELS)
    settings = Settings.model_validate({"data_dir": data, "port": 0})
    with serving(settings, create_engine) as served:
        yield served


def tab_to(page: Page, target: Locator) -> None:
    """Moves the focus with the keyboard alone."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if target.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError("the keyboard does not get there")


@pytest.mark.slow
def test_french_is_written_down_while_it_is_spoken(page: Page, listener: Served) -> None:
    page.goto(f"http://localhost:{listener.port}/config")
    tab_to(page, page.locator("#record"))
    page.keyboard.press("Space")
    state(page, "recording", 60)
    expect(page.locator(".row[data-state=interim] .w.interim").first).to_be_visible(timeout=30_000)
    picture(page, "config")
    expect(page.locator("#lag")).to_have_text(re.compile(r"\d+ ms|\d\.\d s"), timeout=30_000)
    expect(page.locator("#transcript")).to_contain_text("écran", timeout=40_000)
    page.keyboard.press("r")
    state(page, "idle", 30)

    written = said(page)
    assert recall(EXPECTED, written) >= 0.8, written
    expect(page.locator(".w.interim")).to_have_count(0)
    expect(page.locator(".row.utterance .said").first).to_have_attribute("lang", "fr")
    session_id = str(page.locator("#call-link").get_attribute("href")).rsplit("/", 1)[1]
    session = ask(f"{listener.http}/api/sessions/{session_id}")
    assert written == " ".join(u["text"] for u in session["transcript"]["utterances"])

    page.keyboard.press("c")
    expect(page.locator(".w[title^='Confidence ']").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as SRT").click()
    assert "-->" in download.value.path().read_text(encoding="utf-8")
    page.get_by_role("link", name="Open the call’s own page").click()
    state(page, "ended")  # it is told before the words come
    count = len(session["transcript"]["utterances"])
    expect(page.locator(".row.utterance .said")).to_have_count(count)
    assert said(page) == written


@pytest.mark.slow
def test_a_cut_in_the_middle_of_a_word_loses_no_word(page: Page, listener: Served) -> None:
    with cable_to(listener.port) as cable:
        page.goto(f"{cable.http}/config")
        page.keyboard.press("r")
        state(page, "recording", 60)
        page.wait_for_timeout(1000)  # the agent is saying "Service technique"
        cable.pull()
        state(page, "reconnecting")
        expect(trouble(page)).to_contain_text("The server does not answer", timeout=10_000)
        page.wait_for_timeout(1500)
        cable.plugged = True
        state(page, "recording")
        expect(trouble(page)).to_have_count(0)
        expect(page.locator("#transcript")).to_contain_text("écran", timeout=40_000)
        page.keyboard.press("r")
        state(page, "idle", 30)
        assert recall(EXPECTED, said(page)) >= 0.8, said(page)


# What can go wrong is said in words.


def test_a_microphone_that_is_refused(playwright: Playwright, served: Served) -> None:
    browser = launch(playwright, "--use-fake-device-for-media-stream", "--deny-permission-prompts")
    page = browser.new_page()
    page.goto(f"http://localhost:{served.port}/config")
    page.keyboard.press("r")
    state(page, "failed")
    expect(trouble(page)).to_contain_text("The microphone was refused")
    expect(page.locator("#state")).to_have_text("Failed")
    assert ask(f"{served.http}/api/sessions")["sessions"] == []
    browser.close()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "The microphone is busy"),
    ],
)
def test_a_microphone_that_cannot_be_had(
    page: Page, served: Served, name: str, sentence: str
) -> None:
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = "
        f"() => Promise.reject(new DOMException('', '{name}'))"
    )
    page.goto(f"http://localhost:{served.port}/config")
    page.keyboard.press("r")
    state(page, "failed")
    expect(trouble(page)).to_contain_text(sentence)


def test_a_page_without_https(playwright: Playwright, settings: Settings) -> None:
    keyed = Settings.model_validate({**settings.model_dump(), "api_keys": "opensesame"})
    browser = launch(playwright, "--host-resolver-rules=MAP callscribe.test 127.0.0.1")
    with serving(keyed) as served:
        page = browser.new_page()
        page.goto(f"http://callscribe.test:{served.port}/config")
        give_key(page, "opensesame")
        expect(page.locator("#language")).to_have_value("French – Français")
        page.keyboard.press("r")
        state(page, "failed")
        expect(trouble(page)).to_contain_text("insecure page")
        browser.close()


def give_key(page: Page, key: str) -> None:
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")


def test_a_key_is_asked_for_until_it_is_right(page: Page, settings: Settings) -> None:
    keyed = Settings.model_validate({**settings.model_dump(), "api_keys": "opensesame"})
    with serving(keyed) as served:
        page.goto(f"http://localhost:{served.port}/config")
        give_key(page, "wrong")
        expect(page.get_by_text("The key was refused. Check it and try again.")).to_be_visible()
        give_key(page, "opensesame")
        expect(page.locator("#language")).to_have_value("French – Français")
        page.keyboard.press("r")
        state(page, "recording")
        page.keyboard.press("r")
        state(page, "idle")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download as JSON").click()
        assert json.loads(download.value.path().read_text())["utterances"] is not None


def test_a_full_server(page: Page, served: Served) -> None:
    served.engine.max_legs = 0
    page.goto(f"http://localhost:{served.port}/config")
    page.keyboard.press("r")
    state(page, "failed")
    expect(trouble(page)).to_contain_text("The server is full")


def test_a_server_that_is_gone_and_comes_back(page: Page, cable: Cable, served: Served) -> None:
    page.goto(f"{cable.http}/config", wait_until="networkidle")
    cable.pull()
    page.keyboard.press("r")
    state(page, "reconnecting")
    expect(trouble(page)).to_contain_text("what you say is kept here")
    expect(page.locator("#waiting")).to_have_text(re.compile(r"0:0[45] kept here"))
    cable.plugged = True
    state(page, "recording")
    expect(trouble(page)).to_have_count(0)
    page.keyboard.press("r")
    state(page, "idle")
    # From the first sample on, also those from before there was a connection.
    assert only_session(served)["legs"][0]["duration"] > 4


def test_a_server_that_restarts_ends_no_recording(page: Page, tmp_path: Path) -> None:
    def settings(name: str) -> Settings:
        return Settings.model_validate({"data_dir": tmp_path / name, "port": 0, "drain": 1.0})

    with serving(settings("first")) as first, cable_to(first.port) as cable:
        page.goto(f"{cable.http}/config", wait_until="networkidle")
        page.keyboard.press("r")
        state(page, "recording")
        expect(page.locator(".row.utterance").first).to_be_visible(timeout=20_000)
        first.terminate()
        expect(page.locator(".row.notice")).to_contain_text("about to end", timeout=20_000)
        state(page, "reconnecting", 20)
        first.join()
        with serving(settings("second")) as second:
            cable.serve(second.port)
            state(page, "recording", 30)
            expect(trouble(page)).to_contain_text("in a new session")
            page.keyboard.press("r")
            state(page, "idle", 20)
            assert only_session(second)["legs"][0]["duration"] > 0.1


def test_giving_up_leaves_the_audio_to_the_person(page: Page, cable: Cable) -> None:
    page.goto(f"{cable.http}/config", wait_until="networkidle")
    cable.pull()
    page.keyboard.press("r")
    state(page, "reconnecting")
    page.wait_for_timeout(1000)
    page.keyboard.press("r")
    state(page, "finishing")
    expect(page.locator("#record")).to_have_text("Give up")
    page.keyboard.press("r")
    state(page, "failed")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the audio that was not sent").click()
    assert download.value.path().stat().st_size > 16_000


# Settings.


def test_settings_are_saved_as_they_are_changed(page: Page, served: Served) -> None:
    page.goto(f"http://localhost:{served.port}/config")
    expect(page.locator("#language")).to_have_value("French – Français")
    language = page.get_by_role("combobox", name="Language")
    language.focus()
    page.keyboard.type("angl")
    expect(page.get_by_text("No language of this name")).to_be_visible()
    page.keyboard.press("Escape")
    expect(language).to_have_value("French – Français")
    page.keyboard.type("engl")
    picture(page, "language")
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_have_text("Saved")
    expect(page.locator(".combobox > .flag")).to_have_text("🇬🇧")
    page.get_by_label("Vocabulary").fill("Viessmann\nVitodens")
    page.get_by_label("Interim words").uncheck()
    page.locator("#endpointing").focus()
    page.keyboard.press("End")
    page.get_by_role("radio", name="Whisper").check()
    expect(page.locator("#saved")).to_have_text("Saved")
    page.reload()
    expect(page.locator("#language")).to_have_value("English")
    expect(page.get_by_label("Vocabulary")).to_have_value("Viessmann\nVitodens")
    expect(page.get_by_label("Interim words")).not_to_be_checked()
    config = ask(f"{served.http}/api/config/transcription")
    assert config["transcription_language"] == "en"
    assert config["endpointing_ms"] == 3000
    assert config["transcription_backend"] == "whisper"


def test_an_engine_that_is_being_loaded_becomes_available(page: Page, served: Served) -> None:
    settled = served.context.backends._settled["whisper"]
    loop = served.server.servers[0].get_loop()
    loop.call_soon_threadsafe(settled.clear)
    page.goto(f"http://localhost:{served.port}/config")
    whisper = page.get_by_role("radio", name="Whisper")
    expect(whisper).to_be_disabled()
    expect(page.get_by_text("The model is being loaded")).to_be_visible()
    language = page.get_by_role("combobox", name="Language")
    language.click()
    page.keyboard.type("angl")
    for _ in range(2):  # asking again leaves alone what is being typed
        page.wait_for_event("requestfinished", lambda request: "/api/status" in request.url)
    expect(language).to_have_value("angl")
    loop.call_soon_threadsafe(settled.set)
    expect(whisper).to_be_enabled(timeout=10_000)
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.wait_for_timeout(2500)
    assert not [url for url in asked if "/api/status" in url]


def test_the_options_of_deepgram_are_behind_a_fold(page: Page, served: Served) -> None:
    page.goto(f"http://localhost:{served.port}/config")
    expect(page.locator("#language")).to_have_value("French – Français")
    expect(page.get_by_label("Numbers as digits")).to_be_hidden()
    page.get_by_text("More for Deepgram").click()
    page.get_by_label("Numbers as digits").check()
    page.get_by_label("Take out").fill("pci\nssn")
    page.get_by_label("Search by sound").fill("Vitodens")
    page.get_by_label("Tags").fill("x" * 199)
    page.keyboard.press("Tab")
    expect(page.locator("[data-error-for=deepgram_tag]")).to_contain_text("128 characters")
    picture(page, "deepgram-options")
    page.get_by_label("Tags").fill("")
    page.keyboard.press("Tab")
    expect(page.locator("#saved")).to_have_text("Saved")
    config = ask(f"{served.http}/api/config/transcription")
    assert config["deepgram_numerals"] is True
    assert config["deepgram_redact"] == ["pci", "ssn"]
    assert config["deepgram_search"] == ["Vitodens"]
    page.reload()
    page.get_by_text("More for Deepgram").click()
    expect(page.get_by_label("Take out")).to_have_value("pci\nssn")


def test_a_setting_that_is_refused_says_so_beside_it(page: Page, served: Served) -> None:
    page.goto(f"http://localhost:{served.port}/config")
    expect(page.locator("#language")).to_have_value("French – Français")
    page.get_by_label("Vocabulary").fill("long" * 30)
    page.keyboard.press("Tab")
    expect(page.locator("#saved")).to_have_text("Not saved")
    expect(page.locator("[data-error-for=keyterms]")).to_contain_text("80 characters")
    assert ask(f"{served.http}/api/config/transcription")["keyterms"] == []
    page.get_by_label("Interim words").uncheck()
    expect(page.locator("#saved")).to_have_text("Saved")
    expect(page.get_by_label("Vocabulary")).to_have_value("long" * 30)


def test_a_setting_changed_while_the_server_is_away_is_saved_when_it_is_back(
    page: Page, cable: Cable, served: Served
) -> None:
    page.goto(f"{cable.http}/config")
    expect(page.locator("#language")).to_have_value("French – Français")
    cable.pull()
    page.get_by_label("Interim words").uncheck()
    expect(page.locator("#saved")).to_have_text("Saved when the server is back")
    page.get_by_label("Vocabulary").fill("Vitodens")
    page.keyboard.press("Tab")
    page.get_by_text("More for Deepgram").click()
    page.get_by_label("Tags").fill("x" * 199)
    page.keyboard.press("Tab")
    cable.plugged = True
    expect(page.locator("#saved")).to_have_text("Not saved", timeout=10_000)
    expect(page.locator("[data-error-for=deepgram_tag]")).to_contain_text("128 characters")
    page.get_by_label("Tags").fill("")
    page.keyboard.press("Tab")
    expect(page.locator("#saved")).to_have_text("Saved", timeout=10_000)
    expect(page.get_by_label("Interim words")).not_to_be_checked()
    config = ask(f"{served.http}/api/config/transcription")
    assert (config["interim_results"], config["keyterms"]) == (False, ["Vitodens"])


def test_a_recording_begins_with_the_settings_that_are_shown(
    page: Page, cable: Cable, served: Served
) -> None:
    page.goto(f"{cable.http}/config")
    expect(page.locator("#language")).to_have_value("French – Français")
    page.route("**/api/config/transcription", lambda route: route.fulfill(status=502), times=1)
    page.get_by_label("Interim words").uncheck()
    expect(page.locator("#saved")).to_have_text("Saved when the server is back")
    page.keyboard.press("r")
    state(page, "recording")
    (session,) = served.context.service.sessions()
    assert session.config.interim_results is False


def test_deepgram_without_a_key_is_greyed_out_with_the_reason(page: Page, served: Served) -> None:
    page.goto(f"http://localhost:{served.port}/config")
    expect(page.get_by_role("radio", name="Deepgram")).to_be_disabled()
    said = page.get_by_text("no DEEPGRAM_API_KEY: Whisper on this machine listens")
    expect(said).to_have_count(1)
    expect(said).to_be_visible()
    expect(trouble(page)).to_have_count(0)


# A call of two speakers.


def x_of(place: Locator) -> float:
    box = place.bounding_box()
    assert box is not None
    return box["x"]


def test_a_call_is_followed_from_its_first_word_to_its_end(
    page: Page, cable: Cable, served: Served, join: Join
) -> None:
    agent = join("agent")
    agent.say(400)
    technician = join("technician", agent.session_id)
    technician.say(600)
    page.goto(f"{cable.http}/calls/{agent.session_id}")
    state(page, "live")
    rows = page.locator(".row.utterance")
    expect(rows).to_have_count(2)

    cable.pull()
    state(page, "reconnecting")
    agent.say(800)
    technician.say(1000)
    cable.plugged = True
    state(page, "live")
    expect(rows).to_have_count(4)
    agent.say(1200)
    expect(rows).to_have_count(5)

    left, right = (rows.filter(has_text=text).first.locator(".said") for text in ("f400", "f600"))
    assert x_of(left) < 300
    assert x_of(right) > 600
    for speaker in (agent, technician):
        speaker.leave()
    expect(page.locator(".leg").first).to_contain_text("Has left")
    served.context.service.session(agent.session_id).ask_end()
    state(page, "ended")
    before = page.locator("#transcript").inner_text()
    starts = [float(u["start"]) for u in only_session(served)["transcript"]["utterances"]]
    assert len(starts) == 5
    page.reload()
    state(page, "ended")
    expect(rows).to_have_count(5)
    assert page.locator("#transcript").inner_text() == before


def test_back_while_the_page_asks_what_is_wrong_it_connects_once(
    page: Page, cable: Cable, join: Join
) -> None:
    sockets: list[WebSocket] = []

    def opened(socket: WebSocket) -> None:
        sockets.append(socket)

    page.on("websocket", opened)
    agent = join("agent")
    page.goto(f"{cable.http}/calls/{agent.session_id}")
    state(page, "live")

    def slowly(route: Route) -> None:
        cable.plugged = True
        page.evaluate("window.dispatchEvent(new Event('online'))")
        state(page, "live")
        route.continue_()

    page.route("**/api/sessions", slowly, times=1)
    with page.expect_response("**/api/sessions"):
        cable.pull()
    page.wait_for_timeout(1000)  # longer than the wait before the next attempt
    agent.say(400)
    expect(page.locator(".row.utterance")).to_have_count(1)
    assert [socket.is_closed() for socket in sockets] == [True, False]
    agent.leave()


def test_the_end_is_followed_until_the_reader_scrolls_up(
    page: Page, served: Served, join: Join
) -> None:
    agent = join("agent")
    for number in range(20):
        agent.say(400 + 40 * number)
    page.goto(f"http://localhost:{served.port}/calls/{agent.session_id}")
    rows = page.locator(".row.utterance")
    expect(rows).to_have_count(20)
    expect(rows.last).to_be_in_viewport()
    page.mouse.move(600, 500)
    page.mouse.wheel(0, -600)
    follow = page.get_by_role("button", name="Latest words")
    expect(follow).to_be_visible()
    place = page.evaluate("window.scrollY")
    agent.say(600)
    expect(rows).to_have_count(21)
    assert page.evaluate("window.scrollY") == place
    follow.click()
    expect(follow).to_be_hidden()
    agent.say(800)
    expect(rows).to_have_count(22)
    expect(rows.last).to_be_in_viewport()
    agent.leave()


def test_a_call_that_is_not_there(page: Page, served: Served) -> None:
    page.goto(f"http://localhost:{served.port}/calls/nowhere")
    state(page, "failed")
    expect(trouble(page)).to_contain_text("There is no such call")


# Every screen, every light.

TEXT = ("--ink", "--soft", "--accent", "--good", "--warn", "--bad", "--hue-0", "--hue-1")
GROUNDS = ("--paper", "--sheet", "--well")


def luminance(colour: str) -> float:
    parts = [int(colour.strip()[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_in_every_light(
    chromium: Browser, served: Served, join: Join, scheme: Literal["light", "dark"]
) -> None:
    agent = join("agent")
    agent.say(400, 600)
    context = chromium.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page = context.new_page()
    for path in ("/config", "/calls", f"/calls/{agent.session_id}"):
        page.goto(f"http://localhost:{served.port}{path}")
        expect(page.locator("#language, .entry, .row.utterance").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        picture(page, f"{path.split('/')[1]}-360-{scheme}")
    page.goto(f"http://localhost:{served.port}/config")
    page.locator("#record").click()  # under the thumb without scrolling
    state(page, "recording")
    page.locator("#record").click()
    state(page, "idle")

    names = (*TEXT, *GROUNDS, "--record", "--record-ink", "--accent-ink", "--bad-wash", "--mark")
    colours = page.evaluate(
        "(names) => names.map((name) => [name, getComputedStyle(document.documentElement)"
        ".getPropertyValue(name)])",
        list(names),
    )
    colour = dict(colours)
    assert (luminance(colour["--paper"]) > 0.5) is (scheme == "light")
    pairs = [(text, ground) for text in TEXT for ground in GROUNDS]
    pairs += [("--record-ink", "--record"), ("--accent-ink", "--accent"), ("--bad", "--bad-wash")]
    pairs += [("--soft", "--bad-wash"), ("--ink", "--mark")]
    for text, ground in pairs:
        assert contrast(colour[text], colour[ground]) >= 4.5, (text, ground)
    context.close()


def test_a_refused_key_is_said_and_the_words_go_on(page: Page, tmp_path: Path) -> None:
    cloud = Settings.model_validate({"data_dir": tmp_path / "cloud", "api_keys": "another-key"})
    with serving(cloud) as refusing:
        values = {
            "data_dir": tmp_path,
            "DEEPGRAM_API_KEY": "no-such-key",
            "DEEPGRAM_BASE_URL": refusing.ws,
        }
        with serving(Settings.model_validate(values), deepgram_before_tones) as served:
            page.goto(f"http://localhost:{served.port}/config")
            expect(page.locator("input[value=deepgram]")).to_be_enabled()
            page.locator("#record").click()
            state(page, "recording")
            notice = page.locator(".row.notice")
            expect(notice).to_contain_text("Whisper listens to agent now")
            expect(notice).to_contain_text("check DEEPGRAM_API_KEY")
            expect(page.locator(".row.utterance").first).to_be_visible(timeout=20_000)
            picture(page, "refused")
            page.locator("#record").click()
            state(page, "idle", 30)


def deepgram_before_tones(name: str, settings: Settings) -> TranscriptionEngine:
    """Deepgram as it is; the local engine behind it hears tones."""
    return (create_engine if name == "deepgram" else energy_factory)(name, settings)
