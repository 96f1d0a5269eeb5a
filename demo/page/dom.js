// What the page is made of, and what a screen reader is told.

export const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

export const number = (value, digits = 0) =>
  Number(value).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

// Shows what changes often, once for each time that the screen is painted: thousands of parts may come in a second.
export const atEachFrame = (show) => {
  let asked = 0;
  const now = () => {
    cancelAnimationFrame(asked);
    asked = 0;
    show();
  };
  const soon = () => {
    asked ||= requestAnimationFrame(now);
  };
  return { now, soon };
};

// Numbers of bytes, each with a bar as long as it is of the first.
export const sizes = (rows) => element("dl", { className: "sizes" }, ...rows.flatMap(([name, bytes]) => {
  const bar = element("div", { className: "size" });
  bar.style.width = `${(100 * bytes) / rows[0][1]}%`;
  return [element("dt", {}, name), element("dd", {}, `${number(bytes)} bytes`, bar)];
}));

export const announce = (text) => {
  document.getElementById("announcements").textContent = text;
};
