// Draws the table from data. Text only ever becomes a text node, never markup.
function make(tag, className, text) {
  const node = document.createElement(tag)
  if (className) node.className = className
  if (text !== undefined) node.textContent = text
  return node
}

function bar({ low, mean, high }) {
  const percent = (share) => `${100 * Math.min(Math.max(share, 0), 1)}%`
  const box = make("span", "bar")
  box.setAttribute("aria-hidden", "true")
  const band = make("i")
  band.style.left = percent(low)
  band.style.width = `calc(${percent(high)} - ${percent(low)})`
  const point = make("b")
  point.style.left = percent(mean)
  box.append(band, point)
  return box
}

// What a heading or a figure means, beside it: on hover, on focus and on a tap, which `title` alone never shows.
function teller() {
  const tip = make("div", "tip")
  tip.setAttribute("role", "tooltip")
  tip.hidden = true
  const hide = () => (tip.hidden = true)
  const show = (node, text) => {
    tip.textContent = text
    tip.hidden = false
    const at = node.getBoundingClientRect()
    const own = tip.getBoundingClientRect()
    const below = at.bottom + 6
    tip.style.left = `${Math.max(8, Math.min(at.left, document.documentElement.clientWidth - own.width - 8))}px`
    tip.style.top = `${below + own.height < window.innerHeight ? below : at.top - own.height - 6}px`
  }
  const explain = (node, text) => (text ? node.setAttribute("aria-description", text) : null)
  // One listener for all cells of the box, not several for each of hundreds.
  const watch = (box) => {
    const explained = (event) => event.target.closest?.("[aria-description]")
    for (const event of ["pointerover", "focusin", "click"])
      box.addEventListener(event, (e) => {
        const node = explained(e)
        if (node) show(node, node.getAttribute("aria-description"))
      })
    for (const event of ["pointerout", "focusout"])
      box.addEventListener(event, (e) => {
        if (explained(e) && !explained(e).contains(e.relatedTarget)) hide()
      })
  }
  return { tip, hide, explain, watch }
}

function fill(cell, line, follow) {
  const text = make(cell.href ? "a" : "span", "text", cell.text)
  if (cell.href) {
    text.setAttribute("href", cell.href)
    text.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
      event.preventDefault() // the page changes within the session; the address still opens in a new tab
      follow(line.id)
    })
  }
  const parts = [text]
  if (cell.bar) parts.push(bar(cell.bar))
  if (cell.note) parts.push(make("span", "note", cell.note))
  return parts
}

function row(line, columns, follow, explain) {
  const tr = make("tr", line.heading ? "heading" : "")
  if (line.heading) {
    const th = make("th", "", line.heading)
    th.scope = "rowgroup"
    const rest = make("td")
    rest.colSpan = Math.max(columns.length - 1, 1)
    tr.append(th, rest)
    return tr
  }
  if (line.now) tr.setAttribute("aria-current", "true")
  line.cells.forEach((cell, i) => {
    const td = make(i === 0 ? "th" : "td")
    if (i === 0) td.scope = "row"
    const { number, strong } = columns[i]
    const { dim, wrap } = cell
    td.className = Object.entries({ number, strong, dim, wrap }).flatMap(([name, on]) => (on ? name : [])).join(" ")
    explain(td, cell.hint)
    td.append(...fill(cell, line, follow))
    tr.append(td)
  })
  return tr
}

function compare(a, b, direction) {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  return direction * (typeof a === "string" ? a.localeCompare(b) : a - b)
}

export default function ({ data, parentElement, setTriggerValue }) {
  const { columns, lines, caption, fit } = data
  const follow = (id) => setTriggerValue("followed", id)
  const scroll = make("div", fit ? "scroll fit" : "scroll")
  scroll.tabIndex = 0
  scroll.setAttribute("role", "region")
  scroll.setAttribute("aria-label", caption)
  const table = make("table")
  table.append(make("caption", "", caption))
  const body = make("tbody")
  const { tip, hide, explain, watch: tell } = teller()
  const draw = (ordered) => body.replaceChildren(...ordered.map((line) => row(line, columns, follow, explain)))

  const heads = make("tr")
  columns.forEach((column, i) => {
    const th = make("th", column.number ? "number" : "")
    th.scope = "col"
    if (column.sortable) {
      const button = make("button", column.help ? "helped" : "", column.label)
      explain(button, column.help)
      button.addEventListener("click", () => {
        const now = th.getAttribute("aria-sort")
        const first = column.number ? "descending" : "ascending"
        const next = now === null ? first : now === "descending" ? "ascending" : "descending"
        for (const other of heads.children) {
          other.removeAttribute("aria-sort")
          const label = other.querySelector("button")
          if (label) label.textContent = label.textContent.replace(/ [↑↓]$/, "")
        }
        th.setAttribute("aria-sort", next)
        button.textContent = `${column.label} ${next === "ascending" ? "↑" : "↓"}`
        const direction = next === "ascending" ? 1 : -1
        draw([...lines].sort((a, b) => compare(a.cells[i].order, b.cells[i].order, direction)))
      })
      th.append(button)
    } else if (column.help) {
      const button = make("button", "helped", column.label)
      explain(button, column.help)
      th.append(button)
    } else th.textContent = column.label
    if (column.note) th.append(make("span", "note", column.note))
    heads.append(th)
  })
  const head = make("thead")
  head.append(heads)
  draw(lines)
  table.append(head, body)
  scroll.append(table)
  const edges = () => {
    scroll.classList.toggle("scrolled", scroll.scrollLeft > 0)
    scroll.classList.toggle("more", scroll.scrollWidth - scroll.clientWidth - scroll.scrollLeft > 1)
  }
  scroll.addEventListener("scroll", edges)
  const box = make("div", "board-table")
  box.append(scroll, tip)
  tell(box)
  box.addEventListener("keydown", (event) => (event.key === "Escape" ? hide() : null))

  const old = parentElement.querySelector(".board-table")
  if (old) old.replaceWith(box)
  else parentElement.appendChild(box)
  const watch = new ResizeObserver(edges)
  watch.observe(scroll)
  window.addEventListener("scroll", hide, { capture: true, passive: true })
  return () => {
    watch.disconnect()
    window.removeEventListener("scroll", hide, { capture: true })
  }
}
