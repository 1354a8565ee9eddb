/** The page `/calls/{id}`: one call, while it is spoken and afterwards. */

import { api, ApiError } from "./api.js";
import { confidenceSwitch } from "./confidence.js";
import { showDownloads } from "./downloads.js";
import { Feed } from "./feed.js";
import { Follower } from "./follow.js";
import { clock, dateTime } from "./format.js";
import { installKeyDialog } from "./key-dialog.js";
import { LegsView } from "./legs-view.js";
import { shortcuts } from "./shortcuts.js";
import { TranscriptModel } from "./transcript.js";
import { TranscriptView } from "./transcript-view.js";
import { Trouble } from "./trouble.js";
import { showTrouble } from "./trouble-view.js";

const STATES = {
  loading: "Loading…",
  live: "Live",
  reconnecting: "Reconnecting…",
  ended: "Ended",
  failed: "Not available",
};

installKeyDialog();

const find = (selector) => document.querySelector(selector);
const sessionId = decodeURIComponent(window.location.pathname.split("/").pop() ?? "");
const alert = find("#trouble");
const model = new TranscriptModel();
const view = new TranscriptView(find("#transcript"), model);
const legs = new LegsView(find("#legs"), model);
const follower = new Follower(find("#end"), find("#follow"));
let beganAt = 0;
let endedAt = 0;

function enter(state) {
  find("#call").dataset.state = state;
  find("#state .text").textContent = STATES[state];
  find("#join").hidden = state !== "live" && state !== "reconnecting";
}

function tick() {
  if (beganAt) find("#timer").textContent = clock((endedAt || Date.now() / 1000) - beganAt);
}

function draw(row) {
  if (row) view.update(row);
  legs.update();
  find("#transcript").dataset.speakers = model.legs.size > 2 ? "many" : "two";
  find("#empty").hidden = model.rows.length > 0;
  follower.grown();
}

function hear(event) {
  if (event.type === "session_started") beganAt = event.at;
  const row = model.apply(event);
  draw(row);
  if (event.type === "session_ended") {
    endedAt = event.at;
    enter("ended");
    tick();
  }
}

function listen() {
  const feed = new Feed(sessionId, {
    onevent: hear,
    onconnected: (connected) => {
      if (!endedAt) enter(connected ? "live" : "reconnecting");
      if (connected) showTrouble(alert, null);
      else showTrouble(alert, new Trouble("server_gone_page"));
    },
    ontrouble: (trouble) => {
      enter("failed");
      showTrouble(alert, trouble);
    },
  });
  feed.open();
}

async function load() {
  let session;
  try {
    const config = await api("/api/config/transcription");
    view.setLow(config.low_confidence);
    session = await api(`/api/sessions/${encodeURIComponent(sessionId)}`);
  } catch (error) {
    const missing = error instanceof ApiError && error.status === 404;
    enter("failed");
    showTrouble(alert, missing ? new Trouble("no_such_session") : error);
    if (!(error instanceof ApiError)) setTimeout(load, 3000);
    return;
  }
  showTrouble(alert, null);
  beganAt = seconds(session.started_at);
  endedAt = session.ended_at === null ? 0 : seconds(session.ended_at);
  find("#began").textContent = dateTime(session.started_at);
  showDownloads(find("#downloads"), sessionId, (error) => showTrouble(alert, error));
  tick();
  // A call that is over is read from its beginning, not followed to its end.
  if (endedAt) follower.rest();
  else setInterval(tick, 500);
  listen();
}

function seconds(moment) {
  return typeof moment === "number" ? moment : Date.parse(moment) / 1000;
}

find("#session-id").textContent = sessionId;
find("#join").href = `/config?session=${encodeURIComponent(sessionId)}`;
document.title = `Call ${sessionId} – Callscribe`;
shortcuts({ c: confidenceSwitch(find("#confidence"), view) });
enter("loading");
load();
