"""Rules of accessibility of our own, run in the page: they hold where axe is not there, too."""

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
