// A scatter plot: one point per method or case, with an interval, a frontier or a diagonal. Text only ever becomes a
// text node, never markup.
const NS = "http://www.w3.org/2000/svg"
const HEIGHT = 340
const EDGE = { left: 46, right: 14, top: 14, bottom: 42 }
const LABELS = 24 // more points than this are named on hover only

function svg(tag, attributes, text) {
  const node = document.createElementNS(NS, tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  if (text !== undefined) node.textContent = text
  return node
}

function write(value) {
  if (value !== 0 && (Math.abs(value) < 0.01 || Math.abs(value) >= 1e5)) return value.toExponential(0)
  return String(Number(value.toPrecision(3)))
}

function linear([low, high], [from, to]) {
  const scale = (v) => from + ((v - low) / (high - low || 1)) * (to - from)
  const step = 10 ** Math.floor(Math.log10((high - low || 1) / 4))
  const wide = [1, 2, 5, 10].find((m) => (high - low) / (step * m) <= 6) * step
  scale.ticks = []
  for (let v = Math.ceil(low / wide) * wide; v <= high + wide * 1e-6; v += wide) scale.ticks.push(v)
  return scale
}

function logarithmic([low, high], [from, to]) {
  const inner = linear([Math.log10(low), Math.log10(high)], [from, to])
  const scale = (v) => inner(Math.log10(Math.max(v, low)))
  scale.ticks = []
  const few = Math.log10(high / low) > 2
  for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++)
    for (const m of few ? [1] : [1, 2, 5]) {
      const v = m * 10 ** e
      if (v >= low && v <= high) scale.ticks.push(v)
    }
  return scale
}

function shape(mark, x, y) {
  if (mark === 0) return svg("circle", { class: "mark", cx: x, cy: y, r: 5 })
  const turn = mark === 1 ? 0 : 45
  return svg("rect", { class: "mark", x: x - 4.5, y: y - 4.5, width: 9, height: 9, transform: `rotate(${turn} ${x} ${y})` })
}

function legend(names) {
  const list = document.createElement("ul")
  names.forEach((name, i) => {
    const item = document.createElement("li")
    const sign = svg("svg", { width: 14, height: 14, viewBox: "0 0 14 14", "aria-hidden": "true" })
    sign.append(shape(i, 7, 7))
    item.append(sign, name)
    list.append(item)
  })
  return list
}

function draw(data, width, follow, say) {
  const { points, x, y, frontiers, diagonal } = data
  const root = svg("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "group", "aria-label": data.caption })
  const sx = (x.log ? logarithmic : linear)([x.low, x.high], [EDGE.left, width - EDGE.right])
  const sy = linear([y.low, y.high], [HEIGHT - EDGE.bottom, EDGE.top])
  for (const v of sx.ticks) {
    root.append(svg("line", { class: "grid", x1: sx(v), x2: sx(v), y1: EDGE.top, y2: HEIGHT - EDGE.bottom }))
    root.append(svg("text", { class: "tick", x: sx(v), y: HEIGHT - EDGE.bottom + 16, "text-anchor": "middle" }, write(v)))
  }
  for (const v of sy.ticks) {
    root.append(svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: sy(v), y2: sy(v) }))
    root.append(svg("text", { class: "tick", x: EDGE.left - 8, y: sy(v) + 4, "text-anchor": "end" }, write(v)))
  }
  root.append(svg("text", { class: "axis", x: width - EDGE.right, y: HEIGHT - 8, "text-anchor": "end" }, x.label))
  root.append(svg("text", { class: "axis", x: EDGE.left + 4, y: EDGE.top + 12 }, y.label))
  if (diagonal)
    root.append(svg("line", { class: "diagonal", x1: sx(x.low), y1: sy(x.low), x2: sx(x.high), y2: sy(x.high) }))
  for (const frontier of frontiers.filter((line) => line.length)) {
    const on = frontier.map((i) => [sx(points[i].x), sy(points[i].y)])
    let path = `M${on[0][0]},${HEIGHT - EDGE.bottom}V${on[0][1]}`
    for (const [px, py] of on.slice(1)) path += `H${px}V${py}`
    root.append(svg("path", { class: "frontier", d: `${path}H${width - EDGE.right}` }))
  }
  const taken = points.map((p) => ({ left: sx(p.x) - 6, right: sx(p.x) + 6, top: sy(p.y) - 6, bottom: sy(p.y) + 6 }))
  const hits = (box) => taken.some((t) => box.left < t.right && box.right > t.left && box.top < t.bottom && box.bottom > t.top)
  points.forEach((p, i) => {
    const px = sx(p.x), py = sy(p.y)
    const link = svg("a", { href: p.href, class: `point ${p.kind}`, "aria-label": p.hint })
    if (p.low !== null) link.append(svg("line", { class: "whisker", x1: px, x2: px, y1: sy(p.low), y2: sy(p.high) }))
    link.append(shape(p.mark, px, py), svg("circle", { class: "catch", cx: px, cy: py, r: 12 }))
    if (points.length <= LABELS) {
      const wide = 6.6 * p.label.length
      const spots = [[8, -7, "start"], [8, 15, "start"], [-8, -7, "end"], [-8, 15, "end"], [8, 4, "start"]]
      for (const [dx, dy, anchor] of spots) {
        const left = px + dx - (anchor === "end" ? wide : anchor === "middle" ? wide / 2 : 0)
        const box = { left, right: left + wide, top: py + dy - 11, bottom: py + dy + 3 }
        if (box.left < EDGE.left || box.right > width || box.bottom > HEIGHT - EDGE.bottom || box.top < 0) continue
        if (taken.some((t, j) => j !== i && box.left < t.right && box.right > t.left && box.top < t.bottom && box.bottom > t.top)) continue
        taken.push(box)
        link.append(svg("text", { class: "name", x: px + dx, y: py + dy, "text-anchor": anchor }, p.label))
        break
      }
    }
    for (const event of ["pointerenter", "focus"]) link.addEventListener(event, () => say(p.hint))
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
      event.preventDefault()
      follow(p.id)
    })
    root.append(link)
  })
  return root
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = document.createElement("div")
  box.className = "chart"
  const told = document.createElement("p")
  told.setAttribute("aria-live", "polite")
  told.textContent = data.hint
  const paint = () => {
    const width = Math.max(Math.round(box.clientWidth), 260)
    const made = draw(data, width, (id) => setTriggerValue("followed", id), (text) => (told.textContent = text))
    box.replaceChildren(...(data.marks.length ? [legend(data.marks)] : []), made, told)
  }
  const old = parentElement.querySelector(".chart")
  if (old) old.replaceWith(box)
  else parentElement.appendChild(box)
  let last = 0
  const watch = new ResizeObserver(() => {
    if (Math.abs(box.clientWidth - last) > 1) {
      last = box.clientWidth
      paint()
    }
  })
  watch.observe(box)
  return () => watch.disconnect()
}
