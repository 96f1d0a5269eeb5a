// What the page shows of a stream, while it comes.

import { announce, atEachFrame, element, number, sizes } from "./dom.js";
import { fetchText, read, readJournal, readText, watchSizes } from "./reading.js";

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
export const streams = {
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
    const shown = atEachFrame(() => {
      bar.value = Math.max(lines - 1, 0); // the first line is the header
      summary.textContent = `${number(bar.value)} of ${number(total)} rows, ${number(bytes / 1e6, 1)} MB`;
    });
    try {
      const complete = await readUntilStopped(stage, turn, (signal) => read(target, signal, (part) => {
        lines += countLines(part);
        bytes += part.length;
        shown.soon();
      }));
      shown.now();
      summary.textContent += complete ? ": all of them." : ": the server makes no more of them.";
      if (before) await look();
    } finally {
      clearInterval(looking);
    }
    return `${summary.textContent} ${memory.textContent}`;
  },

  async archive(stage, target, turn, pressed) {
    const bar = element("progress", { max: 1, value: 0 });
    bar.setAttribute("aria-label", "Bytes received");
    const summary = element("p", {}, "Some 270 MB, which are thrown away here. Press the button to begin.");
    stage.replaceChildren(bar, summary);
    if (!pressed) return "";
    let received = 0;
    const shown = atEachFrame(() => {
      bar.value = received;
      summary.textContent = `${number(received / 1e6)} of ${number(bar.max / 1e6)} MB`;
    });
    const complete = await readUntilStopped(stage, turn, (signal) => read(target, signal, (part, response) => {
      bar.max = Number(response.headers.get("content-length"));
      received += part.length;
      shown.soon();
    }));
    shown.now();
    const all = received === bar.max ? ": all of it." : ": not all of it.";
    summary.textContent += complete ? all : ": the server reads no more of it.";
    return summary.textContent;
  },

  async arrivals(stage, target, turn) {
    const list = element("ol");
    stage.replaceChildren(list);
    const measured = watchSizes(target);
    let coding;
    await readText(target, turn, (events, response) => {
      coding = response.headers.get("content-encoding");
      for (const { to, platform, announced } of objectsIn(events).slice(list.children.length)) {
        const late = Math.max(0, Date.now() - Date.parse(announced));
        list.append(element("li", {}, `${to}, platform ${platform} `, element("code", {}, `after ${number(late)} ms`)));
      }
    });
    const { came, plain } = await measured;
    stage.append(sizes([["As it is", plain], [`To this browser, ${coding ? `in ${coding}` : "as it is"}`, came]]));
    return `${list.children.length} events, ${number(came)} of ${number(plain)} bytes.`;
  },

  page(stage, target) {
    const frame = element("iframe", { className: "tall", title: "The page, in a sandbox" });
    frame.setAttribute("sandbox", "");
    frame.src = target;
    stage.replaceChildren(frame);
    return new Promise((resolve) => frame.addEventListener("load", () => resolve("The page is complete.")));
  },
};
