/* The lines of a document's form: look-ups, rows that come, go and move, and totals as they are typed. */
(() => {
  "use strict";
  const form = document.querySelector("[data-paper]");
  if (!form) return;
  const body = form.querySelector("[data-lines] tbody");
  const rows = () => [...body.querySelectorAll("tr[data-line]")];
  const field = (row, name) => row.querySelector(`[data-field="${name}"]`);
  const places = Number(form.dataset.places);

  // Exact numbers: whole ones of so many places, rounded half up as the server does.
  const TEN = (power) => 10n ** BigInt(power);
  function exact(text, count) {
    const typed = text.trim().replace(/(\d)[\s\u00a0\u202f](?=\d{3})/g, "$1");
    const plain = /^[+-]?\d{1,3}(,\d{3})+\.\d*$|^[+-]?\d{1,3}(,\d{3}){2,}$/.test(typed) ? typed.replaceAll(",", "") : typed;
    const parts = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(plain);
    if (!parts || !(parts[2] || parts[3])) return null;
    const digits = BigInt((parts[2] || "0") + (parts[3] || "").slice(0, count).padEnd(count, "0"));
    return parts[1] === "-" ? -digits : digits;
  }
  function halfUp(above, below) {
    if (below < 0n) { above = -above; below = -below; }
    const size = above < 0n ? -above : above;
    const found = (size * 2n + below) / (below * 2n);
    return above < 0n ? -found : found;
  }
  function money(cents) {
    const size = cents < 0n ? -cents : cents;
    const whole = (size / 100n).toString().replace(/\B(?=(\d{3})+$)/g, ",");
    return `${cents < 0n ? "-" : ""}${whole}.${(size % 100n).toString().padStart(2, "0")}`;
  }

  function empty(row) {
    return [...row.querySelectorAll("[data-field]")].every((one) => !one.value || ["quantity", "id"].includes(one.dataset.field));
  }

  // A line without a tax code has the usual one, or its account's.
  const accounts = new Map([...document.querySelectorAll("#accounts option")].map((one) => [one.value, one.dataset.rate]));
  function rateOf(row) {
    const chosen = field(row, "tax_code").selectedOptions[0]?.dataset.rate;
    return chosen || row.dataset.rate || accounts.get(field(row, "account_code").value.trim()) || form.dataset.rate;
  }

  function amounts(row, treatment) {
    const value = (name, otherwise) => { const one = field(row, name); return one && one.value.trim() ? exact(one.value, 4) : otherwise; };
    const quantity = value("quantity", 10000n), typed = value("unit_price", 0n), discount = value("discount", 0n);
    if (quantity === null || typed === null || discount === null) return null;
    const price = halfUp(typed, TEN(4 - places)) * TEN(4 - places);
    const amount = halfUp(quantity * price * (1000000n - discount), 1000000n * TEN(6));
    const rate = exact(rateOf(row), 4) || 0n;
    if (treatment === "none") return [amount, 0n, typed !== price];
    if (treatment === "inclusive") return [amount, rate === -1000000n ? 0n : halfUp(amount * rate, 1000000n + rate), typed !== price];
    return [amount, halfUp(amount * rate, 1000000n), typed !== price];
  }

  function reckon() {
    const treatment = form.elements.treatment.value;
    let net = 0n, tax = 0n, whole = true;
    const long = [];
    rows().forEach((row, at) => {
      const found = empty(row) ? [0n, 0n, false] : amounts(row, treatment);
      row.querySelector("[data-amount]").textContent = found ? (empty(row) ? "" : money(found[0])) : "–";
      if (!found) { whole = false; return; }
      net += found[0];
      tax += found[1];
      if (found[2]) long.push([at + 1, field(row, "unit_price").value.trim()]);
    });
    const inclusive = treatment === "inclusive";
    const sums = { sub: inclusive ? net - tax : net, tax, total: inclusive ? net : net + tax };
    Object.entries(sums).forEach(([name, cents]) => { form.querySelector(`[data-sum="${name}"]`).textContent = whole ? money(cents) : "–"; });
    const warning = form.querySelector("[data-long-price]");
    warning.hidden = !long.length;
    warning.textContent = long.map(([line, typed]) => `${form.dataset.provider} keeps ${places === 2 ? "two" : places} decimals of an order’s prices: ${typed} becomes ${money(halfUp(exact(typed, 4), TEN(2)))} (line ${line}).`).join(" ");
  }

  // Look-ups: what is typed asks for what is like it; an item that is picked fills its line.
  const known = new Map();
  let asked = 0;
  async function look(input) {
    const turn = ++asked;
    const url = new URL(input.dataset.suggest, location.href);
    url.searchParams.set("q", input.value.trim());
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const found = await answer.json();
      found.forEach((one) => known.set(one.value.toLowerCase(), one));
      if (turn !== asked) return;
      document.getElementById(input.getAttribute("list")).replaceChildren(...found.map((one) => {
        const option = document.createElement("option");
        option.value = one.value;
        option.textContent = one.label;
        return option;
      }));
    } catch { /* the line is gone for a moment; what is typed is checked when it is saved */ }
  }
  async function fill(input) {
    const row = input.closest("tr"), code = input.value.trim().toLowerCase();
    if (!code || input.dataset.filled === code) return;
    if (!known.has(code)) await look(input);
    const fills = known.get(code)?.fills;
    if (!fills || input.value.trim().toLowerCase() !== code) return;
    input.dataset.filled = code;
    Object.entries(fills).forEach(([name, text]) => { const one = field(row, name); if (one && text) one.value = text; });
    if (!field(row, "quantity").value) field(row, "quantity").value = "1";
    reckon();
  }
  let waits;
  form.addEventListener("input", (event) => {
    if (event.target.dataset.suggest) { clearTimeout(waits); waits = setTimeout(look, 150, event.target); }
    if (event.target.dataset.field === "item_code" && known.get(event.target.value.trim().toLowerCase())) fill(event.target);
    if (body.contains(event.target) && event.target.closest("tr") === rows().at(-1) && !empty(rows().at(-1))) add();
    reckon();
  });
  form.addEventListener("change", (event) => {
    if (["item_code", "account_code"].includes(event.target.dataset.field)) delete event.target.closest("tr").dataset.rate;
    if (event.target.dataset.field === "item_code") fill(event.target);
    reckon();
  });
  form.addEventListener("focusin", (event) => { if (event.target.dataset.suggest) look(event.target); });

  // Rows.
  let next = Math.max(0, ...rows().map((row) => Number(row.dataset.line)));
  const most = 500;
  function add() {
    if (rows().length >= most + 10) return null;
    const fresh = rows().at(-1).cloneNode(true), old = fresh.dataset.line;
    next += 1;
    fresh.dataset.line = String(next);
    delete fresh.dataset.rate;
    fresh.querySelectorAll("[data-field=id], .error").forEach((one) => one.remove());
    fresh.querySelectorAll(".wrong").forEach((one) => one.classList.remove("wrong"));
    fresh.querySelectorAll("[data-field]").forEach((one) => {
      one.value = "";
      delete one.dataset.filled;
      one.removeAttribute("aria-invalid");
      one.removeAttribute("aria-describedby");
      one.id = one.name = `lines.${next}.${one.dataset.field}`;
    });
    fresh.querySelectorAll("[for]").forEach((one) => { one.htmlFor = one.htmlFor.replace(`lines.${old}.`, `lines.${next}.`); });
    fresh.querySelector("[data-amount]").textContent = "";
    body.append(fresh);
    say();
    return fresh;
  }
  function move(row, up) {
    const other = up ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    const inside = row.contains(document.activeElement) ? document.activeElement : null;
    if (up) other.before(row); else other.after(row);
    inside?.focus();
    say();
    reckon();
  }
  function remove(row) {
    const near = row.nextElementSibling || row.previousElementSibling;
    if (rows().length === 1) add();
    row.remove();
    field(near && near.isConnected ? near : rows()[0], "item_code").focus();
    say();
    reckon();
  }
  function say() {
    rows().forEach((row, at) => {
      row.querySelectorAll("[data-field][aria-label]").forEach((one) => { one.setAttribute("aria-label", one.getAttribute("aria-label").replace(/line \d+$/, `line ${at + 1}`)); });
      row.querySelectorAll("[data-line-do] button").forEach((one) => { one.setAttribute("aria-label", one.getAttribute("aria-label").replace(/line \d+/, `line ${at + 1}`)); });
    });
  }
  form.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-line]");
    if (event.target.closest("[data-add]")) field(add() || rows().at(-1), "item_code").focus();
    if (event.target.closest("[data-up]")) move(row, true);
    if (event.target.closest("[data-down]")) move(row, false);
    if (event.target.closest("[data-remove]")) remove(row);
  });
  body.addEventListener("keydown", (event) => {
    const row = event.target.closest("tr[data-line]");
    // On a choice, these keys open its list.
    if (event.altKey && ["ArrowUp", "ArrowDown"].includes(event.key) && !event.target.matches("select")) { event.preventDefault(); move(row, event.key === "ArrowUp"); }
    if (event.altKey && event.key === "Enter") { event.preventDefault(); field(add() || rows().at(-1), "item_code").focus(); }
  });

  form.querySelectorAll("[data-add], [data-line-do], [data-line-keys]").forEach((one) => { one.hidden = false; });
  // With a script one empty row is enough: the last one makes the next.
  rows().filter(empty).slice(1).forEach((row) => row.remove());
  rows().forEach((row) => { const item = field(row, "item_code"); item.dataset.filled = item.value.trim().toLowerCase(); });
  say();
  reckon();
})();
