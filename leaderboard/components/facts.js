// Draws labelled lines. Text only ever becomes a text node, never markup.
export default function ({ data, parentElement }) {
  const list = document.createElement("dl")
  for (const fact of data.facts) {
    const label = document.createElement("dt")
    label.textContent = fact.label
    const body = document.createElement("dd")
    if (fact.lead) body.className = "lead"
    if (fact.chips) body.className = "chips"
    fact.lines.forEach((text, i) => {
      const line = document.createElement("div")
      if (fact.languages[i]) line.lang = fact.languages[i]
      line.textContent = text
      body.append(line)
    })
    list.append(label, body)
  }
  const old = parentElement.querySelector("dl")
  if (old) old.replaceWith(list)
  else parentElement.appendChild(list)
}
