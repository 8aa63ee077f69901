// Every page, as the people who come to it see it: on a desktop and on a phone, in both colour
// schemes, with and without scripts. None is wider than its window, and axe finds nothing.

import AxeBuilder from "@axe-core/playwright";
import assert from "node:assert/strict";
import { DESKTOP, PHONE, base, call, refund, shot, signIn, step, walk } from "./world.mjs";

/** What one visit is looked at as. Colours and layout do not depend on each other. */
const LOOKS = [
  { name: "desktop", viewport: DESKTOP, colorScheme: "light" },
  { name: "phone", viewport: PHONE, colorScheme: "dark" },
];

await walk(async (open) => {
  step("something of everything happens");
  assert.equal((await call("GET", "/t/billing/v1/customers/c_81")).status, 200);
  const long = "w".repeat(400);
  for (const [amount, reason] of [[140, "collected twice"], [150, "<b>" + "\u202E".repeat(40)], [4999, long]]) {
    assert.equal((await refund(amount, reason, { wait: 0 })).status, 403);
  }
  assert.equal((await call("GET", "/t/billing/v1/exports/customers", { wait: 0 })).status, 403);
  const amir = await open();
  await signIn(amir, "amir", "/console/approvals");
  const approvals = await links(amir, "/console/approvals/apr_");
  assert.equal(approvals.length, 3);
  await amir.goto(base + approvals.at(-1));
  await amir.getByRole("button", { name: "Deny" }).click();
  await amir.getByText("You denied this call.").waitFor();

  const ada = await open();
  await signIn(ada, "ada", "/console/sessions");
  const [session] = await links(ada, "/console/sessions/ses_");
  await ada.goto(base + session);
  const [oneCall] = await links(ada, `${session}/calls/`);
  await ada.goto(`${base}/console/grants`);
  const grants = await links(ada, "/console/grants/grt_");

  const visits = {
    amir: ["/console", "/console/approvals", ...approvals],
    ada: [
      "/console", "/console/approvals", "/console/sessions", session, oneCall, "/console/catalog",
      "/console/catalog/billing.refunds.create", "/console/grants", grants[0],
      "/console/ledger",
      "/console/identity",
      "/console/people", "/console/people?find=nobody", "/console/people/riley@acme.example",
      "/console/people/olivia@acme.example", "/console/reviews", "/console/reviews/schedules",
    ],
    olivia: ["/console", "/console/grants/new?function=billing.refunds.create", ...grants.slice(0, 3)],
    sam: ["/console/grants/new", "/console/api-keys"],
    riley: [
      "/console", "/console/sessions", approvals[0], "/console/sessions/ses_nothing",
      "/console/identity", "/console/me/passkeys", "/console/people/riley@acme.example",
    ],
  };
  for (const [person, paths] of Object.entries(visits)) {
    step(`${person}: ${paths.length} pages`);
    const page = await open();
    // One of the pages is none: riley's session.
    page.expectStatus(404);
    await signIn(page, person);
    const plain = await open({ viewport: PHONE, scripts: false });
    plain.expectStatus(404);
    await signIn(plain, person);
    for (const path of paths) {
      await page.goto(base + path);
      await check(page, person);
      await plain.goto(base + path);
      await fits(plain, person, "phone without scripts");
    }
    await page.context().close();
    await plain.context().close();
  }

  step("functions that nobody answers for, and somebody who is away");
  const token = await (await fetch(`${base}/demo/idp/token-for/sam`)).text();
  const sam = async (path, body) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(`${base}/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.text()}`);
  };
  const until = new Date(Date.now() + 10 * 86_400_000).toISOString();
  await sam("/delegates", { of: "olivia@acme.example", to: "amir@acme.example", until });
  await sam("/stops", { scope: { subject: "olivia@acme.example" }, why: "left" });
  await ada.goto(`${base}/console/catalog`);
  await ada.getByRole("heading", { name: "Nobody answers for these" }).waitFor();
  await check(ada, "ada-unowned");
  await amir.goto(`${base}/console/people/amir@acme.example`);
  await amir.getByRole("button", { name: "Give it back" }).waitFor();
  await check(amir, "amir-away");
  await amir.getByRole("button", { name: "Give it back" }).click();
  await amir.waitForURL((url) => url.pathname === "/console/people/amir@acme.example");
  assert.equal(await amir.getByRole("button", { name: "Give it back" }).count(), 0);

  step("nobody yet: the pages of signing in");
  const page = await open();
  await page.goto(`${base}/console/sign-in`);
  await check(page, "nobody");
  await page.getByRole("link", { name: /Sign in/ }).click();
  await page.getByRole("heading", { name: "Who are you today?" }).waitFor();
  await check(page, "nobody");
  await page.goto(`${base}/demo/idp/device`);
  await check(page, "nobody");
});

/** The addresses that a page links to below a place. */
async function links(page, prefix) {
  const found = await page.locator(`a[href^="${prefix}"]`).evaluateAll((all) => all.map((it) => it.getAttribute("href")));
  assert.ok(found.length > 0, `nothing at ${prefix}`);
  return [...new Set(found)];
}

async function check(page, person) {
  for (const { name, viewport, colorScheme } of LOOKS) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await fits(page, person, name);
    const { violations } = await new AxeBuilder({ page }).analyze();
    const found = violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html.slice(0, 160))}`);
    assert.deepEqual(found, [], `${page.url()} for ${person} on a ${name}`);
    const { pathname, search } = new URL(page.url());
    const path = (pathname + search).replace(/[^a-z0-9]+/gi, "-");
    await shot(page, `${person}${path.slice(0, 40)}-${name}`);
  }
}

/** Nothing stands beyond the window's edge. */
async function fits(page, person, look) {
  const where = `${page.url()} for ${person} on a ${look}`;
  const { wide, beyond } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    beyond: [...document.querySelectorAll("body *")]
      .filter((it) => it.getBoundingClientRect().right > innerWidth + 1 && !it.closest("pre"))
      .map((it) => it.outerHTML.slice(0, 120)).slice(0, 3),
  }));
  assert.ok(wide <= 0 && beyond.length === 0, `${where} is ${wide} px too wide: ${beyond}`);
  assert.equal(await page.locator("h1").count(), 1, where);
}
