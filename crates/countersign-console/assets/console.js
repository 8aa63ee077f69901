// What the console's pages do by themselves. Every page works without it.
"use strict";

// Each moment also in the reader's own time.
for (const time of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(time.dateTime);
  if (!Number.isNaN(moment.getTime())) {
    time.title = moment.toLocaleString();
  }
}

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
