// The official SDK, as a back end uses it: a file in parts, a stream, and all that is done with
// them. Prints what each step answered, as JSON.
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";

import * as Bytescale from "@bytescale/sdk";
import nodeFetch from "node-fetch";

const [url, apiKey] = process.argv.slice(2);
const config = { fetchApi: nodeFetch, apiKey, apiUrl: url, cdnUrl: url };
const uploads = new Bytescale.UploadManager(config);
const files = new Bytescale.FileApi(config);
const folders = new Bytescale.FolderApi(config);
const jobs = new Bytescale.JobApi(config);

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const bytesOf = async (result) => Buffer.from(await (await result.blob()).arrayBuffer());

// A second of noise, said to be PCM: 12 MB in three parts.
const sound = Buffer.concat([wavHeader(12_000_000), randomBytes(12_000_000)]);
const progress = [];
const whole = await uploads.upload({
  data: sound,
  mime: "audio/wav",
  originalFileName: "my song.wav",
  metadata: { mood: "blue", takes: [1, 2] },
  tags: ["demo"],
  path: { folderPath: "/sdk/{UTC_DATE}", fileName: "{ORIGINAL_FILE_NAME}-{UNIQUE_DIGITS_8}{ORIGINAL_FILE_EXT}" },
  onProgress: (event) => progress.push(event.progress),
});
const { accountId, filePath } = whole;
const streamed = await uploads.upload({
  data: Readable.from([sound.subarray(0, 70_000), sound.subarray(70_000, 6_000_000)]),
  size: 6_000_000,
  mime: "audio/wav",
  originalFileName: "stream.wav",
});
const raw = await bytesOf(await files.downloadFile({ accountId, filePath }));
const details = await files.getFileDetails({ accountId, filePath });
const folder = filePath.slice(0, filePath.lastIndexOf("/"));
const listed = await folders.listFolder({ accountId, folderPath: folder });

const processUrl = Bytescale.UrlBuilder.url({
  accountId,
  filePath,
  options: { transformation: "audio", transformationParams: { f: "mp3", te: "2" } },
}).replace(/^https:\/\/[^/]+/, url);
let job = await (await nodeFetch(processUrl)).json();
while (job.status === "Running") {
  await new Promise((resolve) => setTimeout(resolve, 100));
  job = await jobs.getJob({ accountId, jobType: job.jobType, jobId: job.jobId });
}
const artifact = await (await nodeFetch(job.summary.result.artifactUrl)).arrayBuffer();

await files.deleteFile({ accountId, filePath });
const gone = await files.getFileDetails({ accountId, filePath }).catch((error) => error.errorCode);
const rawGone = (await nodeFetch(`${url}/${accountId}/raw${encodeURI(filePath)}`)).status;
const artifactGone = (await nodeFetch(job.summary.result.artifactUrl)).status;

console.log(
  JSON.stringify({
    whole,
    streamed,
    details,
    listed,
    last: progress.at(-1),
    same: sha256(raw) === sha256(sound),
    job: job.status,
    artifactBytes: artifact.byteLength,
    gone,
    rawGone,
    artifactGone,
  }),
);

function wavHeader(bytes) {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + bytes, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(2, 22);
  head.writeUInt32LE(48_000, 24);
  head.writeUInt32LE(192_000, 28);
  head.writeUInt16LE(4, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(bytes, 40);
  return head;
}
