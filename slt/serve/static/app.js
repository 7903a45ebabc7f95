"use strict";
// The page of `slt serve`: one recording at a time goes to the server this page came from, and to no other.
(() => {
  const POLL = 400, LONGEST_NAME = 200;
  const DOWNLOADS = [
    ["sentences.txt", "Sentences (.txt)"], ["subtitles.srt", "Subtitles (.srt)"], ["subtitles.vtt", "Subtitles (.vtt)"],
    ["annotation.eaf", "ELAN (.eaf)"], ["result.json", "All of it (.json)"],
    ["poses.safetensors", "Poses (.safetensors)"], ["poses.pose", "Poses (.pose)"],
  ];
  const STAGES = {
    models: "Loading the models", video: "Reading the video", frames: "Finding the joints",
    repair: "Lifting, repairing and translating", files: "Writing the results",
  };
  const at = (id) => document.getElementById(id);
  const parts = ["start", "recorder", "work", "result"];
  let about = { megabytes: 200, seconds: 120, keep: 15, local: true, rendered: false };
  let job = null; // { key, file, address } of the recording in hand
  let sending = null; // the request that sends one
  let camera = null; // { stream, recorder, pieces, begun, timer }
  let viewer = null;

  function only(...shown) {
    for (const part of parts) at(part).hidden = !shown.includes(part);
  }

  function say(text, bad = false) {
    at("message").textContent = text;
    at("message").className = bad ? "bad" : "";
  }

  async function ask(address, options = {}) {
    let answer;
    try {
      answer = await fetch(address, { cache: "no-store", ...options });
    } catch {
      throw new Error("the server does not answer; is it still running?");
    }
    if (answer.ok) return answer.status === 204 ? null : answer.json();
    const told = await answer.json().catch(() => ({}));
    throw new Error(told.error || `the server answers ${answer.status}`);
  }

  // ---------------------------------------------------------------- one recording, from the file to the result

  function take(file, name) {
    forget();
    say("");
    if (file.size > about.megabytes * 1e6) return say(`${name} is larger than ${about.megabytes} MB; cut it, or make it smaller.`, true);
    only("work");
    show(`Sending ${name}`, 0, file.size);
    at("cancel").focus();
    const request = new XMLHttpRequest();
    sending = request;
    request.open("POST", `api/jobs?name=${encodeURIComponent(name.slice(-LONGEST_NAME))}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => show(`Sending ${name}`, event.loaded, event.total);
    request.onerror = () => failed("the upload was broken off by the server, or the server does not answer");
    request.onabort = () => {
      sending = null;
    };
    request.onload = () => {
      sending = null;
      if (request.status !== 201) return failed((request.response || {}).error || `the server answers ${request.status}`);
      job = { key: request.response.key, file, name };
      follow(job);
    };
    request.send(file);
  }

  function show(text, done, total) {
    if (at("doing").textContent !== text) at("doing").textContent = text;
    const bar = at("progress");
    if (total) {
      bar.max = total;
      bar.value = done;
    } else bar.removeAttribute("value");
  }

  async function follow(mine) {
    while (job === mine) {
      let told;
      try {
        told = await ask(`api/jobs/${mine.key}`);
      } catch (error) {
        return job === mine && failed(error.message);
      }
      if (job !== mine) return;
      if (told.state === "failed") return failed(told.error);
      if (told.state === "done") return finish(mine);
      if (told.state === "waiting") show(told.before ? `Waiting: ${told.before} before this one` : "Waiting", 0, 0);
      else {
        const { what, done, total } = told.progress || {};
        const count = total ? `: ${done} of ${total} frames` : "";
        show(`${STAGES[what] || "Working"}${count}`, done, total);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL));
    }
  }

  async function finish(mine) {
    let scene;
    try {
      scene = await ask(`api/jobs/${mine.key}/scene.json`);
    } catch (error) {
      return failed(error.message);
    }
    if (job !== mine) return;
    only("result");
    mine.address = /\.(pose|safetensors)$/i.test(mine.name) ? null : URL.createObjectURL(mine.file);
    viewer = Viewer.show(at("viewer"), scene, mine.address);
    const understood = scene.said.text !== null;
    at("downloads").replaceChildren(
      ...DOWNLOADS.filter(([name]) => understood || !/^(sentences|subtitles|annotation)/.test(name)).map(([name, text]) => {
        const link = document.createElement("a");
        link.className = "button";
        link.href = `api/jobs/${mine.key}/${name}`;
        link.download = "";
        link.textContent = text;
        return link;
      }),
    );
    const count = scene.said.sentences.length;
    say(understood ? `Done: ${count === 1 ? "one sentence" : `${count} parts`}. The results are deleted after ${about.keep} minutes.`
      : "Read, but not understood; the reason stands below.", !understood);
    at("delete").focus({ preventScroll: true });
  }

  function failed(text) {
    forget();
    only("start");
    say(text, true);
    at("file").focus({ preventScroll: true });
  }

  // Ends and deletes what is in hand, here and on the server.
  function forget(keepalive = false) {
    if (sending) sending.abort();
    if (viewer) viewer.close();
    if (job) {
      if (job.address) URL.revokeObjectURL(job.address);
      fetch(`api/jobs/${job.key}`, { method: "DELETE", keepalive }).catch(() => {});
    }
    sending = job = viewer = null;
    at("file").value = "";
  }

  // ---------------------------------------------------------------- camera

  async function openCamera() {
    say("");
    if (!navigator.mediaDevices || !window.MediaRecorder)
      return say("Browsers give the camera only to pages of this machine (localhost) or over HTTPS.", true);
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 25 } } });
      camera = { stream };
    } catch (error) {
      return say(`The camera cannot be used: ${error.message}`, true);
    }
    at("preview").srcObject = camera.stream;
    at("preview").play();
    at("record").textContent = "Record";
    at("recorded").textContent = "";
    only("start", "recorder");
    at("record").focus();
  }

  function closeCamera() {
    if (!camera) return;
    clearInterval(camera.timer);
    const ended = camera;
    camera = null;
    if (ended.recorder && ended.recorder.state !== "inactive") ended.recorder.stop();
    for (const track of ended.stream.getTracks()) track.stop();
    at("preview").srcObject = null;
    at("recorder").hidden = true;
  }

  function record() {
    if (camera.recorder) return stop();
    const mine = camera, pieces = [];
    const kind = ["video/webm;codecs=vp8", "video/webm", "video/mp4"].find((one) => MediaRecorder.isTypeSupported(one));
    mine.recorder = new MediaRecorder(mine.stream, kind ? { mimeType: kind } : {});
    mine.recorder.ondataavailable = (event) => pieces.push(event.data);
    mine.recorder.onstop = () => {
      if (camera !== mine) return; // closed: what was recorded is thrown away
      closeCamera();
      const type = mine.recorder.mimeType.split(";")[0];
      take(new Blob(pieces, { type }), type === "video/mp4" ? "camera.mp4" : "camera.webm");
    };
    mine.recorder.start();
    mine.begun = performance.now();
    at("record").textContent = "Stop";
    mine.timer = setInterval(() => {
      const seconds = (performance.now() - mine.begun) / 1000;
      at("recorded").textContent = `${seconds.toFixed(1)} s of at most ${about.seconds} s`;
      if (seconds > about.seconds - 1) stop();
    }, 100);
  }

  function stop() {
    clearInterval(camera.timer);
    if (camera.recorder.state !== "inactive") camera.recorder.stop();
  }

  // ---------------------------------------------------------------- what a person does

  at("file").addEventListener("change", () => {
    const [file] = at("file").files;
    closeCamera();
    if (file) take(file, file.name);
  });
  at("camera").addEventListener("click", openCamera);
  at("record").addEventListener("click", record);
  at("close-camera").addEventListener("click", () => {
    closeCamera();
    at("camera").focus();
  });
  at("cancel").addEventListener("click", () => {
    forget();
    only("start");
    say("Cancelled.");
    at("file").focus({ preventScroll: true });
  });
  at("delete").addEventListener("click", () => {
    forget();
    only("start");
    say("Deleted.");
    at("file").focus({ preventScroll: true });
  });
  const drop = at("drop");
  for (const kind of ["dragenter", "dragover"])
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    closeCamera();
    if (file) take(file, file.name);
  });
  window.addEventListener("pagehide", () => {
    closeCamera();
    forget(true);
    only("start"); // for a page that comes back as it was
  });

  ask("api/about").then((told) => {
    about = told;
    at("rendered").hidden = !about.rendered;
    at("limits").textContent = `Videos of any kind, or poses (.pose, .safetensors): at most ${about.megabytes} MB and ${about.seconds} s long.`;
    const here = about.local ? "Everything happens on this machine; nothing is sent out." : "The recording goes to this server, and nowhere else.";
    at("where").textContent = `${here} The recording is deleted as soon as it was read; the results after ${about.keep} minutes, or when this page is closed. Skeletor-SLT ${about.version}.`;
  }).catch((error) => say(error.message, true));
})();
