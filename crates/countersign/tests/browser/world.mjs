// What every walk needs: the demo that the Rust test started, callers, people in browsers, and a
// watch over all that the browsers see. A fault that the watch finds fails the walk at its end.

import assert from "node:assert/strict";
import { join } from "node:path";
import { chromium } from "playwright-core";

/** A setting that the Rust test makes. */
export function setting(name) {
  assert.ok(process.env[name], `${name} is not set: these walks are started by tests/it/browser.rs`);
  return process.env[name];
}

export const base = setting("COUNTERSIGN_TEST_DEMO");
/** The customer c_81 as the target knows them: what nobody may see of it stands in `secrets`. */
export const customer = JSON.parse(setting("COUNTERSIGN_TEST_CUSTOMER"));
export const secrets = [
  customer.email,
  customer.phone,
  customer.payment.card_number,
  customer.payment.card_number.replace(/[^0-9]/g, ""),
  customer.payment.iban,
  customer.payment.iban.replace(/ /g, ""),
  customer.date_of_birth,
  customer.last_sign_in.ip,
];

/** Says how far the walk is; the last line before a failure is where it failed. */
export const step = (text) => console.log(`- ${text}`);

// --- callers -------------------------------------------------------------------------------------

/** A call of the dunning agent. */
export async function call(method, path, { body, wait } = {}) {
  const token = await (await fetch(`${base}/demo/idp/token-for/dunning-agent`)).text();
  const headers = { authorization: `Bearer ${token}` };
  if (body) {
    headers["content-type"] = "application/json";
  }
  if (wait !== undefined) {
    headers.prefer = `wait=${wait}`;
  }
  const answer = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, text: await answer.text() };
}

/** A refund that is held; the promise is of its answer. */
export const refund = (amount, reason, options) =>
  call("POST", "/t/billing/v1/refunds", {
    body: { customer: "c_81", amount, currency: "EUR", reason },
    ...options,
  });

/** The code of a refusal. */
export const code = (answer) => JSON.parse(answer.text).code;

// --- browsers ------------------------------------------------------------------------------------

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
const WALK_MS_MAX = 8 * 60_000;

/** Runs a walk with a browser, and fails if the watch found anything. */
export async function walk(steps) {
  const browser = await chromium.launch({
    executablePath: setting("COUNTERSIGN_TEST_BROWSER"),
    headless: true,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    ],
  });
  // A walk that hangs fails, and takes its browser with it.
  setTimeout(() => {
    console.error(`the walk takes longer than ${WALK_MS_MAX} ms`);
    process.exit(1);
  }, WALK_MS_MAX).unref();
  const watch = new Watch();
  try {
    await steps((options) => open(browser, watch, options));
    await watch.end();
  } finally {
    await browser.close();
  }
}

/** A browser of its own, as somebody sits before it: with its cookies, its size, its scripts. */
async function open(browser, watch, { viewport = DESKTOP, scripts = true, dark = false } = {}) {
  const context = await browser.newContext({
    viewport,
    javaScriptEnabled: scripts,
    colorScheme: dark ? "dark" : "light",
    hasTouch: viewport === PHONE,
    deviceScaleFactor: 1,
  });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  await watch.over(page);
  return page;
}

/** Signs a person in through the demo's identity provider, and on to where they wanted to go. */
export async function signIn(page, name, path = "/console") {
  await page.goto(base + path);
  await choose(page, name);
  await page.waitForURL((url) => url.pathname === path);
}

/** Presses the button of a person on the identity provider's page. */
export const choose = (page, name) =>
  page.locator(`button[name=chosen][value="${name}@acme.example"]`).click();

export async function signOut(page) {
  await page.getByRole("button", { name: "Sign out" }).click();
  // By way of the provider, which leads back.
  await page.getByText("You are signed out, here and at your identity provider.").waitFor();
}

/** Opens the newest waiting call from the list of approvals, which comes to show it by itself. */
export async function openWaiting(page, summary) {
  await page.getByRole("listitem").filter({ hasText: summary }).getByRole("link").click();
  await page.getByRole("heading", { name: "What will run" }).waitFor();
}

/** Keeps a picture, if somebody wants pictures. */
export async function shot(page, name) {
  const directory = process.env.COUNTERSIGN_TEST_SHOTS;
  if (directory) {
    await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true });
  }
}

/** Looks at all that goes through the browsers, and keeps what should not have been. */
class Watch {
  #faults = [];
  #reads = [];
  #expected = new Map();

  /** Says that answers of this status are meant, from now on, on this page. */
  expect(page, status) {
    this.#expected.set(page, status);
  }

  async over(page) {
    const fault = (text) => this.#faults.push(`${page.url()}: ${text}`);
    page.expectStatus = (status) => this.expect(page, status);
    // Comes through the debugger, so that the page's policy does not keep it out.
    await page.addInitScript(() => {
      addEventListener("securitypolicyviolation", (it) => {
        console.error(`policy violated: ${it.violatedDirective} by ${it.blockedURI}`);
      });
    });
    page.on("console", (message) => {
      const failedLoad = message.text().includes(`the server responded with a status of ${this.#expected.get(page)} `);
      if (["error", "warning"].includes(message.type()) && !failedLoad) {
        fault(`console: ${message.text()}`);
      }
    });
    page.on("pageerror", (error) => fault(`script: ${error.message}`));
    page.on("dialog", (dialog) => {
      fault(`dialog: ${dialog.message()}`);
      return dialog.dismiss();
    });
    page.on("request", (request) => {
      if (new URL(request.url()).hostname !== new URL(base).hostname) {
        fault(`asks another host: ${request.url()}`);
      }
    });
    page.on("requestfailed", (request) => {
      // A question that the page asked when its reader went on.
      if (request.failure()?.errorText !== "net::ERR_ABORTED") {
        fault(`${request.url()}: ${request.failure()?.errorText}`);
      }
    });
    page.on("response", (response) => this.#reads.push(this.#read(page, response, fault)));
  }

  async #read(page, response, fault) {
    const { pathname, origin } = new URL(response.url());
    if (origin !== base || (response.status() >= 300 && response.status() < 400)) {
      return;
    }
    if (response.status() >= 400 && response.status() !== this.#expected.get(page)) {
      fault(`${response.status()} for ${pathname}`);
    }
    if (pathname.startsWith("/console")) {
      const policy = response.headers()["content-security-policy"] ?? "";
      if (!policy.startsWith("default-src 'none'") || policy.includes("unsafe")) {
        fault(`${pathname} has the policy ${policy}`);
      }
    }
    // A body is gone once its reader went on; the same page is read at other times.
    const text = await response.text().catch(() => "");
    for (const secret of secrets.filter((it) => text.includes(it))) {
      fault(`${pathname} shows ${secret}`);
    }
  }

  async end() {
    await Promise.all(this.#reads);
    assert.ok(this.#reads.length > 0, "no answer was watched");
    assert.deepEqual(this.#faults, []);
  }
}
