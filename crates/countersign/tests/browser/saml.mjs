// A person goes to a SAML provider and comes back, with scripts and without; where the request is a
// form, the page that posts it goes on by itself, or by its button. Started by tests/it/saml.rs.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const gateway = process.env.COUNTERSIGN_TEST_GATEWAY;
assert.ok(gateway, "COUNTERSIGN_TEST_GATEWAY is not set: this walk is started by tests/it/saml.rs");
setTimeout(() => {
  console.error("the walk takes too long");
  process.exit(1);
}, 120_000).unref();

const browser = await chromium.launch({
  executablePath: process.env.COUNTERSIGN_TEST_BROWSER,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"],
});
try {
  for (const scripts of [true, false]) {
    await signIn(scripts);
  }
} finally {
  await browser.close();
}

async function signIn(scripts) {
  console.log(`- with${scripts ? "" : "out"} scripts`);
  const context = await browser.newContext({ javaScriptEnabled: scripts });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && message.location().url.startsWith(gateway)) {
      faults.push(message.text());
    }
  });
  let posted = 0;
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().includes("SSOService.php")) {
      posted += 1;
    }
  });
  const begun = await page.goto(`${gateway}/console/saml/signed/begin?return_to=/console/grants`);
  const form = begun.headers()["content-security-policy"]?.includes("form-action http://127.0.0.1:");
  if (!scripts && form) {
    await page.getByRole("button", { name: "Go on to signed" }).click();
  }
  await page.locator("input[name=username]").fill("alice");
  await page.locator("input[name=password]").fill("alicepw");
  // By the keyboard: the provider's button is its own affair.
  await page.locator("input[name=password]").press("Enter");
  if (!scripts) {
    await page.locator("input[type=submit], button[type=submit]").first().click();
  }
  await page.waitForURL(`${gateway}/console/grants`).catch(async (error) => {
    console.error(`${page.url()}: ${await page.locator("body").innerText()}`);
    throw error;
  });
  await page.locator('[title="signed:alice@example.test"]').waitFor();
  assert.equal(posted, form ? 1 : 0, "how the request went");
  assert.deepEqual(faults, []);
  await context.close();
}
