// Uploads a file with tus-js-client: node tus_upload.mjs ENDPOINT FILE URLS CHUNK_BYTES STOP_BYTES
// URLS is a file in which it remembers where uploads are, so that a second run resumes the first.
// With STOP_BYTES it ends like a closed tab once so many bytes were acknowledged, with status 3.
// Lines of output: "resumed" when it goes on with an earlier upload, "sent N" for each
// acknowledged chunk, "done URL" at the end.
import { createReadStream, statSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.POLYVOX_NODE_MODULES}/`);
const tus = require("tus-js-client");

const [endpoint, file, urls, chunkBytes, stopBytes] = process.argv.slice(2);
const upload = new tus.Upload(createReadStream(file), {
  endpoint,
  chunkSize: Number(chunkBytes) || Infinity,
  uploadSize: statSync(file).size,
  urlStorage: new tus.FileUrlStorage(urls),
  retryDelays: [0, 100, 300, 1000, 1000, 2000, 2000, 3000, 3000, 5000],
  metadata: { filename: "from-node.wav", filetype: "audio/wav", language: "de" },
  fingerprint: async () => "the-same-file",
  onChunkComplete: (_, sent) => {
    console.log(`sent ${sent}`);
    if (Number(stopBytes) && sent >= Number(stopBytes)) process.exit(3);
  },
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => console.log(`done ${upload.url}`),
});

const earlier = await upload.findPreviousUploads();
if (earlier.length) {
  upload.resumeFromPreviousUpload(earlier[0]);
  console.log("resumed");
}
upload.start();
