"""What runs in a page: rules of accessibility of our own, which hold where axe is not there, too, the
keyboard, and paper."""

# One heading of the first level, landmarks, names of everything that is used, ids once, tables with
# captions and scopes, targets of at least 24 pixels, no positive tabindex, fields with labels.
OWN_RULES = """() => {
  const wrongs = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (one) => one.checkVisibility({visibilityProperty: true});
  const show = (one) => one.outerHTML.replace(/\\s+/g, ' ').slice(0, 140);
  if (all('h1').length !== 1) wrongs.push(`${all('h1').length} headings of the first level`);
  if (all('main').length !== 1) wrongs.push(`${all('main').length} main landmarks`);
  if (!document.documentElement.lang) wrongs.push('no language');
  if (!document.title.includes('Billhook')) wrongs.push(`title ${document.title}`);
  const skip = document.querySelector('a.skip');
  if (!skip || !document.querySelector(skip.getAttribute('href'))) wrongs.push('no skip link');
  let level = 1;
  for (const one of all('main h1, main h2, main h3, main h4, main h5').filter(seen)) {
    const own = Number(one.localName[1]);
    if (own > level + 1) wrongs.push(`h${level} is followed by ${show(one)}`);
    level = own;
  }
  const ids = new Map();
  for (const one of all('[id]')) ids.set(one.id, (ids.get(one.id) || 0) + 1);
  for (const [id, count] of ids) if (count > 1) wrongs.push(`the id ${id} is there ${count} times`);
  for (const name of ['aria-describedby', 'aria-labelledby', 'aria-controls']) {
    for (const one of all(`[${name}]`)) {
      for (const id of one.getAttribute(name).split(/\\s+/).filter(Boolean)) {
        if (!document.getElementById(id)) wrongs.push(`${name} names ${id}: ${show(one)}`);
      }
    }
  }
  const named = (one) => {
    const by = one.getAttribute('aria-labelledby');
    const label = by && document.getElementById(by.split(' ')[0]);
    return (one.getAttribute('aria-label') || label?.textContent || one.textContent
      || one.querySelector('title')?.textContent || '').trim();
  };
  for (const one of all('a[href], button, summary').filter(seen)) {
    if (!named(one)) wrongs.push(`no name: ${show(one)}`);
  }
  for (const one of all('input, select, textarea')) {
    if (one.type === 'hidden') continue;
    if (!one.labels?.length && !one.getAttribute('aria-label')) wrongs.push(`no label: ${show(one)}`);
    if (one.placeholder) wrongs.push(`a placeholder: ${show(one)}`);
  }
  for (const one of all('main table')) {
    if (!one.caption) wrongs.push(`a table without caption: ${show(one)}`);
    for (const head of one.querySelectorAll('th:not([scope])')) wrongs.push(`no scope: ${show(head)}`);
  }
  for (const one of all('[tabindex]')) if (one.tabIndex > 0) wrongs.push(`tabindex: ${show(one)}`);
  for (const one of all('svg')) {
    const is_named = one.getAttribute('role') === 'img'
      && (one.getAttribute('aria-label') || one.querySelector('title'));
    if (!is_named && one.getAttribute('aria-hidden') !== 'true') wrongs.push(`a drawing: ${show(one)}`);
  }
  for (const one of all('button, summary, input, select').filter(seen)) {
    const box = one.getBoundingClientRect();
    const target = one.labels?.[0]?.closest('.choice')?.getBoundingClientRect() || box;
    if (one.type !== 'hidden' && Math.max(box.height, target.height) < 24) {
      wrongs.push(`${Math.round(box.height)} pixels high: ${show(one)}`);
    }
  }
  for (const one of all('[style]')) wrongs.push(`a style of its own: ${show(one)}`);
  return wrongs.slice(0, 20);
}"""

# Contrast of every text against what lies under it: 4.5, or 3 for large ones.
CONTRAST = """() => {
  const channel = (value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const read = (text) => {
    const parts = (text.match(/[\\d.]+/g) || []).map(Number);
    return parts.length >= 3 ? {rgb: parts.slice(0, 3), alpha: parts[3] ?? 1} : null;
  };
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      const colour = read(style.backgroundColor);
      if (colour && colour.alpha > 0.99) return colour.rgb;
      if (colour && colour.alpha > 0 || style.backgroundImage !== 'none') return null;
    }
    return [255, 255, 255];
  };
  const wrongs = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !one || seen.has(one)) continue;
    seen.add(one);
    if (one.closest('script, style, .visually-hidden, .skip, option, [disabled]')) continue;
    if (!one.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    const style = getComputedStyle(one);
    const is_drawn = one.closest('svg') && one.localName === 'text';
    const colour = read(is_drawn ? style.fill : style.color);
    const under = ground(one.closest('svg') ? one.closest('svg').parentElement : one);
    if (!colour || !under || colour.alpha < 0.99) continue;
    const [a, b] = [light(colour.rgb), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const is_large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 600);
    if (size < 11.9) wrongs.push(`${size} pixels small: ${one.outerHTML.slice(0, 120)}`);
    if (ratio < (is_large ? 3 : 4.5) - 0.005) {
      wrongs.push(`contrast ${ratio.toFixed(2)}: ${one.outerHTML.replace(/\\s+/g, ' ').slice(0, 120)}`);
    }
  }
  return wrongs.slice(0, 20);
}"""

# What axe finds. Nothing is loaded anew for it.
AXE = """async () => (await axe.run(document, {
  preload: false,
  resultTypes: ['violations'],
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
})).violations.map((one) => `${one.id}: ${one.help}: ` + one.nodes.slice(0, 2)
  .map((node) => node.html.slice(0, 160)).join(' | '))"""

# What reaches beyond the window, but for what scrolls by itself.
CLIPPED = """(width) => [...document.querySelectorAll('body *')].filter((one) =>
  one.getBoundingClientRect().right > width + 1 && !one.closest('.scroll, pre, .bh'))
  .slice(0, 5).map((one) => one.outerHTML.slice(0, 120))"""

# Keeps where the focus goes, from the first stop of the page until it comes back there.
WATCH_FOCUS = """() => {
  const seen = {stops: [], is_over: false};
  window.seen_stops = seen;
  const shape = (box, one) => {
    let [x, y] = [scrollX, scrollY];
    for (let at = one.parentElement; at && at !== document.body; at = at.parentElement) {
      x += at.scrollLeft;
      y += at.scrollTop;
    }
    return {top: box.top + y, bottom: box.bottom + y, left: box.left + x, right: box.right + x};
  };
  const is_clipped = (one) => {
    for (let at = one.parentElement; at; at = at.parentElement) {
      if (getComputedStyle(at).clipPath !== 'none') return true;
    }
    return false;
  };
  const first = new Set();
  addEventListener('blur', () => { seen.is_over = seen.stops.length > 0; });
  document.addEventListener('focusin', ({target}) => {
    if (seen.is_over || first.has(target)) {
      seen.is_over = true;
      return;
    }
    first.add(target);
    const style = getComputedStyle(target);
    const boxes = [...target.getClientRects()];
    const area = target.closest('header, main, footer, section[aria-label=Notices]');
    const pop = target.closest('.pop');
    seen.stops.push({
      html: target.outerHTML.replace(/\\s+/g, ' ').slice(0, 120),
      has_ring: parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== 'none',
      is_seen: boxes.some((box) => box.width > 1 && box.height > 1 && box.right > 0)
        && !target.closest('.visually-hidden') && !is_clipped(target)
        && target.checkVisibility({visibilityProperty: true, opacityProperty: true}),
      begin: boxes.length ? shape(boxes[0], target) : null,
      end: boxes.length ? shape(boxes.at(-1), target) : null,
      area: `${area ? area.localName : ''} ${pop ? 'pop' : ''}`,
    });
  });
}"""

# What is wrong with the stops: each is seen with a ring, the first is the way to the content, and
# each next one is further down, or further right, as the eye reads; another column begins above.
STOPS = """() => {
  const {stops, is_over} = window.seen_stops;
  const wrongs = [];
  if (!is_over) wrongs.push(`the keyboard comes to no end in ${stops.length} stops`);
  if (stops.length < 4) wrongs.push(`only ${stops.length} stops`);
  if (!stops[0]?.html.includes('class="skip"')) wrongs.push(`begins with ${stops[0]?.html}`);
  for (const one of stops) {
    if (!one.has_ring) wrongs.push(`the focus is not seen on ${one.html}`);
    if (!one.is_seen) wrongs.push(`the focus goes where nothing is seen: ${one.html}`);
  }
  for (let at = 1; at < stops.length; at += 1) {
    const [above, below] = [stops[at - 1], stops[at]];
    if (above.area !== below.area || !above.end || !below.begin) continue;
    const [from, to] = [above.end, below.begin];
    const is_column = to.left >= from.left + 4;
    const is_back = to.bottom <= from.top + 2 && !is_column;
    const apart = Math.abs(to.top + to.bottom - from.top - from.bottom) / 2;
    const low = Math.min(to.bottom - to.top, from.bottom - from.top);
    const is_left = apart < low / 2 && to.right <= from.left + 2;
    if (is_back || is_left) wrongs.push(`${below.html} comes after ${above.html}`);
  }
  return wrongs;
}"""

# The menus of the page that are there at this width; gives how many.
MENUS = """() => {
  window.seen_menus = [...document.querySelectorAll('details.drop, details.person, details.menu')]
    .filter((one) => one.querySelector('summary').checkVisibility());
  return window.seen_menus.length;
}"""

# What is wrong with a page on paper so wide: dark ink on white ground, since grounds are not printed
# unless they have to be; its address and its time; every cell of every table, none of them cut off.
PRINTED = """(paper) => {
  const wrongs = [];
  const show = (one) => one.outerHTML.replace(/\\s+/g, ' ').slice(0, 140);
  const read = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const channel = (value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const is_seen = (one) => one.checkVisibility({visibilityProperty: true, opacityProperty: true});
  const printed = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !one || one.closest('script, .visually-hidden, option') || !is_seen(one)) continue;
    printed.push(text);
    if (seen.has(one)) continue;
    seen.add(one);
    const style = getComputedStyle(one);
    const [r, g, b] = read(one.closest('svg') ? style.fill : style.color);
    let ground = [255, 255, 255];
    for (let at = one; at; at = at.parentElement) {
      const own = getComputedStyle(at);
      const colour = read(own.backgroundColor);
      if (own.printColorAdjust === 'exact' && (colour[3] ?? 1) > 0.99) { ground = colour; break; }
    }
    const [a, z] = [light([r, g, b]), light(ground)].sort((x, y) => y - x);
    if ((a + 0.05) / (z + 0.05) < 4.5) wrongs.push(`pale on paper: ${style.color} ${show(one)}`);
  }
  for (const one of document.querySelectorAll('body, main, .card, table, .tile')) {
    const [r, g, b, alpha] = read(getComputedStyle(one).backgroundColor);
    if ((alpha ?? 1) > 0.5 && light([r, g, b]) < 0.8) wrongs.push(`a dark ground: ${show(one)}`);
  }
  const all = printed.join(' ');
  if (!all.includes(location.href)) wrongs.push('no address');
  if (!/Drawn \\d+ \\w+ \\d{4} \\d\\d:\\d\\d UTC/.test(all)) wrongs.push('no time');
  const tables = [...document.querySelectorAll('main table')];
  for (const table of tables) {
    // Heads may be said beside each cell instead.
    const is_told = table.querySelector('td[data-label]')
      && [...table.querySelectorAll('td[data-label]')].every((one) =>
        getComputedStyle(one, '::before').content.includes(one.dataset.label));
    const hidden = [...table.querySelectorAll('tr, th, td')]
      .filter((one) => !is_seen(one) && !(is_told && one.closest('thead')));
    if (hidden.length) wrongs.push(`${hidden.length} cells are not printed: ${show(hidden[0])}`);
    const cells = [...table.querySelectorAll('th, td')].map((one) => one.getBoundingClientRect());
    const right = Math.max(...cells.map((box) => box.right));
    if (right > paper + 1) wrongs.push(`${Math.round(right)} wide on ${paper}: ${show(table)}`);
    for (let at = table.parentElement; at && at.localName !== 'main'; at = at.parentElement) {
      const style = getComputedStyle(at);
      const is_cut = style.overflowX !== 'visible' && at.scrollWidth > at.clientWidth + 1
        || style.overflowY !== 'visible' && at.scrollHeight > at.clientHeight + 1;
      if (is_cut) wrongs.push(`cut off: ${show(at)}`);
    }
  }
  return {wrongs: wrongs.slice(0, 20), tables: tables.length};
}"""
