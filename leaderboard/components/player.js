// One clock for several clips. Each hidden <video> is painted onto a canvas of whole-number scale, so pixels keep
// hard edges; overlays are painted from the same frames. Text only ever becomes a text node.
const ICONS = {
  play: "M4 2.5v11l9.5-5.5z",
  pause: "M3.5 2.5h3.2v11H3.5zM9.3 2.5h3.2v11H9.3z",
  back: "M12.5 2.5v11L5 8zM3 2.5h1.8v11H3z",
  forward: "M3.5 2.5v11L11 8zM11.2 2.5H13v11h-1.8z",
}
const SPEEDS = [0.25, 0.5, 1, 2]
const WIDTH_OF_CANVAS = 768
const GAIN = 4 // differences are small; shown four times as large

function make(tag, className, text) {
  const node = document.createElement(tag)
  if (className) node.className = className
  if (text !== undefined) node.textContent = text
  return node
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "0 0 16 16")
  svg.setAttribute("aria-hidden", "true")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  path.setAttribute("d", ICONS[name])
  svg.append(path)
  return svg
}

function button(name, words, className) {
  const node = make("button", className)
  node.type = "button"
  node.append(icon(name))
  node.title = words[name]
  node.setAttribute("aria-label", words[name])
  return node
}

function choice(label, options) {
  const box = make("label")
  const select = make("select")
  for (const [value, text] of options) {
    const option = make("option", "", text)
    option.value = value
    select.append(option)
  }
  box.append(make("span", "", label), select)
  return [box, select]
}

function videoOf(encoded, host, urls) {
  const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0))
  const url = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }))
  urls.push(url)
  const video = make("video")
  Object.assign(video, { muted: true, playsInline: true, preload: "auto", src: url, tabIndex: -1 })
  video.setAttribute("aria-hidden", "true")
  host.append(video)
  return video
}

function build(data) {
  const { tiles, words, fps, frames } = data
  const urls = []
  const host = make("div", "player")
  host.tabIndex = 0
  host.style.setProperty("--count", tiles.length)
  host.style.setProperty("--ratio", data.width / data.height)
  const grid = make("div", "tiles")
  const scale = Math.max(Math.ceil(WIDTH_OF_CANVAS / data.width), 1)

  const shown = tiles.map((tile) => {
    const figure = make("figure", "tile")
    const label = make("figcaption", "label")
    const name = make("strong", "", tile.label)
    name.title = tile.label
    label.append(name, make("span", "", tile.note))
    figure.append(label)
    if (!tile.clip) {
      const none = make("div", "none", tile.reason || "")
      none.style.aspectRatio = `${data.width} / ${data.height}`
      figure.append(none)
      grid.append(figure)
      return null
    }
    const canvas = make("canvas")
    canvas.width = data.width * scale
    canvas.height = data.height * scale
    canvas.setAttribute("role", "img")
    canvas.setAttribute("aria-label", tile.label)
    figure.append(canvas)
    grid.append(figure)
    return { role: tile.role, canvas, context: canvas.getContext("2d"), video: videoOf(tile.clip, host, urls) }
  })
  const live = shown.filter(Boolean)
  const mask = data.mask ? videoOf(data.mask, host, urls) : null
  const videos = [...live.map((t) => t.video), ...(mask ? [mask] : [])]
  host.append(grid)

  const controls = make("div", "controls")
  const transport = make("div", "transport")
  const back = button("back", words)
  const play = button("play", words, "play")
  const forward = button("forward", words)
  const scrub = make("input")
  Object.assign(scrub, { type: "range", min: 0, max: frames - 1, step: 1, value: 0 })
  scrub.setAttribute("aria-label", words.scrub)
  const position = make("output")
  transport.append(back, play, forward, scrub, position)
  const [speedBox, speed] = choice(words.speed, SPEEDS.map((s) => [s, `${s}×`]))
  speed.value = 1
  const references = ["source", "target"].filter((role) => live.some((t) => t.role === role))
  const [showBox, show] = choice(words.show, [["clip", words.clip], ...references.map((r) => [r, words[`to_${r}`]])])
  const [sizeBox, size] = choice(words.size, [["fit", words.fit], [1, "1×"], [2, "2×"], [3, "3×"]])
  const dimBox = make("label")
  const dim = make("input")
  dim.type = "checkbox"
  dimBox.append(dim, make("span", "", words.mask))
  controls.append(transport, speedBox, showBox, sizeBox)
  if (mask) controls.append(dimBox)
  controls.append(make("span", "hint", words.hint))
  host.append(controls)

  const leader = live.length ? live[0].video : null
  let playing = false
  let frame = 0
  let seeking = false
  let pending = false
  let alive = true
  let painted = -1

  const indexOf = (video) => Math.min(Math.floor(video.currentTime * fps + 1e-3), frames - 1)
  const middle = (index) => (index + 0.5) / fps // away from the border, where browsers disagree

  function paintTile(tile) {
    const { context: c, canvas, video } = tile
    if (video.readyState < 2) return
    const draw = (from) => c.drawImage(from, 0, 0, canvas.width, canvas.height)
    c.imageSmoothingEnabled = false
    c.globalCompositeOperation = "source-over"
    draw(video)
    const reference = show.value === "clip" ? null : live.find((t) => t.role === show.value)
    const differs = reference && reference !== tile && reference.video.readyState >= 2
    if (differs) {
      c.globalCompositeOperation = "difference"
      draw(reference.video)
      c.globalCompositeOperation = "lighter"
      for (let gain = 1; gain < GAIN; gain *= 2) c.drawImage(canvas, 0, 0)
    }
    if (dim.checked && mask && mask.readyState >= 2) {
      c.globalCompositeOperation = "multiply"
      c.globalAlpha = 0.8
      draw(mask)
      c.globalAlpha = 1
    }
  }

  function paint() {
    live.forEach(paintTile)
    scrub.value = frame
    position.textContent = `${words.frame} ${frame + 1} / ${frames}`
  }

  const moved = (video) =>
    new Promise((done) => {
      if (video.error || video.readyState < 1) return done()
      video.addEventListener("seeked", done, { once: true })
      video.currentTime = middle(frame)
    })

  // One seek at a time: a fast scrub asks for many frames, and only the newest of them matters.
  async function seek(index) {
    frame = ((index % frames) + frames) % frames
    scrub.value = frame
    pending = true
    if (seeking) return
    seeking = true
    while (pending && alive) {
      pending = false
      await Promise.all(videos.map(moved))
    }
    seeking = false
    if (alive) paint()
  }

  function setPlaying(on) {
    playing = on && Boolean(leader)
    play.replaceChildren(icon(playing ? "pause" : "play"))
    play.title = playing ? words.pause : words.play
    play.setAttribute("aria-label", play.title)
    if (!playing) videos.forEach((v) => v.pause())
  }

  async function start() {
    setPlaying(true)
    if (frame >= frames - 1) await seek(0)
    videos.forEach((v) => (v.playbackRate = Number(speed.value)))
    try {
      await Promise.all(videos.map((v) => v.play()))
    } catch {
      setPlaying(false) // the browser wants a click first
    }
    requestAnimationFrame(tick)
  }

  function stop() {
    setPlaying(false)
    return seek(frame)
  }

  let turning = false
  async function turn() {
    turning = true
    videos.forEach((v) => v.pause())
    await seek(0)
    turning = false
    if (playing && alive) await start()
  }

  // A clip that is half a frame off jumps; one that is a little off goes a little faster or slower until it is not.
  function follow(video) {
    if (video.seeking || video.ended) return
    const apart = video.currentTime - leader.currentTime
    if (Math.abs(apart) > 0.5 / fps) video.currentTime = leader.currentTime
    const pace = Math.abs(apart) < 0.005 ? 1 : 1 - Math.min(Math.max(2 * apart, -0.1), 0.1)
    const rate = Number(speed.value) * pace
    if (Math.abs(video.playbackRate - rate) > 0.01) video.playbackRate = rate
  }

  function tick() {
    if (!alive || !playing || turning) return
    if (leader.ended || leader.currentTime >= frames / fps - 0.02) return void turn()
    frame = indexOf(leader)
    videos.forEach((video) => (video === leader ? null : follow(video)))
    if (frame !== painted || videos.length > 1) paint()
    painted = frame
    requestAnimationFrame(tick)
  }

  const step = (by) => (playing ? setPlaying(false) : null, seek(frame + by))
  play.addEventListener("click", () => (playing ? stop() : start()))
  back.addEventListener("click", () => step(-1))
  forward.addEventListener("click", () => step(1))
  scrub.addEventListener("input", () => (playing ? setPlaying(false) : null, seek(Number(scrub.value))))
  speed.addEventListener("change", () => videos.forEach((v) => (v.playbackRate = Number(speed.value))))
  show.addEventListener("change", paint)
  dim.addEventListener("change", paint)
  size.addEventListener("change", () => {
    const native = size.value !== "fit"
    host.classList.toggle("native", native)
    const width = native ? `${(data.width * Number(size.value)) / window.devicePixelRatio}px` : ""
    for (const figure of grid.children) figure.style.width = width
  })
  host.addEventListener("keydown", (event) => {
    if (event.target !== host && !(event.target instanceof HTMLButtonElement && event.key !== " ")) return
    const act = { " ": () => (playing ? stop() : start()), ArrowLeft: () => step(-1), ArrowRight: () => step(1) }[event.key]
    if (!act) return
    event.preventDefault()
    act()
  })

  const loaded = (video) =>
    new Promise((done) => {
      if (video.readyState >= 2) return done()
      video.addEventListener("loadeddata", done, { once: true })
      video.addEventListener("error", done, { once: true })
    })
  Promise.all(videos.map(loaded))
    .then(() => seek(0))
    .then(() => {
      if (alive && !matchMedia("(prefers-reduced-motion: reduce)").matches) start()
    })

  const state = { get playing() { return playing }, get frame() { return frame }, videos }
  host.state = state // what browser tests read
  return {
    id: data.id,
    host,
    end() {
      alive = false
      videos.forEach((v) => (v.pause(), v.removeAttribute("src"), v.load()))
      urls.forEach((url) => URL.revokeObjectURL(url))
      host.remove()
    },
  }
}

export default function ({ data, parentElement }) {
  const old = parentElement.shopedit
  if (old) clearTimeout(old.ending)
  if (!old || old.id !== data.id || !old.host.isConnected) {
    if (old) old.end()
    parentElement.shopedit = build(data)
    parentElement.appendChild(parentElement.shopedit.host)
  }
  const player = parentElement.shopedit
  // Streamlit cleans up before it draws again as well; the same clips then go on playing.
  return () => {
    player.ending = setTimeout(player.end, 1000)
  }
}
