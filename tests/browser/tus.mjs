// The official tus client: paused and gone on with by another, all in one request, given up.
// Prints what each of them came to, as JSON.
import { mkdtempSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as tus from "tus-js-client";

const [url, apiKey, file] = process.argv.slice(2);
const content = await readFile(file);
const endpoint = `${url}/v1/uploads`;
const headers = { Authorization: `Bearer ${apiKey}` };
const urlStorage = new tus.FileUrlStorage(join(mkdtempSync(join(tmpdir(), "tus-")), "urls"));
const metadata = { filename: "my song.wav", filetype: "audio/wav", title: "Größe", tags: "a,b" };

// Runs until it succeeds, or until its progress is enough; tells its address, offset and audio.
function run({ until = Infinity, previous, ...options }) {
  return new Promise((resolve, reject) => {
    const told = { requests: [], accepted: 0, audio: null };
    const upload = new tus.Upload(content, {
      endpoint,
      headers,
      metadata,
      retryDelays: null,
      onError: reject,
      onSuccess: () => resolve({ ...told, upload, url: upload.url }),
      onChunkComplete: (_, accepted) => {
        told.accepted = accepted;
        if (accepted >= until) {
          upload.abort().then(() => resolve({ ...told, upload, url: upload.url }), reject);
        }
      },
      onAfterResponse: (request, response) => {
        told.requests.push(`${request.getMethod()} ${response.getStatus()}`);
        told.audio = response.getHeader("X-Audio-Id") ?? told.audio;
      },
      ...options,
    });
    if (previous) {
      upload.resumeFromPreviousUpload(previous);
    }
    upload.start();
  });
}

const stored = { fingerprint: async () => "song", urlStorage, storeFingerprintForResuming: true };
const paused = await run({ ...stored, chunkSize: 150_000, until: 300_000 });
const [previous] = await paused.upload.findPreviousUploads();
const resumed = await run({ ...stored, previous, chunkSize: 400_000 });
const again = await run({ uploadUrl: resumed.url });
const whole = await run({ uploadDataDuringCreation: true });
const begun = await run({ chunkSize: 150_000, until: 150_000 });
await tus.Upload.terminate(begun.url, { headers });
const gone = await fetch(begun.url, { method: "HEAD", headers: { ...headers, "Tus-Resumable": "1.0.0" } });
const refused = await run({ metadata: { isPublic: "maybe" } }).catch((error) =>
  JSON.parse(error.originalResponse.getBody()),
);

const shown = ({ upload, ...told }) => told;
console.log(
  JSON.stringify({
    paused: shown(paused),
    resumed: shown(resumed),
    again: shown(again),
    whole: shown(whole),
    gone: gone.status,
    refused,
  }),
);
