/* What pages do by themselves: times in the person's zone, live progress, questions before what cannot be undone, keys. */
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Times: relative, with the exact one in the person's own zone on hover.
  const exact = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short" });
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const day = (moment) => `${moment.getDate()} ${moment.toLocaleString("en", { month: "short" })} ${moment.getFullYear()}`;
  const steps = [[86400, "day"], [3600, "hour"], [60, "minute"]];

  function relative(moment) {
    const gap = (Date.now() - moment) / 1000;
    const [size, word] = steps.find(([seconds]) => Math.abs(gap) >= seconds) || [];
    if (!size) return gap < 0 ? "in a moment" : "just now";
    const count = Math.floor(Math.abs(gap) / size);
    if (word === "day" && count > 30) return day(moment);
    const said = `${count} ${word}${count === 1 ? "" : "s"}`;
    return gap < 0 ? `in ${said}` : `${said} ago`;
  }

  function tellTimes(root = document) {
    all("time[data-style]", root).forEach((element) => {
      const moment = new Date(element.dateTime);
      const said = { relative, clock: (m) => clock.format(m) }[element.dataset.style] || ((m) => exact.format(m));
      element.textContent = said(moment);
      element.title = exact.format(moment);
    });
  }

  // Progress: one question for all the jobs on the page, for as long as one of them is open.
  const number = (value) => Number(value).toLocaleString("en");

  function figures(job) {
    const parts = [];
    if (job.total) parts.push(`${number(job.done)} of ${number(job.total)}`);
    else if (job.done) parts.push(number(job.done));
    if (job.calls) parts.push(`${job.calls} call${job.calls === 1 ? "" : "s"}`);
    if (job.left !== null) parts.push(`${job.left} left this minute`);
    if (job.estimate) parts.push(job.estimate);
    return parts.join(" · ");
  }

  function show(job) {
    all(`[data-job="${job.id}"]`).forEach((live) => {
      const bar = live.querySelector("[data-live=bar]");
      let text = job.open ? job.text : job.summary;
      if (job.open && job.until) text += `, on again at ${clock.format(new Date(job.until))}`;
      const place = live.querySelector("[data-live=text]");
      if (place.textContent !== text) place.textContent = text;
      live.querySelector("[data-live=figures]").textContent = job.open ? figures(job) : job.duration;
      if (!job.open) bar.hidden = true;
      else if (job.total) { bar.max = job.total; bar.value = job.done; }
      else if (job.state === "running") bar.removeAttribute("value");
      if (!job.open && !live.dataset.done) ended(live);
    });
    all(`[data-job-row="${job.id}"] [data-badge]`).forEach((place) => {
      const badge = document.createElement("span");
      badge.className = `state ${job.colour}`;
      badge.textContent = job.badge;
      place.replaceChildren(badge);
    });
    all(`[data-summary="${job.id}"]`).forEach((place) => { if (job.summary) place.textContent = job.summary; });
  }

  function ended(live) {
    live.dataset.done = "yes";
    if (live.closest("[data-reload]")) { location.reload(); return; }
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = "Show what is new";
    live.append(link);
  }

  async function poll() {
    const open = all("[data-job]:not([data-done])");
    if (!open.length) return;
    const ids = [...new Set(open.map((element) => element.dataset.job))].join(",");
    try {
      const answer = await fetch(`${open[0].dataset.progressUrl}?ids=${ids}`, { headers: { Accept: "application/json" } });
      if (answer.status === 401) return;
      if (answer.ok) (await answer.json()).jobs.forEach(show);
    } catch { /* the line is gone for a moment; the next question will be answered */ }
    setTimeout(poll, document.hidden ? 10000 : 1500);
  }

  // Parts of a page that say where a record stands follow it while it is on its way.
  async function follow() {
    if (!document.querySelector("[data-moving]")) return;
    try {
      const answer = await fetch(location.href, { headers: { "X-Parts": "1" } });
      if (answer.ok && !answer.redirected) {
        const now = new DOMParser().parseFromString(await answer.text(), "text/html");
        all("[data-part]").forEach((part) => {
          const fresh = now.querySelector(`[data-part="${part.dataset.part}"]`);
          if (fresh) part.replaceWith(document.adoptNode(fresh));
        });
        tellTimes();
      }
    } catch { /* the line is gone for a moment; the next question will be answered */ }
    setTimeout(follow, document.hidden ? 10000 : 2000);
  }

  // Questions before what cannot be undone.
  const dialog = document.getElementById("confirm");
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.confirm || form.dataset.sure || !dialog) return;
    event.preventDefault();
    dialog.querySelector("p").textContent = form.dataset.confirm;
    const yes = dialog.querySelector("[data-yes]");
    yes.textContent = form.dataset.verb;
    yes.onclick = () => { form.dataset.sure = "yes"; dialog.close(); form.requestSubmit(); };
    dialog.showModal();
  });
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method === "get") return;
    setTimeout(() => all("button[type=submit], button:not([type])", event.target).forEach((button) => { button.disabled = true; }), 0);
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) all("button:disabled").forEach((button) => { button.disabled = false; }); });

  // Menus, rows, selections.
  document.addEventListener("click", (event) => {
    const inside = event.target.closest("details.menu");
    all("details.menu[open]").forEach((menu) => { if (menu !== inside) menu.open = false; });
    if (event.target.closest("[data-no]")) event.target.closest("dialog").close();
    if (event.target.closest("[data-close]")) event.target.closest("[data-toast]").remove();
    if (event.target.closest("[data-habits]")) document.getElementById("habits").showModal();
    const rail = event.target.closest("[data-rail]");
    if (rail) rail.setAttribute("aria-expanded", String(rail.closest(".rail").classList.toggle("open")));
    if (event.target.matches("[data-copy]")) event.target.select();
    const row = event.target.closest("[data-href]");
    const busy = event.target.closest("a, button, input, select, textarea, label, summary, form .menu-items, .tick, .popover, dialog");
    if (row && !busy && !String(getSelection())) location.href = row.dataset.href;
  });

  all("[data-bulk]").forEach((form) => {
    const boxes = all("input[name=rowid]", form), bar = form.querySelector("[data-bar]"), every = form.querySelector("[data-all]");
    const count = () => {
      const chosen = boxes.filter((box) => box.checked).length;
      if (bar) { bar.hidden = !chosen; bar.querySelector("[data-count]").textContent = `${chosen} selected`; }
      if (every) { every.checked = chosen > 0 && chosen === boxes.length; every.indeterminate = chosen > 0 && chosen < boxes.length; }
    };
    form.addEventListener("change", (event) => {
      if (event.target === every) boxes.forEach((box) => { box.checked = every.checked; });
      count();
    });
    count();
  });

  // A tick for a whole list ticks its rows.
  all("[data-tick-list]").forEach((list) => {
    const every = list.querySelector("[data-tick-all]"), boxes = all("input[name=row]", list);
    if (!every) return;
    list.addEventListener("change", (event) => {
      if (event.target === every) boxes.forEach((box) => { box.checked = every.checked; });
      else if (boxes.includes(event.target) && !event.target.checked) every.checked = false;
    });
  });

  // A look-up that depends on a choice made in the same form.
  all("[data-side-of]").forEach((part) => {
    const choice = document.getElementById(part.dataset.sideOf), input = part.querySelector("[data-url]");
    if (!choice || !input || !window.jQuery) return;
    window.jQuery.ajaxPrefilter((request) => {
      if (request.url.startsWith(input.dataset.url)) request.url += `&side=${encodeURIComponent(choice.value)}`;
    });
    choice.addEventListener("change", () => window.jQuery(input).select2("val", ""));
  });

  // The menu's groups stay as a person left them; the one of the present page is open anyhow.
  all("details[data-group] > summary").forEach((summary) => {
    summary.addEventListener("click", () => {
      const group = summary.parentElement, kept = document.cookie.match(/(?:^|; )menu=([^;]*)/);
      const open = new Set(decodeURIComponent(kept ? kept[1] : "").split(".").filter(Boolean));
      if (group.open) open.delete(group.dataset.group);
      else open.add(group.dataset.group);
      document.cookie = `menu=${encodeURIComponent([...open].join("."))}; path=/; max-age=31536000; samesite=lax`;
    });
  });

  // Keys.
  const base = document.body.dataset.company;
  const places = { s: "suppliers/", b: "bills/", c: "customers/", i: "items/", j: "sync-jobs/", q: "sync-queue/", o: "" };
  let going = false;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") all("details.menu[open]").forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
    if (event.target.closest("input, textarea, select, [contenteditable], dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (going && base && event.key in places) { location.href = base + places[event.key]; return; }
    going = event.key === "g";
    if (going) setTimeout(() => { going = false; }, 1500);
    if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    }
    const habits = document.getElementById("habits");
    if (event.key === "?" && habits) habits.showModal();
  });

  document.querySelector("[data-focus]")?.focus();
  const named = location.hash && document.getElementById(location.hash.slice(1));
  if (named && named.matches("input, textarea, select")) named.focus();
  window.addEventListener("hashchange", () => document.getElementById(location.hash.slice(1))?.focus());
  tellTimes();
  setInterval(tellTimes, 30000);
  if (document.querySelector("[data-job]")) setTimeout(poll, 300);
  setTimeout(follow, 1000);
})();
