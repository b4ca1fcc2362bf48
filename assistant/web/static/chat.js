// Makes the chat page livelier: new lines come by themselves, and sending does not load the page anew.
// Without this script everything works, too: forms are sent, and the page comes back with the answer.
"use strict";

const RETRY = 3000; // milliseconds before a stream that the browser gave up is opened again
const RELEASE = 4000; // milliseconds after which a tapped question that brought no answer can be tapped again

const log = document.getElementById("log");
const main = log.closest("main");
const status = document.getElementById("status");
const busy = document.getElementById("busy");
const write = document.getElementById("write");
const field = document.getElementById("text");
let last = log.dataset.last;
let idle;

function say(problem) {
  status.textContent = problem ? status.dataset[problem] : "";
}

function leaveWhenIdle() {
  clearTimeout(idle);
  idle = setTimeout(() => location.replace("/?idle"), (Number(write.dataset.idle) + 5) * 1000);
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function release(form) {
  form.elements.client_id.value = newId();
  form.removeAttribute("aria-busy");
}

function show(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const line = template.content.querySelector("li");
  if (!line || document.getElementById(line.id)) return;
  let focused = false;
  if (line.classList.contains("ayumi")) {
    for (const form of log.querySelectorAll(".choices")) {
      focused = focused || form.contains(document.activeElement);
      form.remove(); // only the newest question can be answered by tapping
    }
    busy.hidden = true;
  }
  log.append(line);
  if (focused) (line.querySelector("button") || main).focus({ preventScroll: true });
  main.scrollTop = 0; // the scroller is reversed: 0 is its end
  if (line.offsetHeight > main.clientHeight) line.scrollIntoView(); // a long answer is read from its beginning
}

function connect() {
  const stream = new EventSource(`/events?after=${last}`);
  stream.onopen = () => say("");
  stream.onmessage = (event) => {
    last = event.lastEventId;
    show(event.data);
  };
  stream.addEventListener("signed-out", () => {
    stream.close();
    location.replace("/?idle");
  });
  stream.onerror = () => {
    say("reconnecting");
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, RETRY);
  };
}

async function send(form, button) {
  const body = new URLSearchParams(new FormData(form));
  if (button && button.name) body.set(button.name, button.value);
  const sent = field.value;
  form.setAttribute("aria-busy", "true"); // further taps do nothing until this one is through
  busy.hidden = false;
  let answer;
  try {
    answer = await fetch("/messages", { method: "POST", body, headers: { "X-Requested-With": "fetch" } });
  } catch {
    answer = null;
  }
  if (answer && answer.status === 401) return location.replace("/?idle");
  if (!answer || !answer.ok) {
    busy.hidden = true;
    form.removeAttribute("aria-busy"); // the same id again: should it have arrived, it counts once
    return say(answer && answer.status === 429 ? "slow" : "failed");
  }
  say("");
  leaveWhenIdle();
  if (form === write) {
    if (field.value === sent) field.value = ""; // what was typed meanwhile stays
    release(form);
  } else {
    setTimeout(() => release(form), RELEASE);
  }
  setTimeout(() => (busy.hidden = true), RELEASE);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.classList.contains("send")) return;
  if (form !== write && !event.submitter) return; // an old browser that does not tell the button: the form goes
  event.preventDefault();
  if (form.getAttribute("aria-busy") !== "true") send(form, event.submitter);
});

// A page out of the browser's memory may belong to somebody who signed out.
addEventListener("pageshow", (event) => event.persisted && location.reload());
addEventListener("offline", () => say("reconnecting"));
addEventListener("online", () => say(""));

leaveWhenIdle();
connect();
