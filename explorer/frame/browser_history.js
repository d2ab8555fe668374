// Streamlit opens a page at a bare address, and the server then writes the link of what is on show:
// that takes the place of the bare address, so that one press of Back is one change.
(() => {
  if (history.pushState.isOneEntryAChange) return; // pages share this window
  const push = history.pushState.bind(history);
  let isTouched = false; // until then the server only completes the link that was opened
  for (const kind of ["pointerdown", "keydown", "click", "input"])
    addEventListener(kind, () => (isTouched = true), { capture: true });
  history.pushState = (state, unused, url) => {
    const isLinked = new URLSearchParams(location.search).has("text");
    if (isLinked && isTouched) push(state, unused, url);
    else history.replaceState(state, unused, url);
  };
  history.pushState.isOneEntryAChange = true;
})();
