// Olivia signs for a review with a passkey of Chromium's own virtual authenticator: what it signs is of
// that campaign as it is, and whoever has the evidence verifies it with nothing but Python.

import AxeBuilder from "@axe-core/playwright";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DESKTOP, PHONE, base, setting, shot, signIn, step, walk } from "./world.mjs";

async function api(name, method, path, body) {
  const token = await (await fetch(`${base}/demo/idp/token-for/${name}`)).text();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(`${base}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer;
}

const asked = async (...question) => (await api(...question)).json();

await walk(async (open) => {
  step("sam opens a review of one grant, which olivia is asked about");
  const made = await asked("sam", "POST", "/grants", {
    holder: { subject: "person@acme.example" }, functions: ["billing.customers.get"], reason: "Ticket 4001",
  });
  const rules = {
    owner: "olivia@acme.example", stages: [{ reviewers: ["owner"], mode: "any_one" }],
    fallback: ["sam@acme.example"], duration: "14d", grace: "7d", reminders: [], look_back: "90d",
    breaker_percent: 100, bulk_max: 50, reason: "against_recommendation",
  };
  const { id } = await asked("sam", "POST", "/reviews", { title: "One grant", scope: { grants: [made.id] }, rules });

  step("olivia adds a passkey, and keeps the grant");
  const page = await open();
  const debug = await page.context().newCDPSession(page);
  await debug.send("WebAuthn.enable");
  const { authenticatorId } = await debug.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal",
      hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await signIn(page, "olivia", "/console/me/passkeys");
  await page.getByLabel("What you call it").fill("Laptop");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByText("Added. From now on you can sign with it.").waitFor();
  await page.goto(`${base}/console/reviews/${id}/work`);
  await page.waitForFunction(() => document.activeElement?.matches("li.item"));
  await page.keyboard.press("c");
  await page.waitForFunction(() => document.activeElement?.matches("li.item input, #sign"));
  if (await page.evaluate(() => document.activeElement.matches("input"))) {
    await page.keyboard.type("needed");
    await page.keyboard.press("Enter");
  }
  await page.locator("#sign").waitFor();

  step("a device that does not check who it is signs nothing");
  const here = `${base}/console/reviews/${id}/sign-off?covers=own`;
  await page.goto(here);
  await look(page, "sign-off-passkey");
  await debug.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await page.getByRole("button", { name: "Sign off with a passkey" }).click();
  await page.getByText("The browser did not bring a passkey").waitFor();
  await look(page, "sign-off-passkey-refused");
  await debug.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });

  step("what was sent for one campaign signs no other");
  let sent;
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/sign-off")) {
      sent = request.postData();
    }
  });
  await page.getByRole("button", { name: "Sign off with a passkey" }).click();
  await page.getByText("Signed.").waitFor();
  await look(page, "sign-off-passkey-signed");
  const { campaign } = await asked("sam", "GET", `/reviews/${id}`);
  const [signed] = campaign.sign_offs;
  assert.equal(signed.by, "olivia@acme.example");
  assert.equal(signed.passkey.origin, base);
  assert.equal(signed.signed_in_at, undefined);
  page.expectStatus(403);
  const again = await page.evaluate(async ([path, body]) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await fetch(path, { method: "POST", headers, body });
    return [answer.status, await answer.text()];
  }, [`/console/reviews/${id}/sign-off`, sent]);
  assert.equal(again[0], 403);
  assert.match(again[1], /answered before/);

  step("she signs for the whole campaign, once it is closed");
  await page.goto(`${base}/console/reviews/${id}`);
  for (let tries = 0; tries < 60; tries += 1) {
    if ((await asked("sam", "GET", `/reviews/${id}`)).campaign.state.state === "closed") {
      break;
    }
    await new Promise((go) => setTimeout(go, 1_000));
  }
  await page.goto(`${base}/console/reviews/${id}/sign-off?covers=campaign`);
  await page.getByRole("button", { name: "Sign off with a passkey" }).click();
  await page.getByText("Signed.").waitFor();

  step("the evidence verifies with Python alone, and a changed byte is found");
  const pack = join(setting("COUNTERSIGN_TEST_SCRATCH"), "pack.tar");
  const bytes = Buffer.from(await (await api("sam", "GET", `/reviews/${id}/evidence`)).arrayBuffer());
  const verify = (what) => {
    writeFileSync(pack, what);
    const folder = setting("COUNTERSIGN_TEST_SCRATCH");
    spawnSync("tar", ["-xf", pack, "-C", folder]);
    return spawnSync("python3", [join(folder, id, "verify.py"), pack], { encoding: "utf8" });
  };
  const whole = verify(bytes);
  assert.equal(whole.status, 0, whole.stdout + whole.stderr);
  console.log(whole.stdout);
  const text = bytes.toString("latin1");
  const proof = signed.passkey.proof.signature;
  assert.ok(text.includes(proof));
  const other = text.replaceAll(proof, proof.replace(/.$/, (it) => (it === "A" ? "Q" : "A")));
  assert.notEqual(verify(Buffer.from(other, "latin1")).status, 0);
});

/** As people see it on a desktop and on a phone. */
async function look(page, name) {
  for (const [kind, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    await page.setViewportSize(viewport);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${page.url()} is ${wide} px too wide on a ${kind}`);
    const { violations } = await new AxeBuilder({ page }).analyze();
    assert.deepEqual(violations.map((it) => it.id), [], `${page.url()} on a ${kind}`);
    await shot(page, `${name}-${kind}`);
  }
  await page.setViewportSize(DESKTOP);
}
