// A conversation with the server, as its bytes were on the wire.

import { element, number } from "./dom.js";
import { read } from "./reading.js";

// Bytes as a string in which each is a character, and back, and the text that they are.
const toOctets = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const toText = (octets) => new TextDecoder().decode(Uint8Array.from(octets, (octet) => octet.charCodeAt(0)));

// A chunk is its length in hexadecimal digits, and so many bytes (RFC 9112, 7.1). The last of all is empty.
const splitChunks = (octets) => {
  const chunks = [];
  for (let at = 0; at < octets.length;) {
    const start = octets.indexOf("\r\n", at) + 2;
    const length = parseInt(octets.slice(at, start), 16);
    if (start < 2 || Number.isNaN(length)) break;
    chunks.push(octets.slice(start, start + length));
    at = start + length + 2;
  }
  return chunks;
};

// A conversation is the head of a request, and a response: a head and a body, as it came and as it is meant.
const parseConversation = (octets) => {
  const [request, head, ...rest] = octets.split("\r\n\r\n");
  const [statusLine = "", ...fields] = (head ?? "").split("\r\n");
  const headers = fields.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
  const raw = rest.join("\r\n\r\n");
  const chunks = header({ headers }, "transfer-encoding") === "chunked" ? splitChunks(raw) : undefined;
  const content = chunks?.join("") ?? raw;
  return { request, statusLine, headers, raw: toText(raw), chunks, length: content.length, body: toText(content) };
};

export const header = (conversation, name) =>
  conversation.headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1];

export const statusOf = (conversation) => Number(conversation.statusLine.split(" ")[1]);

// What the wire shows of content that is no text.
const legible = (conversation) => {
  const type = header(conversation, "content-type") ?? "";
  const coding = header(conversation, "content-encoding");
  if (!conversation.raw || (!coding && /^(text|multipart)\/|json|xml/.test(type))) return conversation.raw;
  const compressed = coding ? `, compressed with ${coding}` : "";
  if (!conversation.chunks) return `(${number(header(conversation, "content-length"))} bytes of ${type}${compressed})`;
  const show = ({ length }) => `${length.toString(16)}\n${length ? `(${number(length)} bytes${compressed})\n` : ""}`;
  return conversation.chunks.map(show).join("");
};

const showConversation = (pre, conversation) => {
  const { request, statusLine, headers } = conversation;
  const className = statusOf(conversation) < 400 ? "status-line" : "status-line error";
  const content = legible(conversation);
  const fields = headers.flatMap(([name, value]) => [
    element("span", { className: "field-name" }, `${name}:`),
    ` ${value}\n`,
  ]);
  pre.replaceChildren(
    element("span", { className: "request" }, `${request.replaceAll("\r\n", "\n")}\n\n`),
    element("span", { className: "response" },
      element("span", { className }, statusLine), "\n", ...fields, content && "\n", content),
  );
};

export const showWire = async (pre, url, signal) => {
  let octets = "";
  await read(url, signal, (bytes) => {
    octets += toOctets(bytes);
    const conversation = parseConversation(octets);
    if (conversation.statusLine) showConversation(pre, conversation);
  });
  return parseConversation(octets);
};
