"""The page `/calls/{id}` in real Chromium: what agents find, what was not heard, names, figures.

The engine is told what it hears; everything from there to the page is real, and so are the agents.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from websockets.sync.client import connect

from callscribe.settings import Settings
from tests import killable
from tests.serving import Served, serving
from tests.web.browsing import Cable, cable_to, picture, state, trouble
from tests.web.speaking import Join, Speaker, ask, hear, hear_after_all, hear_again, hear_nothing

pytestmark = pytest.mark.browser

ALARMING = "Attention, il y a une fuite de gaz dans la cave"
TELLING = "Mon numéro est le 06 12 34 56 78, et cela coûte 49,90 euros"
COMMON = "La pression de l'eau est normale ce matin"


class Model(BaseHTTPRequestHandler):
    """An endpoint for summaries that cites what it is shown."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ids = re.findall(r"^\[([^\]]+)\]", asked["messages"][-1]["content"], re.MULTILINE)
        sentences = [
            {"text": "There is a gas leak in the cellar.", "utterance_ids": [ids[0]]},
            {"text": "The repair costs 49.90 euros.", "utterance_ids": [ids[-1]]},
        ]
        message = {"content": json.dumps({"sentences": sentences})}
        body = json.dumps({"choices": [{"message": message}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def summaries() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """With every agent that shows something."""
    with summaries() as address:
        yield Settings.model_validate(
            {
                "data_dir": tmp_path,
                "port": 0,
                "leg_grace": 5.0,
                "watchlist": "fuite de gaz",
                "summary_url": address,
                "summary_model": "any",
            }
        )


Meet = Callable[..., str]


@pytest.fixture
def meet(join: Join) -> Meet:
    """Has an agent and a technician come to a call."""

    def come(*more: str) -> str:
        first = join("agent")
        first.breathe()
        for speaker in ("technician", *more):
            join(speaker, first.session_id).breathe()
        return first.session_id

    return come


def follow(page: Page, served: Served, session_id: str) -> None:
    page.goto(f"http://localhost:{served.port}/calls/{session_id}")
    state(page, "live")
    expect(page.locator(".leg")).not_to_have_count(0)


def talk(served: Served, session_id: str) -> None:
    hear(served, session_id, "agent", ALARMING, 1.0)
    hear(served, session_id, "technician", TELLING, 6.0)


def on_page(page: Page) -> dict[str, str]:
    """All that a page shows of a call, by its parts."""
    parts = ("#transcript", "#talk", "#alerts", "#summary")
    return {part: page.locator(part).inner_text() for part in parts}


def end(page: Page) -> None:
    page.get_by_role("button", name="End call").click()
    dialog = page.get_by_role("dialog", name="End this call?")
    dialog.get_by_role("button", name="End call").click()
    state(page, "ended")


def test_what_agents_find_stands_beside_the_words(page: Page, served: Served, meet: Meet) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    session_id = meet()
    follow(page, served, session_id)
    talk(served, session_id)
    alarming = page.locator(".row.alarming")
    expect(alarming).to_have_count(1)
    expect(alarming.locator(".alert")).to_contain_text("“fuite de gaz”")
    expect(alarming.locator(".alerted")).to_have_text(["fuite", "de", "gaz"])

    labels = page.locator(".row", has_text="Mon numéro").locator(".entity")
    expect(labels).to_have_count(2)
    phone = labels.nth(0)
    expect(phone.locator(".value")).to_have_text("+33612345678")
    expect(labels.filter(has_text="Amount").locator(".value")).to_have_text("49.90 EUR")
    picture(page, "call-found")
    phone.click()
    expect(phone).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "+33612345678"
    expect(phone).to_contain_text("Phone")

    expect(page.locator("#summary")).to_be_hidden()
    end(page)
    # After the end, and so not by the socket.
    sentences = page.locator("#summary li")
    expect(sentences).to_have_count(2, timeout=15_000)
    picture(page, "call-summary")
    sentences.nth(1).get_by_role("link", name="Said at 0:06").click()
    expect(page.locator(".row.pointed")).to_contain_text("Mon numéro")
    page.locator("#alerts").get_by_role("link", name="fuite de gaz 0:02").click()
    expect(page.locator(".row.pointed")).to_contain_text("Attention")


def test_a_call_of_the_past_shows_the_same(page: Page, settings: Settings) -> None:
    with serving(settings) as first, ExitStack() as sockets:
        speakers = []
        session_id = ""
        for name in ("agent", "technician"):
            socket = sockets.enter_context(connect(f"{first.ws}/ws/audio"))
            speakers.append(Speaker(socket, name, session_id))
            speakers[-1].breathe()
            session_id = speakers[-1].session_id
        follow(page, first, session_id)
        talk(first, session_id)
        hear_nothing(first, session_id, "agent", 12.3, 14.0)
        expect(page.locator(".entity")).to_have_count(2)
        page.get_by_role("button", name="Swap roles").click()
        expect(page.locator(".leg .who")).to_have_text(["Technician", "Agent"])
        end(page)
        expect(page.locator("#summary li")).to_have_count(2, timeout=15_000)
        expect(page.locator("#talk .who")).to_have_text(["Technician", "Agent"])
        expect(page.locator("#talk")).to_contain_text("Not heard 1.7 s")
        shown = on_page(page)
        said = ask(f"{first.http}/api/sessions/{session_id}")["transcript"]
    assert "Not heard 12.3–14.0 s: network" in shown["#transcript"]
    with serving(settings) as second:
        page.goto(f"http://localhost:{second.port}/calls/{session_id}")
        state(page, "ended")
        expect(page.locator("#summary li")).to_have_count(2)
        expect(page.locator("#talk .who")).to_have_text(["Technician", "Agent"])
        assert on_page(page) == shown
        assert ask(f"{second.http}/api/sessions/{session_id}")["transcript"] == said
        expect(page.get_by_role("button", name="Swap roles")).to_be_hidden()
        expect(page.get_by_role("button", name="End call")).to_be_hidden()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download as Deepgram JSON").click()
        assert download.value.suggested_filename == f"{session_id}.deepgram.json"
        assert "metadata" in json.loads(download.value.path().read_text())


def test_what_nobody_heard_is_a_line_in_its_place(page: Page, served: Served, meet: Meet) -> None:
    session_id = meet()
    follow(page, served, session_id)
    hear(served, session_id, "agent", "Un moment", 1.0)
    hear(served, session_id, "agent", "Me revoilà", 15.0)
    hear_nothing(served, session_id, "agent", 12.3, 14.0)
    gap = page.locator(".row.gap")
    expect(gap).to_have_count(1)
    expect(gap.locator(".said")).to_have_text("Not heard 12.3–14.0 s: network")
    expect(page.locator(".row.notice", has_text="not written down")).to_have_count(0)
    assert page.locator(".row:not(.notice) .said").all_inner_texts() == [
        "Un moment",
        "Not heard 12.3–14.0 s: network",
        "Me revoilà",
    ]
    expect(page.locator("#talk")).to_contain_text("Not heard 1.7 s")
    expect(page.locator("#talk")).to_contain_text(re.compile(r"Coverage \d\d(\.\d)? %"))
    picture(page, "call-gap")


def test_a_gap_is_repaired_on_the_page(page: Page, served: Served, meet: Meet) -> None:
    session_id = meet()
    follow(page, served, session_id)
    hear(served, session_id, "technician", "Je suis devant l'armoire", 0.5)
    hear(served, session_id, "agent", "Un moment", 3.0)
    hear_nothing(served, session_id, "agent", 6.0, 11.5)
    hear(served, session_id, "technician", "D'accord, merci", 13.0)
    hear(served, session_id, "agent", "Me revoilà", 15.0)
    said = page.locator(".row:not(.notice) .said")
    expect(said).to_have_count(5)
    picture(page, "call-gap-before-repair")

    hear_after_all(
        served, session_id, "agent", 6.0, 11.5, "Le numéro est le douze", "Vous l'avez noté ?"
    )
    expect(page.locator(".row.gap")).to_have_count(0)
    expect(said).to_have_text(
        [
            "Je suis devant l'armoire",
            "Un moment",
            "Le numéro est le douze",
            "Vous l'avez noté ?",
            "D'accord, merci",
            "Me revoilà",
        ]
    )
    expect(page.locator(".how:visible")).to_have_count(2)
    expect(page.locator("#talk")).not_to_contain_text("Coverage")
    picture(page, "call-gap-repaired")
    shown = on_page(page)["#transcript"]
    page.reload()
    expect(page.locator(".how:visible")).to_have_count(2)
    assert on_page(page)["#transcript"] == shown
    session = ask(f"http://localhost:{served.port}/api/sessions/{session_id}")
    assert session["gaps"] == session["transcript"]["gaps"] == []
    assert session["stats"]["coverage_percent"] == 100.0


def test_what_was_unsure_is_marked_and_heard_again(page: Page, served: Served, meet: Meet) -> None:
    session_id = meet()
    follow(page, served, session_id)
    hear(served, session_id, "technician", "Il y a de l'eau sous la chaudière", 0.5)
    first, now = "Le manoir mettre", "Le manomètre"
    hear(served, session_id, "agent", first, 3.0, 0.6, unsure=True)
    hear(served, session_id, "technician", "La pression est à zéro", 6.0)
    mark = page.locator(".how:visible")
    expect(mark).to_have_text("unsure")
    picture(page, "call-unsure")
    hear_again(served, session_id, "agent", first, now, 3.0)
    said = page.locator(".row:not(.notice) .said")
    expect(said).to_have_text(["Il y a de l'eau sous la chaudière", now, "La pression est à zéro"])
    expect(mark).to_have_text("corrected")
    expect(mark).to_have_attribute("title", re.compile(f"Whisper.*Before: “{first}”"))
    mark.focus()  # whoever has no mouse is told too
    expect(mark).to_be_focused()
    picture(page, "call-heard-again")
    page.set_viewport_size({"width": 360, "height": 700})
    picture(page, "call-heard-again-360")
    page.reload()
    expect(mark).to_have_attribute("title", re.compile(f"Before: “{first}”"))
    hear_again(
        served, session_id, "technician", "La pression est à zéro", "La pression est à zéro.", 6.0
    )
    expect(said.last).to_have_text("La pression est à zéro.")
    expect(mark).to_have_count(1)  # that says nothing else
    stored = ask(f"http://localhost:{served.port}/api/sessions/{session_id}")["transcript"]
    assert [u["text"] for u in stored["utterances"]][1] == now


def test_what_was_heard_through_the_air_is_shown_once(
    page: Page, served: Served, meet: Meet
) -> None:
    session_id = meet()
    follow(page, served, session_id)
    hear(served, session_id, "agent", COMMON, 10.2, 0.8)
    expect(page.locator(".row.utterance")).to_have_count(1)
    hear(served, session_id, "technician", COMMON, 10.0)
    expect(page.locator(".row.utterance .who")).to_have_text(["Technician"])
    page.goto(f"http://localhost:{served.port}/calls/{session_id}#agent-1")
    expect(page.locator(".row.pointed .who")).to_have_text("Technician")


def test_swapped_names_hold_for_all_that_was_said(page: Page, served: Served, meet: Meet) -> None:
    session_id = meet()
    follow(page, served, session_id)
    talk(served, session_id)
    who = page.locator(".row.utterance .who")
    expect(who).to_have_text(["Agent", "Technician"])
    figures = page.locator("#talk ul li")
    expect(figures).to_have_count(2)
    before = figures.nth(0).inner_text()
    page.get_by_role("button", name="Swap roles").click()
    expect(who).to_have_text(["Technician", "Agent"])
    expect(page.locator(".leg .who")).to_have_text(["Technician", "Agent"])
    expect(figures.nth(0)).to_have_text(before.replace("Agent", "Technician"))
    hear(served, session_id, "technician", "Très bien", 13.0)
    expect(who).to_have_text(["Technician", "Agent", "Technician"])
    page.reload()
    expect(who).to_have_text(["Technician", "Agent", "Technician"])
    expect(page.locator("#talk .who")).to_have_text(["Technician", "Agent"])
    said = ask(f"{served.http}/api/sessions/{session_id}")["transcript"]["utterances"]
    assert [u["speaker"] for u in said] == ["technician", "agent", "technician"]


def test_a_call_can_be_ended_while_names_are_exchanged(
    page: Page, served: Served, meet: Meet
) -> None:
    """A request that takes its time swallows no other one, and is not made twice."""
    follow(page, served, meet())
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/swap", hold)
    swap = page.get_by_role("button", name="Swap roles")
    swap.click()
    swap.click()
    end(page)
    (request,) = held
    request.abort()


def test_of_three_speakers_two_are_chosen(page: Page, served: Served, meet: Meet) -> None:
    session_id = meet("customer")
    follow(page, served, session_id)
    expect(page.locator(".leg")).to_have_count(3)
    page.get_by_role("button", name="Swap roles").click()
    dialog = page.get_by_role("dialog", name="Who exchanges names?")
    dialog.get_by_label("Second speaker").select_option("customer")
    dialog.get_by_role("button", name="Swap roles").click()
    expect(page.locator(".leg .who")).to_have_text(["Customer", "Technician", "Agent"])


def test_how_the_call_goes_is_shown_while_it_goes(page: Page, served: Served, meet: Meet) -> None:
    session_id = meet()
    follow(page, served, session_id)
    expect(page.locator("#talk")).to_be_hidden()
    hear(served, session_id, "agent", "un deux trois quatre", 1.0)
    speakers = page.locator("#talk ul li")
    expect(speakers.nth(0)).to_have_text("Agent 100 % · 200 words/min")
    hear(served, session_id, "technician", "cinq six sept huit", 6.2)
    expect(speakers.nth(0)).to_have_text("Agent 50 % · 200 words/min")
    expect(speakers.nth(1)).to_have_text("Technician 50 % · 200 words/min")
    expect(page.locator("#talk dl")).to_contain_text("Talk-over 0.0 s")
    expect(page.locator("#talk dl")).to_contain_text("Dead air 4.0 s")
    shares = page.get_by_role("img", name="Share of the speech: Agent 50 %, Technician 50 %")
    expect(shares).to_be_visible()
    hear(served, session_id, "agent", "neuf dix onze douze", 6.2)
    expect(page.locator("#talk dl")).to_contain_text("Talk-over 1.2 s")


def test_what_cannot_be_done_is_said(page: Page, cable: Cable, served: Served, meet: Meet) -> None:
    session_id = meet()
    page.goto(f"{cable.http}/calls/{session_id}")
    state(page, "live")
    page.route("**/swap", lambda route: route.abort())
    page.get_by_role("button", name="Swap roles").click()
    expect(trouble(page)).to_contain_text("The server does not answer")
    page.unroute("**/swap")
    page.get_by_role("button", name="Swap roles").click()
    expect(trouble(page)).to_have_count(0)
    expect(page.locator(".leg .who")).to_have_text(["Technician", "Agent"])
    page.get_by_role("button", name="End call").click()
    page.keyboard.press("Escape")
    state(page, "live")
    assert ask(f"{served.http}/api/sessions/{session_id}")["state"] == "running"


def test_a_page_outlives_its_server(page: Page, tmp_path: Path) -> None:
    """Killed without a warning: nothing is missing afterwards, nothing is there twice."""
    first = killable.start(tmp_path, tones=True)
    with ExitStack() as sockets, cable_to(first.port) as cable:
        sockets.callback(first.process.kill)
        agent = Speaker(sockets.enter_context(connect(f"{first.ws}/ws/audio")), "agent", "")
        session_id = agent.session_id
        agent.say(400, 600)
        page.goto(f"{cable.http}/calls/{session_id}")
        rows = page.locator(".row.utterance")
        expect(rows).to_have_count(2)
        agent.say(800, gap=0.0)  # an interim that will never be final
        expect(page.locator(".row[data-state=interim]")).to_have_count(1)

        cable.plugged = False
        first.kill()
        state(page, "reconnecting")
        second = killable.start(tmp_path, tones=True)
        sockets.callback(second.process.wait)
        sockets.callback(second.process.kill)
        cable.serve(second.port)
        cable.plugged = True
        state(page, "interrupted")
        expect(page.locator(".row.notice").last).to_contain_text("The server died here and is back")
        expect(page.locator(".row[data-state=interim]")).to_have_count(0)
        expect(page.locator("#state")).to_have_text("Interrupted, waiting for the speakers")
        stands = page.locator("#timer").inner_text()
        page.wait_for_timeout(1_500)
        assert page.locator("#timer").inner_text() == stands
        page.reload()
        state(page, "interrupted")
        expect(page.locator("#timer")).to_have_text(stands)
        expect(page.locator(".leg .detail")).to_contain_text("Connection lost")
        picture(page, "call-waiting")
        again = Speaker(
            sockets.enter_context(connect(f"{second.ws}/ws/audio")), "agent", session_id
        )
        again.say(1000)
        state(page, "live")
        expect(rows).to_have_count(3)
        expect(page.locator(".row.gap").last).to_contain_text("the server was away")
        picture(page, "call-interrupted")
        said = ask(f"{second.http}/api/sessions/{session_id}")["transcript"]["utterances"]
        assert [row.get_attribute("id") for row in rows.all()] == [u["utterance_id"] for u in said]
        assert [u["text"] for u in said] == ["f400", "f600", "f1000"]
        shown = page.locator("#transcript").inner_text()
        page.reload()
        state(page, "live")
        expect(rows).to_have_count(3)
        assert page.locator("#transcript").inner_text() == shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone(
    chromium: Browser, served: Served, meet: Meet, scheme: Literal["light", "dark"]
) -> None:
    session_id = meet()
    context = chromium.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page = context.new_page()
    follow(page, served, session_id)
    talk(served, session_id)
    hear_nothing(served, session_id, "agent", 12.3, 14.0)
    expect(page.locator(".entity")).to_have_count(2)
    end(page)
    expect(page.locator("#summary li")).to_have_count(2, timeout=15_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    picture(page, f"call-360-{scheme}")
    context.close()
