// What the theme leaves to be desired by those who do not use a mouse.
addEventListener("load", () => {
  // What scrolls sideways can be reached with the keyboard, also in browsers that do not see to that.
  for (const block of document.querySelectorAll("pre > code, .md-typeset__scrollwrap, p:has(> img)")) {
    if (block.scrollWidth > block.clientWidth) block.tabIndex = 0;
  }
  // The empty corner of a table is no header of anything.
  for (const corner of document.querySelectorAll("th:empty")) corner.replaceWith(document.createElement("td"));
  // A copy button is no part of the navigation.
  for (const buttons of document.querySelectorAll("nav.md-code__nav")) buttons.setAttribute("role", "presentation");
});
