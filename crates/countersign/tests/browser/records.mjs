// ada audits: she follows a call from the list of sessions to its masked exchange, and to what the
// ledger says of it. That nothing of c_81 is seen is watched on every answer of every walk.

import assert from "node:assert/strict";
import { base, call, customer, shot, signIn, step, walk } from "./world.mjs";

await walk(async (open) => {
  const answer = await call("GET", "/t/billing/v1/customers/c_81");
  assert.equal(answer.status, 200);

  step("ada goes from the sessions to the call");
  const page = await open();
  await signIn(page, "ada", "/console/sessions");
  await shot(page, "sessions-desktop");
  await page.locator("tbody tr").first().getByRole("link").click();
  await page.getByText("That you looked at this session stands in the ledger now.").waitFor();
  await shot(page, "session-desktop");
  await page.getByRole("link", { name: "billing.customers.get" }).click();

  step("the exchange is masked, and what the caller got is what was recorded");
  const response = await page.locator("section[aria-labelledby=response] pre").innerText();
  assert.deepEqual(JSON.parse(response), JSON.parse(answer.text));
  const [first] = customer.email;
  assert.ok(response.includes(`${first}***@`), response);
  assert.ok(response.includes(customer.name), "what is not masked is there");

  step("the ledger says the same");
  const proof = page.locator("section[aria-labelledby=ledger]");
  // A checkpoint is signed at least once in a second.
  for (let tries = 0; tries < 20 && (await proof.innerText()).includes("not signed yet"); tries += 1) {
    await page.waitForTimeout(500);
    await page.reload();
  }
  const said = await proof.innerText();
  for (const it of [
    /The arguments match the ledger entry #\d+\./,
    /The recording matches the ledger entry #\d+, byte for byte\./,
    /Entry #\d+ is in the signed tree of \d+ entries\./,
  ]) {
    assert.match(said, it);
  }
  assert.doesNotMatch(said, /does not match|not checked/);
  await shot(page, "call-desktop");

  step("ada changes nothing");
  await page.goto(`${base}/console/grants`);
  await page.locator("tbody tr").first().getByRole("link").click();
  await page.getByText("What it lets its holder call").waitFor();
  assert.equal(await page.getByRole("button", { name: /Certify|Revoke/ }).count(), 0);
});
