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

function row(line, columns, follow) {
  const tr = make("tr", line.heading ? "heading" : "")
  if (line.heading) {
    const th = make("th", "", line.heading)
    th.scope = "rowgroup"
    const rest = make("td")
    rest.colSpan = Math.max(columns.length - 1, 1)
    tr.append(th, rest)
    return tr
  }
  line.cells.forEach((cell, i) => {
    const td = make(i === 0 ? "th" : "td")
    if (i === 0) td.scope = "row"
    td.classList.toggle("number", columns[i].number)
    td.classList.toggle("strong", columns[i].strong)
    td.classList.toggle("dim", cell.dim)
    td.classList.toggle("wrap", cell.wrap)
    if (cell.hint) td.title = cell.hint
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
  const draw = (ordered) => body.replaceChildren(...ordered.map((line) => row(line, columns, follow)))

  const heads = make("tr")
  columns.forEach((column, i) => {
    const th = make("th", column.number ? "number" : "")
    th.scope = "col"
    if (column.help) th.title = column.help
    if (column.sortable) {
      const button = make("button", "", column.label)
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
    } else th.textContent = column.label
    if (column.note) th.append(make("span", "note", column.note))
    heads.append(th)
  })
  const head = make("thead")
  head.append(heads)
  draw(lines)
  table.append(head, body)
  scroll.append(table)
  scroll.addEventListener("scroll", () => scroll.classList.toggle("scrolled", scroll.scrollLeft > 0))

  const old = parentElement.querySelector(".scroll")
  if (old) old.replaceWith(scroll)
  else parentElement.appendChild(scroll)
}
