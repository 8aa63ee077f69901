// What the console's pages do by themselves. Every page works without it.
"use strict";

// Each moment also in the reader's own time.
for (const time of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(time.dateTime);
  if (!Number.isNaN(moment.getTime())) {
    time.title = moment.toLocaleString();
  }
}

// A form that wants a passkey asks the browser for it first, and is sent with what the browser brought.
// It comes before what sends a form once: a question that failed can be asked again.
const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (it) => it.charCodeAt(0));
const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const listed = (keys) => keys.map((it) => ({ ...it, id: toBytes(it.id) }));

async function passkeyFor(form) {
  const isNew = form.dataset.passkey === "create";
  const url = isNew ? "/api/v1/me/passkeys/options" : "/api/v1/me/signatures/options";
  const wanted = isNew ? {} : { kind: form.dataset.kind, digest: form.dataset.digest };
  const headers = { accept: "application/json", "content-type": "application/json", "x-countersign-csrf": form.elements.csrf.value };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(wanted) });
  const begun = await answer.json();
  if (!answer.ok) {
    throw new Error(begun.detail + " " + begun.next_step);
  }
  const asked = begun.public_key;
  asked.challenge = toBytes(asked.challenge);
  if (isNew) {
    asked.user.id = toBytes(asked.user.id);
    asked.excludeCredentials = listed(asked.excludeCredentials);
    const made = await navigator.credentials.create({ publicKey: asked });
    return { state: begun.state, answer: {
      id: toText(made.rawId),
      client_data: toText(made.response.clientDataJSON),
      attestation: toText(made.response.attestationObject),
      transports: made.response.getTransports ? made.response.getTransports() : [],
    } };
  }
  asked.allowCredentials = listed(asked.allowCredentials);
  const used = await navigator.credentials.get({ publicKey: asked });
  const signed = {
    id: toText(used.rawId),
    client_data: toText(used.response.clientDataJSON),
    authenticator_data: toText(used.response.authenticatorData),
    signature: toText(used.response.signature),
  };
  if (used.response.userHandle && used.response.userHandle.byteLength > 0) {
    signed.user_handle = toText(used.response.userHandle);
  }
  return { state: begun.state, answer: signed };
}

// What a browser's refusal means; it never says much, so that no page learns who has which passkey.
function passkeyFault(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "The browser did not bring a passkey: you said no, it took too long, or there is none on this device.";
    case "InvalidStateError":
      return "This device has a passkey of yours for this console already.";
    case "SecurityError":
      return "The browser uses no passkeys at this address. Open the console by its own name.";
    default:
      return error.message;
  }
}

// What is said to whoever runs no scripts is said to nobody else.
for (const said of document.querySelectorAll("[data-without-scripts]")) {
  said.hidden = true;
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.addEventListener("submit", (event) => {
    const field = form.elements.passkey;
    if (field.value) {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.dataset.asking) {
      return;
    }
    const fault = form.querySelector("[data-passkey-fault]");
    const say = (text) => {
      fault.textContent = text;
      fault.hidden = !text;
    };
    if (!window.PublicKeyCredential || !navigator.credentials) {
      say("This browser has no passkeys, or uses none at this address.");
      return;
    }
    say("");
    form.dataset.asking = "yes";
    passkeyFor(form).then((brought) => {
      field.value = JSON.stringify(brought);
      form.requestSubmit();
    }).catch((error) => say(passkeyFault(error))).finally(() => delete form.dataset.asking);
  });
}
// What was brought is good once.
addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form[data-passkey] input[name=passkey]")) {
    field.value = "";
  }
});

// A form is sent once, however often the button is pressed.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button")) {
      button.setAttribute("aria-disabled", "true");
    }
  });
}
// Back in the browser's history, forms can be sent again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) {
      button.removeAttribute("aria-disabled");
    }
  }
});

// On to the identity provider at once, but not for a reader who came back from there.
const onward = document.querySelector("form[data-onward]");
if (onward && performance.getEntriesByType("navigation")[0]?.type !== "back_forward") {
  onward.requestSubmit();
}

const POLL_MS = 3000;
const POLL_MS_MAX = 60000;

// Asks the API until `changed` says that the page is out of date. The header keeps these questions
// from counting as use: a page that is left open does not keep its session alive.
function poll(url, changed) {
  let wait = POLL_MS;
  const ask = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(url, { headers: { accept: "application/json", "x-countersign-poll": "yes" } });
        if (answer.status === 401) {
          return;
        }
        if (answer.ok && changed(await answer.json())) {
          refresh();
          return;
        }
        wait = answer.ok ? POLL_MS : Math.min(wait * 2, POLL_MS_MAX);
      } catch {
        wait = Math.min(wait * 2, POLL_MS_MAX);
      }
    }
    setTimeout(ask, wait);
  };
  setTimeout(ask, wait);
}

// Loads the page again, unless the reader is writing: then it says that there is news.
function refresh() {
  const writing = [...document.querySelectorAll("textarea, input[type=text]")].some((it) => it.value !== it.defaultValue);
  if (!writing) {
    location.replace(location.pathname + location.search);
    return;
  }
  const notice = document.createElement("p");
  notice.className = "notice";
  notice.setAttribute("role", "status");
  notice.textContent = "This has changed since you opened it. Refresh the page before you answer.";
  document.getElementById("main").prepend(notice);
}

const approval = document.querySelector("[data-approval]");
if (approval && ["pending", "approved", "redeeming"].includes(approval.dataset.state)) {
  poll("/api/v1/approvals/" + encodeURIComponent(approval.dataset.approval), (now) =>
    now.state.state !== approval.dataset.state || String(now.votes.length) !== approval.dataset.votes);
}

const watched = document.querySelector("[data-watch]");
if (watched) {
  poll("/api/v1/approvals?state=pending", (now) =>
    now.approvals.map((it) => it.id).sort().join(" ") !== watched.dataset.ids.split(" ").filter(Boolean).sort().join(" "));
}
