"use strict";
// The viewer of one clip: joints over the video and in 3D, raw and repaired side by side, and a time line of what was
// understood. Viewer.show(place, scene, video) builds it into an element; `scene` is what slt/viewer/scene.py makes,
// `video` an address that the browser can play, or null. Texts of the scene enter the page as text, never as HTML.
const Viewer = (() => {
  const COLOURS = { body: "#5a5a5a", left_hand: "#0072b2", right_hand: "#d55e00" };
  const NAMES = { body: "body", left_hand: "left hand", right_hand: "right hand" };
  const UNSEEN = "#b00020", PALE = "#e4e4e4", FLOOR = "#e0e4e8";
  const TURN = 0.0087, STEP = Math.PI / 24, TILT = Math.PI / 2, NEAREST = 4, FARTHEST = 0.4;
  const WAYS = { none: "none", raw: "raw", repaired: "repaired", both: "both" };

  function make(tag, values = {}, ...children) {
    const { data, ...others } = values;
    const made = Object.assign(document.createElement(tag), others);
    for (const [name, value] of Object.entries(data || {})) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function bytes(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  }

  // Coordinates (frames x joints x dims) as floats, NaN where a joint is missing.
  function unpacked(packed) {
    const raw = bytes(packed.data), view = new DataView(raw.buffer), size = packed.dims;
    const values = new Float32Array(raw.length / 2);
    for (let k = 0; k < values.length; k++) {
      const whole = view.getInt16(2 * k, true);
      values[k] = whole === -32768 ? NaN : packed.centre[k % size] + packed.scale * whole;
    }
    return { values, size };
  }

  function clock(seconds) {
    const tenths = Math.max(0, Math.round(seconds * 10));
    const rest = (tenths % 600) / 10;
    return `${Math.floor(tenths / 600)}:${rest < 10 ? "0" : ""}${rest.toFixed(1)}`;
  }

  function percent(share) {
    return `${Math.round(100 * share)} %`;
  }

  // A canvas whose pixels are the screen's; `paint(context, width, height)` is called in CSS pixels.
  class Board {
    constructor(paint, values) {
      this.canvas = make("canvas", values);
      this.paint = paint;
    }

    draw() {
      const { clientWidth: width, clientHeight: height } = this.canvas, ratio = window.devicePixelRatio || 1;
      const wide = Math.round(width * ratio), high = Math.round(height * ratio);
      if (!wide || !high) return;
      if (this.canvas.width !== wide || this.canvas.height !== high) {
        this.canvas.width = wide;
        this.canvas.height = high;
      }
      const context = this.canvas.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);
      this.paint(context, width, height);
    }
  }

  class Player {
    constructor(place, scene, video) {
      this.scene = scene;
      this.joints = scene.seen ? bytes(scene.seen).length / scene.frames : 0;
      this.seen = bytes(scene.seen);
      this.space = { raw: unpacked(scene.space.raw), repaired: unpacked(scene.space.repaired) };
      this.flat = scene.flat && { raw: unpacked(scene.flat.raw), repaired: unpacked(scene.flat.repaired) };
      this.group = new Array(this.joints).fill("body");
      for (const [name, members] of Object.entries(scene.groups)) for (const j of members) this.group[j] = name;
      this.order = ["body", "left_hand", "right_hand"];
      this.frame = 0;
      this.late = scene.begins || 0; // seconds of sound before the first frame: the video's clock counts them
      this.yaw = -0.5; // from a little aside and above, so that the depth shows
      this.tilt = 0.15;
      this.zoom = 1;
      this.over = "repaired";
      this.marks = true;
      this.playing = false;
      this.rate = 1;
      this.begun = { time: 0, at: 0 };
      this.boards = [];
      this.build(place, video);
    }

    // ------------------------------------------------------------------ the parts of the page

    build(place, video) {
      this.root = make("div", { className: "viewer" });
      if (this.scene.said) this.root.append(this.banner());
      const panels = make("div", { className: "panels" });
      if (this.scene.flat || video) panels.append(this.stage(video));
      panels.append(make("div", { className: "pair" }, this.solid("raw", "3D, raw"), this.solid("repaired", "3D, repaired")));
      this.root.append(panels, this.controls(), this.timeLine(), this.legend());
      if (this.scene.said) this.root.append(this.sentences());
      place.replaceChildren(this.root);
      this.resized = new ResizeObserver(() => this.draw());
      this.resized.observe(this.root);
      this.root.addEventListener("keydown", (event) => this.key(event));
      this.to(0);
    }

    banner() {
      const said = this.scene.said, understood = said.text !== null;
      const first = make("strong", { textContent: understood ? "" : "I do not understand this." });
      this.now = make("span", { textContent: understood ? "" : ` ${said.reason}` });
      return make("div", { className: understood ? "said" : "said abstained" }, first, this.now);
    }

    stage(video) {
      const [width, height] = this.scene.picture || [16, 9];
      const inner = make("div", { className: "stage" });
      inner.style.aspectRatio = `${width} / ${height}`;
      // so that a tall picture is no taller than the 3D panels
      inner.style.maxWidth = `calc(var(--tall) * ${(width / height).toFixed(4)})`;
      if (video) {
        this.video = make("video", { src: video, muted: true, playsInline: true, preload: "auto", tabIndex: -1 });
        this.video.addEventListener("error", () => this.noVideo());
        this.video.addEventListener("ended", () => this.pause());
        this.video.addEventListener("loadedmetadata", () => this.measure());
        this.video.addEventListener("seeked", () => this.draw());
        inner.append(this.video);
      }
      if (this.scene.flat) {
        const label = "Joints over the video";
        const board = new Board((context, w, h) => this.paintFlat(context, w, h), { data: { role: "img", "aria-label": label } });
        this.boards.push(board);
        inner.append(board.canvas);
      }
      this.note = make("p", { className: "note", hidden: true });
      return make("figure", { className: "panel picture" }, make("figcaption", { textContent: "Video" }), inner, this.note);
    }

    noVideo() {
      if (!this.video) return;
      this.pause();
      this.video.remove();
      this.video = null;
      this.note.textContent = "This browser cannot play the video; the joints are shown without it.";
      this.note.hidden = false;
    }

    // What a browser recorded does not tell how long it is: it is found out by a look at its end.
    measure() {
      const video = this.video;
      if (!video || Number.isFinite(video.duration)) return;
      const back = () => {
        if (!Number.isFinite(video.duration)) return;
        video.removeEventListener("durationchange", back);
        this.to(this.frame);
      };
      video.addEventListener("durationchange", back);
      video.currentTime = 1e7;
    }

    solid(which, title) {
      const help = "arrow keys turn, plus and minus zoom, Home turns back";
      const board = new Board((context, w, h) => this.paintSpace(context, w, h, which), {
        tabIndex: 0, data: { role: "application", "aria-label": `${title}: ${help}`, "data-pose": which },
      });
      this.boards.push(board);
      this.turnable(board.canvas);
      return make("figure", { className: "panel solid" }, make("figcaption", { textContent: title }), board.canvas);
    }

    turnable(canvas) {
      const held = new Map();
      let apart = 0;
      const spread = () => {
        const [a, b] = [...held.values()];
        return Math.hypot(a.x - b.x, a.y - b.y);
      };
      canvas.addEventListener("pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        held.set(event.pointerId, { x: event.clientX, y: event.clientY });
        if (held.size === 2) apart = spread();
      });
      canvas.addEventListener("pointermove", (event) => {
        const before = held.get(event.pointerId);
        if (!before) return;
        held.set(event.pointerId, { x: event.clientX, y: event.clientY });
        if (held.size === 1) this.turn((event.clientX - before.x) * TURN, (event.clientY - before.y) * TURN);
        else if (held.size === 2 && apart > 0) {
          this.scale(spread() / apart);
          apart = spread();
        }
      });
      for (const end of ["pointerup", "pointercancel"])
        canvas.addEventListener(end, (event) => held.delete(event.pointerId));
      canvas.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && document.activeElement !== canvas) return; // else the page scrolls
        event.preventDefault();
        this.scale(Math.exp(-event.deltaY / 500));
      }, { passive: false });
      canvas.addEventListener("dblclick", () => this.front());
      canvas.addEventListener("keydown", (event) => {
        const acts = {
          ArrowLeft: () => this.turn(-STEP, 0), ArrowRight: () => this.turn(STEP, 0),
          ArrowUp: () => this.turn(0, -STEP), ArrowDown: () => this.turn(0, STEP),
          "+": () => this.scale(1.15), "=": () => this.scale(1.15), "-": () => this.scale(1 / 1.15), Home: () => this.front(),
        };
        if (!acts[event.key]) return;
        acts[event.key]();
        event.preventDefault();
      });
    }

    turn(yaw, tilt) {
      this.yaw = (this.yaw + yaw) % (2 * Math.PI);
      this.tilt = Math.max(-TILT, Math.min(TILT, this.tilt + tilt));
      this.draw();
    }

    scale(factor) {
      this.zoom = Math.max(FARTHEST, Math.min(NEAREST, this.zoom * factor));
      this.draw();
    }

    front() {
      this.yaw = this.tilt = 0;
      this.zoom = 1;
      this.draw();
    }

    controls() {
      const last = this.scene.frames - 1;
      this.button = make("button", { type: "button", className: "play", textContent: "Play", onclick: () => this.toggle() });
      this.slider = make("input", { type: "range", min: 0, max: last, step: 1, value: 0, data: { "aria-label": "Time" } });
      this.slider.addEventListener("input", () => {
        this.pause();
        this.to(Number(this.slider.value));
      });
      this.time = make("output", { className: "time" });
      const speed = make("select", { data: { "aria-label": "Speed" } });
      for (const rate of [1, 0.5, 0.25]) speed.append(make("option", { value: rate, textContent: `${rate} x` }));
      speed.addEventListener("change", () => this.setRate(Number(speed.value)));
      const back = make("button", { type: "button", textContent: "Front view", onclick: () => this.front() });
      const marks = make("input", { type: "checkbox", checked: true });
      marks.addEventListener("change", () => {
        this.marks = marks.checked;
        this.draw();
      });
      const row = make("div", { className: "row" }, this.button, this.time, speed, back);
      if (this.scene.flat) row.append(this.choice());
      row.append(make("label", { className: "tick" }, marks, "mark joints that were not seen"));
      return make("div", { className: "controls" }, row, this.slider);
    }

    choice() {
      const box = make("fieldset", {}, make("legend", { textContent: "Over the video" }));
      for (const [value, text] of Object.entries(WAYS)) {
        const radio = make("input", { type: "radio", name: "over", value, checked: value === this.over });
        radio.addEventListener("change", () => {
          this.over = value;
          this.draw();
        });
        box.append(make("label", {}, radio, text));
      }
      return box;
    }

    timeLine() {
      const board = new Board((context, w, h) => this.paintSeen(context, w, h), { data: { role: "img", "aria-label": this.seenText() } });
      this.boards.push(board);
      this.head = make("div", { className: "head" });
      const tracks = make("div", { className: "tracks" }, make("div", { className: "seen" }, board.canvas));
      const said = this.scene.said, seconds = this.scene.frames / this.scene.fps;
      const block = (start, end, values) => {
        const made = make("button", { type: "button", tabIndex: -1, ...values, onclick: () => this.at(start) });
        made.style.left = `${(100 * start) / seconds}%`;
        made.style.width = `${(100 * (Math.min(end, seconds) - start)) / seconds}%`;
        return made;
      };
      if (said) {
        const segments = make("div", { className: "segments", data: { "aria-hidden": "true" } });
        const glosses = make("div", { className: "glosses", data: { "aria-hidden": "true" } });
        for (const one of said.sentences) {
          const text = one.text === null ? "not understood" : one.text;
          segments.append(block(one.start, one.end, { className: one.text === null ? "gap" : "", textContent: text, title: text }));
          for (const sign of one.signs)
            glosses.append(block(sign.start, sign.end, { textContent: sign.gloss, title: `${sign.gloss}, ${percent(sign.confidence)}` }));
        }
        tracks.append(segments);
        if (glosses.childElementCount) tracks.append(glosses);
      }
      tracks.append(this.head);
      tracks.addEventListener("pointerdown", (event) => {
        if (event.target instanceof HTMLButtonElement) return;
        const box = tracks.getBoundingClientRect();
        this.at(((event.clientX - box.left) / box.width) * seconds);
      });
      return tracks;
    }

    seenText() {
      const shares = this.order.map((name) => {
        const members = this.scene.groups[name];
        let sum = 0;
        for (let t = 0; t < this.scene.frames; t++) for (const j of members) sum += this.seen[t * this.joints + j];
        return `${NAMES[name]} ${percent(sum / (members.length * this.scene.frames))}`;
      });
      return `Seen by the estimator: ${shares.join(", ")}`;
    }

    legend() {
      const entry = (mark, text) => make("li", {}, mark, text);
      const list = make("ul", { className: "legend" });
      for (const name of this.order) {
        const dot = make("i", { className: "dot" });
        dot.style.background = COLOURS[name];
        list.append(entry(dot, NAMES[name]));
      }
      list.append(entry(make("i", { className: "cross", textContent: "×" }), "raw: not seen"));
      list.append(entry(make("i", { className: "ring" }), "repaired: not seen, place inferred"));
      list.append(make("li", { textContent: `${this.seenText()}.` }));
      return list;
    }

    sentences() {
      const said = this.scene.said, list = make("ol", { className: "sentences" });
      for (const one of said.sentences) {
        const when = make("button", { type: "button", textContent: `${clock(this.late + one.start)} – ${clock(this.late + one.end)}`, onclick: () => this.at(one.start) });
        const item = make("li", { className: one.text === null ? "gap" : "" }, when);
        if (one.text === null) item.append(make("span", {}, make("strong", { textContent: "I do not understand this. " }), one.reason || ""));
        else {
          item.append(make("span", { textContent: one.text }));
          if (one.confidence !== null)
            item.append(make("span", { className: "sure" }, make("meter", { min: 0, max: 1, value: one.confidence, data: { "aria-label": "Confidence" } }), ` confidence ${one.confidence.toFixed(2)}`));
          if (one.glosses.length) item.append(make("span", { className: "gloss", textContent: one.glosses.join(" ") }));
          if (one.top.length) item.append(this.guesses(one.top));
        }
        list.append(item);
      }
      const box = make("section", { data: { "aria-label": "Sentences" } }, list);
      for (const warning of said.warnings) box.append(make("p", { className: "warning", textContent: warning }));
      return box;
    }

    // Of an isolated sign: the likeliest labels, the best first.
    guesses(top) {
      const list = make("ol", { className: "guesses", data: { "aria-label": "Likeliest labels" } });
      for (const { label, confidence } of top) {
        const meter = make("meter", { min: 0, max: 1, value: confidence, data: { "aria-label": "Confidence" } });
        list.append(make("li", {}, make("span", { textContent: label }), make("span", { className: "sure" }, meter, ` ${confidence.toFixed(3)}`)));
      }
      return list;
    }

    // ------------------------------------------------------------------ time

    key(event) {
      if (event.key !== " " || ["BUTTON", "INPUT", "SELECT"].includes(event.target.tagName)) return;
      event.preventDefault();
      this.toggle();
    }

    at(seconds) {
      this.to(Math.floor(seconds * this.scene.fps + 1e-6));
    }

    // Shows a frame, and moves the clock there.
    to(frame) {
      this.frame = Math.max(0, Math.min(this.scene.frames - 1, frame));
      if (this.video && this.video.readyState > 0) this.video.currentTime = this.late + (this.frame + 0.5) / this.scene.fps;
      this.begun = { time: performance.now(), at: this.frame / this.scene.fps };
      this.draw();
    }

    setRate(rate) {
      this.begun = { time: performance.now(), at: this.seconds() };
      this.rate = rate;
      if (this.video) this.video.playbackRate = rate;
    }

    seconds() {
      if (this.video) return Math.max(0, this.video.currentTime - this.late);
      return this.playing ? this.begun.at + ((performance.now() - this.begun.time) / 1000) * this.rate : this.begun.at;
    }

    toggle() {
      if (this.playing) return this.pause();
      if (this.frame >= this.scene.frames - 1) this.to(0);
      this.playing = true;
      this.button.textContent = "Pause";
      this.begun = { time: performance.now(), at: this.frame / this.scene.fps };
      if (this.video) {
        this.video.playbackRate = this.rate;
        this.video.play().catch(() => this.pause());
      }
      requestAnimationFrame(() => this.tick());
    }

    pause() {
      if (!this.playing) return;
      this.begun = { time: performance.now(), at: this.frame / this.scene.fps };
      this.playing = false;
      this.button.textContent = "Play";
      if (this.video) this.video.pause();
    }

    tick() {
      if (!this.playing) return;
      const frame = Math.floor(this.seconds() * this.scene.fps + 1e-3);
      if (frame >= this.scene.frames) {
        this.pause();
        return this.to(this.scene.frames - 1);
      }
      if (frame !== this.frame) {
        this.frame = frame;
        this.draw();
      }
      requestAnimationFrame(() => this.tick());
    }

    // ------------------------------------------------------------------ drawing

    draw() {
      const seconds = this.frame / this.scene.fps, whole = this.scene.frames / this.scene.fps;
      for (const board of this.boards) board.draw();
      this.slider.value = this.frame;
      this.slider.setAttribute("aria-valuetext", `${(this.late + seconds).toFixed(2)} seconds`);
      this.time.textContent = `${clock(this.late + seconds)} / ${clock(this.late + whole)}`;
      this.head.style.left = `${(100 * seconds) / whole}%`;
      if (this.scene.said && this.scene.said.text !== null) this.tell(seconds);
    }

    tell(seconds) {
      const one = this.scene.said.sentences.find((s) => s.start <= seconds + 1e-6 && seconds < s.end);
      let text = "…";
      if (one) text = one.text === null ? `I do not understand this part: ${one.reason}` : one.text;
      if (this.now.textContent !== text) this.now.textContent = text;
    }

    isSeen(joint) {
      return this.seen[this.frame * this.joints + joint] === 1;
    }

    // The joint in the present frame, or null.
    point(pose, joint) {
      const first = (this.frame * this.joints + joint) * pose.size;
      return Number.isNaN(pose.values[first]) ? null : pose.values.subarray(first, first + pose.size);
    }

    paintFlat(context, width, height) {
      const [w, h] = this.scene.picture, scale = Math.min(width / w, height / h);
      const placed = (pose, joint) => {
        const found = this.point(pose, joint);
        return found && { x: found[0] * scale, y: found[1] * scale, near: 0 };
      };
      const all = [...this.group.keys()], unit = Math.max(1, height / 300);
      const repaired = all.map((j) => placed(this.flat.repaired, j));
      if (this.over === "repaired" || this.over === "both") this.paint(context, repaired, "repaired", unit, true);
      if (this.over !== "raw" && this.over !== "both") return;
      const raw = all.map((j) => placed(this.flat.raw, j));
      this.paint(context, raw, "raw", unit, true);
      const lost = all.filter((j) => !raw[j] && repaired[j]);
      if (this.marks) for (const j of lost) this.cross(context, repaired[j], 2 * unit);
    }

    paintSpace(context, width, height, which) {
      const { centre, radius } = this.scene.box, size = (Math.min(width, height) / 2 / radius) * 1.15 * this.zoom;
      const [cy, sy, ct, st] = [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.tilt), Math.sin(this.tilt)];
      const project = ([x, y, z]) => {
        const a = x - centre[0], b = y - centre[1], c = z - centre[2];
        const across = a * cy + c * sy, deep = c * cy - a * sy; // turned about the upright axis
        const down = b * ct + deep * st, near = deep * ct - b * st; // then tilted
        const view = (4 * radius) / (4 * radius - near);
        return { x: width / 2 + across * view * size, y: height / 2 + down * view * size, near };
      };
      this.paintFloor(context, project, centre, radius);
      const points = this.group.map((_, j) => {
        const found = this.point(this.space[which], j);
        return found && project(found);
      });
      this.paint(context, points, which, Math.max(1, Math.min(width, height) / 260), false);
    }

    paintFloor(context, project, centre, radius) {
      context.strokeStyle = FLOOR;
      context.lineWidth = 1;
      context.setLineDash([]);
      context.beginPath();
      for (let k = -2; k <= 2; k++) {
        const along = (k / 2) * radius * 0.7, edge = radius * 0.7, y = centre[1] + radius * 0.75;
        for (const [from, to] of [[[along, -edge], [along, edge]], [[-edge, along], [edge, along]]]) {
          const [p, q] = [from, to].map(([x, z]) => project([centre[0] + x, y, centre[2] + z]));
          context.moveTo(p.x, p.y);
          context.lineTo(q.x, q.y);
        }
      }
      context.stroke();
    }

    // Bones from the farthest to the nearest. halo: a white edge, so that they stand out from a picture.
    paint(context, points, which, unit, halo) {
      const bones = this.scene.bones.filter(([p, j]) => points[p] && points[j]);
      bones.sort(([a, b], [c, d]) => points[a].near + points[b].near - points[c].near - points[d].near);
      context.lineCap = "round";
      for (const [p, j] of bones) {
        const name = this.group[j], sure = this.isSeen(j) && this.isSeen(p);
        const wide = (name === "body" ? 2.4 : 1.4) * unit * (which === "raw" && halo && this.over === "both" ? 0.6 : 1);
        context.setLineDash(sure || !this.marks ? [] : [2 * unit, 2.5 * unit]);
        for (const [colour, width] of halo ? [["#ffffffc0", wide + 1.6 * unit], [COLOURS[name], wide]] : [[COLOURS[name], wide]]) {
          context.strokeStyle = colour;
          context.lineWidth = width;
          context.beginPath();
          context.moveTo(points[p].x, points[p].y);
          context.lineTo(points[j].x, points[j].y);
          context.stroke();
        }
      }
      context.setLineDash([]);
      points.forEach((point, j) => point && this.mark(context, point, j, which, unit));
    }

    mark(context, point, joint, which, unit) {
      const radius = (this.group[joint] === "body" ? 2.2 : 1.4) * unit, seen = this.isSeen(joint) || !this.marks;
      if (!seen && which === "raw") return this.cross(context, point, 1.4 * radius);
      context.beginPath();
      context.arc(point.x, point.y, seen ? radius : 1.4 * radius, 0, 2 * Math.PI);
      context.fillStyle = seen ? COLOURS[this.group[joint]] : "#ffffff";
      context.fill();
      if (seen) return;
      context.strokeStyle = COLOURS[this.group[joint]];
      context.lineWidth = Math.max(1, 0.6 * unit);
      context.stroke();
    }

    cross(context, point, size) {
      context.strokeStyle = UNSEEN;
      context.lineWidth = Math.max(1, size / 2.5);
      context.beginPath();
      context.moveTo(point.x - size, point.y - size);
      context.lineTo(point.x + size, point.y + size);
      context.moveTo(point.x + size, point.y - size);
      context.lineTo(point.x - size, point.y + size);
      context.stroke();
    }

    // One row each for body and hands: coloured where seen, as high as the share of its joints.
    paintSeen(context, width, height) {
      const row = height / this.order.length, wide = width / this.scene.frames;
      this.order.forEach((name, k) => {
        const members = this.scene.groups[name];
        context.fillStyle = PALE;
        context.fillRect(0, k * row + 1, width, row - 2);
        context.fillStyle = COLOURS[name];
        for (let t = 0; t < this.scene.frames; t++) {
          let sum = 0;
          for (const j of members) sum += this.seen[t * this.joints + j];
          const high = ((row - 2) * sum) / members.length;
          context.fillRect(t * wide, (k + 1) * row - 1 - high, Math.ceil(wide), high);
        }
      });
    }

    close() {
      this.pause();
      this.resized.disconnect();
      this.root.remove();
    }
  }

  function show(place, scene, video) {
    if (scene.format !== "slt-scene-1") throw new Error("not a scene of this viewer");
    return new Player(place, scene, video);
  }

  // For the page that holds its scene, and its video as base64.
  function fromPage() {
    const scene = JSON.parse(document.getElementById("scene").textContent);
    const video = document.getElementById("video").textContent;
    const address = video ? URL.createObjectURL(new Blob([bytes(video)], { type: "video/mp4" })) : null;
    return show(document.getElementById("viewer"), scene, address);
  }

  return { show, fromPage };
})();
