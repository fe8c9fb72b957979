// A browser for pytest: one JSON request a line on stdin, one JSON answer a line on stdout.
//
// A request names a page to open and the steps to take on it. Pages of its own are served here, on
// an origin that is not the edge's, with the players that npm installed beside this file.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import * as HLS from "hls-parser";

const FILES = {
  // As the edge's own pages have it.
  "/dash.js": ["../../../edge/web/pages/assets/node_modules/dashjs/dist/modern/umd/dash.mediaplayer.min.js",
    "text/javascript"],
  "/video.js-8.js": ["video.js/dist/video.min.js", "text/javascript"],
  "/video.js-7.js": ["video.js-7/dist/video.min.js", "text/javascript"],
  "/video.js-8.css": ["video.js/dist/video-js.min.css", "text/css"],
  "/video.js-7.css": ["video.js-7/dist/video-js.min.css", "text/css"],
  "/hls.js": ["hls.js/dist/hls.min.js", "text/javascript"],
  "/tus.js": ["tus-js-client/dist/tus.min.js", "text/javascript"],
  "/bytescale.mjs": ["@bytescale/sdk/dist/browser/esm/main.mjs", "text/javascript"],
};
const pages = new Map();

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://driver");
  const [name, type] = FILES[pathname] ?? [];
  if (name) {
    response.setHeader("Content-Type", type);
    response.end(readFileSync(new URL(`node_modules/${name}`, import.meta.url)));
  } else if (pages.has(pathname)) {
    response.setHeader("Content-Type", "text/html");
    response.end(pages.get(pathname));
  } else {
    response.statusCode = pathname === "/favicon.ico" ? 204 : 404;
    response.end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://localhost:${server.address().port}`;

function playerPage(player, src) {
  const source = JSON.stringify(src);
  if (player === "hls.js") {
    return `<!DOCTYPE html><script src="/hls.js"></script><video></video><script>
      const media = document.querySelector("video");
      const hls = window.hls = new Hls();
      window.failures = [];
      hls.on(Hls.Events.ERROR, (_, data) => failures.push([data.details, data.fatal]));
      hls.loadSource(${source}); hls.attachMedia(media); media.play();</script>`;
  }
  if (player === "dash.js") {
    return `<!DOCTYPE html><script src="/dash.js"></script><audio></audio><script>
      window.dash = dashjs.MediaPlayer().create();
      window.failures = [];
      dash.on("error", ({ error }) => failures.push([error.message, true]));
      dash.initialize(document.querySelector("audio"), ${source}, true);</script>`;
  }
  const type = /[=/]audio\.mpd(&|$)/.test(src) ? "application/dash+xml" : "application/x-mpegURL";
  return `<!DOCTYPE html><script src="/${player}.js"></script><link rel="stylesheet" href="/${player}.css">
    <video-js controls preload="auto"></video-js><script>
    const player = window.player = videojs(document.querySelector("video-js"));
    window.failures = [];
    // As the seed's Example 1 does; Video.js 7 would else begin near the end of a growing playlist.
    player.on("loadedmetadata", () => player.currentTime(player.seekable().start(0)));
    player.on("error", () => failures.push([player.error().message, true]));
    player.src({ src: ${source}, type: "${type}" }); player.play();</script>`;
}

// What runs in the page: the media element, whatever player is around it.
const inPage = {
  state: () => {
    const media = document.querySelector("video, audio");
    const player = window.videojs?.getAllPlayers()[0];
    const ranges = (found) => Array.from({ length: found.length }, (_, i) => [found.start(i), found.end(i)]);
    const duration = player ? player.duration() : media.duration;
    return {
      at: media.currentTime,
      duration: duration === Infinity ? "infinite" : duration,
      buffered: ranges(media.buffered),
      seekable: ranges(player ? player.seekable() : media.seekable),
      ended: media.ended,
      paused: media.paused,
      failures: window.failures ?? [],
      levels: window.hls ? hls.levels.length
        : window.dash ? dash.getRepresentationsByType("audio").length
        : player?.tech(true)?.vhs?.representations?.().length,
    };
  },
  hear: async () => {
    const media = document.querySelector("video, audio");
    if (!window.listening) {
      const context = new AudioContext();
      await context.resume();
      window.listening = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
      new MediaElementAudioSourceNode(context, { mediaElement: media }).connect(listening);
      listening.connect(context.destination);
    }
    const spectrum = new Float32Array(listening.frequencyBinCount);
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      listening.getFloatFrequencyData(spectrum);
      const loudest = spectrum.indexOf(Math.max(...spectrum));
      if (spectrum[loudest] > -60) {
        return { at: media.currentTime, hz: (loudest * listening.context.sampleRate) / 8192 };
      }
    }
  },
  seek: (to) => {
    if (window.videojs) videojs.getAllPlayers()[0].currentTime(to);
    else document.querySelector("video, audio").currentTime = to;
  },
  rate: (to) => { document.querySelector("video, audio").playbackRate = to; },
  level: (to) => {
    if (window.hls) hls.currentLevel = to;
    else if (window.dash) {
      dash.updateSettings({ streaming: { abr: { autoSwitchBitrate: { audio: false } } } });
      dash.setRepresentationForTypeByIndex("audio", to, true);
    } else videojs.getAllPlayers()[0].tech(true).vhs.representations().forEach((one, i) => one.enabled(i === to));
  },
};

const steps = {
  state: (frame) => frame.evaluate(inPage.state),
  hear: (frame) => frame.evaluate(inPage.hear),
  seek: (frame, { to }) => frame.evaluate(inPage.seek, to),
  rate: (frame, { to }) => frame.evaluate(inPage.rate, to),
  level: (frame, { to }) => frame.evaluate(inPage.level, to),
  click: (frame, { on }) => frame.click(on),
  text: (frame, { of }) => frame.textContent(of),
  press: (frame, { key }, page) => page.keyboard.press(key),
  sleep: (frame, { seconds }, page) => page.waitForTimeout(1000 * seconds),
  // Wait until an expression in the page is true.
  // Evaluated from outside, since the page's policy forbids it to evaluate texts itself.
  until: async (frame, { is }) => {
    for (const deadline = Date.now() + 90_000; !(await frame.evaluate(is)); ) {
      if (Date.now() > deadline) throw new Error(`waited in vain for ${is}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  },
};

async function open(browser, request) {
  const context = await browser.newContext({ viewport: { width: 800, height: 600 } });
  try {
    const page = await context.newPage();
    const said = [];
    const hosts = new Set();
    page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (problem) => said.push(`uncaught: ${problem.message}`));
    page.on("request", (sent) => { if (!sent.url().startsWith("blob:")) hosts.add(new URL(sent.url()).host); });
    if (request.block) await page.route(request.block, (route) => route.abort());
    let url = request.open;
    if (request.player) pages.set("/player.html", playerPage(request.player, request.src));
    if (request.html) pages.set("/page.html", request.html);
    if (request.player) url = `${origin}/player.html`;
    if (request.html) url = `${origin}/page.html`;
    await page.goto(url);
    const frame = request.framed ? await (await page.waitForSelector("iframe")).contentFrame() : page;
    const answers = [];
    for (const step of request.steps) answers.push((await steps[step.do](frame, step, page)) ?? null);
    return { answers, said, hosts: [...hosts].sort(), origin };
  } finally {
    await context.close();
  }
}

function parse(text) {
  HLS.setOptions({ strictMode: true });
  const list = HLS.parse(text);
  if (list.isMasterPlaylist) {
    return list.variants.map(({ uri, bandwidth, averageBandwidth, codecs }) => (
      { uri, bandwidth, averageBandwidth, codecs }));
  }
  return {
    target: list.targetDuration,
    type: list.playlistType,
    ended: list.endlist,
    start: list.start?.offset,
    segments: list.segments.map(({ uri, duration, map }) => ({ uri, duration, map: map?.uri ?? null })),
  };
}

const ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio"];
const EAGER = "--autoplay-policy=no-user-gesture-required";
const browsers = new Map();
async function browserFor(gestures) {
  if (!browsers.has(gestures)) {
    const args = gestures ? ARGUMENTS : [...ARGUMENTS, EAGER];
    browsers.set(gestures, await chromium.launch({ executablePath: process.argv[2], args }));
  }
  return browsers.get(gestures);
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = request.parse !== undefined
      ? parse(request.parse)
      : await open(await browserFor(request.gestures ?? false), request);
  } catch (problem) {
    answer = { failed: String(problem.stack ?? problem) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await Promise.all([...browsers.values()].map((browser) => browser.close()));
server.close();
