// Streamlit opens a page at a bare address, and the server then writes the link of what is on show:
// that takes the place of the bare address, so that one press of Back is one change.
(() => {
  if (history.pushState.isOneEntryAChange) return; // pages share this window
  const push = history.pushState.bind(history);
  const isLinked = (address) => new URLSearchParams(address.search).has("text");
  let isTouched = false; // until then the server only completes the link that was opened
  // When one page opens another, the address first becomes the old page's, bare. The new link may arrive
  // before the new page's name: until that is there, the entry holds a whole link with the wrong page.
  let isLeaving = false;
  const touch = () => {
    isTouched = true;
    isLeaving = false;
  };
  for (const kind of ["pointerdown", "keydown", "click", "input"]) addEventListener(kind, touch, { capture: true });
  history.pushState = (state, unused, url) => {
    const [from, to] = [location, new URL(url ?? "", location)];
    const isSamePage = from.pathname === to.pathname;
    if (isLinked(from) && isTouched && !(isLeaving && !isSamePage)) push(state, unused, url);
    else history.replaceState(state, unused, url);
    isLeaving = isSamePage && (isLeaving || !isLinked(to));
  };
  history.pushState.isOneEntryAChange = true;

  // On a slow connection the server's link may come before this script: then it is an entry of its
  // own, and the one before it, of this same document, is the unfinished address.
  const at = window.navigation?.currentEntry?.index ?? 0;
  const before = at > 0 ? navigation.entries()[at - 1] : null;
  const unfinished = before?.sameDocument ? before : null;
  const onHistory = (event) => {
    isTouched = false; // what the server writes now completes the entry that Back led to
    if (!unfinished || unfinished.index < 1 || navigation.currentEntry.key !== unfinished.key) return;
    event.stopImmediatePropagation();
    history.back();
  };
  addEventListener("popstate", onHistory, { capture: true });
})();
