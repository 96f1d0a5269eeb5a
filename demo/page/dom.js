// What the page is made of, and what a screen reader is told.

export const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

export const announce = (text) => {
  document.getElementById("announcements").textContent = text;
};
