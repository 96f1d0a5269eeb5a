// Reads answers: as a whole, or as they come.

export const fetchText = async (url, options) => {
  const response = await fetch(url, { cache: "no-store", ...options });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.text();
};

// Calls `take` with the bytes that come, as they come.
export const read = async (url, signal, take) => {
  const response = await fetch(url, { cache: "no-store", signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) take(part.value, response);
};

// The same with the text so far.
export const readText = async (url, signal, take) => {
  const decoder = new TextDecoder();
  let text = "";
  await read(url, signal, (bytes, response) => {
    text += decoder.decode(bytes, { stream: true });
    take(text, response);
  });
  return text;
};

// What the browser knows of the next answer from there: how many bytes came, and how many they are when decoded.
export const watchSizes = (url) => new Promise((resolve) => {
  const { href } = new URL(url, document.baseURI);
  const begun = performance.now(); // one that was asked for before may end meanwhile
  const observer = new PerformanceObserver((seen) => {
    const answer = seen.getEntriesByName(href).find(({ startTime }) => startTime >= begun);
    if (!answer) return;
    observer.disconnect();
    resolve({ came: answer.encodedBodySize, plain: answer.decodedBodySize });
  });
  observer.observe({ type: "resource" });
});

export const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export const readJournal = async (url, lines) => {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    const entries = JSON.parse(await fetchText(url));
    if (entries.length >= lines) return entries;
    await wait(100);
  }
  throw new Error("Nothing was noted in four seconds");
};
