"""CH: drawings say what the tables say."""

import re
from html import escape
from xml.etree import ElementTree

from house import ALL, exact, same, values, want
from numbered import check

# Rectangles of the groups of the drawing that is seen: for each path of a group its boxes, in the
# order of time; and the boxes of the buckets.
BARS = """() => {
  const drawing = [...document.querySelectorAll('figure.chart svg[role=img]')]
    .find((one) => one.getClientRects().length > 0);
  const over = [...document.querySelectorAll('figure.chart svg.over')]
    .find((one) => one.getClientRects().length > 0);
  const group = /^(s\\d+|so|sn)( |$)/;
  const paths = [...drawing.querySelectorAll('path')]
    .filter((path) => group.test(path.getAttribute('class') || '') && !path.classList.contains('ln'));
  const scratch = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  drawing.append(scratch);
  const boxes = paths.map((path) => ({
    paint: path.getAttribute('class').split(' ')[0],
    boxes: path.getAttribute('d').split(/(?=M)/).filter((part) => part.trim()).map((part) => {
      scratch.setAttribute('d', part);
      const {x, y, width, height} = scratch.getBBox();
      return {x, y, width, height};
    }),
  }));
  scratch.remove();
  const axis = drawing.querySelector('.ax');
  return {
    paths: boxes,
    height: drawing.viewBox.baseVal.height,
    buckets: [...over.querySelectorAll('[data-bucket] rect')].map((one) => {
      const {x, y, width, height} = one.getBBox();
      return {x, y, width, height};
    }),
    nets: (drawing.querySelector('path.net')?.getAttribute('d') || '').split(/(?=M)/)
      .filter((part) => part.trim()).length,
    has_axis: Boolean(axis),
  };
}"""


def by_time(page):
    """Names of the groups, and their values by time: a row for each bucket, the total last."""
    page.locator("details.by-time > summary").click()
    table = page.locator("details.by-time table")
    names = table.locator("thead th bdi").all_inner_texts()
    rows = []
    for row in table.locator("tbody tr").all():
        rows.append([cell.get_attribute("value") for cell in row.locator("td data.money").all()])
    return names, rows


def drawn(house, query, **more):
    page = house.page(f"/costs?{query}", **more)
    names, rows = by_time(page)
    return page, page.evaluate(BARS), names, rows


@check("CH-1", "CH-2")
def bars_are_as_high_as_their_amounts(house):
    for width in (1440, 390):
        page, bars, names, rows = drawn(house, f"period={house.month()}&currency=USD", width=width)
        same(len(bars["paths"]), len(names), "groups of the drawing and of the table")
        # The bands are drawn from the axis outwards, as the table has its columns.
        pairs = [
            (path["boxes"][at]["height"], abs(exact(row[group])))
            for group, path in enumerate(bars["paths"])
            for at, row in enumerate(rows)
            if row and at < len(path["boxes"])
        ]
        high, most = max(pairs, key=lambda pair: pair[1])
        want(most > 0 and high > 20, f"nothing is drawn: {high} for {most}")
        scale = high / float(most)
        for height, amount in pairs:
            meant = float(amount) * scale
            want(abs(height - meant) <= 0.6, f"{amount} is {height} high, not {meant:.2f}")
        tops = [box["y"] for path in bars["paths"] for box in path["boxes"]]
        bottoms = [box["y"] + box["height"] for path in bars["paths"] for box in path["boxes"]]
        plot = bars["buckets"][0]
        want(min(tops) >= plot["y"] - 0.5, f"a bar begins at {min(tops)}, the plot at {plot['y']}")
        want(max(bottoms) <= plot["y"] + plot["height"] + 0.5, "a bar ends below the plot")


@check("CH-3")
def a_day_of_credits_is_below_zero(house):
    # The corrected bill has a day with a credit alone, and one with both.
    corrected = house.scene["corrected"]
    query = f"period={house.month()}&currency=EUR&is.x_Connection={corrected}&grain=daily"
    page, bars, names, rows = drawn(house, query)
    below = [at for at, row in enumerate(rows) if row and exact(row[-1]) < 0]
    want(below, f"no day is below zero: {rows}")
    zero = max(
        box["y"] + box["height"]
        for group, path in enumerate(bars["paths"])
        for at, box in enumerate(path["boxes"])
        if rows[at] and exact(rows[at][group]) > 0
    )
    for at in below:
        boxes = [
            path["boxes"][at]
            for group, path in enumerate(bars["paths"])
            if exact(rows[at][group]) < 0
        ]
        want(boxes and all(box["height"] > 0 for box in boxes), f"day {at} is not drawn")
        want(all(box["y"] >= zero - 0.5 for box in boxes), f"day {at} is drawn above zero")
    want(bars["nets"] >= len(below), f"{bars['nets']} marks of the net for {len(below)} days")
    caption = page.locator("figure.chart figcaption").inner_text()
    want("redit" in caption, caption)


@check("CH-4")
def marks_are_seen_in_every_theme(house):
    script = """() => {
      const channel = (value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      };
      const light = (text) => {
        const [r, g, b] = text.match(/[\\d.]+/g).map(Number);
        return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
      };
      const drawing = [...document.querySelectorAll('figure.chart svg[role=img]')]
        .find((one) => one.getClientRects().length > 0);
      let ground = 'rgb(255, 255, 255)';
      for (let at = drawing; at; at = at.parentElement) {
        const own = getComputedStyle(at).backgroundColor;
        if (!/, 0\\)$/.test(own)) { ground = own; break; }
      }
      return [...drawing.querySelectorAll('path[class]')]
        .filter((one) => /^(s\\d+|so) ?/.test(one.getAttribute('class')))
        .map((one) => {
          const style = getComputedStyle(one);
          const paint = style.fill === 'none' ? style.stroke : style.fill;
          const [a, b] = [light(paint), light(ground)].sort((x, y) => y - x);
          return {what: one.getAttribute('class'), ratio: (a + 0.05) / (b + 0.05), stroke: style.stroke};
        });
    }"""
    for theme, width in ALL:
        page = house.page(f"/costs?period={house.month()}", theme=theme, width=width)
        marks = page.evaluate(script)
        want(len(marks) > 2, "no marks")
        for mark in marks:
            want(mark["ratio"] >= 2.99, f"{theme} {width}: {mark}")
    page = house.page(f"/costs?period={house.month()}", forced_colors="active")
    for mark in page.evaluate(script):
        want(mark["stroke"] != "none", f"forced colours: {mark}")


@check("CH-5")
def the_legend_is_in_the_order_of_the_stack(house):
    page, bars, names, _ = drawn(house, f"period={house.month()}&currency=USD")
    legend = page.locator(".legend").first.locator("li .name").all_inner_texts()
    same(list(reversed(legend)), names, "legend from below, and stack")
    swatches = page.locator(".legend").first.locator(".swatch").evaluate_all(
        "(all) => all.map((one) => one.className.split(' ').at(-1))"
    )
    drawn_as = [path["paint"] for path in bars["paths"]]
    want(len(swatches) == len(drawn_as), f"{swatches} {drawn_as}")
    for swatch, paint in zip(reversed(swatches), drawn_as):
        is_slot = paint[1:].isdigit()
        want(not is_slot or swatch == paint, f"the legend has {swatch}, the drawing {paint}")


@check("CH-6")
def drawings_have_no_styles(house):
    for path in ("/", "/costs", f"/history/{house.scene['corrected']}/{house.month()}"):
        page = house.page(path)
        count = page.locator("svg [style], svg[style], svg style").count()
        want(count == 0, f"{path}: {count}")
    file = house.download(f"/costs/costs.svg?period={house.month()}").decode()
    want(" style=" not in file and "<style" not in file and "class=" not in file, "the file has styles")
    want("<script" not in file and "href" not in file, "the file refers to something")


@check("CH-7")
def the_keyboard_reads_what_the_pointer_reads(house):
    page = house.page(f"/costs?period={house.month()}")
    figure = page.locator("figure[data-chart]").first
    titles = figure.locator(".layer.wide .over [data-bucket] title").all_text_contents()
    readout = figure.locator("[data-readout]")
    figure.focus()
    page.keyboard.press("Home")
    same(flat(readout.inner_text()), flat(titles[0]), "the first bucket")
    page.keyboard.press("ArrowRight")
    same(flat(readout.inner_text()), flat(titles[1]), "the second bucket")
    page.keyboard.press("End")
    same(flat(readout.inner_text()), flat(titles[-1]), "the last bucket")
    page.keyboard.press("Escape")
    same(readout.inner_text().strip(), "", "after Esc")
    box = figure.locator(".layer.wide .over [data-bucket]").nth(1).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(100)
    same(flat(readout.inner_text()), flat(titles[1]), "under the pointer")


def flat(text):
    return re.sub(r"\s+", " ", text).strip()


# A rectangle of a path.
RECTANGLE = re.compile(r"M(-?[\d.]+) (-?[\d.]+)h(-?[\d.]+)v(-?[\d.]+)h-?[\d.]+z")


def standing(text):
    """What a file draws: the paths of its groups, its buckets, its ticks, and the marks of the net."""
    tree = ElementTree.fromstring(text)
    every = [(one.tag.split("}")[-1], one.attrib, one.text) for one in tree.iter()]
    buckets = [
        tuple(float(told[side]) for side in ("x", "y", "width", "height"))
        for tag, told, _ in every
        if tag == "rect" and told.get("pointer-events") == "all"
    ]
    paths = [told for tag, told, _ in every if tag == "path"]
    groups = [
        told["d"] for told in paths
        if told.get("fill", "").startswith("#") and len(RECTANGLE.findall(told["d"])) == len(buckets)
    ]
    ticks = [
        (words, float(told["y"])) for tag, told, words in every
        if tag == "text" and told.get("text-anchor") == "end" and told.get("font-size") is None
    ]
    return {"groups": groups, "buckets": buckets, "ticks": ticks, "paths": [one["d"] for one in paths]}


# The same of the drawing of a page that is seen.
DRAWN = """() => {
  const seen = (selector) => [...document.querySelectorAll(`figure.chart ${selector}`)]
    .find((one) => one.getClientRects().length > 0);
  const drawing = seen('svg[role=img]');
  return {
    groups: [...drawing.querySelectorAll('path')]
      .filter((one) => /^(s\\d+|so|sn)$/.test(one.getAttribute('class') || ''))
      .map((one) => one.getAttribute('d')),
    buckets: [...seen('svg.over').querySelectorAll('[data-bucket] rect')].map((one) =>
      ['x', 'y', 'width', 'height'].map((side) => Number(one.getAttribute(side)))),
    ticks: [...drawing.querySelectorAll('text[text-anchor=end].tm')]
      .filter((one) => /\\d/.test(one.textContent))
      .map((one) => [one.textContent, Number(one.getAttribute('y'))]),
  };
}"""


def shape(drawn):
    """Each rectangle as parts of the plot: where its middle is in its bucket, its top and its height."""
    low, top = drawn["ticks"][0][1], drawn["ticks"][-1][1]
    # The words stand as far under their lines in both.
    zero = dict(drawn["ticks"])["0"] - 4.2
    parts = []
    for group in drawn["groups"]:
        boxes = [[float(number) for number in box] for box in RECTANGLE.findall(group)]
        same(len(boxes), len(drawn["buckets"]), "rectangles of a group and buckets")
        parts.append([
            (
                (x + width / 2 - left) / wide,
                (zero - y) / (low - top),
                height / (low - top),
            )
            for (x, y, width, height), (left, _, wide, _) in zip(boxes, drawn["buckets"])
        ])
    return parts


@check("CH-8")
def file_and_command_line_draw_the_same(house):
    month = house.month()
    # Dollars have charges, euros credits as well.
    for currency in ("USD", "EUR"):
        query = f"period={month}&currency={currency}"
        told = house.api(f"/costs?{query}")
        page = house.page(f"/costs?{query}")
        svg = house.command(
            "report", "--by", "service", "--from", told["from"], "--to", told["to"],
            "--currency", currency, "--granularity", "daily", "--top", "6", "--format", "svg",
        )
        shown = page.locator("#figures tbody th .name bdi").all_inner_texts()
        for name in [name for name in shown if not name.startswith(("other", "(not"))]:
            want(escape(name) in svg, f"the command line does not draw {name}")
        own, there = standing(svg), page.evaluate(DRAWN)
        file = standing(house.download(f"/costs/costs.svg?{query}").decode())
        # The file of the page and that of the command line are the same to the last digit.
        same(file["paths"], own["paths"], f"{currency}: paths of both files")
        same(file["buckets"], own["buckets"], f"{currency}: buckets of both files")
        # The page has a plot of another size: every rectangle is the same part of it.
        same(len(own["groups"]), len(there["groups"]), f"{currency}: groups")
        words = [[tick[0] for tick in drawn["ticks"]] for drawn in (own, there)]
        same(words[0], words[1], f"{currency}: ticks")
        want(len(own["groups"]) > 1, f"{currency}: nothing is drawn")
        for group, (left, right) in enumerate(zip(shape(own), shape(there))):
            for at, (one, other) in enumerate(zip(left, right)):
                apart = [abs(here - beyond) for here, beyond in zip(one, other)]
                # Half a pixel of the narrower column, and the last digit of heights.
                is_same = apart[0] <= 0.05 and max(apart[1:]) <= 0.0005
                want(is_same, f"{currency}, group {group}, bucket {at}: {one} is not {other}")
        want(values(page), "the page has no amounts")
