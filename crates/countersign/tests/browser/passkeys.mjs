// Riley adds a passkey with Chromium's own virtual authenticator, signs one thing with it, and removes
// it; without a person's check, with an old answer, and without scripts, nothing is signed.

import assert from "node:assert/strict";
import { PHONE, base, shot, signIn, step, walk } from "./world.mjs";

const HERE = "/console/me/passkeys";

await walk(async (open) => {
  const riley = await open();
  const debug = await riley.context().newCDPSession(riley);
  await debug.send("WebAuthn.enable");
  const { authenticatorId } = await debug.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", ctap2Version: "ctap2_1", transport: "usb",
      hasResidentKey: false, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const verified = (isUserVerified) => debug.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });

  step("riley finds their passkeys from their own page, and has none");
  await signIn(riley, "riley");
  await riley.locator(".who .name").click();
  await riley.getByRole("link", { name: "Your passkeys" }).click();
  await riley.getByText("You have no passkey here.").waitFor();
  await shot(riley, "passkeys-none-desktop");

  step("one is added, and the authenticator has it");
  await riley.getByLabel("What you call it").fill("The blue key");
  await riley.getByRole("button", { name: "Add a passkey" }).click();
  await riley.getByText("Added. From now on you can sign with it.").waitFor();
  const { credentials } = await debug.send("WebAuthn.getCredentials", { authenticatorId });
  assert.equal(credentials.length, 1);
  assert.equal(credentials[0].rpId, "localhost");
  await shot(riley, "passkeys-desktop");

  step("the same device is not added twice");
  await riley.getByLabel("What you call it").fill("Again");
  await riley.getByRole("button", { name: "Add a passkey" }).click();
  await riley.getByText("This device has a passkey of yours").waitFor();

  step("it signs one thing, and what it brought is good once");
  let sent;
  riley.on("request", (request) => {
    if (request.url().endsWith("/trial")) {
      sent = request.postData();
    }
  });
  await riley.getByRole("button", { name: "Try a passkey" }).click();
  await riley.getByText("It works: the passkey signed").waitFor();
  riley.expectStatus(403);
  const trial = (body) => riley.evaluate(async ([path, body]) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await fetch(path, { method: "POST", headers, body });
    return [answer.status, await answer.text()];
  }, [`${HERE}/trial`, body]);
  const [status, text] = await trial(sent);
  assert.equal(status, 403);
  assert.ok(text.includes("passkey_replayed"), text);

  step("a device that does not check who it is signs nothing");
  await verified(false);
  await riley.goto(base + HERE);
  await riley.getByRole("button", { name: "Try a passkey" }).click();
  await riley.getByText("The browser did not bring a passkey").waitFor();
  await verified(true);

  step("on a phone");
  await riley.setViewportSize(PHONE);
  await riley.goto(base + HERE);
  await riley.getByText("Name or remove").click();
  await shot(riley, "passkeys-phone");

  step("without scripts the page says what it can't do");
  const plain = await open({ scripts: false });
  await signIn(plain, "riley", HERE);
  await plain.getByText("Adding and trying a passkey needs scripts").waitFor();
  plain.expectStatus(400);
  await plain.getByRole("button", { name: "Try a passkey" }).click();
  await plain.getByText("passkey_needs_scripts").waitFor();

  step("it gets another name and is removed, without scripts too");
  await plain.goto(base + HERE);
  await plain.getByText("Name or remove").click();
  await plain.getByLabel("New name").fill("The red key");
  await plain.getByRole("button", { name: "Rename" }).click();
  await plain.getByText("It has its new name.").waitFor();
  await plain.getByText("Name or remove").click();
  await plain.getByRole("button", { name: "Remove The red key" }).click();
  await plain.getByText("Removed. It signs nothing any more.").waitFor();
  await plain.getByText("You have no passkey here.").waitFor();

  step("what was removed is asked for nothing");
  riley.expectStatus(409);
  await riley.getByRole("button", { name: "Try a passkey" }).click();
  await riley.getByText("You have no passkey here.").waitFor();
});
