// The work list of a reviewer: answers are sent without leaving the page, keys do what the buttons do.
// Everything here also works by the forms alone.
"use strict";

const list = document.getElementById("work");
const said = document.getElementById("said");
const progress = document.getElementById("progress");
const keys = document.getElementById("keys");
const help = document.getElementById("help");
const KEYS = { c: "certify", r: "revoke", d: "reduce", x: "dont_know" };
/** Answers that are undone, the latest last. */
const answered = [];

/** Items in order, those that are answered too. */
const items = () => (list ? [...list.querySelectorAll("li.item")] : []);
const itemOf = (node) => node?.closest?.("li.item") ?? null;
const isOpen = (item) => !item.dataset.answered;

function tell(text) {
  said.textContent = text;
}

/** Chooses an item: it gets the focus, and its time begins. */
function choose(item) {
  if (!item) {
    return;
  }
  item.focus({ preventScroll: true });
  item.scrollIntoView({ block: "nearest" });
}

function move(from, step) {
  const all = items();
  const next = all[all.indexOf(from) + step];
  if (next) {
    choose(next);
  } else {
    tell(step > 0 ? "This is the last item." : "This is the first item.");
  }
}

/** The next item that waits, after this one or else from the top. */
function nextOpen(item) {
  const all = items();
  const at = all.indexOf(item);
  return [...all.slice(at + 1), ...all.slice(0, at)].find(isOpen);
}

// --- answers -------------------------------------------------------------------------------------

/** Whether a reason is needed and not there; then its field is asked for. */
function wantsReason(item, verdict) {
  const field = item.querySelector("input[name=reason]");
  const isNeeded = verdict === "hand_on" || item.dataset.reasons.split(" ").includes(verdict);
  if (!isNeeded || field.value.trim()) {
    return false;
  }
  item.dataset.wanted = verdict;
  field.required = true;
  field.focus();
  tell("Say why, and press Enter.");
  return true;
}

async function answer(item, verdict) {
  const form = item.querySelector("form.answer");
  if (!form || !isOpen(item) || item.dataset.busy) {
    return;
  }
  if (!form.querySelector(`button[name=verdict][value=${verdict}]`)) {
    tell("There is nothing that it could be reduced to.");
    return;
  }
  if (verdict === "hand_on" && !form.elements.to.value.trim()) {
    handOn(item);
    return;
  }
  if (wantsReason(item, verdict)) {
    return;
  }
  const shown = Number(item.dataset.since);
  form.elements.seen_ms.value = shown ? String(Math.round(performance.now() - shown)) : "";
  const body = new URLSearchParams(new FormData(form));
  body.set("verdict", verdict);
  item.dataset.busy = "yes";
  const told = await send(form.getAttribute("action"), body);
  delete item.dataset.busy;
  if (!told.said) {
    failed(item, told);
    return;
  }
  tell(told.said);
  count(told.left);
  mark(item, told);
  if (told.waits_for_me) {
    // Whoever does not know leaves it open; it comes last the next time.
    delete item.dataset.answered;
  } else if (told.undo) {
    answered.push(item);
  }
  goOn(item);
}

function goOn(item) {
  const next = nextOpen(item);
  if (next) {
    choose(next);
    return;
  }
  if (Number(list.dataset.more) > 0) {
    location.replace(location.pathname);
    return;
  }
  choose(item);
  if (items().every((it) => !isOpen(it))) {
    finished();
  }
}

/** Everything is decided: the way on is to sign. */
function finished() {
  if (document.getElementById("sign")) {
    return;
  }
  const link = document.createElement("a");
  link.id = "sign";
  link.className = "button go";
  link.href = location.pathname.replace(/\/work$/, "/sign-off");
  link.textContent = "Sign off what you decided";
  list.after(link);
  link.focus();
  tell("Nothing waits for you any more. Sign off what you decided.");
}

async function undo(item) {
  if (!item) {
    tell("There is nothing to undo here.");
    return;
  }
  if (item.dataset.busy) {
    return;
  }
  const form = item.querySelector("form.answer");
  const body = new URLSearchParams({ csrf: form.elements.csrf.value, grant: form.elements.grant.value });
  item.dataset.busy = "yes";
  const told = await send(form.getAttribute("action").replace(/answer$/, "undo"), body);
  delete item.dataset.busy;
  if (!told.said) {
    failed(item, told);
    return;
  }
  tell(told.said);
  count(told.left);
  answered.splice(answered.indexOf(item), 1);
  delete item.dataset.answered;
  item.querySelector(".outcome")?.remove();
  form.hidden = false;
  document.getElementById("sign")?.remove();
  choose(item);
}

/** Sends a form; what comes back has `said`, or what went wrong. */
async function send(url, body) {
  try {
    const sent = await fetch(url, {
      method: "POST",
      headers: { accept: "application/json" },
      body,
      redirect: "error",
    });
    if ((sent.headers.get("content-type") ?? "").includes("json")) {
      return await sent.json();
    }
    const detail = sent.status === 401 ? "You are not signed in any more." : "The answer could not be read.";
    return { detail, next_step: "Reload the page, and do it again." };
  } catch {
    return { detail: "The gateway can’t be reached.", next_step: "Nothing is known to be changed. Try again." };
  }
}

/** Shows where an item stands now, and the way back. */
function mark(item, told) {
  item.dataset.answered = "yes";
  item.querySelector(".outcome")?.remove();
  const outcome = document.createElement("p");
  outcome.className = "outcome";
  outcome.textContent = told.said;
  if (told.undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Undo";
    button.addEventListener("click", () => undo(item));
    outcome.append(" ", button);
  }
  item.append(outcome);
  item.querySelector("form.answer").hidden = !told.waits_for_me;
}

function failed(item, told) {
  const text = [told.detail, told.next_step].filter(Boolean).join(" ");
  tell(text);
  item.querySelector(".fault")?.remove();
  const fault = document.createElement("p");
  fault.className = "fault warn";
  fault.textContent = text;
  item.append(fault);
  choose(item);
}

function count(left) {
  const of = Number(progress.querySelector("[data-of]").textContent);
  const done = Math.max(0, of - left);
  progress.querySelector("[data-done]").textContent = String(done);
  progress.querySelector("progress").value = done;
}

function handOn(item) {
  const hand = item.querySelector("details.hand");
  hand.open = true;
  item.dataset.wanted = "hand_on";
  hand.querySelector("input").focus();
  tell("Say to whom, and press Enter.");
}

// --- keys ----------------------------------------------------------------------------------------

/** Keys work while an item is chosen, and never while something is written. */
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || keys.open) {
    return;
  }
  const item = itemOf(event.target);
  if (event.target.matches("input, textarea, select")) {
    if (event.key === "Escape") {
      delete item.dataset.wanted;
      choose(item);
    } else if (event.key === "Enter") {
      // What the field was asked for; Enter alone says nothing about a grant.
      event.preventDefault();
      const verdict = item.dataset.wanted ?? (event.target.name === "to" ? "hand_on" : "");
      verdict ? answer(item, verdict) : tell("Say what should become of it, by a button or a key.");
    }
    return;
  }
  if (item && event.key === "Enter" && event.target === item) {
    location.assign(item.querySelector(".what a").href);
  } else if (event.key === "?") {
    keys.showModal();
  } else if (event.key === "u") {
    undo(item && !isOpen(item) ? item : answered.at(-1));
  } else if (event.key === "j" || event.key === "k") {
    item ? move(item, event.key === "j" ? 1 : -1) : choose(items()[0]);
  } else if (item && event.key === "h") {
    handOn(item);
  } else if (item && KEYS[event.key]) {
    answer(item, KEYS[event.key]);
  } else {
    return;
  }
  event.preventDefault();
}

if (list) {
  list.classList.add("live");
  help.hidden = false;
  help.addEventListener("click", () => keys.showModal());
  document.getElementById("keys-close").addEventListener("click", () => keys.close());
  list.addEventListener("keydown", onKey);
  document.addEventListener("keydown", (event) => {
    // From outside of the list only what leads into it, and back from its end.
    if (!list.contains(event.target) && ["j", "k", "u", "?"].includes(event.key) && event.target.matches("body, main, #sign")) {
      onKey(event);
    }
  });
  list.addEventListener("focusin", (event) => {
    const item = itemOf(event.target);
    if (item && !item.dataset.since) {
      item.dataset.since = String(performance.now());
    }
    for (const other of list.querySelectorAll("li.item.chosen")) {
      other.classList.toggle("chosen", other === item);
    }
    item?.classList.add("chosen");
  });
  list.addEventListener("submit", (event) => {
    const item = itemOf(event.target);
    event.preventDefault();
    // Before this script no button of a form is marked as sent.
    delete event.target.dataset.sent;
    for (const button of event.target.querySelectorAll("button")) {
      button.removeAttribute("aria-disabled");
    }
    answer(item, event.submitter.value);
  });
  const named = location.hash && document.getElementById(location.hash.slice(1));
  choose(itemOf(named) ?? items()[0]);
}
