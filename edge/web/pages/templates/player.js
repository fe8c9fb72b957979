(() => {
  const facts = document.currentScript.dataset;
  const known = Number(facts.seconds) || NaN;
  const button = document.querySelector(".play");
  const status = document.querySelector(".status");
  const audio = document.querySelector("audio");
  const cover = document.querySelector(".cover img");
  const say = (text) => { status.textContent = text; };

  cover?.addEventListener("error", () => cover.remove());

  function show(playing) {
    button.classList.toggle("on", playing);
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
  }

  async function reason(response) {
    const body = await response.json().catch(() => null);
    return body?.error?.message ?? body?.message ?? `The server answered ${response.status}.`;
  }

  // A growing playlist has no length of its own, and Video.js looks at it again only after some
  // seconds: the transform's length is known, and who seeks past what is there waits for that.
  function withVideoJs() {
    if (window.videojs === undefined) return null;
    let started = false;
    let growing = false;
    let wanted = null;
    let resume = false;
    const isThere = (seconds) => {
      const there = player.seekable();
      return !growing || (there.length > 0 && seconds <= there.end(0));
    };
    videojs.use("*", () => ({
      setSource: (source, next) => next(null, source),
      duration(seconds) {
        growing = seconds === Infinity;
        return Number.isFinite(seconds) && seconds > 0 ? seconds : known;
      },
      currentTime: (seconds) => wanted ?? seconds,
      setCurrentTime(seconds) {
        if (isThere(seconds)) {
          wanted = null;
          return seconds;
        }
        if (wanted === null) {
          resume = !player.paused();
          setTimeout(goOn, 250);
        }
        wanted = seconds;
        player.pause();
        button.classList.add("busy");
        say("Preparing that part…");
        return player.tech(true).currentTime();
      },
    }));
    function goOn() {
      if (wanted === null) return;
      if (!isThere(wanted)) {
        setTimeout(goOn, 250);
        return;
      }
      player.currentTime(wanted);
      button.classList.remove("busy");
      say("");
      if (resume) player.play()?.catch(() => {});
    }
    const player = videojs(document.querySelector("video-js"), {
      controls: true,
      inactivityTimeout: 0,
      preload: "none",
      bigPlayButton: false,
      errorDisplay: false,
      textTrackSettings: false,
      userActions: { doubleClick: false, hotkeys: false },
      playbackRates: [0.5, 0.75, 1, 1.25, 1.5, 2],
      controlBar: {
        children: [
          "currentTimeDisplay", "progressControl", "durationDisplay", "playbackRateMenuButton", "volumePanel",
        ],
        volumePanel: { inline: true },
      },
    });
    player.duration(known);
    player.on("loadedmetadata", () => {
      if (player.seekable().length) player.currentTime(player.seekable().start(0));
    });
    player.on(["play", "pause", "ended"], () => show(!player.paused() && !player.ended()));
    player.on("waiting", () => button.classList.add("busy"));
    player.on(["playing", "error"], () => button.classList.remove("busy"));
    player.on("playing", () => say(""));
    player.on("error", async () => {
      show(false);
      const response = await fetch(facts.stream).catch(() => null);
      if (response?.ok) say("The stream broke off. Press play to try again.");
      else say(response ? await reason(response) : "The server cannot be reached.");
      started = false;
    });
    return {
      toggle() {
        if (started && !player.paused()) return player.pause();
        if (started && wanted !== null) {
          resume = !resume;
          return show(resume);
        }
        if (!started) {
          const at = player.error() ? player.currentTime() : 0;
          player.error(null);
          started = true;
          say("");
          button.classList.add("busy");
          player.src({ src: facts.stream, type: facts.type });
          if (at) player.one("loadedmetadata", () => player.currentTime(at));
        }
        return player.play()?.catch(() => {});
      },
      get at() { return player.currentTime(); },
      set at(seconds) { player.currentTime(Math.max(0, Math.min(seconds, player.duration() || 0))); },
      get length() { return player.duration(); },
      get loudness() { return player.volume(); },
      set loudness(share) { player.muted(false); player.volume(Math.max(0, Math.min(1, share))); },
      mute() { player.muted(!player.muted()); },
    };
  }

  // The browser's own controls, whatever feeds them.
  function withAudio(toggle) {
    for (const event of ["play", "pause", "ended"]) {
      audio.addEventListener(event, () => show(!audio.paused && !audio.ended));
    }
    return {
      toggle,
      get at() { return audio.currentTime; },
      set at(seconds) { audio.currentTime = seconds; },
      get length() { return audio.duration; },
      get loudness() { return audio.volume; },
      set loudness(share) { audio.muted = false; audio.volume = Math.max(0, Math.min(1, share)); },
      mute() { audio.muted = !audio.muted; },
    };
  }

  function withDash() {
    if (window.dashjs === undefined) return null;
    let stream = null;
    let left = null;
    async function broken() {
      if (stream === null) return;
      left = audio.currentTime;
      stream.destroy();
      stream = null;
      show(false);
      button.classList.remove("busy");
      const response = await fetch(facts.stream).catch(() => null);
      if (response?.ok) say("The stream broke off. Press play to try again.");
      else say(response ? await reason(response) : "The server cannot be reached.");
    }
    audio.addEventListener("waiting", () => button.classList.add("busy"));
    audio.addEventListener("playing", () => {
      button.classList.remove("busy");
      say("");
    });
    return withAudio(() => {
      if (stream !== null) return audio.paused ? audio.play() : audio.pause();
      const at = left ?? audio.currentTime;
      left = null;
      say("");
      button.classList.add("busy");
      audio.hidden = false;
      stream = dashjs.MediaPlayer().create();
      // What goes wrong is told in the page.
      stream.updateSettings({ debug: { logLevel: dashjs.Debug.LOG_LEVEL_NONE } });
      stream.on("error", () => setTimeout(broken));
      stream.initialize(audio, new URL(facts.stream, location).href, true, at);
    });
  }

  // Without Video.js: the same sound as a file, by the browser's own means.
  function withFile() {
    async function made() {
      if (!facts.file) throw new Error("The player could not be loaded.");
      for (;;) {
        const response = await fetch(facts.file, { headers: { Prefer: "wait=20" } });
        if (!response.ok) throw new Error(await reason(response));
        const job = await response.json();
        if (job.status === "Succeeded") return new URL(job.summary.result.artifactUrl).pathname;
        if (job.status !== "Running") throw new Error(job.error?.message ?? job.status);
        say(`Preparing… ${Math.round(job.progress * 100)} %`);
        await new Promise((resume) => setTimeout(resume, 300));
      }
    }
    document.querySelector("video-js")?.remove();
    return withAudio(async () => {
      if (audio.src) return audio.paused ? audio.play() : audio.pause();
      button.disabled = true;
      say("Preparing…");
      try {
        audio.src = await made();
        audio.hidden = false;
        say("");
        await audio.play();
      } catch (problem) {
        audio.removeAttribute("src");
        say(problem.message);
      }
      button.disabled = false;
    });
  }

  const player = withDash() ?? withVideoJs() ?? withFile();
  button.addEventListener("click", () => player.toggle());

  const keys = {
    " ": () => player.toggle(),
    k: () => player.toggle(),
    m: () => player.mute(),
    ArrowLeft: () => { player.at -= 5; },
    ArrowRight: () => { player.at += 5; },
    ArrowUp: () => { player.loudness += 0.05; },
    ArrowDown: () => { player.loudness -= 0.05; },
    Home: () => { player.at = 0; },
    End: () => { player.at = player.length; },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    // Controls that have the focus know what their keys mean.
    const own = event.target.closest("button, audio, [role=slider], .vjs-menu");
    if (own && event.key !== "k" && event.key !== "m") return;
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });

  if ("mediaSession" in navigator) {
    navigator.mediaSession.metadata = new MediaMetadata({
      title: facts.title,
      artist: facts.artist,
      artwork: facts.cover ? [{ src: facts.cover, type: "image/jpeg" }] : [],
    });
    const actions = {
      play: () => player.toggle(),
      pause: () => player.toggle(),
      seekbackward: () => { player.at -= 10; },
      seekforward: () => { player.at += 10; },
      seekto: (details) => { player.at = details.seekTime; },
    };
    for (const [name, action] of Object.entries(actions)) navigator.mediaSession.setActionHandler(name, action);
  }
})();
