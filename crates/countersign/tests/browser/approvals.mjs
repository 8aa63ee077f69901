// An agent's refunds wait for people: amir is shown each as it comes, approves, denies, and is not
// fooled by what an agent writes; riley, who answers for the agent, can't answer.

import assert from "node:assert/strict";
import {
  PHONE, base, call, code, customer, openWaiting, refund, shot, signIn, signOut, step, walk,
} from "./world.mjs";

const PERSONAL = `collected twice, says ${customer.email} with the card ${customer.payment.card_number}`;
const HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>alert(1)</script>"
  + " 5 \u202Eruo 000,1\u202C EUR to\u200Bday {{ 7*7 }}";

await walk(async (open) => {
  step("amir signs in and waits on the list");
  const page = await open();
  await signIn(page, "amir", "/console/approvals");
  await page.getByText("Nothing waits for your answer.").waitFor();

  step("a held refund appears by itself");
  const first = refund(140, PERSONAL);
  const row = page.getByRole("listitem").filter({ hasText: "140" });
  await row.waitFor();
  assert.match(await row.innerText(), /billing\.refunds\.create\s+high\s.*agent:dunning/s);
  await shot(page, "approvals-desktop");
  await openWaiting(page, "140");

  step("its page has all that an approver must know");
  await sees(page, "What will run", [
    /customer\s+c_81/, /amount\s+140/, /currency\s+EUR/, /reason\s+hidden/, "on billing",
    "One argument is hidden by the catalog",
  ]);
  await sees(page, "Why it is held", ["approval_required", "args.amount > 100"]);
  await sees(page, "Who calls", [
    /Subject\s+agent:dunning \(agent\)/, /Sponsor\s+riley@acme\.example/, /Issuer\s+demo/,
    /Client\s+dunning-agent/,
  ]);
  await sees(page, "On which grants", [
    /grt_\w+ version 1/, "Pay back what was collected twice", /Last certified.+by olivia@acme/s,
  ]);
  await sees(page, "Against the last approved call", ["No call of this caller"]);
  await sees(page, "Denied to this caller", ["Nothing."]);
  await sees(page, "Your answer", [/\d+ min.* left/, "a member of finance-approvers"]);
  const main = await page.locator("main").innerText();
  assert.ok(main.includes("Pay money back to a customer."), "the purpose is told");
  await page.locator("summary code").click();
  const digest = (await page.locator("code.long").innerText()).trim();
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.equal(await page.locator("input[name=digest]").inputValue(), digest);
  await shot(page, "approval-desktop");

  step("approved, it runs, and its page comes to say so");
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByText("Your approval is taken.").waitFor();
  const ran = await first;
  assert.equal(ran.status, 201, ran.text);
  await page.locator("h1").filter({ hasText: "executed" }).waitFor();
  await sees(page, "What ran", [/amount\s+140/]);
  assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0);

  step("the next one is compared with it, and denied");
  await page.goto(`${base}/console`);
  const second = refund(150, PERSONAL);
  await openWaiting(page, "150");
  await sees(page, "Against the last approved call", [/amount\s+140\s+150/, "2 values are the same"]);
  await page.getByLabel("Comment").fill("Ask the customer first");
  await page.getByRole("button", { name: "Deny" }).click();
  await page.getByText("You denied this call.").waitFor();
  await sees(page, "What was asked", [/amount\s+150/]);
  const denied = await second;
  assert.equal(denied.status, 403, denied.text);
  assert.equal(code(denied), "approval_denied");

  step("what an agent writes is shown as text, and what can't be seen is made visible");
  await page.getByRole("link", { name: "Approvals" }).first().click();
  assert.equal((await refund(900, HOSTILE, { wait: 0 })).status, 403);
  await page.getByRole("listitem").filter({ hasText: "900" }).waitFor();
  await openWaiting(page, "900");
  const visible = HOSTILE.replace("\u202E", "⟨U+202E⟩").replace("\u202C", "⟨U+202C⟩")
    .replace("\u200B", "⟨U+200B⟩");
  const reason = page.locator("tr").filter({ has: page.locator("th", { hasText: /^reason$/ }) });
  const shown = (await reason.first().locator("td").innerText()).trim();
  assert.equal(shown, visible);
  assert.equal(await page.locator("main img, main script").count(), 0);
  assert.ok((await page.title()).startsWith("billing.refunds.create"), await page.title());
  assert.doesNotMatch(await page.content(), /[\u202A-\u202E\u2066-\u2069\u200B-\u200F]/);
  await sees(page, "Denied to this caller", ["by amir@acme.example", "Ask the customer first"]);
  await shot(page, "approval-hostile-desktop");
  await page.setViewportSize(PHONE);
  await shot(page, "approval-hostile-phone");
  await signOut(page);

  step("riley answers for the agent, so riley sees the call and can't answer");
  await signIn(page, "riley", "/console/approvals");
  assert.ok((await page.locator("main").innerText()).includes("Nothing waits for your answer."));
  await openWaiting(page, "900");
  assert.equal(await page.getByRole("button", { name: /Approve|Deny/ }).count(), 0);
  await sees(page, "Your answer", ["You can't answer: you are not among those who may answer."]);
  await shot(page, "approval-riley-phone");
  const forged = await page.request.post(`${page.url()}/answer`, {
    form: {
      csrf: await page.locator("input[name=csrf]").first().inputValue(),
      digest: await page.locator("code.long").textContent(),
      verdict: "approve",
    },
    headers: { origin: base },
  });
  assert.equal(forged.status(), 403, "nor by a form that riley writes");

  step("the agent asks again, which joins; with scripts switched off, amir approves by the form");
  const again = refund(900, HOSTILE);
  const plain = await open({ viewport: PHONE, scripts: false });
  await signIn(plain, "amir", "/console/approvals");
  await openWaiting(plain, "900");
  await plain.getByLabel("Comment").fill("Seen <b>all</b> of it");
  await plain.getByRole("button", { name: "Approve" }).click();
  await plain.getByText("Your approval is taken.").waitFor();
  assert.equal((await again).status, 201);
  await plain.getByRole("link", { name: "Refresh" }).click();
  await plain.getByText("executed").first().waitFor();
  await sees(plain, "Who approved", [/amir@acme\.example, 2.+: Seen <b>all<\/b> of it/]);

  step("a call of nobody's grant is no request for approval");
  assert.equal(code(await call("DELETE", "/t/billing/v1/customers/c_81")), "no_grant");
});

/** What stands under a heading. */
async function sees(page, heading, texts) {
  const title = page.getByRole("heading", { name: heading });
  const area = page.locator("section, aside").filter({ has: title });
  const text = await area.innerText();
  for (const it of texts) {
    const found = typeof it === "string" ? text.includes(it) : it.test(text);
    assert.ok(found, `under “${heading}” there is no ${it}:\n${text}`);
  }
}
