// The command line signs people in through a browser: on this machine by a redirect to loopback, and
// from afar by a code that somebody types.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { base, choose, setting, shot, step, walk } from "./world.mjs";

const home = setting("COUNTERSIGN_TEST_SCRATCH");
const opened = join(home, "opened");
const logins = join(home, ".config", "countersign", "logins.json");

await walk(async (open) => {
  const page = await open();
  await mkdir(join(home, "bin"));
  await writeFile(join(home, "bin", "xdg-open"), `#!/bin/sh\nprintf %s "$1" >'${opened}.new'\n/bin/mv '${opened}.new' '${opened}'\n`);
  await chmod(join(home, "bin", "xdg-open"), 0o755);

  step("nobody is signed in at first");
  const nobody = await countersign("whoami", "--server", base).end();
  assert.equal(nobody.code, 1, nobody.said);
  assert.ok(nobody.said.includes(`countersign login --server ${base}`), nobody.said);

  step("login opens the browser, and ends when the browser comes back");
  const login = countersign("login", "--server", base);
  const url = await login.says(/^ {2}(http\S+)$/m);
  await page.goto(url);
  assert.ok((await page.locator("main").innerText()).includes("the countersign command line"));
  await choose(page, "olivia");
  await page.getByRole("heading", { name: "You are signed in" }).waitFor();
  await shot(page, "login-desktop");
  const signedIn = await login.end();
  assert.equal(signedIn.code, 0, signedIn.said);
  assert.match(signedIn.said, /signed in: Olivia Marsh <olivia@acme\.example>, person/);
  assert.equal(await readFile(opened, "utf8"), url, "what was opened is what was printed");
  assert.equal((await stat(logins)).mode & 0o777, 0o600);

  step("the next commands know who that was");
  const me = await countersign("whoami", "--json").end();
  assert.equal(JSON.parse(me.out).subject, "olivia@acme.example");
  const grants = await countersign("grants", "list").end();
  assert.ok(grants.out.includes("agent:dunning"), grants.said);

  step("logout forgets");
  assert.equal((await countersign("logout", "--server", base).end()).code, 0);
  assert.equal((await countersign("whoami", "--server", base).end()).code, 1);

  step("login --device ends when somebody typed its code");
  const device = countersign("login", "--device", "--server", base);
  const place = await device.says(/^Open (http\S+)$/m);
  const userCode = await device.says(/type ([A-Z]{4}-[A-Z]{4})/);
  await page.goto(place);
  page.expectStatus(404);
  await page.getByLabel("Code").fill("BBBB-BBBB");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("No terminal waits for this code.").waitFor();
  await page.getByLabel("Code").fill(userCode.toLowerCase().replace("-", " "));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText(userCode).waitFor();
  await choose(page, "amir");
  await page.getByText("You are signed in as Amir Haddad").waitFor();
  const byCode = await device.end();
  assert.equal(byCode.code, 0, byCode.said);
  assert.match(byCode.said, /signed in: Amir Haddad/);
  const who = await countersign("whoami", "--json").end();
  assert.equal(JSON.parse(who.out).subject, "amir@acme.example");

  step("a code that is not one's own is refused, and the terminal says so");
  const foreign = countersign("login", "--device", "--server", base);
  await page.goto(`${place}?user_code=${await foreign.says(/type ([A-Z]{4}-[A-Z]{4})/)}`);
  await page.getByRole("button", { name: "This is not my terminal" }).click();
  await page.getByText("Nobody was signed in").waitFor();
  const refused = await foreign.end();
  assert.equal(refused.code, 1, refused.said);
  assert.match(refused.said, /the sign-in did not succeed/);
});

/** The program, with a home of its own. It ends with the walk, whatever happens. */
function countersign(...line) {
  const child = spawn(setting("COUNTERSIGN_TEST_PROGRAM"), line, {
    cwd: home,
    env: { HOME: home, PATH: join(home, "bin"), NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  let [out, said] = ["", ""];
  const ended = new Promise((resolve) => child.once("close", (exitCode) => {
    process.removeListener("exit", kill);
    resolve(exitCode);
  }));
  child.stdout.setEncoding("utf8").on("data", (text) => { out += text; said += text; });
  child.stderr.setEncoding("utf8").on("data", (text) => { said += text; });
  return {
    /** What it said that matches, once it says it. */
    async says(pattern) {
      for (;;) {
        const found = pattern.exec(said);
        if (found) {
          return found[1];
        }
        const more = new Promise((resolve) => child.stderr.once("data", resolve));
        const last = await Promise.race([more, ended.then(() => "ended")]);
        assert.notEqual(last, "ended", `it ended and did not say ${pattern}: ${said}`);
      }
    },
    end: async () => ({ code: await ended, out, said }),
  };
}
