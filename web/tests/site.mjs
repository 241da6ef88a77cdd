// Opens every page of the built documentation site in a real browser, and prints what it found there.
//
//   node tests/site.mjs ADDRESS BROWSER PAGES.json [FOLDER OF SCREENSHOTS]

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [address, executablePath, pages, shots] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
});
const said = { requests: [], errors: [], pages: {}, found: 0 };
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(60_000);
  page.on("request", (request) => said.requests.push(request.url()));
  page.on("pageerror", (error) => said.errors.push(`${page.url()}: ${error.message}`));
  page.on("console", (entry) => {
    if (entry.type() === "error") said.errors.push(`${page.url()}: ${entry.text()}`);
  });
  for (const name of JSON.parse(readFileSync(pages, "utf8"))) {
    await page.goto(address + name, { waitUntil: "load" });
    // The page with the agents has loaded its models.
    if (name.startsWith("try/")) await page.waitForSelector("body[data-ready=yes]");
    said.pages[name] = await page.evaluate(() => ({
      title: document.querySelector("h1")?.textContent,
      links: [...document.querySelectorAll("a[href]")].map((link) => link.href),
      ids: [...document.querySelectorAll("[id], a[name]")].map((found) => found.id || found.name),
      broken: [...document.images].filter((image) => !image.naturalWidth).map((image) => image.src),
      // What does not fit is cut off or makes the whole page scroll.
      wide: document.documentElement.scrollWidth - window.innerWidth,
    }));
    if (shots) await page.screenshot({ path: join(shots, `${name.replaceAll("/", "_")}.png`) });
  }
  await page.goto(address + "index.html");
  await page.click(".md-search__input");
  await page.fill(".md-search__input", "maze");
  await page.waitForSelector(".md-search-result__item");
  said.found = await page.locator(".md-search-result__item").count();
} finally {
  await browser.close();
}
console.log(JSON.stringify(said));
