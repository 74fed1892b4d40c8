// Drives Chromium through the page of tests/browser: node browser_upload.mjs CHROMIUM PAGE API FILE
// Uploads FILE in parts, with a reload of the page in between, and then by tus; one line of JSON for each.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.POLYVOX_NODE_MODULES}/`);
const { chromium } = require("playwright-core");

const [executablePath, address, api, file] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const page = await browser.newPage();
  page.on("console", (message) => console.error(message.text()));
  page.on("pageerror", (error) => console.error(String(error)));
  async function open() {
    await page.goto(address);
    await page.setInputFiles("#file", file);
  }

  await open();
  const upload = await page.evaluate((api) => begin(api, chosen()), api);
  const first = await page.evaluate(([api, id]) => sendMissing(api, id, chosen(), 1), [api, upload.upload_id]);
  await open();
  const others = await page.evaluate(([api, id]) => sendMissing(api, id, chosen()), [api, upload.upload_id]);
  const accepted = await page.evaluate(([api, id]) => complete(api, id), [api, upload.upload_id]);
  console.log(JSON.stringify({ first, others, media_id: accepted.media_id }));

  const byTus = await page.evaluate((api) => sendByTus(api, chosen(), 4 * 1024 * 1024), api);
  console.log(JSON.stringify(byTus));
} finally {
  await browser.close();
}
