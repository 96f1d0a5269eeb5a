// Fills the cards: sends the request of a button, shows the bytes that came back, and what they are to a browser.

const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

const announce = (text) => {
  document.getElementById("announcements").textContent = text;
};

const fetchText = async (url, options) => {
  const response = await fetch(url, { cache: "no-store", ...options });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.text();
};

// A conversation is the head of a request, and a response: a head and a body.
const parseConversation = (text) => {
  const [request, head, ...rest] = text.split("\r\n\r\n");
  const [statusLine = "", ...fields] = (head ?? "").split("\r\n");
  const headers = fields.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
  return { request, statusLine, headers, body: rest.join("\r\n\r\n") };
};

const header = (conversation, name) =>
  conversation.headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1];

const statusOf = (conversation) => Number(conversation.statusLine.split(" ")[1]);

// What the wire shows of content that is no text.
const legible = (conversation) => {
  const type = header(conversation, "content-type") ?? "";
  if (!conversation.body || /^(text|multipart)\/|json|xml/.test(type)) return conversation.body;
  return `(${Number(header(conversation, "content-length")).toLocaleString("en")} bytes of ${type})`;
};

const showConversation = (pre, conversation) => {
  const { request, statusLine, headers } = conversation;
  const className = statusOf(conversation) < 400 ? "status-line" : "status-line error";
  const fields = headers.flatMap(([name, value]) => [
    element("span", { className: "field-name" }, `${name}:`),
    ` ${value}\n`,
  ]);
  pre.replaceChildren(
    element("span", { className: "request" }, `${request.replaceAll("\r\n", "\n")}\n\n`),
    element("span", { className: "response" },
      element("span", { className }, statusLine), "\n", ...fields, "\n", legible(conversation)),
  );
};

// Indents and colours JSON without parsing numbers, so that every digit stays as it was sent.
const JSON_TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)|([[{]\s*[\]}])|([[{])|([\]}])|(,)/g;

const prettyJson = (text) => {
  const parts = [];
  let depth = 0;
  const newLine = () => `\n${"  ".repeat(depth)}`;
  const span = (className, token) => element("span", { className }, token);
  for (const [token, string, colon, number, literal, , open, close, comma] of text.matchAll(JSON_TOKEN)) {
    if (string) parts.push(...(colon ? [span("definition", string), ": "] : [span("string", string)]));
    else if (number) parts.push(span("number", number));
    else if (literal) parts.push(span("literal", literal));
    else if (open) { depth += 1; parts.push(token, newLine()); }
    else if (close) { depth -= 1; parts.push(newLine(), token); }
    else if (comma) parts.push(",", newLine());
    else parts.push(token);
  }
  return parts;
};

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const readJournal = async (url, lines) => {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    const entries = JSON.parse(await fetchText(url));
    if (entries.length >= lines) return entries;
    await wait(100);
  }
  throw new Error("Nothing was noted in four seconds");
};

// One for each View of demo/gallery.py: what the page shows of a conversation, or of the target itself.
const views = {
  image: (_, target) => [element("img", { src: target, alt: "The image, as this browser draws it" })],

  video(_, target) {
    const video = element("video", { controls: true, muted: true, playsInline: true, preload: "metadata" });
    const log = element("ul", { className: "log" });
    const update = async () => {
      const asked = JSON.parse(await fetchText("/requests"));
      log.replaceChildren(...asked.map(([wanted, told]) => element("li", {}, element("code", {}, wanted), told)));
    };
    for (const event of ["loadeddata", "seeked", "suspend"]) video.addEventListener(event, update);
    video.src = target;
    return [video, log];
  },

  html(_, target) {
    const frame = element("iframe", { title: "The page, in a sandbox" });
    frame.setAttribute("sandbox", "");
    frame.src = target;
    return [frame];
  },

  text: ({ body }) => [element("p", { className: "large" }, body)],

  json: ({ body }) => [element("pre", {}, ...prettyJson(body))],

  redirect(conversation) {
    const location = header(conversation, "location");
    if (location === undefined) {
      return [element("p", { className: "large" }, "Refused: it leads nowhere."), element("p", {}, conversation.body)];
    }
    const { href } = new URL(location, document.baseURI);
    return [element("p", { className: "large" }, "Leads to ", element("code", {}, href))];
  },

  async cookies(_, target, pressed) {
    if (pressed) await fetchText(target); // the wire above was the server's own; only this one fills the jar
    const kept = Object.entries(JSON.parse(await fetchText("/jar")));
    const list = kept.map(([name, value]) => element("p", {}, element("code", {}, `${name} = ${value}`)));
    const text = kept.length ? "In your browser’s jar:" : "Your browser’s jar has no such cookie.";
    return [element("p", { className: "large" }, text), ...list];
  },

  async journal(conversation) {
    const entries = await readJournal(header(conversation, "location"), 2);
    return [element("ol", {}, ...entries.map((entry) => element("li", {}, entry)))];
  },

  facts(conversation) {
    const octets = new TextEncoder().encode(conversation.body).length;
    const facts = [
      ["Status", String(statusOf(conversation))],
      ["Content-Length", header(conversation, "content-length") ?? "none"],
      ["Content on the wire", `${octets} bytes`],
    ];
    return [element("dl", {}, ...facts.flatMap(([name, value]) =>
      [element("dt", {}, name), element("dd", {}, value)]))];
  },
};

// What changes something in the browser is left to the visitor; until then the card shows what would be sent.
const waitsForVisitor = (card) => card.dataset.view === "cookies";

const latest = new WeakMap(); // of each card: a slow answer must not cover that of a later press

const send = async (card, button, pressed) => {
  const isPressed = (other) => other === button && (pressed || !waitsForVisitor(card));
  for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(isPressed(other)));
  const turn = Symbol("turn");
  latest.set(card, turn);
  const show = (nodes, said) => {
    if (latest.get(card) !== turn) return;
    const rendered = card.querySelector(".rendered");
    rendered.replaceChildren(...nodes);
    if (pressed) announce(`${said} ${rendered.textContent}`);
  };
  try {
    const conversation = parseConversation(await fetchText(button.dataset.wire));
    if (latest.get(card) === turn) showConversation(card.querySelector(".wire pre"), conversation);
    show(await views[card.dataset.view](conversation, button.dataset.target, pressed), `${conversation.statusLine}.`);
  } catch (error) {
    show([element("p", {}, `${error.message}. Is the demo still running?`)], "This went wrong:");
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
  return send(card, buttons[0], false);
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
