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

// Calls `take` with the bytes that come, as they come.
const read = async (url, signal, take) => {
  const response = await fetch(url, { cache: "no-store", signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) take(part.value, response);
};

// The same with the text so far.
const readText = async (url, signal, take) => {
  const decoder = new TextDecoder();
  let text = "";
  await read(url, signal, (bytes, response) => {
    text += decoder.decode(bytes, { stream: true });
    take(text, response);
  });
  return text;
};

// A chunk is its length in hexadecimal digits, and so many bytes (RFC 9112, 7.1).
const joinChunks = (text) => {
  const bytes = new TextEncoder().encode(text);
  const decode = (from, to) => new TextDecoder().decode(bytes.subarray(from, to));
  const parts = [];
  for (let at = 0; at < bytes.length;) {
    const line = bytes.indexOf(10, at) + 1;
    const length = parseInt(decode(at, line), 16);
    if (!line || !length) break;
    parts.push(decode(line, line + length));
    at = line + length + 2;
  }
  return parts.join("");
};

// A conversation is the head of a request, and a response: a head and a body, as it came and as it is meant.
const parseConversation = (text) => {
  const [request, head, ...rest] = text.split("\r\n\r\n");
  const [statusLine = "", ...fields] = (head ?? "").split("\r\n");
  const headers = fields.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
  const raw = rest.join("\r\n\r\n");
  const isChunked = header({ headers }, "transfer-encoding") === "chunked";
  return { request, statusLine, headers, raw, body: isChunked ? joinChunks(raw) : raw };
};

const header = (conversation, name) =>
  conversation.headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1];

const statusOf = (conversation) => Number(conversation.statusLine.split(" ")[1]);

// What the wire shows of content that is no text.
const legible = (conversation) => {
  const type = header(conversation, "content-type") ?? "";
  const coding = header(conversation, "content-encoding");
  if (!conversation.raw || (!coding && /^(text|multipart)\/|json|xml/.test(type))) return conversation.raw;
  const length = Number(header(conversation, "content-length")).toLocaleString("en");
  return `(${length} bytes of ${type}${coding ? `, compressed with ${coding}` : ""})`;
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

const listFacts = (facts) => element("dl", {}, ...facts.flatMap(([name, value]) =>
  [element("dt", {}, name), element("dd", {}, value)]));

const showWire = async (pre, url, signal) => {
  const text = await readText(url, signal, (received) => {
    const conversation = parseConversation(received);
    if (conversation.statusLine) showConversation(pre, conversation);
  });
  return parseConversation(text);
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
    return [listFacts(facts)];
  },

  folder(conversation, target) {
    const type = header(conversation, "content-type") ?? "";
    if (statusOf(conversation) === 200 && type.startsWith("text/html")) {
      const frame = element("iframe", { className: "tall", title: "The listing, in a sandbox" });
      frame.setAttribute("sandbox", "allow-scripts");
      frame.src = target;
      return [frame];
    }
    const fields = conversation.headers.filter(([name]) => /^(location|content-(type|encoding|length)|vary)$/.test(name));
    return [listFacts([["status", String(statusOf(conversation))], ...fields])];
  },
};

const number = (value, digits = 0) =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

const countLines = (bytes) => {
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines += 1;
  return lines;
};

const objectsIn = (events) => [...events.matchAll(/^data: (\{.*\})$/gm)].map(([, data]) => JSON.parse(data));

const timeline = (entries) => entries.map((entry) => element("li", {}, element("code", {}, entry)));

// Reads until the end, or until the visitor has enough; tells whether it was the end.
const readUntilStopped = async (stage, turn, reading) => {
  const stopped = new AbortController();
  const stop = element("button", { type: "button", className: "action" }, "Stop");
  stop.addEventListener("click", () => stopped.abort());
  stage.append(stop);
  try {
    await reading(AbortSignal.any([turn, stopped.signal]));
    return true;
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
    return false;
  } finally {
    stop.disabled = true;
  }
};

// One for each View whose result is shown in `stage` while it comes; what they return is told when it is over. `turn`
// is aborted when the visitor wants something else.
const streams = {
  async ticks(stage, target, turn) {
    const visit = JSON.parse(await fetchText("/visits", { method: "POST", signal: turn }));
    const [time, summary] = [element("p", { className: "time" }, "--:--:--"), element("p", {}, "Connecting ...")];
    const [ticks, log] = [element("ol", { className: "ticks" }), element("ul", { className: "log" })];
    const cut = element("button", { type: "button", className: "action" }, "Cut the connection");
    ticks.setAttribute("aria-label", "The events received last");
    stage.replaceChildren(time, summary, ticks, cut, log);
    const source = new EventSource(`${target}?visit=${visit}`);
    turn.addEventListener("abort", () => source.close());
    cut.addEventListener("click", () => fetchText(`/visits/${visit}/cut`, { method: "POST" }));
    let [first, received] = [0, 0];
    return new Promise((resolve) => {
      source.addEventListener("message", ({ data }) => {
        const { tick, time: at } = JSON.parse(data);
        first ||= tick;
        received += 1;
        time.textContent = at;
        summary.textContent = `${number(received)} received, ${number(tick - first + 1 - received)} missed`;
        ticks.append(element("li", {}, String(tick)));
        while (ticks.children.length > 12) ticks.firstChild.remove();
        resolve(`Connected. ${summary.textContent}`);
      });
      source.addEventListener("open", async () => {
        log.replaceChildren(...timeline(JSON.parse(await fetchText(`/journal/${visit}`))));
        if (received) announce(`Connected again. ${summary.textContent}`);
      });
      source.addEventListener("error", () => {
        if (ticks.lastChild?.className !== "cut") ticks.append(element("li", { className: "cut" }, "cut"));
        announce("The connection is cut. The browser will connect again.");
      });
    });
  },

  async tokens(stage, target, turn) {
    const [text, log] = [element("p", { className: "verses" }), element("ul", { className: "log" })];
    stage.replaceChildren(text);
    let journal = "";
    await readUntilStopped(stage, turn, (signal) => readText(target, signal, (events, response) => {
      journal = response.headers.get("location");
      text.textContent = objectsIn(events).map(({ token }) => token).join("");
    }));
    log.append(...timeline(await readJournal(journal, 2)));
    if (!turn.aborted) stage.append(log);
    return `${text.textContent} ${log.textContent}`;
  },

  async lines(stage, target, turn) {
    const list = element("ol");
    stage.replaceChildren(list);
    const complete = await readUntilStopped(stage, turn, (signal) => readText(target, signal, (text) => {
      const lines = text.split("\n").slice(0, -1).filter(Boolean).map((line) => JSON.parse(line));
      const items = lines.map(({ at, what }) => element("li", {}, `${what} `, element("code", {}, at.slice(11, 19))));
      list.replaceChildren(...items);
    }));
    return `${complete ? "Complete" : "Stopped"}: ${list.children.length} lines.`;
  },

  async rows(stage, target, turn, pressed) {
    const total = 1_000_000;
    const bar = element("progress", { max: total, value: 0 });
    bar.setAttribute("aria-label", "Rows received");
    const [summary, memory] = [element("p", {}, "Some 23 MB. Press the button to begin."), element("p")];
    stage.replaceChildren(bar, summary, memory);
    if (!pressed) return "";
    const ask = async () => JSON.parse(await fetchText("/memory")) / 1e6;
    const before = await ask();
    const look = async () => {
      memory.textContent = `The server’s memory at its peak: ${number(before)} MB before, ${number(await ask())} MB now.`;
    };
    const looking = before && setInterval(look, 500);
    let [lines, bytes] = [0, 0];
    try {
      const complete = await readUntilStopped(stage, turn, (signal) => read(target, signal, (part) => {
        lines += countLines(part);
        bytes += part.length;
        bar.value = Math.max(lines - 1, 0); // the first line is the header
        summary.textContent = `${number(bar.value)} of ${number(total)} rows, ${number(bytes / 1e6, 1)} MB`;
      }));
      summary.textContent += complete ? ": all of them." : ": the server makes no more of them.";
      if (before) await look();
    } finally {
      clearInterval(looking);
    }
    return `${summary.textContent} ${memory.textContent}`;
  },

  page(stage, target) {
    const frame = element("iframe", { className: "tall", title: "The page, in a sandbox" });
    frame.setAttribute("sandbox", "");
    frame.src = target;
    stage.replaceChildren(frame);
    return new Promise((resolve) => frame.addEventListener("load", () => resolve("The page is complete.")));
  },
};

// What changes something in the browser, or is large, is left to the visitor; until then the card shows what would be sent.
const waitsForVisitor = (card) => ["cookies", "rows"].includes(card.dataset.view);

const running = new WeakMap(); // of each card: what it shows ends when something else is wanted

const send = async (card, button, pressed) => {
  const isPressed = (other) => other === button && (pressed || !waitsForVisitor(card));
  for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(isPressed(other)));
  running.get(card)?.abort();
  const turn = new AbortController();
  running.set(card, turn);
  const { signal } = turn;
  const { view } = card.dataset;
  const { wire, target } = button.dataset;
  const stage = card.querySelector(".rendered");
  const show = async (conversation) => {
    const nodes = await views[view](await conversation, target, pressed);
    if (!signal.aborted) stage.replaceChildren(...nodes);
    return stage.textContent;
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
