// Types and draws puzzles into the built page in a real browser, and prints what it read there.
//
//   node tests/browser.mjs ADDRESS BROWSER PUZZLES.json [SCREENSHOT.png]

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [address, browser, puzzles, screenshot] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "hrm-gym-browser-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: browser,
  headless: true,
  viewport: { width: 1000, height: 820 },
  reducedMotion: "reduce",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
const said = { requests: [], errors: [], results: [] };
try {
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(60_000);
  page.on("request", (request) => said.requests.push(request.url()));
  page.on("pageerror", (error) => said.errors.push(error.message));
  page.on("console", (entry) => {
    if (entry.type() === "error") said.errors.push(entry.text());
  });
  await page.goto(address);
  await page.waitForSelector("body[data-ready=yes]");
  said.tabs = await page.locator("#models button").allTextContents();
  said.sizes = {};
  for (const { name, side, text } of JSON.parse(readFileSync(puzzles, "utf8"))) {
    await page.click(`#models button[data-name="${name}"]`);
    said.sizes[name] = await page.locator("#size option").evaluateAll((all) => all.map((o) => Number(o.value)));
    await page.selectOption("#size", String(side));
    await page.click("#clear");
    if (name.startsWith("sudoku")) {
      await page.locator("#board input").first().focus();
      // Half as keys are pressed, half as the keyboard of a phone writes: text without a key.
      const half = Math.floor(text.length / 2);
      await page.keyboard.type(text.slice(0, half));
      for (const mark of text.slice(half)) await page.keyboard.insertText(mark);
    } else {
      await draw(page, text);
    }
    const begun = performance.now();
    await page.click("#think");
    await page.waitForFunction(
      () => document.querySelector("#thoughts").dataset.done || document.querySelector("#message").textContent,
    );
    const seconds = (performance.now() - begun) / 1000;
    const state = await page.locator("#thoughts").evaluate((place) => ({ ...place.dataset }));
    const board = await page
      .locator("#board .cell")
      .evaluateAll((cells) => cells.map((cell) => cell.querySelector("input")?.value ?? cell.className));
    said.results.push({
      name,
      seconds,
      ...state,
      board,
      message: await page.textContent("#message"),
      verdict: await page.textContent("#verdict"),
    });
    if (screenshot) await page.screenshot({ path: screenshot.replace(".png", `-${name}-${side}.png`) });
  }
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
console.log(JSON.stringify(said));

/** Draw a maze cell by cell, as a person would: choose a tool, press on the cells. */
async function draw(page, text) {
  const cells = page.locator("#board .cell");
  const place = async (index) => {
    const box = await cells.nth(index).boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.up();
  };
  for (const [button, mark] of [["Move S", "S"], ["Move G", "G"], ["Wall", "#"]]) {
    await page.getByRole("radio", { name: button }).click();
    for (let index = 0; index < text.length; index++) if (text[index] === mark) await place(index);
  }
}
