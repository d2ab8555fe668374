// The whole figure, small, where Figure 1 leaves a place free above the encoder: a frame shows what is
// on the screen, and a click goes there. It draws nothing of its own, and is not for screen readers.

const FREE = 24; // around it
const [LEAST_PX, MOST_PX] = [160, 265]; // its height: on a laptop's first screen all of it is seen

function wholeFigure(root, drawn) {
  const { plan } = root;
  const top = plan.legend.y + root.parts.legend.getBBox().height + FREE;
  const room = Math.min(plan.stacks.encoder.top - FREE - top, MOST_PX);
  if (plan.isStacked || room < LEAST_PX) return;
  drawn.id = "whole-figure";
  const place = element("div", "whole");
  place.title = "The whole figure: click to go there";
  place.style.cssText = `top: ${top}px; left: ${plan.legend.x}px; width: ${(room * plan.width) / plan.height}px`;
  const made = svg("svg", { viewBox: drawn.getAttribute("viewBox"), height: room, "aria-hidden": true });
  const seen = svg("rect", { class: "seen", x: 0, width: plan.width });
  made.append(svg("use", { href: "#whole-figure" }), seen);
  place.append(made);
  place.onclick = (event) => goThere(root, place, event);
  root.figure.append(control(place));
  root.watch?.abort();
  root.watch = new AbortController();
  const frame = () => frameSeen(root, drawn, seen);
  addEventListener("scroll", frame, { capture: true, passive: true, signal: root.watch.signal });
  addEventListener("resize", frame, { signal: root.watch.signal });
  frame();
}

// From below the player, which stays, to the end of the window.
function frameSeen(root, drawn, seen) {
  if (!root.isConnected) return root.watch.abort();
  const { height } = root.plan;
  const box = drawn.getBoundingClientRect();
  const within = (y) => Math.min(Math.max(y - box.top, 0), height);
  const from = within(root.player.getBoundingClientRect().bottom);
  seen.setAttribute("y", from);
  seen.setAttribute("height", within(innerHeight) - from);
}

function goThere(root, place, event) {
  const box = place.getBoundingClientRect();
  const scale = root.plan.height / box.height;
  const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  const far = ({ block }) => Math.hypot(block.x + block.w / 2 - x, block.y + block.height / 2 - y);
  const nearest = Object.values(root.parts.blocks).sort((a, b) => far(a) - far(b))[0];
  nearest?.scrollIntoView({ block: "center", behavior: wantsStillness() ? "auto" : "smooth" });
}
