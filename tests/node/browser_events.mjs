// A page of another origin follows a recording with EventSource: node browser_events.mjs CHROMIUM PAGE API KEY MEDIA_ID
// Prints the types of the events that came, and what became of the same address without its ticket, as one line of JSON.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.POLYVOX_NODE_MODULES}/`);
const { chromium } = require("playwright-core");

const [executablePath, address, api, key, id] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const page = await browser.newPage();
  await page.goto(address);
  const told = await page.evaluate(
    async ([api, key, id]) => {
      const asked = { method: "POST", headers: { "X-API-Key": key } };
      const { href } = await (await fetch(`${api}/v1/media/${id}/events/ticket`, asked)).json();
      const follow = (url) =>
        new Promise((resolve) => {
          const source = new EventSource(url);
          const end = (event) => {
            source.close();
            resolve(event.type);
          };
          for (const type of ["completed", "failed", "deleted", "error"]) source.addEventListener(type, end);
        });
      return { withTicket: await follow(api + href), without: await follow(`${api}/v1/media/${id}/events`) };
    },
    [api, key, id],
  );
  console.log(JSON.stringify(told));
} finally {
  await browser.close();
}
