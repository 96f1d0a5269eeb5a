// A conversation with the server, as its bytes were on the wire.

import { element } from "./dom.js";
import { readText } from "./reading.js";

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

export const header = (conversation, name) =>
  conversation.headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1];

export const statusOf = (conversation) => Number(conversation.statusLine.split(" ")[1]);

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

export const showWire = async (pre, url, signal) => {
  const text = await readText(url, signal, (received) => {
    const conversation = parseConversation(received);
    if (conversation.statusLine) showConversation(pre, conversation);
  });
  return parseConversation(text);
};
