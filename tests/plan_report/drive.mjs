// node drive.mjs STEPS PAGE: opens a page of plan-report in headless Chromium and goes through the steps of this name.
// BROWSER is the folder that scripts/setup-browser prints.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [steps, file] = process.argv.slice(2);
const folder = process.env.BROWSER;
const require = createRequire(join(folder, "index.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const address = pathToFileURL(file).href;

const browser = await chromium.launch({
  executablePath: join(folder, "bin/chromium"),
  // Its own sandbox needs what containers do not give; the pages are our own.
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});

/** A page that is ready, with everything that it asked for and complained about. */
async function open(options = {}, address_ = address) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.asked = [];
  page.complaints = [];
  page.on("request", (request) => page.asked.push(request.url()));
  page.on("console", (message) => page.complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("dialog", (dialog) => { page.complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  await page.goto(address_);
  await page.waitForSelector("html");
  return page;
}

const ready = (page) => page.waitForSelector("html[data-ready]", { state: "attached" });
const visible = (page, selector) => page.$$eval(selector, (found) => found.filter((one) => !one.hidden).length);
const column = (page, number) => page.$$eval("#task-table tbody tr:not([hidden])", (rows, number) => rows.map((row) => row.cells[number].innerText.trim()), number);
const openTask = (page) => page.evaluate(() => [...document.querySelectorAll("details.task[open]")].map((one) => one.id));
/** A link is followed a moment after the click: waits until these entries are the open ones. */
const opened = async (page, ids, what) => {
  const are = (ids) => JSON.stringify([...document.querySelectorAll("details.task[open]")].map((one) => one.id).sort()) === JSON.stringify(ids);
  await page.waitForFunction(are, ids).catch(() => {});
  assert.deepEqual((await openTask(page)).sort(), ids, what);
};

const all = {
  /** Nothing is fetched, nothing is complained about, nothing hangs over the edge of a phone. */
  async sound() {
    for (const options of [{}, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }]) {
      const page = await open(options);
      await ready(page);
      assert.deepEqual(page.asked.filter((url) => url !== address && !url.startsWith("data:")), []);
      assert.deepEqual(page.complaints, []);
      const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wide <= screen, `${wide} pixels on a screen of ${screen}`);
      const tags = await page.$$eval("link[href], script[src], img, iframe, object, embed, base, form", (found) => found.map((one) => one.outerHTML));
      assert.deepEqual(tags, ['<link rel="icon" href="data:,">']);
      assert.equal(await page.evaluate(() => document.scripts.length), 1);
    }
  },

  /** axe-core has nothing to say, light and dark, folded and unfolded, wide and narrow. */
  async accessible() {
    for (const options of [{ colorScheme: "light" }, { colorScheme: "dark" }, { viewport: { width: 360, height: 740 } }]) {
      const page = await open({ ...options, bypassCSP: true });
      for (const isOpen of [false, true]) {
        await page.evaluate((isOpen) => document.querySelectorAll("details").forEach((one) => { one.open = isOpen; }), isOpen);
        await page.evaluate(axe);
        const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
        const told = found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html + " " + node.any.map((any) => any.message).join(" ")).join(" | ")}`);
        assert.deepEqual(told, [], JSON.stringify(options));
        assert.ok(found.passes.some((one) => one.id === "color-contrast"), "contrast was looked at");
      }
    }
  },

  /** Everything is reached and used by keys alone. */
  async keyboard() {
    const page = await open();
    await ready(page);
    const focus = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim().slice(0, 40));
    await page.keyboard.press("Tab");
    assert.equal(await focus(), "Skip to the tasks");
    const place = await page.evaluate(() => document.activeElement.getBoundingClientRect().left);
    assert.ok(place >= 0, "the link is seen when it has the focus");
    await page.keyboard.press("Enter");
    assert.equal(await focus(), "tasks");
    await page.keyboard.press("Tab");
    assert.equal(await focus(), "filter-words");
    await page.keyboard.type("title of 7");
    assert.deepEqual(await column(page, 0), ["7"]);
    await page.fill("#filter-words", "");
    for (let presses = 0; (await focus()) !== "Tokens" && presses < 40; presses += 1) await page.keyboard.press("Tab");
    assert.equal(await focus(), "Tokens");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, "solid", "the focus is seen");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Space");
    const tokens = (await column(page, 7)).map((text) => Number(text.replaceAll(",", "")));
    assert.deepEqual(tokens, [...tokens].sort((a, b) => b - a));
    await page.focus("#task-1 > summary");
    await page.keyboard.press("Enter");
    await opened(page, ["task-1"]);
    await page.keyboard.press("Space");
    await opened(page, []);
  },

  /** Sort, filter, fold, go from the table and the pictures to an entry. */
  async clicks() {
    const page = await open();
    await ready(page);
    const rows = await visible(page, "#task-table tbody tr");
    assert.equal(rows, 9);
    await page.click("#task-table th >> text=Time");
    const times = await page.$$eval("#task-table tbody tr", (found) => found.map((row) => Number(row.cells[6].dataset.key)));
    assert.deepEqual(times, [...times].sort((a, b) => a - b));
    assert.equal(await page.getAttribute("#task-table th:has-text('Time')", "aria-sort"), "ascending");
    const order = await page.$$eval("#task-table tbody tr", (found) => found.map((row) => row.dataset.task));
    assert.deepEqual(await page.$$eval("details.task", (found) => found.map((one) => one.id)), order, "the entries follow the table");
    await page.click("#task-table th >> text=Task");
    assert.equal(await page.getAttribute("#task-table th:has-text('Time')", "aria-sort"), "none");

    await page.selectOption("#filter-state", "finished");
    assert.deepEqual(await column(page, 0), ["1", "2", "7"]);
    assert.equal(await page.textContent("#shown"), "3 of 9 tasks");
    assert.equal(await visible(page, "details.task"), 3);
    await page.fill("#filter-words", "SONNET src/7");
    assert.deepEqual(await column(page, 0), ["7"]);
    await page.fill("#filter-words", "no such thing");
    assert.equal(await visible(page, "#task-table tbody tr"), 0);
    await page.fill("#filter-words", "");
    await page.selectOption("#filter-state", "");
    assert.equal(await page.textContent("#shown"), "9 tasks");

    await page.click("#task-table a[href='#task-2']");
    await opened(page, ["task-2"]);
    assert.ok(await page.isVisible("#task-2 >> text=now I could"));
    assert.ok(await page.isVisible("#task-2 >> text=Attempt 2, in batch 2"));
    await page.click("#task-2 > summary");
    await opened(page, []);
    assert.ok(!(await page.isVisible("#task-2 >> text=now I could")));
    await page.click("#task-table a[href='#task-2']");
    await opened(page, ["task-2"], "the same link opens it again");
    await page.click("svg g.node:has-text('Title of 3')");
    await opened(page, ["task-2", "task-3"]);
    await page.click("text=Close all entries");
    await opened(page, []);
    await page.selectOption("#filter-state", "failed");
    await page.click("text=Open all entries");
    await opened(page, ["task-4"], "only those that are shown");
    // A link to a task that is filtered away shows it.
    await page.click("svg g.node:has-text('Title of 1')");
    await page.waitForSelector("#task-1 >> text=all is well", { state: "visible" });
  },

  /** Nothing of what was said has become anything else than text, and nothing could run if it did. */
  async hostile() {
    const page = await open();
    await ready(page);
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
    const text = await page.evaluate(() => document.body.innerText);
    for (const said of ["</pre></details></script><script>window.harmed = 1</script><img src=x", "␛[31mred␛[0m", "<U+202E>txt.exe<U+202C>", "&lt;b&gt;", "</style><script>"]) {
      assert.ok(text.includes(said), `${said} is shown`);
    }
    assert.ok(!/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(text), "no control characters");
    assert.ok(text.includes("left out here"), "what is left out is told");
    assert.equal(await page.evaluate(() => window.harmed), undefined);
    assert.equal(await page.$$eval("a[href]", (found) => found.filter((one) => !/^(#|\.\/)/.test(one.getAttribute("href"))).length), 0);
    assert.deepEqual(page.complaints, []);
    // Should anything ever slip through: the policy keeps it from running and from being fetched.
    await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.harmed = 7";
      document.body.append(script);
      const image = document.createElement("img");
      image.src = "http://127.0.0.1:9/x.png";
      image.setAttribute("onerror", "window.harmed = 8");
      document.body.append(image);
    });
    await page.waitForFunction(() => true);
    assert.equal(await page.evaluate(() => window.harmed), undefined);
    assert.ok(page.complaints.filter((one) => one.includes("Content Security Policy")).length >= 2, page.complaints.join("\n"));
  },

  /**
   * Prints how many seconds the page's own thread works until the page is there and a choice has done its work. Seconds of
   * the processor: those of the clock depend on who else is at work on the machine.
   */
  async speed() {
    const context = await browser.newContext();
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const worked = async () => {
      const { metrics } = await session.send("Performance.getMetrics");
      return metrics.find((one) => one.name === "TaskDuration").value;
    };
    await page.goto(address);
    await ready(page);
    await page.selectOption("#filter-state", "failed");
    await page.waitForFunction(() => document.querySelector("#shown").textContent === "50 of 1000 tasks");
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const took = await worked();
    assert.ok(took > 0.01, "something was measured");
    await page.click("#task-table th >> text=Tokens");
    await page.click("#task-table tbody tr:not([hidden]) a");
    await page.waitForFunction(() => document.querySelectorAll("details.task[open]").length === 1);
    console.log(took.toFixed(3));
  },

  /** The page loads itself anew, keeps its place, and stops when it is told to. PAGE grows meanwhile. */
  async follow() {
    const page = await open();
    await ready(page);
    await page.selectOption("#filter-state", "finished");
    await page.click("#task-1 > summary");
    console.log("ready");
    await page.waitForFunction(() => document.querySelectorAll("#task-table tbody tr").length === 2, null, { timeout: 60000 });
    await ready(page);
    assert.deepEqual(await column(page, 0), ["1"], "the filter is kept");
    await opened(page, ["task-1"], "so is the open entry");
    await page.click("#pause");
    assert.equal(await page.textContent("#pause"), "Go on loading anew");
    console.log("seen");
    // The last page, when the run is over, does not load itself anew.
    await page.waitForFunction(() => true);
    await page.click("#pause");
    await page.waitForFunction(() => !document.body.dataset.follow, null, { timeout: 60000 });
    assert.equal(await page.$("#pause"), null);
  },
};

try {
  await all[steps]();
} finally {
  await browser.close();
}
