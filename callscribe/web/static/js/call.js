/** The page `/calls/{id}`: one call, while it is spoken and afterwards. */

import { api, ApiError } from "./api.js";
import { CallActions } from "./call-actions.js";
import { confidenceSwitch } from "./confidence.js";
import { showDownloads } from "./downloads.js";
import { Feed } from "./feed.js";
import { Follower } from "./follow.js";
import { clock, dateTime } from "./format.js";
import { installKeyDialog } from "./key-dialog.js";
import { LegsView } from "./legs-view.js";
import { Pointer } from "./pointer.js";
import { shortcuts } from "./shortcuts.js";
import { SummaryView } from "./summary-view.js";
import { TalkView } from "./talk-view.js";
import { TranscriptModel } from "./transcript.js";
import { TranscriptView } from "./transcript-view.js";
import { Trouble } from "./trouble.js";
import { showTrouble } from "./trouble-view.js";

const STATES = {
  loading: "Loading…",
  live: "Live",
  interrupted: "Interrupted, waiting for the speakers",
  reconnecting: "Reconnecting…",
  ended: "Ended",
  failed: "Not available",
};

/** States in which the call goes on. */
const RUNNING = new Set(["live", "interrupted"]);

/** Events that change the figures without telling them. */
const RECOUNTED = new Set(["gap", "gap_repaired", "roles_swapped"]);

/** ms after which they are asked for then. */
const SETTLED = 300;

installKeyDialog();

const find = (selector) => document.querySelector(selector);
const sessionId = decodeURIComponent(window.location.pathname.split("/").pop() ?? "");
const address = `/api/sessions/${encodeURIComponent(sessionId)}`;
const tell = (error) => showTrouble(find("#trouble"), error);
const model = new TranscriptModel();
const view = new TranscriptView(find("#transcript"), model);
const legs = new LegsView(find("#legs"), model);
const talk = new TalkView(find("#talk"), model);
const summary = new SummaryView(document.body, model);
const actions = new CallActions(find("#call"), sessionId, model, tell);
const follower = new Follower(find("#end"), find("#follow"));
const pointer = new Pointer(model, () => follower.set(false));
/** Rows that are to be drawn: what comes at once is drawn at once. */
const changed = new Set();
let drawing = 0;
let refreshing = 0;
let state = "loading";
let beganAt = 0;
let endedAt = 0;
/** Events that are not kept: whoever opens the page later does not know of them. */
const PASSING = new Set(["interim", "speech_started", "call_stats"]);

/** When the server died, as far as one knows: at the last event before that was kept. */
let brokeOffAt = 0;
let lastAt = 0;

function enter(next) {
  if (next === state) return;
  state = next;
  tick();
  find("#call").dataset.state = state;
  find("#state .text").textContent = STATES[state];
  find("#join").hidden = !RUNNING.has(state) && state !== "reconnecting";
  if (state === "failed") find("#empty").hidden = true;
  actions.update(RUNNING.has(state));
}

/** The clock runs while the call does; where nobody knows whether it does, it stands. */
function tick() {
  if (!beganAt) return;
  const stands = { ended: endedAt, interrupted: brokeOffAt, live: Date.now() / 1000 }[state];
  if (stands) find("#timer").textContent = clock(stands - beganAt);
}

function draw() {
  drawing = 0;
  view.updateAll(changed);
  changed.clear();
  legs.update();
  talk.update();
  summary.update();
  actions.update(RUNNING.has(state));
  find("#transcript").dataset.speakers = model.legs.size > 2 ? "many" : "two";
  find("#empty").hidden = model.rows.length > 0;
  pointer.grown();
  follower.grown();
}

function drawSoon() {
  drawing ||= requestAnimationFrame(draw);
}

function hear(event) {
  if (event.type === "session_started") beganAt = event.at;
  if (event.type === "session_interrupted") brokeOffAt = lastAt;
  if (!PASSING.has(event.type)) lastAt = event.at;
  for (const row of model.apply(event)) changed.add(row);
  if (event.type === "session_ended") {
    endedAt = event.at;
    enter("ended");
  } else if (RECOUNTED.has(event.type)) {
    clearTimeout(refreshing);
    refreshing = setTimeout(refresh, SETTLED);
  }
  if (RUNNING.has(state)) enter(running());
  drawSoon();
}

const running = () => (model.interrupted ? "interrupted" : "live");

/** The figures as they are now. */
async function refresh() {
  try {
    ({ stats: talk.asked } = await api(address));
    model.stats = null;
    drawSoon();
  } catch {
    // They come with the next words.
  }
}

function listen() {
  const feed = new Feed(sessionId, {
    onevent: hear,
    onconnected: (connected) => {
      if (!endedAt) enter(connected ? running() : "reconnecting");
      tell(connected ? null : new Trouble("server_gone_page"));
    },
    ontrouble: (trouble) => {
      enter("failed");
      tell(trouble);
    },
  });
  feed.open();
}

async function load() {
  let session;
  try {
    const config = await api("/api/config/transcription");
    view.setLow(config.low_confidence);
    session = await api(address);
  } catch (error) {
    const missing = error instanceof ApiError && error.status === 404;
    enter("failed");
    tell(missing ? new Trouble("no_such_session") : error);
    const passing = error instanceof ApiError ? error.retryable : error.code === "server_gone_page";
    if (passing) setTimeout(load, 3000);
    return;
  }
  tell(null);
  beganAt = seconds(session.started_at);
  endedAt = session.ended_at === null ? 0 : seconds(session.ended_at);
  talk.asked = session.stats;
  find("#began").textContent = dateTime(session.started_at);
  showDownloads(find("#downloads"), sessionId, tell);
  if (endedAt) {
    // It is read from its beginning, not followed to its end.
    follower.rest();
    enter("ended");
  } else {
    setInterval(tick, 500);
  }
  listen();
}

function seconds(moment) {
  return typeof moment === "number" ? moment : Date.parse(moment) / 1000;
}

find("#session-id").textContent = sessionId;
find("#join").href = `/config?session=${encodeURIComponent(sessionId)}`;
document.title = `Call ${sessionId} – Callscribe`;
shortcuts({ c: confidenceSwitch(find("#confidence"), view) });
load();
