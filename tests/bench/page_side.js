// What `bench_page` runs in the page: waits that end on its own clock, so that no driver's way is in a figure.

(() => {
  const PART_BYTES = 512 * 1024;
  /** What the widget before has set going, in the page and in the kernel, comes to rest. */
  const QUIET_MS = 700;
  const output = (index) => window.jupyterapp.shell.currentWidget.content.widgets[index].node;

  /** The promise, or an error that says what did not come: a driver would wait for ever. */
  const within = (promise, what) =>
    Promise.race([
      promise,
      new Promise((_, reject) => setTimeout(() => reject(new Error(`Waited 60 s for ${what}.`)), 60_000)),
    ]);

  /** Resolves with the page's time when `holds()` is true, looked at after each change of the document. */
  const until = (holds, what) => {
    const held = new Promise((resolve) => {
      const look = () => {
        if (!holds()) return;
        observer.disconnect();
        resolve(performance.now());
      };
      const observer = new MutationObserver(look);
      observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      look();
    });
    return within(held, what);
  };

  const heard = (holds, what) => {
    const said = new Promise((resolve) => {
      const hear = (message, buffers) => {
        if (!holds(message, buffers)) return;
        bare.off("msg:custom", hear);
        resolve(performance.now());
      };
      bare.on("msg:custom", hear);
    });
    return within(said, what);
  };

  /** A widget that was not there before and can be used. */
  const usable = {
    bare: (node) => node.querySelector(".bare"),
    studio: (node) => {
      const buttons = [...node.querySelectorAll("button")];
      const generate = buttons.some((button) => button.textContent === "Generate");
      return generate && node.querySelector("input[aria-label='Start frame']");
    },
  };

  /** Milliseconds from running a cell to a usable widget in its output. */
  async function open(index, kind) {
    const old = usable[kind](output(index));
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    const begun = performance.now();
    window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
    window.jupyterapp.commands.execute("notebook:run-cell");
    const ended = await until(() => {
      const now = usable[kind](output(index));
      return now && now !== old;
    }, "a usable widget");
    return ended - begun;
  }

  /** Milliseconds from the next choice of a start frame to its last acknowledged byte, and to its thumbnail. */
  function upload(index) {
    const root = output(index).querySelector("input[aria-label='Start frame']").parentElement;
    const picture = root.querySelector("img");
    const old = picture.src;
    return new Promise((resolve) => {
      const chosen = async ({ timeStamp }) => {
        // By now the widget's own listener has begun, and says "Uploading".
        const there = await until(() => root.textContent.includes("Checking the picture"), "the last byte");
        const seen = await until(() => picture.src !== old && !picture.hidden, "the thumbnail");
        resolve([there - timeStamp, seen - timeStamp]);
      };
      document.addEventListener("change", chosen, { once: true });
    });
  }

  /** Milliseconds for as many bytes in bare messages, unpaced, to one answer. */
  async function bareUpload(size) {
    const bytes = new Uint8Array(PART_BYTES).map(() => Math.random() * 256);
    const taken = heard((message) => message.taken, "the answer to bare messages");
    const begun = performance.now();
    bare.send({ take: size });
    for (let offset = 0; offset < size; offset += PART_BYTES) {
      bare.send({}, undefined, [bytes.slice(0, Math.min(PART_BYTES, size - offset)).buffer]);
    }
    return (await taken) - begun;
  }

  /** Milliseconds for one message of this size, near the most that the socket lets through, to its answer. */
  async function bareMessage(size) {
    const bytes = new Uint8Array(size).map((_, index) => index * 31);
    const taken = heard((message) => message.taken, "the answer to one message");
    const begun = performance.now();
    bare.send({ take: size });
    bare.send({}, undefined, [bytes.buffer]);
    return (await taken) - begun;
  }

  /** Resolves when a file that is no picture has arrived and is refused. */
  function refused(index) {
    const root = output(index).querySelector("input[aria-label='Start frame']").parentElement;
    return until(() => root.textContent.includes("is not a picture"), "the refusal");
  }

  /** Milliseconds from `play()` to the first frame of the take in an output, its bytes still in the kernel. */
  async function deliver(index) {
    const video = output(index).querySelector("video");
    const loaded = new Promise((resolve) => {
      video.addEventListener("loadeddata", () => resolve(performance.now()), { once: true });
    });
    const begun = performance.now();
    video.play().catch(() => {});
    return (await within(loaded, "the first frame")) - begun;
  }

  async function bareDelivery(size) {
    let left = size;
    const all = heard((_, buffers) => (left -= buffers[0].byteLength) === 0, "bare messages");
    const begun = performance.now();
    bare.send({ give: size });
    return (await all) - begun;
  }

  /** Milliseconds for a clip of the kernel's folder in one trait, to its first frame; then the trait is emptied. */
  async function bareTrait(film) {
    const arrived = new Promise((resolve) => {
      const take = () => {
        if (bare.get("film").byteLength === 0) return;
        bare.off("change:film", take);
        resolve(bare.get("film"));
      };
      bare.on("change:film", take);
    });
    const begun = performance.now();
    bare.send({ film });
    const video = document.createElement("video");
    const loaded = new Promise((resolve) => {
      video.addEventListener("loadeddata", () => resolve(performance.now()), { once: true });
    });
    video.src = URL.createObjectURL(new Blob([await within(arrived, "the trait")], { type: "video/mp4" }));
    const ended = await within(loaded, "the first frame of the trait");
    URL.revokeObjectURL(video.src);
    bare.send({ film: "" });
    return ended - begun;
  }

  /** Date.now() with fractions: its steps show where a millisecond begins. */
  function clock() {
    let offset = -Infinity;
    for (let step = 0; step < 50; step += 1) {
      const last = Date.now();
      while (Date.now() === last);
      offset = Math.max(offset, Date.now() - performance.now());
    }
    return () => performance.now() + offset;
  }

  /** Collects how many milliseconds old each stage and each bare stamp is when it stands in the document. */
  function watchStamps(index, bareIndex) {
    const now = clock();
    const stages = [];
    const stamps = [];
    const note = (list, text) => {
      if (/^\d{13}\.\d{3}$/.test(text)) list.push(now() - Number(text));
    };
    const bar = output(index).querySelector("[role=progressbar]");
    const line = output(bareIndex).querySelector(".bare");
    new MutationObserver(() => note(stages, bar.getAttribute("aria-valuetext"))).observe(bar, {
      attributeFilter: ["aria-valuetext"],
    });
    new MutationObserver(() => note(stamps, line.textContent)).observe(line, { childList: true });
    return { stages, stamps };
  }

  window.bench = { open, upload, bareUpload, bareMessage, refused, deliver, bareDelivery, bareTrait, watchStamps };
})();
