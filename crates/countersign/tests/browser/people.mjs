// Riley reads their own sign-in claim by claim; sam finds riley among people, by each way in, and
// sees what riley has; who has no business with it sees none of it.

import assert from "node:assert/strict";
import { PHONE, base, refund, shot, signIn, step, walk } from "./world.mjs";

await walk(async (open) => {
  step("riley sees what the provider said, what it became, and by which rule");
  const riley = await open();
  await signIn(riley, "riley");
  await riley.locator(".who .name").click();
  await riley.getByRole("heading", { name: "Your sign-in, claim by claim" }).waitFor();
  const rows = riley.locator("section", { hasText: "Your sign-in, claim by claim" }).locator("tr");
  const groups = await rows.filter({ hasText: "claims.groups" }).innerText();
  assert.match(groups, /groups.*"developers".*developers.*issuers\[demo\]\.claims\.groups/s);
  const proofs = riley.locator("details", { hasText: "What was proved of the sign-in itself" });
  assert.equal(await proofs.getByText("header.alg").isVisible(), false);
  await proofs.locator("summary").click();
  await proofs.getByText("header.alg").waitFor();
  await shot(riley, "identity-desktop");
  await riley.setViewportSize(PHONE);
  await shot(riley, "identity-phone");

  step("from there to what else is known of riley");
  await riley.getByRole("link", { name: "What else is known of you here" }).click();
  await riley.getByRole("heading", { level: 1, name: "Riley Tan" }).waitFor();
  const own = await riley.locator("main").innerText();
  assert.match(own, /Agents: agent:dunning/);
  assert.match(own, /Browser signed in with|With\s+demo/i);
  assert.equal(await riley.getByRole("link", { name: "People" }).count(), 0);
  riley.expectStatus(403);
  await riley.goto(`${base}/console/people`);
  await riley.getByText("This is for an administrator or auditor only.").waitFor();

  step("an agent of riley's waits, and sam finds riley by name");
  assert.equal((await refund(140, "collected twice", { wait: 0 })).status, 403);
  const sam = await open();
  await signIn(sam, "sam");
  await sam.getByRole("link", { name: "People" }).click();
  await sam.getByLabel("Name, subject or address").fill("riley");
  await sam.getByRole("button", { name: "Find" }).click();
  assert.equal(await sam.locator("tbody tr").count(), 1);
  await shot(sam, "people-desktop");
  await sam.getByRole("link", { name: "Riley Tan" }).click();
  await sam.getByRole("heading", { level: 1, name: /Riley Tan\s+active/ }).waitFor();
  const shown = await sam.locator("main").innerText();
  assert.match(shown, /Known from\s+sign-in, .*catalog/);
  assert.match(shown, /At the last sign-in: developers/);
  await shot(sam, "person-desktop");

  step("nobody is found by what begins no word, without scripts and on a phone too");
  const plain = await open({ viewport: PHONE, scripts: false });
  await signIn(plain, "ada", "/console/people");
  await shot(plain, "people-phone");
  await plain.getByLabel("Name, subject or address").fill("iley <b>");
  await plain.getByRole("button", { name: "Find" }).click();
  await plain.getByText("Nobody is found by this.").waitFor();
  await plain.goto(`${base}/console/people/riley@acme.example`);
  await plain.getByRole("heading", { level: 1, name: "Riley Tan" }).waitFor();
  await shot(plain, "person-phone");

  step("amir has no business with riley, who is not there for them");
  const amir = await open();
  await signIn(amir, "amir");
  amir.expectStatus(404);
  await amir.goto(`${base}/console/people/riley@acme.example`);
  const other = await amir.locator("main").innerText();
  await amir.goto(`${base}/console/people/nobody@acme.example`);
  assert.equal(await amir.locator("main").innerText(), other);
});
