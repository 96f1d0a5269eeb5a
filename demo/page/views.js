// What the page shows of an answer.

import { element, number, sizes } from "./dom.js";
import { fetchText, readJournal, watchSizes } from "./reading.js";
import { header, statusOf } from "./wire.js";

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

// What a client makes of an answer that has no content.
const withoutContent = {
  304: "Nothing came: what the client has is up to date.",
  412: "Refused: the client has another version than the server.",
  416: "Refused: the file has no such part.",
};

// One for each View of demo/gallery.py: what the page shows of a conversation, or of the target itself.
export const views = {
  image: (_, target) => [element("img", { src: target, alt: "The image, as this browser draws it" })],

  video(_, target) {
    const video = element("video", { controls: true, muted: true, playsInline: true, preload: "metadata" });
    video.ariaLabel = "One minute of a clock";
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

  text(conversation) {
    const told = conversation.body || withoutContent[statusOf(conversation)];
    return [element("p", { className: "large" }, told)];
  },

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
    const facts = [
      ["Status", String(statusOf(conversation))],
      ["Content-Length", header(conversation, "content-length") ?? "none"],
      ["Content on the wire", `${conversation.length} bytes`],
    ];
    return [listFacts(facts)];
  },

  async sizes(conversation, target) {
    const measured = watchSizes(target);
    const response = await fetch(target, { cache: "no-store" });
    await response.text();
    const { came, plain } = await measured;
    const coding = header(conversation, "content-encoding");
    const own = response.headers.get("content-encoding");
    const rows = [["As it is", plain], [coding ? `In ${coding}` : "On the wire", conversation.length]];
    const told = own ? `in ${own}: ${number(came)} bytes, ${number((100 * came) / plain)} %` : "as it is";
    return [sizes(rows), element("p", {}, `This browser asked for it, too, and got it ${told}.`)];
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
