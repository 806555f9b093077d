// Keeps the page fresh: asks for the changing part every two seconds, one request at a time, and stops while hidden.
"use strict";
(() => {
  const PERIOD_MS = 2000;
  const TIMEOUT_MS = 5000;
  const live = document.getElementById("live");
  const filter = document.getElementById("filter");
  const follow = document.getElementById("follow");
  const pulse = document.getElementById("pulse");
  let busy = false;
  let again = false;

  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const url = "/v1/page?q=" + encodeURIComponent(filter.value);
      const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), cache: "no-store" });
      if (!answer.ok) throw new Error("status " + answer.status);
      const { html } = await answer.json();
      const scroll = live.querySelector(".scroll");
      const [left, top] = scroll ? [scroll.scrollLeft, scroll.scrollTop] : [0, 0];
      // The server has escaped every value in it, and the page's policy runs no inline script.
      live.innerHTML = html;
      live.querySelector(".scroll")?.scrollTo(left, top);
      pulse.className = "pulse well";
      pulse.title = "up to date";
    } catch (error) {
      pulse.className = "pulse lost";
      pulse.title = "the sandbox does not answer: " + error.message;
    } finally {
      busy = false;
      if (again) { again = false; refresh(); }
    }
  }

  filter.addEventListener("input", () => {
    const query = filter.value ? "?q=" + encodeURIComponent(filter.value) : "/";
    history.replaceState(null, "", query);
    refresh();
  });
  setInterval(() => { if (follow.checked && !document.hidden) refresh(); }, PERIOD_MS);
})();
