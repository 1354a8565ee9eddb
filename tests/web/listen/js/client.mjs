// The official JavaScript client, told what to do by one argument in JSON. It prints a line of JSON
// for everything that comes back.
import { readFileSync } from "node:fs";
import { DeepgramClient } from "@deepgram/sdk";

const { http, ws, key, wav, live, recording } = JSON.parse(process.argv[2]);
const HEADER = 44; // bytes of a plain WAV file before its samples
const FRAME = 3200; // a tenth of a second

const client = new DeepgramClient({
  apiKey: key,
  environment: { base: http, production: ws, agent: ws, agentRest: http },
});
const tell = (event, what = {}) => console.log(JSON.stringify({ event, ...what }));

async function stream(options) {
  const socket = await client.listen.v1.connect({ reconnectAttempts: 0, ...options });
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.on("open", () => tell("open"));
  socket.on("error", (error) => tell("error", { message: error.message }));
  socket.on("message", (message) => tell("message", { message }));
  socket.connect();
  await Promise.race([socket.waitForOpen(), closed]);
  if (socket.readyState === 1) {
    const samples = readFileSync(wav).subarray(HEADER);
    for (let at = 0; at < samples.length; at += FRAME) {
      socket.sendMedia(samples.subarray(at, at + FRAME));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    socket.sendCloseStream({ type: "CloseStream" });
  }
  const { code, reason } = await closed;
  tell("close", { code, reason });
}

async function send(options) {
  try {
    const body = await client.listen.v1.media.transcribeFile(readFileSync(wav), options);
    tell("recording", { body });
  } catch (error) {
    tell("refused", { status: error.statusCode, body: error.body });
  }
}

if (live) await stream(live);
if (recording) await send(recording);
process.exit(0); // the SDK keeps timers of its own
