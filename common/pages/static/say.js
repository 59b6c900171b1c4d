// What is said to who listens and does not look: at most one sentence in five seconds, alarms at once. The two regions
// are in the page from the beginning (said.html), or they would not be heard.

const PAUSE = 5000; // milliseconds

let waiting = [];
let quietUntil = 0;
let timer = null;

/** A status. Several that come at once are said as one: `together(sentences)` makes it of them. */
export function say(sentence, together = (sentences) => sentences.at(-1)) {
  waiting.push({ sentence, together });
  timer ??= setTimeout(speak, Math.max(0, quietUntil - Date.now()));
}

/** Something that cannot wait: cancelled, the connection lost. */
export function alarm(sentence) {
  put("said-alert", sentence);
}

function speak() {
  timer = null;
  const sentences = waiting.map((each) => each.sentence);
  const { sentence, together } = waiting.at(-1);
  put("said-status", sentences.length === 1 ? sentence : together(sentences));
  waiting = [];
  quietUntil = Date.now() + PAUSE;
}

function put(id, sentence) {
  const region = document.getElementById(id);
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = sentence;
  });
}
