// The one script of the pages. Every page works without it: it adds readouts of charts, blocks that
// refresh themselves, copying and keys. Nothing that it shows is computed here, and no text ever
// becomes markup but what this server has drawn.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => within.querySelector(selector);

  // Makes an element with a text.
  const make = (name, text = "", attributes = {}) => {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  // Says something to screen readers.
  const say = (text) => {
    const said = one("#said");
    if (!said) return;
    said.textContent = "";
    setTimeout(() => { said.textContent = text; }, 50);
  };

  // Charts: the figures of one bucket under the drawing, by pointer, touch and arrow keys. The words
  // are those of the bucket's title.
  const chart = (figure) => {
    const line = one("[data-readout]", figure);
    if (!line || figure.dataset.ready) return;
    figure.dataset.ready = "1";
    figure.tabIndex = 0;
    const drawing = one("svg[role=img]", figure);
    const name = drawing ? drawing.getAttribute("aria-label") : "Chart";
    figure.setAttribute("aria-label", `${name}. Arrow keys go through time, Enter opens.`);
    line.setAttribute("role", "status");
    let at = -1;
    const buckets = () => {
      const seen = all(".over", figure).find((layer) => layer.getClientRects().length > 0);
      return seen ? all("[data-bucket]", seen) : [];
    };
    const unmark = () => {
      all("[data-bucket].on", figure).forEach((bucket) => bucket.classList.remove("on"));
      all(".guide", figure).forEach((guide) => guide.remove());
    };
    const clear = () => {
      at = -1;
      unmark();
      line.textContent = "";
    };
    const show = (index) => {
      const shown = buckets();
      const bucket = shown[Math.max(0, Math.min(index, shown.length - 1))];
      if (!bucket) return;
      at = shown.indexOf(bucket);
      unmark();
      bucket.classList.add("on");
      const box = one("rect", bucket);
      if (box) {
        const [x, y, width, height] = ["x", "y", "width", "height"]
          .map((side) => Number(box.getAttribute(side)));
        const guide = document.createElementNS("http://www.w3.org/2000/svg", "line");
        const ends = { x1: x + width / 2, x2: x + width / 2, y1: y, y2: y + height, class: "guide",
          "pointer-events": "none" };
        for (const [key, value] of Object.entries(ends)) guide.setAttribute(key, value);
        bucket.append(guide);
      }
      const title = one("title", bucket);
      const text = title ? title.textContent : "";
      if (line.textContent !== text) line.textContent = text;
    };
    const under = (event) => event.target.closest ? event.target.closest("[data-bucket]") : null;
    figure.addEventListener("pointermove", (event) => {
      const bucket = under(event);
      if (bucket && event.pointerType !== "touch") show(Number(bucket.dataset.bucket));
    });
    figure.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch" && document.activeElement !== figure) clear();
    });
    // The first touch of a bucket reads it, the second opens it.
    let touched = false;
    figure.addEventListener("pointerdown", (event) => { touched = event.pointerType === "touch"; });
    figure.addEventListener("click", (event) => {
      const bucket = under(event);
      if (!bucket || !touched) return;
      const index = Number(bucket.dataset.bucket);
      if (index !== at) event.preventDefault();
      show(index);
    });
    figure.addEventListener("keydown", (event) => {
      if (event.target !== figure || event.ctrlKey || event.altKey || event.metaKey) return;
      const last = buckets().length - 1;
      const steps = { ArrowRight: at + 1, ArrowLeft: at < 0 ? last : at - 1, Home: 0, End: last };
      if (event.key in steps) {
        event.preventDefault();
        show(steps[event.key]);
      } else if (event.key === "Escape") {
        clear();
      } else if (event.key === "Enter" && at >= 0) {
        const bucket = buckets()[at];
        const href = bucket && bucket.getAttribute("href");
        if (href) location.assign(href);
      }
    });
    figure.addEventListener("blur", clear);
  };

  // Texts to paste: a button that copies them.
  const paste = (figure) => {
    const text = one("pre", figure);
    const head = one("figcaption", figure);
    if (!text || !head || one("button", head) || !navigator.clipboard) return;
    const button = make("button", "Copy", { type: "button", class: "quiet" });
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
        say("Copied");
      } catch {
        getSelection().selectAllChildren(text);
        say("Selected: copy it with the keyboard");
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    head.append(button);
  };

  // Passwords: a button that shows what was typed.
  const reveal = (input) => {
    if (input.dataset.ready) return;
    input.dataset.ready = "1";
    const button = make("button", "Show", { type: "button", class: "quiet" });
    button.addEventListener("click", () => {
      const isHidden = input.type === "password";
      input.type = isHidden ? "text" : "password";
      button.textContent = isHidden ? "Hide" : "Show";
    });
    input.after(" ", button);
  };

  // Amounts are copied plain, with all their digits; cells of tables with tabs between.
  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (!selection || selection.isCollapsed || !event.clipboardData) return;
    const near = selection.anchorNode && selection.anchorNode.parentElement;
    const around = near && near.closest("data.money");
    if (around && around.textContent === selection.toString().trim()) {
      event.clipboardData.setData("text/plain", around.value);
      event.preventDefault();
      return;
    }
    const copied = document.createElement("div");
    for (let at = 0; at < selection.rangeCount; at += 1) {
      copied.append(selection.getRangeAt(at).cloneContents());
    }
    const amounts = all("data.money", copied);
    if (amounts.length === 0) return;
    for (const amount of amounts) amount.textContent = amount.value;
    all(".visually-hidden, svg", copied).forEach((hidden) => hidden.remove());
    const plain = (node) => node.textContent.replace(/\s+/g, " ").trim();
    const rows = all("tr", copied);
    const text = rows.length > 0
      ? rows.map((row) => [...row.cells].map(plain).join("\t")).join("\n")
      : plain(copied);
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
  });

  // Blocks that refresh themselves: the same address with the id of the block.
  const FIRST = 5000;
  const LONGEST = 60000;
  const live = (first) => {
    const id = first.id;
    if (!id || first.dataset.ready || "done" in first.dataset) return;
    const often = Number(first.dataset.refresh) * 1000 || FIRST;
    let wait = often;
    let timer = 0;
    let tag = "";
    let isPaused = false;
    const button = make("button", "Pause", { type: "button", class: "quiet", "aria-controls": id });
    const bar = make("p", "", { class: "live no-print" });
    bar.append("Refreshes by itself ", button);
    first.before(bar);
    first.dataset.ready = "1";
    const states = (block) => all(".state", block).map((state) => state.textContent.trim());
    const later = () => {
      clearTimeout(timer);
      if (!isPaused) timer = setTimeout(refresh, wait);
    };
    const refresh = async () => {
      const block = document.getElementById(id);
      if (!block) return;
      const active = document.activeElement;
      const isBusy = block.contains(active) && active.matches("input, select, textarea");
      const selection = getSelection();
      const isSelected = selection && !selection.isCollapsed && block.contains(selection.anchorNode);
      if (document.hidden || isBusy || isSelected) {
        later();
        return;
      }
      try {
        const address = new URL(location.href);
        address.searchParams.set("fragment", id);
        address.hash = "";
        const headers = tag ? { "If-None-Match": tag } : {};
        const answer = await fetch(address, { headers, cache: "no-store", redirect: "error" });
        if (answer.status !== 304) {
          if (!answer.ok) throw new Error(String(answer.status));
          tag = answer.headers.get("ETag") || "";
          put(block, await answer.text());
        }
        wait = often;
      } catch {
        wait = Math.min(wait * 2, LONGEST);
      }
      const now = document.getElementById(id);
      // The page of a question that is answered: a link of this server's own.
      if (now && now.dataset.onward) location.replace(now.dataset.onward);
      if (!now || "done" in now.dataset) bar.remove();
      else later();
    };
    const put = (block, text) => {
      const fresh = new DOMParser().parseFromString(text, "text/html").getElementById(id);
      if (!fresh) throw new Error("the block is gone");
      const taken = document.importNode(fresh, true);
      taken.dataset.ready = "1";
      const open = all("details[id][open]", block).map((details) => details.id);
      const focused = block.contains(document.activeElement) ? document.activeElement.id : "";
      const before = states(block);
      block.replaceWith(taken);
      for (const details of all("details[id]", taken)) {
        if (open.includes(details.id)) details.open = true;
      }
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
      enhance(taken);
      const changed = states(taken).filter((state, at) => state !== before[at]);
      if (changed.length > 0) say(changed.join(", "));
    };
    button.addEventListener("click", () => {
      isPaused = !isPaused;
      button.textContent = isPaused ? "Go on" : "Pause";
      if (isPaused) clearTimeout(timer);
      else refresh();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && !isPaused && bar.isConnected) {
        wait = often;
        clearTimeout(timer);
        refresh();
      }
    });
    later();
  };

  const enhance = (within) => {
    const each = (selector, work) => {
      if (within.matches && within.matches(selector)) work(within);
      all(selector, within).forEach(work);
    };
    each("[data-chart]", chart);
    each("[data-copy]", paste);
    each("input[type=password][data-show]", reveal);
    each("[data-refresh][id]", live);
  };

  // Menus close with Esc and by a click beside them.
  const menus = ".drop[open], .person[open], .menu[open]";
  document.addEventListener("click", (event) => {
    for (const menu of all(menus)) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = all(menus).pop();
    if (!menu) return;
    menu.open = false;
    one("summary", menu).focus();
  });

  // Ctrl+Enter sends the form of a text of several lines.
  document.addEventListener("keydown", (event) => {
    const isSend = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    const area = event.target;
    if (!isSend || !area.form || area.localName !== "textarea") return;
    event.preventDefault();
    area.form.requestSubmit(one("button:not([type=button])", area.form));
  });

  // Keys of the whole page.
  const PLACES = { o: "/", c: "/costs", h: "/history", n: "/connections", s: "/streams", q: "/sql" };
  const KEYS = [
    ["g o", "Overview"], ["g c", "Costs"], ["g h", "History"], ["g n", "Connections"],
    ["g s", "Streams"], ["g q", "SQL"], ["/", "Filter"], ["p", "Period"],
    ["t", "Chart or table"], ["?", "These keys"],
  ];
  const help = () => {
    let dialog = one("#keys");
    if (!dialog) {
      dialog = make("dialog", "", { id: "keys", "aria-labelledby": "keys-title" });
      dialog.append(make("h2", "Keys", { id: "keys-title" }));
      const list = make("dl", "", { class: "facts" });
      for (const [key, name] of KEYS) {
        const term = make("dt");
        term.append(make("kbd", key));
        list.append(term, make("dd", name));
      }
      const form = make("form", "", { method: "dialog" });
      form.append(make("button", "Close"));
      dialog.append(list, make("p", "They can be turned off in the menu with your name."), form);
      document.body.append(dialog);
    }
    dialog.showModal();
  };
  const open = (details) => {
    details.open = true;
    one("summary", details).focus();
  };
  const acts = {
    "/": () => {
      const search = one("[data-filter]");
      const filter = one("#filter");
      if (search) search.focus();
      else if (filter) open(filter);
    },
    p: () => { if (one("#period")) open(one("#period")); },
    t: () => {
      const [figure, table] = [one("[data-chart]"), one("#figures")];
      const to = document.activeElement === figure || !figure ? table : figure;
      if (!to) return;
      const seat = to === table ? table.closest("[tabindex]") || table : to;
      seat.focus();
      seat.scrollIntoView({ block: "nearest" });
    },
    "?": help,
  };
  let isGoing = false;
  if (root.dataset.keys !== "off") {
    document.addEventListener("keydown", (event) => {
      const isField = event.target.matches?.("input, select, textarea, [contenteditable]");
      if (isField || event.ctrlKey || event.altKey || event.metaKey || one("dialog[open]")) return;
      if (isGoing && event.key in PLACES) {
        isGoing = false;
        const link = all(".menu nav a")
          .find((link) => new URL(link.href).pathname === PLACES[event.key]);
        location.assign(link ? link.href : PLACES[event.key]);
        return;
      }
      isGoing = event.key === "g";
      if (isGoing) {
        setTimeout(() => { isGoing = false; }, 1500);
      } else if (Object.hasOwn(acts, event.key)) {
        event.preventDefault();
        acts[event.key]();
      }
    });
  }

  enhance(document);
  one(".summary[role=alert]")?.focus();
})();
