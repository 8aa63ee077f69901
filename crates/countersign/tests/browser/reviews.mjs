// olivia owns the billing functions: what she certifies passes, what she revokes does not, and both
// from the next call on.

import assert from "node:assert/strict";
import { call, code, shot, signIn, step, walk } from "./world.mjs";

const EXPORT = "/t/billing/v1/exports/customers";
const READ = "/t/billing/v1/customers/c_81";

await walk(async (open) => {
  step("an overdue grant holds the export");
  const held = await call("GET", EXPORT, { wait: 0 });
  assert.equal(held.status, 403);
  assert.equal(code(held), "approval_required");

  step("olivia finds the grant on her first page, and certifies it");
  const page = await open();
  await signIn(page, "olivia");
  await page.getByRole("link", { name: /agent:dunning.*billing\.exports\.customers/ }).waitFor();
  await shot(page, "home-olivia-desktop");
  await page.getByRole("link", { name: /agent:dunning.*billing\.exports\.customers/ }).last().click();
  await page.getByText("Export customers for last year's mailing").waitFor();
  assert.match(await page.locator("tbody tr").innerText(), /overdue\s+since 20/);
  await shot(page, "grant-desktop");
  await page.getByRole("button", { name: "Certify" }).click();
  await page.locator("h1").filter({ hasText: "fresh" }).waitFor();
  const passed = await call("GET", EXPORT, { wait: 0 });
  assert.equal(passed.status, 200, passed.text);
  const lines = passed.text.trim().split("\n").map((it) => JSON.parse(it));
  assert.ok(lines.length > 200 && lines.every((it) => it.email.includes("***@")), lines[0]);

  step("what she revokes ends with the next call");
  assert.equal((await call("GET", READ)).status, 200);
  await page.getByRole("link", { name: "Grants" }).first().click();
  const grant = page.getByRole("row").filter({ hasText: "Remind customers of unpaid invoices" });
  await grant.getByRole("link").click();
  await page.getByLabel("Why it ends").fill("The agent reads nobody any more");
  await page.getByRole("button", { name: "Revoke" }).click();
  await page.locator("h1").filter({ hasText: "revoked" }).waitFor();
  const refused = await call("GET", READ);
  assert.equal(refused.status, 403, refused.text);
  assert.equal(code(refused), "grant_revoked");
  assert.equal(await page.getByRole("button", { name: /Certify|Revoke/ }).count(), 0);
});
