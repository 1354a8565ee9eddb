"""The page `/calls` in real Chromium: the list, the search, deleting."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.serving import Served
from tests.web.browsing import Cable, picture, state, trouble
from tests.web.speaking import Join, ask, hear, hear_nothing, on_loop

pytestmark = pytest.mark.browser

BOILER = "Le numéro de série de la chaudière est VT 200"
COMMON = "Bonjour, je vous écoute"


def begin(served: Served, session_id: str) -> None:
    body = json.dumps({"session_id": session_id}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{served.http}/api/sessions", body, headers)  # noqa: S310
    urllib.request.urlopen(request).close()  # noqa: S310 - our own server


def listed(served: Served, search: str = "") -> list[str]:
    found = ask(f"{served.http}/api/sessions?limit=200&q={search}")["sessions"]
    return [call["session_id"] for call in found]


@pytest.fixture
def two_calls(served: Served, join: Join) -> Iterator[None]:
    """One that has ended, about a boiler, and one that goes on."""
    for session_id, text in (("boiler", BOILER), ("running", "On est toujours là")):
        begin(served, session_id)
        agent = join("agent", session_id)
        technician = join("technician", session_id)
        agent.breathe()
        technician.breathe()
        hear(served, session_id, "agent", COMMON, 0.5)
        hear(served, session_id, "technician", text, 4.0)
        if session_id == "boiler":
            agent.leave()
            technician.leave()
            session = served.context.service.session(session_id)
            on_loop(served, session.ask_end)
    yield


def open_calls(page: Page, served: Served, query: str = "") -> None:
    page.goto(f"http://localhost:{served.port}/calls{query}")
    expect(page.locator("#calls")).to_have_attribute("data-state", "ready")


@pytest.mark.usefixtures("two_calls")
def test_what_was_not_heard_of_a_call_is_said(page: Page, served: Served) -> None:
    open_calls(page, served)
    entries = page.locator(".entry")
    expect(page.get_by_text("% heard")).to_have_count(0)
    hear_nothing(served, "running", "agent", 5.0, 7.0)
    expect(entries.nth(0)).to_contain_text(
        re.compile(r"utterances · \d+(\.\d)? % heard"), timeout=10_000
    )
    (running,) = [
        call
        for call in ask(f"{served.http}/api/sessions?limit=9")["sessions"]
        if call["session_id"] == "running"
    ]
    assert 0 < running["coverage_percent"] < 100
    expect(entries.nth(1)).not_to_contain_text("heard")


@pytest.mark.usefixtures("two_calls")
def test_the_latest_first_and_those_that_go_on_marked(page: Page, served: Served) -> None:
    open_calls(page, served)
    entries = page.locator(".entry")
    expect(entries).to_have_count(2)
    expect(entries.nth(0)).to_contain_text("Agent, Technician")
    expect(entries.nth(0).locator(".badge")).to_have_text("Live")
    expect(entries.nth(1).locator(".badge")).to_have_text("Ended", timeout=10_000)
    expect(entries.nth(1)).to_contain_text(re.compile(r"\d:\d\d · 2 utterances"))
    expect(page.locator("#older")).to_be_hidden()
    picture(page, "calls")
    entries.nth(0).get_by_role("link").click()
    state(page, "live")


@pytest.mark.usefixtures("two_calls")
def test_a_search_leads_to_the_words(page: Page, served: Served) -> None:
    open_calls(page, served)
    page.keyboard.press("/")
    page.keyboard.type("CHAUDIERE numero")
    matches = page.locator(".match")
    expect(matches).to_have_count(1)
    expect(page.locator(".entry")).to_have_count(1)
    expect(matches.locator("mark")).to_have_text(["numéro", "chaudière"])
    expect(matches).to_contain_text("Technician")
    picture(page, "calls-search")
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("CHAUDIERE numero")
    expect(matches).to_have_count(1)
    matches.click()
    state(page, "ended")
    pointed = page.locator(".row.pointed")
    expect(pointed).to_contain_text(BOILER)
    expect(pointed).to_be_in_viewport()
    expect(pointed).to_be_focused()

    page.go_back()
    page.get_by_role("searchbox").fill("Zzyzx")
    expect(page.get_by_text("Nobody said “Zzyzx”.")).to_be_visible()
    expect(page.locator(".entry")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".entry")).to_have_count(2)
    assert page.url.endswith("/calls")


@pytest.mark.usefixtures("two_calls")
def test_what_was_said_is_text_and_never_markup(page: Page, served: Served) -> None:
    hear(served, "running", "agent", "Voilà <img src=x onerror=alert(1)> fini", 20.0)
    open_calls(page, served, "?q=onerror")
    expect(page.locator(".match mark")).to_have_text("onerror")
    expect(page.locator(".match")).to_contain_text("<img src=x")
    expect(page.locator("img[src=x]")).to_have_count(0)


@pytest.mark.usefixtures("two_calls")
def test_deleting_is_asked_for_twice(page: Page, served: Served) -> None:
    open_calls(page, served)
    entry = page.locator(".entry").nth(1)
    delete = entry.get_by_role("button", name="Delete the call of")
    delete.click()
    dialog = page.get_by_role("dialog", name="Delete this call?")
    expect(dialog).to_contain_text("Agent, Technician")
    picture(page, "calls-delete")
    page.keyboard.press("Enter")  # on Cancel
    expect(dialog).to_have_count(0)
    expect(delete).to_be_focused()
    assert set(listed(served)) == {"boiler", "running"}
    delete.click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator(".entry")).to_have_count(1)
    assert listed(served) == ["running"]
    assert listed(served, "chaudi") == []

    page.get_by_role("button", name="Delete the call of").click()
    expect(dialog).to_contain_text("It is still going on, and ends with this.")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No calls yet.")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_focused()
    assert listed(served) == []
    page.get_by_role("link", name="Record one").click()
    expect(page).to_have_url(re.compile("/config$"))


def test_older_calls_are_a_button_away(page: Page, served: Served) -> None:
    for number in range(30):
        begin(served, f"call-{number}")
    open_calls(page, served)
    entries = page.locator(".entry")
    expect(entries).to_have_count(25)
    page.get_by_role("button", name="Older calls").click()
    expect(entries).to_have_count(30)
    expect(page.locator("#older")).to_be_hidden()
    expect(entries.nth(25).get_by_role("link")).to_be_focused()
    begin(served, "newest")
    expect(entries).to_have_count(31, timeout=10_000)  # looked at again by itself
    shown = [
        str(link.get_attribute("href")).rsplit("/", 1)[1] for link in page.locator("a.call").all()
    ]
    assert shown == ["newest", *(f"call-{number}" for number in reversed(range(30)))]


def test_a_server_that_is_away_is_said(page: Page, cable: Cable, served: Served) -> None:
    begin(served, "call")
    page.goto(f"{cable.http}/calls")
    expect(page.locator(".entry")).to_have_count(1)
    cable.pull()
    expect(trouble(page)).to_contain_text("The server does not answer", timeout=10_000)
    expect(page.locator(".entry")).to_have_count(1)
    page.get_by_role("button", name="Delete the call of").click()
    with page.expect_event("requestfailed", lambda request: request.method == "DELETE"):
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(trouble(page)).to_contain_text("The server does not answer")
    cable.plugged = True
    expect(trouble(page)).to_have_count(0, timeout=10_000)
    expect(page.locator(".entry")).to_have_count(1)


def test_a_store_that_is_away_is_said(page: Page, served: Served) -> None:
    begin(served, "call")
    problem = {"code": "store_failed", "message": "The store does not answer.", "retryable": True}
    page.route("**/api/sessions?*", lambda route: route.fulfill(status=503, json=problem), times=1)
    page.goto(f"http://localhost:{served.port}/calls")
    expect(trouble(page)).to_contain_text("The calls cannot be read just now")
    expect(page.locator("#empty")).to_be_hidden()
    expect(page.locator(".entry")).to_have_count(1, timeout=10_000)
    expect(trouble(page)).to_have_count(0)


@pytest.mark.usefixtures("two_calls")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone(chromium: Browser, served: Served, scheme: Literal["light", "dark"]) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page = context.new_page()
    open_calls(page, served, "?q=chaudiere")
    expect(page.locator(".match")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for button in page.get_by_role("button").filter(visible=True).all():
        box = button.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 360
        assert box["height"] >= 32
    picture(page, f"calls-360-{scheme}")
    context.close()
