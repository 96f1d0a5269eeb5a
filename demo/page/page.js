// Fills the cards: sends the request of a button, shows the bytes that came back, and what they are to a browser.

import { announce, element } from "./dom.js";
import { wait } from "./reading.js";
import { streams } from "./streams.js";
import { views } from "./views.js";
import { showWire } from "./wire.js";

// What changes something in the browser, or is large, is left to the visitor; until then the card shows what would be sent.
const waitsForVisitor = (card) => ["cookies", "rows", "archive"].includes(card.dataset.view);

const running = new WeakMap(); // of each card: what it shows ends when something else is wanted

const send = async (card, button, pressed) => {
  const isPressed = (other) => other === button && (pressed || !waitsForVisitor(card));
  for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(isPressed(other)));
  running.get(card)?.abort();
  const turn = new AbortController();
  running.set(card, turn);
  const { signal } = turn;
  const { wire, target, method } = button.dataset;
  const stage = card.querySelector(".rendered");
  const view = method === "HEAD" ? "facts" : card.dataset.view;
  const show = async (conversation) => {
    const nodes = await views[view](await conversation, target, pressed);
    if (!signal.aborted) stage.replaceChildren(...nodes);
    return stage.innerText;
  };
  try {
    const conversation = showWire(card.querySelector(".wire pre"), wire, signal);
    const result = view in streams ? streams[view](stage, target, signal, pressed) : show(conversation);
    const [{ statusLine }, said] = await Promise.all([conversation, result]);
    if (pressed && !signal.aborted) announce(`${statusLine}. ${said}`);
  } catch (error) {
    if (signal.aborted) return;
    const message = `${error.message}. Is the demo still running?`;
    stage.replaceChildren(element("p", {}, message));
    if (pressed) announce(`This went wrong: ${message}`);
  }
};

const copyCode = async (card, button) => {
  const copied = await navigator.clipboard.writeText(card.querySelector(".code code").textContent).then(
    () => "Copied", () => "Not allowed");
  button.textContent = copied;
  announce(copied);
  await wait(2000);
  button.textContent = "Copy";
};

const bring = (card) => {
  const buttons = [...card.querySelectorAll(".tries button")];
  for (const button of buttons) button.addEventListener("click", () => send(card, button, true));
  const copy = card.querySelector(".copy");
  copy.addEventListener("click", () => copyCode(card, copy));
  if (!(card.dataset.view in streams)) return send(card, buttons[0], false);
  card.querySelector(".rendered").append(element("p", {}, "It begins when it is seen."));
  return beginWhenSeen(card, buttons[0]);
};

// A browser has few connections to a server: streams that nobody sees would keep others waiting.
const beginWhenSeen = (card, button) => {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    if (!running.has(card)) send(card, button, false);
  });
  observer.observe(card.querySelector(".result"));
};

// The link of the card that is being read is marked, and in sight.
const followReader = (cards) => {
  const navigation = document.querySelector("nav");
  const links = new Map([...navigation.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const observer = new IntersectionObserver((entries) => {
    for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
      for (const [slug, link] of links) link.setAttribute("aria-current", String(slug === target.id));
      const { offsetLeft: left, offsetTop: top } = links.get(target.id);
      navigation.scrollTo({ left: left - navigation.clientWidth / 3, top: top - navigation.clientHeight / 2 });
    }
  }, { rootMargin: "-30% 0px -65%" });
  for (const card of cards) observer.observe(card);
};

const cards = [...document.querySelectorAll(".card")];
document.documentElement.classList.add("scripted");
followReader(cards);
await Promise.all(cards.map(bring));
