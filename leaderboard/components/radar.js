// A radar plot: one spoke per scenario, one outline per method. Text only ever becomes a text node, never markup.
const NS = "http://www.w3.org/2000/svg"
const SIZE = 300
const WIDE = 400
const RADIUS = 118

function svg(tag, attributes, text) {
  const node = document.createElementNS(NS, tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  if (text !== undefined) node.textContent = text
  return node
}

export default function ({ data, parentElement }) {
  const { spokes, outlines, high, caption } = data
  const box = document.createElement("div")
  box.className = "radar"
  const root = svg("svg", { viewBox: `0 0 ${WIDE} ${SIZE}`, role: "img", "aria-label": caption })
  const at = (i, share) => {
    const angle = -Math.PI / 2 + (2 * Math.PI * i) / spokes.length
    return [WIDE / 2 + RADIUS * share * Math.cos(angle), SIZE / 2 + RADIUS * share * Math.sin(angle)]
  }
  const ring = (share) => spokes.map((_, i) => at(i, share).join(",")).join(" ")
  for (const share of [0.25, 0.5, 0.75, 1]) {
    root.append(svg("polygon", { class: "ring", points: ring(share) }))
    const [x, y] = at(0, share)
    const value = String(Number((high * share).toPrecision(3)))
    if (share === 1 || share === 0.5) root.append(svg("text", { class: "tick", x: x + 6, y: y + 4 }, value))
  }
  spokes.forEach((name, i) => {
    const [x, y] = at(i, 1)
    const [lx, ly] = at(i, 1.14)
    root.append(svg("line", { class: "ring", x1: WIDE / 2, y1: SIZE / 2, x2: x, y2: y }))
    const middle = Math.abs(lx - WIDE / 2) < 12
    const anchor = middle ? "middle" : lx > WIDE / 2 ? "start" : "end"
    root.append(svg("text", { class: "spoke", x: lx, y: ly + 4, "text-anchor": anchor }, name))
  })
  outlines.forEach((outline, n) => {
    const points = outline.values.map((v, i) => (v === null ? null : at(i, Math.min(Math.max(v / high, 0), 1))))
    const known = points.filter(Boolean)
    root.append(svg("polygon", { class: `outline c${n}`, points: known.map((p) => p.join(",")).join(" ") }))
    points.forEach((point, i) => {
      if (!point) return
      const [x, y] = point
      const dot = svg("circle", { class: `dot c${n}`, cx: x, cy: y, r: 3.5 })
      dot.append(svg("title", {}, `${outline.label} · ${spokes[i]}: ${outline.texts[i]}`))
      root.append(dot)
    })
  })
  const legend = document.createElement("ul")
  outlines.forEach((outline, n) => {
    const item = document.createElement("li")
    const swatch = document.createElement("i")
    swatch.className = `c${n}`
    const name = document.createElement("span")
    name.textContent = outline.label
    item.append(swatch, name)
    legend.append(item)
  })
  box.append(root, legend)
  const old = parentElement.querySelector(".radar")
  if (old) old.replaceWith(box)
  else parentElement.appendChild(box)
}
